//! Who may speak: published vectors, everything derived from them that must be refused, and what
//! another implementation of the same scheme says.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use connect_provisioner::fault::{Fault, Kind};
use connect_provisioner::http::{Headers, Request};
use connect_provisioner::secret::SecretKey;
use connect_provisioner::trust::Source;
use connect_provisioner::trust::scheme::{KeyForm, MacProof, Part, Proof, Scheme, SignatureForm};
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use serde_json::Value;
use sha2::Sha256;

const VECTORS: &str = include_str!("../vectors/signatures.json");

fn vector(name: &str) -> Value {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    vectors.into_iter().find(|vector| vector["name"] == name).unwrap()
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn source(secrets: &[&str]) -> Source {
    source_by("standard-webhooks", secrets)
}

fn source_by(scheme: &str, secrets: &[&str]) -> Source {
    let scheme = Scheme::named(scheme).unwrap();
    let keys = secrets.iter().map(|secret| scheme.key(secret).unwrap()).collect();
    Source { name: "test".to_owned(), scheme, keys }
}

/// A message as it arrives: header names and values, body.
#[derive(Clone)]
struct Message {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn new(id: &str, timestamp: &str, signature: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { headers, body: body.into() }
    }

    fn published() -> Self {
        Self::of(&vector("standard-webhooks-v1"))
    }

    fn of(vector: &Value) -> Self {
        let headers = vector["headers"].as_object().unwrap().iter();
        let headers =
            headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let body = vector["body"].as_str().unwrap_or_else(|| text(vector, "msg"));
        Self { headers: headers.collect(), body: body.into() }
    }

    fn signed(source: &Source, id: &str, at: u64, body: &[u8]) -> Self {
        let headers = source.sign(id, at, body).into_iter();
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).collect();
        Self { headers, body: body.to_owned() }
    }

    fn header(&mut self, name: &str) -> &mut String {
        let (_, value) = self.headers.iter_mut().find(|(own, _)| own == name).unwrap();
        value
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        *self.header(name) = value.to_owned();
        self
    }

    fn verdict(&self, source: &Source, now: u64) -> Result<(), (Kind, String)> {
        let request = Request {
            method: "POST".to_owned(),
            path: "/hooks/test".to_owned(),
            headers: self.headers.iter().cloned().collect::<Headers>(),
            body: self.body.clone(),
            ..Request::default()
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        source.verify(&request, now).map(drop).map_err(|refusal| {
            let fault = Fault::from(refusal);
            (fault.kind, fault.detail.into_owned())
        })
    }
}

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// When the published message was signed.
const SIGNED: u64 = 1_649_367_553;

#[test]
fn the_published_vector_is_accepted_and_signed_alike() {
    let source = source(&[text(&vector("standard-webhooks-v1"), "secret")]);
    let message = Message::published();
    assert_eq!(message.verdict(&source, SIGNED), Ok(()));
    let id = message.headers.iter().find(|(name, _)| name == "webhook-id").unwrap().1.clone();
    let mut ours = Message::signed(&source, &id, SIGNED, &message.body);
    assert_eq!(ours.header("webhook-signature"), Message::published().header("webhook-signature"));
}

#[test]
fn the_mac_is_that_of_rfc_4231() {
    static BODY_ALONE: Scheme = Scheme {
        name: "body alone",
        proof: Proof::Mac(MacProof {
            id: None,
            timestamp: None,
            signature: "signature",
            form: SignatureForm::Hex(""),
            signed: &[Part::Body],
        }),
        key: KeyForm::Text { minimum: 0 },
    };
    for name in ["rfc4231-tc1", "rfc4231-tc2", "rfc4231-tc6-long-key"] {
        let vector = vector(name);
        let key = match vector["key_enc"].as_str() {
            Some("hex") => hex(text(&vector, "key")),
            _ => text(&vector, "key").as_bytes().to_vec(),
        };
        let keys = vec![SecretKey::from_base64(&STANDARD.encode(key), "", 0).unwrap()];
        let source = Source { name: "test".to_owned(), scheme: &BODY_ALONE, keys };
        let headers = source.sign("", 0, text(&vector, "msg").as_bytes());
        assert_eq!(headers, [("signature", text(&vector, "sig").to_owned())], "{name}");
    }
}

#[test]
fn an_id_with_a_dot_is_refused_though_its_mac_is_right() {
    let vector = vector("NEG-standard-webhooks-dot-in-id");
    let signature = format!("v1,{}", text(&vector, "sig"));
    let source = source(&[SECRET]);
    assert_eq!(Message::new("x", "1", &signature, "2.B").verdict(&source, 1), Ok(()));
    assert!(Message::new("x.1", "2", &signature, "B").verdict(&source, 1).is_err());
}

#[test]
fn time_may_differ_by_the_tolerance_and_no_second_more() {
    let message = Message::published();
    for (now, accepted) in [
        (SIGNED - 301, false),
        (SIGNED - 300, true),
        (SIGNED + 300, true),
        (SIGNED + 301, false),
        (0, false),
    ] {
        assert_eq!(message.verdict(&source(&[SECRET]), now).is_ok(), accepted, "{now}");
    }
}

#[test]
fn header_names_come_in_any_case_and_several_signatures_in_any_order() {
    let mut message = Message::published();
    let good = message.header("webhook-signature").clone();
    let wrong = format!("v1,{}", STANDARD.encode([7; 32]));
    let other_version = format!("v1a,{}", STANDARD.encode([7; 64]));
    *message.header("webhook-signature") = format!("{wrong} {other_version} {good}");
    for (name, _) in &mut message.headers {
        *name = name.to_uppercase();
    }
    assert_eq!(message.verdict(&source(&[SECRET]), SIGNED), Ok(()));
}

#[test]
fn keys_are_rotated_without_a_gap() {
    let sign = |secret: &str| Message::signed(&source(&[secret]), "id", SIGNED, b"{}");
    let (old, new) = (sign(SECRET), sign(OTHER_SECRET));
    let signature = |mut message: Message| message.header("webhook-signature").clone();
    let both = format!("{} {}", signature(old.clone()), signature(new.clone()));
    let both = old.clone().with("webhook-signature", &both);
    for (keys, accepted) in [
        (vec![SECRET], [true, false, true]),
        (vec![SECRET, OTHER_SECRET], [true, true, true]),
        (vec![OTHER_SECRET], [false, true, true]),
    ] {
        let source = source(&keys);
        let verdicts = [&old, &new, &both].map(|message| message.verdict(&source, SIGNED).is_ok());
        assert_eq!(verdicts, accepted, "{} keys", keys.len());
    }
}

/// Everything that may not be accepted, made from the published message.
fn hostile() -> Vec<(&'static str, Message)> {
    let good = Message::published();
    let signature = Message::published().header("webhook-signature").clone();
    let encoded = signature.strip_prefix("v1,").unwrap().to_owned();
    let raw = STANDARD.decode(&encoded).unwrap();
    let mut cases = Vec::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let edit = |edit: &dyn Fn(&mut Message)| {
            let mut message = good.clone();
            edit(&mut message);
            message
        };
        cases.push(("header missing", edit(&|m| m.headers.retain(|(own, _)| own != name))));
        cases.push(("header empty", edit(&|m| m.header(name).clear())));
        cases.push((
            "header twice, joined",
            edit(&|m| {
                let value = m.header(name).clone();
                *m.header(name) = format!("{value},{value}");
            }),
        ));
        cases.push((
            "header twice, in two cases",
            edit(&|m| {
                let value = m.header(name).clone();
                m.headers.push((name.to_uppercase(), value));
            }),
        ));
        cases.push((
            "header of another family",
            edit(&|m| {
                for (own, _) in &mut m.headers {
                    if own == name {
                        *own = own.replace("webhook", "svix");
                    }
                }
            }),
        ));
        cases.push(("blank in front", edit(&|m| m.header(name).insert(0, ' '))));
        cases.push(("blank behind", edit(&|m| m.header(name).push(' '))));
    }
    for timestamp in [
        "-1649367553",
        "+1649367553",
        "01649367553",
        "1649367553.0",
        "1.649367553e9",
        "1649367553000",
        "1649367554",
        "16493675530000000000",
        "-9223372036854775808",
        "18446744073709551616",
        "0",
        "0x624f3a01",
        "１649367553",
    ] {
        cases.push(("timestamp", good.clone().with("webhook-timestamp", timestamp)));
    }
    let mut flipped = raw.clone();
    flipped[31] ^= 1;
    let truncated = STANDARD.encode(&raw[..31]);
    let extended = STANDARD.encode([raw.as_slice(), &[0]].concat());
    let loose = format!("{}5=", encoded.strip_suffix("w=").unwrap());
    for value in [
        format!("v1,{}", STANDARD.encode(&flipped)),
        format!("v1,{truncated}"),
        format!("v1,{extended}"),
        format!("v1,{}", STANDARD_NO_PAD.encode(&raw)),
        format!("v1,{}", URL_SAFE.encode(&raw).replace('/', "_")),
        format!("v1,{loose}"),
        format!("v1,{}", raw.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        format!("V1,{encoded}"),
        format!("v2,{encoded}"),
        format!("v1={encoded}"),
        format!("v1, {encoded}"),
        format!("v1,,{encoded}"),
        format!("x,v1,{encoded}"),
        format!("{signature}  {signature}"),
        format!("{signature}\t"),
        format!("{signature} v9,x,y"),
        format!("{signature} x"),
        format!("{signature} v1,"),
        encoded,
        "v1,".to_owned(),
        vec![signature.as_str(); 17].join(" "),
        vec![signature.as_str(); 1000].join(" "),
    ] {
        cases.push(("signature", good.clone().with("webhook-signature", &value)));
    }
    for id in ["x", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpK", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk.1"] {
        cases.push(("id", good.clone().with("webhook-id", id)));
    }
    let body = String::from_utf8(good.body.clone()).unwrap();
    for other in
        [format!("{body}\r\n"), body.replace(':', ": "), body.replace('t', "T"), String::new()]
    {
        cases.push(("body", Message { body: other.into(), ..good.clone() }));
    }
    cases
}

#[test]
fn everything_else_is_refused_in_the_same_words() {
    let source = source(&[SECRET]);
    let refusal = (Kind::Unauthenticated, "the event's signature was not accepted".to_owned());
    for (what, message) in hostile() {
        assert_eq!(
            message.verdict(&source, SIGNED),
            Err(refusal.clone()),
            "{what}: {:?}",
            message.headers
        );
    }
    for secret in [OTHER_SECRET, &format!("whsec_{}", STANDARD.encode(SECRET))] {
        let other = self::source(&[secret]);
        assert_eq!(Message::published().verdict(&other, SIGNED), Err(refusal.clone()));
    }
}

/// A message whose signature is right for whatever stands in its headers.
fn rightly_signed(id: &str, timestamp: &str) -> Message {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.{{}}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    Message::new(id, timestamp, &signature, "{}")
}

#[test]
fn a_right_signature_does_not_excuse_a_malformed_header() {
    let source = source(&[SECRET]);
    let verdict =
        |id: &str, timestamp: &str| rightly_signed(id, timestamp).verdict(&source, SIGNED).is_ok();
    assert!(verdict("msg_1", "1649367553"));
    assert!(verdict(&"x".repeat(256), "1649367553"));
    for timestamp in [
        "01649367553",
        "+1649367553",
        " 1649367553",
        "1649367553 ",
        "1649367553.0",
        "00000001649367553",
        "１６４９３６７５５３",
        "",
    ] {
        assert!(!verdict("msg_1", timestamp), "{timestamp}");
    }
    for id in ["", "msg.1", "msg,1", "msg 1", "msg_1\t", "msg_é", &"x".repeat(257)] {
        assert!(!verdict(id, "1649367553"), "{id}");
    }
    assert!(
        rightly_signed("msg_1", "99999999999999").verdict(&source, 99_999_999_999_999).is_err()
    );
}

#[test]
fn svix_and_github_are_rows_of_the_same_table() {
    for (name, scheme, now) in
        [("svix-v1", "svix", 1_614_265_330), ("github-x-hub-signature-256", "github", 0)]
    {
        let vector = vector(name);
        let secret = vector["secret"].as_str().unwrap_or_else(|| text(&vector, "key"));
        let source = source_by(scheme, &[secret]);
        let message = Message::of(&vector);
        assert_eq!(message.verdict(&source, now), Ok(()), "{name}");
        let id = message.headers.iter().find(|(header, _)| header == "svix-id");
        let id = id.map_or("", |(_, id)| id);
        for (header, value) in &Message::signed(&source, id, now, &message.body).headers {
            let published =
                message.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(header));
            assert_eq!(&published.unwrap().1, value, "{name}");
        }
        for byte in 0..message.body.len() {
            let mut changed = message.clone();
            changed.body[byte] ^= 1;
            assert!(changed.verdict(&source, now).is_err(), "{name}: byte {byte}");
        }
        assert!(message.verdict(&self::source(&[SECRET]), now).is_err(), "{name}: another scheme");
    }
}

