//! Request → [`Verified`]: who is speaking, and is it them?
//!
//! The route names the source and the source names its scheme, so nothing is sniffed from what a
//! stranger sends. Every refusal is the same 401; which check failed is for the log alone. There
//! is no store of seen ids: a repeat inside the tolerance is answered like the first delivery,
//! because what it asks for is already so.

pub mod scheme;

use std::ops::Deref;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::fault::{Fault, Kind};
use crate::http::Request;
use crate::secret::Key;
use scheme::{Part, Scheme};

/// How far a signed time may lie from ours, on either side.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// A source may have this many keys at once.
pub const MAX_KEYS: usize = 4;

/// Something whose sender was authenticated. Only [`Source::verify`] makes one:
///
/// ```compile_fail
/// let request: connect_provisioner::http::Request = todo!();
/// let forged = connect_provisioner::trust::Verified { inner: request };
/// ```
#[derive(Debug)]
pub struct Verified<T> {
    inner: T,
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

/// Who may speak at one route: `POST /hooks/{name}`.
#[derive(Clone, Debug)]
pub struct Source {
    /// The last segment of the route, in lower case.
    pub name: String,
    /// How this source signs.
    pub scheme: &'static Scheme,
    /// The keys that it may sign with: one, or several while they are rotated.
    pub keys: Vec<Key>,
}

impl Source {
    /// Checks who sent a request, before anything in its body is read.
    ///
    /// # Errors
    /// [`Kind::Unauthenticated`], with one detail for every cause.
    pub fn verify(&self, request: Request, now: SystemTime) -> Result<Verified<Request>, Fault> {
        self.check(&request, now).map_err(|cause| {
            Fault::new(Kind::Unauthenticated, "the event's signature was not accepted")
                .caused_by(cause)
        })?;
        Ok(Verified { inner: request })
    }

    /// Signs a body as this source would with its first key: the headers to send with it.
    ///
    /// `timestamp` is in whole seconds since 1970. `None` without a key.
    #[must_use]
    pub fn sign(
        &self,
        id: &str,
        timestamp: u64,
        body: &[u8],
    ) -> Option<[(&'static str, String); 3]> {
        let timestamp = timestamp.to_string();
        let mac = self.mac(self.keys.first()?, id, &timestamp, body);
        let signature = self.scheme.write(&mac.finalize().into_bytes().into());
        Some([
            (self.scheme.id, id.to_owned()),
            (self.scheme.timestamp, timestamp),
            (self.scheme.signature, signature),
        ])
    }

    /// Says which check failed, for the log.
    fn check(&self, request: &Request, now: SystemTime) -> Result<(), &'static str> {
        let header =
            |name| request.headers.only(name).ok_or("a security header is missing or there twice");
        let id = header(self.scheme.id)?;
        let timestamp = header(self.scheme.timestamp)?;
        let signatures = self.scheme.signatures(header(self.scheme.signature)?)?;
        check_id(id)?;
        check_time(timestamp, now)?;
        // Every key is tried against every signature, whatever matched before, so that the time
        // taken does not tell which of them it was.
        let mut matches = false;
        for key in &self.keys {
            let mac = self.mac(key, id, timestamp, &request.body);
            for signature in &signatures {
                matches |= mac.clone().verify_slice(signature).is_ok();
            }
        }
        if matches { Ok(()) } else { Err("no signature matched") }
    }

    fn mac(&self, key: &Key, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = hmac(key);
        for part in self.scheme.signed {
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

/// HMAC-SHA256 (RFC 2104) under a key that [`Key`] has found long enough.
fn hmac(key: &Key) -> Hmac<Sha256> {
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
