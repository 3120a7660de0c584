//! Probable typos: variables whose names are nearly a setting's. Nobody reads them, so they would
//! be silent otherwise.

use super::hooks::HOOK_SETTINGS;
use super::{Environment, SettingError, is_setting, settings};
use crate::near::{distance, within};

/// Names shorter than this are not compared: in `TAGS` one letter makes too much of a difference.
const SHORTEST: usize = 5;

/// Up to this length of a setting's name one wrong letter is forgiven; two in longer names.
const SHORT: usize = 8;

/// Names that other programs use and that are as near.
static FOREIGN: [&str; 3] = ["BASEPATH", "LOGLEVEL", "ROUTER"];

/// A warning for each variable that was probably meant for a setting; unset and empty ones are not.
#[must_use]
pub fn typos(environment: &Environment) -> Vec<SettingError> {
    let told = environment.iter().filter(|(_, value)| !value.trim().is_empty());
    let typos = told.filter_map(|(name, _)| {
        Some(SettingError {
            variable: name.clone(),
            problem: format!("expected the name of a setting, found one near {}", meant(name)?),
            find: "docs/settings.md, the table of settings; what has another name is not read",
        })
    });
    typos.collect()
}

/// The variables that were probably meant for one setting.
pub(super) fn typos_of(setting: &str, environment: &Environment) -> Vec<String> {
    let told = environment.iter().filter(|(_, value)| !value.trim().is_empty());
    let names = told.map(|(name, _)| name);
    names.filter(|name| meant(name).is_some_and(|meant| meant == setting)).cloned().collect()
}

