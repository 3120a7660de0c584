//! SCIM filters (RFC 7644 §3.4.2.2): parsed, written, and evaluated against a resource.
//!
//! The grammar is the RFC's, with limits on length, depth and number of terms. Unless `SCIM_STRICT`
//! is set, a value may lack its quotes and a boolean may be a string, as identity providers send
//! them.

mod compare;
mod compiled;
pub(crate) mod lexer;
pub mod lookup;
mod parse;

use std::fmt;

use serde_json::{Map, Value};

use super::path::AttributePath;
use super::schema::{Attribute, ResourceType, Type};
use crate::fault::{Fault, Kind};
pub use compiled::{Compiled, CompiledInner};
use parse::Parser;

/// The maximum length of a filter, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// The maximum nesting depth of parentheses and brackets.
pub const MAX_DEPTH: usize = 16;

/// The maximum number of terms in a filter.
pub const MAX_TERMS: usize = 100;

/// A filter expression: a condition on one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Both conditions hold (`and`).
    And(Box<Self>, Box<Self>),
    /// A value of the attribute compares so with this value (`userName eq "x"`).
    Compare(AttributePath, Operator, Value),
    /// One element of a multi-valued attribute meets the inner filter (`emails[type eq "work"]`). A
    /// comparison after the brackets applies to the same element: `emails[type eq "work"].value eq
    /// "x"`.
    Each(AttributePath, Box<Self>),
    /// The condition does not hold (`not`).
    Not(Box<Self>),
    /// Either condition holds (`or`).
    Or(Box<Self>, Box<Self>),
    /// The attribute has a value (`pr`).
    Present(AttributePath),
}

/// The comparison operators (RFC 7644 §3.4.2.2, table 3), without `pr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `co`: contains.
    Contains,
    /// `ew`: ends with.
    EndsWith,
    /// `eq`: equal.
    Equal,
    /// `gt`: greater than, or later.
    Greater,
    /// `ge`: greater than or equal.
    GreaterOrEqual,
    /// `lt`: less than.
    Less,
    /// `le`: less than or equal.
    LessOrEqual,
    /// `ne`: not equal.
    NotEqual,
    /// `sw`: starts with.
    StartsWith,
}

const OPERATORS: [(&str, Operator); 9] = [
    ("co", Operator::Contains),
    ("ew", Operator::EndsWith),
    ("eq", Operator::Equal),
    ("gt", Operator::Greater),
    ("ge", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("le", Operator::LessOrEqual),
    ("ne", Operator::NotEqual),
    ("sw", Operator::StartsWith),
];

impl Operator {
    fn named(text: &str) -> Option<Self> {
        let found = OPERATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, operator)| *operator)
    }

    fn name(self) -> &'static str {
        OPERATORS.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    const fn is_ordering(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }
}

impl Filter {
    /// Parses a filter on resources of this type.
    ///
    /// # Errors
    /// [`Kind::InvalidFilter`].
    pub fn parse(text: &str, types: &ResourceType, strict: bool) -> Result<Self, Fault> {
        Parser::new(text, types, None, strict)?.whole()
    }

    /// Parses a filter of a query over two resource types. An attribute that only `others` has is
    /// accepted; resources of `types` have no value for it (RFC 7644 §3.4.2.1).
    ///
    /// # Errors
    /// [`Kind::InvalidFilter`].
    pub fn read_for_both(
        text: &str,
        types: &ResourceType,
        others: &ResourceType,
        strict: bool,
    ) -> Result<Self, Fault> {
        Parser::new(text, types, None, strict)?.beside(others).whole()
    }

    /// Parses the filter in the brackets after a multi-valued attribute.
    ///
    /// # Errors
    /// [`Kind::InvalidFilter`].
    pub(super) fn read_inner(
        text: &str,
        types: &ResourceType,
        outer: Option<&Attribute>,
        strict: bool,
    ) -> Result<Self, Fault> {
        // An unknown attribute has no values, so any known one may stand in for it.
        let outer = outer.or(types.core.attributes.first());
        Parser::new(text, types, outer, strict)?.whole()
    }

