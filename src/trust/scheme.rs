//! Signature schemes as rows of data.
//!
//! A scheme says which headers it needs, what is signed in which order, how a signature is written
//! and how a key. Unit, joiner and encodings are fixed per row; one loop in [`super`] reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secret::{Key, UnusableKey};

/// One header may carry this many signatures.
const MAX_SIGNATURES: usize = 16;

/// The bytes of one HMAC-SHA256 signature.
pub(super) type Signature = [u8; 32];

/// How a sender signs.
#[derive(Debug)]
pub struct Scheme {
    /// The name that `HOOK_<SOURCE>_SCHEME` takes.
    pub name: &'static str,
    /// The header with the message's id.
    pub id: &'static str,
    /// The header with the time of signing, in whole seconds since 1970.
    pub timestamp: &'static str,
    /// The header with the signatures: `version,base64`, separated by single spaces.
    pub signature: &'static str,
    /// The version of the signatures that are checked; others are passed over.
    pub version: &'static str,
    /// What is signed.
    pub signed: &'static [Part],
    /// What a key may start with; base64 follows.
    pub key_prefix: &'static str,
    /// The least length of a key in bytes.
    pub key_minimum: usize,
}

/// One part of what is signed.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// The body's raw bytes.
    Body,
    /// The message id as it stands in its header.
    Id,
    /// A fixed text.
    Text(&'static str),
    /// The timestamp as it stands in its header.
    Timestamp,
}

/// Every scheme there is.
pub static SCHEMES: &[Scheme] = &[
    // Standard Webhooks, symmetric signatures (standardwebhooks.com, "Signature scheme").
    Scheme {
        name: "standard-webhooks",
        id: "webhook-id",
        timestamp: "webhook-timestamp",
        signature: "webhook-signature",
        version: "v1",
        signed: &[Part::Id, Part::Text("."), Part::Timestamp, Part::Text("."), Part::Body],
        key_prefix: "whsec_",
        key_minimum: 24,
    },
];

impl Scheme {
    /// The scheme of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCHEMES.iter().find(|scheme| scheme.name == name)
    }

    /// Reads a key as the sender shows it.
    ///
    /// # Errors
    /// [`UnusableKey`] if it is malformed or too short.
    pub fn key(&self, text: &str) -> Result<Key, UnusableKey> {
        Key::from_base64(text, self.key_prefix, self.key_minimum)
    }

    /// The signatures of our version in a header. One malformed entry spoils the whole header: a
    /// value that only makes sense after some repair was not written by the sender.
    pub(super) fn signatures(&self, header: &str) -> Result<Vec<Signature>, &'static str> {
        const MALFORMED: &str = "a signature is malformed";
        let mut signatures = Vec::new();
        for (number, entry) in header.split(' ').enumerate() {
            if number >= MAX_SIGNATURES {
                return Err("there are too many signatures");
            }
            let (version, encoded) = entry.split_once(',').ok_or(MALFORMED)?;
            if encoded.contains(',') {
                return Err(MALFORMED);
            }
            if version == self.version {
                signatures.push(decode(encoded).ok_or(MALFORMED)?);
            }
        }
        Ok(signatures)
    }

    /// Writes a signature as [`Scheme::signatures`] reads it.
    pub(super) fn write(&self, signature: &Signature) -> String {
        format!("{},{}", self.version, STANDARD.encode(signature))
    }
}

/// Canonical, padded base64 in the standard alphabet (RFC 4648 §3.5, §4) of exactly 32 bytes.
fn decode(encoded: &str) -> Option<Signature> {
    STANDARD.decode(encoded).ok()?.try_into().ok()
}
