//! Text that others wrote, made harmless in Markdown: it can end no fence, open no tag, notify nobody and hide nothing.

use std::fmt::Write;

/// A fenced block that nothing in its content can end.
pub fn fenced(language: &str, content: &str) -> String {
    let fence = "`".repeat(longest_run(content).max(2) + 1);
    let end = if content.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{content}{end}{fence}\n")
}

/// A code span in one line, for text between blank lines.
pub fn code(text: &str) -> String {
    let text = visible(text);
    let ticks = "`".repeat(longest_run(&text) + 1);
    // A space on both sides is taken away again; without, a tick at an end would join the marks.
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty() { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Code within an HTML block, where Markdown is not read.
pub fn html_code(text: &str) -> String {
    format!("<code>{}</code>", html(text))
}

/// Plain text within an HTML block.
pub fn html(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in visible(text).chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            letter => safe.push(letter),
        }
    }
    safe
}

/// One line in which every character can be seen: line breaks, control characters, and those that reorder or hide what is
/// around them, are written as escapes.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => shown += "\\n",
            '\r' => shown += "\\r",
            '\t' => shown += "\\t",
            letter if is_unseen(letter) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => shown.push(letter),
        }
    }
    shown
}

/// A text in quotes, as Terraform writes it.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", visible(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// At most so many characters, and how many were cut.
pub fn cut(text: &str, longest: usize) -> (&str, usize) {
    match text.char_indices().nth(longest) {
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
        None => (text, 0),
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

/// Control characters, line separators, marks of direction, and what has no width.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{code, cut, fenced, html_code, quoted, visible};

    #[test]
    fn a_fence_is_longer_than_any_within() {
        assert_eq!(fenced("diff", "a\n````\nb"), "`````diff\na\n````\nb\n`````\n");
        assert_eq!(fenced("", "a\n"), "```\na\n```\n");
    }

    #[test]
    fn a_span_stays_one() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a\n\n# b"), "`a\\n\\n# b`");
        assert_eq!(html_code("<b>&\n</code>"), "<code>&lt;b&gt;&amp;\\n&lt;/code&gt;</code>");
    }

    #[test]
    fn nothing_is_hidden() {
        assert_eq!(visible("a\u{202e}b\u{200b}\u{1b}[31m\r\u{2028}"), r"a\u{202e}b\u{200b}\u{1b}[31m\r\u{2028}");
        assert_eq!(quoted("a\"b\\c\nä"), r#""a\"b\\c\nä""#);
        assert_eq!(cut("äöü", 2), ("äö", 1));
    }
}
