//! Passwords, which only instances of type `CONNECT_MANAGED` accept.

use std::fmt;

use zeroize::Zeroizing;

use crate::hex;

/// A password that Connect accepts: 8 to 64 characters without white space, with at least one
/// lower-case and one upper-case ASCII letter and one digit (CreateUser, member Password).
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Accepts a password of the required form; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let has = |kind: fn(&char) -> bool| text.chars().any(|character| kind(&character));
        let follows = (8..=64).contains(&text.chars().count())
            && !text.chars().any(char::is_whitespace)
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_digit);
        follows.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// A password from 128 random bits: `aA0`, one character of each required kind, then 32 hex
    /// digits. Nobody is told it; the person requests a new one by e-mail ("Reset a user's
    /// password").
    #[must_use]
    pub fn generate(random: [u8; 16]) -> Self {
        Self(Zeroizing::new(format!("aA0{}", hex::write(&random))))
    }

    /// The password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_follows_the_rule_of_the_api() {
        for text in ["Passw0rd", "aB3$%&/()=?", "Ünïc0deX", &format!("aA0{}", "x".repeat(61))] {
            assert_eq!(Password::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "Passw0r",
            "password1",
            "PASSWORD1",
            "Password",
            "Pass w0rd",
            "1mz050nq",
            &format!("aA0{}", "x".repeat(62)),
        ] {
            assert!(Password::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_generated_password_follows_it_too() {
        for random in [[0; 16], [0xff; 16]] {
            let password = Password::generate(random);
            assert!(Password::parse(password.as_str()).is_some());
        }
        assert_eq!(format!("{:?}", Password::generate([7; 16])), "Password([redacted])");
    }
}
