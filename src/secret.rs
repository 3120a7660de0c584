//! Key bytes that nobody but [`crate::trust`] can read: wiped when dropped, never shown.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One shared key of a source, and when it holds, as far as that is known.
#[derive(Clone)]
pub struct SecretKey {
    bytes: Zeroizing<Vec<u8>>,
    since: Option<SystemTime>,
    until: Option<SystemTime>,
}

impl SecretKey {
    /// Reads a key as the sender shows it: an optional prefix, then canonical base64 of at least
    /// `minimum` bytes.
    ///
    /// # Errors
    /// [`KeyError`] with what is wrong, and never a character of the key.
    pub fn from_base64(text: &str, prefix: &str, minimum: usize) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(prefix).unwrap_or(text);
        let wrong = if is_quoted(text) { KeyError::Quoted } else { KeyError::NotBase64 };
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| wrong)?);
        Self::at_least(minimum, bytes)
    }

    /// Takes a text of at least `minimum` bytes for the key.
    ///
    /// # Errors
    /// [`KeyError::Short`].
    pub fn from_text(text: &str, minimum: usize) -> Result<Self, KeyError> {
        Self::at_least(minimum, Zeroizing::new(text.as_bytes().to_vec()))
    }

    fn at_least(minimum: usize, bytes: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        if bytes.len() < minimum {
            return Err(KeyError::Short { minimum, found: bytes.len() });
        }
        Ok(Self { bytes, since: None, until: None })
    }

    /// The same key with the time when it was made, and that from which it holds no longer.
    #[must_use]
    pub fn dated(self, since: Option<SystemTime>, until: Option<SystemTime>) -> Self {
        Self { since, until, ..self }
    }

    /// How old it is, if that is known.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.since?).ok()
    }

    /// When it was made, if that is known.
    #[must_use]
    pub const fn since(&self) -> Option<SystemTime> {
        self.since
    }

    /// Whether another has taken its place.
    #[must_use]
    pub const fn is_replaced(&self) -> bool {
        self.until.is_some()
    }

    pub(crate) fn holds(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey([redacted])")
    }
}

/// Whether a text has quotation marks around it, of any kind that a keyboard or an editor makes.
#[must_use]
pub fn is_quoted(text: &str) -> bool {
    let mark = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’');
    text.chars().count() > 1 && text.starts_with(mark) && text.ends_with(mark)
}

/// Why a text is no usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It is not canonical base64.
    NotBase64,
    /// It is not, and has quotation marks around it.
    Quoted,
    /// It is too short to resist guessing; an empty one would let anybody in.
    Short {
        /// The least number of bytes.
        minimum: usize,
        /// The number of bytes it has.
        found: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBase64 => formatter.write_str("expected base64 behind the prefix, found not"),
            Self::Quoted => {
                formatter.write_str("expected base64 behind the prefix, found quotes around it")
            }
            Self::Short { minimum, found } => {
                write!(formatter, "expected at least {minimum} bytes, found {found}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_with_or_without_its_prefix() {
        for text in ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"] {
            assert_eq!(SecretKey::from_base64(text, "whsec_", 24).unwrap().bytes().len(), 24);
        }
    }

    #[test]
    fn an_unusable_key_is_refused() {
        let refusal = |text| SecretKey::from_base64(text, "whsec_", 24).unwrap_err();
        let short = |found| KeyError::Short { minimum: 24, found };
        assert_eq!(refusal(""), short(0));
        assert_eq!(refusal("whsec_"), short(0));
        assert_eq!(refusal("whsec_C2FVsBQIhrscChlQIMV+b5sSYspobw=="), short(22));
        for text in [
            "whsec_whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "not base64",
            "C2FVsBQIhrscChlQIMV-b5sSYspob7oD",
        ] {
            assert_eq!(refusal(text), KeyError::NotBase64, "{text}");
        }
        for text in
            ["'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'", "“C2FVsBQIhrscChlQIMV+b5sSYspob7oD”"]
        {
            assert_eq!(refusal(text), KeyError::Quoted, "{text}");
        }
        assert!(!is_quoted("'") && !is_quoted("'a") && is_quoted("''"));
    }

    #[test]
    fn a_key_holds_until_its_time_and_has_an_age_where_it_is_dated() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let key = SecretKey::from_text("sixteen letters.", 16).unwrap();
        assert!(key.holds(at(u64::from(u32::MAX))));
        assert_eq!(key.age(at(100)), None);
        let dated = key.dated(Some(at(40)), Some(at(100)));
        assert_eq!((dated.holds(at(99)), dated.holds(at(100))), (true, false));
        assert_eq!(dated.age(at(100)), Some(Duration::from_secs(60)));
        assert_eq!(dated.age(at(39)), None);
    }

    #[test]
    fn debug_shows_no_key() {
        let key = SecretKey::from_base64("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "", 24).unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey([redacted])");
    }
}
