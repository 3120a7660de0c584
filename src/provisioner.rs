//! The whole function: a configuration, the keys, and the instance that it speaks to.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use tokio::time::sleep;

use crate::assign::Agent;
use crate::config::hooks::Hook;
use crate::config::scim::Scim;
use crate::config::{ByRoster, Config, Mode, SettingError};
use crate::connect::Applied;
use crate::connect::apply::Connect;
use crate::connect::class::Class;
use crate::connect::recent::Recent;
use crate::deadline::{Clock, Deadline};
use crate::decision::{BatchItem, Decision, Invocation, Route, Verdict, decide};
use crate::fault::{Fault, Kind};
use crate::hex;
use crate::http::gateway::{Arrival, Reply};
use crate::http::{MAX_BODY, MAX_SCIM_BODY, ParseEventError, Request, Response};
use crate::keys::{KeyStore, SecretError};
use crate::log::{DOUBTFUL_FAREWELL, EventLog, IGNORED_FAREWELL, SESSIONS_NOT_ENDED};
use crate::outcome::Outcome;
use crate::reconcile::Reconciler;
use crate::reconcile::budget::Budget;
use crate::reconcile::inlet::ProvisioningEvent;
use crate::reconcile::writer::Upserted;
use crate::roster::Roster;
use crate::roster::key::Id;
use crate::roster::merge::{ANOTHER, OLDER};
use crate::scim::route::ScimRoute;
use crate::scim_server::ScimServer;
use crate::trust::{Verified, VerifyError};

/// Okta takes no answer after three seconds, the way there and back included ("Event hooks", Okta
/// developer docs).
const SOON: Duration = Duration::from_millis(2400);

/// Others wait longer, and a first read of a secret may take some seconds; GitHub, which waits least of
/// them, gives up after ten ("Best practices for using webhooks", GitHub docs).
const PATIENCE: Duration = Duration::from_secs(5);

/// Amazon Connect takes two calls a second of each operation ("Amazon Connect service quotas"); who
/// was throttled waits for the next.
const PACE: Duration = Duration::from_millis(500);

/// How long it may take to look for what the settings name.
const LOOKING: Duration = Duration::from_secs(10);

/// A configuration and what it needs to answer.
#[derive(Debug)]
pub struct Provisioner {
    config: Config,
    keys: KeyStore,
    backend: Backend,
}

/// What carries out what is asked for: of the same mode as the configuration, which both constructors
/// see to. So a decision, which is by the configuration, always finds what it needs.
#[derive(Debug)]
enum Backend {
    /// Of [`Mode::Direct`].
    Direct(Box<Connect>, Recent),
    /// Of [`Mode::Roster`]; SCIM is spoken where the configuration says how.
    Roster(Arc<Reconciler>, Option<Box<ScimServer>>),
}

/// A configuration that was read for direct mode says nothing of those who leave, so no roster can be
/// followed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigModeError;

impl fmt::Display for ConfigModeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("expected settings that were read for a roster, found those of direct mode")
    }
}

impl std::error::Error for ConfigModeError {}

impl Provisioner {
    /// Speaks to the configuration's instance by way of `aws`, in direct mode: whatever the
    /// configuration says of a roster is left out.
    #[must_use]
    pub fn direct(config: Config, aws: &SdkConfig) -> Self {
        let config = Config { mode: Mode::Direct, ..config };
        let keys = KeyStore::new(&config.hooks, config.key_overlap, aws);
        let connect = Connect::new(aws, config.instance.id.as_str()).with_settings(config.named());
        Self { config, keys, backend: Backend::Direct(Box::new(connect), Recent::default()) }
    }

    /// Speaks to the configuration's instance by way of a roster.
    ///
    /// The roster's records are given ids, and users without a password of their own theirs, by
    /// `entropy`: bytes that nobody can guess.
    ///
    /// # Errors
    /// If the configuration was not read for a roster.
    pub fn with_roster(
        config: Config,
        aws: &SdkConfig,
        roster: Arc<dyn Roster>,
        entropy: Box<dyn Fn() -> [u8; 16] + Send + Sync>,
    ) -> Result<Self, ConfigModeError> {
        let Mode::Roster(own) = &config.mode else { return Err(ConfigModeError) };
        let ByRoster { policy, scim } = own.as_ref();
        let (policy, scim) = (policy.clone(), scim.as_ref());
        let hooks = config.hooks.iter().chain(scim.map(|scim| &scim.client));
        let keys = KeyStore::new(hooks, config.key_overlap, aws);
        let connect = Connect::new(aws, config.instance.id.as_str()).with_settings(config.named());
        let scim_server = scim.map(|scim| Box::new(ScimServer::new(scim, &config.rules)));
        let reconciler = Reconciler::new(roster, connect, config.rules.clone(), policy, entropy);
        let backend = Backend::Roster(Arc::new(reconciler), scim_server);
        Ok(Self { config, keys, backend })
    }

