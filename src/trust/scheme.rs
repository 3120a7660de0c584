//! Authentication schemes, as a table.
//!
//! A row names the headers, the signed parts in their order, and the formats of signature and key.
//! Units, separators and encodings are fixed per row; one loop in [`super`] evaluates them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hex;
use crate::secret::{KeyError, SecretKey};

/// The maximum number of keys per source.
pub const MAX_KEYS: usize = 4;

/// The maximum number of signatures in one header.
const MAX_SIGNATURES: usize = 16;

/// An HMAC-SHA256 signature.
pub(super) type Signature = [u8; 32];

/// An authentication scheme.
#[derive(Debug)]
pub struct Scheme {
    /// The value of `HOOK_<SOURCE>_SCHEME`.
    pub name: &'static str,
    /// What the sender presents.
    pub proof: Proof,
    /// The format of the key.
    pub key: KeyForm,
}

/// The kind of credential in a request.
#[derive(Debug)]
pub enum Proof {
    /// The key itself as a bearer token (RFC 6750 §2.1), or bare, as Okta may send it.
    Bearer,
    /// The key itself, as the value of this header.
    Fixed(&'static str),
    /// An HMAC-SHA256 signature.
    Mac(MacProof),
}

/// The format of an HMAC-SHA256 signature.
#[derive(Debug)]
pub struct MacProof {
    /// The header with the message id, if it is signed.
    pub id: Option<&'static str>,
    /// The header with the time of signing, in whole seconds since 1970. Without it, the body must
    /// be an envelope with a time.
    pub timestamp: Option<&'static str>,
    /// The header with the signature.
    pub signature: &'static str,
    /// The format of that header.
    pub form: SignatureForm,
    /// The signed parts, in their order.
    pub signed: &'static [Part],
}

/// The format of signatures.
#[derive(Clone, Copy, Debug)]
pub enum SignatureForm {
    /// One signature: this prefix and 64 lower-case hexadecimal digits.
    Hex(&'static str),
    /// Several signatures, separated by single blanks: this version, a comma, base64. Other
    /// versions are ignored.
    Versioned(&'static str),
}

/// A part of the signed message.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// The body's raw bytes.
    Body,
    /// The message id, as in its header.
    Id,
    /// A fixed text.
    Text(&'static str),
    /// The timestamp, as in its header.
    Timestamp,
}

/// The format of a key.
#[derive(Clone, Copy, Debug)]
pub enum KeyForm {
    /// Base64 with an optional prefix.
    Base64 {
        /// The prefix.
        prefix: &'static str,
        /// The minimum length in bytes.
        minimum: usize,
    },
    /// Plain text, as UTF-8.
    Text {
        /// The minimum length in bytes.
        minimum: usize,
    },
}

/// All schemes for hooks.
pub static SCHEMES: &[Scheme] = &[
    // Standard Webhooks, symmetric signatures (standardwebhooks.com, "Signature scheme").
    Scheme {
        name: "standard-webhooks",
        proof: Proof::Mac(MacProof {
            id: Some("webhook-id"),
            timestamp: Some("webhook-timestamp"),
            signature: "webhook-signature",
            form: SignatureForm::Versioned("v1"),
            signed: ID_TIMESTAMP_BODY,
        }),
        key: WHSEC,
    },
    // Standard Webhooks under the header names that Svix used first ("Verifying webhooks manually",
    // Svix docs). Its libraries fall back from one set of names to the other; a mixture is refused
    // here.
    Scheme {
        name: "svix",
        proof: Proof::Mac(MacProof {
            id: Some("svix-id"),
            timestamp: Some("svix-timestamp"),
            signature: "svix-signature",
            form: SignatureForm::Versioned("v1"),
            signed: ID_TIMESTAMP_BODY,
        }),
        key: WHSEC,
    },
    // "Validating webhook deliveries", GitHub docs. Neither a time nor an id is signed.
    Scheme {
        name: "github",
        proof: Proof::Mac(MacProof {
            id: None,
            timestamp: None,
            signature: "x-hub-signature-256",
            form: SignatureForm::Hex("sha256="),
            signed: &[Part::Body],
        }),
        key: KeyForm::Text { minimum: 16 },
    },
    // Okta event hooks are not signed; they carry a fixed value ("Event hooks", Okta docs).
    Scheme {
        name: "okta",
        proof: Proof::Fixed("authorization"),
        key: KeyForm::Text { minimum: 16 },
    },
];

/// The scheme of SCIM clients; not available for hooks.
pub static BEARER: Scheme =
    Scheme { name: "bearer", proof: Proof::Bearer, key: KeyForm::Text { minimum: 16 } };

const ID_TIMESTAMP_BODY: &[Part] =
    &[Part::Id, Part::Text("."), Part::Timestamp, Part::Text("."), Part::Body];
const WHSEC: KeyForm = KeyForm::Base64 { prefix: "whsec_", minimum: 24 };

impl Scheme {
    /// The scheme of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCHEMES.iter().find(|scheme| scheme.name == name)
    }

    /// Parses a key in the sender's format.
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed or too short.
    pub fn key(&self, text: &str) -> Result<SecretKey, KeyError> {
        match self.key {
            KeyForm::Base64 { prefix, minimum } => SecretKey::from_base64(text, prefix, minimum),
            KeyForm::Text { minimum } => SecretKey::from_text(text, minimum),
        }
    }

    /// Parses all keys of a source: 1 to [`MAX_KEYS`].
    ///
    /// # Errors
    /// Text that says what was expected and what was found, without any part of a key.
    pub fn keys(&self, texts: &[String]) -> Result<Vec<SecretKey>, String> {
        if !(1..=MAX_KEYS).contains(&texts.len()) {
            return Err(format!("expected 1 to {MAX_KEYS} keys, found {}", texts.len()));
        }
        let key = |(text, number): (&String, usize)| {
            self.key(text).map_err(|unusable| format!("key {number}: {unusable}"))
        };
        texts.iter().zip(1..).map(key).collect()
    }

    /// True if the sender verifies the URL by a GET that carries its credential. Only a fixed value
    /// can be sent without a body.
    #[must_use]
    pub const fn has_challenge(&self) -> bool {
        matches!(&self.proof, Proof::Fixed(_))
    }

    /// True if only the body has the time of signing.
    #[must_use]
    pub const fn is_dated_by_its_body(&self) -> bool {
        matches!(&self.proof, Proof::Mac(MacProof { timestamp: None, .. }))
    }
}

impl SignatureForm {
    /// Parses the signatures in a header. One malformed entry makes the whole header invalid, since
    /// a genuine sender writes none.
    pub(super) fn read(self, header: &str) -> Result<Vec<Signature>, &'static str> {
        const MALFORMED: &str = "a signature is malformed";
        let version = match self {
            Self::Hex(prefix) => {
                let digits = header.strip_prefix(prefix).ok_or(MALFORMED)?;
                let signature = hex::read(digits).and_then(|bytes| bytes.try_into().ok());
                return Ok(vec![signature.ok_or(MALFORMED)?]);
            }
            Self::Versioned(version) => version,
        };
        let mut signatures = Vec::new();
        for (number, entry) in header.split(' ').enumerate() {
            if number >= MAX_SIGNATURES {
                return Err("there are too many signatures");
            }
            let (own, encoded) = entry.split_once(',').ok_or(MALFORMED)?;
            if encoded.contains(',') {
                return Err(MALFORMED);
            }
            if own == version {
                signatures.push(from_base64(encoded).ok_or(MALFORMED)?);
            }
        }
        Ok(signatures)
    }

    /// Formats a signature as [`SignatureForm::read`] parses it.
    pub(super) fn write(self, signature: &Signature) -> String {
        match self {
            Self::Hex(prefix) => format!("{prefix}{}", hex::write(signature)),
            Self::Versioned(version) => format!("{version},{}", STANDARD.encode(signature)),
        }
    }
}

/// Decodes canonical, padded base64 in the standard alphabet (RFC 4648 §3.5, §4) of exactly 32
/// bytes.
fn from_base64(encoded: &str) -> Option<Signature> {
    STANDARD.decode(encoded).ok()?.try_into().ok()
}
