//! The attribute table (RFC 7643). Resources, `/Schemas` and the documentation are all generated
//! from it.

mod access;
mod group;
mod user;

pub use user::Limits;

/// The type of an attribute's values (RFC 7643 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Base64 (RFC 7643 §2.3.6).
    Binary,
    /// A JSON boolean.
    Boolean,
    /// An object with these sub-attributes.
    Complex(Vec<Attribute>),
    /// A time (RFC 7643 §2.3.5); never writable here.
    DateTime,
    /// A whole number that fits into `i64`.
    Integer,
    /// A URI; what it may point to: resource types, `external`, `uri`.
    Reference(&'static [&'static str]),
    /// A string.
    String,
}

/// The mutability of an attribute (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Set by the service provider alone.
    ReadOnly,
    /// Clients may read and write it.
    ReadWrite,
    /// Clients may write it; it is never returned.
    WriteOnly,
    /// A sub-attribute that is set with its element and cannot be changed alone.
    Immutable,
}

/// When an attribute is returned (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// In every response.
    Always,
    /// Unless `attributes` or `excludedAttributes` leaves it out.
    Default,
    /// In no response.
    Never,
}

/// One attribute with its characteristics, as in `/Schemas` (RFC 7643 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name as RFC 7643 writes it.
    pub name: &'static str,
    /// The data type of each value.
    pub kind: Type,
    /// True if the value is a list.
    pub multi_valued: bool,
    /// A description for administrators, in one sentence.
    pub description: &'static str,
    /// True if every resource must have it.
    pub required: bool,
    /// The permitted values; any value if empty.
    pub canonical_values: Vec<String>,
    /// True if comparisons are case-sensitive.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is returned.
    pub returned: Returned,
    /// True if no two resources may have the same value (`uniqueness` of `server`).
    pub unique: bool,
}

/// A schema: a URN and its attributes (RFC 7643 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The URN.
    pub id: &'static str,
    /// A name for display.
    pub name: &'static str,
    /// A description for administrators.
    pub description: &'static str,
    /// The attributes of the schema.
    pub attributes: Vec<Attribute>,
}

/// A type of resource (RFC 7643 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// `User` or `Group`.
    pub name: &'static str,
    /// `/Users` or `/Groups`.
    pub endpoint: &'static str,
    /// A description for administrators, in one sentence.
    pub description: &'static str,
    /// The schema of every resource of this type.
    pub core: Schema,
    /// The optional schema extensions.
    pub extensions: Vec<Schema>,
    /// The common attributes, which no schema lists: `schemas`, `id`, `externalId` and `meta` (RFC
    /// 7643 §3.1).
    pub common: Vec<Attribute>,
}

impl ResourceType {
    /// The User type, with the attributes and values that the operator's lists permit.
    #[must_use]
    pub fn user(limits: &Limits) -> Self {
        Self {
            name: "User",
            endpoint: "/Users",
            description: "A person who works with Amazon Connect",
            core: user::core(),
            extensions: vec![user::enterprise(), user::connect(limits)],
            common: common(),
        }
    }

    /// The Group type.
    #[must_use]
    pub fn group() -> Self {
        Self {
            name: "Group",
            endpoint: "/Groups",
            description: "A group of users; the operator's GROUP_PROFILES says what its members get",
            core: group::core(),
            extensions: Vec::new(),
            common: common(),
        }
    }

    /// The extension with this URN, in any case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// The URN of the extension that has an attribute of this name, unless a core or common
    /// attribute has the name too.
    #[must_use]
    pub fn home_of(&self, name: &str) -> Option<&'static str> {
        let mut extensions = self.extensions.iter();
        let home = extensions.find(|schema| schema.attribute(name).is_some());
        home.map(|schema| schema.id).filter(|_| self.attribute(name).is_none())
    }

    /// The core or common attribute of this name, in any case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.core.attribute(name).or_else(|| find(&self.common, name))
    }
}

impl Schema {
    /// The attribute of this name, in any case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }
}

impl Attribute {
    /// The sub-attribute of this name, in any case.
    #[must_use]
    pub fn sub_attribute(&self, name: &str) -> Option<&Self> {
        find(self.sub_attributes(), name)
    }

    /// The sub-attributes; empty unless the type is complex.
    #[must_use]
    pub fn sub_attributes(&self) -> &[Self] {
        if let Type::Complex(attributes) = &self.kind { attributes } else { &[] }
    }

    fn new(name: &'static str, kind: Type, description: &'static str) -> Self {
        Self {
            name,
            kind,
            multi_valued: false,
            description,
            required: false,
            canonical_values: Vec::new(),
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
        }
    }

    fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::String, description)
    }

    fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::Boolean, description)
    }

    fn complex(name: &'static str, description: &'static str, attributes: Vec<Self>) -> Self {
        Self::new(name, Type::Complex(attributes), description)
    }

    fn reference(
        name: &'static str,
        types: &'static [&'static str],
        description: &'static str,
    ) -> Self {
        Self { case_exact: true, ..Self::new(name, Type::Reference(types), description) }
    }

    fn many(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn case_exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    fn always(self) -> Self {
        Self { returned: Returned::Always, ..self }
    }

    fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    /// Makes the attribute and all its sub-attributes read-only.
    fn read_only(mut self) -> Self {
        self.mutability = Mutability::ReadOnly;
        if let Type::Complex(attributes) = self.kind {
            self.kind = Type::Complex(attributes.into_iter().map(Self::read_only).collect());
        }
        self
    }

    fn one_of<V: Into<String>>(self, values: impl IntoIterator<Item = V>) -> Self {
        Self { canonical_values: values.into_iter().map(Into::into).collect(), ..self }
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The attributes of every resource (RFC 7643 §3 and §3.1).
fn common() -> Vec<Attribute> {
    let time = |name, description| Attribute::new(name, Type::DateTime, description);
    let meta = vec![
        Attribute::text("resourceType", "The type of the resource").case_exact(),
        time("created", "When it was made"),
        time("lastModified", "When a client last changed it"),
        Attribute::reference("location", &["uri"], "Where it is"),
        Attribute::text("version", "Its ETag").case_exact(),
    ];
    vec![
        Attribute::text("schemas", "The schemas it has").many().case_exact().read_only().always(),
        Attribute::text("id", "Its permanent id").case_exact().read_only().always(),
        Attribute::text("externalId", "The identity provider's own id").case_exact(),
        Attribute::complex("meta", "What is known of the resource itself", meta).read_only(),
    ]
}