    /// Evaluates the filter against a resource as clients see it. To evaluate many resources,
    /// [compile](Self::compile) it once.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>, types: &ResourceType) -> bool {
        self.compile(types).matches(resource)
    }

    /// The sub-attributes and values of a filter that consists only of `eq` terms joined by `and`;
    /// `None` for any other filter.
    #[must_use]
    pub fn equalities(&self) -> Option<Vec<(&str, &Value)>> {
        match self {
            Self::And(left, right) => {
                let mut all = left.equalities()?;
                all.extend(right.equalities()?);
                Some(all)
            }
            Self::Compare(path, Operator::Equal, value) if !value.is_null() => {
                Some(vec![(path.name.as_str(), value)])
            }
            _ => None,
        }
    }

    /// True if the filter refers to this attribute (of the extension `urn`, if given) or to that
    /// extension as a whole.
    #[must_use]
    pub fn looks_at(&self, urn: Option<&str>, name: &str) -> bool {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.looks_at(urn, name) || right.looks_at(urn, name)
            }
            Self::Not(inner) => inner.looks_at(urn, name),
            Self::Compare(path, ..) | Self::Each(path, _) | Self::Present(path) => {
                path.urn == urn && (path.name.is_empty() || path.name.eq_ignore_ascii_case(name))
            }
        }
    }

    /// The names of all attributes in the filter, sorted, without their URNs; `None` if it refers
    /// to a whole extension.
    #[must_use]
    pub fn names(&self) -> Option<Vec<&str>> {
        let mut names = match self {
            Self::And(left, right) | Self::Or(left, right) => {
                let mut names = left.names()?;
                names.extend(right.names()?);
                names
            }
            Self::Not(inner) => inner.names()?,
            Self::Compare(path, ..) | Self::Each(path, _) | Self::Present(path) => {
                if path.name.is_empty() {
                    return None;
                }
                vec![path.name.as_str()]
            }
        };
        names.sort_unstable();
        names.dedup();
        Some(names)
    }

    /// True if the filter refers only to sub-attributes of `outer` that are stored as they are
    /// shown. `$ref` is not stored: it is built for each response from the origin that the client
    /// used.
    #[must_use]
    pub(super) fn names_parts_of(&self, outer: &Attribute) -> bool {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.names_parts_of(outer) && right.names_parts_of(outer)
            }
            Self::Not(inner) => inner.names_parts_of(outer),
            Self::Compare(path, ..) | Self::Present(path) => match &outer.kind {
                Type::Complex(_) => {
                    outer.sub_attribute(&path.name).is_some_and(|it| it.name != "$ref")
                }
                _ => path.name.eq_ignore_ascii_case("value"),
            },
            Self::Each(..) => false,
        }
    }

    /// The number of comparisons and `pr` terms.
    #[must_use]
    pub fn terms(&self) -> usize {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                left.terms().saturating_add(right.terms())
            }
            Self::Not(inner) | Self::Each(_, inner) => inner.terms(),
            Self::Compare(..) | Self::Present(_) => 1,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(left, right) => {
                let side = |side: &Self| match side {
                    Self::Or(..) => format!("({side})"),
                    _ => side.to_string(),
                };
                let right = match right.as_ref() {
                    Self::And(..) => format!("({right})"),
                    right => side(right),
                };
                write!(formatter, "{} and {right}", side(left))
            }
            Self::Or(left, right) => match right.as_ref() {
                Self::Or(..) => write!(formatter, "{left} or ({right})"),
                _ => write!(formatter, "{left} or {right}"),
            },
            Self::Not(filter) => write!(formatter, "not ({filter})"),
            Self::Compare(path, operator, value) => {
                write!(formatter, "{path} {} {value}", operator.name())
            }
            Self::Present(path) => write!(formatter, "{path} pr"),
            Self::Each(path, filter) => write!(formatter, "{path}[{filter}]"),
        }
    }
}

fn invalid(found: &str) -> Fault {
    Fault::new(
        Kind::InvalidFilter,
        format!(
            "filter: expected one as in userName eq \"ana@example.com\" (RFC 7644, section \
             3.4.2.2), found {found}"
        ),
    )
}

#[cfg(test)]
mod tests;
