//! Whose users were there a moment ago.
//!
//! Okta gives a batch three seconds and one repeat. A repeat that need not ask for the users of the
//! first delivery again gets further.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::UserIds;
use crate::assign::owner::Owner;
use crate::deadline::lies_within;

/// A user that was there is believed to be there for so long.
const MEMORY: Duration = Duration::from_mins(10);

/// The owners whose users were created or found lately, by their hashes.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<String, (UserIds, SystemTime)>>);

impl Recent {
    /// What Connect calls this owner's user, and when it was there, if that was lately.
    pub(crate) fn find(&self, owner: &Owner, now: SystemTime) -> Option<(UserIds, SystemTime)> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(owner.hash()).filter(|(_, seen)| lies_within(MEMORY, *seen, now)).cloned()
    }

    /// Notes that this owner's user is there.
    pub(crate) fn note(&self, owner: &Owner, ids: &UserIds, now: SystemTime) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, (_, seen)| lies_within(MEMORY, *seen, now));
        users.insert(owner.hash().to_owned(), (ids.clone(), now));
    }
}
