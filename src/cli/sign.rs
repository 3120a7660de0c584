//! `connect-provisioner sign`: signs a story now and prints the request of its sender.

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::settings::own_or_demo;
use super::story::Story;
use super::{now, say};
use crate::config::hooks::Hook;
use crate::config::hooks_of;
use crate::deadline::Deadline;
use crate::hex;
use crate::keys::{KeyStore, PATIENCE};
use crate::lambda;
use crate::trust::Source;

/// Which story, and who tells it.
#[derive(Args, Clone, Debug)]
pub(super) struct Telling {
    /// A file of events/, or any JSON body; - reads standard input
    #[arg(value_name = "STORY")]
    story: String,
    /// The source that sends it; else one that fits the story
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

/// What to sign, and how to show it.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    #[command(flatten)]
    telling: Telling,
    /// In which shape to show the request
    #[arg(long = "as", value_enum, value_name = "SHAPE", default_value_t = Shape::ApigwV2)]
    shape: Shape,
    /// Where a curl command sends it
    #[arg(long, value_name = "URL", default_value = super::serve::URL)]
    url: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// The Lambda event of an HTTP API or a function URL
    ApigwV2,
    /// The Lambda event of a REST API
    ApigwV1,
    /// The Lambda event of an Application Load Balancer
    Alb,
    /// A curl command
    Curl,
}

/// Prints the signed request.
///
/// # Errors
/// If the story cannot be read, or no source can sign it.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let story = arguments.telling.story()?;
    let (environment, is_demo) = own_or_demo();
    if is_demo {
        eprintln!("no settings found (HOOK_…): signed with the demo's, which everybody knows");
    }
    let hooks = hooks_of(&environment)?;
    let hook = arguments.telling.hook(&hooks, &story)?;
    let source = with_keys(hook, &hooks).await?;
    let id = format!("msg_{}", hex::write(&lambda::random()));
    let signed = story.signed_by(&source, &id, now());
    match arguments.shape {
        Shape::ApigwV2 => say(signed.http_api())?,
        Shape::ApigwV1 => say(signed.rest_api())?,
        Shape::Alb => say(signed.load_balancer())?,
        Shape::Curl => say(signed.curl(&arguments.url))?,
    }
    Ok(())
}

impl Telling {
    /// Reads the story.
    ///
    /// # Errors
    /// Text with the file's name and the problem.
    pub(super) fn story(&self) -> Result<Story, Box<dyn Error>> {
        let path = &self.story;
        let text = if path == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            fs::read_to_string(path)
        };
        let text = text.map_err(|error| format!("cannot read {path}: {error}"))?;
        Ok(Story::parse(&text).map_err(|error| {
            format!("{path}: expected a JSON object, found something else: {error}")
        })?)
    }

    /// The hook that was named, else one with the scheme that the story's sender uses, else the
    /// first.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn hook<'a>(&self, hooks: &'a [Hook], story: &Story) -> Result<&'a Hook, String> {
        let fits = |hook: &&Hook| match &self.source {
            Some(name) => hook.source.name.eq_ignore_ascii_case(name),
            None => hook.source.scheme.has_challenge() == story.is_okta_hook(),
        };
        let any = || hooks.first().filter(|_| self.source.is_none());
        hooks.iter().find(fits).or_else(any).ok_or_else(|| {
            let names: Vec<_> = hooks.iter().map(|hook| hook.source.name.as_str()).collect();
            format!("expected --source to be one of {}, found another", names.join(", "))
        })
    }
}

/// The source of a hook with its keys, from Secrets Manager if they are there.
async fn with_keys(hook: &Hook, hooks: &[Hook]) -> Result<Arc<Source>, Box<dyn Error>> {
    if hook.stored.is_none() {
        return Ok(Arc::clone(&hook.source));
    }
    let aws = lambda::aws("us-east-1").await;
    let keys = KeyStore::new(hooks, Duration::ZERO, &aws);
    let fetched = keys.source(hook, now(), Deadline::after(PATIENCE)).await;
    let variable = hook.variable("SECRET_ARN");
    let source = fetched.source;
    Ok(source.map_err(|fault| format!("{variable}: {}", fault.cause.unwrap_or(fault.detail)))?)
}
