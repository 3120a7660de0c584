//! What is the matter with Connect for a while: it denies an operation, shows another instance's
//! emptiness, or throttles those who join.

use std::time::{Duration, SystemTime};

use hyper::body::Bytes;
use hyper::{Request, Response};

use super::chance::Chance;
use super::wire::error;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// This operation is not permitted.
    Denied(Operation),
    /// Nobody is there.
    Emptiness,
    /// Nobody can be made.
    NoJoins,
}

/// An operation, as far as they are told apart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Describe,
    List,
    Search,
    Power,
    Delete,
    Sessions,
    Tag,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Create,
        Self::Describe,
        Self::List,
        Self::Search,
        Self::Power,
        Self::Delete,
        Self::Sessions,
        Self::Tag,
    ];

    fn of(request: &Request<Bytes>) -> Option<Self> {
        let path = request.uri().path();
        let parts = path.split('/').count();
        Some(match (request.method().as_str(), path) {
            ("PUT", path) if path.starts_with("/users/") => Self::Create,
            ("GET", path) if path.starts_with("/users/") && parts == 4 => Self::Describe,
            ("GET", path) if path.starts_with("/users-summary/") => Self::List,
            ("POST", "/search-users") => Self::Search,
            ("POST", path) if path.ends_with("/security-profiles") => Self::Power,
            ("DELETE", path) if path.starts_with("/users/") => Self::Delete,
            ("POST", path) if path.starts_with("/auth/sessions/") => Self::Sessions,
            (_, path) if path.starts_with("/tags/") => Self::Tag,
            _ => return None,
        })
    }
}

/// A trouble and its time.
#[derive(Clone, Copy, Debug)]
struct Episode {
    from: SystemTime,
    until: SystemTime,
    trouble: Trouble,
}

/// Everything that goes wrong in a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skies {
    episodes: Vec<Episode>,
    bound: Duration,
}

impl Skies {
    /// Nothing but what the wire does, where a farewell takes no longer than that.
    pub(crate) const fn clear(bound: Duration) -> Self {
        Self { episodes: Vec::new(), bound }
    }

    /// By chance, within so long a time.
    pub(crate) fn by(
        chance: &Chance,
        start: SystemTime,
        horizon: Duration,
        bound: Duration,
    ) -> Self {
        let mut skies = Self::clear(bound);
        for _ in 0..*chance.pick(&[0, 0, 1, 2]) {
            let (trouble, minutes) = match chance.below(4) {
                0 | 1 => (Trouble::Denied(*chance.pick(&Operation::ALL)), 60),
                2 => (Trouble::Emptiness, 2 + chance.below(10)),
                _ => (Trouble::NoJoins, 60),
            };
            // Nobody is there to tell another instance by, until somebody was made.
            let from = start + Duration::from_mins(30) + chance.milliseconds(to_millis(horizon));
            let until = from + Duration::from_mins(minutes);
            skies.episodes.push(Episode { from, until, trouble });
        }
        skies
    }

    /// Nobody can be made for an hour, from this time on.
    pub(crate) fn nobody_joins(&mut self, from: SystemTime) {
        let (until, trouble) = (from + Duration::from_mins(60), Trouble::NoJoins);
        self.episodes.push(Episode { from, until, trouble });
    }

    /// How long a farewell may take where nothing hinders it.
    pub(crate) const fn bound(&self) -> Duration {
        self.bound
    }

    /// When it will all be over.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        self.episodes.iter().map(|episode| episode.until).max()
    }

    /// Since when nothing hinders a farewell, if nothing does now. Whoever cannot be removed can be
    /// shut out, and so can they who cannot be tagged or made.
    pub(crate) fn calm_since(&self, now: SystemTime) -> Option<SystemTime> {
        let hinders = |episode: &&Episode| {
            episode.from <= now
                && !matches!(
                    episode.trouble,
                    Trouble::NoJoins
                        | Trouble::Denied(
                            Operation::Create
                                | Operation::Delete
                                | Operation::Sessions
                                | Operation::Tag
                        )
                )
        };
        let end = self.episodes.iter().filter(hinders).map(|episode| episode.until).max();
        match end {
            Some(end) if end > now => None,
            end => Some(end.unwrap_or(SystemTime::UNIX_EPOCH)),
        }
    }

    /// Whether sessions were not to be ended at some time: they are tried again once an hour.
    pub(crate) fn sessions_were_denied(&self) -> bool {
        let denied = Trouble::Denied(Operation::Sessions);
        self.episodes.iter().any(|episode| episode.trouble == denied)
    }

    /// Whether a trouble of this kind is there now.
    pub(crate) fn is(&self, trouble: Trouble, now: SystemTime) -> bool {
        let is_now = |episode: &Episode| episode.from <= now && now < episode.until;
        self.episodes.iter().any(|episode| episode.trouble == trouble && is_now(episode))
    }

    /// What Connect answers instead.
    pub(crate) fn answer(
        &self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Option<Response<Bytes>> {
        let operation = Operation::of(request)?;
        if self.is(Trouble::Denied(operation), now) {
            return Some(error(403, "AccessDeniedException"));
        }
        if operation == Operation::Create && self.is(Trouble::NoJoins, now) {
            return Some(error(429, "ThrottlingException"));
        }
        if !self.is(Trouble::Emptiness, now) {
            return None;
        }
        Some(match operation {
            Operation::Create => return None,
            Operation::List => nobody("{\"UserSummaryList\":[]}"),
            Operation::Search => nobody("{\"Users\":[],\"ApproximateTotalCount\":0}"),
            _ => error(404, "ResourceNotFoundException"),
        })
    }
}

fn to_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

/// An answer with nobody in it.
fn nobody(body: &'static str) -> Response<Bytes> {
    Response::new(Bytes::from_static(body.as_bytes()))
}
