//! The whole stand-in as a pure state machine: request and time → reply.
//!
//! ```text
//! Request ─▶ signed? ─▶ route ─▶ count ─▶ throttle ─▶ fault ─▶ operation ─▶ Reply
//! ```
//! A throttled call takes no fault: the fault waits for a call that Connect would have let in.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use super::control::ControlRequest;
use super::directory::Directory;
use super::fault::{Disturbance, FaultQueues, InjectedFault};
use super::instance::{Instance, User};
use super::journal::Journal;
use super::operation::Operation;
use super::settings::Settings;
use super::signature;
use super::throttle::Throttle;
use super::uuid::uuid;

/// Where a running stand-in is watched (`GET`) and changed (`PUT`), unsigned.
pub(super) const CONTROL: &str = "/_standin";

/// The `Message` of an error that was asked for.
const ON_DEMAND: &str = "asked for by PUT /_standin";

/// Everything there is: one Connect instance and the door before it.
pub struct World {
    instance: Instance,
    throttle: Throttle,
    faults: FaultQueues,
    journal: Journal,
    replies: u64,
}

/// What goes back to the caller.
pub enum Reply {
    /// Nothing: the connection is closed.
    Dropped,
    /// This, after so long.
    Late(Duration, Response<Bytes>),
    /// This, at once.
    Now(Response<Bytes>),
}

impl World {
    /// The seeded instance without users, nothing counted, no faults to come.
    pub fn new(settings: Settings) -> Self {
        Self {
            instance: Instance::new(settings),
            throttle: Throttle::default(),
            faults: FaultQueues::default(),
            journal: Journal::default(),
            replies: 0,
        }
    }

    /// The ids of what the instance was seeded with.
    pub fn directory(&self) -> &Directory {
        &self.instance.directory
    }

    /// Answers `request` as Amazon Connect would at `now`. A refusal is a reply too: the error's
    /// name in `x-amzn-errortype`, its sentence in the body's `Message`. Effects are over when this
    /// returns, also when the reply is late or dropped.
    pub fn handle(&mut self, request: &Request<Bytes>, now: SystemTime) -> Reply {
        self.replies = self.replies.saturating_add(1);
        let id = uuid("request", self.replies);
        if request.uri().path() == CONTROL {
            return Reply::Now(response(self.control(request), &id));
        }
        let (operation, call, disturbance) = match self.admit(request, now) {
            Ok(admitted) => admitted,
            Err(refusal) => return Reply::Now(response(Err(refusal), &id)),
        };
        let answer = operation.carry_out(&mut self.instance, &call);
        match disturbance {
            None => Reply::Now(response(answer, &id)),
            Some(Disturbance::Drop) => Reply::Dropped,
            Some(Disturbance::Fail(code)) => {
                Reply::Now(response(Err(code.because(ON_DEMAND)), &id))
            }
            Some(Disturbance::Slow) => Reply::Late(self.faults.slow, response(answer, &id)),
        }
    }

