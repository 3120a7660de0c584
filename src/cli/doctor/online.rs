//! The checks that ask AWS.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_connect::Client;
use aws_sdk_connect::config::Builder;

use super::{Finding, State, count};
use crate::assign::identity::Identity;
use crate::assign::instance::{Resource, ResourceRef};
use crate::assign::named::NamedResource;
use crate::cli::now;
use crate::config::Config;
use crate::config::scim::ARN;
use crate::connect::UserIds;
use crate::connect::apply::Connect;
use crate::connect::call_context::CallContext;
use crate::connect::call_error::CallError;
use crate::connect::end_sessions::SessionsEnd;
use crate::connect::names::ListedResource;
use crate::deadline::Deadline;
use crate::keys::{self, KeyStore};
use crate::lambda;
use crate::near::distance;

/// The deadline from which the time-outs of a call are derived.
const PATIENCE: Duration = Duration::from_secs(10);

/// The findings from AWS: the instance, its profiles and hierarchy groups, and each secret.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let aws = lambda::aws(&config.region).await;
    let (timeouts, retries) = Deadline::after(PATIENCE).limits();
    let limits = Builder::from(&aws).timeout_config(timeouts).retry_config(retries);
    let client = Client::from_conf(limits.build());
    let mut findings = instance(config, &client).await;
    findings.extend(powers(config, &client).await);
    if config.policy().is_some_and(|policy| policy.ends_sessions) {
        findings.push(sessions(config, &aws).await);
    }
    findings.extend(secrets(config, &aws).await);
    findings
}

/// Whether Connect would end the sessions of whoever leaves: asked of a user whom nobody can have, it
/// says that there is none, or why it does not do it.
async fn sessions(config: &Config, aws: &SdkConfig) -> Finding {
    let nobody = UserIds { id: NOBODY.to_owned(), arn: String::new() };
    let connect = Connect::new(aws, config.instance.id.as_str());
    let (end, _) = connect.end_sessions(&nobody, now(), Deadline::after(PATIENCE)).await;
    let fault = match end {
        Ok(SessionsEnd::Ended | SessionsEnd::NoUser) => {
            return Finding::ok(SESSIONS, "Amazon Connect ends the sessions of whoever leaves");
        }
        Ok(SessionsEnd::Refused(fault)) | Err(fault) => fault,
    };
    let why = fault.cause.as_deref().unwrap_or(&fault.detail).to_owned();
    let found = format!("Amazon Connect does not end the sessions of whoever leaves: {why}");
    let advice = "permit connect:DeleteAllEntitySessions on the instance's users, as template.yaml does; \
                  whoever leaves is shut out all the same, and signed in until then; or set it to false";
    Finding::new(State::Warning, SESSIONS, found, advice)
}

const SESSIONS: &str = "END_SESSIONS";

/// The nil UUID (RFC 9562 §5.9), which no user has.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

async fn instance(config: &Config, client: &Client) -> Vec<Finding> {
    let described =
        client.describe_instance().instance_id(config.instance.id.as_str()).send().await;
    let instance = match described.map(|described| described.instance) {
        Ok(Some(instance)) => instance,
        Ok(None) => return vec![refused("CONNECT_INSTANCE", "an answer without an instance")],
        Err(error) => {
            let failure = CallError::of("DescribeInstance", &error);
            return vec![refused("CONNECT_INSTANCE", &failure.to_string())];
        }
    };
    let alias = instance.instance_alias().unwrap_or("without an alias");
    let status = instance.instance_status().map_or("unknown", |status| status.as_str());
    let state = if status == "ACTIVE" { State::Ok } else { State::Warning };
    let advice = if status == "ACTIVE" { "" } else { "wait until it is ACTIVE" };
    let found = format!("{alias}, {status}");
    let held = instance.identity_management_type().map_or("unknown", |held| held.as_str());
    let ours = config.rules.identity.name;
    vec![
        Finding::new(state, "CONNECT_INSTANCE", found, advice),
        if held == ours {
            Finding::ok("IDENTITY_MANAGEMENT", format!("{held}, as the instance has it"))
        } else {
            let found = format!("{ours}, but the instance has {held}");
            let advice = format!("set it to {held}; the default is {}", Identity::SAML.name);
            Finding::new(State::Problem, "IDENTITY_MANAGEMENT", found, &advice)
        },
    ]
}

