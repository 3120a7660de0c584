//! Further tables: commands, faults of the stand-in, metrics, attributes of our SCIM extension.

use std::time::Duration;

use clap::{Command, CommandFactory as _};

use super::{Table, code, words_of};
use crate::cli::Cli;
use crate::log::{EventLog, Metric};
use crate::scim::CONNECT_SCHEMA;
use crate::scim::schema::{Attribute, Limits, Mutability, ResourceType, Type};
use crate::standin::named_faults;

pub(super) fn commands() -> Result<Table, String> {
    let row = |command: &Command| {
        let told = command.get_positionals().map(|argument| {
            let name = argument.get_value_names().and_then(<[_]>::first);
            let name = name.map_or_else(|| argument.get_id().as_str(), |name| name.as_str());
            if argument.is_required_set() { format!(" {name}") } else { format!(" [{name}]") }
        });
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        [code(&(command.get_name().to_owned() + &told.collect::<String>())), about]
    };
    Ok(Table::new(["command", "what it does"], Cli::command().get_subcommands().map(row)))
}

pub(super) fn faults() -> Result<Table, String> {
    let named = named_faults().map(|(name, is_done, error)| {
        let told = error.map_or_else(
            || without_error(name),
            |error| match error.split_once(' ') {
                Some((status, error)) => Ok(format!("{status} {}", code(error))),
                None => Ok(error),
            },
        )?;
        Ok([code(name), if is_done { "yes" } else { "no" }.to_owned(), told])
    });
    let others = ["an error's name", "no", "that error"].map(str::to_owned);
    let rows = named.chain([Ok(others)]).collect::<Result<Vec<_>, String>>()?;
    Ok(Table::new(["fault", "is the call carried out?", "what is answered"], rows))
}

fn without_error(fault: &str) -> Result<String, String> {
    match fault {
        "slow" => Ok("the right answer, `slowMs` (3000) later".to_owned()),
        "drop" => Ok("none: the connection is closed".to_owned()),
        _ => Err(format!("src/cli/docs: the fault {fault} has no words")),
    }
}

pub(super) fn metrics() -> Result<Table, String> {
    let nothing = EventLog::default();
    let measured = nothing.measured().chain([Metric::connect_latency(Duration::ZERO)]);
    let names: Vec<&str> = measured.map(|metric| metric.name).collect();
    let rows = words_of(&names, METRICS)?.into_iter().map(|(name, words)| [code(name), words]);
    Ok(Table::new(["metric", "what it counts"], rows))
}

static METRICS: &[(&str, &str)] = &[
    ("Events", "events that were answered; each of a batch by itself"),
    ("Created", "users that were created"),
    ("Adopted", "users made by somebody else that became ours; 0 without a roster"),
    (
        "Parked",
        "events that were written down and wait for somebody; 0 without a roster. Each counts \
         with its fault's turn too",
    ),
    (
        "RemovalsHeld",
        "people who keep their access because of `MAX_REMOVALS_PER_HOUR`; 0 without a roster",
    ),
    (
        "LeaverIgnored",
        "people who left by an Okta event hook, whom a function without a roster leaves to you",
    ),
    ("Rejected", "events whose sender was not authenticated"),
    ("SenderFaults", "events that the sender has to mend"),
    ("LaterFaults", "events that time has to mend: throttling, Connect or Secrets Manager down"),
    ("OperatorFaults", "events that wait for you"),
    ("Bugs", "events that met a fault of ours"),
    ("MobileLeftOut", "mobile numbers that Connect would have refused, and that were left out"),
    (
        "ProfileLeftOut",
        "people of a SCIM client for whom a profile or group was asked that the settings do not \
         allow",
    ),
    (
        "IgnoredFarewells",
        "farewells that changed nothing, since something newer is known or they are another person's; `WARN`",
    ),
    (
        "DoubtfulFarewell",
        "farewells that are perhaps another person's: whoever has the name is suspended; `ERROR`",
    ),
    (
        "SessionsNotEnded",
        "people who left and have no power, whose sessions Connect refuses to end; tried once an hour; `WARN`",
    ),
    (
        "RenamedIntoGrant",
        "groups that came to be one of `GROUP_PROFILES` by a rename, or by another `externalId`; `WARN`",
    ),
    ("UnknownTypes", "signed events of a type that asks nothing here"),
    ("SecretTrouble", "requests at which a secret could not be read"),
    ("ConnectLatency", "milliseconds that the calls of Connect took, with their fraction"),
];

