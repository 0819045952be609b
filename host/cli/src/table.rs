//! Columns and times for people.

use crate::screen::{Colour, Screen};
use model::Timestamp;

/// Text in columns, two blanks apart; the last one is as long as it is.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| visible(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut text = String::new();
        for (i, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if i + 1 < row.len() {
                text.push_str(&" ".repeat(widths[i] - visible(cell) + 2));
            }
        }
        text.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Characters that are seen: colours are not.
fn visible(text: &str) -> usize {
    let mut inside = false;
    let seen = |c: &char| {
        match c {
            '\u{1b}' => inside = true,
            'm' if inside => {
                inside = false;
                return false;
            }
            _ => {}
        }
        !inside
    };
    text.chars().filter(seen).count()
}

/// A word as a shell takes it for this very text.
pub fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// `340 ms`, `12.3 s`, `4 min 5 s`, `3 h 2 min`.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
        _ => format!("{} h {} min", millis / 3_600_000, millis / 60_000 % 60),
    }
}

/// How long ago, in words.
pub fn ago(at: Timestamp) -> String {
    format!("{} ago", duration(engine::now().millis_since(at)))
}

/// A status with its mark and colour.
pub fn status(screen: &Screen, word: &str) -> String {
    let (mark, colour) = match word {
        "succeeded" => ("✓", Colour::Green),
        "unchanged" => ("=", Colour::Green),
        "skipped" => ("-", Colour::Dim),
        "failed" | "denied" | "rejected" => ("✗", Colour::Red),
        "cancelled" | "superseded" => ("■", Colour::Yellow),
        "waiting" => ("…", Colour::Yellow),
        "unknown" => ("?", Colour::Yellow),
        "running" => ("▶", Colour::Blue),
        _ => ("·", Colour::Dim),
    };
    screen.paint(colour, &format!("{mark} {word}"))
}

#[cfg(test)]
mod tests {
    use super::{columns, duration};

    #[test]
    fn columns_ignore_colours() {
        let rows = vec![vec!["\u{1b}[32mab\u{1b}[0m".into(), "x".into()], vec!["abc".into(), "y".into()]];
        assert_eq!(columns(&rows), "\u{1b}[32mab\u{1b}[0m   x\nabc  y");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(61_000), "1 min 1 s");
        assert_eq!(duration(7_260_000), "2 h 1 min");
    }
}