#[test]
fn svix_does_not_take_a_header_of_the_other_family() {
    let vector = vector("svix-v1");
    let source = source_by("svix", &[text(&vector, "secret")]);
    for family in ["svix-id", "svix-timestamp", "svix-signature"] {
        let mut mixed = Message::of(&vector);
        let (name, _) = mixed.headers.iter_mut().find(|(name, _)| name == family).unwrap();
        *name = name.replace("svix", "webhook");
        assert!(mixed.verdict(&source, 1_614_265_330).is_err(), "{family}");
    }
}

#[test]
fn githubs_signature_is_written_in_one_way_only() {
    let vector = vector("github-x-hub-signature-256");
    let source = source_by("github", &[text(&vector, "key")]);
    let good = text(&vector, "sig");
    let message = |value: &str| Message {
        headers: vec![("X-Hub-Signature-256".to_owned(), value.to_owned())],
        body: text(&vector, "msg").into(),
    };
    assert_eq!(message(&format!("sha256={good}")).verdict(&source, 0), Ok(()));
    for value in [
        good.to_owned(),
        format!("sha256={}", good.to_uppercase()),
        format!("SHA256={good}"),
        format!("xsha256={good}"),
        format!("sha1={good}"),
        format!("sha256={good}0"),
        format!("sha256={good}00"),
        format!("sha256={}", &good[..63]),
        format!("sha256={}", &good[..62]),
        format!("sha256= {good}"),
        format!("sha256={good} "),
        format!("sha256={good},sha256={good}"),
        format!("sha256=+{}", &good[1..]),
        "sha256=".to_owned(),
        String::new(),
    ] {
        assert!(message(&value).verdict(&source, 0).is_err(), "{value}");
    }
}

