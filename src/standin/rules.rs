//! `CreateUser`, or what an update makes of it → may Connect have it? The service model's
//! constraints, then the rules between members.
//!
//! A breach of the model (length, pattern, enum, size) is `InvalidParameterException`; a rule
//! between members, or a phone number, is `InvalidRequestException`. Which of the two Connect
//! chooses is not documented; clients should treat them alike. No message repeats a value.

use std::collections::BTreeMap;

use super::api_error::{ApiError, ErrorCode};
use super::create_user::CreateUser;
use super::pattern;
use super::phone;
use super::settings::IdentityManagement;

/// Refuses a new user that Connect would refuse in an instance of this `identity` type, whatever
/// else the instance holds.
///
/// # Errors
/// `InvalidParameterException` and `InvalidRequestException`, as above.
pub(super) fn check_new(user: &CreateUser, identity: IdentityManagement) -> Result<(), ApiError> {
    if let Some(tags) = &user.tags {
        check_tags(tags)?;
    }
    check(user, identity)
}

/// Refuses a user, new or updated, as [`check_new`] does but for the tags, which no update touches.
///
/// # Errors
/// `InvalidParameterException` and `InvalidRequestException`, as above.
pub(super) fn check(user: &CreateUser, identity: IdentityManagement) -> Result<(), ApiError> {
    for text in &TEXTS {
        text.check(user, identity)?;
    }
    ErrorCode::InvalidParameter.unless(
        (1..=10).contains(&user.security_profile_ids.len()),
        "SecurityProfileIds must hold 1 to 10 ids",
    )?;
    phone::check_model(user)?;

    for member in &BY_IDENTITY {
        member.check(user, identity)?;
    }
    phone::check_rules(user)
}

/// Refuses tags that no resource may bear: 1 to 50 at once, keys by their pattern, values of up
/// to 256 characters (an empty one is fine).
///
/// # Errors
/// `InvalidParameterException`.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    ErrorCode::InvalidParameter.unless((1..=50).contains(&tags.len()), "give 1 to 50 tags")?;
    ErrorCode::InvalidParameter.unless(
        tags.keys().all(|key| pattern::is_tag_key(key)),
        "a tag key has 1 to 128 letters, digits, spaces and _.:/=+-@ and does not begin with aws:",
    )?;
    ErrorCode::InvalidParameter.unless(
        tags.values().all(|value| pattern::has_length(value, 0, 256)),
        "a tag value has up to 256 characters",
    )
}

/// A member whose text has a form.
struct Text {
    member: &'static str,
    text: fn(&CreateUser) -> Option<&str>,
    fits: fn(&str, IdentityManagement) -> bool,
    expected: &'static str,
}

impl Text {
    fn check(&self, user: &CreateUser, identity: IdentityManagement) -> Result<(), ApiError> {
        let fits = (self.text)(user).is_none_or(|text| (self.fits)(text, identity));
        ErrorCode::InvalidParameter
            .unless(fits, format!("{} must be {}", self.member, self.expected))
    }
}

const TEXTS: [Text; 6] = [
    Text {
        member: "Username",
        text: |user| Some(&user.username),
        fits: |text, identity| pattern::is_username(text, longest_username(identity)),
        expected: "up to 64 (SAML) or 100 characters of a-z A-Z 0-9 _ - . @, with @ only in a full \
                   e-mail address",
    },
    Text {
        member: "RoutingProfileId",
        text: |user| Some(&user.routing_profile_id),
        fits: |text, _| !text.is_empty(),
        expected: "given",
    },
    Text {
        member: "Password",
        text: |user| user.password.as_deref(),
        fits: |text, _| pattern::is_password(text),
        expected: "8 to 64 characters, not white space, with a small letter, a capital and a digit",
    },
    Text {
        member: "FirstName",
        text: CreateUser::first_name,
        fits: |text, _| pattern::has_length(text, 0, 255) && pattern::is_nfc(text),
        expected: "up to 255 characters in Unicode Normalization Form C",
    },
    Text {
        member: "LastName",
        text: CreateUser::last_name,
        fits: |text, identity| {
            pattern::has_length(text, 0, longest_last_name(identity)) && pattern::is_nfc(text)
        },
        expected: "up to 300 (CONNECT_MANAGED: 256) characters in Unicode Normalization Form C",
    },
    Text {
        member: "SecondaryEmail",
        text: |user| user.identity_info.secondary_email.as_deref(),
        fits: |text, _| pattern::is_email(text),
        expected: "an e-mail address in ASCII",
    },
];

