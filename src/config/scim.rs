//! `SCIM_TOKEN…`, `SCIM_STRICT` and `PUBLIC_URL`: whether SCIM is spoken, and how.

use std::str::FromStr;
use std::sync::Arc;

use super::hooks::{Hook, SecretArn, quoted};
use super::lists::{BOOLEAN, choice, list};
use super::{Setting, SettingError, SettingReader};
use crate::event::okta::Scope;
use crate::trust::Source;
use crate::trust::scheme::BEARER;

/// The variables of SCIM. Without a token it is not spoken, and the others do nothing.
pub(super) static SCIM_SETTINGS: &[Setting] = &[
    Setting {
        name: "SCIM_TOKEN",
        default: "",
        find: "your own choice: 16 characters at least, the same at the identity provider; two, \
               separated by a comma, while it is changed",
    },
    Setting {
        name: "SCIM_TOKEN_SECRET_ARN",
        default: "",
        find: "Secrets Manager console, your secret, Secret details: Secret ARN",
    },
    Setting {
        name: "SCIM_STRICT",
        default: "false",
        find: "your own choice: true, false; true is for conformance tests, not for Okta or Entra ID",
    },
    Setting {
        name: "PUBLIC_URL",
        default: "",
        find: "the address in front of /scim/v2, if a proxy or CDN hides the gateway's own",
    },
];

/// How SCIM is spoken at `/scim/v2`.
#[derive(Clone, Debug)]
pub struct Scim {
    /// The source of SCIM clients: a bearer token (RFC 6750), in hand or stored in Secrets Manager.
    /// Two while it is rotated.
    pub client: Hook,
    /// True if RFC 7644 is taken by its letter. Okta and Entra ID need leniency; conformance tests
    /// do not.
    pub strict: bool,
    /// The URL in front of `/scim/v2` where the gateway's own is not what clients see: `https://`
    /// or `http://`, without a slash at the end, without query and fragment.
    pub public_url: Option<String>,
}

/// The name of the source of SCIM clients in the log and in records. No hook's name has a slash, so
/// it cannot be one of theirs.
pub(crate) const NAME: &str = "scim/v2";

/// The variable of a token in the clear.
pub const TOKEN: &str = "SCIM_TOKEN";

/// The variable with the ARN of a stored token: the way for Lambda, where variables are readable to
/// whoever may read the function's configuration.
pub const ARN: &str = "SCIM_TOKEN_SECRET_ARN";

impl SettingReader<'_> {
    /// Reads how SCIM is spoken; `None` without a token, or if something about it is a problem.
    pub(super) fn scim(&mut self) -> (Option<Scim>, Vec<SettingError>) {
        let strict = self.optional("SCIM_STRICT", |text| choice(text, &BOOLEAN));
        let public_url = self.optional("PUBLIC_URL", public_url);
        let keys = match (self.value(TOKEN).is_some(), self.value(ARN).is_some()) {
            (false, false) => return (None, Vec::new()),
            (true, true) => {
                let find = "unset the one that is not meant";
                self.problem(ARN, format!("expected it or {TOKEN}, found both"), find);
                None
            }
            (true, false) => {
                self.optional(TOKEN, |text| BEARER.keys(&list(text)?)).map(|keys| (keys, None))
            }
            (false, true) => {
                self.optional(ARN, SecretArn::from_str).map(|arn| (Vec::new(), Some(arn)))
            }
        };
        let Some((keys, stored)) = keys else { return (None, Vec::new()) };
        let source = Arc::new(Source { name: NAME.to_owned(), scheme: &BEARER, keys });
        let client = Hook { source, stored, scope: Scope::default() };
        let strict = strict.unwrap_or_default();
        let warnings = [self.in_the_clear(), quoted(self, TOKEN)].into_iter().flatten().collect();
        (Some(Scim { client, strict, public_url }), warnings)
    }

    /// True if a token is set in either way, readable or not.
    pub(super) fn has_scim(&self) -> bool {
        self.value(TOKEN).is_some() || self.value(ARN).is_some()
    }

    /// The warning for a token among the variables of a Lambda function: whoever may read its
    /// configuration reads the token too.
    fn in_the_clear(&self) -> Option<SettingError> {
        self.value("AWS_LAMBDA_FUNCTION_NAME")?;
        self.value(TOKEN)?;
        Some(SettingError {
            problem: "expected a token out of everyone's sight, found it in the clear".to_owned(),
            find: "store it in Secrets Manager and name it by SCIM_TOKEN_SECRET_ARN",
            variable: TOKEN.to_owned(),
        })
    }
}

/// Checks `PUBLIC_URL`. It stands in front of every location, so nothing may be in it that would
/// end the path there.
fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let legal = |c: char| c.is_ascii_graphic() && !"?#\"<>\\".contains(c);
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(legal) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("expected a URL as in https://scim.example.com/connect, found something else"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_ends_where_a_path_can_be_put_behind() {
        for (text, expected) in [
            ("https://x.example", "https://x.example"),
            ("https://x.example/a/b/", "https://x.example/a/b"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ] {
            assert_eq!(public_url(text).unwrap(), expected);
        }
        for text in ["x.example", "https://", "ftp://x", "https:///a", "https://x?y", "https://a b"]
        {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
