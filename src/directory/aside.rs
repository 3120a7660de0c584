//! Long work, done on a thread of its own: nobody else waits for it.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

use crate::fault::Fault;
use crate::roster::Trouble;

/// A body of so many bytes, or a group of so many members, is some milliseconds' work; what is less is
/// done sooner than handed over.
const LONG_BODY: usize = 64 << 10;
const LONG_GROUP: usize = 2000;

/// Whether a request with so long a body, about a group of so many, is long work.
pub(super) const fn is_long(body: usize, members: usize) -> bool {
    body > LONG_BODY || members > LONG_GROUP
}

/// Does some work: at once, or if it is long on a thread of its own.
///
/// # Errors
/// Its own, and [`Trouble`] if the process ends meanwhile.
pub(super) async fn aside<T: Send + 'static>(
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
            Err(_) => Err(Trouble::NotDone("the process ends".to_owned()).into()),
        },
    }
}
