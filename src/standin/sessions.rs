//! Who is signed in, and `DeleteAllEntitySessions`.
//!
//! Nobody signs in here by themselves: `PUT /_standin` says who does. What becomes of the sessions of
//! a user who is deleted, or whose profiles are taken away, is documented nowhere. Here they go on,
//! which is the worst that can be: only this operation ends them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use super::instance::{Instance, User};

/// The longest `InstanceId` and `EntityId` of the service model, in characters.
const LONGEST_INSTANCE: usize = 100;
const LONGEST_ENTITY: usize = 256;

/// How many sessions each user has, by id; whoever has none is not in it.
pub(super) type Sessions = BTreeMap<Box<str>, u64>;

/// The members of `DeleteAllEntitySessions`. All are required; absent is as bad as empty.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteAllEntitySessions {
    #[serde(default)]
    instance_id: String,
    /// The user's id or ARN.
    #[serde(default)]
    entity_id: String,
    #[serde(default)]
    entity_type: String,
}

impl Instance {
    /// `DeleteAllEntitySessions`. Whoever is not signed in is signed out as well.
    ///
    /// # Errors
    /// `SerializationException`; `InvalidParameterException` for a member that the model does not
    /// allow; `ResourceNotFoundException` for another instance, and for a user who is not there,
    /// who was deleted, or who is too new to be found.
    pub(super) fn delete_all_entity_sessions(
        &mut self,
        call: &Call<'_>,
    ) -> Result<Value, ApiError> {
        let wanted: DeleteAllEntitySessions = call.document()?;
        let is_within = |text: &str, longest: usize| (1..=longest).contains(&text.chars().count());
        ErrorCode::InvalidParameter.unless(
            is_within(&wanted.instance_id, LONGEST_INSTANCE),
            "InstanceId has 1 to 100 characters",
        )?;
        ErrorCode::InvalidParameter.unless(
            is_within(&wanted.entity_id, LONGEST_ENTITY),
            "EntityId has 1 to 256 characters",
        )?;
        ErrorCode::InvalidParameter.unless(wanted.entity_type == "USER", "EntityType is USER")?;
        self.answers_to(&wanted.instance_id)?;
        let is_meant =
            |user: &User| *user.id == *wanted.entity_id || user.arn() == wanted.entity_id;
        let id = self.find(call.now, is_meant)?.id.clone();
        self.sessions.remove(&id);
        Ok(Value::Null)
    }

    /// The id of the user who signs in under this username or id.
    ///
    /// # Errors
    /// `InvalidParameterException` if nobody can.
    pub(super) fn who_signs_in(&self, who: &str) -> Result<Box<str>, ApiError> {
        let is_meant = |user: &&User| *user.id == *who || user.kept.username() == who;
        let user = self.living().find(is_meant).ok_or_else(|| {
            ErrorCode::InvalidParameter
                .because(format!("signIn: expected ids or usernames of users, found `{who}`"))
        })?;
        Ok(user.id.clone())
    }

