//! A cache of the owners whose users were there a moment ago; direct mode only.
//!
//! Okta gives a batch of events three seconds and repeats it once. The repeat need not ask for the
//! users of the first delivery again, so it gets further.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::UserIds;
use crate::assign::owner::Owner;
use crate::deadline::lies_within;

/// How long a user that was seen is taken to be there.
const TOMBSTONE_TTL: Duration = Duration::from_mins(10);

/// The owners whose users were created or found lately: hash → ids and time. In memory, for each
/// warm environment of its own.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<String, (UserIds, SystemTime)>>);

impl Recent {
    /// The ids of this owner's user and when it was seen, if that was within ten minutes. The
    /// caller compares the time with the event's: an assignment made since then is no repeat.
    pub(crate) fn find(&self, owner: &Owner, now: SystemTime) -> Option<(UserIds, SystemTime)> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(owner.hash()).filter(|(_, seen)| lies_within(TOMBSTONE_TTL, *seen, now)).cloned()
    }

    /// Remembers this owner's user, and forgets those that are too old.
    pub(crate) fn note(&self, owner: &Owner, ids: &UserIds, now: SystemTime) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, (_, seen)| lies_within(TOMBSTONE_TTL, *seen, now));
        users.insert(owner.hash().to_owned(), (ids.clone(), now));
    }
}
