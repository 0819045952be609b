//! Texts of libgit2 and of servers, made fit for a person and a log: no user information of URLs, no control
//! characters, a bounded length. A backstop: URLs with credentials are refused before libgit2 ever sees one.

/// Longest text taken over from a server or from libgit2, in bytes: a hook's few lines.
const LONGEST: usize = 2048;

/// Cleans a text.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text.trim();
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        push(&mut out, before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(after.len());
        // Behind a proxy, libgit2 may quote the proxy's URL, which may hold a password.
        rest = after[..end].rfind('@').map_or(after, |mark| &after[mark + 1..]);
    }
    push(&mut out, rest);
    if out.len() > LONGEST {
        let cut = (0..=LONGEST).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
        out.truncate(cut);
        out.push('…');
    }
    out
}

fn push(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn credentials_and_control_characters_go() {
        for (text, expected) in [
            ("cannot reach http://me:pass@word@proxy:3128/x now", "cannot reach http://proxy:3128/x now"),
            ("a\n\tb\u{1b}[31m", "a b[31m"),
            ("https://host/p@th", "https://host/p@th"),
            ("two: ssh://a@b/c https://d:e@f", "two: ssh://b/c https://f"),
        ] {
            assert_eq!(clean(text), expected);
        }
        assert!(clean(&"ä".repeat(5000)).len() < 2100);
    }
}
