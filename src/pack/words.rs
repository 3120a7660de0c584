//! The strings that occur in nearly every document in memory.

/// Each takes one byte, so at most 128. The order is free: packed documents never outlive the
/// process.
#[rustfmt::skip]
pub(super) const WORDS: [&str; 126] = [
    "form", "id", "row_version", "owner", "created", "generation", "etag_high_water", "spec", "status",
    "lease", "schedule", "freed_names", "person", "resource", "displayed", "profile_time", "access",
    "time", "lifecycle", "lifecycle_time", "enabled", "disabled", "removed", "reasons", "activated",
    "unknown", "external_ids", "scim/v2", "never_joined", "tombstone_keys", "etag",
    "modified", "user", "ids", "arn", "since", "candidate_usernames", "observed_generation",
    "config_digest", "had_user", "fence", "until", "phase", "applied", "pending", "parked",
    "attempts", "waits_for", "due",
    "fault", "turn", "detail", "cause", "schemas", "userName", "externalId",
    "displayName", "name", "givenName", "familyName", "formatted", "middleName", "honorificPrefix",
    "honorificSuffix", "emails", "value", "type", "work", "primary", "display", "active",
    "phoneNumbers", "mobile", "home", "other", "addresses", "streetAddress", "locality", "region",
    "postalCode", "country", "title", "nickName", "preferredLanguage", "locale", "timezone",
    "userType", "department", "employeeNumber", "costCenter", "organization", "division", "manager",
    "$ref", "photos", "meta", "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User", "routingProfile",
    "securityProfiles", "hierarchyGroup",
    // Members of the stand-in's users.
    "Username", "IdentityInfo", "FirstName", "LastName", "Email", "SecondaryEmail", "Mobile",
    "PhoneConfig", "PhoneType", "SOFT_PHONE", "DESK_PHONE", "AutoAccept",
    "AfterContactWorkTimeLimit", "DeskPhoneNumber", "PersistentConnection", "DirectoryUserId",
    "SecurityProfileIds", "RoutingProfileId", "HierarchyGroupId", "Tags", "managed-by",
    "connect-provisioner", "provisioner-deployment", "provisioner-owner",
];

const _: () = assert!(WORDS.len() <= 128, "a word is one byte");
