//! A roster in a table of DynamoDB: for any number of processes, each of which may be ended at any time.
//!
//! What has to be so at once is one transaction; all else is one item on a condition. A write whose
//! answer was lost is known again by a random text in its item, so that nobody is told that somebody
//! else wrote what they wrote. The indexes are hints: whoever is due, and how many there are of each
//! state. Everything else is read consistently, and nothing ever scans the table.

mod call;
mod claim;
mod client;
mod condition;
mod contract;
mod fan_out;
mod find;
mod group_write;
mod groups;
mod item;
mod notes;
mod place;
mod plan;
mod read;
mod records;
mod table;
mod transact;

use std::fmt;
use std::sync::Mutex;

use aws_sdk_dynamodb::Client;
use tokio::sync::Semaphore;

use super::RosterError;

pub use client::client;
pub use table::create_table;

/// So many calls are under way at once; further ones wait, rather than for the answer of a table that
/// has too much to do.
const AT_ONCE: usize = 32;

/// Random bytes from the operating system, or in their place.
pub type Entropy = Box<dyn Fn() -> [u8; 16] + Send + Sync>;

/// The roster of any number of processes.
pub struct DynamoRoster {
    client: Client,
    table: String,
    entropy: Entropy,
    permits: Semaphore,
    /// What was wrong when something was last to be written.
    trouble: Mutex<Option<RosterError>>,
    /// So many rows or marks of a group are written at once, if not as many as fit.
    part: Option<usize>,
}

impl DynamoRoster {
    /// The roster in a table that [`create_table`] made, or a template as it does. Nothing is called yet.
    #[must_use]
    pub fn new(client: Client, table: &str, entropy: Entropy) -> Self {
        Self {
            client,
            table: table.to_owned(),
            entropy,
            permits: Semaphore::new(AT_ONCE),
            trouble: Mutex::default(),
            part: None,
        }
    }

    /// The same, writing changes of groups in parts of so many rows: what a larger one does with larger
    /// groups.
    #[must_use]
    pub fn fanning_out_by(self, count: usize) -> Self {
        Self { part: Some(count), ..self }
    }
}

/// Says nothing of what it holds.
impl fmt::Debug for DynamoRoster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DynamoRoster").field("table", &self.table).finish_non_exhaustive()
    }
}
