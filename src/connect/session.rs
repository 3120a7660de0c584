//! The calls for one person's record, each made once: what to do after a failure is written in the
//! roster, so nothing is repeated here.

use std::time::SystemTime;

use aws_sdk_connect::config::Builder;
use aws_sdk_connect::config::retry::RetryConfig;

use super::apply::Connect;
use super::class::Class;
use super::failure::Failure;
use super::line::Line;
use super::pace::Pace;
use super::plan::{Observed, Step};
use super::trace::Trace;
use super::{Calls, UserIds};
use crate::assign::Agent;
use crate::assign::id::ResourceId;
use crate::assign::instance::Reference;
use crate::assign::power::Power;
use crate::deadline::Deadline;
use crate::fault::{Fault, Kind};

/// A way to Connect until a deadline.
pub(crate) struct Session<'a> {
    connect: &'a Connect,
    line: Line<'a>,
    trace: Trace,
    now: SystemTime,
}

/// What CreateUser came to.
pub(crate) enum Created {
    /// There is a user now.
    New(UserIds),
    /// The username is taken.
    Taken,
}

impl Connect {
    /// Opens a way to Connect that is used at this pace, if nobody waits for an answer.
    pub(crate) fn session<'a>(
        &'a self,
        now: SystemTime,
        deadline: Deadline,
        pace: Option<&'a Pace>,
    ) -> Session<'a> {
        let trace = Trace::default();
        let limits = Builder::new()
            .timeout_config(deadline.limits().0)
            .retry_config(RetryConfig::disabled())
            .retry_partition(self.retries.following.clone())
            .interceptor(trace.clone());
        let line = Line {
            client: &self.client,
            instance: &self.instance,
            limits,
            pace: pace.map(|pace| (pace, deadline)),
        };
        Session { connect: self, line, trace, now }
    }
}

impl Session<'_> {
    /// The calls made so far.
    pub(crate) fn calls(&self) -> Calls {
        self.trace.calls()
    }

    /// The ids of what is meant.
    pub(crate) async fn resolve(
        &self,
        power: &Power<Reference>,
    ) -> Result<Power<ResourceId>, Fault> {
        self.connect.names.resolve(&self.line, power, self.now).await
    }

    /// The id of the security profile that is meant.
    pub(crate) async fn security_profile(&self, meant: &Reference) -> Result<ResourceId, Fault> {
        self.connect.names.security_profile(&self.line, meant, self.now).await
    }

    /// The user of this id; `None` if Connect does not show it, yet or any more.
    pub(crate) async fn observe(&self, user: &UserIds) -> Result<Option<Observed>, Fault> {
        // Another instance would show nobody, and who is to leave would be taken for gone.
        if !user.arn.is_empty() && !user.arn.contains(&format!("/{}/", self.line.instance)) {
            let detail = "configuration: the roster's users are those of another instance than \
                CONNECT_INSTANCE";
            return Err(Fault::new(Kind::Configuration, detail));
        }
        self.line.describe(&user.id).await.map_err(Failure::of_our_own)
    }

    /// The user of this name; `None` if Connect lists none.
    pub(crate) async fn find(&self, username: &str) -> Result<Option<Observed>, Fault> {
        self.line.find(username).await.map_err(|failure| match failure.class {
            Class::NotYet => failure.into(),
            _ => failure.of_our_own(),
        })
    }

    /// Creates an agent's user.
    pub(crate) async fn create(
        &self,
        agent: &Agent,
        power: &Power<ResourceId>,
    ) -> Result<Created, Fault> {
        match self.line.create(agent, power).await {
            Ok(ids) => Ok(Created::New(ids)),
            Err(failure) if failure.class == Class::Duplicate => Ok(Created::Taken),
            Err(failure) => {
                if failure.has_code("ResourceNotFoundException") {
                    self.connect.names.doubt().await;
                }
                Err(failure.into())
            }
        }
    }

    /// Carries out a step on a user that was just seen.
    pub(crate) async fn change(&self, step: &Step, user: &UserIds) -> Result<(), Fault> {
        let Err(failure) = self.line.change(step, user).await else { return Ok(()) };
        let is_missing = failure.has_code("ResourceNotFoundException");
        Err(match step {
            Step::UpdateUserHierarchy(_)
            | Step::UpdateUserRoutingProfile(_)
            | Step::UpdateUserSecurityProfiles(_) => {
                if is_missing {
                    self.connect.names.doubt().await;
                }
                failure.of_our_own()
            }
            _ if is_missing => failure.into_not_yet().into(),
            Step::UpdateUserConfig(_)
            | Step::UpdateUserIdentityInfo(_)
            | Step::UpdateUserPhoneConfig(_) => failure.into(),
            _ => failure.of_our_own(),
        })
    }
}
