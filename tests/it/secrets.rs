//! Keys in Secrets Manager: read when they are needed, seldom, and never believed for too long.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use connect_provisioner::config::{Config, Level};
use connect_provisioner::decision::Invocation;
use connect_provisioner::lambda;
use connect_provisioner::log::EventLog;
use connect_provisioner::provisioner::Provisioner;
use connect_provisioner::trust::Source;
use connect_provisioner::trust::scheme::Scheme;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::house::{LONG, all, story};
use crate::startup;

const ARN: &str = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:hook-AbCdEf";
/// Another secret, which holds the first key.
const SPARE: &str = "arn:aws:secretsmanager:eu-west-2:123456789012:secret:spare-AbCdEf";
const FIRST: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SECOND: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const THIRD: &str = "whsec_AAAAr8GKYqrTwjUPD8ILPZIo2LaLaSwAAAAA";

/// When the stories begin, in seconds since 1970.
const START: u64 = 1_793_607_300;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Secrets Manager as far as GetSecretValue goes; tests/outside has it from another hand.
#[derive(Default)]
struct Vault {
    /// Texts and the seconds at which they were made, by stage.
    versions: BTreeMap<&'static str, (String, u64)>,
    /// What is answered instead, and for which stages: status and error code; 0 is silence.
    fault: Option<(u16, &'static str)>,
    /// Whether only the previous version fails.
    spares_current: bool,
    /// How long the next answers take.
    delays: VecDeque<Duration>,
    /// How often the spare secret still fails.
    spare_fails: usize,
    /// The stages asked for.
    asked: Vec<String>,
    /// The Regions that requests were signed for.
    regions: Vec<String>,
    /// What was asked besides.
    strange: Vec<String>,
}

impl Vault {
    fn answer(&mut self, request: &Value) -> (u16, Value) {
        if request["SecretId"] == SPARE {
            self.asked.push("spare".to_owned());
            if self.spare_fails > 0 {
                self.spare_fails -= 1;
                return (503, json!({"__type": "ServiceUnavailable"}));
            }
            return (200, json!({"ARN": SPARE, "SecretString": FIRST, "CreatedDate": OLD}));
        }
        if request["SecretId"] != ARN {
            self.strange.push(request.to_string());
        }
        let stage = request["VersionStage"].as_str().unwrap_or_default();
        self.asked.push(stage.to_owned());
        if let Some((status, code)) = self.fault
            && !(self.spares_current && stage == "AWSCURRENT")
        {
            return (status, json!({"__type": code, "Message": "a word of AWS's own"}));
        }
        match self.versions.get(stage) {
            Some((text, created)) => {
                (200, json!({"ARN": ARN, "SecretString": text, "CreatedDate": created}))
            }
            None => {
                (400, json!({"__type": "ResourceNotFoundException", "Message": "no such stage"}))
            }
        }
    }
}

/// A function whose one source has its keys in the vault.
struct House {
    provisioner: Provisioner,
    vault: Arc<Mutex<Vault>>,
    server: JoinHandle<()>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.abort();
        if !std::thread::panicking() {
            let vault = self.vault.lock().unwrap();
            assert_eq!(vault.strange, [""; 0], "nothing else is asked, of Connect neither");
        }
    }
}

