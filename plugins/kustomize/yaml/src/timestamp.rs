//! Points in time that a YAML file writes without quotes, which kustomize prints as RFC 3339 text.

/// The RFC 3339 text of a date or a time that go-yaml takes for one, nothing for other text.
///
/// Taken are `2001-12-14`, `2001-12-14 21:59:43.1` and `2001-12-14T21:59:43.1+01:00` (or `t`, or `Z`), each with short
/// months, days, hours, minutes and seconds.
pub fn normal(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let mut rest = Rest { text: &text[5..] };
    let year = text[..4].parse().ok()?;
    let month = rest.number(12)?;
    rest.expect("-")?;
    let day = rest.number(31)?;
    if month == 0 || day == 0 || day > days(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.text.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let zoned = !rest.text.starts_with(' ');
    if zoned {
        rest.expect("T").or_else(|| rest.expect("t"))?;
    } else {
        rest.text = rest.text.trim_start_matches(' ');
    }
    let clock = rest.clock()?;
    let zone = if zoned { rest.zone()? } else { "Z".to_owned() };
    rest.text.is_empty().then(|| format!("{date}T{clock}{zone}"))
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What is left to read.
struct Rest<'a> {
    text: &'a str,
}

impl Rest<'_> {
    fn expect(&mut self, prefix: &str) -> Option<()> {
        self.text = self.text.strip_prefix(prefix)?;
        Some(())
    }

    /// One or two digits, `max` at most.
    fn number(&mut self, max: u32) -> Option<u32> {
        let digits = self.text.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let value = self.text[..digits].parse().ok()?;
        self.text = &self.text[digits..];
        (value <= max).then_some(value)
    }

    fn clock(&mut self) -> Option<String> {
        let hour = self.number(23)?;
        self.expect(":")?;
        let minute = self.number(59)?;
        self.expect(":")?;
        let second = self.number(59)?;
        let fraction = self.fraction();
        Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
    }

    /// `.123` in nanoseconds without zeros at the end, or nothing. Go takes a comma as well.
    fn fraction(&mut self) -> String {
        let Some(digits) = self.text.strip_prefix(['.', ',']) else { return String::new() };
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return String::new();
        }
        let kept = digits[..count.min(9)].trim_end_matches('0');
        self.text = &digits[count..];
        if kept.is_empty() { String::new() } else { format!(".{kept}") }
    }

    /// `Z` or `+hh:mm`.
    fn zone(&mut self) -> Option<String> {
        if self.expect("Z").is_some() {
            return Some("Z".to_owned());
        }
        let zone = self.text.get(..6)?;
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let sign = &zone[..1];
        let both =
            hours.len() == 2 && [hours, minutes].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !both || !matches!(sign, "+" | "-") || hours > "24" || minutes > "60" {
            return None;
        }
        let offset = hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?;
        self.text = &self.text[6..];
        Some(if offset == 0 { "Z".to_owned() } else { format!("{sign}{:02}:{:02}", offset / 60, offset % 60) })
    }
}

/// Whether a normal text has an offset of a day or more, which go-yaml reads and Go's JSON cannot hold.
pub fn is_beyond_json(normal: &str) -> bool {
    let zone = normal.len().checked_sub(6).and_then(|at| normal.get(at..));
    zone.is_some_and(|zone| matches!(zone.as_bytes(), [b'+' | b'-', b'2', b'4' | b'5', b':', ..]))
}
