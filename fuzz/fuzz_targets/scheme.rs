//! A signed message of which one byte was changed is never accepted; nor are any headers that were
//! made without the key.
#![no_main]

use std::time::{Duration, SystemTime};

use connect_provisioner::http::{Headers, Request};
use connect_provisioner::trust::Source;
use connect_provisioner_fuzz::{NOW, config};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [which, place, change, rest @ ..] = data else { return };
    let config = config();
    let source = &config.hooks[usize::from(*which) % config.hooks.len()].source;
    let signed = source.sign("msg_1", NOW, rest);
    assert!(accepts(source, &signed, rest));

    let place = usize::from(*place);
    let mut body = rest.to_vec();
    if let Some(byte) = body.get_mut(place).filter(|_| *change != 0) {
        *byte ^= change;
        // A fixed value signs nothing.
        assert!(!accepts(source, &signed, &body) || source.scheme.name == "okta");
    }
    for number in 0..signed.len() {
        let mut headers = signed.clone();
        let mut value = headers[number].1.clone().into_bytes();
        let length = value.len();
        value[place % length] ^= change & 0x7f;
        let Ok(value) = String::from_utf8(value) else { continue };
        if value != headers[number].1 {
            headers[number].1 = value;
            assert!(!accepts(source, &headers, rest));
        }
    }
    // The fuzzer reads the constants of the program, and so the key; who has it is believed.
    let guessed = signed.iter().any(|(_, value)| value.as_bytes() == rest);
    if let Some(text) = std::str::from_utf8(rest).ok().filter(|_| !guessed) {
        let forged: Vec<_> = signed.iter().map(|(name, _)| (*name, text.to_owned())).collect();
        assert!(!accepts(source, &forged, rest));
    }
});

fn accepts(source: &Source, headers: &[(&'static str, String)], body: &[u8]) -> bool {
    let headers: Headers = headers.iter().cloned().collect();
    let (method, path) = ("POST".to_owned(), "/hooks/x".to_owned());
    let request = Request { method, path, headers, body: body.to_vec(), ..Request::default() };
    source.verify(&request, SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)).is_ok()
}
