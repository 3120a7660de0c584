//! Tags on users, by the user's ARN: `TagResource`, `UntagResource`, `ListTagsForResource`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use super::instance::{Instance, User};
use super::kept::StoredUser;
use super::rules;

/// How many tags a resource bears at most.
const MOST_TAGS: usize = 50;

/// The body of `TagResource`. The member's name begins in lower case, unlike `CreateUser`'s.
#[derive(Deserialize)]
struct TagResource {
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

impl Instance {
    /// `TagResource`: adds tags, and overwrites those of the same key.
    ///
    /// # Errors
    /// `SerializationException`, `InvalidParameterException` (also for more than 50 tags in the
    /// end), `ResourceNotFoundException`.
    pub(super) fn tag_resource(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let TagResource { tags } = call.document()?;
        rules::check_tags(&tags)?;
        let user = self.tagged(call)?;
        let mut details = user.kept.details();
        let held = details.tags.get_or_insert_default();
        held.extend(tags);
        ErrorCode::InvalidParameter
            .unless(held.len() <= MOST_TAGS, "a resource bears up to 50 tags")?;
        user.kept = StoredUser::of(details);
        Ok(Value::Null)
    }

    /// `UntagResource`: a key that is not there is passed over.
    ///
    /// # Errors
    /// `InvalidParameterException` without keys or with more than 50, `ResourceNotFoundException`.
    pub(super) fn untag_resource(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let keys: Vec<&str> = call.parameters("tagKeys").collect();
        ErrorCode::InvalidParameter
            .unless((1..=MOST_TAGS).contains(&keys.len()), "give 1 to 50 tagKeys")?;
        let user = self.tagged(call)?;
        let mut details = user.kept.details();
        details.tags.get_or_insert_default().retain(|key, _| !keys.contains(&key.as_str()));
        user.kept = StoredUser::of(details);
        Ok(Value::Null)
    }

    /// `ListTagsForResource`.
    ///
    /// # Errors
    /// `InvalidParameterException`, `ResourceNotFoundException`.
    pub(super) fn list_tags_for_resource(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        Ok(json!({"tags": self.tagged(call)?.kept.details().tags.unwrap_or_default()}))
    }

    /// The user whose ARN the path names.
    fn tagged(&mut self, call: &Call<'_>) -> Result<&mut User, ApiError> {
        let arn = call.label("resourceArn").unwrap_or_default();
        ErrorCode::InvalidParameter
            .unless(arn.starts_with("arn:aws:connect:"), "resourceArn must be an ARN of Connect")?;
        let id = arn.strip_prefix(self.directory.instance_arn.as_str());
        let id = id.and_then(|rest| rest.strip_prefix("/agent/")).unwrap_or_default().to_owned();
        self.find(call.now, |user| *user.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use crate::standin::story::Caller;

    use super::*;

    #[test]
    fn tags_are_added_overwritten_and_taken_away() {
        let mut caller = Caller::unhurried();
        let (_, created) = caller.create("maria", json!({"Tags": {"a": "1", "b": "2"}}));
        let arn = created["UserArn"].as_str().unwrap().replace(':', "%3A").replace('/', "%2F");
        let path = format!("/tags/{arn}");
        let done = (200, Value::Null);

        let more = json!({"tags": {"b": "3", "c d": ""}});
        assert_eq!(caller.answer("POST", &path, &more), done);
        let gone = format!("{path}?tagKeys=a&tagKeys=c%20d&tagKeys=none");
        assert_eq!(caller.answer("DELETE", &gone, &Value::Null), done);

        let held = caller.answer("GET", &path, &Value::Null);
        assert_eq!(held, (200, json!({"tags": {"b": "3"}})));
    }

    #[test]
    fn a_resource_bears_fifty_tags() {
        let mut caller = Caller::unhurried();
        let tags: BTreeMap<String, &str> = (0..50).map(|n| (n.to_string(), "")).collect();
        let (_, created) = caller.create("maria", json!({ "Tags": tags }));
        let arn = created["UserArn"].as_str().unwrap().replace('/', "%2F");
        let mut tag = |key: &str| {
            caller.answer("POST", &format!("/tags/{arn}"), &json!({"tags": {key: "x"}}))
        };

        assert_eq!(tag("49"), (200, Value::Null));
        assert_eq!(tag("50"), (400, json!("InvalidParameterException")));
    }

    #[test]
    fn an_arn_of_no_user_and_keys_that_cannot_be_are_refused() {
        let mut caller = Caller::unhurried();
        let (_, created) = caller.create("maria", Value::Null);
        let arn = created["UserArn"].as_str().unwrap().replace('/', "%2F");
        let many: String = (0..51).map(|n| format!("tagKeys={n}&")).collect();
        let invalid = (400, json!("InvalidParameterException"));
        let missing = (404, json!("ResourceNotFoundException"));
        let cases = [
            (format!("/tags/{arn}?tagKeys=a"), (200, Value::Null)),
            (format!("/tags/{arn}"), invalid.clone()),
            (format!("/tags/{arn}?{many}"), invalid.clone()),
            (format!("/tags/{arn}x?tagKeys=a"), missing),
            ("/tags/maria?tagKeys=a".to_owned(), invalid),
        ];
        for (path, expected) in cases {
            assert_eq!(caller.answer("DELETE", &path, &Value::Null), expected, "{path}");
        }
    }
}
