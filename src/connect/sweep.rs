//! One listing of the whole instance for everybody who is looked for by name.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::call_context::CallContext;
use super::call_error::CallError;
use super::lookup::Listing;
use crate::deadline::lies_within;

/// The last listing, and when it was begun, by our clock. Whoever needs a younger one reads it while
/// the others wait for it.
#[derive(Debug, Default)]
pub(crate) struct Sweep(Mutex<Option<(SystemTime, Arc<Listing>)>>);

impl Sweep {
    /// A listing that was begun no longer than `max_age` ago.
    pub(super) async fn listing(
        &self,
        context: &CallContext<'_>,
        now: SystemTime,
        max_age: Duration,
    ) -> Result<Arc<Listing>, CallError> {
        let mut last = self.0.lock().await;
        if let Some((begun, listing)) = &*last
            && lies_within(max_age, *begun, now)
        {
            return Ok(Arc::clone(listing));
        }
        let listing = Arc::new(context.list_all().await?);
        // Nobody at all is worth another look.
        *last = (!listing.is_empty()).then(|| (now, Arc::clone(&listing)));
        Ok(listing)
    }
}
