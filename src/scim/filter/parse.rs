//! A recursive-descent parser for filters. Precedence, lowest first: `or`, `and`, `not`.

use std::iter::Peekable;

use serde_json::Value;

use super::lexer::{Lexer, Token};
use super::{Filter, MAX_DEPTH, MAX_LENGTH, MAX_TERMS, Operator, invalid};
use crate::fault::Fault;
use crate::scim::path::AttributePath;
use crate::scim::reference::Reference;
use crate::scim::schema::{Attribute, ResourceType, Type};
use crate::time;

/// Parses one filter.
pub(super) struct Parser<'a> {
    words: Peekable<Words<'a>>,
    types: &'a ResourceType,
    /// The attribute before the brackets, while inside them.
    outer: Option<&'a Attribute>,
    /// Another type whose attributes are accepted too; they have no value here.
    others: Option<&'a ResourceType>,
    strict: bool,
    depth: usize,
    terms: usize,
}

/// The tokens, with a closing bracket and the sub-attribute after it as one.
struct Words<'a>(Lexer<'a>);

enum Word<'a> {
    Token(Token<'a>),
    /// `]`, and the `.name` after it if present.
    End(Option<&'a str>),
}

impl<'a> Iterator for Words<'a> {
    type Item = Result<Word<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|token| match token {
            Token::CloseBracket => Word::End(self.0.sub_attribute()),
            token => Word::Token(token),
        }))
    }
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        text: &'a str,
        types: &'a ResourceType,
        outer: Option<&'a Attribute>,
        strict: bool,
    ) -> Result<Self, Fault> {
        if text.len() > MAX_LENGTH {
            return Err(invalid("one of more than 4096 bytes"));
        }
        let words = Words(Lexer::new(text)).peekable();
        Ok(Self { words, types, outer, others: None, strict, depth: 0, terms: 0 })
    }

    /// Accepts the attributes of another type too.
    pub(super) fn beside(mut self, others: &'a ResourceType) -> Self {
        self.others = Some(others);
        self
    }

    /// Parses a filter up to the end of the text.
    pub(super) fn whole(mut self) -> Result<Filter, Fault> {
        let filter = self.either()?;
        match self.words.next() {
            None => Ok(filter),
            Some(_) => Err(invalid("something behind its end")),
        }
    }

    fn either(&mut self) -> Result<Filter, Fault> {
        let mut filter = self.both()?;
        while self.takes("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<Filter, Fault> {
        let mut filter = self.term()?;
        while self.takes("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.term()?));
        }
        Ok(filter)
    }

    fn term(&mut self) -> Result<Filter, Fault> {
        self.terms = self.terms.saturating_add(1);
        if self.terms > MAX_TERMS {
            return Err(invalid("one of more than 100 terms"));
        }
        let word = match self.word()? {
            Word::Token(Token::Open) => return self.group(),
            Word::Token(Token::Word(word)) => word,
            _ => return Err(invalid("no attribute where one was due")),
        };
        if word.eq_ignore_ascii_case("not")
            && matches!(self.words.peek(), Some(Ok(Word::Token(Token::Open))))
        {
            self.words.next();
            return Ok(Filter::Not(Box::new(self.group()?)));
        }
        let path = self.path(word)?;
        if matches!(self.words.peek(), Some(Ok(Word::Token(Token::OpenBracket)))) {
            self.words.next();
            return self.bracket(path);
        }
        self.comparison(path)
    }

    /// Parses the rest of a group after its opening parenthesis.
    fn group(&mut self) -> Result<Filter, Fault> {
        self.deeper()?;
        let filter = self.either()?;
        self.depth = self.depth.saturating_sub(1);
        match self.word()? {
            Word::Token(Token::Close) => Ok(filter),
            _ => Err(invalid("a parenthesis that is not closed")),
        }
    }

    /// Parses a filter in brackets after an attribute, and the comparison of a sub-attribute that
    /// may follow, as Entra ID sends it.
    fn bracket(&mut self, path: AttributePath) -> Result<Filter, Fault> {
        let attribute = self.attribute(&path);
        if self.outer.is_some() || path.sub.is_some() {
            return Err(invalid("brackets in brackets"));
        }
        self.deeper()?;
        // An unknown attribute has no values, so any known one may stand in for it.
        self.outer = attribute.or(self.types.core.attributes.first());
        let inner = self.either()?;
        self.outer = None;
        self.depth = self.depth.saturating_sub(1);
        let Word::End(sub) = self.word()? else {
            return Err(invalid("a bracket that is not closed"));
        };
        let Some(sub) = sub else { return Ok(Filter::Each(path, Box::new(inner))) };
        let sub = AttributePath { urn: None, name: sub.to_owned(), sub: None };
        let behind = self.comparison(sub)?;
        Ok(Filter::Each(path, Box::new(Filter::And(Box::new(inner), Box::new(behind)))))
    }

    /// Parses an operator and its value, if it takes one.
    fn comparison(&mut self, path: AttributePath) -> Result<Filter, Fault> {
        let Word::Token(Token::Word(operator)) = self.word()? else {
            return Err(invalid("no operator where one was due"));
        };
        if operator.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let operator =
            Operator::named(operator).ok_or_else(|| invalid("no operator where one was due"))?;
        let value = match self.word()? {
            Word::Token(Token::Text(text)) => Value::String(text.into_owned()),
            Word::Token(Token::Single(_)) if self.strict => {
                return Err(invalid("a text in single quotes"));
            }
            Word::Token(Token::Single(text)) => Value::String(text.into_owned()),
            Word::Token(Token::Word(word)) => self.bare(word)?,
            _ => return Err(invalid("no value where one was due")),
        };
        let attribute = match self.outer {
            Some(outer) => outer.sub_attribute(&path.name),
            None => path.attribute(self.types).map(|attribute| match &path.sub {
                Some(sub) => attribute.sub_attribute(sub).unwrap_or(attribute),
                None => attribute,
            }),
        };
        let unordered = attribute
            .is_some_and(|attribute| matches!(attribute.kind, Type::Boolean | Type::Binary));
        if unordered && operator.is_ordering() {
            return Err(invalid("an order among values that have none"));
        }
        let is_time = attribute.is_some_and(|attribute| attribute.kind == Type::DateTime);
        let is_read = |value: &Value| value.as_str().and_then(time::read).is_some();
        if is_time && operator.is_ordering() && !is_read(&value) {
            return Err(invalid("no time as in 2026-11-26T08:00:00Z where one was due"));
        }
        Ok(self.by_id(path, operator, value))
    }

    /// Builds a comparison. One of `$ref` becomes one of the id in it: we store no `$ref`, but
    /// build it for each response from the origin that the client used.
    fn by_id(&self, mut path: AttributePath, operator: Operator, value: Value) -> Filter {
        let list = self.outer.map_or(path.name.as_str(), |outer| outer.name);
        let is_link = ["members", "groups"].iter().any(|own| own.eq_ignore_ascii_case(list));
        let part = match self.outer {
            Some(_) => Some(&mut path.name),
            None => path.sub.as_mut(),
        };
        let Some(part) = part.filter(|_| is_link && path.urn.is_none()) else {
            return Filter::Compare(path, operator, value);
        };
        if part.eq_ignore_ascii_case("id") && !self.strict {
            "value".clone_into(part);
        }
        let is_reference =
            part.eq_ignore_ascii_case("$ref") || !self.strict && part.eq_ignore_ascii_case("value");
        let id = value.as_str().filter(|_| is_reference).and_then(Reference::parse);
        let (Some(Reference { id, .. }), Some(operator)) = (id, by_whole_id(operator)) else {
            return Filter::Compare(path, operator, value);
        };
        "value".clone_into(part);
        Filter::Compare(path, operator, id.into())
    }

    /// Parses an unquoted value: `true`, `false`, `null` or a number; any other is a string, or
    /// refused in strict mode.
    fn bare(&self, word: &str) -> Result<Value, Fault> {
        match serde_json::from_str(word) {
            Ok(value @ (Value::Bool(_) | Value::Null | Value::Number(_))) => Ok(value),
            _ if self.strict => Err(invalid("a value without quotes")),
            // Typographic quotes, as word processors insert them.
            _ if word.starts_with(['‘', '’', '“', '”', '„', '«', '»', '`']) => {
                Err(invalid("quotes that are none of JSON's"))
            }
            _ => Ok(match word.to_ascii_lowercase().as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ => word.into(),
            }),
        }
    }

    fn path(&self, word: &str) -> Result<AttributePath, Fault> {
        let no_attribute = || invalid("no attribute where one was due");
        let path = match (AttributePath::parse(word, self.types), self.others) {
            (Ok(path), _) => path,
            (Err(_), Some(others)) => {
                let path = AttributePath::parse(word, others).map_err(|_| no_attribute())?;
                // No resource of this type has a member with that URN, so nothing matches.
                AttributePath { urn: path.urn.or(Some(others.core.id)), ..path }
            }
            (Err(_), None) => return Err(no_attribute()),
        };
        let path = match self.outer {
            Some(outer) => inside(outer, path).ok_or_else(no_attribute)?,
            None if self.strict => path,
            // Entra ID filters by `manager` without its URN.
            None => path.at_home(self.types),
        };
        let known = match self.outer {
            Some(outer) => outer.sub_attribute(&path.name).is_some(),
            None => path.name.is_empty() || self.attribute(&path).is_some(),
        };
        if self.strict && !known {
            return Err(invalid("an attribute that no schema has"));
        }
        Ok(path)
    }

    /// The attribute of a path, in this type or in the other.
    fn attribute(&self, path: &AttributePath) -> Option<&'a Attribute> {
        let theirs = || {
            let others = self.others?;
            let urn = path.urn.filter(|urn| *urn != others.core.id);
            AttributePath { urn, ..path.clone() }.attribute(others)
        };
        path.attribute(self.types).or_else(theirs)
    }

    fn word(&mut self) -> Result<Word<'a>, Fault> {
        match self.words.next() {
            Some(Ok(word)) => Ok(word),
            Some(Err(())) => Err(invalid("a text in quotes that is none")),
            None => Err(invalid("the end of it too soon")),
        }
    }

    /// Consumes a keyword if it comes next.
    fn takes(&mut self, keyword: &str) -> bool {
        let is_next = |word: &Result<Word<'_>, ()>| matches!(word, Ok(Word::Token(Token::Word(word))) if word.eq_ignore_ascii_case(keyword));
        self.words.next_if(is_next).is_some()
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(invalid("one that is more than 16 deep"));
        }
        Ok(())
    }
}

/// The sub-attribute that a path in brackets refers to. Some clients repeat the attribute's name:
/// `emails[emails.type eq "work"]`.
fn inside(outer: &Attribute, path: AttributePath) -> Option<AttributePath> {
    let AttributePath { name, sub, .. } = &path;
    match sub {
        None => Some(path),
        Some(sub) if name.eq_ignore_ascii_case(outer.name) => {
            Some(AttributePath { urn: None, name: sub.clone(), sub: None })
        }
        Some(_) => None,
    }
}

/// The operator for ids that replaces one for `$ref`. The id is the end of a `$ref`, so `ew`
/// becomes `eq`; `None` if there is no equivalent.
const fn by_whole_id(operator: Operator) -> Option<Operator> {
    match operator {
        Operator::Equal | Operator::EndsWith => Some(Operator::Equal),
        Operator::NotEqual => Some(Operator::NotEqual),
        _ => None,
    }
}
