//! Splits the text of a filter into tokens.

use std::borrow::Cow;

use serde_json::Value;

/// A token of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Close,
    CloseBracket,
    Open,
    OpenBracket,
    /// A string in single quotes.
    Single(Cow<'a, str>),
    /// A JSON string, in double quotes.
    Text(Cow<'a, str>),
    /// Any other text between blanks and brackets: a name, an operator, a number, an unquoted
    /// value.
    Word(&'a str),
}

/// Iterates over the tokens of a filter.
#[derive(Clone)]
pub(crate) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Splits a text at the `]` that closes a bracket, into the text before and after it. `None` if
    /// there is no `]`, or a `[` comes first.
    pub(crate) fn bracketed(text: &'a str) -> Option<(&'a str, &'a str)> {
        let mut lexer = Self::new(text);
        loop {
            let before = lexer.rest.trim_start();
            match lexer.next()?.ok()? {
                Token::CloseBracket => {
                    let length = text.len().checked_sub(before.len())?;
                    return Some((text.get(..length)?, lexer.rest));
                }
                Token::OpenBracket => return None,
                _ => {}
            }
        }
    }

    /// Consumes `.name` after a bracket, if present.
    pub(crate) fn sub_attribute(&mut self) -> Option<&'a str> {
        let rest = self.rest.strip_prefix('.')?;
        let end = rest.find(|c: char| c.is_whitespace() || "()[]".contains(c));
        let (name, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        self.rest = rest;
        Some(name)
    }

    fn text(&mut self) -> Option<Token<'a>> {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find(|&(_, c)| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let (literal, rest) = self.rest.split_at_checked(end?.0.checked_add(1)?)?;
        self.rest = rest;
        let Ok(Value::String(text)) = serde_json::from_str(literal) else { return None };
        Some(Token::Text(text.into()))
    }

    /// Reads a string in single quotes, as SQL and some clients write it. A quote ends the string
    /// only before a blank, `)`, `]` or the end; doubled or escaped by a backslash it never does.
    fn single(&mut self) -> Option<Token<'a>> {
        let mut literal = String::from('"');
        let mut letters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map(|(_, next)| *next);
            match letter {
                '\\' if next == Some('\'') => literal.push('\''),
                '\\' => literal.extend([Some(letter), next].into_iter().flatten()),
                '\'' if next.is_none_or(|next| next.is_whitespace() || ")]".contains(next)) => {
                    literal.push('"');
                    self.rest = self.rest.get(at.checked_add(1)?..)?;
                    let Ok(Value::String(text)) = serde_json::from_str(&literal) else {
                        return None;
                    };
                    return Some(Token::Single(text.into()));
                }
                '"' => literal.push_str("\\\""),
                other => literal.push(other),
            }
            if letter == '\\' || letter == '\'' && next == Some('\'') {
                letters.next();
            }
        }
        None
    }
}

impl<'a> Iterator for Lexer<'a> {
    /// A token; an error for a string that is not closed or is not valid JSON.
    type Item = Result<Token<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start();
        let single = match self.rest.chars().next()? {
            '"' => return Some(self.text().ok_or(())),
            '\'' => return Some(self.single().ok_or(())),
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenBracket,
            ']' => Token::CloseBracket,
            _ => {
                let is_end = |c: char| c.is_whitespace() || "()[]\"".contains(c);
                let end = self.rest.find(is_end).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at_checked(end)?;
                self.rest = rest;
                return Some(Ok(Token::Word(word)));
            }
        };
        self.rest = self.rest.get(1..)?;
        Some(Ok(single))
    }
}
