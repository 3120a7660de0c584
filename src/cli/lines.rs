//! Log lines of `serve` on standard error, with timestamps.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_connect::primitives::{DateTime, DateTimeFormat};

use super::now;

/// Writes a line of JSON with the time as its first member. Write errors are ignored: serving goes
/// on without a reader.
pub(super) fn log(line: &str) {
    let _unread = io::stderr().lock().write_all(stamped(line, now()).as_bytes());
}

fn stamped(line: &str, at: SystemTime) -> String {
    match line.strip_prefix('{') {
        Some(members) => format!("{{\"time\":\"{}\",{members}\n", text(at)),
        None => format!("{line}\n"),
    }
}

/// A time in RFC 3339, UTC, with milliseconds.
pub(super) fn text(time: SystemTime) -> String {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = since_1970.subsec_millis();
    let seconds = UNIX_EPOCH.checked_add(Duration::from_secs(since_1970.as_secs())).unwrap_or(time);
    let text = DateTime::from(seconds).fmt(DateTimeFormat::DateTime).unwrap_or_default();
    format!("{}.{millis:03}Z", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        let at = |millis: u64| UNIX_EPOCH + Duration::from_millis(1_795_000_000_000 + millis);
        for (millis, told) in [(0, "000"), (7, "007"), (120, "120"), (999, "999")] {
            assert_eq!(
                stamped(r#"{"level":"INFO"}"#, at(millis)),
                format!("{{\"time\":\"2026-11-18T11:06:40.{told}Z\",\"level\":\"INFO\"}}\n")
            );
        }
        assert_eq!(stamped("no JSON", at(0)), "no JSON\n");
    }
}
