//! The one table of attributes (RFC 7643): resources, `/Schemas` and the documentation come from it.

mod access;
mod group;
mod user;

pub use user::Limits;

/// The type of an attribute's values (RFC 7643 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Base64 (RFC 7643 §2.3.6).
    Binary,
    /// True or false.
    Boolean,
    /// Several attributes.
    Complex(Vec<Attribute>),
    /// A time (RFC 7643 §2.3.5); never writable here.
    DateTime,
    /// A whole number.
    Integer,
    /// A URI of one of these: resource types, `external`, `uri`.
    Reference(&'static [&'static str]),
    /// A text.
    String,
}

/// The mutability of an attribute (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Only we.
    ReadOnly,
    /// Everybody who may write.
    ReadWrite,
    /// Everybody who may write, and nobody reads it.
    WriteOnly,
    /// Only with the value that it is part of.
    Immutable,
}

/// When an attribute is part of an answer (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Whatever is asked for.
    Always,
    /// Unless something else is asked for.
    Default,
    /// Not at all.
    Never,
}

/// One attribute, with the characteristics that `/Schemas` tells (RFC 7643 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name as RFC 7643 writes it.
    pub name: &'static str,
    /// The kind of each value.
    pub kind: Type,
    /// True if there may be several values.
    pub multi_valued: bool,
    /// One sentence for an administrator.
    pub description: &'static str,
    /// True if a resource must have it.
    pub required: bool,
    /// The values that there are; any, if empty.
    pub canonical_values: Vec<String>,
    /// True if a value's case counts when it is compared.
    pub case_exact: bool,
    /// Its mutability.
    pub mutability: Mutability,
    /// When it is part of an answer.
    pub returned: Returned,
    /// True if no two resources may have the same value.
    pub unique: bool,
}

/// A schema: a URN and its attributes (RFC 7643 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The URN.
    pub id: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// One sentence for an administrator.
    pub description: &'static str,
    /// Its sub-attributes.
    pub attributes: Vec<Attribute>,
}

/// A type of resource (RFC 7643 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceType {
    /// `User` or `Group`.
    pub name: &'static str,
    /// `/Users` or `/Groups`.
    pub endpoint: &'static str,
    /// One sentence for an administrator.
    pub description: &'static str,
    /// The schema that every resource of this type has.
    pub core: Schema,
    /// The schemas that it may have besides.
    pub extensions: Vec<Schema>,
    /// The attributes that every type has and no schema lists: `schemas`, `id`, `externalId` and
    /// `meta` (RFC 7643 §3.1).
    pub common: Vec<Attribute>,
}

impl ResourceType {
    /// Users, with what the operator's lists let a payload name.
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

    /// Groups.
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

    /// The extension of this URN, in any case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// The extension that has an attribute of this name, where nothing else has.
    #[must_use]
    pub fn home_of(&self, name: &str) -> Option<&'static str> {
        let mut extensions = self.extensions.iter();
        let home = extensions.find(|schema| schema.attribute(name).is_some());
        home.map(|schema| schema.id).filter(|_| self.attribute(name).is_none())
    }

    /// An attribute of the core schema or one that every type has, in any case.
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

    /// The sub-attributes; none, if it is not complex.
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

    /// Read-only, with all that it consists of.
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

/// The attributes that every resource has (RFC 7643 §3 and §3.1).
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
