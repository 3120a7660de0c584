//! The User schemas: core (RFC 7643 §4.1), enterprise extension (§4.3) and our own extension.

use super::{Attribute, Mutability, Returned, Schema, Type};
use crate::scim::{CONNECT_SCHEMA, ENTERPRISE_SCHEMA, USER_SCHEMA};

/// What the operator lets a payload set. An attribute with an empty list is not part of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The permitted routing profiles.
    pub routing_profiles: Vec<String>,
    /// The permitted security profiles.
    pub security_profiles: Vec<String>,
    /// The permitted hierarchy groups.
    pub hierarchy_groups: Vec<String>,
    /// True if the instance's users come from a directory; then `directoryUserId` is part of the
    /// schema.
    pub directory: bool,
}

pub(super) fn core() -> Schema {
    let mut attributes = vec![
        Attribute::text("userName", "The username in Amazon Connect, byte for byte")
            .required()
            .unique(),
        name(),
        Attribute::text("displayName", "The name to show"),
        Attribute::text("nickName", "What the user is called"),
        Attribute::reference("profileUrl", &["external"], "The user's page"),
        Attribute::text("title", "The user's title, as in \"Vice President\""),
        Attribute::text("userType", "The user's relation to the organization"),
        Attribute::text("preferredLanguage", "The language that the user likes best (RFC 7231)"),
        Attribute::text("locale", "The user's locale (RFC 5646)"),
        Attribute::text("timezone", "The user's time zone, as in \"Europe/Madrid\""),
        Attribute::boolean("active", "Whether the user may work; missing in a PUT: unchanged"),
        password(),
    ];
    attributes.extend([
        several(
            "emails",
            "E-mail addresses; that of work goes to Amazon Connect",
            &["work", "home", "other"],
        ),
        several(
            "phoneNumbers",
            "Telephone numbers: mobile, and work for a desk phone",
            &["work", "home", "mobile", "fax", "pager", "other"],
        ),
        several(
            "ims",
            "Instant messaging addresses",
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ),
        photos(),
        addresses(),
        groups(),
        several("entitlements", "What the user is entitled to", &[]),
        several("roles", "What the user is", &[]),
        certificates(),
    ]);
    Schema { id: USER_SCHEMA, name: "User", description: "User Account", attributes }
}

fn name() -> Attribute {
    let parts = vec![
        Attribute::text("formatted", "The full name"),
        Attribute::text("familyName", "The last name in Amazon Connect"),
        Attribute::text("givenName", "The first name in Amazon Connect"),
        Attribute::text("middleName", "The middle name"),
        Attribute::text("honorificPrefix", "A title before the name, as in \"Ms.\""),
        Attribute::text("honorificSuffix", "A suffix after the name, as in \"III\""),
    ];
    Attribute::complex("name", "The user's name", parts)
}

fn password() -> Attribute {
    let password = Attribute::text("password", "Used when the user is created, and kept nowhere");
    Attribute {
        mutability: Mutability::WriteOnly,
        returned: Returned::Never,
        ..password.case_exact()
    }
}

