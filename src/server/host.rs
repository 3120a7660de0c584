//! Checks `Host` and proxy headers: whether a request is addressed to this machine, and came
//! directly.

use std::net::IpAddr;

use hyper::header::{FORWARDED, HOST, HeaderMap, VIA};

/// True if a request is addressed to this machine, by a name that nobody else can bind to it.
///
/// In a DNS rebinding attack, a web page in a local browser binds its own name to a loopback
/// address; that name is then in `Host`. Browsers always send `Host`.
#[must_use]
pub fn is_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else { return true };
    let host = host.to_str().unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_loopback = address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    (name.eq_ignore_ascii_case("localhost") || is_loopback) && hosts.next().is_none()
}

/// True if a request passed a proxy, by its headers (RFC 7239 §4, RFC 9110 §7.6.3, and the
/// customary `X-Forwarded-*` and `X-Real-IP`).
#[must_use]
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    let is_tell_tale = |name: &str| {
        name == FORWARDED.as_str()
            || name == VIA.as_str()
            || name == "x-real-ip"
            || name.starts_with("x-forwarded-")
    };
    headers.keys().any(|name| is_tell_tale(name.as_str()))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn this_machine_goes_by_few_names() {
        for (host, is_here) in [
            ("localhost", true),
            ("LOCALHOST:8787", true),
            ("127.0.0.1:8787", true),
            ("127.0.0.2", true),
            ("[::1]:8787", true),
            ("[::1]", true),
            ("", false),
            ("example.com", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com:8787", false),
            ("192.0.2.1", false),
            ("localhost:80:x.example", false),
        ] {
            assert_eq!(is_this_machine(&headers(&[("host", host)])), is_here, "{host}");
        }
        assert!(is_this_machine(&headers(&[])));
        assert!(!is_this_machine(&headers(&[("host", "localhost"), ("host", "x.example")])));
    }

    #[test]
    fn every_proxy_gives_itself_away() {
        for name in
            ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "x-forwarded-"]
        {
            assert!(is_forwarded(&headers(&[(name, "")])), "{name}");
        }
        assert!(!is_forwarded(&headers(&[("host", "localhost"), ("x-other", "y")])));
    }
}
