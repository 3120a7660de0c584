//! What the papers say is what the code does.

use connect_provisioner::assign::owner::Owner;
use connect_provisioner::assign::text::Username;
use connect_provisioner::config::hooks::HOOK_SETTINGS;
use connect_provisioner::config::settings;
use connect_provisioner::connect::{Applied, UserIds};
use connect_provisioner::fault::{Fault, Kind};
use connect_provisioner::outcome::{Outcome, Row};
use connect_provisioner::scim::CONNECT_SCHEMA;
use connect_provisioner::scim::schema::{Limits, ResourceType, Type};
use connect_provisioner::trust::scheme::SCHEMES;

fn paper(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What stands between a table's two marks in a paper.
fn table(name: &str, mark: &str) -> String {
    let text = paper(name);
    let start = format!("<!-- table:{mark} -->");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{name} has no {start}"));
    let (table, _) = rest.split_once("<!-- /table -->").unwrap();
    table.to_owned()
}

const SETTINGS: (&str, &str) = ("docs/settings.md", "settings");
const SIGNATURES: (&str, &str) = ("docs/sign.md", "schemes");
const ANSWERS: (&str, &str) = ("docs/answers.md", "answers");

/// The cells of the row of a table whose given cell is this.
fn row((name, mark): (&str, &str), column: usize, cell: &str) -> Vec<String> {
    let table = table(name, mark);
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let mut cells =
        rows.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells
        .find(|cells| cells.get(column).is_some_and(|own| own == cell))
        .unwrap_or_else(|| panic!("{name} has no row for {cell}"))
}

#[test]
fn every_setting_is_told_with_its_default() {
    for setting in settings() {
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let cells = row(SETTINGS, 1, &format!("`{}`", setting.name));
        assert_eq!(cells[2], default, "{}", setting.name);
    }
    for scheme in SCHEMES {
        row(SIGNATURES, 1, &format!("`{}`", scheme.name));
    }
    for (setting, _) in HOOK_SETTINGS {
        row(SETTINGS, 1, &format!("`HOOK_<SOURCE>_{setting}`"));
    }
}

#[test]
fn every_fault_is_told_with_its_status_and_turn() {
    for kind in Kind::ALL {
        let cells = row(ANSWERS, 2, &format!("`{}`", kind.code()));
        let answer = Row::of(kind);
        assert_eq!(cells[1], answer.status.to_string(), "{kind:?}");
        assert_eq!(cells[4], kind.turn().name(), "{kind:?}");
        let retry_after = answer.retry_after.map(|seconds| format!("`Retry-After: {seconds}`"));
        assert!(retry_after.is_none_or(|header| cells[3].contains(&header)), "{kind:?}");
    }
}

#[test]
fn every_outcome_is_told_with_its_status() {
    let username = Username::read("unused", 2..=64).unwrap();
    let owner = || Owner::of("demo", None, &username);
    let ids = || UserIds { id: "id".to_owned(), arn: "arn".to_owned() };
    let applied = [
        Applied::Adopted(ids()),
        Applied::AlreadyOurs(ids()),
        Applied::Created(ids()),
        Applied::NoUser,
        Applied::Removed,
        Applied::Suspended(ids()),
        Applied::Unchanged(ids()),
        Applied::Updated(ids()),
    ];
    let others = [
        Outcome::Confirmed("challenge".to_owned()),
        Outcome::Ignored("reason"),
        Outcome::LeaverIgnored,
        Outcome::Parked(Fault::new(Kind::Missing, "why"), owner()),
        Outcome::Pending(owner(), None),
    ];
    let applied = applied.into_iter().map(|applied| Outcome::Applied(applied, owner()));
    for outcome in applied.chain(others) {
        let cells = row(ANSWERS, 2, &format!("`{}`", outcome.name()));
        assert_eq!(cells[1], outcome.response().status.to_string(), "{outcome:?}");
    }
}

#[test]
fn every_attribute_of_our_extension_is_told() {
    let one = || vec!["one".to_owned()];
    let limits = Limits {
        routing_profiles: one(),
        security_profiles: one(),
        hierarchy_groups: one(),
        directory: true,
    };
    let user = ResourceType::user(&limits);
    let extension = user.extension(CONNECT_SCHEMA).unwrap();
    let told = extension.attributes.iter().flat_map(|attribute| match &attribute.kind {
        Type::Complex(parts) => {
            parts.iter().map(|part| format!("{}.{}", attribute.name, part.name)).collect()
        }
        _ => vec![attribute.name.to_owned()],
    });
    let table = table("docs/scim.md", "scim-attributes");
    let table: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    for name in told {
        let names = |line: &&str| line.split('|').nth(1).unwrap().contains(&format!("`{name}`"));
        assert_eq!(table.iter().filter(|line| names(line)).count(), 1, "{name}");
    }
}

#[test]
fn every_event_type_of_oktas_is_told() {
    let told = table("docs/okta.md", "okta-events");
    let rows = paper("src/event/okta.rs");
    let types = rows.split("Row::new(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let types: Vec<_> = types.collect();
    assert!(types.len() > 15, "they are still found like this");
    for event_type in types {
        assert!(told.contains(&format!("`{event_type}`")), "{event_type}");
    }
}

#[test]
fn every_room_is_on_the_map_and_every_test_named_there_exists() {
    let map = paper("ARCHITECTURE.md");
    for line in paper("src/lib.rs").lines() {
        let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';'))
        else {
            continue;
        };
        assert!(map.contains(&format!("src/{module}.rs")) || module == "connect", "{module}");
    }
    for line in paper("src/connect.rs").lines() {
        let module = line.trim_start_matches("pub ").strip_prefix("mod ");
        let Some(module) = module.and_then(|rest| rest.strip_suffix(';')) else { continue };
        assert!(map.contains(&format!("{module}.rs`")), "connect/{module}");
    }
    for room in ["roster", "reconcile"] {
        for file in sources(&format!("src/{room}")) {
            let name = file.rsplit('/').next().unwrap();
            assert!(name == "tests.rs" || map.contains(&format!("{name}`")), "{file}");
        }
    }
    let told = ["src", "tests/it", "tests/outside"].map(sources).concat();
    let told = told.iter().map(|file| paper(file)).collect::<String>();
    // The names of crates may look like those of tests.
    let named = map.split("## Dependencies").next().unwrap().to_owned() + &paper("docs/cuts.md");
    let tests: Vec<_> = named.split('`').filter(|word| is_sentence(word)).collect();
    assert!(tests.len() > 20, "they are still found like this");
    for test in tests {
        let is_there =
            [format!("fn {test}("), format!("def {test}(")].iter().any(|it| told.contains(it));
        assert!(is_there, "{test}");
    }
}

/// Whether a word is a test's name.
fn is_sentence(word: &str) -> bool {
    word.matches('_').count() > 2
        && word
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Every file of Rust or Python below a folder.
fn sources(folder: &str) -> Vec<String> {
    let path = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
    let below = entries.map(|entry| {
        let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => sources(&name),
            false if name.ends_with(".rs") || name.ends_with(".py") => vec![name],
            false => Vec::new(),
        }
    });
    below.flatten().collect()
}
