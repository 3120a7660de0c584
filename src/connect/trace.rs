//! The account of the calls of one event, and the id by which AWS knows the last of them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_connect::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_connect::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_connect::error::BoxError;
use tokio::time::Instant;

use super::Calls;

/// An interceptor that counts and times every attempt, those that the SDK makes by itself included.
/// Clones share one account, so it is there also when the future with the calls is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Arc<Mutex<CallTally>>);

/// The account, and the attempt that is under way.
#[derive(Debug, Default)]
struct CallTally {
    calls: Calls,
    /// When the attempt that is under way was sent.
    sent: Option<Instant>,
}

impl Trace {
    /// The account so far. An attempt that is under way counts with the time until now: whoever
    /// asks has given it up.
    pub(super) fn calls(&self) -> Calls {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.stop();
        seen.calls.clone()
    }
}

impl CallTally {
    /// Ends the timing of the attempt that is under way, if there is one.
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
