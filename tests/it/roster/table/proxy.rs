//! What stands between a roster and the engine of its table: counts what is asked and what it costs, and
//! does what no engine shows. Answers are lost, transactions conflict, there is too much to do, batches
//! are not taken whole, pages end early, indexes are late.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::http::request::Parts;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::simulation::chance::Chance;

/// What goes wrong, one kind of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hazard {
    /// The request is lost.
    RequestLost,
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// A transaction conflicts with another.
    TransactionConflict,
    /// A plain write conflicts with a transaction.
    WriteConflict,
    /// There is too much to do.
    Throttled,
    /// There is too much to do for one item of a transaction.
    TransactionThrottled,
    /// It is carried out, and the answer is that it is just being carried out.
    InProgress,
    /// 500, and it was not carried out.
    ServerError,
    /// 500, and it was.
    ServerErrorAfterwards,
    /// Some of a batch was not read.
    UnprocessedKeys,
    /// Some of a batch was not written.
    UnprocessedItems,
    /// A page has one item, and there are more.
    ShortPage,
    /// An index shows what was so before.
    LateIndex,
    /// An index does not show the last of what there is yet.
    IncompleteIndex,
}

impl Hazard {
    pub(crate) const ALL: [Self; 14] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::TransactionConflict,
        Self::WriteConflict,
        Self::Throttled,
        Self::TransactionThrottled,
        Self::InProgress,
        Self::ServerError,
        Self::ServerErrorAfterwards,
        Self::UnprocessedKeys,
        Self::UnprocessedItems,
        Self::ShortPage,
        Self::LateIndex,
        Self::IncompleteIndex,
    ];

    /// Those that befall every request.
    const ANYBODYS: [Self; 5] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::Throttled,
        Self::ServerError,
        Self::ServerErrorAfterwards,
    ];

    /// Whether this may happen to a request.
    fn befalls(self, operation: &str, body: &Value) -> bool {
        let is_transaction = operation == "TransactWriteItems";
        match self {
            Self::RequestLost
            | Self::AnswerLost
            | Self::Throttled
            | Self::ServerError
            | Self::ServerErrorAfterwards => true,
            Self::TransactionConflict | Self::TransactionThrottled | Self::InProgress => {
                is_transaction
            }
            Self::WriteConflict => ["PutItem", "UpdateItem", "DeleteItem"].contains(&operation),
            Self::UnprocessedKeys => operation == "BatchGetItem" && keys(body).len() > 1,
            Self::UnprocessedItems => {
                operation == "BatchWriteItem"
                    && body["RequestItems"][TABLE].as_array().unwrap().len() > 1
            }
            Self::ShortPage => operation == "Query",
            Self::LateIndex | Self::IncompleteIndex => body["IndexName"].is_string(),
        }
    }
}

/// How a table is broken on purpose, for the tests to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Nobody looks at the version of what is written over.
    VersionsAreNotCompared,
    /// A write does not know its own text again.
    NoncesAreForgotten,
    /// What a group owes is written marks first.
    MarksComeBeforeRows,
}

/// The table of all tests.
pub(crate) const TABLE: &str = "roster";

/// What was asked of the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub(crate) requests: u64,
    pub(crate) written: f64,
    pub(crate) read: f64,
}

/// A proxy in front of an engine.
#[derive(Clone)]
pub(crate) struct Proxy(Arc<State>);

struct State {
    engine: String,
    chance: Chance,
    /// Of a hundred requests, how many go wrong.
    faults: u64,
    mutation: Option<Mutation>,
    happened: Mutex<BTreeMap<Hazard, u64>>,
    cost: Mutex<Cost>,
    /// What an index answered to each question.
    shown: Mutex<HashMap<String, Vec<u8>>>,
}

/// An answer: its status and its body.
type Answer = (u16, Vec<u8>);

