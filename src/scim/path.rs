//! Attribute paths (RFC 7644 §3.10, and §3.5.2 figure 7 for PATCH): `name.familyName`, `emails[type
//! eq "work"].value`, `urn:…:User:manager.value`.

use std::fmt;

use super::filter::Filter;
use super::filter::lexer::Lexer;
use super::schema::{Attribute, ResourceType, Schema};
use crate::fault::{Fault, Kind};

/// The path of an attribute, a sub-attribute, or a whole extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The URN of the extension, as the attribute table spells it; `None` for core attributes.
    pub urn: Option<&'static str>,
    /// The attribute name; empty if the path is the extension's URN alone.
    pub name: String,
    /// The sub-attribute name.
    pub sub: Option<String>,
}

/// The target of a PATCH operation: an attribute, or the elements of it that a filter selects.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The attribute; its `sub` is always `None`.
    pub attribute: AttributePath,
    /// Selects elements of a multi-valued attribute.
    pub filter: Option<Filter>,
    /// The sub-attribute name, of each selected element.
    pub sub: Option<String>,
}

impl AttributePath {
    /// Parses a path without a filter. Whether the attribute exists is not checked.
    ///
    /// # Errors
    /// [`Kind::InvalidPath`] if the syntax is wrong, or the URN is not in the attribute table.
    pub fn parse(text: &str, types: &ResourceType) -> Result<Self, Fault> {
        let (urn, rest) = split_urn(text, types)?;
        if rest.is_empty() && urn.is_some() {
            return Ok(Self { urn, name: String::new(), sub: None });
        }
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        if !is_name(name) || !sub.is_none_or(is_name) {
            return Err(invalid());
        }
        Ok(Self { urn, name: name.to_owned(), sub: sub.map(str::to_owned) })
    }

    /// Adds the missing URN if an extension alone has an attribute of this name.
    ///
    /// Entra ID's early documentation, and clients after it, write `manager` and `department`
    /// without the URN. A core attribute always wins.
    #[must_use]
    pub(super) fn at_home(self, types: &ResourceType) -> Self {
        let urn = self.urn.or_else(|| types.home_of(&self.name));
        Self { urn, ..self }
    }

    /// The attribute in the table, if it exists.
    #[must_use]
    pub fn attribute<'a>(&self, types: &'a ResourceType) -> Option<&'a Attribute> {
        match self.urn {
            Some(urn) => types.extension(urn)?.attribute(&self.name),
            None => types.attribute(&self.name),
        }
    }
}

impl Path {
    /// Parses the path of a PATCH operation. If lenient, an extension's attribute may lack its URN.
    ///
    /// # Errors
    /// [`Kind::InvalidPath`]; [`Kind::InvalidFilter`] for the text in brackets.
    pub fn parse(text: &str, types: &ResourceType, strict: bool) -> Result<Self, Fault> {
        Self::read_in(None, text, types, strict)
    }

    /// As [`Path::parse`]. If `urn` is given, the name is a member of that extension's object, and
    /// belongs to the extension unless it has a URN of its own.
    ///
    /// # Errors
    /// As for [`Path::parse`].
    pub(super) fn read_in(
        urn: Option<&'static str>,
        text: &str,
        types: &ResourceType,
        strict: bool,
    ) -> Result<Self, Fault> {
        let text = text.trim();
        let at_home = |attribute: AttributePath| match urn {
            Some(urn) if !is_urn(text) => AttributePath { urn: Some(urn), ..attribute },
            _ if strict => attribute,
            _ => attribute.at_home(types),
        };
        let Some((front, rest)) = text.split_once('[') else {
            let mut attribute = at_home(AttributePath::parse(text, types)?);
            let sub = attribute.sub.take();
            return Ok(Self { attribute, filter: None, sub });
        };
        let (filter, behind) = Lexer::bracketed(rest).ok_or_else(invalid)?;
        let attribute = at_home(AttributePath::parse(front.trim_end(), types)?);
        if attribute.sub.is_some() || attribute.name.is_empty() {
            return Err(invalid());
        }
        let sub = match behind.trim().strip_prefix('.') {
            Some(sub) if is_name(sub) => Some(sub.to_owned()),
            None if behind.trim().is_empty() => None,
            _ => return Err(invalid()),
        };
        let known = attribute.attribute(types);
        if strict && known.is_none() {
            return Err(invalid());
        }
        let filter = Filter::read_inner(filter, types, known, strict)?;
        let is_known =
            |known: &Attribute| !types.is_access(known.name) || filter.names_parts_of(known);
        if !known.is_none_or(is_known) {
            // Such a filter would match nobody, and a removal of nobody would be answered with
            // success.
            return Err(Fault::new(Kind::InvalidFilter, UNKNOWN_PART));
        }
        Ok(Self { attribute, filter: Some(filter), sub })
    }
}

