//! Durations as people write them: `500ms`, `90s`, `10m`, `1h30m`, `2d`.

/// Reads a duration in milliseconds; the error says why it cannot be read.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a duration cannot be empty".to_owned());
    }
    let mut total: u64 = 0;
    let mut smallest = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| format!("`{text}` is not a duration"))?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => return Err(format!("`{text}` has no unit")),
            other => return Err(format!("`{other}` is not a unit of time")),
        };
        if unit >= smallest {
            return Err(format!("the units of `{text}` do not go from large to small"));
        }
        smallest = unit;
        total = number
            .checked_mul(unit)
            .and_then(|n| total.checked_add(n))
            .filter(|t| *t <= MOST)
            .ok_or_else(|| format!("`{text}` is longer than ten years"))?;
        rest = &rest[letters..];
    }
    Ok(total)
}

/// Ten years: anything longer is a mistake, and sums with the present stay far from overflowing.
const MOST: u64 = 3650 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations() {
        for (text, millis) in [("500ms", 500), ("90s", 90_000), ("10m", 600_000), ("1h30m", 5_400_000), ("0s", 0)] {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
        for bad in ["", "10", "m", "10x", "30m1h", "1m1m", "-1s", "1.5h", "99999999999999999999s", "9999999d", "١s"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
