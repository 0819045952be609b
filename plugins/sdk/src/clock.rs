//! Time, through the host, so that a replay sees the same. Needs no grant.

use crate::Error;
use crate::bindings::tidegate::plugin::clock as wire;

pub use wire::elapsed;

/// Milliseconds since 1970-01-01 in UTC.
///
/// # Errors
/// `bug` where the host's answer is no timestamp.
pub fn now() -> Result<u64, Error> {
    let text = wire::now();
    milliseconds(&text).ok_or_else(|| Error::internal(format!("the host's clock answered `{text}`")))
}

/// The form of the interface, and no other: `2026-11-23T12:57:02.000Z`.
fn milliseconds(text: &str) -> Option<u64> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if text.len() != 24 || marks.iter().any(|&(at, mark)| text.as_bytes()[at] != mark) {
        return None;
    }
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    let (hour, minute, second, thousandth) = (part(11..13)?, part(14..16)?, part(17..19)?, part(20..23)?);
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // Days of the proleptic Gregorian calendar, with the year beginning in March so that a leap day is its last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let seconds = ((days - 719_468) * 24 + hour) * 3600 + minute * 60 + second;
    Some(seconds * 1000 + thousandth)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn timestamps_are_counted_from_1970() {
        assert_eq!(milliseconds("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(milliseconds("2000-02-29T12:00:00.500Z"), Some(951_825_600_500));
        assert_eq!(milliseconds("2026-11-23T12:57:02.000Z"), Some(1_795_438_622_000));
        assert_eq!(milliseconds("1970-01-01T00:00:00Z"), None);
        assert_eq!(milliseconds("1970-01-00T00:00:00.000Z"), None);
    }
}
