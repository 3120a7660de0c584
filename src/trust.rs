//! Request → [`Verified`]: authentication of the sender.
//!
//! The route determines the source and the source its scheme, so an unauthenticated caller has no
//! say in how it is checked. Every failure is the same 401; the check that failed is written to the
//! log only. Event ids are not stored: a repetition within the tolerance is answered like the first
//! delivery, since effects are idempotent.

pub mod scheme;

use std::ops::Deref;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::fault::{Fault, Kind};
use crate::hex;
use crate::http::Request;
use crate::secret::SecretKey;
use scheme::{MacProof, Part, Proof, Scheme};

const AUTHORIZATION: &str = "authorization";

/// The permitted difference between a signed time and ours, in either direction.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// A value whose sender was authenticated. Only [`Source::verify`] makes one:
///
/// ```compile_fail,E0451
/// use connect_provisioner::trust::{Matched, Verified, scheme::SCHEMES};
/// let key = Matched { number: 1, age: None };
/// let forged = Verified { inner: (), scheme: &SCHEMES[0], key, event: String::new(), hashing: None };
/// ```
#[derive(Debug)]
pub struct Verified<T> {
    inner: T,
    scheme: &'static Scheme,
    key: Matched,
    event: String,
    hashing: Option<SecretKey>,
}

/// The key that verified a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The number of the key within its source, from 1. During a rotation it shows when the old key
    /// is no longer used.
    pub number: usize,
    /// The age of the key, if known.
    pub age: Option<Duration>,
}

impl<T> Verified<T> {
    /// A hash that identifies the event in the log: of its id, or else of its body. 16 hexadecimal
    /// digits. All deliveries of an event have the same one, as long as the source's first key
    /// stays the same.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The same kind of hash for one of several events in a request, by its id.
    #[must_use]
    pub fn event_of(&self, id: &str) -> String {
        self.hashing.as_ref().map(|key| event_hash(key, id.as_bytes())).unwrap_or_default()
    }

    /// The scheme that authenticated the sender.
    #[must_use]
    pub const fn scheme(&self) -> &'static Scheme {
        self.scheme
    }

    /// The key that verified the request.
    #[must_use]
    pub const fn key(&self) -> Matched {
        self.key
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

/// Why a request is not authenticated. The sender does not learn the reason: both become the same
/// [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// A check failed that does not depend on the key; its name, for the log.
    Malformed(&'static str),
    /// No available key matches; a newer one might.
    NoMatchingKey,
}

impl From<VerifyError> for Fault {
    fn from(refusal: VerifyError) -> Self {
        unauthenticated(match refusal {
            VerifyError::Malformed(check) => check,
            VerifyError::NoMatchingKey => "no key matched",
        })
    }
}

impl From<&'static str> for VerifyError {
    fn from(check: &'static str) -> Self {
        Self::Malformed(check)
    }
}

/// A sender: the scheme and keys that authenticate it at `/hooks/{name}`.
#[derive(Clone, Debug)]
pub struct Source {
    /// The last segment of the route, in lower case.
    pub name: String,
    /// The authentication scheme.
    pub scheme: &'static Scheme,
    /// The valid keys: one, or several during a rotation. Without any, every request is refused.
    pub keys: Vec<SecretKey>,
}