/// The attributes of our extension of the User schema, with all of the operator's lists set.
pub(super) fn attributes() -> Result<Table, String> {
    let one = || vec![String::new()];
    let limits = Limits {
        routing_profiles: one(),
        security_profiles: one(),
        hierarchy_groups: one(),
        directory: true,
    };
    let user = ResourceType::user(&limits);
    let own = user.extension(CONNECT_SCHEMA).map_or(&[][..], |schema| &schema.attributes);
    let mut told = Vec::new();
    for attribute in own {
        match attribute.sub_attributes() {
            [] => told.push((attribute.name.to_owned(), attribute)),
            parts => told.extend(
                parts.iter().map(|part| (format!("{}.{}", attribute.name, part.name), part)),
            ),
        }
    }
    let paths: Vec<&str> = told.iter().map(|(path, _)| path.as_str()).collect();
    let words = words_of(&paths, ATTRIBUTES)?;
    let rows = told.iter().zip(words).map(|((path, attribute), (_, more))| {
        [code(path), kind(attribute), small(attribute.description) + &more]
    });
    let head = code(CONNECT_SCHEMA);
    Ok(Table::new([head.as_str(), "type", "meaning"], rows))
}

fn kind(attribute: &Attribute) -> String {
    let name = match attribute.kind {
        Type::Binary => "binary",
        Type::Boolean => "boolean",
        Type::Complex(_) => "complex",
        Type::DateTime => "time",
        Type::Integer => "integer",
        Type::Reference(_) => "reference",
        Type::String => "string",
    };
    let several = if attribute.multi_valued { "s" } else { "" };
    let ours = if attribute.mutability == Mutability::ReadOnly { ", ours" } else { "" };
    format!("{name}{several}{ours}")
}

/// A description as part of another sentence, without its initial capital.
fn small(sentence: &str) -> String {
    let (first, rest) = sentence.split_at_checked(1).unwrap_or_default();
    if rest.starts_with(|next: char| next.is_uppercase()) {
        return sentence.to_owned();
    }
    first.to_lowercase() + rest
}

/// The text for each attribute, after the description that SCIM clients see.
static ATTRIBUTES: &[(&str, &str)] = &[
    (
        "routingProfile",
        "; there if `ALLOWED_ROUTING_PROFILES` is set, whose entries `/Schemas` lists as \
         `canonicalValues`",
    ),
    ("securityProfiles", ", in place of all others; there if `ALLOWED_SECURITY_PROFILES` is set"),
    ("hierarchyGroup", "; there if `ALLOWED_HIERARCHY_GROUPS` is set"),
    ("directoryUserId", "; there under `EXISTING_DIRECTORY`"),
    ("phone.type", ", in place of `PHONE_TYPE`"),
    ("phone.autoAccept", ", in place of `AUTO_ACCEPT`"),
    (
        "phone.afterContactWorkSeconds",
        ", in place of `AFTER_CONTACT_WORK_SECONDS`; Connect takes 0 to 2000000",
    ),
    ("phone.deskNumber", ", in place of the work number"),
    ("phone.persistentConnection", ", in place of `PERSISTENT_CONNECTION`"),
    (
        "provisioning.state",
        "; `applied`: it holds what the resource says; `partial`: but for what `detail` tells; \
         `pending`: Connect will follow; `parked`: somebody must act",
    ),
    ("provisioning.detail", ""),
    ("provisioning.connectUserId", "; another after a rename, as the `id` never is"),
    ("provisioning.connectUserArn", "; another after a rename"),
];