async fn powers(config: &Config, client: &Client) -> Vec<Finding> {
    let named = config.named();
    let (instance, limits) = (config.instance.id.as_str(), Builder::new());
    let context = CallContext { client, instance, limits, rate_limiter: None };
    let mut findings = Vec::new();
    for kind in [Resource::RoutingProfile, Resource::SecurityProfile, Resource::HierarchyGroup] {
        let asked: Vec<_> = named.iter().filter(|named| named.kind == kind).collect();
        let Some(first) = asked.first() else { continue };
        match context.list(kind).await {
            Err(failure) => findings.push(refused(&first.setting, &failure.to_string())),
            Ok(items) => {
                findings.extend(asked.iter().map(|named| find(named, &items)));
                findings.extend(powerful(&asked, &items));
            }
        }
    }
    findings
}

/// A finding if the profile for suspended users is also one that working users get, however the
/// settings refer to it.
fn powerful(asked: &[&NamedResource], items: &[ListedResource]) -> Option<Finding> {
    let (suspended, others): (Vec<&NamedResource>, Vec<&NamedResource>) =
        asked.iter().partition(|named| named.setting == SUSPENDED);
    let id = |named: &NamedResource| {
        let mut found = items.iter().filter(|item| is_meant(&named.reference, item));
        found.next().map(|item| item.id.as_str())
    };
    let suspended: Vec<&str> = suspended.into_iter().filter_map(id).collect();
    let is_suspended = |named: &&NamedResource| id(named).is_some_and(|id| suspended.contains(&id));
    let setting = &others.into_iter().find(is_suspended)?.setting;
    let found = format!("a profile with which others work: it is one of {setting} too");
    Some(Finding::new(State::Problem, SUSPENDED, found, "choose a profile that allows nothing"))
}

const SUSPENDED: &str = "SUSPENDED_SECURITY_PROFILE";

fn is_meant(wanted: &ResourceRef, item: &ListedResource) -> bool {
    match wanted {
        ResourceRef::Id(id) => id.as_str() == item.id.to_ascii_lowercase(),
        ResourceRef::Name(name) => *name == item.name,
    }
}

fn find(
    NamedResource { setting, kind, reference: wanted }: &NamedResource,
    items: &[ListedResource],
) -> Finding {
    let found = items.iter().filter(|item| is_meant(wanted, item));
    let (noun, found): (_, Vec<_>) = (kind.noun(), found.collect());
    match found.as_slice() {
        [ListedResource { name, arn, .. }] => Finding::ok(setting, format!("{noun} {name}, {arn}")),
        [] => {
            let word = wanted.to_string().to_lowercase();
            let mut names: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
            names.sort_by_cached_key(|name| (distance(&word, &name.to_lowercase()), *name));
            let advice = format!("choose one of {}", names.join(", "));
            let found =
                format!("{:?}, a {noun} that the instance does not have", wanted.to_string());
            Finding::new(State::Problem, setting, found, &advice)
        }
        several => {
            let arns: Vec<_> = several.iter().map(|item| item.arn.as_str()).collect();
            let advice = format!("name it by ARN, one of {}", arns.join(", "));
            Finding::new(
                State::Problem,
                setting,
                format!("{:?}, a {noun} whose name others have too", wanted.to_string()),
                &advice,
            )
        }
    }
}

async fn secrets(config: &Config, aws: &SdkConfig) -> Vec<Finding> {
    let client = config.scim().map(|scim| (ARN.to_owned(), &scim.client));
    let hooks = config.hooks.iter().map(|hook| (hook.variable("SECRET_ARN"), hook)).chain(client);
    let store = KeyStore::new(hooks.clone().map(|(_, hook)| hook), config.key_overlap, aws);
    let mut findings = Vec::new();
    for (subject, hook) in hooks.filter(|(_, hook)| hook.stored.is_some()) {
        let deadline = Deadline::after(keys::PATIENCE);
        let fetched = store.source(hook, now(), deadline).await;
        findings.push(match (fetched.source, fetched.secret_error) {
            (Ok(source), None) => {
                let replaced = source.keys.iter().filter(|key| key.is_replaced()).count();
                let current = source.keys.len().saturating_sub(replaced);
                let found =
                    format!("{}, {replaced} replaced and still believed", count(current, "key"));
                Finding::ok(subject, found)
            }
            (Ok(_), Some(roster_error)) => {
                Finding::new(State::Warning, subject, roster_error.to_string(), SECRET)
            }
            (Err(fault), _) => {
                Finding::new(State::Problem, subject, fault.cause.unwrap_or(fault.detail), SECRET)
            }
        });
    }
    findings
}

const SECRET: &str = "put the key that the sender shows into it as plain text, and permit \
    secretsmanager:GetSecretValue on it";

fn refused(subject: &str, failure: &str) -> Finding {
    let advice = "check the instance's id and Region, your credentials (aws sts \
                  get-caller-identity), and their permission for this operation";
    Finding::new(State::Problem, subject, failure, advice)
}