impl Source {
    /// Authenticates the sender of a request, without parsing the body.
    ///
    /// # Errors
    /// [`VerifyError`], which becomes [`Kind::Unauthenticated`] with one detail for every cause.
    pub fn verify<'a>(
        &self,
        request: &'a Request,
        now: SystemTime,
    ) -> Result<Verified<&'a Request>, VerifyError> {
        // The body is not parsed before this; only its raw bytes go into the MAC. So a parser is
        // not exposed to unauthenticated callers.
        let key = match &self.scheme.proof {
            Proof::Bearer => self.check_value(bearer(only(request, AUTHORIZATION)?), now),
            Proof::Fixed(header) => self.check_value(only(request, header)?, now),
            Proof::Mac(proof) => self.check_mac(request, proof, now),
        }?;
        let id = match &self.scheme.proof {
            Proof::Mac(proof) => proof.id.and_then(|name| request.headers.only(name)),
            Proof::Bearer | Proof::Fixed(_) => None,
        };
        // A keyed hash, so that nobody can test from the log whether a known body was sent.
        let hashing = self.keys.first().cloned();
        let event = id.map_or(request.body.as_slice(), str::as_bytes);
        let event = hashing.as_ref().map(|key| event_hash(key, event)).unwrap_or_default();
        Ok(Verified { inner: request, scheme: self.scheme, key, event, hashing })
    }

    /// The headers that authenticate a body as this source's, by its first key. Empty without a
    /// key.
    ///
    /// `timestamp` is in whole seconds since 1970.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Vec<(&'static str, String)> {
        let Some(key) = self.keys.first() else { return Vec::new() };
        let shown = || String::from_utf8_lossy(key.bytes()).into_owned();
        let proof = match &self.scheme.proof {
            Proof::Bearer => return vec![(AUTHORIZATION, format!("Bearer {}", shown()))],
            Proof::Fixed(header) => return vec![(*header, shown())],
            Proof::Mac(proof) => proof,
        };
        let timestamp = timestamp.to_string();
        let signature = proof.mac(key, id, &timestamp, body).finalize().into_bytes().into();
        let id = proof.id.map(|name| (name, id.to_owned()));
        let timestamp = proof.timestamp.map(|name| (name, timestamp));
        let signature = (proof.signature, proof.form.write(&signature));
        id.into_iter().chain(timestamp).chain([signature]).collect()
    }

    fn check_mac(
        &self,
        request: &Request,
        proof: &MacProof,
        now: SystemTime,
    ) -> Result<Matched, VerifyError> {
        let id = proof.id.map(|name| only(request, name)).transpose()?;
        let timestamp = proof.timestamp.map(|name| only(request, name)).transpose()?;
        let signatures = proof.form.read(only(request, proof.signature)?)?;
        id.map(check_id).transpose()?;
        timestamp.map(|timestamp| check_time(timestamp, now)).transpose()?;
        let (id, timestamp) = (id.unwrap_or_default(), timestamp.unwrap_or_default());
        self.matching_key(now, |key| {
            let mac = proof.mac(key, id, timestamp, &request.body);
            // Every signature is compared, whatever the result of the others.
            signatures.iter().fold(false, |matches, signature| {
                matches | mac.clone().verify_slice(signature).is_ok()
            })
        })
    }

    /// Compares a value with each key by their MACs, so that the time reveals neither the length of
    /// a key nor a correct prefix.
    fn check_value(&self, value: &str, now: SystemTime) -> Result<Matched, VerifyError> {
        let value = value.as_bytes();
        self.matching_key(now, |key| {
            let expected = hmac(key).chain_update(key.bytes()).finalize().into_bytes();
            hmac(key).chain_update(value).verify_slice(&expected).is_ok()
        })
    }

    /// The key that matches. All keys are tried even after a match, so that the time does not
    /// reveal which key it was.
    fn matching_key(
        &self,
        now: SystemTime,
        matches: impl Fn(&SecretKey) -> bool,
    ) -> Result<Matched, VerifyError> {
        let keys = self.keys.iter().zip(1..);
        let matching = keys.fold(None, |found: Option<Matched>, (key, number)| {
            // `&` and not `&&`, for the same reason.
            let own = matches(key) & key.holds(now);
            found.or(own.then(|| Matched { number, age: key.age(now) }))
        });
        matching.ok_or(VerifyError::NoMatchingKey)
    }
}

impl MacProof {
    fn mac(&self, key: &SecretKey, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = hmac(key);
        for part in self.signed {
            mac.update(match part {
                Part::Body => body,
                Part::Id => id.as_bytes(),
                Part::Text(text) => text.as_bytes(),
                Part::Timestamp => timestamp.as_bytes(),
            });
        }
        mac
    }
}

/// A keyed hash, so that nobody without the key can test guesses of an event.
fn event_hash(key: &SecretKey, event: &[u8]) -> String {
    // No scheme signs a message with this prefix, so the log never holds a part of a signature.
    let hash = hmac(key).chain_update(b"event\0").chain_update(event).finalize().into_bytes();
    hex::write(hash.split_at(8).0)
}

/// The fault for a failed authentication: one text for all causes; the cause is for the log.
pub(crate) fn unauthenticated(cause: &'static str) -> Fault {
    Fault::new(Kind::Unauthenticated, "the event's signature was not accepted").caused_by(cause)
}

fn only<'a>(request: &'a Request, header: &str) -> Result<&'a str, &'static str> {
    request.headers.only(header).ok_or_else(|| match request.headers.list(header) {
        Some(_) => "a security header is there twice",
        None => "a security header is missing",
    })
}

/// The token after `Bearer `, in any case (RFC 9110 §11.1). Okta may send the token alone.
fn bearer(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => value,
    }
}

/// HMAC-SHA256 (RFC 2104). [`SecretKey`] ensures that keys are long enough.
fn hmac(key: &SecretKey) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §3)")]
    Hmac::new_from_slice(key.bytes()).expect("a key of any length")
}

/// Checks a message id: printable, without dots and commas.
///
/// Signed parts are joined by dots without their lengths, so two events could share a signature if
/// ids had dots. A comma means a repeated header that the gateway joined.
fn check_id(id: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'.' && byte != b',';
    if (1..=256).contains(&id.len()) && id.bytes().all(plain) {
        Ok(())
    } else {
        Err("the message id is malformed")
    }
}

/// Checks a timestamp: whole seconds since 1970 in plain digits, without a sign or leading zeros,
/// so that exactly one text is signed for each time.
fn check_time(timestamp: &str, now: SystemTime) -> Result<(), &'static str> {
    let digits = (1..=13).contains(&timestamp.len())
        && timestamp.bytes().all(|byte| byte.is_ascii_digit())
        && !timestamp.starts_with('0');
    let signed = timestamp.parse().ok().filter(|_| digits).map(Duration::from_secs);
    let signed = signed.ok_or("the timestamp is malformed")?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The sender's clock is in whole seconds, so ours is truncated to seconds.
    if signed.abs_diff(Duration::from_secs(now.as_secs())) > TOLERANCE {
        return Err("the timestamp is outside the tolerance");
    }
    Ok(())
}