#[test]
fn a_fixed_value_is_compared_whole() {
    let (key, other) = ("the value that Okta sends", "another value of its own");
    let message = |value: &str| Message {
        headers: vec![("Authorization".to_owned(), value.to_owned())],
        body: b"{}".to_vec(),
    };
    let source = source_by("okta", &[key, other]);
    assert_eq!(message(key).verdict(&source, 0), Ok(()));
    assert_eq!(message(other).verdict(&source, 0), Ok(()));
    let longer = format!("{key}x");
    for value in ["", "x", &key[1..], &key[..key.len() - 1], &longer, &key.to_uppercase()] {
        assert!(message(value).verdict(&source, 0).is_err(), "{value}");
    }
    let mut twice = message(key);
    twice.headers.push(("authorization".to_owned(), key.to_owned()));
    assert!(twice.verdict(&source, 0).is_err());
    assert!(Message { headers: Vec::new(), ..message(key) }.verdict(&source, 0).is_err());
    assert!(Scheme::named("okta").unwrap().key("15 bytes, short").is_err());
}

#[test]
fn the_key_that_matched_is_told_by_its_number() {
    let request = |message: Message| Request {
        method: "POST".to_owned(),
        path: "/hooks/test".to_owned(),
        headers: message.headers.into_iter().collect::<Headers>(),
        body: message.body,
        ..Request::default()
    };
    let both = source(&[SECRET, OTHER_SECRET]);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(SIGNED);
    let sign = |secret: &str| Message::signed(&source(&[secret]), "id", SIGNED, b"{}");
    let (mut by_one, by_two) = (sign(SECRET), sign(OTHER_SECRET));
    let signature = by_one.header("webhook-signature").clone();
    let mut by_both = by_two.clone();
    by_both.header("webhook-signature").push_str(&format!(" {signature}"));
    for (message, number) in [(by_one, 1), (by_two, 2), (by_both, 1)] {
        assert_eq!(both.verify(&request(message), now).unwrap().key().number, number);
    }
}