    /// The operation that is to be carried out, and what will befall its answer.
    fn admit<'r>(
        &mut self,
        request: &'r Request<Bytes>,
        now: SystemTime,
    ) -> Result<(&'static Operation, Call<'r>, Option<Disturbance>), ApiError> {
        signature::check(request.headers())?;
        let (operation, call) = Operation::called_by(request, now).ok_or_else(|| {
            ErrorCode::UnknownOperation.because("no such operation in the stand-in")
        })?;
        self.journal.record(operation.name, request);
        if self.instance.settings.throttle {
            ErrorCode::Throttling
                .unless(self.throttle.admits(operation.name, now), "Rate exceeded")?;
        }
        match self.faults.next(operation.name) {
            None => Ok((operation, call, None)),
            Some(InjectedFault::Disturb(disturbance)) => Ok((operation, call, Some(disturbance))),
            Some(InjectedFault::Refuse(code)) => Err(code.because(ON_DEMAND)),
        }
    }

    /// `GET` shows the state; `PUT` changes it and shows it then.
    fn control(&mut self, request: &Request<Bytes>) -> Result<Value, ApiError> {
        if request.method() == Method::PUT {
            self.apply(ControlRequest::read(request.body())?)?;
        } else {
            ErrorCode::UnknownOperation
                .unless(request.method() == Method::GET, "use GET or PUT /_standin")?;
        }
        Ok(self.state())
    }

    /// Does what is asked for, or nothing.
    fn apply(&mut self, change: ControlRequest) -> Result<(), ApiError> {
        // A reset forgets users first, and nobody is left to sign in.
        let left = (!change.reset).then_some(&self.instance);
        let nobody =
            || ErrorCode::InvalidParameter.because("signIn: nobody is there after a reset");
        let who = |name: &String| left.ok_or_else(nobody)?.who_signs_in(name);
        let signed_in = change.sign_in.iter().map(who).collect::<Result<_, _>>()?;
        if change.reset {
            self.instance.users.clear();
            self.instance.sessions.clear();
            self.throttle = Throttle::default();
            self.faults.clear();
            self.journal = Journal::default();
        }
        let settings = &mut self.instance.settings;
        settings.search_lag = change.search_lag.unwrap_or(settings.search_lag);
        settings.not_found = change.not_found.unwrap_or(settings.not_found);
        settings.user_quota = change.user_quota.unwrap_or(settings.user_quota);
        settings.throttle = change.throttle.unwrap_or(settings.throttle);
        self.faults.slow = change.slow.unwrap_or(self.faults.slow);
        for (operation, faults) in change.faults {
            self.faults.queues.entry(operation).or_default().extend(faults);
        }
        for (operation, fault) in change.always {
            match fault {
                Some(fault) => drop(self.faults.always.insert(operation, fault)),
                None => drop(self.faults.always.remove(operation)),
            }
        }
        self.instance.sign_in(signed_in);
        Ok(())
    }

    /// The users, as DescribeUser shows them, and the open sessions: `users` and `sessions` of what
    /// `GET /_standin` shows, without the rest.
    #[must_use]
    pub fn users_and_sessions(&self) -> Value {
        json!({
            "users": self.instance.living().map(User::description).collect::<Vec<_>>(),
            "sessions": self.instance.sessions,
        })
    }

    /// What `GET /_standin` shows; settings and faults have the names that `PUT` knows them by.
    fn state(&self) -> Value {
        let settings = &self.instance.settings;
        let faults: BTreeMap<&str, Vec<&str>> = self
            .faults
            .queues
            .iter()
            .filter(|(_, queue)| !queue.is_empty())
            .map(|(operation, queue)| (*operation, queue.iter().map(|f| f.name()).collect()))
            .collect();
        let always = self.faults.always.iter();
        let always: BTreeMap<_, _> = always.map(|(name, fault)| (name, fault.name())).collect();
        let mut state = json!({
            "calls": self.journal.calls,
            "requests": self.journal.requests,
            "identity": settings.identity.name(),
            "lag": settings.search_lag.as_secs_f64(),
            "notFound": settings.not_found.as_secs_f64(),
            "quota": settings.user_quota,
            "throttle": settings.throttle,
            "slowMs": u64::try_from(self.faults.slow.as_millis()).unwrap_or(u64::MAX),
            "faults": faults,
            "always": always,
        });
        if let (Some(state), Value::Object(who)) =
            (state.as_object_mut(), self.users_and_sessions())
        {
            state.extend(who);
        }
        state
    }
}