async fn given(versions: &[(&'static str, &str, u64)]) -> House {
    given_with(versions, &[]).await
}

async fn given_with(versions: &[(&'static str, &str, u64)], changes: &[(&str, &str)]) -> House {
    let vault = Arc::new(Mutex::new(Vault::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, Arc::clone(&vault)));
    let mut environment = startup::good();
    environment.remove("HOOK_OKTA_SECRET");
    environment.insert("HOOK_OKTA_SECRET_ARN".to_owned(), ARN.to_owned());
    environment.extend([
        ("HOOK_OTHER_SCHEME".to_owned(), "standard-webhooks".to_owned()),
        ("HOOK_OTHER_SECRET".to_owned(), FIRST.to_owned()),
    ]);
    environment
        .extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Config::read(&environment).unwrap();
    let credentials = Credentials::new("test", "test", None, None, "test");
    let aws = lambda::loader("us-east-1").endpoint_url(endpoint).credentials_provider(credentials);
    let aws = aws.use_fips(false).use_dual_stack(false).load().await;
    let house = House { provisioner: Provisioner::direct(config, &aws), vault, server };
    house.rotate(versions);
    house
}

async fn serve(listener: TcpListener, vault: Arc<Mutex<Vault>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let vault = Arc::clone(&vault);
        let service = service_fn(move |request: Request<Incoming>| {
            let vault = Arc::clone(&vault);
            async move { Ok::<_, Infallible>(answer(request, &vault).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, vault: &Mutex<Vault>) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    if request
        .headers()
        .get("x-amz-target")
        .is_none_or(|own| own != "secretsmanager.GetSecretValue")
    {
        vault.lock().unwrap().strange.push(request.uri().to_string());
        return Response::default();
    }
    let region = header("authorization").split('/').nth(2).unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, body, delay) = {
        let mut vault = vault.lock().unwrap();
        vault.regions.push(region);
        let delay = vault.delays.pop_front();
        let (status, body) = vault.answer(&serde_json::from_slice(&body).unwrap());
        (status, body, delay)
    };
    tokio::time::sleep(delay.unwrap_or_default()).await;
    if status == 0 {
        std::future::pending::<()>().await;
    }
    Response::builder().status(status).body(Full::from(body.to_string())).unwrap()
}

/// What an event came to: the status, and what the log's line says.
struct Seen {
    status: u16,
    line: Value,
    metrics: String,
    retry_after: Option<String>,
}

impl House {
    fn rotate(&self, versions: &[(&'static str, &str, u64)]) {
        let version =
            |(stage, text, at): &(&'static str, &str, u64)| (*stage, ((*text).to_owned(), *at));
        self.vault.lock().unwrap().versions = versions.iter().map(version).collect();
    }

    fn fails(&self, fault: Option<(u16, &'static str)>) {
        self.vault.lock().unwrap().fault = fault;
    }

    /// The next answers take so long.
    fn is_slow(&self, delays: &[Duration]) {
        self.vault.lock().unwrap().delays = delays.iter().copied().collect();
    }

    /// The stages asked for since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.vault.lock().unwrap().asked)
    }

    /// An event that asks Connect for nothing, signed by a key, so long after the start.
    async fn event(&self, key: &str, seconds: u64) -> Seen {
        self.event_of("okta", key, seconds).await
    }

    async fn event_of(&self, name: &str, key: &str, seconds: u64) -> Seen {
        self.told(name, "user-inactive", key, seconds).await
    }

    async fn told(&self, name: &str, tale: &str, key: &str, seconds: u64) -> Seen {
        self.told_within(LONG, name, tale, key, seconds).await
    }

    /// An event that is to be answered soon.
    async fn hasty(&self, time_left: Duration, key: &str, seconds: u64) -> Seen {
        self.told_within(time_left, "okta", "user-inactive", key, seconds).await
    }

    async fn told_within(
        &self,
        time_left: Duration,
        name: &str,
        tale: &str,
        key: &str,
        seconds: u64,
    ) -> Seen {
        let scheme = Scheme::named("standard-webhooks").unwrap();
        let keys = vec![scheme.key(key).unwrap()];
        let source = Source { name: name.to_owned(), scheme, keys };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(START + seconds);
        let event = story(tale).signed(&source, "msg_1", now).to_string();
        let invocation = Invocation { now, time_left, random: [0; 16] };
        let mut record = EventLog::default();
        let reply = self.provisioner.answer(&event, invocation, &mut record).await.unwrap();
        let line = record.lines(Level::Info).next().unwrap();
        let metrics = record.metrics("prod", now).unwrap();
        let headers = reply.headers.unwrap_or_default();
        let retry_after = headers.get("retry-after").cloned();
        let line = serde_json::from_str(&line).unwrap();
        Seen { status: reply.status_code, line, metrics, retry_after }
    }
}

const OLD: u64 = START - 73 * HOUR;

#[tokio::test]
async fn keys_are_read_at_the_first_event_and_again_after_five_minutes() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    assert!(house.asked().is_empty(), "nothing is read before it is needed");
    for (seconds, read) in
        [(0, true), (1, false), (299, false), (300, true), (599, false), (600, true)]
    {
        let seen = house.event(FIRST, seconds).await;
        assert_eq!((seen.status, &seen.line["key"]), (200, &json!(1)));
        assert_eq!(house.asked().len(), usize::from(read), "after {seconds} s");
    }
    assert_eq!(house.event(FIRST, 660).await.line["keyAgeHours"], 73);
    assert!(house.vault.lock().unwrap().regions.iter().all(|region| region == "eu-west-2"));
}

#[tokio::test]
async fn a_rotation_is_seen_at_once_but_not_more_than_once_a_minute() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    assert_eq!(house.event(FIRST, 0).await.status, 200);
    house.rotate(&[("AWSCURRENT", SECOND, START + 30), ("AWSPREVIOUS", FIRST, OLD)]);
    assert_eq!(house.event(SECOND, 59).await.status, 401, "read a moment ago");
    assert_eq!(house.asked().len(), 1);
    let seen = house.event(SECOND, 60).await;
    assert_eq!(
        (seen.status, &seen.line["key"], &seen.line["keyAgeHours"]),
        (200, &json!(1), &json!(0))
    );
    assert_eq!(house.asked(), ["AWSCURRENT", "AWSPREVIOUS"]);
    let seen = house.event(FIRST, 61).await;
    assert_eq!((seen.status, &seen.line["key"]), (200, &json!(2)), "the old key still holds");
    assert_eq!(house.asked().len(), 0);
}

#[tokio::test]
async fn the_previous_key_holds_for_the_overlap_and_no_longer() {
    for (hours, setting) in [(72, ""), (1, "1"), (0, "0")] {
        let versions = [("AWSCURRENT", SECOND, START), ("AWSPREVIOUS", FIRST, OLD)];
        let house = given_with(&versions, &[("KEY_OVERLAP_HOURS", setting)]).await;
        let end = hours * HOUR;
        for (key, seconds, status) in [
            (FIRST, end.saturating_sub(1), if hours == 0 { 401 } else { 200 }),
            (FIRST, end, 401),
            (SECOND, end, 200),
            (FIRST, end + 2 * MINUTE, 401),
            (SECOND, end + 2 * MINUTE, 200),
        ] {
            assert_eq!(house.event(key, seconds).await.status, status, "{hours} h, {seconds} s");
        }
    }
}

#[tokio::test]
async fn a_secret_may_hold_several_keys_and_need_not_have_been_another() {
    let both = format!(r#" ["{FIRST}", "{SECOND}"] "#);
    let house = given(&[("AWSCURRENT", &both, START)]).await;
    for (key, number) in [(FIRST, 1), (SECOND, 2)] {
        let seen = house.event(key, 0).await;
        assert_eq!((seen.status, &seen.line["key"]), (200, &json!(number)));
    }
    assert_eq!(house.event(THIRD, 0).await.status, 401);
    // A placeholder that was no key, before the real one was put in its place.
    let house =
        given(&[("AWSCURRENT", &format!("{FIRST}\n"), START), ("AWSPREVIOUS", "changeme", OLD)])
            .await;
    assert_eq!(house.event(FIRST, 0).await.status, 200);
}

#[tokio::test]
async fn ten_thousand_forgeries_in_a_minute_read_a_secret_once() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    for number in 0..10_000 {
        let forged = house.told("okta", "okta-user-created", THIRD, number * MINUTE / 10_000);
        assert_eq!(forged.await.status, 401);
    }
    assert_eq!(house.asked(), ["AWSCURRENT"]);
    assert_eq!(house.event(THIRD, MINUTE).await.status, 401);
    assert_eq!(house.asked(), ["AWSCURRENT"], "and once in the next");
}

#[tokio::test]
async fn one_read_serves_all_who_wait_for_it() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    let (one, two, three) =
        tokio::join!(house.event(FIRST, 0), house.event(FIRST, 0), house.event(SECOND, 0));
    assert_eq!([one.status, two.status, three.status], [200, 200, 401]);
    assert_eq!(house.asked().len(), 1);
}

#[tokio::test]
async fn a_secret_that_gives_no_key_is_the_operators_turn_and_only_that_sources() {
    for (text, fault, cause) in [
        ("", None, "key 1: expected at least 24 bytes, found 0"),
        ("whsec_c2hvcnQ=", None, "key 1: expected at least 24 bytes, found 5"),
        ("[]", None, "expected 1 to 4 keys, found 0"),
        ("[1]", None, "expected a JSON array of strings, found another"),
        (r#"{"key":"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}"#, None, "found a JSON object"),
        (FIRST, Some((400, "ResourceNotFoundException")), "no such secret"),
        (
            FIRST,
            Some((400, "AccessDeniedException")),
            "GetSecretValue: AccessDeniedException, status 400",
        ),
        (FIRST, Some((400, "DecryptionFailure")), "GetSecretValue: DecryptionFailure"),
    ] {
        let house = given(&[("AWSCURRENT", text, OLD)]).await;
        house.fails(fault);
        let seen = house.event(FIRST, 0).await;
        let told = seen.line["cause"].as_str().unwrap();
        assert_eq!((seen.status, &seen.line["outcome"]), (500, &json!("configuration")));
        assert!(told.contains(cause), "{told}");
        assert_eq!(seen.line["level"], "ERROR");
        for metric in [r#""OperatorFaults":1"#, r#""SecretTrouble":1"#] {
            assert!(seen.metrics.contains(metric), "{}", seen.metrics);
        }
        let line = seen.line.to_string();
        assert!(!line.contains("AWS's own") && !line.contains("C2FV"), "{line}");
        assert_eq!(house.event_of("other", FIRST, 0).await.status, 200, "the others work");

        // Mended, it is read again, but not before a minute is over.
        house.fails(None);
        house.rotate(&[("AWSCURRENT", FIRST, OLD)]);
        house.asked();
        assert_eq!(house.event(FIRST, 59).await.status, 500);
        assert_eq!(house.asked().len(), 0);
        assert_eq!(house.event(FIRST, 60).await.status, 200);
    }
}

#[tokio::test]
async fn keys_in_hand_serve_for_an_hour_while_secrets_manager_is_silent() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    assert_eq!(house.event(FIRST, 0).await.status, 200);
    house.fails(Some((503, "ServiceUnavailable")));
    for (seconds, status) in [(5 * MINUTE, 200), (HOUR - 1, 200), (HOUR, 503)] {
        let seen = house.event(FIRST, seconds).await;
        assert_eq!(seen.status, status, "after {seconds} s");
        assert!(seen.metrics.contains(r#""SecretTrouble":1"#));
        let secret_error = seen.line["secretTrouble"].as_str().unwrap();
        assert!(secret_error.contains("ServiceUnavailable"), "{secret_error}");
    }
    // A secret that is gone is another matter.
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    assert_eq!(house.event(FIRST, 0).await.status, 200);
    house.rotate(&[]);
    assert_eq!(house.event(FIRST, 5 * MINUTE).await.status, 500);
}

#[tokio::test]
async fn while_keys_may_be_missing_an_unknown_one_is_to_come_again() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    assert_eq!(house.event(FIRST, 0).await.status, 200);
    assert_eq!(house.event(SECOND, 1).await.status, 401);
    house.fails(Some((503, "ServiceUnavailable")));
    let seen = house.event(SECOND, MINUTE).await;
    assert_eq!((seen.status, &seen.line["turn"]), (503, &json!("later")), "it may be the new key");
    assert_eq!(house.event(FIRST, MINUTE).await.status, 200);
    house.fails(None);
    assert_eq!(house.event(SECOND, 2 * MINUTE).await.status, 401);
}

#[tokio::test]
async fn the_current_key_holds_though_the_previous_one_cannot_be_read() {
    for fault in [
        (400, "DecryptionFailure"),
        (400, "AccessDeniedException"),
        (503, "ServiceUnavailable"),
        (0, ""),
    ] {
        let house = given(&[("AWSCURRENT", SECOND, START), ("AWSPREVIOUS", FIRST, OLD)]).await;
        house.vault.lock().unwrap().spares_current = true;
        house.fails(Some(fault));
        let seen = house.event(SECOND, 0).await;
        assert_eq!(seen.status, 200, "{fault:?}");
        // Nobody waits for the end of a silence whose key fits already.
        let secret_error = seen.line["secretTrouble"].as_str().unwrap_or_default();
        let is_told = secret_error.starts_with("AWSPREVIOUS: GetSecretValue: ");
        assert_eq!(is_told, fault.0 != 0, "{secret_error}");
        let expected = if fault.0 == 400 { 401 } else { 503 };
        let seen = house.event(FIRST, 0).await;
        assert_eq!(seen.status, expected, "{fault:?}: it may be the previous key");

        house.fails(None);
        assert_eq!(house.event(FIRST, MINUTE).await.status, 200);
        house.fails(Some(fault));
        assert_eq!(house.event(FIRST, 6 * MINUTE).await.status, 200, "{fault:?}: it is in hand");
        assert_eq!(house.event(FIRST, 72 * HOUR).await.status, 401, "{fault:?}: it is over");
    }
}

#[tokio::test]
async fn the_key_that_was_current_a_moment_ago_is_the_one_that_is_owed_the_overlap() {
    let house = given(&[("AWSCURRENT", SECOND, START - HOUR), ("AWSPREVIOUS", FIRST, OLD)]).await;
    assert_eq!(house.event(FIRST, 0).await.status, 200);
    house.rotate(&[("AWSCURRENT", THIRD, START), ("AWSPREVIOUS", SECOND, START - HOUR)]);
    house.vault.lock().unwrap().spares_current = true;
    house.fails(Some((400, "DecryptionFailure")));
    for (key, status) in [(THIRD, 200), (SECOND, 200), (FIRST, 401)] {
        assert_eq!(house.event(key, 5 * MINUTE).await.status, status);
    }
    assert_eq!(house.event(SECOND, 73 * HOUR).await.status, 401);
}

#[tokio::test]
async fn a_read_goes_on_though_whoever_asked_hangs_up_and_serves_the_next() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    house.is_slow(&[Duration::from_millis(700)]);
    for _ in 0..5 {
        let impatient = tokio::time::timeout(Duration::from_millis(50), house.event(FIRST, 0));
        drop(impatient.await);
    }
    assert_eq!(house.event(FIRST, 1).await.status, 200);
    assert_eq!(house.asked().len(), 1);
}

#[tokio::test]
async fn a_slow_first_read_serves_whoever_comes_next() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    house.is_slow(&[Duration::from_secs(2)]);
    let seen = house.hasty(Duration::from_millis(600), FIRST, 0).await;
    assert_eq!((seen.status, &seen.line["outcome"]), (503, &json!("unavailable")));
    assert_eq!(seen.line["turn"], "later");
    assert_eq!(seen.retry_after.as_deref(), Some("30"));
    assert!(seen.metrics.contains(r#""SecretTrouble":1"#), "{}", seen.metrics);
    assert!(!seen.metrics.contains(r#""OperatorFaults":1"#), "{}", seen.metrics);
    assert_eq!(house.event(FIRST, 1).await.status, 200);
    assert_eq!(house.asked().len(), 1, "the same read");
    // Who has the time waits for the whole of it, however slow all are.
    let house = given(&[("AWSCURRENT", SECOND, START), ("AWSPREVIOUS", FIRST, OLD)]).await;
    house.is_slow(&[Duration::from_millis(1500); 2]);
    assert_eq!(house.event(FIRST, 0).await.status, 200);
    assert_eq!(house.asked(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn without_keys_in_hand_the_next_read_comes_after_a_second_then_two_then_four() {
    for fault in
        [(503, "ServiceUnavailable"), (500, "InternalServiceError"), (400, "ThrottlingException")]
    {
        let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
        house.fails(Some(fault));
        for (seconds, reads) in [
            (0, true),
            (0, false),
            (2, true),
            (3, false),
            (5, true),
            (8, false),
            (10, true),
            (17, false),
        ] {
            // A forger has no more of it than the sender.
            for key in [FIRST, THIRD] {
                let seen = house.event(key, seconds).await;
                assert_eq!((seen.status, &seen.line["outcome"]), (503, &json!("unavailable")));
                assert!(seen.line["cause"].as_str().unwrap().contains(fault.1), "{}", seen.line);
            }
            let attempts = if reads { 3 } else { 0 };
            assert_eq!(house.asked().len(), attempts, "{fault:?} after {seconds} s");
        }
        assert_eq!(house.event_of("other", FIRST, 17).await.status, 200, "the others work");
        house.fails(None);
        assert_eq!(house.event(FIRST, 19).await.status, 200, "mended, it is read soon");
    }
}

#[tokio::test]
async fn a_silent_secrets_manager_is_a_matter_of_time_and_not_of_settings() {
    let house = given(&[("AWSCURRENT", FIRST, OLD)]).await;
    house.fails(Some((0, "")));
    let seen = house.hasty(Duration::from_millis(400), FIRST, 0).await;
    assert_eq!((seen.status, seen.retry_after.as_deref()), (503, Some("30")));
    assert_eq!(seen.line["cause"], "GetSecretValue: no answer in time");
    assert_eq!(house.hasty(Duration::from_millis(400), FIRST, 5).await.status, 503);
    assert_eq!(house.asked().len(), 1, "one read at a time");
    // What Lambda froze in flight a while ago is given up, and asked for anew.
    house.fails(None);
    assert_eq!(house.event(FIRST, 20).await.status, 200);
    assert_eq!(house.asked().len(), 1);
}

#[tokio::test]
async fn the_current_key_is_believed_while_the_previous_one_is_still_being_read() {
    let house = given(&[("AWSCURRENT", SECOND, START), ("AWSPREVIOUS", FIRST, OLD)]).await;
    house.is_slow(&[Duration::ZERO, Duration::from_secs(3)]);
    let (current, previous) =
        tokio::join!(house.hasty(Duration::from_secs(2), SECOND, 0), house.event(FIRST, 0));
    assert_eq!((current.status, previous.status), (200, 200));
    assert_eq!(house.asked(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn secrets_that_fail_leave_the_retries_of_another_alone() {
    let names: Vec<String> = (0..12).map(|number| format!("BAD{number}")).collect();
    let scheme = names.iter().map(|name| (format!("HOOK_{name}_SCHEME"), "standard-webhooks"));
    let arn = names.iter().map(|name| (format!("HOOK_{name}_SECRET_ARN"), ARN));
    let spare = [("SCHEME", "standard-webhooks"), ("SECRET_ARN", SPARE)];
    let spare = spare.map(|(setting, value)| (format!("HOOK_SPARE_{setting}"), value));
    let changes: Vec<_> = scheme.chain(arn).chain(spare).collect();
    let changes: Vec<_> = changes.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let house = given_with(&[("AWSCURRENT", FIRST, OLD)], &changes).await;
    house.fails(Some((503, "ServiceUnavailable")));
    for round in 0..6 {
        let events = names.iter().map(|name| {
            let name = name.to_lowercase();
            let house = &house;
            async move { house.event_of(&name, FIRST, round * 2 * MINUTE).await.status }
        });
        let statuses = all(events.collect()).await;
        assert_eq!(statuses, vec![503; names.len()]);
    }
    assert!(house.asked().len() >= 200, "more than the process's own bucket would have allowed");
    house.vault.lock().unwrap().spare_fails = 2;
    assert_eq!(house.event_of("spare", FIRST, 20 * MINUTE).await.status, 200);
    assert_eq!(house.asked(), ["spare"; 3], "it is repeated as ever");
}
