//! By what a record is found where it is stored, for whoever writes it again.

use std::sync::Arc;

use super::UserRecord;
use crate::pack::{pack, unpack};
use crate::roster::RosterError;
use crate::roster::key::Key;

/// A record as it is stored under its `row_version`.
///
/// It goes with the record from where it was read to where it is written. So a write knows which keys are not the record's any more, and a roster that is
/// elsewhere is not asked for that. It is no part of what a record says: two records that say the same
/// are equal.
#[derive(Clone, Default)]
pub struct StoredKeys(Option<Arc<[u8]>>);

impl StoredKeys {
    /// What is stored now.
    ///
    /// # Errors
    /// If it is no record that could be stored.
    pub fn new(record: &UserRecord) -> Result<Self, RosterError> {
        Ok(Self(Some(pack(record)?.into())))
    }

    pub(in crate::roster) const fn of_packed(packed: Arc<[u8]>) -> Self {
        Self(Some(packed))
    }

    /// The stored record; none of one that was never stored.
    ///
    /// # Errors
    /// If it is none that [`StoredKeys::new`] made.
    #[cfg(feature = "aws")]
    pub(in crate::roster) fn record(&self) -> Result<Option<UserRecord>, RosterError> {
        Ok(self.0.as_ref().map(|packed| unpack(packed)).transpose()?)
    }

    /// All keys by which the stored record is found; none of one that was never stored.
    ///
    /// # Errors
    /// If it is none that [`StoredKeys::new`] made.
    pub fn keys(&self) -> Result<Vec<Key>, RosterError> {
        let Some(packed) = &self.0 else { return Ok(Vec::new()) };
        let stored: UserRecord = unpack(packed)?;
        let mut keys = stored.keys();
        keys.extend(stored.shared_keys());
        keys.extend(stored.spec.tombstone_keys);
        Ok(keys)
    }
}

impl PartialEq for StoredKeys {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Says nothing of the person.
impl std::fmt::Debug for StoredKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StoredKeys").finish_non_exhaustive()
    }
}
