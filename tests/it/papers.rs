//! What the papers say is what the code does.

use std::path::Path;

use connect_provisioner::cli::docs::{Page, pages};

fn paper(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// `connect-provisioner docs` writes those that differ.
#[test]
fn every_table_is_the_programs() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let pages = pages(Path::new(folder)).unwrap();
    let differing: Vec<_> = pages.iter().flat_map(Page::differing).collect();
    assert!(differing.is_empty(), "{differing:#?}; `cargo run -- docs` writes them");
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
