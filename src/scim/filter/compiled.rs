//! A filter prepared for evaluation against many resources: attributes are looked up and values
//! parsed and folded once. Evaluation copies nothing but non-ASCII texts whose case must be folded.

use serde_json::{Map, Value};

use super::Filter;
use super::compare::{Comparison, Either};
use crate::json::member;
use crate::scim::path::AttributePath;
use crate::scim::schema::{Attribute, ResourceType, Type};

/// A compiled filter on resources of one type.
#[derive(Debug)]
pub struct Compiled<'a>(Term<'a>);

/// A compiled filter on the elements of one attribute: the text in brackets.
#[derive(Debug)]
pub struct CompiledInner<'a>(Term<'a>);

#[derive(Debug)]
enum Term<'a> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare(AttributeRef<'a>, Comparison<'a>),
    Each(AttributeRef<'a>, Box<Self>),
    /// Several comparisons of one attribute, joined by `or`.
    Either(AttributeRef<'a>, Box<Either<'a>>),
    /// A condition that no resource can meet.
    Never,
    Not(Box<Self>),
    Present(AttributeRef<'a>),
}

/// Locates a value in a resource or in an element.
#[derive(Debug, PartialEq)]
struct AttributeRef<'a> {
    urn: Option<&'static str>,
    /// Spelled as in the attribute table, if it is there.
    name: &'a str,
    sub: Option<&'a str>,
}

/// The value that a filter is evaluated against.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Resource(&'a Map<String, Value>),
    /// One element of an attribute. A simple value is compared as its `value`.
    Element(&'a Value),
}

impl Filter {
    /// Compiles the filter for resources of this type.
    #[must_use]
    pub fn compile<'a>(&'a self, types: &'a ResourceType) -> Compiled<'a> {
        Compiled(self.terms_by(&|filter| match filter {
            Self::Compare(path, operator, value) => {
                let attribute = path.attribute(types);
                let comparison = Comparison::new(*operator, value, compared(path, attribute));
                Term::Compare(AttributeRef::of(path, attribute), comparison)
            }
            Self::Present(path) => Term::Present(AttributeRef::of(path, path.attribute(types))),
            Self::Each(path, inner) => match path.attribute(types) {
                Some(attribute) => {
                    let inner = inner.compile_inner(attribute).0;
                    Term::Each(AttributeRef::of(path, Some(attribute)), Box::new(inner))
                }
                None => Term::Never,
            },
            Self::And(..) | Self::Or(..) | Self::Not(_) => Term::Never,
        }))
    }

    /// Compiles the filter for the elements of this attribute.
    #[must_use]
    pub fn compile_inner<'a>(&'a self, attribute: &'a Attribute) -> CompiledInner<'a> {
        CompiledInner(self.terms_by(&|filter| match filter {
            Self::Compare(path, operator, value) => {
                let sub = attribute.sub_attribute(&path.name);
                let kind = compared(path, sub.or(Some(attribute)));
                Term::Compare(AttributeRef::of(path, sub), Comparison::new(*operator, value, kind))
            }
            Self::Present(path) => {
                Term::Present(AttributeRef::of(path, attribute.sub_attribute(&path.name)))
            }
            Self::And(..) | Self::Each(..) | Self::Or(..) | Self::Not(_) => Term::Never,
        }))
    }

    fn terms_by<'a>(&'a self, term: &impl Fn(&'a Self) -> Term<'a>) -> Term<'a> {
        match self {
            Self::And(left, right) => match (left.terms_by(term), right.terms_by(term)) {
                (Term::All(mut all), right) => {
                    all.push(right);
                    Term::All(all)
                }
                (left, right) => Term::All(vec![left, right]),
            },
            Self::Or(left, right) => {
                let mut any = match left.terms_by(term) {
                    Term::Any(any) => any,
                    left => vec![left.alone()],
                };
                right.terms_by(term).join(&mut any);
                Term::Any(any)
            }
            Self::Not(inner) => Term::Not(Box::new(inner.terms_by(term))),
            other => term(other),
        }
    }
}

impl<'a> Term<'a> {
    /// Turns a comparison that a single value decides into one that others of the same attribute
    /// can join.
    ///
    /// That is, "one value is a, or one value is b" equals "one value is a or b". That is not true
    /// of `ne` and `null`.
    fn alone(self) -> Self {
        match self {
            Self::Compare(place, comparison) if comparison.is_of_one_value() => {
                Self::Either(place, Box::new(Either::of(comparison)))
            }
            other => other,
        }
    }

    /// Adds the term to the operands of an `or`.
    fn join(self, any: &mut Vec<Self>) {
        match self {
            Self::Any(terms) => terms.into_iter().for_each(|term| term.join(any)),
            Self::Compare(place, comparison) if comparison.is_of_one_value() => {
                let own = any.iter_mut().find_map(|term| match term {
                    Self::Either(own, either) if *own == place => Some(either),
                    _ => None,
                });
                match own {
                    Some(either) => either.push(comparison),
                    None => any.push(Self::Compare(place, comparison).alone()),
                }
            }
            other => any.push(other),
        }
    }
}