/// An answer on the wire; `Null` is an empty body.
fn response(answer: Result<Value, ApiError>, request_id: &str) -> Response<Bytes> {
    let (code, body) = match answer {
        Ok(Value::Null) => (None, Bytes::new()),
        Ok(answer) => (None, Bytes::from(answer.to_string())),
        Err(ApiError { code, message }) => {
            (Some(code), Bytes::from(json!({"Message": message}).to_string()))
        }
    };
    let mut response = Response::new(body);
    if let Some(code) = code {
        *response.status_mut() = code.status();
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code.name()));
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(
        HeaderValue::from_str(request_id)
            .map(|id| (HeaderName::from_static("x-amzn-requestid"), id)),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standin::story::Caller;

    fn unsigned(method: &str, path: &str) -> Request<Bytes> {
        Request::builder().method(method).uri(path).body(Bytes::new()).unwrap()
    }

    #[test]
    fn a_refusal_looks_like_connects() {
        let mut caller = Caller::of(Settings::default());
        let Reply::Now(response) = caller.call("GET", "/users/{I}/nobody", &Value::Null) else {
            panic!("expected a reply at once");
        };

        assert_eq!(response.status(), 404);
        assert_eq!(response.body(), r#"{"Message":"User not found"}"#);
        let headers: Vec<_> = response.headers().iter().map(|(n, v)| (n.as_str(), v)).collect();
        assert_eq!(
            headers,
            [
                ("x-amzn-errortype", &"ResourceNotFoundException".parse().unwrap()),
                ("content-type", &"application/json".parse().unwrap()),
                ("x-amzn-requestid", &uuid("request", 1).parse().unwrap()),
            ],
        );
    }

    #[test]
    fn an_unsigned_call_is_refused_and_not_counted_but_anyone_may_look() {
        let mut world = World::new(Settings::default());
        let now = SystemTime::UNIX_EPOCH;

        let Reply::Now(refused) = world.handle(&unsigned("GET", "/users-summary/x"), now) else {
            panic!("expected a reply at once");
        };
        let Reply::Now(shown) = world.handle(&unsigned("GET", "/_standin"), now) else {
            panic!("expected a reply at once");
        };

        assert_eq!(refused.status(), 403);
        let state: Value = serde_json::from_slice(shown.body()).unwrap();
        assert_eq!(state["calls"], json!({}));
        assert_eq!(state["requests"], json!([]));
    }

    #[test]
    fn a_dropped_or_late_answer_leaves_its_effect() {
        let mut caller = Caller::unhurried();
        let faults = json!({"CreateUser": ["drop", "slow", "500-after", "500-before"]});
        caller.control(&json!({"slowMs": 40, "faults": faults}));
        let body = |n: usize| caller.user(&format!("agent-{n}"));
        let [first, second, third, fourth] = [1, 2, 3, 4].map(body);

        assert!(matches!(caller.call("PUT", "/users/{I}", &first), Reply::Dropped));
        let late = caller.call("PUT", "/users/{I}", &second);
        assert!(matches!(late, Reply::Late(delay, _) if delay == Duration::from_millis(40)));
        let internal = (500, json!("InternalServiceException"));
        assert_eq!(caller.answer("PUT", "/users/{I}", &third), internal);
        assert_eq!(caller.answer("PUT", "/users/{I}", &fourth), internal);

        let state = caller.control(&json!({}));
        let usernames: Vec<&str> = state["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["Username"].as_str().unwrap())
            .collect();
        assert_eq!(usernames, ["agent-1", "agent-2", "agent-3"]);
        assert_eq!(state["calls"], json!({"CreateUser": 4}));
        assert_eq!(state["faults"], json!({}));
    }

    #[test]
    fn a_throttled_call_takes_no_fault() {
        let mut caller = Caller::of(Settings::default());
        let list = |caller: &mut Caller| caller.answer("GET", "/users-summary/{I}", &Value::Null).1;
        for _ in 0..5 {
            assert_eq!(list(&mut caller), json!({"UserSummaryList": []}));
        }
        caller.control(&json!({"faults": {"ListUsers": ["denied"]}}));

        assert_eq!(list(&mut caller), json!("ThrottlingException"));
        caller.now += Duration::from_millis(500);
        assert_eq!(list(&mut caller), json!("AccessDeniedException"));
    }

    #[test]
    fn a_change_is_applied_and_a_reset_forgets_all_but_the_settings() {
        let mut caller = Caller::of(Settings::default());
        for n in 0..5 {
            assert_eq!(caller.create(&n.to_string(), Value::Null).0, 200);
        }
        let state = caller.control(&json!({
            "lag": 1.5, "notFound": 2, "quota": 3, "slowMs": 4,
            "faults": {"CreateUser": ["drop", "limit"]},
            "always": {"DeleteUser": "denied"}, "signIn": ["4"],
        }));
        assert_eq!(state["faults"], json!({"CreateUser": ["drop", "limit"]}));

        let state = caller.control(&json!({"reset": true}));
        let expected = json!({
            "users": [], "sessions": {}, "calls": {}, "requests": [], "faults": {}, "always": {},
            "identity": "SAML",
            "lag": 1.5, "notFound": 2.0, "quota": 3, "throttle": true, "slowMs": 4,
        });
        assert_eq!(state, expected);
        let (status, _) = caller.create("0", Value::Null);
        assert_eq!(status, 200, "the username is free and the bucket full");
        assert_eq!(caller.control(&json!({"throttle": false}))["throttle"], false);
    }
}
