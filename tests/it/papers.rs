//! What the papers say is what the code does.

use connect_provisioner::config::settings;
use connect_provisioner::config::hooks::HOOK_SETTINGS;
use connect_provisioner::fault::Kind;
use connect_provisioner::outcome::Row;
use connect_provisioner::trust::scheme::SCHEMES;

fn paper(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The cells of the table row in the README whose given cell is this.
fn row(column: usize, cell: &str) -> Vec<String> {
    let readme = paper("README.md");
    let rows = readme.lines().filter(|line| line.starts_with('|'));
    let mut cells =
        rows.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells
        .find(|cells| cells.get(column).is_some_and(|own| own == cell))
        .unwrap_or_else(|| panic!("the README has no row for {cell}"))
}

#[test]
fn every_setting_is_in_the_readme_with_its_default() {
    for setting in settings() {
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        assert_eq!(row(1, &format!("`{}`", setting.name))[2], default, "{}", setting.name);
    }
    for scheme in SCHEMES {
        row(1, &format!("`{}`", scheme.name));
    }
    for (setting, _) in HOOK_SETTINGS {
        row(1, &format!("`HOOK_<SOURCE>_{setting}`"));
    }
}

#[test]
fn every_fault_is_in_the_readme_with_its_status_and_turn() {
    for kind in Kind::ALL {
        let cells = row(2, &format!("`{}`", kind.code()));
        let answer = Row::of(kind);
        assert_eq!(cells[1], answer.status.to_string(), "{kind:?}");
        assert_eq!(cells[4], kind.turn().name(), "{kind:?}");
        let retry_after = answer.retry_after.map(|seconds| format!("`Retry-After: {seconds}`"));
        assert!(retry_after.is_none_or(|header| cells[3].contains(&header)), "{kind:?}");
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
    let files = ["answers", "journey", "members", "okta", "recovery", "secrets"];
    let tests_told = files.map(|file| paper(&format!("tests/it/{file}.rs"))).concat();
    let promises =
        map.split("## What always holds").nth(1).unwrap().split("## Choices").next().unwrap();
    let tests = promises.split('`').filter(|word| word.matches('_').count() > 2);
    for test in tests.filter(|word| !word.contains(['<', '/', '.'])) {
        assert!(tests_told.contains(&format!("fn {test}()")), "{test}");
    }
}
