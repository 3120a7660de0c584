//! Method and path → operation: the routes of the service model, as rows that one loop reads.

use std::time::SystemTime;

use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;

use super::api_error::ApiError;
use super::call::Call;
use super::instance::Instance;

/// One operation of Amazon Connect.
pub(super) struct Operation {
    /// Its name in the API Reference.
    pub(super) name: &'static str,
    method: &'static str,
    path: &'static str,
    run: fn(&mut Instance, &Call<'_>) -> Result<Value, ApiError>,
}

impl Operation {
    /// The operation that `request` calls, and the call; `None` for a route there is not.
    pub(super) fn called_by(
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Option<(&'static Self, Call<'_>)> {
        OPERATIONS
            .iter()
            .filter(|operation| operation.method == request.method().as_str())
            .find_map(|operation| Some((operation, Call::read(request, operation.path, now)?)))
    }

    /// The name as it stands in the table.
    ///
    /// # Errors
    /// A sentence that lists the names there are.
    pub(super) fn named(name: &str) -> Result<&'static str, String> {
        let mut names = OPERATIONS.iter().map(|operation| operation.name);
        names.clone().find(|known| *known == name).ok_or_else(|| {
            let first = names.next().unwrap_or_default().to_owned();
            let known = names.fold(first, |list, known| format!("{list}, {known}"));
            format!("unknown operation `{name}`, expected one of {known}")
        })
    }

    /// The operation's answer, `Null` for an empty body.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for another instance, and the operation's own.
    pub(super) fn carry_out(
        &self,
        instance: &mut Instance,
        call: &Call<'_>,
    ) -> Result<Value, ApiError> {
        if let Some(id) = call.label("InstanceId") {
            instance.answers_to(id)?;
        }
        (self.run)(instance, call)
    }
}

static OPERATIONS: [Operation; 19] = [
    Operation {
        name: "CreateUser",
        method: "PUT",
        path: "/users/{InstanceId}",
        run: Instance::create_user,
    },
    Operation {
        name: "DescribeUser",
        method: "GET",
        path: "/users/{InstanceId}/{UserId}",
        run: Instance::describe_user,
    },
    Operation {
        name: "UpdateUserIdentityInfo",
        method: "POST",
        path: "/users/{InstanceId}/{UserId}/identity-info",
        run: Instance::update_user_identity_info,
    },
    Operation {
        name: "UpdateUserPhoneConfig",
        method: "POST",
        path: "/users/{InstanceId}/{UserId}/phone-config",
        run: Instance::update_user_phone_config,
    },
    Operation {
        name: "UpdateUserConfig",
        method: "POST",
        path: "/users/{InstanceId}/{UserId}/config",
        run: Instance::update_user_config,
    },
    Operation {
        name: "UpdateUserRoutingProfile",
        method: "POST",
        path: "/users/{InstanceId}/{UserId}/routing-profile",
        run: Instance::update_user_routing_profile,
    },
    Operation {
        name: "UpdateUserSecurityProfiles",
        method: "POST",
        path: "/users/{InstanceId}/{UserId}/security-profiles",
        run: Instance::update_user_security_profiles,
    },
    Operation {
        name: "UpdateUserHierarchy",
        method: "POST",
        path: "/users/{InstanceId}/{UserId}/hierarchy",
        run: Instance::update_user_hierarchy,
    },
    Operation {
        name: "DeleteUser",
        method: "DELETE",
        path: "/users/{InstanceId}/{UserId}",
        run: Instance::delete_user,
    },
    Operation {
        name: "DeleteAllEntitySessions",
        method: "POST",
        path: "/auth/sessions/delete-all-entity-sessions",
        run: Instance::delete_all_entity_sessions,
    },
    Operation {
        name: "ListUsers",
        method: "GET",
        path: "/users-summary/{InstanceId}",
        run: |instance, call| instance.list_users(call),
    },
    Operation {
        name: "SearchUsers",
        method: "POST",
        path: "/search-users",
        run: |instance, call| instance.search_users(call),
    },
    Operation {
        name: "ListRoutingProfiles",
        method: "GET",
        path: "/routing-profiles-summary/{InstanceId}",
        run: |instance, call| {
            let named = &instance.directory.routing_profiles;
            instance.list(call, "RoutingProfileSummaryList", "routing-profile", named)
        },
    },
    Operation {
        name: "ListSecurityProfiles",
        method: "GET",
        path: "/security-profiles-summary/{InstanceId}",
        run: |instance, call| {
            let named = &instance.directory.security_profiles;
            instance.list(call, "SecurityProfileSummaryList", "security-profile", named)
        },
    },
    Operation {
        name: "ListUserHierarchyGroups",
        method: "GET",
        path: "/user-hierarchy-groups-summary/{InstanceId}",
        run: |instance, call| {
            let named = &instance.directory.hierarchy_groups;
            instance.list(call, "UserHierarchyGroupSummaryList", "agent-group", named)
        },
    },
    Operation {
        name: "DescribeInstance",
        method: "GET",
        path: "/instance/{InstanceId}",
        run: |instance, _| Ok(instance.describe()),
    },
    Operation {
        name: "TagResource",
        method: "POST",
        path: "/tags/{resourceArn}",
        run: Instance::tag_resource,
    },
    Operation {
        name: "UntagResource",
        method: "DELETE",
        path: "/tags/{resourceArn}",
        run: Instance::untag_resource,
    },
    Operation {
        name: "ListTagsForResource",
        method: "GET",
        path: "/tags/{resourceArn}",
        run: Instance::list_tags_for_resource,
    },
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::standin::story::Caller;

    use super::*;

    #[test]
    fn another_instance_and_another_route_are_not_found() {
        let mut caller = Caller::unhurried();
        let cases = [
            ("GET", "/instance/{I}", 200, None),
            ("GET", "/instance/another", 404, Some("ResourceNotFoundException")),
            ("GET", "/users-summary/another", 404, Some("ResourceNotFoundException")),
            ("GET", "/queues-summary/{I}", 404, Some("UnknownOperationException")),
            ("POST", "/users/{I}", 404, Some("UnknownOperationException")),
        ];
        for (method, path, status, error) in cases {
            let answer = caller.answer(method, path, &Value::Null);
            assert_eq!((answer.0, answer.1.as_str()), (status, error), "{method} {path}");
        }
    }

    #[test]
    fn what_was_seeded_is_listed_with_its_kind_of_arn() {
        let mut caller = Caller::unhurried();
        let seeded = caller.world.directory().clone();
        let cases = [
            ("routing-profiles", "RoutingProfile", "routing-profile", seeded.routing_profiles),
            ("security-profiles", "SecurityProfile", "security-profile", seeded.security_profiles),
            ("user-hierarchy-groups", "UserHierarchyGroup", "agent-group", seeded.hierarchy_groups),
        ];
        for (path, list, kind, named) in cases {
            let row = |(name, id)| {
                json!({
                    "Id": id,
                    "Arn": format!("{}/{kind}/{id}", seeded.instance_arn),
                    "Name": name,
                    "LastModifiedTime": 1_704_067_200,
                    "LastModifiedRegion": "us-east-1",
                })
            };
            let rows: Vec<Value> = named.iter().map(row).collect();
            let answer = caller.answer("GET", &format!("/{path}-summary/{{I}}"), &Value::Null);
            assert_eq!(answer, (200, json!({format!("{list}SummaryList"): rows})));
        }
    }
}
