//! Lengths of time as pipelines write them: `90s`, `24h`, `1d12h`.

/// A year, which is the longest that a host waits.
const LONGEST: u64 = 31_536_000;

/// Seconds of a text like `24h` or `1h30m`: whole numbers, each with one of `s m h d w`.
///
/// # Errors
/// In words, where it is no such text, is zero, or longer than a year.
pub fn seconds(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no duration: write whole numbers with s, m, h, d or w, like `24h` or `1d12h`");
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = match rest.as_bytes().get(digits) {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'w') => 604_800,
            _ => return Err(wrong()),
        };
        total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    match u32::try_from(total) {
        Ok(0) => Err(wrong()),
        Ok(seconds) if total <= LONGEST => Ok(seconds),
        _ => Err(format!("`{text}` is longer than a year")),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations() {
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("1d12h"), Ok(129_600));
        assert_eq!(seconds("52w"), Ok(31_449_600));
        for wrong in ["", "0s", "h", "10", "1.5h", "1y", "-1h", "1 h", "366d", "99999999999999999999s", "1hä"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