impl Path {
    /// True for the `members` of a group.
    #[must_use]
    pub(super) fn is_members(&self) -> bool {
        self.attribute.name.eq_ignore_ascii_case("members")
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.urn.is_some() && !self.name.is_empty() { ":" } else { "" };
        write!(formatter, "{}{colon}{}", self.urn.unwrap_or_default(), self.name)?;
        self.sub.as_ref().map_or(Ok(()), |sub| write!(formatter, ".{sub}"))
    }
}

/// Splits the URN off a path. The URN of the core schema is dropped.
fn split_urn<'a>(
    text: &'a str,
    types: &ResourceType,
) -> Result<(Option<&'static str>, &'a str), Fault> {
    if !is_urn(text) {
        return Ok((None, text));
    }
    let behind = |schema: &Schema| {
        let (front, rest) = text.split_at_checked(schema.id.len())?;
        let is_meant = front.eq_ignore_ascii_case(schema.id);
        is_meant.then_some(rest).filter(|rest| rest.is_empty() || rest.starts_with([':', '.']))
    };
    let rest = |rest: &'a str| rest.get(1..).unwrap_or_default();
    if let Some(found) = behind(&types.core) {
        return if found.is_empty() { Err(invalid()) } else { Ok((None, rest(found))) };
    }
    let found = types.extensions.iter().find_map(|own| Some((own.id, behind(own)?)));
    found.map(|(urn, found)| (Some(urn), rest(found))).ok_or_else(invalid)
}

/// True if a path starts with `urn:`, in any case.
pub(super) fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// The syntax of attribute names: `ALPHA *("-" / "_" / DIGIT / ALPHA)`, and `$ref` (RFC 7643 §2.1).
fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

const UNKNOWN_PART: &str = "filter: expected parts of the attribute that tell one value from another, as \
    in members[value eq \"…\"], found another";

fn invalid() -> Fault {
    Fault::new(
        Kind::InvalidPath,
        "path: expected an attribute of the resource, as in name.familyName or emails[type eq \
         \"work\"].value, found another",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::Limits;
    use crate::scim::{CONNECT_SCHEMA, ENTERPRISE_SCHEMA, USER_SCHEMA};

    #[test]
    fn a_path_is_taken_apart() {
        let types = ResourceType::user(&Limits::default());
        let read = |text: &str| {
            Path::parse(text, &types, false).map(|path| {
                (path.attribute.to_string(), path.filter.map(|it| it.to_string()), path.sub)
            })
        };
        let of = |name: &str, filter: Option<&str>, sub: Option<&str>| {
            Ok((name.to_owned(), filter.map(str::to_owned), sub.map(str::to_owned)))
        };
        assert_eq!(read("userName"), of("userName", None, None));
        assert_eq!(read(" name.familyName "), of("name", None, Some("familyName")));
        assert_eq!(
            read("emails[type eq \"work\"].value"),
            of("emails", Some("type eq \"work\""), Some("value"))
        );
        assert_eq!(
            read("emails[type eq \"a]b\\\"\" and primary eq true]"),
            of("emails", Some("type eq \"a]b\\\"\" and primary eq true"), None)
        );
        assert_eq!(
            read(&format!("{USER_SCHEMA}:name.givenName")),
            of("name", None, Some("givenName"))
        );
        let manager = format!("{ENTERPRISE_SCHEMA}:manager");
        assert_eq!(read(&format!("{manager}.value")), of(&manager, None, Some("value")));
        assert_eq!(
            read(&manager.to_uppercase()).unwrap().0,
            format!("{ENTERPRISE_SCHEMA}:MANAGER")
        );
        assert_eq!(read(CONNECT_SCHEMA), of(CONNECT_SCHEMA, None, None));
        assert_eq!(read("members[value eq \"1\"].$ref").unwrap().2.unwrap(), "$ref");
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a.b.c",
            "9a",
            "a b",
            "a[",
            "a[]",
            "a[b eq 1]c",
            "a[b eq 1].",
            "[a eq 1]",
            "a.b[c eq 1]",
            "urn:x:y",
            USER_SCHEMA,
            "urn:",
            "é",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
