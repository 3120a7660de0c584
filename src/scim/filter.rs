//! Filters (RFC 7644 §3.4.2.2): read, written, and held against a resource.
//!
//! The grammar is the RFC's, capped in length, depth and number of terms. Besides it, unless the
//! operator is strict, a value may stand without quotes, and a boolean may be a text, as identity
//! providers write them.

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

/// The longest filter, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// Terms may nest so deep.
pub const MAX_DEPTH: usize = 16;

/// A filter may have so many terms.
pub const MAX_TERMS: usize = 100;

/// A condition on a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Both.
    And(Box<Self>, Box<Self>),
    /// A value of the attribute compares so.
    Compare(AttributePath, Operator, Value),
    /// One value of a multi-valued attribute is such; and with it, a sub-attribute compares so:
    /// `emails[type eq "work"].value eq "x"`.
    Each(AttributePath, Box<Self>),
    /// Not that.
    Not(Box<Self>),
    /// Either.
    Or(Box<Self>, Box<Self>),
    /// The attribute has a value.
    Present(AttributePath),
}

/// How two values are compared (RFC 7644 §3.4.2.2, table 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Contains.
    Contains,
    /// Ends with.
    EndsWith,
    /// Equal.
    Equal,
    /// Greater than, or later.
    Greater,
    /// Greater than or equal.
    GreaterOrEqual,
    /// Less than.
    Less,
    /// Less than or equal.
    LessOrEqual,
    /// Not equal.
    NotEqual,
    /// Starts with.
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
    /// Reads a filter.
    ///
    /// # Errors
    /// [`Kind::InvalidFilter`].
    pub fn parse(text: &str, types: &ResourceType, strict: bool) -> Result<Self, Fault> {
        Parser::new(text, types, None, strict)?.whole()
    }

    /// Reads a filter that is asked of resources of another type too: an attribute that these lack and
    /// those have is one, and has no value here (RFC 7644 §3.4.2.1).
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

    /// Reads what stands in the brackets behind an attribute.
    ///
    /// # Errors
    /// [`Kind::InvalidFilter`].
    pub(super) fn read_inner(
        text: &str,
        types: &ResourceType,
        outer: Option<&Attribute>,
        strict: bool,
    ) -> Result<Self, Fault> {
        // Where the attribute is unknown, any known one stands for it: nothing matches anyway.
        let outer = outer.or(types.core.attributes.first());
        Parser::new(text, types, outer, strict)?.whole()
    }

    /// Whether a resource, as it is shown, is such. Who asks that of many makes it ready
    /// [once](Self::compile).
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>, types: &ResourceType) -> bool {
        self.compile(types).matches(resource)
    }

    /// The sub-attributes and values that an element must have, if the filter says just that: terms
    /// of `eq`, joined by `and`.
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

    /// Whether it looks at an attribute, of an extension if a URN is given, or at the whole of that
    /// extension.
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

    /// The names of all attributes that it looks at, whatever their schema; `None` if it looks at the
    /// whole of an extension.
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

    /// Whether all that it looks at, in brackets behind an attribute, are parts of it that are kept as
    /// they are shown. `$ref` is not: it is made anew for each front.
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

    /// How many comparisons it has.
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
