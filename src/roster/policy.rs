//! What the operator decided for those who leave, are renamed, or are not as they should be.

use crate::assign::instance::ResourceRef;

/// What becomes of users whom nobody's own payload may decide about.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What becomes of who is deactivated.
    pub deactivate: Deactivate,
    /// The profile for users who are to be removed, until they are, and for whom an operator shuts out,
    /// where [`Deactivate`] names none.
    pub suspended: Option<ResourceRef>,
    /// Whether the sessions of those who leave are ended.
    pub ends_sessions: bool,
    /// What becomes of a user whose `userName` changes: Connect renames nobody.
    pub rename: Rename,
    /// What becomes of a user who was removed from Connect by hand.
    pub missing: Missing,
    /// What becomes of a user whom somebody else made under the same name.
    pub foreign: Foreign,
    /// Removals that may happen within an hour, and losses of what a group gives; more are held.
    pub removals_per_hour: usize,
    /// What becomes of suspensions that are held.
    pub held: Held,
    /// Calls a second of each operation that the drain may make.
    pub rate: f64,
}

impl Policy {
    /// The profile that whoever left has alone, if there is one.
    #[must_use]
    pub const fn suspended_profile(&self) -> Option<&ResourceRef> {
        match &self.deactivate {
            Deactivate::Suspend(profile) => Some(profile),
            Deactivate::Delete | Deactivate::Keep => self.suspended.as_ref(),
        }
    }
}

/// What becomes of who is deactivated. There is no default: whoever says nothing would keep the
/// access of those who left, or lose what cannot be had again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deactivate {
    /// The user is removed, and made anew when the person returns.
    Delete,
    /// The user stays as it is.
    Keep,
    /// The user stays, with this security profile alone, until the person returns.
    Suspend(ResourceRef),
}

/// What becomes of suspensions over the limit. Removals and losses always wait for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// They wait for the operator.
    Wait,
    /// They are tried again when an hour has passed, within the limit.
    Resume,
}

/// What becomes of a user whose `userName` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// It waits for the operator.
    Park,
    /// A user of the new name is made, then the old one removed.
    Recreate,
}

/// What becomes of a user who was removed from Connect by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It waits for the operator.
    Park,
    /// It is made anew.
    Recreate,
}

/// What becomes of a user whom somebody else made under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It becomes ours, if it can do no more than ours can.
    Adopt,
    /// It stays somebody else's.
    Refuse,
}
