//! Identity management types and their constraints on users, as a table.
//!
//! The type of an instance never changes ("Plan your identity management in Amazon Connect").
//! `CreateUser` documents which members each type requires or refuses. AWS's documents contradict
//! each other on `Email` under SAML, so that is a setting; the table has its default.

use std::ops::RangeInclusive;

/// The constraints of one identity management type.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The value of `IDENTITY_MANAGEMENT`, and of `DescribeInstance`.
    pub name: &'static str,
    /// The permitted length of a username, in characters. Under SAML it must equal the
    /// `RoleSessionName`, which has 2 to 64.
    pub username: RangeInclusive<usize>,
    /// The maximum lengths of `FirstName` and `LastName`, in characters; `None` if the names come
    /// from the directory.
    pub names: Option<[usize; 2]>,
    /// The default for [`EmailAs`].
    pub email_as: EmailAs,
    /// True if users have a password; otherwise Connect refuses one.
    pub password: bool,
    /// True if `DirectoryUserId` is accepted.
    pub directory_user_id: bool,
}

/// The member of UserIdentityInfo that gets the e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailAs {
    /// `Email`.
    Email,
    /// Neither: the address is not sent.
    Omit,
    /// `SecondaryEmail`, which gets all mail but password resets.
    Secondary,
}

/// All types; the first is the default.
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