/// The setting that a variable was probably meant for; `None` if it is a setting, or near to none.
#[must_use]
pub fn meant(name: &str) -> Option<String> {
    if is_setting(name) || FOREIGN.contains(&name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    if upper.starts_with("HOOK_") && !name.starts_with("HOOK_") {
        return Some(upper).filter(|upper| is_hook(upper));
    }
    let own = settings().map(|setting| setting.name).filter(|own| *own != "AWS_REGION");
    let near = own.filter_map(|own| Some((nearness(&upper, own)?, own)));
    let nearest = near.min_by_key(|(distance, _)| *distance).map(|(_, own)| own.to_owned());
    nearest.or_else(|| hook_meant(&upper))
}

/// The distance of a name from a setting's, if it is small enough.
fn nearness(name: &str, setting: &str) -> Option<usize> {
    let forgiven = if setting.len() <= SHORT { 1 } else { 2 };
    let is_long = setting.len() >= SHORTEST && name.len() >= SHORTEST;
    is_long.then(|| within(name, setting, forgiven)).flatten()
}

/// The hook's variable that was probably meant: `HOKO_OKTA_SECRET`, or one that starts with `HOOK_`
/// and ends nearly like a setting.
pub(super) fn hook_meant(name: &str) -> Option<String> {
    let (head, rest) = name.split_once('_')?;
    if !head.starts_with('H') || distance(head, "HOOK") > 1 {
        return None;
    }
    let exact = format!("HOOK_{rest}");
    if head != "HOOK" {
        return Some(exact).filter(|exact| is_hook(exact));
    }
    let (source, setting) = rest.rsplit_once('_')?;
    let near = HOOK_SETTINGS.iter().map(|(own, _)| *own).filter(|own| distance(setting, own) <= 2);
    let nearest = near.min_by_key(|own| distance(setting, own))?;
    Some(format!("HOOK_{}_{nearest}", source.to_ascii_uppercase()))
}

/// True if this is the name of a hook's setting.
fn is_hook(name: &str) -> bool {
    HOOK_SETTINGS.iter().any(|(setting, _)| {
        let source = name.strip_suffix(setting).and_then(|rest| rest.strip_suffix('_'));
        source.is_some_and(|source| source.len() > "HOOK_".len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        for (name, expected) in [
            ("DEACTIVTE", "DEACTIVATE"),
            ("AUTO_ACEPT", "AUTO_ACCEPT"),
            ("MAX_REMOVAL_PER_HOUR", "MAX_REMOVALS_PER_HOUR"),
            ("GROUP_PROFILE", "GROUP_PROFILES"),
            ("ROSTRE", "ROSTER"),
            ("Deactivate", "DEACTIVATE"),
            ("HOKO_OKTA_SECRET", "HOOK_OKTA_SECRET"),
            ("HOOKS_OKTA_SCHEME", "HOOK_OKTA_SCHEME"),
            ("hook_okta_secret_arn", "HOOK_OKTA_SECRET_ARN"),
            ("SCIM_TOKEN_SECRET_ANR", "SCIM_TOKEN_SECRET_ARN"),
        ] {
            assert_eq!(meant(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(hook_meant("HOOK_OKTA_SERCET").as_deref(), Some("HOOK_OKTA_SECRET"));
        assert_eq!(hook_meant("HOOK_okta_APPS").as_deref(), Some("HOOK_OKTA_APPS"));
        assert_eq!(hook_meant("HOOK_SCHEME"), None);
        assert_eq!(hook_meant("HOOK_OKTA_SECRETS").as_deref(), Some("HOOK_OKTA_SECRET"));
    }

    /// What shells, desktops, build servers, containers and Lambda set, and what people do.
    const OTHERS: &str = "PATH HOME LANG LC_ALL SHELL TERM USER LOGNAME PWD OLDPWD MAIL EDITOR VISUAL \
        PAGER DISPLAY HOSTNAME HOSTTYPE MACHTYPE OSTYPE SHLVL COLUMNS LINES TZ TMPDIR TEMP TMP TAG \
        TAGS NAME HOST GROUP ROLE ROUTER DEPLOY DEPLOYED PHONE CHANNEL_ID LOGLEVEL LOG_DIR \
        LOG_FILE LOG_FORMAT LOG_GROUP RUST_LOG RUST_BACKTRACE CARGO_HOME NODE_ENV NODE_PATH \
        PYTHONPATH JAVA_HOME CLASSPATH MANPATH INFOPATH CDPATH GOPATH BASEPATH EMAIL EMAIL_TO \
        EMAIL_FROM MAILTO PUBLIC_IP PUBLIC_KEY PUBLIC_DIR BASE_URL BASE_DIR BASH_ENV ENV PORT CI \
        GITHUB_ACTIONS GITHUB_TOKEN GITLAB_CI RUNNER_OS JENKINS_URL BUILD_ID KUBERNETES_PORT \
        SECRET SECRETS TOKEN PASSWORD DATABASE_URL REDIS_URL HTTP_PROXY HTTPS_PROXY NO_PROXY \
        http_proxy https_proxy no_proxy NO_COLOR CLICOLOR XDG_RUNTIME_DIR XDG_SESSION_TYPE DBUS_SESSION_BUS_ADDRESS \
        SSH_AUTH_SOCK SSH_CONNECTION GPG_TTY WINDOWID SYSTEMD_EXEC_PID INVOCATION_ID \
        JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS AWS_REGION AWS_REGIONS AWS_DEFAULT_REGION AWS_PROFILE \
        AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ENDPOINT_URL \
        AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_RUNTIME_API \
        AWS_EXECUTION_ENV AWS_XRAY_DAEMON_ADDRESS _X_AMZN_TRACE_ID _HANDLER LAMBDA_TASK_ROOT \
        LAMBDA_RUNTIME_DIR LD_LIBRARY_PATH LD_PRELOAD BOOK_STORE_SECRET LOOK_UP_GROUPS WEBHOOK_SECRET \
        HOOKS HOOKS_PATH GIT_HOOKS_PATH";

    #[test]
    fn what_others_set_is_nobodys_typo() {
        for name in OTHERS.split_whitespace() {
            assert_eq!(meant(name), None, "{name}");
        }
        for setting in settings() {
            assert_eq!(meant(setting.name), None, "{}", setting.name);
        }
    }

    /// What a shell keeps for itself, so that a value given there is lost or wrong, and what Lambda
    /// refuses ("Bash Variables", Bash Reference Manual; "Parameters", zsh manual; "Special
    /// variables", fish documentation; "Defined runtime environment variables", AWS Lambda
    /// Developer Guide). PowerShell keeps none of the environment's (`about_Environment_Variables`)
    /// but `PSModulePath` and the like.
    const RESERVED: &str = "BASH BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 \
        BASH_CMDS BASH_COMMAND BASH_COMPAT BASH_ENV BASH_EXECUTION_STRING BASH_LINENO \
        BASH_MONOSECONDS BASH_REMATCH BASH_SOURCE BASH_SUBSHELL BASH_VERSINFO BASH_VERSION CDPATH \
        COLUMNS COMP_CWORD COMP_KEY COMP_LINE COMP_POINT COMP_TYPE COMP_WORDBREAKS COMP_WORDS \
        COMPREPLY COPROC DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME FUNCNEST GLOBIGNORE \
        GROUPS HISTCMD HISTCONTROL HISTFILE HISTSIZE HOME HOSTFILE HOSTNAME HOSTTYPE IFS IGNOREEOF \
        LANG LINENO LINES MACHTYPE MAIL MAILCHECK MAILPATH MAPFILE OLDPWD OPTARG OPTERR OPTIND \
        OSTYPE PATH PIPESTATUS POSIXLY_CORRECT PPID PROMPT_COMMAND PS0 PS1 PS2 PS3 PS4 PWD RANDOM \
        READLINE_LINE REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM TIMEFORMAT TMOUT UID \
        ARGC ARGV CPUTYPE EGID ERRNO FPATH GID HOST LOGCHECK LOGNAME MODULE_PATH NULLCMD PROMPT \
        PSVAR READNULLCMD RPROMPT SAVEHIST STATUS TERM TTY TTYIDLE USERNAME VENDOR WATCH WORDCHARS \
        ZDOTDIR ZSH_VERSION HISTORY VERSION PIPESTATUS CMD_DURATION UMASK FISH_PID \
        PSMODULEPATH PSHOME \
        _HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_EXECUTION_ENV \
        AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION \
        AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME \
        AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN \
        AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR LD_LIBRARY_PATH TZ";

    #[test]
    fn no_setting_has_a_name_that_a_shell_or_lambda_keeps_for_itself() {
        for setting in settings() {
            let is_reserved = RESERVED.split_whitespace().any(|name| name == setting.name);
            assert!(!is_reserved, "{}", setting.name);
        }
    }
}
