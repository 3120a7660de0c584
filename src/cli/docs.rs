//! `connect-provisioner docs`: generates the tables of the documentation from tables in the code.
//!
//! A generated table is between `<!-- table:NAME -->` and `<!-- /table -->`. Facts come from the
//! code of the function; texts that only the documentation needs are in the modules below. A row
//! without text, or a text without a row, is an error.

mod answers;
mod program;
mod senders;
mod settings;

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::say;

/// Which pages.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Change nothing; the exit status is 1 if a table is another than the program's
    #[arg(long)]
    check: bool,
    /// The folder that the pages are in
    #[arg(value_name = "DIR", default_value = "docs")]
    folder: PathBuf,
}

/// Writes the tables, or with `--check` lists those that differ.
///
/// # Errors
/// With `--check`, if a table differs; otherwise as for [`pages`].
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = arguments.folder.as_path();
    let pages = pages(folder)?;
    let differing: Vec<String> = pages.iter().flat_map(Page::differing).collect();
    if differing.is_empty() {
        return Ok(say("every table is the program's")?);
    }
    if arguments.check {
        let command = format!("connect-provisioner docs {}", folder.display());
        return Err(format!("{}\n`{command}` writes them", differing.join("\n")).into());
    }
    for page in pages.iter().filter(|page| !page.differs.is_empty()) {
        fs::write(&page.path, &page.text).map_err(told(&page.path))?;
        say(format!("{}: wrote {}", page.path.display(), page.differs.join(", ")))?;
    }
    Ok(())
}

/// A page with its generated tables.
#[derive(Debug)]
pub struct Page {
    /// The file.
    pub path: PathBuf,
    /// The whole text, with generated tables.
    pub text: String,
    /// The names of the tables that differ in the file.
    pub differs: Vec<&'static str>,
}

impl Page {
    /// One message per table that differs.
    pub fn differing(&self) -> impl Iterator<Item = String> {
        let path = self.path.display();
        self.differs
            .iter()
            .map(move |name| format!("{path}: the table {name} is not the program's"))
    }
}

/// All pages of a folder, with generated tables.
///
/// # Errors
/// If a page cannot be read, if its marks do not form known pairs, if a table is not on exactly one
/// page, or if a row has no text.
pub fn pages(folder: &Path) -> Result<Vec<Page>, String> {
    let entries = fs::read_dir(folder).map_err(told(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(told(folder))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let mut met = Vec::new();
    let mut page = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(told(&path))?;
        let wrong = |(line, wrong): (usize, String)| format!("{}:{line}: {wrong}", path.display());
        let (text, differs) = rewritten(&text, &mut met).map_err(wrong)?;
        Ok(Page { path, text, differs })
    };
    let pages = paths.into_iter().map(&mut page).collect::<Result<Vec<_>, String>>()?;
    match TABLES.iter().find(|(name, _)| !met.contains(name)) {
        None => Ok(pages),
        Some((name, _)) => Err(format!(
            "{}: expected a page with {START}{name}{END}, found none",
            folder.display()
        )),
    }
}

fn told<E: fmt::Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Generates one table.
type Make = fn() -> Result<Table, String>;

/// All generated tables, by the name in their mark.
static TABLES: &[(&str, Make)] = &[
    ("access", senders::access),
    ("answers", answers::answers),
    ("commands", program::commands),
    ("event-types", senders::event_types),
    ("faults", program::faults),
    ("metrics", program::metrics),
    ("okta-events", senders::okta),
    ("schemes", senders::schemes),
    ("scim-attributes", program::attributes),
    ("settings", settings::table),
    ("to-do", answers::to_do),
];

const START: &str = "<!-- table:";
const END: &str = " -->";
const CLOSE: &str = "<!-- /table -->";

/// The page with generated tables, and the names of those that differ; or the line number and text
/// of an error. Adds the tables found to `met`.
fn rewritten(
    page: &str,
    met: &mut Vec<&'static str>,
) -> Result<(String, Vec<&'static str>), (usize, String)> {
    let (mut text, mut differs) = (String::new(), Vec::new());
    // An unclosed table: its line, name, generated text and present text.
    let mut open: Option<(usize, &str, String, String)> = None;
    for (line, number) in page.split_inclusive('\n').zip(1..) {
        let mark = line.trim();
        let is_start = mark.starts_with("<!-- table");
        match open.take() {
            None if is_start => {
                let (name, make) = named(mark).map_err(|wrong| (number, wrong))?;
                if met.contains(&name) {
                    return Err((
                        number,
                        format!("expected the table {name} once, found it again"),
                    ));
                }
                met.push(name);
                let table = make().map_err(|wrong| (number, wrong))?;
                text.push_str(line);
                open = Some((number, name, format!("\n{table}\n"), String::new()));
            }
            None if mark.starts_with("<!-- /table") => {
                return Err((number, format!("found {mark} without {START}NAME{END} before it")));
            }
            None => text.push_str(line),
            Some((_, name, table, found)) if mark == CLOSE => {
                if found != table {
                    differs.push(name);
                }
                text.push_str(&table);
                text.push_str(line);
            }
            Some((start, name, ..)) if is_start => return Err((start, unclosed(name))),
            Some((start, name, table, found)) => open = Some((start, name, table, found + line)),
        }
    }
    match open {
        Some((start, name, ..)) => Err((start, unclosed(name))),
        None => Ok((text, differs)),
    }
}

fn named(mark: &str) -> Result<(&'static str, Make), String> {
    let name = mark.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    let table = name.and_then(|name| TABLES.iter().find(|(known, _)| *known == name));
    table.copied().ok_or_else(|| {
        let known: Vec<_> = TABLES.iter().map(|(name, _)| *name).collect();
        format!("expected {START}NAME{END} with one of {}, found {mark}", known.join(", "))
    })
}

fn unclosed(name: &str) -> String {
    format!("expected {CLOSE} behind the table {name}, found none")
}

/// A Markdown table.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Self {
        let rows = rows.into_iter().map(|row| row.to_vec()).collect();
        Self { head: head.map(str::to_owned).to_vec(), rows }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(to, &self.head)?;
        writeln!(to, "|{}", "---|".repeat(self.head.len()))?;
        self.rows.iter().try_for_each(|row| write_row(to, row))
    }
}

