//! What arrived: calls counted by operation, and the last requests as they came.

use std::collections::{BTreeMap, VecDeque};

use hyper::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};

/// How many requests are kept.
const REQUESTS_KEPT: usize = 100;

/// The signed calls since the start or the last reset. Bodies are kept whole, passwords too: what
/// is sent to a stand-in is made up.
#[derive(Default)]
pub(super) struct Journal {
    /// By operation, also those that were throttled or refused.
    pub(super) calls: BTreeMap<&'static str, u64>,
    /// The last [`REQUESTS_KEPT`], oldest first: operation, method, path and query as sent, body.
    pub(super) requests: VecDeque<Value>,
}

impl Journal {
    /// Counts and keeps a call of `operation`. A body that is not JSON is kept as a string.
    pub(super) fn record(&mut self, operation: &'static str, request: &Request<Bytes>) {
        let count = self.calls.entry(operation).or_default();
        *count = count.saturating_add(1);
        if self.requests.len() == REQUESTS_KEPT {
            self.requests.pop_front();
        }
        let body = serde_json::from_slice(request.body())
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(request.body())));
        self.requests.push_back(json!({
            "operation": operation,
            "method": request.method().as_str(),
            "path": request.uri().path(),
            "query": request.uri().query(),
            "body": body,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standin::story::Caller;

    #[test]
    fn the_last_hundred_requests_are_kept() {
        let mut caller = Caller::unhurried();
        for n in 0..103 {
            caller.answer("GET", &format!("/users/{{I}}/{n}"), &json!(n));
        }

        let state = caller.control(&json!({}));
        let requests = state["requests"].as_array().unwrap();
        assert_eq!((requests.len(), &requests[0]["body"]), (100, &json!(3)));
        assert_eq!(requests[99]["operation"], "DescribeUser");
        assert_eq!(state["calls"], json!({"DescribeUser": 103}));
    }
}
