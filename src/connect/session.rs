//! The calls for one record of the roster, each made once: what to do after a failure is decided by
//! the reconciler and written in the roster, so nothing is retried here.

use std::time::{Duration, SystemTime};

use aws_sdk_connect::config::Builder;
use aws_sdk_connect::config::retry::RetryConfig;

use super::apply::Connect;
use super::call_context::CallContext;
use super::call_error::CallError;
use super::class::Class;
use super::lookup::Shown;
use super::plan::{Observed, Step};
use super::rate_limiter::{RateLimiter, Urgency};
use super::trace::Trace;
use super::{Calls, UserIds};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::instance::ResourceRef;
use crate::assign::permissions::Permissions;
use crate::deadline::Deadline;
use crate::fault::{Fault, Kind};

/// A client of Connect for one round of work. It counts and times the calls.
pub(crate) struct Session<'a> {
    /// The client and the cache of names.
    connect: &'a Connect,
    /// The context of each call.
    context: CallContext<'a>,
    /// The account of the calls, which survives a call that is given up.
    trace: Trace,
    /// The time at the round's start, by our clock; the age of the lists of names is told by it.
    now: SystemTime,
}

const NOBODY: &str = "configuration: Amazon Connect lists no user at all, though this roster knows of \
    some; compare CONNECT_INSTANCE and the Region with where those users are";

/// The result of CreateUser, as far as it is no fault.
pub(crate) enum Created {
    /// The user was created.
    New(UserIds),
    /// The username is taken. By whom is for the caller to find out: it may be an earlier attempt
    /// of ours.
    Taken,
}

impl Connect {
    /// Opens a session until `deadline`; with a `pace`, each call waits for the rate limiter.
    pub(crate) fn session<'a>(
        &'a self,
        now: SystemTime,
        deadline: Deadline,
        rate_limiter: Option<(&'a RateLimiter, Urgency)>,
    ) -> Session<'a> {
        let trace = Trace::default();
        let limits = Builder::new()
            .timeout_config(deadline.limits().0)
            // Retries by the SDK would be blind: a call of unknown fate is followed by an
            // observation, and a throttled one by the record's own backoff.
            .retry_config(RetryConfig::disabled())
            .retry_partition(self.retries.following.clone())
            .interceptor(trace.clone());
        let context = CallContext {
            client: &self.client,
            instance: &self.instance,
            limits,
            rate_limiter: rate_limiter
                .map(|(rate_limiter, urgency)| (rate_limiter, urgency, deadline)),
        };
        Session { connect: self, context, trace, now }
    }
}

impl Session<'_> {
    /// What each call is made with.
    pub(super) const fn context(&self) -> &CallContext<'_> {
        &self.context
    }

    /// The calls so far, one that is under way included.
    pub(crate) fn calls(&self) -> Calls {
        self.trace.calls()
    }

    /// The ids of routing profile, security profiles and hierarchy group. Those that are configured
    /// by id need no call.
    pub(crate) async fn resolve(
        &self,
        permissions: &Permissions<ResourceRef>,
    ) -> Result<Permissions<ResourceId>, Fault> {
        self.connect.names.resolve(&self.context, permissions, self.now).await
    }

    /// The id of one security profile.
    pub(crate) async fn security_profile(&self, meant: &ResourceRef) -> Result<ResourceId, Fault> {
        self.connect.names.security_profile(&self.context, meant, self.now).await
    }

    /// What Connect shows by this id. That it shows nobody says neither "not yet" nor "not any more".
    ///
    /// # Errors
    /// [`Kind::Configuration`] if the user's ARN is of another instance than ours.
    pub(crate) async fn observe(&self, user: &UserIds) -> Result<Shown, Fault> {
        // Another instance would show nobody, and who is to leave would be taken for gone.
        if !user.arn.is_empty() && !user.arn.contains(&format!("/{}/", self.context.instance)) {
            let detail = "configuration: the roster's users are those of another instance than \
                CONNECT_INSTANCE";
            return Err(Fault::new(Kind::Configuration, detail));
        }
        self.context.describe(&user.id).await.map_err(CallError::of_our_own)
    }

    /// The user of this name by a listing of the whole instance that is no older than `max_age`: one
    /// sweep serves everybody who is looked for meanwhile.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if the user is listed and not shown; [`Kind::Configuration`] if nobody at
    /// all is listed, though `others` are known to be there: then it is another instance's emptiness.
    pub(crate) async fn find_listed(
        &self,
        username: &str,
        max_age: Duration,
        others: bool,
    ) -> Result<Option<Observed>, Fault> {
        let listing = self.connect.sweep.listing(&self.context, self.now, max_age).await;
        let listing = listing.map_err(CallError::of_our_own)?;
        if listing.is_empty() && others {
            return Err(Fault::new(Kind::Configuration, NOBODY));
        }
        let Some(id) = listing.get(username) else { return Ok(None) };
        match self.context.describe(id).await.map_err(CallError::of_our_own)? {
            Shown::User(user) => Ok(Some(*user)),
            Shown::NotFound | Shown::Refused => Err(CallError::not_yet().into()),
        }
    }

    /// The user of this name; `None` if Connect lists none. Costs several calls.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if the user is listed and not shown yet.
    pub(crate) async fn find(&self, username: &str) -> Result<Option<Observed>, Fault> {
        self.context.find(username).await.map_err(|failure| match failure.class {
            Class::NotYet => failure.into(),
            _ => failure.of_our_own(),
        })
    }

    /// Sends CreateUser, once.
    ///
    /// # Errors
    /// With [`Kind::Unavailable`] the user may exist, or appear later: the caller must observe
    /// before it sends another.
    pub(crate) async fn create(
        &self,
        agent: &Agent,
        permissions: &Permissions<ResourceId>,
    ) -> Result<Created, Fault> {
        match self.context.create(agent, permissions).await {
            Ok(ids) => Ok(Created::New(ids)),
            Err(failure) if failure.class == Class::Duplicate => Ok(Created::Taken),
            Err(failure) => {
                if failure.has_code("ResourceNotFoundException") {
                    self.connect.names.invalidate().await;
                }
                Err(failure.into())
            }
        }
    }

    /// Carries out one step of a plan on a user that was observed in this round.
    ///
    /// Every step sets a whole value, so making it twice does no harm.
    pub(crate) async fn change(&self, step: &Step, user: &UserIds) -> Result<(), Fault> {
        let Err(failure) = self.context.change(step, user).await else { return Ok(()) };
        let is_missing = failure.has_code("ResourceNotFoundException");
        Err(match step {
            // These name a second resource by id, so "not found" is more likely about that one: its
            // name is looked up anew. For all others only the user can be meant, and that was shown
            // a moment ago.
            Step::UpdateUserHierarchy(_)
            | Step::UpdateUserRoutingProfile(_)
            | Step::UpdateUserSecurityProfiles(_) => {
                if is_missing {
                    self.connect.names.invalidate().await;
                }
                failure.of_our_own()
            }
            _ if is_missing => failure.into_not_yet().into(),
            // These alone carry what the sender wrote, so a refused value is the sender's to mend.
            Step::UpdateUserConfig(_)
            | Step::UpdateUserIdentityInfo(_)
            | Step::UpdateUserPhoneConfig(_) => failure.into(),
            _ => failure.of_our_own(),
        })
    }
}