    /// The roster, if there is one.
    #[must_use]
    pub fn reconciler(&self) -> Option<&Arc<Reconciler>> {
        match &self.backend {
            Backend::Direct(..) => None,
            Backend::Roster(reconciler, _) => Some(reconciler),
        }
    }

    /// Looks for what the settings name in the instance, and tells what it does not have. Where nothing
    /// is named otherwise than by its id, nobody is asked.
    pub async fn misnamed(&self, now: SystemTime) -> Vec<SettingError> {
        let deadline = Deadline::after(LOOKING);
        let faults = match &self.backend {
            Backend::Direct(connect, _) => connect.misnamed(now, deadline).await,
            Backend::Roster(reconciler, _) => reconciler.misnamed(now, deadline).await,
        };
        let problems = faults.into_iter().map(|fault| SettingError {
            variable: "names in the settings".to_owned(),
            problem: fault.cause.unwrap_or(fault.detail).into_owned(),
            find: "connect-provisioner doctor --online shows all of them",
        });
        problems.collect()
    }

    /// The operator's decisions.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Answers one Lambda event, and notes in `log` what is worth a line.
    ///
    /// # Errors
    /// [`ParseEventError`] if there is nobody to answer.
    pub async fn answer(
        &self,
        event: &str,
        invocation: Invocation,
        log: &mut EventLog,
    ) -> Result<Reply, ParseEventError> {
        let arrival =
            Arrival::read(event, &self.config.base_path).inspect_err(|_| log.close_unread())?;
        let response = match (arrival.request, arrival.head) {
            (Ok(request), _) => self.respond(&request, invocation, log).await,
            (Err(fault), Some(head)) => match self.admit(&head, invocation, log).await {
                Ok(_) => Self::refuse(&head, fault, log),
                Err(response) => response,
            },
            (Err(fault), None) => Self::close(arrival.is_scim, &Err(fault), log),
        };
        Ok(arrival.gateway.reply(arrival.preference.apply(response)))
    }

    /// Answers a request that came without a gateway, and notes in `log` what is worth a line.
    pub async fn respond(
        &self,
        request: &Request,
        invocation: Invocation,
        log: &mut EventLog,
    ) -> Response {
        // On the heap, since it is large: whoever awaits it is small then.
        let result = Box::pin(self.carry_out(request, invocation, log)).await;
        Self::close(Request::is_scim(&request.path), &result, log)
    }

    /// How many bytes of a body may come after this head: nobody is listened to who asks for what is
    /// not there, and no SCIM client whose token is not valid. What proves a hook to be its sender's
    /// may be made of the body, so that one comes first there.
    ///
    /// # Errors
    /// The answer, if nothing may come.
    pub async fn admit(
        &self,
        head: &Request,
        invocation: Invocation,
        log: &mut EventLog,
    ) -> Result<usize, Response> {
        let admitted = match Route::find(&self.config, head) {
            Ok(Route::Health) => Ok(MAX_BODY),
            Ok(Route::Hook(hook)) => {
                log.source = Some(hook.source.name.clone());
                Ok(MAX_BODY)
            }
            Ok(Route::Scim(scim)) => {
                log.source = Some(scim.client.source.name.clone());
                let deadline = Deadline::after(invocation.time_left);
                let verified = self.verify(&scim.client, head, invocation, deadline, log).await;
                verified.map(|_| MAX_SCIM_BODY)
            }
            Err(fault) => Err(fault),
        };
        admitted.map_err(|fault| Self::refuse(head, fault, log))
    }

    /// The answer to a request that is not carried out.
    #[must_use]
    pub fn refuse(head: &Request, fault: Fault, log: &mut EventLog) -> Response {
        Self::close(Request::is_scim(&head.path), &Err(fault), log)
    }

    fn close(is_scim: bool, result: &Result<Outcome, Fault>, log: &mut EventLog) -> Response {
        let refuse = if is_scim { Fault::scim_response } else { Fault::response };
        let response = result.as_ref().map_or_else(refuse, Outcome::response);
        log.close(result, response.status);
        response
    }

