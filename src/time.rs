//! RFC 3339 text, or a number since 1970 → time.

use std::time::{Duration, SystemTime};

/// Reads `2026-11-22T08:15:00Z`, with fractions of a second and offsets (RFC 3339 §5.6). What is
/// finer than a millisecond is dropped. `None` for anything else, and for times before 1970.
pub(crate) fn read(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let fraction_fits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && fraction_fits;
    let days = days_since_1970(year, month, day).filter(|_| fits)?;
    let seconds = days
        .checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?)?
        .checked_add(second)?
        .checked_sub(offset(zone)?)?;
    let since_1970 = Duration::from_secs(u64::try_from(seconds).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since_1970)?.checked_add(milliseconds(fraction))
}

/// Reads a number of seconds since 1970, with or without a fraction, or of milliseconds: which of them
/// it is, the size tells for all times from 2001 to 2286. `None` for any other number.
pub(crate) fn of_number(number: f64) -> Option<SystemTime> {
    let seconds = match number {
        seconds if (1e9..1e10).contains(&seconds) => seconds,
        milliseconds if (1e12..1e13).contains(&milliseconds) => milliseconds / 1000.0,
        _ => return None,
    };
    let since_1970 = Duration::try_from_secs_f64(seconds).ok()?;
    let milliseconds = u64::try_from(since_1970.as_millis()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

/// The first three digits of a fraction of a second.
fn milliseconds(fraction: &str) -> Duration {
    let digits = fraction.bytes().chain(*b"00").take(3);
    let thousandths = digits.fold(0_u64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))
    });
    Duration::from_millis(thousandths)
}

/// Seconds by which a zone's clock is ahead.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, clock) = match zone.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        (_, clock) => (-1, clock),
    };
    let [hours, minutes] = numbers(clock, ':', [2, 2])?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_mul(sign)
}

/// Numbers of fixed widths between separators.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let fit = parts.len() == N
        && parts.iter().zip(widths).all(|(part, width)| {
            part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit())
        });
    let numbers = parts.iter().map(|part| part.parse().ok()).collect::<Option<Vec<i64>>>();
    numbers.filter(|_| fit)?.try_into().ok()
}

/// Days from 1 January 1970 to a day of the Gregorian calendar; `None` if there is no such day.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months_before = usize::try_from(month.checked_sub(1)?).ok()?;
    if day > *lengths.get(months_before)? {
        return None;
    }
    let before = year.checked_sub(1)?;
    let leaps = (before / 4).checked_sub(before / 100)?.checked_add(before / 400)?;
    let days_before_the_year = before.checked_mul(365)?.checked_add(leaps)?;
    let days_of_the_year: i64 = lengths.iter().take(months_before).sum();
    days_before_the_year.checked_add(days_of_the_year)?.checked_add(day)?.checked_sub(719_163)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since_1970(text: &str) -> Option<Duration> {
        read(text).map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap())
    }

    fn seconds(text: &str) -> Option<u64> {
        since_1970(text).map(|time| time.as_secs())
    }

    #[test]
    fn a_fraction_is_read_to_the_millisecond() {
        for (fraction, milliseconds) in [("5", 500), ("05", 50), ("123", 123), ("1239999", 123)] {
            let time = since_1970(&format!("1970-01-01T00:00:01.{fraction}Z"));
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
}
