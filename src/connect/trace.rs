//! What the calls of one event cost, and by which id AWS knows the last of them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_connect::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_connect::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_connect::error::BoxError;
use tokio::time::Instant;

use super::Calls;

/// Counts and times every attempt, those that the SDK makes by itself too. Clones share what they
/// saw, so that it is not lost when the calls are given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    calls: Calls,
    /// When the attempt that is under way was sent.
    sent: Option<Instant>,
}

impl Trace {
    /// What was seen so far, an attempt that is still under way included.
    pub(super) fn calls(&self) -> Calls {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.stop();
        seen.calls.clone()
    }
}

impl Seen {
    fn stop(&mut self) {
        let took = self.sent.take().map(|sent| sent.elapsed()).unwrap_or_default();
        self.calls.time = self.calls.time.saturating_add(took);
    }
}

impl Intercept for Trace {
    fn name(&self) -> &'static str {
        "trace"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.calls.count = seen.calls.count.saturating_add(1);
        seen.sent = Some(Instant::now());
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.stop();
        let id = context.response().and_then(|reply| reply.headers().get("x-amzn-requestid"));
        seen.calls.last_request_id = id.map(str::to_owned);
        Ok(())
    }
}
