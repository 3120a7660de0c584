//! What `serve` prints at start: text, or one line of JSON.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::{IN_MEMORY, URL, secrets};
use crate::cli::settings::DEMO_SCIM_TOKEN;
use crate::config::{Config, Environment};
use crate::http::SCIM;

/// The facts to print.
pub(super) struct Opened<'a> {
    pub(super) url: &'a str,
    pub(super) at: SocketAddr,
    pub(super) standin: Option<&'a str>,
    pub(super) roster: Option<&'a str>,
    pub(super) config: &'a Config,
    pub(super) own: &'a Environment,
    /// The URL of the admin endpoint, and the file with its token.
    pub(super) door: &'a str,
    pub(super) file: &'a Path,
}

impl Opened<'_> {
    pub(super) fn as_json(&self) -> Value {
        let Self { url, standin, roster, config, own, .. } = self;
        let sources = config.hooks.iter().map(|hook| {
            let name = &hook.source.name;
            json!({
                "name": name, "scheme": hook.source.scheme.name,
                "url": format!("{url}/hooks/{name}"), "secret": secrets::of_hook(own, hook),
            })
        });
        let sources: Vec<_> = sources.collect();
        let scim = config.scim().map(|_| {
            let token = secrets::knows_token(own).then_some(DEMO_SCIM_TOKEN);
            json!({"url": format!("{url}{SCIM}"), "token": token})
        });
        json!({
            "url": url, "standin": standin, "roster": roster, "sources": sources, "scim": scim,
            "operator": {"url": self.door, "file": self.file.display().to_string()},
        })
    }

    pub(super) fn as_text(&self) -> String {
        let Self { url, standin, .. } = self;
        let behind = standin.map_or("Amazon Connect".to_owned(), |standin| {
            format!("a stand-in for Amazon Connect at {standin}")
        });
        let place = self.place();
        let mut text = format!("Serving {url}, in front of {behind}\n{place}\n");
        if !self.at.ip().is_loopback() {
            text.push_str(OPEN);
        }
        text.push('\n');
        text.push_str(&self.senders());
        text.push_str(&format!("\nThe operator's door is {}; its token is in\n", self.door));
        text.push_str(&format!("  {}\n", self.file.display()));
        text.push_str(
            "\nSend it a story:\n  connect-provisioner sign events/okta-user-created.json --as curl",
        );
        text.push_str(&self.at_url());
        text.push_str(" | sh\n");
        if let Some(standin) = standin {
            let see = format!("See what Connect holds then:\n  curl -sS {standin}/_standin\n");
            text.push_str(&see);
        }
        if self.roster.is_some() {
            text.push_str("See who waits for you:\n  connect-provisioner parked");
            text.push_str(&self.at_url());
            text.push('\n');
        }
        text.push_str("\nStop it with Ctrl-C. Each event has its line here:\n");
        text
    }

    fn place(&self) -> String {
        match self.roster {
            None => "without a roster: users are created, and nothing else happens to them, and \
                     SCIM is not spoken"
                .to_owned(),
            Some(IN_MEMORY) => "with a roster in memory, which ends with it".to_owned(),
            Some(path) => format!("with the roster {path}"),
        }
    }

    /// The routes with their schemes and secrets, and the number of groups with grants.
    fn senders(&self) -> String {
        let Self { config, own, .. } = self;
        let mut text = String::new();
        for hook in &config.hooks {
            let (name, scheme) = (&hook.source.name, hook.source.scheme.name);
            let secret = secrets::of_hook(own, hook).unwrap_or("(yours)");
            text.push_str(&format!("  /hooks/{name:<12} {scheme:<20} secret: {secret}\n"));
        }
        if config.scim().is_some() {
            let token = if secrets::knows_token(own) { DEMO_SCIM_TOKEN } else { "(yours)" };
            text.push_str(&format!("  {SCIM:<19} {:<20} token:  {token}\n", "SCIM 2.0"));
        } else if self.roster.is_some() {
            let set = "off: set SCIM_TOKEN or SCIM_TOKEN_SECRET_ARN";
            text.push_str(&format!("  {SCIM:<19} {:<20} {set}\n", "SCIM 2.0"));
        }
        if self.roster.is_some() {
            let groups = match config.rules.groups.len() {
                0 => "none".to_owned(),
                1 => "1 group".to_owned(),
                count => format!("{count} groups"),
            };
            text.push_str(&format!("  GROUP_PROFILES: {groups}\n"));
        }
        text
    }

    /// The option that other commands need to find this `serve`, if it is not at the default URL.
    fn at_url(&self) -> String {
        if self.url == URL { String::new() } else { format!(" --url {}", self.url) }
    }
}

const OPEN: &str = "Whoever reaches this machine reaches it, and it speaks plain HTTP: tokens and \
    personal data can be\nread on the way, unless something in front of it speaks TLS and nothing \
    else can reach this port\n";
