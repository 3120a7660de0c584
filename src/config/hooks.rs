//! `HOOK_<SOURCE>_<SETTING>` → the sources and their keys.

use std::collections::BTreeSet;

use super::lists::list;
use super::{Problem, Reader};
use crate::secret::Key;
use crate::trust::scheme::{SCHEMES, Scheme};
use crate::trust::{MAX_KEYS, Source};

/// The settings of a source, and where their values are found.
pub static HOOK_SETTINGS: &[(&str, &str)] = &[
    ("SCHEME", "the README's table of schemes: how this sender proves itself"),
    (
        "SECRET",
        "the sender's settings, where it shows its secret; several, separated by commas, while \
         it is rotated",
    ),
];

/// Reads every source. A variable that starts with `HOOK_` and is none of ours is a typo, and a
/// typo here would silently leave a door closed, so it is a problem.
pub(super) fn read(reader: &mut Reader<'_>) -> (Vec<Source>, Vec<Problem>) {
    let set = |name: &&String| name.starts_with("HOOK_") && reader.value(name).is_some();
    let names: Vec<String> = reader.environment.keys().filter(set).cloned().collect();
    let mut sources = BTreeSet::new();
    for name in &names {
        match source_of(name) {
            Some(source) => drop(sources.insert(source)),
            None => reader.problem(
                name,
                "expected HOOK_<SOURCE>_SCHEME or HOOK_<SOURCE>_SECRET with a source of A-Z 0-9 \
                 _, found another name"
                    .to_owned(),
                "the README's table of settings",
            ),
        }
    }
    if sources.is_empty() {
        reader.problem(
            "HOOK_<SOURCE>_SCHEME",
            "expected at least one source, found none, so nobody could speak".to_owned(),
            "choose a name for the sender, such as OKTA: its events then go to /hooks/okta",
        );
    }
    let warnings = sources.iter().filter_map(|source| warning(reader, source)).collect();
    let sources = sources.iter().filter_map(|source| read_source(reader, source)).collect();
    (sources, warnings)
}

fn source_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("HOOK_")?;
    let source = HOOK_SETTINGS.iter().find_map(|(setting, _)| {
        rest.strip_suffix(setting).and_then(|source| source.strip_suffix('_'))
    })?;
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (!source.is_empty() && source.chars().all(legal)).then_some(source)
}

fn read_source(reader: &mut Reader<'_>, source: &str) -> Option<Source> {
    let variable = |setting: &str| format!("HOOK_{source}_{setting}");
    let scheme = reader.required(&variable("SCHEME"), |text| {
        Scheme::named(text).ok_or_else(|| {
            let names: Vec<_> = SCHEMES.iter().map(|scheme| scheme.name).collect();
            format!("expected one of {}, found something else", names.join(", "))
        })
    });
    // Without its scheme a key cannot be judged, but that it is missing can.
    let keys = reader.required(&variable("SECRET"), |text| match scheme {
        Some(scheme) => keys(scheme, text),
        None => Ok(Vec::new()),
    });
    Some(Source { name: source.to_ascii_lowercase(), scheme: scheme?, keys: keys? })
}

fn keys(scheme: &Scheme, text: &str) -> Result<Vec<Key>, String> {
    let texts = list(text)?;
    if !(1..=MAX_KEYS).contains(&texts.len()) {
        return Err(format!("expected 1 to {MAX_KEYS} keys, found {}", texts.len()));
    }
    let key = |(number, text): (usize, &String)| {
        scheme.key(text).map_err(|unusable| format!("key {}: {unusable}", number.saturating_add(1)))
    };
    texts.iter().enumerate().map(key).collect()
}

/// In the clear is fine on a desk. In Lambda, whoever may read the function's configuration reads
/// the key too.
fn warning(reader: &Reader<'_>, source: &str) -> Option<Problem> {
    let variable = format!("HOOK_{source}_SECRET");
    reader.value("AWS_LAMBDA_FUNCTION_NAME")?;
    reader.value(&variable)?;
    Some(Problem {
        variable,
        problem: "expected a key out of everyone's sight, found it in the clear".to_owned(),
        find: "keep the function's environment variables from those who must not sign",
    })
}
