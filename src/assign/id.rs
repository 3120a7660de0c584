//! Ids of resources in an Amazon Connect instance.

use std::fmt;
use std::str::FromStr;

/// The id of an instance, a profile or a hierarchy group: a UUID, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId(String);

impl FromStr for ResourceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
        if lengths == [8, 4, 4, 4, 12] && groups.iter().all(digits) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(ParseIdError)
    }
}

impl ResourceId {
    /// The UUID, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The error for a text that is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected a UUID, found something else")
    }
}

impl std::error::Error for ParseIdError {}