impl Proxy {
    /// Starts one, and says where it is.
    pub(crate) async fn start(
        engine: String,
        seed: u64,
        faults: u64,
        mutation: Option<Mutation>,
    ) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self(Arc::new(State {
            engine,
            chance: Chance::of(seed),
            faults,
            mutation,
            happened: Mutex::default(),
            cost: Mutex::default(),
            shown: Mutex::default(),
        }));
        let own = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let own = own.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| own.answer(request));
                    // Whoever is hung up on is told so by that.
                    drop(
                        server::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
        (proxy, format!("http://{address}"))
    }

    /// How often each hazard happened.
    pub(crate) fn happened(&self) -> BTreeMap<Hazard, u64> {
        self.0.happened.lock().unwrap().clone()
    }

    /// What was asked since this was last called.
    pub(crate) fn cost(&self) -> Cost {
        std::mem::take(&mut *self.0.cost.lock().unwrap())
    }

    /// Answers; an error is a connection that is closed.
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let target = request.headers()["x-amz-target"].to_str().unwrap().to_owned();
        let operation = target.split_once('.').unwrap().1.to_owned();
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        self.mutate(&operation, &mut body);
        let hazard = self.hazard(&operation, &body);
        let (status, answer) = match hazard {
            None => self.forward(&head, &operation, &body).await,
            Some(Hazard::RequestLost) => return Err(std::io::Error::other("lost")),
            Some(Hazard::AnswerLost) => {
                self.forward(&head, &operation, &body).await;
                return Err(std::io::Error::other("lost"));
            }
            Some(Hazard::TransactionConflict) => cancelled(&body, "TransactionConflict"),
            Some(Hazard::TransactionThrottled) => cancelled(&body, "ThrottlingError"),
            Some(Hazard::WriteConflict) => refused(400, "TransactionConflictException"),
            Some(Hazard::Throttled) => refused(400, "ThrottlingException"),
            Some(Hazard::InProgress) => {
                self.forward(&head, &operation, &body).await;
                refused(400, "TransactionInProgressException")
            }
            Some(Hazard::ServerError) => refused(500, "InternalServerError"),
            Some(Hazard::ServerErrorAfterwards) => {
                self.forward(&head, &operation, &body).await;
                refused(500, "InternalServerError")
            }
            Some(hazard) => self.in_part(hazard, body, (&head, &operation)).await,
        };
        let response = Response::builder().status(status);
        let response = response.header("content-type", "application/x-amz-json-1.0");
        Ok(response.body(Full::new(answer.into())).unwrap())
    }

    fn hazard(&self, operation: &str, body: &Value) -> Option<Hazard> {
        let State { chance, faults, happened, .. } = &*self.0;
        if !chance.in_100(*faults) {
            return None;
        }
        let may = Hazard::ALL.into_iter().filter(|hazard| hazard.befalls(operation, body));
        // Those that befall few requests as often as the others.
        let may: Vec<Hazard> = may.collect();
        let rare = |hazard: &&Hazard| !Hazard::ANYBODYS.contains(hazard);
        let own: Vec<Hazard> = may.iter().filter(rare).copied().collect();
        let is_rare = chance.in_100(50) && !own.is_empty();
        let hazard = *chance.pick(if is_rare { &own } else { &may });
        *happened.lock().unwrap().entry(hazard).or_default() += 1;
        Some(hazard)
    }

    /// What is carried out, but not whole or not of now.
    async fn in_part(
        &self,
        hazard: Hazard,
        mut body: Value,
        (head, operation): (&Parts, &str),
    ) -> Answer {
        let question = body.to_string();
        match hazard {
            Hazard::ShortPage => {
                body["Limit"] = json!(1);
                self.forward(head, operation, &body).await
            }
            Hazard::UnprocessedKeys => {
                let all = keys(&body).clone();
                let (now, later) = all.split_at(all.len() / 2);
                body["RequestItems"][TABLE]["Keys"] = json!(now);
                let (status, answer) = self.forward(head, operation, &body).await;
                let mut answer: Value = serde_json::from_slice(&answer).unwrap();
                answer["UnprocessedKeys"][TABLE] = json!({"Keys": later, "ConsistentRead": true});
                (status, answer.to_string().into_bytes())
            }
            Hazard::UnprocessedItems => {
                let all = body["RequestItems"][TABLE].as_array().unwrap().clone();
                let (now, later) = all.split_at(all.len() / 2);
                body["RequestItems"][TABLE] = json!(now);
                let (status, answer) = self.forward(head, operation, &body).await;
                let mut answer: Value = serde_json::from_slice(&answer).unwrap();
                answer["UnprocessedItems"][TABLE] = json!(later);
                (status, answer.to_string().into_bytes())
            }
            Hazard::LateIndex => {
                let before = self.0.shown.lock().unwrap().get(&question).cloned();
                match before {
                    Some(before) => (200, before),
                    None => (200, json!({"Items": [], "Count": 0}).to_string().into_bytes()),
                }
            }
            _ => {
                let (status, answer) = self.forward(head, operation, &body).await;
                let mut answer: Value = serde_json::from_slice(&answer).unwrap();
                answer["Items"].as_array_mut().unwrap().pop();
                (status, answer.to_string().into_bytes())
            }
        }
    }

    async fn forward(&self, head: &Parts, operation: &str, body: &Value) -> Answer {
        let mut body = body.clone();
        let question = body.to_string();
        body["ReturnConsumedCapacity"] = json!("TOTAL");
        let mut request = Request::builder().method("POST").uri("/");
        for (name, value) in &head.headers {
            if !["content-length", "host", "expect"].contains(&name.as_str()) {
                request = request.header(name, value);
            }
        }
        let request = request.header("host", &self.0.engine);
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        let stream = TcpStream::connect(&self.0.engine).await.unwrap();
        let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let answer = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        let mut told: Value = serde_json::from_slice(&answer).unwrap_or_default();
        self.note(operation, &told);
        if body["IndexName"].is_string() {
            self.0.shown.lock().unwrap().insert(question, answer.clone());
        }
        if self.0.mutation == Some(Mutation::NoncesAreForgotten) && status == 400 {
            forget_nonces(&mut told);
            return (status, told.to_string().into_bytes());
        }
        (status, answer)
    }

    fn note(&self, operation: &str, answer: &Value) {
        let mut cost = self.0.cost.lock().unwrap();
        cost.requests += 1;
        let consumed = &answer["ConsumedCapacity"];
        let consumed =
            consumed.as_array().map_or_else(|| vec![consumed], |all| all.iter().collect());
        let units: f64 = consumed.iter().filter_map(|own| own["CapacityUnits"].as_f64()).sum();
        match operation {
            "GetItem" | "BatchGetItem" | "Query" => cost.read += units,
            _ => cost.written += units,
        }
    }

    fn mutate(&self, operation: &str, body: &mut Value) {
        match self.0.mutation {
            Some(Mutation::VersionsAreNotCompared) => {
                forget_versions(body);
                for action in body["TransactItems"].as_array_mut().into_iter().flatten() {
                    for own in action.as_object_mut().unwrap().values_mut() {
                        forget_versions(own);
                    }
                }
            }
            Some(Mutation::MarksComeBeforeRows) if operation == "BatchWriteItem" => {
                let requests = body["RequestItems"][TABLE].as_array_mut().unwrap();
                let is_part = |request: &&mut Value| {
                    let pk = request["PutRequest"]["Item"]["pk"]["S"].as_str();
                    pk.is_some_and(|pk| pk.starts_with("J#"))
                };
                let mut parts: Vec<&mut Value> = requests.iter_mut().filter(is_part).collect();
                let last = parts.len().saturating_sub(1);
                for (index, part) in parts.iter_mut().enumerate() {
                    let number = format!("{:08}", last - index);
                    part["PutRequest"]["Item"]["sk"]["S"] = json!(number);
                }
            }
            Some(Mutation::MarksComeBeforeRows | Mutation::NoncesAreForgotten) | None => {}
        }
    }
}

fn keys(body: &Value) -> &Vec<Value> {
    body["RequestItems"][TABLE]["Keys"].as_array().unwrap()
}

fn forget_versions(write: &mut Value) {
    if write["ConditionExpression"] == "#v = :0" {
        write["ConditionExpression"] = json!("attribute_exists(#v) OR #v = :0");
    }
}

fn forget_nonces(answer: &mut Value) {
    match answer {
        Value::Object(members) => {
            for name in ["w", "w1", "w2", "w3"] {
                if let Some(nonce) = members.get_mut(name) {
                    *nonce = json!({"S": "another"});
                }
            }
            members.values_mut().for_each(forget_nonces);
        }
        Value::Array(elements) => elements.iter_mut().for_each(forget_nonces),
        _ => {}
    }
}

fn refused(status: u16, code: &str) -> Answer {
    let body =
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": code});
    (status, body.to_string().into_bytes())
}

fn cancelled(body: &Value, code: &str) -> Answer {
    let count = body["TransactItems"].as_array().unwrap().len();
    let mut reasons = vec![json!({"Code": "None"}); count];
    *reasons.last_mut().unwrap() = json!({"Code": code, "Message": code});
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled", "CancellationReasons": reasons,
    });
    (400, body.to_string().into_bytes())
}
