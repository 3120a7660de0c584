//! Identity management types: what each asks of a user, as rows.
//!
//! An instance has one type for its whole life ("Plan your identity management in Amazon Connect");
//! `CreateUser` says which members each needs and refuses. The documents contradict each other on
//! `Email` under SAML, so where it goes is a setting, and the row has its default.

use std::ops::RangeInclusive;

/// The constraints that one identity management type puts on a user.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that `IDENTITY_MANAGEMENT` takes and `DescribeInstance` gives.
    pub name: &'static str,
    /// How many characters a username has. Under SAML it must equal the `RoleSessionName`, which
    /// has 2 to 64.
    pub username: RangeInclusive<usize>,
    /// How many characters `FirstName` and `LastName` have at most; none where the directory has
    /// them.
    pub names: Option<[usize; 2]>,
    /// Where the e-mail address goes unless the operator says otherwise.
    pub email_as: EmailAs,
    /// True if users have a password; otherwise Connect refuses one.
    pub password: bool,
    /// True if a user may name its entry in the directory.
    pub directory_user_id: bool,
}

/// Where in UserIdentityInfo the e-mail address goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailAs {
    /// `Email`.
    Email,
    /// Nowhere.
    Omit,
    /// `SecondaryEmail`, which gets all mail but password resets.
    Secondary,
}

/// Every type there is; the first is the default.
pub static IDENTITIES: [Identity; 3] = [
    Identity {
        name: "SAML",
        username: 2..=64,
        names: Some([255, 300]),
        email_as: EmailAs::Omit,
        password: false,
        directory_user_id: false,
    },
    Identity {
        name: "CONNECT_MANAGED",
        username: 1..=100,
        names: Some([255, 256]),
        email_as: EmailAs::Email,
        password: true,
        directory_user_id: false,
    },
    Identity {
        name: "EXISTING_DIRECTORY",
        username: 1..=100,
        names: None,
        email_as: EmailAs::Omit,
        password: false,
        directory_user_id: true,
    },
];

impl Identity {
    /// Identity management by SAML.
    pub const SAML: &'static Self = &IDENTITIES[0];
}
