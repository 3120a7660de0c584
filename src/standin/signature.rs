//! Is the request signed as AWS wants it?
//!
//! The signature itself is not recomputed: the stand-in knows no secret keys. What is checked is
//! that a signer was at work and that it signed for this service, which is what goes wrong when a
//! client is set up badly (AWS General Reference, "Signature Version 4 request elements").

use hyper::HeaderMap;

use super::api_error::{ApiError, ErrorCode};

/// Refuses a request that bears no Version 4 signature for `connect` in its headers.
///
/// # Errors
/// `MissingAuthenticationTokenException` without `Authorization`, `IncompleteSignatureException`
/// when a part of it or `x-amz-date` is missing or misshapen, `InvalidSignatureException` when the
/// credential's scope names another service.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization")
        .ok_or_else(|| ErrorCode::MissingAuthentication.because("Missing Authentication Token"))?;

    let service = scope_service(authorization, header("x-amz-date").unwrap_or_default())
        .ok_or_else(|| {
            ErrorCode::IncompleteSignature.because(
                "Authorization must be AWS4-HMAC-SHA256 with Credential, SignedHeaders and \
                 Signature, and x-amz-date must be of the credential's day",
            )
        })?;
    ErrorCode::InvalidSignature
        .unless(service == "connect", "Credential should be scoped to correct service: 'connect'")
}

/// The service that a well-formed signature was made for.
fn scope_service<'h>(authorization: &'h str, date: &str) -> Option<&'h str> {
    let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |name: &str| {
        parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let mut scope = part("Credential")?.split('/');
    let (access_key, day, region) = (scope.next()?, scope.next()?, scope.next()?);
    let service = scope.next()?;
    let signature = part("Signature")?;

    let well_formed = !access_key.is_empty()
        && !region.is_empty()
        && scope.eq(["aws4_request"])
        && is_digits(day, 8)
        && is_time_of(date, day)
        && !part("SignedHeaders")?.is_empty()
        && signature.len() == 64
        && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then_some(service)
}

/// `date` is `<day>T<six digits>Z`.
fn is_time_of(date: &str, day: &str) -> bool {
    date.strip_prefix(day)
        .and_then(|rest| rest.strip_prefix('T')?.strip_suffix('Z'))
        .is_some_and(|time| is_digits(time, 6))
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(authorization: Option<&str>, date: &str) -> Option<ErrorCode> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert("authorization", value.parse().unwrap());
        }
        headers.insert("x-amz-date", date.parse().unwrap());
        check(&headers).err().map(|refusal| refusal.code)
    }

    #[test]
    fn only_a_signature_for_connect_passes() {
        let good = format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/connect/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={}",
            "0a".repeat(32),
        );
        let date = "20261122T010203Z";
        let incomplete = Some(ErrorCode::IncompleteSignature);
        let cases = [
            (Some(good.clone()), date, None),
            (None, date, Some(ErrorCode::MissingAuthentication)),
            (Some("Bearer abc".into()), date, incomplete),
            (Some(good.replace("/connect/", "/s3/")), date, Some(ErrorCode::InvalidSignature)),
            (Some(good.replace("/aws4_request", "")), date, incomplete),
            (Some(good.replace("aws4_request", "aws4_request/x")), date, incomplete),
            (Some(good.replace("AKID", "")), date, incomplete),
            (Some(good.replace("us-east-1", "")), date, incomplete),
            (Some(good.replace("20261122", "2026112")), date, incomplete),
            (Some(good.replace("host;x-amz-date", "")), date, incomplete),
            (Some(good.replace("0a0a", "0a0")), date, incomplete),
            (Some(good.replace("0a0a", "0g0a")), date, incomplete),
            (Some(good.clone()), "", incomplete),
            (Some(good.clone()), "20261123T010203Z", incomplete),
            (Some(good), "20261122T0102Z", incomplete),
        ];

        for (authorization, date, expected) in cases {
            assert_eq!(
                code_of(authorization.as_deref(), date),
                expected,
                "{authorization:?} {date}"
            );
        }
    }
}
