//! The instance that every stand-in starts with: its ids, and the names of what it holds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::uuid::uuid;

/// The seeded instance as its callers need it: ids and ARN, and name → id for profiles and groups,
/// in the order of the names. The ids are the same in every run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// The instance's id, a UUID.
    pub instance_id: String,
    /// `arn:aws:connect:us-east-1:123456789012:instance/<instance_id>`.
    pub instance_arn: String,
    /// Routing profiles: `Basic Routing Profile`, `Sales`, `Support`.
    pub routing_profiles: BTreeMap<String, String>,
    /// Security profiles: `Admin`, `Agent`, `CallCenterManager`, `No Access`, `QualityAnalyst`.
    pub security_profiles: BTreeMap<String, String>,
    /// Hierarchy groups: `EMEA`, `Iberia`.
    pub hierarchy_groups: BTreeMap<String, String>,
}

impl Directory {
    /// The one that every stand-in starts with.
    #[must_use]
    pub fn seeded() -> Self {
        let instance_id = uuid("instance", 1);
        Self {
            instance_arn: format!("arn:aws:connect:{REGION}:123456789012:instance/{instance_id}"),
            instance_id,
            routing_profiles: seeded(&["Basic Routing Profile", "Sales", "Support"]),
            security_profiles: seeded(&[
                "Admin",
                "Agent",
                "CallCenterManager",
                "No Access",
                "QualityAnalyst",
            ]),
            hierarchy_groups: seeded(&["EMEA", "Iberia"]),
        }
    }
}

/// Where the instance is; also every `LastModifiedRegion`.
pub(super) const REGION: &str = "us-east-1";

fn seeded(names: &[&str]) -> BTreeMap<String, String> {
    names.iter().map(|name| ((*name).to_owned(), uuid(name, 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_instance_is_the_same_in_every_run() {
        insta::assert_json_snapshot!(Directory::seeded(), @r#"
        {
          "instanceId": "2cdb9131-8aac-41b3-a756-a6a8e3a64759",
          "instanceArn": "arn:aws:connect:us-east-1:123456789012:instance/2cdb9131-8aac-41b3-a756-a6a8e3a64759",
          "routingProfiles": {
            "Basic Routing Profile": "4311e256-7abf-4c4a-a89c-9623a654c894",
            "Sales": "28024002-fa4a-4fd2-aab8-4b842701e566",
            "Support": "a19235be-d610-4ce5-aa1d-7ba01631b3a5"
          },
          "securityProfiles": {
            "Admin": "f3182817-d99a-491a-a977-1d868d0cfb38",
            "Agent": "9fd8de5d-99d2-4a9c-aaca-b62be3c2fdcd",
            "CallCenterManager": "173a15d0-3f31-4cdb-ab20-1edd9bb8492e",
            "No Access": "47d97145-a79e-4ada-a755-dcb1e6e9dd5a",
            "QualityAnalyst": "4168fa06-c670-4c9a-a2a3-e1b8f48465fe"
          },
          "hierarchyGroups": {
            "EMEA": "9994793b-767a-431c-a5e2-447595989f72",
            "Iberia": "2f732737-9a76-4433-a0b1-128ae3be81c6"
          }
        }
        "#);
    }
}
