//! Users as lists had them lately, written down.
//!
//! To make a user ready to be shown is to judge each attribute by the table and by what Connect takes; a
//! client that reads page after page, again and again, asks for the same each time. What is kept goes by
//! what it was made of, so it is never old; and by its bytes, so it is never much.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::roster::group::Group;
use crate::roster::key::Id;
use crate::roster::record::Record;

/// So many bytes are kept, at most twice: of late, and of before.
const BYTES: usize = 12 << 20;

/// What each costs besides its text.
const BESIDES: usize = 200;

/// What a text was made of.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct WrittenState {
    /// Of the record; moves with whatever becomes of it.
    version: u64,
    /// Id and version of each group.
    groups: Vec<(Id, u64)>,
    /// Where clients find resources.
    base: Arc<str>,
}

impl WrittenState {
    /// What a text of this record, in these groups, is made of.
    pub(super) fn of(record: &Record, groups: &[Group], base: &Arc<str>) -> Self {
        let groups = groups.iter().map(|group| (group.id.clone(), group.version)).collect();
        Self { version: record.version, groups, base: Arc::clone(base) }
    }
}

/// The texts.
#[derive(Default)]
pub(super) struct Written(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    late: HashMap<Id, (WrittenState, Arc<str>)>,
    before: HashMap<Id, (WrittenState, Arc<str>)>,
    bytes: usize,
}

impl Written {
    /// The text of this record, if it was made of the same.
    pub(super) fn find(&self, id: &Id, state: &WrittenState) -> Option<Arc<str>> {
        let mut kept = self.kept();
        if let Some((own, text)) = kept.late.get(id) {
            return (own == state).then(|| Arc::clone(text));
        }
        let (own, text) = kept.before.remove(id)?;
        if own != *state {
            return None;
        }
        kept.keep(id, own, &text);
        Some(text)
    }

    /// Keeps a text for a while.
    pub(super) fn keep(&self, id: &Id, state: WrittenState, text: &Arc<str>) {
        self.kept().keep(id, state, text);
    }

    fn kept(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, id: &Id, state: WrittenState, text: &Arc<str>) {
        self.bytes = self.bytes.saturating_add(text.len()).saturating_add(BESIDES);
        if self.bytes > BYTES {
            self.before = std::mem::take(&mut self.late);
            self.bytes = 0;
        }
        self.late.insert(id.clone(), (state, Arc::clone(text)));
    }
}

/// Says nothing of anybody.
impl fmt::Debug for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Written").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::roster::record::Wanted;
    use crate::scim::Person;

    fn record(version: u64) -> Record {
        let now = SystemTime::UNIX_EPOCH;
        let record = Record::new(Id::of([1; 16]), Person::default(), Wanted::Active, "owner", now);
        Record { version, ..record }
    }

    #[test]
    fn a_text_is_found_as_long_as_nothing_that_it_shows_is_another() {
        let written = Written::default();
        let base: Arc<str> = "https://a.example".into();
        let state =
            |version, groups: &[Group], base| WrittenState::of(&record(version), groups, base);
        let id = record(1).id;
        assert!(written.find(&id, &state(1, &[], &base)).is_none());
        written.keep(&id, state(1, &[], &base), &"text".into());
        assert_eq!(written.find(&id, &state(1, &[], &base)).as_deref(), Some("text"));
        assert!(written.find(&id, &state(2, &[], &base)).is_none(), "it was written since");
        let group = Group::new(Id::of([2; 16]), SystemTime::UNIX_EPOCH);
        assert!(written.find(&id, &state(1, &[group], &base)).is_none(), "it has a group");
        let other: Arc<str> = "https://b.example".into();
        assert!(written.find(&id, &state(1, &[], &other)).is_none(), "it is elsewhere");
    }

    #[test]
    fn however_many_there_are_no_more_than_so_much_is_kept_and_what_is_asked_for_stays() {
        let written = Written::default();
        let base: Arc<str> = "".into();
        let state = || WrittenState::of(&record(1), &[], &base);
        let text: Arc<str> = "x".repeat(200_000).into();
        let first = Id::of([0; 16]);
        written.keep(&first, state(), &text);
        for number in 1..=255_u8 {
            written.keep(&Id::of([number; 16]), state(), &text);
            assert!(written.find(&first, &state()).is_some(), "{number}");
        }
        let kept = written.kept();
        assert!((kept.late.len() + kept.before.len()) * 200_000 <= 2 * BYTES);
        assert!(!format!("{written:?}").contains('x'));
    }
}
