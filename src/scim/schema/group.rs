//! The Group schema (RFC 7643 §4.2).

use super::{Attribute, Schema};
use crate::scim::GROUP_SCHEMA;

pub(super) fn core() -> Schema {
    let member = vec![
        Attribute::text("value", "The id of the member").case_exact().immutable(),
        Attribute::reference("$ref", &["User", "Group"], "Where the member is").immutable(),
        Attribute::text("display", "The member's name for people").immutable(),
        Attribute::text("type", "What the member is").one_of(["User", "Group"]).immutable(),
    ];
    Schema {
        id: GROUP_SCHEMA,
        name: "Group",
        description: "Group",
        attributes: vec![
            Attribute::text("displayName", "The group's name, which no other group has")
                .required()
                .unique(),
            Attribute::complex("members", "Who is in the group", member).many(),
        ],
    }
}
