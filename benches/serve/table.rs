//! What was measured, side by side.

/// Whose figures stand in a column.
pub(crate) const COLUMNS: [&str; 3] = ["this build", "baseline", "scimmy 1.3.5"];

/// One row: what was measured in each round, of each column that has it.
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    /// Whether less is better.
    is_cost: bool,
    values: [Vec<f64>; COLUMNS.len()],
}

impl Row {
    /// Of something of which less is better.
    pub(crate) fn cost(what: impl Into<String>, unit: &'static str) -> Self {
        Self { what: what.into(), unit, is_cost: true, values: Default::default() }
    }

    /// Of something of which more is better.
    pub(crate) fn rate(what: impl Into<String>, unit: &'static str) -> Self {
        Self { is_cost: false, ..Self::cost(what, unit) }
    }

    pub(crate) fn note(&mut self, column: usize, value: f64) {
        self.values[column].push(value);
    }

    /// The best of a column's rounds, and the one in the middle.
    fn summary(&self, column: usize) -> Option<(f64, f64)> {
        let mut values = self.values[column].clone();
        values.sort_by(f64::total_cmp);
        let best = if self.is_cost { values.first() } else { values.last() };
        Some((*best?, values[values.len() / 2]))
    }

    fn cell(&self, column: usize) -> String {
        let Some((best, median)) = self.summary(column) else { return "–".to_owned() };
        let digits = |value: f64| if value.abs() < 100.0 { 2 } else { 0 };
        let written = |value: f64| format!("{value:.*}", digits(value));
        match self.values[column].len() {
            1 => written(median),
            _ => format!("{} / {}", written(best), written(median)),
        }
    }

    /// Ours beside a column's, of the medians.
    fn ratio(&self, column: usize) -> String {
        let (Some((_, ours)), Some((_, theirs))) = (self.summary(0), self.summary(column)) else {
            return "–".to_owned();
        };
        format!("{:.3}", ours / theirs)
    }

    fn cells(&self) -> Vec<String> {
        let own = (0..COLUMNS.len()).map(|column| self.cell(column));
        let ratios = (1..COLUMNS.len()).map(|column| self.ratio(column));
        [self.what.clone(), self.unit.to_owned()].into_iter().chain(own).chain(ratios).collect()
    }
}

/// Writes all rows as one table of Markdown: best / median of each, and the ratio of the medians.
pub(crate) fn print(rows: &[Row]) {
    let ratios = COLUMNS.iter().skip(1).map(|name| format!("ours / {name}"));
    let own = COLUMNS.map(|name| format!("{name}, best / median"));
    let head = ["what", "unit"].map(str::to_owned).into_iter().chain(own).chain(ratios);
    let head: Vec<String> = head.collect();
    println!("| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.cells().join(" | "));
    }
}
