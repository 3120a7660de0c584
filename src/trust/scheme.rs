//! Ways to prove who is speaking, as rows of data.
//!
//! A row says which headers are needed, what is signed in which order, how a signature is written
//! and how a key. Unit, joiner and encodings are fixed per row; one loop in [`super`] reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hex;
use crate::secret::{KeyError, SecretKey};

/// A source may have this many keys at once.
pub const MAX_KEYS: usize = 4;

/// One header may carry this many signatures.
const MAX_SIGNATURES: usize = 16;

/// The bytes of one HMAC-SHA256 signature.
pub(super) type Signature = [u8; 32];

/// How a source proves that it is the one.
#[derive(Debug)]
pub struct Scheme {
    /// The name that `HOOK_<SOURCE>_SCHEME` takes.
    pub name: &'static str,
    /// The proof that it sends.
    pub proof: Proof,
    /// How it shows its key.
    pub key: KeyForm,
}

/// A kind of proof.
#[derive(Debug)]
pub enum Proof {
    /// The key itself as a bearer token (RFC 6750 §2.1), or bare, as Okta may send it.
    Bearer,
    /// The key itself, as the value of this header.
    Fixed(&'static str),
    /// An HMAC-SHA256 signature.
    Mac(MacProof),
}

/// How an HMAC-SHA256 signature is sent.
#[derive(Debug)]
pub struct MacProof {
    /// The header with the message's id, where it is signed.
    pub id: Option<&'static str>,
    /// The header with the time of signing, in whole seconds since 1970. Without one the body must
    /// be an envelope that has a time.
    pub timestamp: Option<&'static str>,
    /// The header with the signature.
    pub signature: &'static str,
    /// How it is written there.
    pub form: SignatureForm,
    /// The parts that are signed, in their order.
    pub signed: &'static [Part],
}

/// How signatures are written.
#[derive(Clone, Copy, Debug)]
pub enum SignatureForm {
    /// One, as 64 lower-case hexadecimal digits behind this prefix.
    Hex(&'static str),
    /// Several, separated by single spaces: this version, a comma, base64. Others are passed over.
    Versioned(&'static str),
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

/// How a key is shown.
#[derive(Clone, Copy, Debug)]
pub enum KeyForm {
    /// Base64 behind an optional prefix.
    Base64 {
        /// The prefix.
        prefix: &'static str,
        /// The least number of bytes.
        minimum: usize,
    },
    /// The text itself, as UTF-8.
    Text {
        /// The least number of bytes.
        minimum: usize,
    },
}

/// Every scheme there is.
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
    // The same under the names that Svix gave it first ("Verifying webhooks manually", Svix docs).
    // Its libraries fall back from one family of headers to the other; a mixture is refused here.
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
    // "Validating webhook deliveries", GitHub docs. It signs no time and no id.
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
    // Okta event hooks sign nothing: they carry a fixed value ("Event hooks", Okta docs).
    Scheme {
        name: "okta",
        proof: Proof::Fixed("authorization"),
        key: KeyForm::Text { minimum: 16 },
    },
];

/// How a SCIM client proves who it is. It is no hook's scheme.
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

    /// Reads a key as the sender shows it.
    ///
    /// # Errors
    /// [`KeyError`] if it is malformed or too short.
    pub fn key(&self, text: &str) -> Result<SecretKey, KeyError> {
        match self.key {
            KeyForm::Base64 { prefix, minimum } => SecretKey::from_base64(text, prefix, minimum),
            KeyForm::Text { minimum } => SecretKey::from_text(text, minimum),
        }
    }

    /// Reads all the keys that a source has at once: 1 to [`MAX_KEYS`].
    ///
    /// # Errors
    /// What was expected and what was found, never a character of a key.
    pub fn keys(&self, texts: &[String]) -> Result<Vec<SecretKey>, String> {
        if !(1..=MAX_KEYS).contains(&texts.len()) {
            return Err(format!("expected 1 to {MAX_KEYS} keys, found {}", texts.len()));
        }
        let key = |(text, number): (&String, usize)| {
            self.key(text).map_err(|unusable| format!("key {number}: {unusable}"))
        };
        texts.iter().zip(1..).map(key).collect()
    }

    /// Whether the sender asks by a GET, and shows its credential there, if it has come to the
    /// right place: only a fixed value needs no body to be shown.
    #[must_use]
    pub const fn has_challenge(&self) -> bool {
        matches!(&self.proof, Proof::Fixed(_))
    }

    /// True if the time of signing is nowhere but in the body.
    #[must_use]
    pub const fn is_dated_by_its_body(&self) -> bool {
        matches!(&self.proof, Proof::Mac(MacProof { timestamp: None, .. }))
    }
}

impl SignatureForm {
    /// The signatures in a header. One malformed entry spoils the whole header: a value that only
    /// makes sense after some repair was not written by the sender.
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

    /// Writes a signature as [`SignatureForm::read`] reads it.
    pub(super) fn write(self, signature: &Signature) -> String {
        match self {
            Self::Hex(prefix) => format!("{prefix}{}", hex::write(signature)),
            Self::Versioned(version) => format!("{version},{}", STANDARD.encode(signature)),
        }
    }
}

/// Canonical, padded base64 in the standard alphabet (RFC 4648 §3.5, §4) of exactly 32 bytes.
fn from_base64(encoded: &str) -> Option<Signature> {
    STANDARD.decode(encoded).ok()?.try_into().ok()
}