    async fn carry_out(
        &self,
        request: &Request,
        invocation: Invocation,
        log: &mut EventLog,
    ) -> Result<Outcome, Fault> {
        let deadline = Deadline::after(invocation.time_left);
        let soon = deadline.min(Deadline::after(SOON));
        let hook = match Route::find(&self.config, request)? {
            Route::Health => return self.health(),
            Route::Hook(hook) => hook,
            Route::Scim(scim) => {
                return self.serve_scim(scim, request, invocation, deadline, log).await;
            }
        };
        log.source = Some(hook.source.name.clone());
        let patience = deadline.min(Deadline::after(PATIENCE));
        let patience = if hook.source.scheme.has_challenge() { soon } else { patience };
        let request = self.verify(hook, request, invocation, patience, log).await?;
        match decide(&self.config, hook, &request, invocation, log)? {
            // On the heap, since a read of SCIM's would carry them about.
            Decision::One(verdict) => {
                Box::pin(self.settle(verdict, invocation, deadline, log)).await
            }
            Decision::Batch(parts) => {
                Ok(Box::pin(self.settle_all(parts, invocation, soon, log)).await)
            }
        }
    }

    /// True if what is asked for could be written to the roster.
    fn health(&self) -> Result<Outcome, Fault> {
        let reconciler = self.reconciler();
        reconciler.map_or(Ok(()), |reconciler| reconciler.roster().health())?;
        Ok(Outcome::Healthy)
    }

    /// Answers a SCIM client.
    async fn serve_scim(
        &self,
        scim: &Scim,
        request: &Request,
        invocation: Invocation,
        deadline: Deadline,
        log: &mut EventLog,
    ) -> Result<Outcome, Fault> {
        log.source = Some(scim.client.source.name.clone());
        let request = self.verify(&scim.client, request, invocation, deadline, log).await?;
        log.believed(&request);
        // Bodies are alike, and nothing says which delivery a request is: each has a hash of its own.
        let own = hex::write(&invocation.random);
        log.event = Some(request.event_of(&format!("{} {} {own}", request.method, request.path)));
        let place = ScimRoute::find(&request.path).ok();
        log.intent = place.as_ref().and_then(|place| place.intent(&request.method));
        log.id = place.and_then(|place| match place {
            ScimRoute::One(_, id) => Some(id).filter(|id| Id::is_ours(id)),
            _ => None,
        });
        let Backend::Roster(reconciler, Some(scim_server)) = &self.backend else {
            return Err(Class::Bug.fault());
        };
        let mut budget = Budget::new(Clock::set(invocation.now), deadline);
        let result = scim_server.answer(reconciler, &request, &mut budget).await;
        log.called(budget.spent);
        if let Ok(Some(about)) = result.as_ref().map(|answer| answer.about.as_ref()) {
            log.is_about(about);
        }
        result.map(|answer| Outcome::Scim(Box::new(answer)))
    }

