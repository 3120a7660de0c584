//! Request → [`Verified`]: authentication of the sender.
//!
//! The route names the source and the source names its scheme, so nothing that an unauthenticated
//! caller sends decides how it is checked. Every refusal is the same 401; which check failed is for
//! the log alone. Ids of events are not stored: a repeat within the tolerance is answered like the
//! first delivery, since effects are idempotent.

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

/// How far a signed time may lie from ours, on either side.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Something whose sender was authenticated. Only [`Source::verify`] makes one:
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

/// The key that a sender used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Which of the source's keys it was, counted from 1: while keys are rotated this tells when
    /// the old one is out of use.
    pub number: usize,
    /// How old it is, where that is known.
    pub age: Option<Duration>,
}

impl<T> Verified<T> {
    /// A hash by which deliveries of one event are told from others in the log, as long as the
    /// source's first key lasts: of its id where there is one, else of its body. 16 hexadecimal
    /// digits.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The same kind of hash for one of several events in a request, by its own id.
    #[must_use]
    pub fn event_of(&self, id: &str) -> String {
        self.hashing.as_ref().map(|key| event_hash(key, id.as_bytes())).unwrap_or_default()
    }

    /// How the sender proved who it is.
    #[must_use]
    pub const fn scheme(&self) -> &'static Scheme {
        self.scheme
    }

    /// The key that the sender used.
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

/// The reason why a request is not authenticated. The sender is told neither: both become one
/// [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// A check failed that no key would have passed; the text names it, for the log.
    Malformed(&'static str),
    /// None of the keys in hand matches; a newer one might.
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

/// A sender: the scheme and the keys by which it is authenticated at `/hooks/{name}`.
#[derive(Clone, Debug)]
pub struct Source {
    /// The last segment of the route, in lower case.
    pub name: String,
    /// How this source proves that it is the one.
    pub scheme: &'static Scheme,
    /// The keys that it may use: one, or several while they are rotated. Without any, nobody is
    /// believed.
    pub keys: Vec<SecretKey>,
}

impl Source {
    /// Checks who sent a request, before anything in its body is read.
    ///
    /// # Errors
    /// [`VerifyError`], which becomes [`Kind::Unauthenticated`] with one detail for every cause.
    pub fn verify<'a>(
        &self,
        request: &'a Request,
        now: SystemTime,
    ) -> Result<Verified<&'a Request>, VerifyError> {
        // Nothing of the body is parsed before this: only its raw bytes go into the MAC, so a
        // parser is no way in for callers who are not authenticated.
        let key = match &self.scheme.proof {
            Proof::Bearer => self.check_value(bearer(only(request, AUTHORIZATION)?), now),
            Proof::Fixed(header) => self.check_value(only(request, header)?, now),
            Proof::Mac(proof) => self.check_mac(request, proof, now),
        }?;
        let id = match &self.scheme.proof {
            Proof::Mac(proof) => proof.id.and_then(|name| request.headers.only(name)),
            Proof::Bearer | Proof::Fixed(_) => None,
        };
        // A keyed hash: log readers cannot find out by trying whether a known body was sent.
        let hashing = self.keys.first().cloned();
        let event = id.map_or(request.body.as_slice(), str::as_bytes);
        let event = hashing.as_ref().map(|key| event_hash(key, event)).unwrap_or_default();
        Ok(Verified { inner: request, scheme: self.scheme, key, event, hashing })
    }

    /// Writes the headers that prove a body to be this source's, by its first key.
    ///
    /// `timestamp` is in whole seconds since 1970. Empty without a key.
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
            // Each signature is compared, whatever the others came to.
            signatures.iter().fold(false, |matches, signature| {
                matches | mac.clone().verify_slice(signature).is_ok()
            })
        })
    }

    /// Compares a value with each key by their MACs, so that the time taken tells neither the
    /// length of a key nor how much of it was guessed.
    fn check_value(&self, value: &str, now: SystemTime) -> Result<Matched, VerifyError> {
        let value = value.as_bytes();
        self.matching_key(now, |key| {
            let expected = hmac(key).chain_update(key.bytes()).finalize().into_bytes();
            hmac(key).chain_update(value).verify_slice(&expected).is_ok()
        })
    }

    /// The key that matches. Every key is tried, whatever matched before, so that the time taken
    /// does not tell which of them it was.
    fn matching_key(
        &self,
        now: SystemTime,
        matches: impl Fn(&SecretKey) -> bool,
    ) -> Result<Matched, VerifyError> {
        let keys = self.keys.iter().zip(1..);
        let matching = keys.fold(None, |found: Option<Matched>, (key, number)| {
            // `&` and not `&&`, so that the time taken does not tell which key it was.
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

/// Keyed, so that nobody without the key can try events until one fits.
fn event_hash(key: &SecretKey, event: &[u8]) -> String {
    // No scheme signs what starts like this, so no part of a signature is logged.
    let hash = hmac(key).chain_update(b"event\0").chain_update(event).finalize().into_bytes();
    hex::write(hash.split_at(8).0)
}

/// The one text for every cause, of which the log alone is told.
pub(crate) fn unauthenticated(cause: &'static str) -> Fault {
    Fault::new(Kind::Unauthenticated, "the event's signature was not accepted").caused_by(cause)
}

fn only<'a>(request: &'a Request, header: &str) -> Result<&'a str, &'static str> {
    request.headers.only(header).ok_or_else(|| match request.headers.list(header) {
        Some(_) => "a security header is there twice",
        None => "a security header is missing",
    })
}

/// What stands behind `Bearer `, in any case (RFC 9110 §11.1); Okta may send the token bare.
fn bearer(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => value,
    }
}

/// HMAC-SHA256 (RFC 2104) under a key that [`SecretKey`] has found long enough.
fn hmac(key: &SecretKey) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §3)")]
    Hmac::new_from_slice(key.bytes()).expect("a key of any length")
}

/// An id must be printable and hold no dot: parts are joined by dots without their lengths, so that
/// with a dot in the id two different events would have one signature. A comma would be a header
/// sent twice and joined by the gateway.
fn check_id(id: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'.' && byte != b',';
    if (1..=256).contains(&id.len()) && id.bytes().all(plain) {
        Ok(())
    } else {
        Err("the message id is malformed")
    }
}

/// Whole seconds since 1970 in plain digits: no sign, no leading zero, nothing that a lenient
/// parser would take for the same number although another text was signed.
fn check_time(timestamp: &str, now: SystemTime) -> Result<(), &'static str> {
    let digits = (1..=13).contains(&timestamp.len())
        && timestamp.bytes().all(|byte| byte.is_ascii_digit())
        && !timestamp.starts_with('0');
    let signed = timestamp.parse().ok().filter(|_| digits).map(Duration::from_secs);
    let signed = signed.ok_or("the timestamp is malformed")?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The sender's clock counts whole seconds, so ours does here.
    if signed.abs_diff(Duration::from_secs(now.as_secs())) > TOLERANCE {
        return Err("the timestamp is outside the tolerance");
    }
    Ok(())
}
