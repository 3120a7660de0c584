//! Tags on users, by the user's ARN: `TagResource`, `UntagResource`, `ListTagsForResource`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::instance::Instance;
use super::refusal::{Code, Refusal};
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
    pub(super) fn tag_resource(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        let TagResource { tags } = call.document()?;
        rules::check_tags(&tags)?;
        let held = self.tags_of(call)?;
        let mut all = held.clone();
        all.extend(tags);
        Code::InvalidParameter.unless(all.len() <= MOST_TAGS, "a resource bears up to 50 tags")?;
        *held = all;
        Ok(Value::Null)
    }

    /// `UntagResource`: a key that is not there is passed over.
    ///
    /// # Errors
    /// `InvalidParameterException` without keys or with more than 50, `ResourceNotFoundException`.
    pub(super) fn untag_resource(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        let keys: Vec<&str> = call.parameters("tagKeys").collect();
        Code::InvalidParameter.unless(
            (1..=MOST_TAGS).contains(&keys.len()),
            "give 1 to 50 tagKeys",
        )?;
        self.tags_of(call)?
            .retain(|key, _| !keys.contains(&key.as_str()));
        Ok(Value::Null)
    }

    /// `ListTagsForResource`.
    ///
    /// # Errors
    /// `InvalidParameterException`, `ResourceNotFoundException`.
    pub(super) fn list_tags_for_resource(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        Ok(json!({"tags": self.tags_of(call)?}))
    }

    fn tags_of(&mut self, call: &Call<'_>) -> Result<&mut BTreeMap<String, String>, Refusal> {
        let arn = call.label("resourceArn").unwrap_or_default();
        Code::InvalidParameter.unless(
            arn.starts_with("arn:aws:connect:"),
            "resourceArn must be an ARN of Connect",
        )?;
        let user = self.find(call.now, |user| user.arn == arn)?;
        Ok(user.details.tags.get_or_insert_default())
    }
}
