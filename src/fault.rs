//! Why something did not happen, and whose turn it is.
//!
//! A fault knows nothing of HTTP: [`crate::outcome`] is the one table that turns it into a status.
//! It carries two texts. `detail` is for the administrator who reads the answer: what was expected,
//! what was found, where; never a value of the payload, never a word of AWS's own. `cause` is for
//! the operator who reads the log: a code, a request id; never personal data either.

use std::borrow::Cow;

/// Responsibility: who has to act before the same event can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responsibility {
    /// Only time can mend it: the sender should repeat the event unchanged.
    Retry,
    /// Nobody could have avoided it but us: a bug.
    Internal,
    /// The operator of this deployment: settings, permissions, quotas.
    Operator,
    /// The sender of the event.
    Sender,
}

/// The kind of a fault: one row of the answer table, one value of the log's `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The sender did not prove who it is. Every cause looks the same from outside.
    Unauthenticated,
    /// The body is over the cap.
    TooLarge,
    /// Not JSON, too deep, doubled keys, or not a message we know.
    InvalidSyntax,
    /// An attribute holds what Amazon Connect would refuse.
    InvalidValue,
    /// The username belongs to a user that this deployment did not create, or to somebody else
    /// here.
    Uniqueness,
    /// Somebody else changed the same person at the same time.
    Conflict,
    /// A filter that is none (RFC 7644 §3.4.2.2).
    InvalidFilter,
    /// A PATCH operation's path that is none (RFC 7644 §3.5.2).
    InvalidPath,
    /// A PATCH operation that finds nothing to work on.
    NoTarget,
    /// An attribute that nobody but us may write.
    Mutability,
    /// There would be more to look through than is looked through at once.
    TooMany,
    /// The resource changed since the sender last saw it.
    Precondition,
    /// There is no such resource, or no longer.
    NotFound,
    /// Something that RFC 7644 says must be refused.
    Forbidden,
    /// Something that RFC 7644 has and we do not offer.
    NotOffered,
    /// There is nothing at this path.
    UnknownRoute,
    /// There is something at this path, but not for this method.
    WrongMethod {
        /// The methods that there are.
        allow: &'static [&'static str],
    },
    /// The event needs the roster, and none is set up.
    NeedsRoster,
    /// Amazon Connect asked us to slow down, and our own retries ran out.
    Throttled,
    /// The instance holds as many users as its quota permits.
    QuotaFull,
    /// Amazon Connect failed, did not answer in time, or what became of the call is unknown.
    Unavailable,
    /// Something of ours must be done first: another record's, or an earlier step of this one. No call
    /// is under way.
    Waiting,
    /// More users were to be removed within an hour than the operator lets pass unseen.
    RemovalHeld,
    /// The user was removed from Connect by hand.
    Missing,
    /// Connect cannot rename a user, and the operator wants none made anew.
    Renamed,
    /// A user whom somebody else made became a person's by its name alone, and nobody confirmed it yet.
    Unconfirmed,
    /// Connect took a value, twice, and shows another.
    Unequal,
    /// A setting, a permission or a credential of this deployment is wrong.
    Configuration,
    /// A bug of ours.
    Bug,
}

impl Responsibility {
    /// The word for the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "later",
            Self::Internal => "nobody",
            Self::Operator => "operator",
            Self::Sender => "sender",
        }
    }
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 29] = [
        Self::Unauthenticated,
        Self::TooLarge,
        Self::InvalidSyntax,
        Self::InvalidValue,
        Self::Uniqueness,
        Self::Conflict,
        Self::InvalidFilter,
        Self::InvalidPath,
        Self::NoTarget,
        Self::Mutability,
        Self::TooMany,
        Self::Precondition,
        Self::NotFound,
        Self::Forbidden,
        Self::NotOffered,
        Self::UnknownRoute,
        Self::WrongMethod { allow: &["POST"] },
        Self::NeedsRoster,
        Self::Throttled,
        Self::QuotaFull,
        Self::Unavailable,
        Self::Waiting,
        Self::RemovalHeld,
        Self::Missing,
        Self::Renamed,
        Self::Unconfirmed,
        Self::Unequal,
        Self::Configuration,
        Self::Bug,
    ];

    /// The word for the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::TooLarge => "tooLarge",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::Uniqueness => "uniqueness",
            Self::Conflict => "conflict",
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::Mutability => "mutability",
            Self::TooMany => "tooMany",
            Self::Precondition => "precondition",
            Self::NotFound => "notFound",
            Self::Forbidden => "forbidden",
            Self::NotOffered => "notOffered",
            Self::UnknownRoute => "unknownRoute",
            Self::WrongMethod { .. } => "wrongMethod",
            Self::NeedsRoster => "needsRoster",
            Self::Throttled => "throttled",
            Self::QuotaFull => "quotaFull",
            Self::Unavailable => "unavailable",
            Self::Waiting => "waiting",
            Self::RemovalHeld => "removalHeld",
            Self::Missing => "missing",
            Self::Renamed => "renamed",
            Self::Unconfirmed => "unconfirmed",
            Self::Unequal => "unequal",
            Self::Configuration => "configuration",
            Self::Bug => "bug",
        }
    }

    /// Whether what waits for the operator is tried again all the same, since nothing tells us when
    /// it was mended. What the operator must decide waits for the decision.
    #[must_use]
    pub const fn is_tried_again(self) -> bool {
        matches!(self, Self::Configuration | Self::QuotaFull)
    }

    /// Who has to act.
    #[must_use]
    pub const fn responsibility(self) -> Responsibility {
        match self {
            Self::Unauthenticated
            | Self::TooLarge
            | Self::InvalidSyntax
            | Self::InvalidValue
            | Self::Uniqueness
            | Self::Conflict
            | Self::InvalidFilter
            | Self::InvalidPath
            | Self::NoTarget
            | Self::Mutability
            | Self::TooMany
            | Self::Precondition
            | Self::NotFound
            | Self::Forbidden
            | Self::NotOffered
            | Self::UnknownRoute
            | Self::WrongMethod { .. } => Responsibility::Sender,
            Self::NeedsRoster
            | Self::QuotaFull
            | Self::RemovalHeld
            | Self::Missing
            | Self::Renamed
            | Self::Unconfirmed
            | Self::Unequal
            | Self::Configuration => Responsibility::Operator,
            Self::Throttled | Self::Unavailable | Self::Waiting => Responsibility::Retry,
            Self::Bug => Responsibility::Internal,
        }
    }
}

/// Why something did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The row of the answer table.
    pub kind: Kind,
    /// One sentence for whoever reads the answer: lower case, no full stop, no personal data.
    pub detail: Cow<'static, str>,
    /// One phrase for the log alone: which check failed, which AWS error code. No personal data.
    pub cause: Option<Cow<'static, str>>,
}

impl Fault {
    /// A fault whose detail is all there is to say.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), cause: None }
    }

    /// The same fault with what only the log may know.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// A value that Amazon Connect would refuse: names the SCIM attribute, says what was expected
    /// and what was found.
    #[must_use]
    pub fn value(attribute: &str, expected: &str, found: &str) -> Self {
        Self::new(Kind::InvalidValue, format!("{attribute}: expected {expected}, found {found}"))
    }
}
