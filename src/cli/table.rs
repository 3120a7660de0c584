//! Prints rows: aligned and coloured at a terminal, separated by tabs otherwise.

use std::io::{self, IsTerminal as _, Write};

use crate::config::Environment;

/// The colour of a row, by its severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Success.
    Good,
    /// Neutral.
    Plain,
    /// Works, but needs attention.
    Warning,
    /// Does not work.
    Bad,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "\u{1b}[32m",
            Self::Plain => "",
            Self::Warning => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
        }
    }
}

/// Rows of cells; the tone colours the first cell.
#[derive(Clone, Debug, Default)]
pub struct Table(Vec<(Tone, Vec<String>)>);

impl Table {
    /// Adds a row.
    pub fn row<const N: usize>(&mut self, tone: Tone, cells: [&str; N]) {
        self.0.push((tone, cells.map(str::to_owned).to_vec()));
    }

    /// True without rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the table to standard output.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&self, environment: &Environment) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !out.is_terminal() {
            let lines = self.0.iter().map(|(_, cells)| cells.join("\t"));
            return out.write_all((lines.collect::<Vec<_>>().join("\n") + "\n").as_bytes());
        }
        let is_coloured = environment.get("NO_COLOR").is_none_or(String::is_empty);
        for (tone, cells) in &self.0 {
            let line: String = cells
                .iter()
                .enumerate()
                .map(|(column, cell)| {
                    let is_last = column.saturating_add(1) == cells.len();
                    let cell = if is_last { cell.clone() } else { self.pad(column, cell) };
                    let is_toned = column == 0 && is_coloured && *tone != Tone::Plain;
                    if is_toned { format!("{}{cell}\u{1b}[0m", tone.code()) } else { cell }
                })
                .collect();
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// The cell, padded to the width of its column plus two blanks.
    fn pad(&self, column: usize, cell: &str) -> String {
        let cells = self.0.iter().filter_map(|(_, cells)| cells.get(column));
        let width = cells.map(|cell| cell.chars().count()).max().unwrap_or_default();
        format!("{cell:<width$}  ")
    }
}