fn longest_username(identity: IdentityManagement) -> usize {
    // 64 is the length of a RoleSessionName. The API Reference says 20 for the other two types,
    // but longer names are created there every day (Terraform's acceptance tests), so the model's
    // limit stands.
    if identity == IdentityManagement::Saml { 64 } else { 100 }
}

fn longest_last_name(identity: IdentityManagement) -> usize {
    if identity == IdentityManagement::ConnectManaged { 256 } else { 300 }
}

/// What an identity type makes of a member.
#[derive(Clone, Copy)]
enum Need {
    Optional,
    Refused,
    Required,
}

/// A member whose need depends on the identity type.
struct ByIdentity {
    member: &'static str,
    text: fn(&CreateUser) -> Option<&str>,
    saml: Need,
    connect_managed: Need,
    existing_directory: Need,
}

impl ByIdentity {
    fn check(&self, user: &CreateUser, identity: IdentityManagement) -> Result<(), ApiError> {
        let text = (self.text)(user);
        let (met, verb) = match self.need(identity) {
            Need::Optional => return Ok(()),
            Need::Refused => (text.is_none(), "must not"),
            Need::Required => (text.is_some_and(|text| !text.is_empty()), "must"),
        };
        ErrorCode::InvalidRequest.unless(
            met,
            format!("{} {verb} be given when identity management is {identity}", self.member),
        )
    }

    fn need(&self, identity: IdentityManagement) -> Need {
        match identity {
            IdentityManagement::ConnectManaged => self.connect_managed,
            IdentityManagement::ExistingDirectory => self.existing_directory,
            IdentityManagement::Saml => self.saml,
        }
    }
}

