//! Long work on a thread of its own, so that no other request waits for it: the runtime has one or
//! two threads for all of them.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

use crate::fault::Fault;
use crate::roster::RosterError;

/// A body of more bytes, or a group of more members, takes some milliseconds. Anything less is done
/// sooner than handed over.
const LONG_BODY: usize = 64 << 10;
const LONG_GROUP: usize = 2000;

/// True if a request with a body of so many bytes, about a group of so many members, is long work.
pub(super) const fn is_long(body: usize, members: usize) -> bool {
    body > LONG_BODY || members > LONG_GROUP
}

/// Does some work, at once or on a thread of its own. A panic goes on in the caller, as if it had
/// happened here.
///
/// # Errors
/// Its own, and [`RosterError`] if the runtime is shutting down.
pub(super) async fn run_blocking<T: Send + 'static>(
    is_long: bool,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    if !is_long {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(RosterError::NotDone("the process ends".to_owned()).into()),
        },
    }
}