fn write_row(to: &mut fmt::Formatter<'_>, cells: &[String]) -> fmt::Result {
    for cell in cells {
        let space = if cell.is_empty() { "" } else { " " };
        write!(to, "|{space}{} ", cell.replace('|', "\\|"))?;
    }
    writeln!(to, "|")
}

/// A word as inline code; empty stays empty.
fn code(word: &str) -> String {
    if word.is_empty() { String::new() } else { format!("`{word}`") }
}

/// The text for each name, in the order of the names.
///
/// # Errors
/// If a name has no text, or a text has no name.
fn words_of<'a>(
    names: &[&'a str],
    words: &[(&str, &str)],
) -> Result<Vec<(&'a str, String)>, String> {
    if let Some((name, _)) = words.iter().find(|(name, _)| !names.contains(name)) {
        return Err(format!("src/cli/docs: there are words for {name}, which is no row any more"));
    }
    let said = |name: &&'a str| {
        let own = words.iter().find(|(known, _)| known == name);
        let own = own.map(|(_, words)| (*name, (*words).to_owned()));
        own.ok_or_else(|| format!("src/cli/docs: the row {name} has no words"))
    };
    names.iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Result<(String, Vec<&'static str>), (usize, String)> {
        rewritten(page, &mut Vec::new())
    }

    #[test]
    fn what_stands_between_marks_becomes_the_programs() {
        let page = "before\n<!-- table:faults -->\nold\n<!-- /table -->\nbehind";
        let (text, differs) = read(page).unwrap();
        assert_eq!(differs, ["faults"]);
        let table = program::faults().unwrap();
        let expected = format!("before\n{START}faults{END}\n\n{table}\n{CLOSE}\nbehind");
        assert_eq!(text, expected);
        assert_eq!(read(&text), Ok((expected, Vec::new())));
    }

    #[test]
    fn marks_that_are_no_pairs_are_told_with_their_line() {
        for (page, line, hint) in [
            ("\n<!-- table:unknown -->\n<!-- /table -->", 2, "with one of access, answers, "),
            ("<!-- table: faults -->\n<!-- /table -->", 1, "found <!-- table: faults -->"),
            ("<!-- table:faults -->\n|", 1, "behind the table faults, found none"),
            (
                "<!-- table:faults -->\n<!-- table:answers -->\n<!-- /table -->",
                1,
                "behind the table faults",
            ),
            ("\n\n<!-- /table -->", 3, "without <!-- table:NAME --> before it"),
            ("<!-- table:faults -->\n<!-- /tabel -->", 1, "behind the table faults"),
            (
                "<!-- table:faults -->\n<!-- /table -->\n<!-- table:faults -->\n<!-- /table -->",
                3,
                "found it again",
            ),
        ] {
            let (found, wrong) = read(page).unwrap_err();
            assert!(found == line && wrong.contains(hint), "{page}: {found}: {wrong}");
        }
    }

    #[test]
    fn a_row_without_words_and_words_without_a_row_are_told() {
        let words = &[("a", "one"), ("b", "two")];
        assert_eq!(words_of(&["b", "a"], words).unwrap()[0], ("b", "two".to_owned()));
        assert!(words_of(&["a", "b", "c"], words).unwrap_err().contains("the row c has no words"));
        assert!(words_of(&["a"], words).unwrap_err().contains("words for b"));
    }

    #[test]
    fn a_cell_is_one_cell() {
        let table = Table::new(["x", "y"], [["a|b".to_owned(), String::new()]]);
        assert_eq!(table.to_string(), "| x | y |\n|---|---|\n| a\\|b | |\n");
    }
}