const BY_IDENTITY: [ByIdentity; 5] = [
    ByIdentity {
        member: "Password",
        text: |user| user.password.as_deref(),
        saml: Need::Refused,
        connect_managed: Need::Required,
        existing_directory: Need::Refused,
    },
    ByIdentity {
        member: "FirstName",
        text: CreateUser::first_name,
        saml: Need::Required,
        connect_managed: Need::Required,
        existing_directory: Need::Optional,
    },
    ByIdentity {
        member: "LastName",
        text: CreateUser::last_name,
        saml: Need::Required,
        connect_managed: Need::Required,
        existing_directory: Need::Optional,
    },
    // The API Reference says both that SAML requires Email and that it is an error there; AWS's own
    // samples create SAML users without it, and Terraform CONNECT_MANAGED ones.
    ByIdentity {
        member: "Email",
        text: |user| user.identity_info.email.as_deref(),
        saml: Need::Refused,
        connect_managed: Need::Optional,
        existing_directory: Need::Optional,
    },
    ByIdentity {
        member: "DirectoryUserId",
        text: |user| user.directory_user_id.as_deref(),
        saml: Need::Refused,
        connect_managed: Need::Refused,
        existing_directory: Need::Optional,
    },
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What becomes of a sound SAML user with these members instead of its own.
    fn verdict(identity: IdentityManagement, members: &Value) -> Option<ErrorCode> {
        let mut document = json!({
            "Username": "maria.garcia@example.com",
            "IdentityInfo": {"FirstName": "María", "LastName": "García"},
            "SecurityProfileIds": ["agent"],
            "RoutingProfileId": "basic",
        });
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let user = serde_json::from_value(document).unwrap();
        check_new(&user, identity).err().map(|refusal| refusal.code)
    }

    #[test]
    fn a_breach_of_the_model_is_an_invalid_parameter() {
        let names = |first: &str, last: &str| {
            let identity_info = json!({"FirstName": first, "LastName": last});
            json!({"IdentityInfo": identity_info})
        };
        let tags = |count: usize| -> Value {
            let tags: BTreeMap<String, &str> = (0..count).map(|n| (n.to_string(), "")).collect();
            json!({ "Tags": tags })
        };
        let (good, bad) = (None, Some(ErrorCode::InvalidParameter));
        let cases = [
            (json!({}), good),
            (json!({"Username": "x".repeat(64)}), good),
            (json!({"Username": "x".repeat(65)}), bad),
            (json!({"Username": ""}), bad),
            (json!({"Username": "maria@example"}), bad),
            (json!({"RoutingProfileId": ""}), bad),
            (json!({"SecurityProfileIds": []}), bad),
            (json!({"SecurityProfileIds": vec!["p"; 10]}), good),
            (json!({"SecurityProfileIds": vec!["p"; 11]}), bad),
            (names(&"é".repeat(255), &"é".repeat(300)), good),
            (names(&"é".repeat(256), "x"), bad),
            (names("x", &"é".repeat(301)), bad),
            (names("Mari\u{301}a", "x"), bad),
            (names("x", "Garci\u{301}a"), bad),
            (json!({"Password": "short"}), bad),
            (tags(50), good),
            (tags(51), bad),
            (tags(0), bad),
            (json!({"Tags": {"aws:x": "y"}}), bad),
            (json!({"Tags": {"x": "y".repeat(256)}}), good),
            (json!({"Tags": {"x": "y".repeat(257)}}), bad),
            (json!({"PhoneConfig": {"PhoneType": "MOBILE"}}), bad),
            (json!({"PhoneConfig": {"PhoneType": "DESK_PHONE"}}), Some(ErrorCode::InvalidRequest)),
        ];
        for (members, expected) in cases {
            assert_eq!(verdict(IdentityManagement::Saml, &members), expected, "{members}");
        }
    }

    #[test]
    fn the_other_identity_types_have_limits_of_their_own() {
        let password = "Passw0rd";
        let last_name = |length: usize| {
            json!({
                "Password": password,
                "IdentityInfo": {"FirstName": "x", "LastName": "x".repeat(length)},
            })
        };
        let username =
            |length: usize| json!({"Password": password, "Username": "x".repeat(length)});
        for (members, expected) in [
            (last_name(256), None),
            (last_name(257), Some(ErrorCode::InvalidParameter)),
            (username(100), None),
            (username(101), Some(ErrorCode::InvalidParameter)),
        ] {
            assert_eq!(verdict(IdentityManagement::ConnectManaged, &members), expected);
        }
    }

    #[test]
    fn each_identity_type_asks_for_its_own_members() {
        let identity_info = |members: Value| json!({ "IdentityInfo": members });
        let named = |email: Option<&str>| {
            let (first, last) = ("María", "García");
            json!({"FirstName": first, "LastName": last, "Email": email})
        };
        let (good, bad) = (None, Some(ErrorCode::InvalidRequest));
        let cases = [
            // members, then the verdicts of SAML, CONNECT_MANAGED and EXISTING_DIRECTORY
            (json!({}), [good, bad, good]),
            (json!({"Password": "Passw0rd"}), [bad, good, bad]),
            (json!({"DirectoryUserId": "d"}), [bad, bad, good]),
            (
                json!({"Password": "Passw0rd", "IdentityInfo": named(Some("m@example.com"))}),
                [bad, good, bad],
            ),
            (identity_info(named(Some("m@example.com"))), [bad, bad, good]),
            (identity_info(json!({"FirstName": "María"})), [bad, bad, good]),
            (identity_info(json!({"FirstName": "", "LastName": "García"})), [bad, bad, good]),
            (
                json!({"Password": "Passw0rd", "IdentityInfo": {"LastName": "García"}}),
                [bad, bad, bad],
            ),
        ];
        for (members, expected) in cases {
            let verdicts = IdentityManagement::ALL.map(|identity| verdict(identity, &members));
            assert_eq!(verdicts, expected, "{members}");
        }
    }
}