    /// Checks who sent a request, by newer keys if the ones in hand do not match.
    async fn verify<'a>(
        &self,
        hook: &Hook,
        request: &'a Request,
        invocation: Invocation,
        deadline: Deadline,
        log: &mut EventLog,
    ) -> Result<Verified<&'a Request>, Fault> {
        let fetched = self.keys.source(hook, invocation.now, deadline).await;
        log.secret_trouble = fetched.secret_error.as_ref().map(SecretError::to_string);
        let source = fetched.source?;
        let verified = source.verify(request, invocation.now);
        if !matches!(verified, Err(VerifyError::NoMatchingKey)) {
            return Ok(verified?);
        }
        let fetched = self.keys.newer(hook, invocation.now, deadline).await;
        log.secret_trouble = fetched.secret_error.as_ref().map(SecretError::to_string);
        let newer = fetched.source.clone()?;
        let verified = if Arc::ptr_eq(&newer, &source) {
            verified
        } else {
            newer.verify(request, invocation.now)
        };
        verified.map_err(|refusal| match refusal {
            VerifyError::NoMatchingKey => fetched.refuse(refusal),
            VerifyError::Malformed(_) => refusal.into(),
        })
    }

    async fn settle(
        &self,
        verdict: Verdict,
        invocation: Invocation,
        deadline: Deadline,
        log: &mut EventLog,
    ) -> Result<Outcome, Fault> {
        match (verdict, &self.backend) {
            (Verdict::Done(outcome), _) => Ok(outcome),
            (Verdict::CreateDirect(agent), Backend::Direct(connect, _)) => {
                let (applied, calls) = connect.ensure_user(&agent, invocation.now, deadline).await;
                log.called(calls);
                Ok(Outcome::Applied(applied?, agent.owner))
            }
            (Verdict::Upsert(upsert), Backend::Roster(reconciler, _)) => {
                let heard = ProvisioningEvent {
                    intent: &upsert.intent,
                    access: &upsert.access,
                    source: &upsert.source,
                    happened: upsert.happened,
                    event: upsert.event.as_deref(),
                    can_mend: upsert.can_mend,
                };
                let mut budget = Budget::new(Clock::set(invocation.now), deadline);
                let result = reconciler.accept(&heard, &mut budget).await;
                log.called(budget.spent);
                let is_in_doubt = |upserted: &Upserted| {
                    upserted.record.as_ref().is_some_and(|record| record.spec.access.is_doubtful)
                };
                let owes = |upserted: &Upserted| {
                    upserted.record.as_ref().is_some_and(|record| record.owes_sessions())
                };
                if result.as_ref().is_ok_and(owes) {
                    log.warning = Some(SESSIONS_NOT_ENDED);
                }
                if upsert.access.is_farewell() && result.as_ref().is_ok_and(is_in_doubt) {
                    log.warning = Some(DOUBTFUL_FAREWELL);
                }
                let result = result.map(|upserted| upserted.outcome);
                if upsert.access.is_farewell()
                    && let Ok(Outcome::Ignored(OLDER | ANOTHER)) = &result
                {
                    log.warning = Some(IGNORED_FAREWELL);
                }
                if let Ok(owner) = result.as_ref().map(Outcome::owner) {
                    log.owner = owner.map(|owner| owner.hash().to_owned()).or(log.owner.take());
                }
                result
            }
            (Verdict::CreateDirect(_) | Verdict::Upsert(_), _) => Err(Class::Bug.fault()),
        }
    }

    /// Settles one event after the other until the deadline; the sender repeats the rest, and the
    /// users that are there by then are not asked for again.
    async fn settle_all(
        &self,
        parts: Vec<BatchItem>,
        invocation: Invocation,
        mut deadline: Deadline,
        log: &mut EventLog,
    ) -> Outcome {
        let (mut outcomes, mut records) = (Vec::new(), Vec::new());
        for BatchItem { verdict, published, log: mut own } in parts {
            let outcome = match verdict {
                Ok(Verdict::CreateDirect(agent)) => match self.known(&agent, published, invocation)
                {
                    Some(outcome) => Ok(outcome),
                    None => self.settle_and_note(agent, invocation, deadline, &mut own).await,
                },
                Ok(verdict) => self.settle(verdict, invocation, deadline, &mut own).await,
                Err(fault) => Err(fault),
            };
            if outcome.as_ref().is_err_and(is_throttled) {
                // The next event would only be throttled too.
                deadline = Deadline::after(Duration::ZERO);
            }
            outcomes.push(outcome);
            records.push(own);
        }
        log.divide(records);
        Outcome::Batch(outcomes)
    }

    /// The outcome for a user who was there a moment ago, unless the event happened since: then it
    /// says something new.
    fn known(
        &self,
        agent: &Agent,
        published: Option<SystemTime>,
        invocation: Invocation,
    ) -> Option<Outcome> {
        let Backend::Direct(_, recent) = &self.backend else { return None };
        let (ids, noted) = recent.find(&agent.owner, invocation.now)?;
        let is_repeat = published.is_none_or(|published| published <= noted);
        is_repeat.then(|| Outcome::Applied(Applied::AlreadyOurs(ids), agent.owner.clone()))
    }

    /// Settles an event in a crowd: throttled, it waits for its turn, and the others behind it.
    async fn settle_and_note(
        &self,
        agent: Box<Agent>,
        invocation: Invocation,
        deadline: Deadline,
        log: &mut EventLog,
    ) -> Result<Outcome, Fault> {
        let outcome = loop {
            let verdict = Verdict::CreateDirect(agent.clone());
            match self.settle(verdict, invocation, deadline, log).await {
                Err(fault) if is_throttled(&fault) && deadline.allows_a_call_after(PACE) => {
                    sleep(PACE).await;
                }
                settled => break settled?,
            }
        };
        if let (Outcome::Applied(applied, owner), Backend::Direct(_, recent)) =
            (&outcome, &self.backend)
            && let Some(ids) = applied.user_ids()
        {
            recent.note(owner, ids, invocation.now);
        }
        Ok(outcome)
    }
}

fn is_throttled(fault: &Fault) -> bool {
    fault.kind == Kind::Throttled
}
