//! RFC 3339 text, or a number since 1970 → time.

use std::time::{Duration, SystemTime};

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;

/// Reads `2026-11-22T08:15:00Z`, with fractions of a second and offsets (RFC 3339 §5.6). What is
/// finer than a millisecond is dropped. `None` for anything else, and for times before 1970.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    // The library takes any separator, as RFC 3339 lets an application; SCIM has this one alone
    // (RFC 7643 §2.3.5).
    text.as_bytes().get("2026-11-22".len()).filter(|byte| byte.eq_ignore_ascii_case(&b'T'))?;
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let milliseconds = time.unix_timestamp_nanos().div_euclid(1_000_000);
    since_1970(u64::try_from(milliseconds).ok()?)
}

/// Reads a number of seconds since 1970, with or without a fraction, or of milliseconds: which of them
/// it is, the size tells for all times from 2001 to 2286. `None` for any other number.
pub(crate) fn of_number(number: f64) -> Option<SystemTime> {
    let seconds = match number {
        seconds if (1e9..1e10).contains(&seconds) => seconds,
        milliseconds if (1e12..1e13).contains(&milliseconds) => milliseconds / 1000.0,
        _ => return None,
    };
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    since_1970(u64::try_from(time.as_millis()).ok()?)
}

fn since_1970(milliseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_since_1970(text: &str) -> Option<Duration> {
        read(text).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap())
    }

    fn seconds(text: &str) -> Option<u64> {
        read_since_1970(text).map(|time| time.as_secs())
    }

    #[test]
    fn a_fraction_is_read_to_the_millisecond() {
        for (fraction, milliseconds) in [("5", 500), ("05", 50), ("123", 123), ("1239999", 123)] {
            let time = read_since_1970(&format!("1970-01-01T00:00:01.{fraction}Z"));
            assert_eq!(time, Some(Duration::from_millis(1000 + milliseconds)), "{fraction}");
        }
    }

    #[test]
    fn a_time_is_read_with_its_fraction_and_offset() {
        // date -u -d TEXT +%s
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-02T08:15:00Z", 1_793_607_300),
            ("2026-11-02T08:15:00.123456Z", 1_793_607_300),
            ("2026-11-02T10:15:00+02:00", 1_793_607_300),
            ("2026-11-02T02:45:00-05:30", 1_793_607_300),
            ("2024-02-29T23:59:59z", 1_709_251_199),
            ("2000-02-29t00:00:00Z", 951_782_400),
            // The last second of 2016 was a leap second; it counts as the one before.
            ("2016-12-31T23:59:60Z", 1_483_228_799),
            ("2017-01-01T01:59:60+02:00", 1_483_228_799),
            ("9999-12-31T23:59:59-23:59", 253_402_387_139),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_number_is_seconds_or_milliseconds_by_its_size() {
        let at =
            |milliseconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds));
        for (number, milliseconds) in [
            (1_793_607_300.0, 1_793_607_300_000),
            (1_793_607_300.25, 1_793_607_300_250),
            (1_793_607_300_250.0, 1_793_607_300_250),
        ] {
            assert_eq!(of_number(number), at(milliseconds), "{number}");
        }
        for number in [0.0, -1_793_607_300.0, 20_261_127.0, 1e11, 1e15, f64::NAN, f64::INFINITY] {
            assert_eq!(of_number(number), None, "{number}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "2026-11-02",
            "2026-11-02T08:15:00",
            "2026-11-02T08:15Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-11-02T24:00:00Z",
            "2026-11-02T08:60:00Z",
            "2026-11-02T08:15:00+0200",
            "2026-11-02T08:15:00.Z",
            "2026-11-02T08:15:60Z",
            "2026-11-02T08:15:61Z",
            "2026-11-02T08:15:00+02:60",
            "2026-11-02T08:15:00Z ",
            "2026-11-02é08:15:00Z",
            "1969-12-31T23:59:59.9999999Z",
            "1970-01-01T00:00:00+00:01",
            "0000-01-01T00:00:00+23:59",
            "10000-01-01T00:00:00Z",
            "2026-11-02 08:15:00Z",
            "1969-12-31T23:59:59Z",
            "+026-11-02T08:15:00Z",
            "1793607300",
            "2026-11-02T08:15:00+24:00",
            "é",
            "T+",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    /// A time at a clock that is so many minutes ahead, if that has a year of four digits.
    fn at_offset(time: Duration, minutes: i64) -> Option<String> {
        let ahead = minutes.checked_mul(60)?;
        let there = i64::try_from(time.as_secs()).ok()?.checked_add(ahead)?;
        let there = OffsetDateTime::from_unix_timestamp(there).ok()?;
        let (hour, minute, second) = there.to_hms();
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
        let (date, thousandth) = (there.date(), time.subsec_millis());
        Some(format!(
            "{date}T{hour:02}:{minute:02}:{second:02}.{thousandth:03}{sign}{hours:02}:{minutes:02}"
        ))
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_none(
            text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.Zz+é-]{0,30}|.*"
        ) {
            let _ = read(&text);
        }

        #[test]
        fn a_time_is_the_same_at_any_offset(
            milliseconds in 86_400_000..253_402_300_800_000_u64, minutes in -1439..=1439_i64
        ) {
            let time = Duration::from_millis(milliseconds);
            if let Some(text) = at_offset(time, minutes) {
                prop_assert_eq!(read_since_1970(&text), Some(time), "{}", text);
            }
        }
    }
}
