//! DeleteAllEntitySessions over the wire: what is sent, and what each answer comes to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use connect_provisioner::cli::local::Local;
use connect_provisioner::connect::apply::Connect;
use connect_provisioner::connect::end_sessions::SessionsEnd;
use connect_provisioner::connect::{Calls, UserIds};
use connect_provisioner::deadline::Deadline;
use connect_provisioner::fault::{Fault, Kind};
use connect_provisioner::lambda;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::Request;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::house::{LONG, calls, connect, foreign, given, now, users};

/// Whose sessions it is about, who is signed in twice; and our client of Connect.
async fn signed_in(local: &Local) -> (UserIds, Connect) {
    foreign(local, "maria").await;
    foreign(local, "jose").await;
    let [maria, _] = &users(local)[..] else { panic!("two users") };
    let (id, arn) = (maria["Id"].as_str().unwrap(), maria["Arn"].as_str().unwrap());
    local.control(&json!({"signIn": ["maria", "jose", "maria"]}));
    let credentials = Credentials::new("AKID", SECRET, None, None, "tests");
    let aws = lambda::loader("us-east-1")
        .endpoint_url(&local.endpoint)
        .credentials_provider(credentials)
        .load()
        .await;
    let ids = UserIds { id: id.to_owned(), arn: arn.to_owned() };
    (ids, Connect::new(&aws, &local.directory.instance_id))
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Asks once.
async fn end(connect: &Connect, user: &UserIds) -> (Result<SessionsEnd, Fault>, Calls) {
    connect.end_sessions(user, now(), Deadline::after(LONG)).await
}

/// How many sessions this user has.
fn sessions(local: &Local, user: &UserIds) -> u64 {
    connect(local)["sessions"][&user.id].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn who_is_signed_in_is_signed_out_by_one_call() {
    let local = given().await;
    let (maria, client) = signed_in(&local).await;
    assert_eq!(sessions(&local, &maria), 2);

    let (ended, seen) = end(&client, &maria).await;

    assert_eq!(ended, Ok(SessionsEnd::Ended));
    assert_eq!(sessions(&local, &maria), 0);
    let state = connect(&local);
    assert_eq!(state["sessions"].as_object().unwrap().len(), 1, "nobody else is signed out");
    let sent = json!({
        "operation": "DeleteAllEntitySessions",
        "method": "POST",
        "path": "/auth/sessions/delete-all-entity-sessions",
        "query": null,
        "body": {
            "InstanceId": local.directory.instance_id,
            "EntityId": maria.id,
            "EntityType": "USER",
        },
    });
    assert_eq!(state["requests"].as_array().unwrap().last(), Some(&sent));
    assert_eq!(seen.count, 1);
    assert!(seen.time > Duration::ZERO && seen.last_request_id.is_some(), "{seen:?}");
    assert_eq!(end(&client, &maria).await.0, Ok(SessionsEnd::Ended), "and again");
}

#[tokio::test]
async fn each_answer_is_what_it_means_and_is_not_asked_for_twice() {
    let local = given().await;
    let (maria, client) = signed_in(&local).await;
    let cases = [
        // What may pass.
        ("throttle", Err(Kind::Throttled)),
        ("TooManyRequestsException", Err(Kind::Throttled)),
        ("500-before", Err(Kind::Unavailable)),
        ("ServiceUnavailable", Err(Kind::Unavailable)),
        // What is refused of whatever is sent.
        ("expired", Err(Kind::Configuration)),
        ("UnrecognizedClientException", Err(Kind::Configuration)),
        // What is refused of this operation: not permitted, not offered, not so.
        ("denied", Ok(Some(Kind::Configuration))),
        ("OptInRequired", Ok(Some(Kind::Configuration))),
        ("MissingAuthenticationTokenException", Ok(Some(Kind::Configuration))),
        ("UnknownOperationException", Ok(Some(Kind::Bug))),
        ("InvalidRequestException", Ok(Some(Kind::Bug))),
        ("InvalidParameterException", Ok(Some(Kind::Bug))),
        ("SerializationException", Ok(Some(Kind::Bug))),
        ("ResourceNotFoundException", Ok(None)),
    ];
    for (fault, expected) in cases {
        local.control(&json!({"always": {"DeleteAllEntitySessions": fault}}));
        let before = calls(&local, "DeleteAllEntitySessions");
        let (answer, seen) = end(&client, &maria).await;
        let told = match answer {
            Ok(SessionsEnd::Refused(refusal)) => {
                let cause = refusal.cause.unwrap();
                assert!(cause.starts_with("DeleteAllEntitySessions: "), "{cause}");
                assert!(cause.contains("Exception") || cause.contains("OptIn"), "{cause}");
                Ok(Some(refusal.kind))
            }
            Ok(SessionsEnd::NoUser) => Ok(None),
            Ok(SessionsEnd::Ended) => panic!("{fault}: nothing is ended"),
            Err(fault) => Err(fault.kind),
        };
        assert_eq!(told, expected, "{fault}");
        assert_eq!((seen.count, calls(&local, "DeleteAllEntitySessions") - before), (1, 1));
        assert_eq!(sessions(&local, &maria), 2, "{fault}");
    }
    local.control(&json!({"always": {"DeleteAllEntitySessions": null}}));
    assert_eq!(end(&client, &maria).await.0, Ok(SessionsEnd::Ended));
}

#[tokio::test]
async fn a_lost_answer_may_have_ended_them() {
    let local = given().await;
    let (maria, client) = signed_in(&local).await;
    for fault in ["500-after", "drop"] {
        local
            .control(&json!({"faults": {"DeleteAllEntitySessions": [fault]}, "signIn": ["maria"]}));
        let told = end(&client, &maria).await.0.unwrap_err();
        assert_eq!((told.kind, sessions(&local, &maria)), (Kind::Unavailable, 0), "{fault}");
    }
    local.control(&json!({"slowMs": 60_000, "signIn": ["maria"]}));
    local.control(&json!({"faults": {"DeleteAllEntitySessions": ["slow"]}}));
    let short = Deadline::after(Duration::from_millis(600));
    let (told, seen) = client.end_sessions(&maria, now(), short).await;
    assert_eq!((told.unwrap_err().kind, seen.count), (Kind::Unavailable, 1));
    assert!(seen.time < Duration::from_secs(1), "{seen:?}");
}

#[tokio::test]
async fn who_is_not_there_any_more_is_not_found_and_stays_signed_in() {
    let local = given().await;
    let (maria, client) = signed_in(&local).await;
    let instance = &local.directory.instance_id;
    local.client.delete_user().instance_id(instance).user_id(&maria.id).send().await.unwrap();

    assert_eq!(end(&client, &maria).await.0, Ok(SessionsEnd::NoUser));
    assert_eq!(sessions(&local, &maria), 2);
}

/// A network that keeps what is sent, and loses it.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Option<Request<Vec<u8>>>>>);

impl HttpClient for Kept {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Kept {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = request.try_into_http1x().unwrap();
        let request = request.map(|body| body.bytes().unwrap().to_vec());
        *self.0.lock().unwrap() = Some(request);
        HttpConnectorFuture::ready(Err(ConnectorError::io("lost".into())))
    }
}

/// What is signed is what is sent: the signature is computed anew from the request ("Create a signed
/// AWS API request", IAM User Guide).
#[tokio::test]
async fn the_request_is_signed_as_it_is_sent() {
    let kept = Kept::default();
    let aws = lambda::loader("eu-west-2")
        .http_client(kept.clone())
        .credentials_provider(Credentials::new("AKID", SECRET, None, None, "tests"))
        .load()
        .await;
    let maria = UserIds { id: "user".to_owned(), arn: String::new() };
    let (told, _) = end(&Connect::new(&aws, "instance"), &maria).await;
    assert_eq!(told.unwrap_err().kind, Kind::Unavailable);

    let request = kept.0.lock().unwrap().take().unwrap();
    assert_eq!(request.method(), "POST");
    let route = "/auth/sessions/delete-all-entity-sessions";
    let uri = format!("https://connect.eu-west-2.amazonaws.com{route}");
    assert_eq!(request.uri().to_string(), uri);
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    let entity = json!({"InstanceId": "instance", "EntityId": "user", "EntityType": "USER"});
    assert_eq!(body, entity);
    let header = |name: &str| match (name, request.headers().get(name)) {
        ("host", None) => "connect.eu-west-2.amazonaws.com",
        (_, value) => value.unwrap().to_str().unwrap(),
    };
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("content-length"), request.body().len().to_string());

    let authorization = header("authorization").to_owned();
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=")).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let signed = part("SignedHeaders");
    for name in ["content-length", "content-type", "host", "x-amz-date"] {
        assert!(signed.split(';').any(|signed| signed == name), "{name} is signed: {signed}");
    }
    let lines: String =
        signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let hash = |bytes: &[u8]| hex(&Sha256::digest(bytes));
    let canonical = format!("POST\n{route}\n\n{lines}\n{signed}\n{}", hash(request.body()));
    let scope = part("Credential").split_once('/').unwrap().1.to_owned();
    let date = header("x-amz-date");
    assert_eq!(scope, format!("{}/eu-west-2/connect/aws4_request", &date[..8]));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(canonical.as_bytes()));
    let first = format!("AWS4{SECRET}").into_bytes();
    let key = scope.split('/').fold(first, |key, part| hmac(&key, part));
    assert_eq!(part("Signature"), hex(&hmac(&key, &text)));
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
