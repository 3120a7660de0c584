//! A cache of users as JSON, as clients were shown them lately.
//!
//! To show a user is to judge each attribute by the table and by what Connect takes; clients that
//! synchronise read the same pages again and again. An entry is found by everything that it was
//! made of, so it is never stale and never invalidated; and the cache is bounded by bytes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::roster::group::Group;
use crate::roster::key::Id;

/// The bytes of one generation. There are two, so twice that is kept at most.
const BYTES: usize = 12 << 20;

/// What an entry costs besides its text, about.
const BESIDES: usize = 300;

/// Everything that a text was made of besides the settings, which do not change in a process.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct CacheKey {
    /// The record's `row_version`; it moves with every write, those of the reconciler included.
    version: u64,
    /// Id and version of each group, and whether a change of it is still being written.
    groups: Vec<(Id, u64, bool)>,
    /// The base URL of the locations.
    base: Arc<str>,
}

impl CacheKey {
    /// The state of a record of this version, in these groups, below this URL.
    pub(super) fn of(version: u64, groups: &[Group], base: &Arc<str>) -> Self {
        let state = |group: &Group| (group.id.clone(), group.version, group.fan_out_pending);
        let groups = groups.iter().map(state).collect();
        Self { version, groups, base: Arc::clone(base) }
    }
}

/// A user as JSON.
pub(super) struct CachedUser {
    /// The whole resource, as JSON.
    pub(super) text: String,
    /// The text's bytes as Lambda carries them: JSON in JSON, with its escapes.
    pub(super) carried: usize,
    /// The version for the entity tag.
    pub(super) etag: u64,
    /// The owner's hash, for the log.
    pub(super) owner: String,
}

/// The cache, shared by all requests. At most some 24 MiB of text.
#[derive(Default)]
pub(super) struct ResourceCache(Mutex<Generations>);

/// A text with what it was made of.
type CacheEntry = (CacheKey, Arc<CachedUser>);

/// Two generations: entries are added to `late`; when that is full it becomes `before`, and what
/// was there is dropped. An entry that is found in `before` moves back, so this comes near to least
/// recently used without a list.
#[derive(Default)]
struct Generations {
    late: HashMap<Id, CacheEntry>,
    before: HashMap<Id, CacheEntry>,
    bytes: usize,
}

impl ResourceCache {
    /// The user's text, if it was made of just this state.
    pub(super) fn find(&self, id: &Id, state: &CacheKey) -> Option<Arc<CachedUser>> {
        let mut kept = self.kept();
        if let Some((own, user)) = kept.late.get(id) {
            return (own == state).then(|| Arc::clone(user));
        }
        let (own, user) = kept.before.remove(id)?;
        if own != *state {
            return None;
        }
        kept.keep(id, own, &user);
        Some(user)
    }

    /// Adds a user's text.
    pub(super) fn keep(&self, id: &Id, state: CacheKey, user: &Arc<CachedUser>) {
        self.kept().keep(id, state, user);
    }

    /// The generations. The lock is held for a look-up only.
    fn kept(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, id: &Id, state: CacheKey, user: &Arc<CachedUser>) {
        self.bytes = self.bytes.saturating_add(user.text.len()).saturating_add(BESIDES);
        if self.bytes > BYTES {
            self.before = std::mem::take(&mut self.late);
            self.bytes = 0;
        }
        self.late.insert(id.clone(), (state, Arc::clone(user)));
    }
}

/// Shows nothing of anybody.
impl fmt::Debug for ResourceCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ResourceCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn user(text: &str) -> Arc<CachedUser> {
        Arc::new(CachedUser { text: text.to_owned(), carried: 0, etag: 1, owner: String::new() })
    }

    #[test]
    fn a_text_is_found_as_long_as_nothing_that_it_shows_is_another() {
        let written = ResourceCache::default();
        let base: Arc<str> = "https://a.example".into();
        let state = CacheKey::of;
        let id = Id::of([1; 16]);
        assert!(written.find(&id, &state(1, &[], &base)).is_none());
        written.keep(&id, state(1, &[], &base), &user("text"));
        let found = written.find(&id, &state(1, &[], &base));
        assert_eq!(found.map(|user| user.text.clone()).as_deref(), Some("text"));
        assert!(written.find(&id, &state(2, &[], &base)).is_none(), "it was written since");
        let group = Group::new(Id::of([2; 16]), SystemTime::UNIX_EPOCH);
        assert!(written.find(&id, &state(1, &[group], &base)).is_none(), "it has a group");
        let other: Arc<str> = "https://b.example".into();
        assert!(written.find(&id, &state(1, &[], &other)).is_none(), "it is elsewhere");
    }

    #[test]
    fn however_many_there_are_no_more_than_so_much_is_kept_and_what_is_asked_for_stays() {
        let written = ResourceCache::default();
        let base: Arc<str> = "".into();
        let state = || CacheKey::of(1, &[], &base);
        let text = user(&"x".repeat(200_000));
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
