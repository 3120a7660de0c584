//! AWS error code → what it means for us, as rows.
//!
//! The codes are those of CreateUser ("Amazon Connect API Reference", CreateUser, Errors), of the
//! look-ups, and of the errors common to all services ("Common Errors" in the same book). The
//! common ones are not modelled by the SDK, so codes are compared as texts and not the SDK's enums.

use crate::fault::{Fault, Kind};

/// What an error of Connect's means: whether the call had an effect, and who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// We sent what the API does not know: no effect, and ours to mend.
    Bug,
    /// Settings, permissions or credentials are wrong: no effect, the operator's to mend.
    Configuration,
    /// The username is taken, perhaps by an earlier attempt of ours; only a look-up can tell.
    Duplicate,
    /// Connect lists the user and does not describe it yet (eventual consistency): transient.
    NotYet,
    /// The instance has as many users as its quota allows: no effect, the operator's to mend.
    Quota,
    /// A value was refused: no effect, the sender's to mend.
    Refused,
    /// The rate limit was hit. Certain to have had no effect, so it is safe to repeat.
    Throttled,
    /// A 5xx, a time-out or a lost connection: the call may have had its effect, or may have it
    /// yet.
    UnknownFate,
}

/// The known error codes, each in one row. A new one is added here and nowhere else.
pub static CODES: &[(&str, Class)] = &[
    ("DuplicateResourceException", Class::Duplicate),
    ("InternalServiceException", Class::UnknownFate),
    ("InvalidParameterException", Class::Refused),
    ("InvalidRequestException", Class::Refused),
    ("LimitExceededException", Class::Quota),
    ("ResourceNotFoundException", Class::Configuration),
    ("ThrottlingException", Class::Throttled),
    // Common to all of AWS, unmodelled.
    ("AccessDeniedException", Class::Configuration),
    ("ExpiredTokenException", Class::Configuration),
    ("IncompleteSignature", Class::Configuration),
    ("IncompleteSignatureException", Class::Configuration),
    ("InternalFailure", Class::UnknownFate),
    ("InvalidClientTokenId", Class::Configuration),
    ("InvalidSignatureException", Class::Configuration),
    ("MissingAuthenticationToken", Class::Configuration),
    ("MissingAuthenticationTokenException", Class::Configuration),
    ("NotAuthorized", Class::Configuration),
    ("OptInRequired", Class::Configuration),
    ("RequestExpired", Class::Configuration),
    ("RequestTimeoutException", Class::UnknownFate),
    ("ServiceQuotaExceededException", Class::Quota),
    ("ServiceUnavailable", Class::UnknownFate),
    ("Throttling", Class::Throttled),
    ("TooManyRequestsException", Class::Throttled),
    ("UnrecognizedClientException", Class::Configuration),
    ("ValidationError", Class::Refused),
];

impl Class {
    /// The class of an error code. Where the code is new to us or missing, the HTTP status decides;
    /// what is no 4xx at all counts as an unknown fate, the only safe guess.
    #[must_use]
    pub fn of(code: Option<&str>, status: u16) -> Self {
        let known = CODES.iter().find(|(known, _)| Some(*known) == code);
        match (known, status) {
            (Some((_, class)), _) => *class,
            (None, 401..=403) => Self::Configuration,
            (None, 408) => Self::UnknownFate,
            (None, 429) => Self::Throttled,
            (None, 400..500) => Self::Bug,
            (None, _) => Self::UnknownFate,
        }
    }

    /// The fault for the sender when nothing more can be done about the error. Its detail is our
    /// own text: Connect's messages quote usernames and are never passed on.
    #[must_use]
    pub fn fault(self) -> Fault {
        let (kind, detail) = match self {
            Self::Bug => (Kind::Bug, "something went wrong here; this function's log says where"),
            Self::Configuration => (
                Kind::Configuration,
                "configuration: Amazon Connect did not accept this deployment's settings, \
                 permissions or credentials; this function's log has the error code",
            ),
            Self::Duplicate => (
                Kind::Unavailable,
                "Amazon Connect says that the username is taken and does not show by whom yet; \
                 repeat the event",
            ),
            Self::NotYet => (
                Kind::Unavailable,
                "Amazon Connect lists the user and does not show it yet; repeat the event",
            ),
            Self::Quota => (
                Kind::QuotaFull,
                "the Amazon Connect instance has no room for another user; raise its quota \
                 \"Users per instance\" or remove users, then repeat the event",
            ),
            Self::Refused => (
                Kind::InvalidValue,
                "Amazon Connect refused a value of this user without saying which; compare the \
                 event with the rules of the CreateUser API",
            ),
            Self::Throttled => {
                (Kind::Throttled, "Amazon Connect asks for fewer calls; repeat the event later")
            }
            Self::UnknownFate => (
                Kind::Unavailable,
                "Amazon Connect did not confirm the user in time; repeat the event, which will \
                 not make a second user",
            ),
        };
        Fault::new(kind, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_code_is_judged_by_its_status() {
        for (status, class) in [
            (400, Class::Bug),
            (401, Class::Configuration),
            (403, Class::Configuration),
            (404, Class::Bug),
            (408, Class::UnknownFate),
            (429, Class::Throttled),
            (500, Class::UnknownFate),
            (503, Class::UnknownFate),
        ] {
            assert_eq!(Class::of(Some("NewException"), status), class);
            assert_eq!(Class::of(None, status), class);
        }
    }

    #[test]
    fn a_known_code_is_judged_by_its_row_whatever_the_status() {
        assert_eq!(Class::of(Some("LimitExceededException"), 429), Class::Quota);
        assert_eq!(Class::of(Some("ThrottlingException"), 400), Class::Throttled);
        assert_eq!(Class::of(Some("RequestExpired"), 400), Class::Configuration);
    }
}