    /// Begins a session for each of these ids.
    pub(super) fn sign_in(&mut self, ids: Vec<Box<str>>) {
        for id in ids {
            let sessions = self.sessions.entry(id).or_default();
            *sessions = sessions.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::standin::Settings;
    use crate::standin::story::Caller;

    /// Asks for the end of somebody's sessions, with these members instead of the sound ones.
    fn end(caller: &mut Caller, who: &str, members: Value) -> (u16, Value) {
        let instance = &caller.world.directory().instance_id;
        let mut body = json!({"InstanceId": instance, "EntityId": who, "EntityType": "USER"});
        if let Value::Object(members) = members {
            body.as_object_mut().unwrap().extend(members);
        }
        caller.answer("POST", "/auth/sessions/delete-all-entity-sessions", &body)
    }

    fn id_of(created: &(u16, Value)) -> String {
        created.1["UserId"].as_str().unwrap().to_owned()
    }

    #[test]
    fn all_sessions_of_one_user_end_at_once_and_nobody_elses() {
        let mut caller = Caller::unhurried();
        let created = caller.create("maria", Value::Null);
        let (maria, arn) = (id_of(&created), created.1["UserArn"].as_str().unwrap().to_owned());
        let jose = id_of(&caller.create("jose", Value::Null));
        let state = caller.control(&json!({"signIn": [maria, "maria", "jose"]}));
        assert_eq!(state["sessions"], json!({&maria: 2, &jose: 1}));

        assert_eq!(end(&mut caller, &maria, Value::Null), (200, Value::Null));
        assert_eq!(caller.control(&json!({}))["sessions"], json!({&jose: 1}));
        assert_eq!(end(&mut caller, &maria, Value::Null), (200, Value::Null), "and again");

        caller.control(&json!({"signIn": ["maria"]}));
        assert_eq!(end(&mut caller, &arn, Value::Null), (200, Value::Null), "by the ARN too");
        let state = caller.control(&json!({}));
        assert_eq!(state["sessions"], json!({&jose: 1}));
        assert_eq!(state["calls"]["DeleteAllEntitySessions"], 3);
        assert_eq!(state["requests"][4]["body"]["EntityId"], json!(arn));
    }

    #[test]
    fn who_is_deleted_or_has_lost_every_profile_is_signed_in_all_the_same() {
        let mut caller = Caller::unhurried();
        let maria = id_of(&caller.create("maria", Value::Null));
        caller.control(&json!({"signIn": ["maria"]}));
        let profile = &caller.world.directory().security_profiles["No Access"];
        let profiles = json!({"SecurityProfileIds": [profile]});
        let path = format!("/users/{{I}}/{maria}");
        assert_eq!(caller.answer("POST", &format!("{path}/security-profiles"), &profiles).0, 200);
        assert_eq!(caller.answer("DELETE", &path, &Value::Null).0, 200);

        let missing = (404, json!("ResourceNotFoundException"));
        assert_eq!(end(&mut caller, &maria, Value::Null), missing, "it is too late");
        assert_eq!(caller.control(&json!({}))["sessions"], json!({maria: 1}));
        assert_eq!(caller.control(&json!({"reset": true}))["sessions"], json!({}));
    }

    #[test]
    fn what_the_model_does_not_allow_is_refused() {
        let mut caller = Caller::of(Settings {
            throttle: false,
            not_found: Duration::from_secs(1),
            ..Settings::default()
        });
        let maria = id_of(&caller.create("maria", Value::Null));
        caller.control(&json!({"signIn": ["maria"]}));
        let invalid = || (400, json!("InvalidParameterException"));
        let missing = || (404, json!("ResourceNotFoundException"));
        let arn = "arn:aws:connect:us-east-1:123456789012:instance/another/agent/".to_owned();
        let cases = [
            (json!({"EntityId": ""}), invalid()),
            (json!({"EntityId": "x".repeat(257)}), invalid()),
            (json!({"EntityId": "x".repeat(256)}), missing()),
            (json!({"EntityId": arn + &maria}), missing()),
            (json!({"EntityId": 1}), (400, json!("SerializationException"))),
            (json!({"EntityType": "CUSTOMER_PROFILE"}), invalid()),
            (json!({"EntityType": ""}), invalid()),
            (json!({"InstanceId": ""}), invalid()),
            (json!({"InstanceId": "x".repeat(101)}), invalid()),
            (json!({"InstanceId": "another"}), missing()),
            (Value::Null, missing()),
        ];
        for (members, expected) in cases {
            assert_eq!(end(&mut caller, &maria, members.clone()), expected, "{members}");
        }
        assert_eq!(caller.control(&json!({}))["sessions"], json!({&maria: 1}));
        caller.now += Duration::from_secs(1);
        assert_eq!(end(&mut caller, &maria, Value::Null).0, 200, "it is found by now");
    }

    #[test]
    fn nobody_signs_in_who_is_not_there() {
        let mut caller = Caller::unhurried();
        caller.create("maria", Value::Null);
        for change in [
            json!({"signIn": ["maria", "jose"], "quota": 1}),
            json!({"signIn": ["maria"], "quota": 1, "reset": true}),
        ] {
            let refused = caller.answer("PUT", "/_standin", &change);
            assert_eq!(refused, (400, json!("InvalidParameterException")), "{change}");
            let state = caller.control(&json!({}));
            assert_eq!((&state["sessions"], &state["quota"]), (&json!({}), &json!(500)));
            assert_eq!(state["users"].as_array().unwrap().len(), 1, "nothing was changed");
        }
    }

    #[test]
    fn the_operation_may_be_refused_or_not_be_offered_until_told_otherwise() {
        let mut caller = Caller::unhurried();
        let maria = id_of(&caller.create("maria", Value::Null));
        caller.control(&json!({"signIn": ["maria"]}));
        let unknown = caller.answer("POST", "/auth/sessions/none", &Value::Null);
        for (fault, expected) in [
            ("denied", (403, json!("AccessDeniedException"))),
            ("UnknownOperationException", unknown),
        ] {
            let always = json!({"DeleteAllEntitySessions": fault});
            assert_eq!(caller.control(&json!({"always": always}))["always"], always);
            for _ in 0..3 {
                assert_eq!(end(&mut caller, &maria, Value::Null), expected);
            }
        }
        caller.control(&json!({"faults": {"DeleteAllEntitySessions": ["throttle"]}}));
        let throttled = (429, json!("ThrottlingException"));
        assert_eq!(end(&mut caller, &maria, Value::Null), throttled, "what waits comes first");

        let state = caller.control(&json!({"always": {"DeleteAllEntitySessions": null}}));
        assert_eq!((&state["always"], &state["sessions"]), (&json!({}), &json!({&maria: 1})));
        assert_eq!(end(&mut caller, &maria, Value::Null).0, 200);
        assert_eq!(caller.control(&json!({}))["calls"]["DeleteAllEntitySessions"], 8);
    }
}