impl Compiled<'_> {
    /// True if a resource, as clients see it, meets the filter.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        self.0.holds(Subject::Resource(resource))
    }
}

impl CompiledInner<'_> {
    /// True if one element of the attribute meets the filter.
    #[must_use]
    pub fn matches(&self, element: &Value) -> bool {
        self.0.holds(Subject::Element(element))
    }

    /// The case-folded `value` that every match must have, if the filter is `value eq "…"`, alone
    /// or joined with others by `and`; `None` otherwise.
    #[must_use]
    pub fn told_by(&self) -> Option<&str> {
        self.0.told_by()
    }
}

impl Term<'_> {
    fn told_by(&self) -> Option<&str> {
        match self {
            Self::All(terms) => terms.iter().find_map(Self::told_by),
            Self::Compare(place, comparison) if place.name.eq_ignore_ascii_case("value") => {
                comparison.equal_text()
            }
            _ => None,
        }
    }

    fn holds(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(subject)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(subject)),
            Self::Not(term) => !term.holds(subject),
            Self::Never => false,
            Self::Present(place) => place.any(subject, &|value| is_something(value)),
            Self::Each(place, inner) => {
                place.any(subject, &|value| inner.holds(Subject::Element(value)))
            }
            Self::Compare(place, comparison) => compares(place, subject, comparison),
            Self::Either(place, either) => {
                place.any(subject, &|found| simple(found).is_some_and(|found| either.holds(found)))
            }
        }
    }
}

/// Evaluates a comparison with any of the values. A complex value is compared by its `value`. An
/// attribute without a value equals `null` only, and is unequal to everything else.
fn compares(place: &AttributeRef<'_>, subject: Subject<'_>, comparison: &Comparison<'_>) -> bool {
    let is_equal = match comparison.is_with_null() {
        true => comparison.is_equality() && !place.any(subject, &|value| is_something(value)),
        false => {
            place.any(subject, &|found| simple(found).is_some_and(|found| comparison.holds(found)))
        }
    };
    is_equal != comparison.is_negated()
}

/// The part of a value that is compared: a complex value's `value`.
fn simple(found: &Value) -> Option<&Value> {
    found.as_object().map_or(Some(found), |members| member(members, "value"))
}

impl<'a> AttributeRef<'a> {
    fn of(path: &'a AttributePath, attribute: Option<&'a Attribute>) -> Self {
        let name = attribute.map_or(path.name.as_str(), |attribute| attribute.name);
        Self { urn: path.urn, name, sub: path.sub.as_deref() }
    }

    /// True if the condition holds for any of the values found.
    fn any<'v>(&self, subject: Subject<'v>, is_such: &dyn Fn(&'v Value) -> bool) -> bool {
        match subject {
            Subject::Resource(resource) => {
                let found = self.found(resource);
                match self.sub {
                    None => any_of(found, is_such),
                    Some(sub) => any_of(found, &|value| {
                        let members = value.as_object();
                        any_of(members.and_then(|members| named(members, sub)), is_such)
                    }),
                }
            }
            Subject::Element(Value::Object(members)) => any_of(named(members, self.name), is_such),
            Subject::Element(simple) => self.name.eq_ignore_ascii_case("value") && is_such(simple),
        }
    }

    fn found<'v>(&self, resource: &'v Map<String, Value>) -> Option<&'v Value> {
        let home = match self.urn {
            Some(urn) if self.name.is_empty() => return resource.get(urn),
            Some(urn) => resource.get(urn)?.as_object()?,
            None => resource,
        };
        named(home, self.name)
    }
}

/// A member that is not null, by its name in any case. The exact spelling is tried first, as most
/// have it.
fn named<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    match members.get(name) {
        Some(value) => Some(value).filter(|value| !value.is_null()),
        None => member(members, name),
    }
}

fn any_of<'v>(value: Option<&'v Value>, is_such: &dyn Fn(&'v Value) -> bool) -> bool {
    match value {
        None => false,
        Some(Value::Array(values)) => values.iter().any(is_such),
        Some(value) => is_such(value),
    }
}

/// The attribute that determines how values are compared: for a complex one, the sub-attribute.
fn compared<'a>(path: &AttributePath, attribute: Option<&'a Attribute>) -> Option<&'a Attribute> {
    let sub = path.sub.as_deref().unwrap_or("value");
    attribute.map(|attribute| match &attribute.kind {
        Type::Complex(_) => attribute.sub_attribute(sub).unwrap_or(attribute),
        _ => attribute,
    })
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(is_something),
        Value::Object(members) => members.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
