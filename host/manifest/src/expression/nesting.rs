//! How deep an expression can be nested, from its characters. It is asked before the parser, because parsing recurses as
//! well, and a stack that overflows ends the whole process.

use crate::literal;

/// An upper bound of the nesting: brackets, and operators that chain to the left. Operators within literals and comments
/// do not count, but only where CEL surely reads them as such: in doubt, more is counted, never less.
pub(super) fn nesting(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut count = Count::default();
    // After a literal that CEL does not take, nobody knows where it sees the next one.
    let mut sure = true;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            byte if sure && (is_name(byte) || matches!(byte, b'\'' | b'"')) && !byte.is_ascii_digit() => {
                let Some((quote, raw)) = literal_at(bytes, at) else {
                    let name = bytes[at..].iter().take_while(|b| is_name(**b)).count();
                    if &bytes[at..at + name] == b"in" {
                        count.operator();
                    }
                    at += name;
                    continue;
                };
                let end = literal::end(bytes, quote, raw);
                match end.filter(|end| literal::is_taken(bytes, quote, *end, raw)) {
                    Some(end) => at = end,
                    None => {
                        sure = false;
                        at = quote + 1;
                    }
                }
            }
            byte if sure && byte.is_ascii_digit() => {
                // Where among its letters a number ends is CEL's to know; a name, `in` or a literal may follow at once.
                let number = bytes[at..].iter().take_while(|b| is_name(**b)).count();
                (0..bytes[at..at + number].windows(2).filter(|w| *w == b"in").count()).for_each(|_| count.operator());
                at += number;
                sure = !matches!(bytes.get(at), Some(b'\'' | b'"'));
            }
            b'/' if sure && bytes.get(at + 1) == Some(&b'/') => {
                // A comment, up to the end of its line.
                at += bytes[at..].iter().take_while(|b| **b != b'\n').count();
            }
            byte => {
                count.byte(byte);
                // Without literals, any letters may be an `in`.
                if !sure && bytes[at..].starts_with(b"in") {
                    count.operator();
                }
                at += 1;
            }
        }
    }
    count.deepest
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The first quote of a literal that begins here, and whether it is raw.
fn literal_at(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let letters = bytes[at..].iter().take_while(|b| is_name(**b)).count();
    let quoted = matches!(bytes.get(at + letters), Some(b'\'' | b'"'));
    let raw = match bytes[at..at + letters].to_ascii_lowercase().as_slice() {
        b"" | b"b" => false,
        b"r" | b"br" => true,
        _ => return None,
    };
    quoted.then_some((at + letters, raw))
}

/// The chain of operators that the next one would stand upon.
#[derive(Default)]
struct Count {
    deepest: usize,
    chain: usize,
    /// Chains within brackets end with them; each level keeps its own count.
    levels: Vec<usize>,
}

impl Count {
    fn byte(&mut self, byte: u8) {
        match byte {
            b'(' | b'[' | b'{' => {
                self.levels.push(self.chain);
                self.chain += 1;
            }
            b')' | b']' | b'}' => self.chain = self.levels.pop().map_or(0, |c| c + 1),
            b',' => self.chain = self.levels.last().map_or(0, |c| c + 1),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'.' | b'?' | b'<' | b'>' | b'=' | b'&' | b'|' => self.operator(),
            _ => {}
        }
        self.deepest = self.deepest.max(self.chain);
    }

    fn operator(&mut self) {
        self.chain += 1;
        self.deepest = self.deepest.max(self.chain);
    }
}

#[cfg(test)]
mod tests {
    use super::nesting;

    #[test]
    fn literals_do_not_count_and_hide_nothing() {
        for (text, depth) in [
            ("'a.b.c.d'", 0),
            (r"r'\' + 1 + 1", 2),
            (r"br'\' + 1 + 1", 2),
            ("\"\"\" \" + + \"\"\" + 1", 1),
            ("''' ' ''' + 1 + 1", 2),
            (r"abr'\' + + + ' + 1", 1),
            (r"_br'\' ' + 1 + 1 '", 2),
            (r"1r'\' + 1 + 1 + '", 3),
            (r"0xbr'\' + 1 + 1 + '", 3),
            (r"1e5r'\' + 1 + 1 + '", 3),
            (r"1e-5r'\' + 1 + 1 + '", 4),
            ("// '''\n + 1 + 1 '''", 2),
            ("// \r'''\n + 1 + 1 '''", 2),
            (r".0xbr'\' ' + 1 + 1 '", 3),
            ("1in 1in 1", 2),
            ("'\n + 1 + 1 '", 2),
            (r"'\q + 1 + 1 '", 2),
            (r"'\x41 + + '", 0),
            ("'open + 1 + 1", 2),
            ("a in b in c", 2),
            ("index.inner", 1),
            ("[1, 2, 3, 4, 5]", 1),
            ("f(-1)[0].b", 3),
        ] {
            assert_eq!(nesting(text), depth, "{text}");
        }
    }
}
