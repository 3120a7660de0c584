//! The words that nearly every document in memory has.

/// One byte stands for each: up to 128, and in any order, since nothing packed outlives the process.
#[rustfmt::skip]
pub(super) const WORDS: [&str; 119] = [
    "id", "version", "person", "wanted", "stranger", "shares_external_id", "owner", "marks", "user",
    "former", "tried", "revision", "applied", "edition", "last_edition", "fence", "leased_until",
    "state", "attempts", "waits_for", "due", "as_of", "created", "modified", "rules", "counted",
    "released", "adopting", "stubborn", "resource", "displayed", "ids", "arn", "since",
    "secs_since_epoch", "nanos_since_epoch", "Active", "Inactive", "Gone", "Applied", "Pending",
    "Parked", "fault", "turn", "detail", "cause", "schemas", "userName", "externalId",
    "displayName", "name", "givenName", "familyName", "formatted", "middleName", "honorificPrefix",
    "honorificSuffix", "emails", "value", "type", "work", "primary", "display", "active",
    "phoneNumbers", "mobile", "home", "other", "addresses", "streetAddress", "locality", "region",
    "postalCode", "country", "title", "nickName", "preferredLanguage", "locale", "timezone",
    "userType", "department", "employeeNumber", "costCenter", "organization", "division", "manager",
    "$ref", "photos", "meta", "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:amazonconnect:2.0:User", "routingProfile",
    "securityProfiles", "hierarchyGroup",
    // Of the stand-in's users.
    "Username", "IdentityInfo", "FirstName", "LastName", "Email", "SecondaryEmail", "Mobile",
    "PhoneConfig", "PhoneType", "SOFT_PHONE", "DESK_PHONE", "AutoAccept",
    "AfterContactWorkTimeLimit", "DeskPhoneNumber", "PersistentConnection", "DirectoryUserId",
    "SecurityProfileIds", "RoutingProfileId", "HierarchyGroupId", "Tags", "managed-by",
    "connect-provisioner", "provisioner-deployment", "provisioner-owner",
];