#[test]
fn a_body_need_not_be_text() {
    let source = source(&[SECRET]);
    let message = Message::signed(&source, "id", SIGNED, b"\xff\x00");
    assert_eq!(message.verdict(&source, SIGNED), Ok(()));
}

proptest! {
    #[test]
    fn one_changed_byte_is_never_accepted(
        body in prop::collection::vec(any::<u8>(), 1..200), at in 0_usize..400, change in 1_u8..=255,
    ) {
        let source = source(&[SECRET]);
        let good = Message::signed(&source, "msg_1", SIGNED, &body);
        prop_assert_eq!(good.verdict(&source, SIGNED), Ok(()));
        let mut changed = good.clone();
        let byte = at % (body.len() + 60);
        if byte < body.len() {
            changed.body[byte] ^= change;
        } else {
            let header = ["webhook-id", "webhook-timestamp", "webhook-signature"][byte % 3];
            let value = changed.header(header).clone();
            let place = at % value.len();
            let mut bytes = value.into_bytes();
            bytes[place] = bytes[place].wrapping_add(change) & 0x7f;
            *changed.header(header) = String::from_utf8(bytes).unwrap();
            prop_assume!(changed.headers != good.headers);
        }
        prop_assert!(changed.verdict(&source, SIGNED).is_err());
    }

    #[test]
    fn another_implementation_signs_alike(body in ".{0,200}", id in "[A-Za-z0-9_]{1,40}") {
        let source = source(&[SECRET]);
        let theirs = standardwebhooks::Webhook::new(SECRET).unwrap();
        let signature = theirs.sign(&id, i64::try_from(SIGNED).unwrap(), body.as_bytes()).unwrap();
        let message = Message::new(&id, &SIGNED.to_string(), &signature, body.as_bytes());
        prop_assert_eq!(message.verdict(&source, SIGNED), Ok(()));
        let mut ours = Message::signed(&source, &id, SIGNED, body.as_bytes());
        prop_assert_eq!(ours.header("webhook-signature"), &signature);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