/// A multi-valued attribute whose elements have a string `value` (RFC 7643 §2.4).
fn several(name: &'static str, description: &'static str, types: &[&'static str]) -> Attribute {
    let value = Attribute::text("value", "The value itself");
    Attribute::complex(name, description, entry(value, types)).many()
}

fn entry(value: Attribute, types: &[&'static str]) -> Vec<Attribute> {
    vec![
        value,
        Attribute::text("display", "The value for people"),
        Attribute::text("type", "What it is for").one_of(types.iter().copied()),
        Attribute::boolean("primary", "Whether it is the preferred one; at most one is"),
    ]
}

fn photos() -> Attribute {
    let value = Attribute::reference("value", &["external"], "Where the picture is");
    Attribute::complex("photos", "Pictures", entry(value, &["photo", "thumbnail"])).many()
}

fn certificates() -> Attribute {
    let value = Attribute::new("value", Type::Binary, "The certificate, DER in base64");
    let value = value.case_exact();
    Attribute::complex("x509Certificates", "Certificates", entry(value, &[])).many()
}

fn addresses() -> Attribute {
    let parts = vec![
        Attribute::text("formatted", "The whole address"),
        Attribute::text("streetAddress", "Street and number"),
        Attribute::text("locality", "City"),
        Attribute::text("region", "State or region"),
        Attribute::text("postalCode", "Postal code"),
        Attribute::text("country", "Country (ISO 3166-1 alpha-2)"),
        Attribute::text("type", "What it is for").one_of(["work", "home", "other"]),
        Attribute::boolean("primary", "Whether it is the preferred one; at most one is"),
    ];
    Attribute::complex("addresses", "Postal addresses", parts).many()
}

fn groups() -> Attribute {
    let parts = vec![
        Attribute::text("value", "The id of the group").case_exact(),
        Attribute::reference("$ref", &["Group"], "Where the group is"),
        Attribute::text("display", "The name of the group"),
        Attribute::text("type", "How the user is in it").one_of(["direct"]),
    ];
    Attribute::complex("groups", "The groups that the user is in", parts).many().read_only()
}

pub(super) fn enterprise() -> Schema {
    let manager = vec![
        Attribute::text("value", "The id of the manager").case_exact(),
        Attribute::reference("$ref", &["User"], "Where the manager is"),
        Attribute::text("displayName", "The manager's name"),
    ];
    Schema {
        id: ENTERPRISE_SCHEMA,
        name: "EnterpriseUser",
        description: "Enterprise User",
        attributes: vec![
            Attribute::text("employeeNumber", "The number of the employee"),
            Attribute::text("costCenter", "The cost center"),
            Attribute::text("organization", "The organization"),
            Attribute::text("division", "The division"),
            Attribute::text("department", "The department"),
            Attribute::complex("manager", "The user's manager", manager),
        ],
    }
}

pub(super) fn connect(limits: &Limits) -> Schema {
    let mut attributes = Vec::new();
    let listed = |attribute: Attribute, values: &[String]| {
        (!values.is_empty()).then(|| attribute.case_exact().one_of(values))
    };
    attributes.extend(listed(
        Attribute::text("routingProfile", "The routing profile: a name or an id"),
        &limits.routing_profiles,
    ));
    attributes.extend(listed(
        Attribute::text("securityProfiles", "The security profiles: names or ids").many(),
        &limits.security_profiles,
    ));
    attributes.extend(listed(
        Attribute::text("hierarchyGroup", "The agent hierarchy group: a name or an id"),
        &limits.hierarchy_groups,
    ));
    if limits.directory {
        attributes.push(
            Attribute::text("directoryUserId", "The id in the instance's directory").case_exact(),
        );
    }
    attributes.extend([phone(), provisioning()]);
    Schema {
        id: CONNECT_SCHEMA,
        name: "AmazonConnectUser",
        description: "What Amazon Connect holds of a user",
        attributes,
    }
}

fn phone() -> Attribute {
    let settings = vec![
        Attribute::text("type", "SOFT_PHONE or DESK_PHONE").one_of(["SOFT_PHONE", "DESK_PHONE"]),
        Attribute::boolean("autoAccept", "Whether a contact is connected without a click"),
        Attribute::new(
            "afterContactWorkSeconds",
            Type::Integer,
            "Time for work after a contact, in seconds; 0 is no limit",
        ),
        Attribute::text("deskNumber", "The number of the desk phone (E.164)"),
        Attribute::boolean("persistentConnection", "Whether the phone stays connected"),
    ];
    Attribute::complex("phone", "The phone, where it differs from everyone's", settings)
}

fn provisioning() -> Attribute {
    let parts = vec![
        Attribute::text("state", "How far Amazon Connect has followed")
            .one_of(["applied", "partial", "pending", "parked"]),
        Attribute::text("detail", "What is waited for, and what Amazon Connect does not hold"),
        Attribute::text("connectUserId", "The id in Amazon Connect").case_exact(),
        Attribute::text("connectUserArn", "The ARN in Amazon Connect").case_exact(),
    ];
    let told = "What came of it in Amazon Connect; if you write this extension, on request alone";
    Attribute::complex("provisioning", told, parts).read_only()
}
