//! The table of docs/access.md: what each event does to the reasons for which somebody works.

use connect_provisioner::roster::record::Access;

/// One row.
pub(crate) struct Row {
    /// The event, and what it says.
    pub(crate) event: &'static str,
    lifecycle: &'static str,
    reasons: &'static str,
}

/// The rows of this sender.
pub(crate) fn rows(sender: &str) -> Vec<Row> {
    let paper = include_str!("../../../docs/access.md");
    let start = format!("| {sender} |");
    let rows = paper.lines().filter(|line| line.starts_with(&start));
    let read = |row: &'static str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, event, lifecycle, reasons] = cells[..] else { panic!("{row}") };
        Row { event, lifecycle, reasons }
    };
    rows.map(read).collect()
}

impl Row {
    /// Checks what became of somebody who worked, or who was shut out and taken out of everything.
    #[track_caller]
    pub(crate) fn check(&self, before: &Access, after: &Access, works: bool) {
        let named = |access: &Access| format!("{:?}", access.lifecycle).to_lowercase();
        let expected = match self.lifecycle {
            "" => named(before),
            "removed, if no reason is left" if works => named(before),
            told => told.split(',').next().unwrap().to_owned(),
        };
        assert_eq!(named(after), expected, "{} {works}", self.event);
        let given = |access: &Access, start: &str| {
            access.reasons.iter().any(|(reason, given)| {
                String::from(reason.clone()).starts_with(start) && !given.withdrawn
            })
        };
        for start in ["activated", "app:", "group:"] {
            let is_meant = self.reasons.contains(&format!("`{start}"));
            let expected = match self.reasons.split(' ').next() {
                Some("gives") if is_meant => true,
                Some("withdraws") if is_meant => false,
                _ => given(before, start),
            };
            assert_eq!(given(after, start), expected, "{} {works} {start}", self.event);
        }
    }
}
