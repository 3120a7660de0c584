//! For tests: a caller who signs, and a clock that stands still until told.

use std::time::{Duration, SystemTime};

use hyper::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::settings::Settings;
use super::world::{Reply, World};

/// Someone who calls a world of their own, at 2023-11-14T22:13:20Z to begin with.
pub(super) struct Caller {
    pub(super) world: World,
    pub(super) now: SystemTime,
}

impl Caller {
    pub(super) fn of(settings: Settings) -> Self {
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)).unwrap();
        Self { world: World::new(settings), now }
    }

    /// A world without throttling.
    pub(super) fn unhurried() -> Self {
        Self::of(Settings { throttle: false, ..Settings::default() })
    }

    /// What a signed request is answered with. `{I}` in the path is the instance's id.
    pub(super) fn call(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let scope = "AKID/20231114/us-east-1/connect/aws4_request";
        let signature = "0".repeat(64);
        let request = Request::builder()
            .method(method)
            .uri(path.replace("{I}", &self.world.directory().instance_id))
            .header("x-amz-date", "20231114T221320Z")
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={signature}"
                ),
            )
            .body(Bytes::from(body.to_string()))
            .unwrap();
        self.world.handle(&request, self.now)
    }

    /// Status and body of an answer that comes at once; an error's body is its name.
    pub(super) fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let Reply::Now(response) = self.call(method, path, body) else {
            panic!("expected a reply at once");
        };
        let status = response.status().as_u16();
        if let Some(name) = response.headers().get("x-amzn-errortype") {
            return (status, name.to_str().unwrap().into());
        }
        let body = response.body();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() })
    }

    /// A sound `CreateUser` for this name.
    pub(super) fn user(&self, username: &str) -> Value {
        let directory = self.world.directory();
        json!({
            "Username": username,
            "IdentityInfo": {"FirstName": "María", "LastName": "García"},
            "SecurityProfileIds": [directory.security_profiles["Agent"]],
            "RoutingProfileId": directory.routing_profiles["Sales"],
        })
    }

    /// Creates a user with these members besides, and returns the answer.
    pub(super) fn create(&mut self, username: &str, members: Value) -> (u16, Value) {
        let mut user = self.user(username);
        if let Value::Object(members) = members {
            user.as_object_mut().unwrap().extend(members);
        }
        self.answer("PUT", "/users/{I}", &user)
    }

    /// `PUT /_standin`.
    pub(super) fn control(&mut self, change: &Value) -> Value {
        let (status, state) = self.answer("PUT", "/_standin", change);
        assert_eq!(status, 200, "{state}");
        state
    }
}
