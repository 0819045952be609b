//! String literals of CEL: where one ends, and whether CEL would take it. What the text around one means is not its
//! business.

/// The offset after the literal whose first quote is at `at`; `None` where it has no end. `raw` says that a `\` in it is
/// nothing special.
pub(crate) fn end(text: &[u8], at: usize, raw: bool) -> Option<usize> {
    let quote = *text.get(at)?;
    let width = width(text, at);
    let mut at = at + width;
    loop {
        let byte = *text.get(at)?;
        if byte == b'\\' && !raw {
            at += 2;
        } else if byte == quote && text[at..].starts_with(&[quote; 3][..width]) {
            return Some(at + width);
        } else {
            at += 1;
        }
    }
}

/// How many quotes a literal begins with.
fn width(text: &[u8], at: usize) -> usize {
    if text[at..].starts_with(&[text[at]; 3]) { 3 } else { 1 }
}

/// Whether CEL takes the literal from its first quote at `at` to `end`: a short one has no line break, and each escape is
/// one of CEL's. Of a literal that it does not take, CEL reads the inside as code.
pub(crate) fn is_taken(text: &[u8], at: usize, end: usize, raw: bool) -> bool {
    let width = width(text, at);
    let inner = text.get(at + width..end - width).unwrap_or_default();
    if width == 1 && inner.iter().any(|b| matches!(b, b'\n' | b'\r')) {
        return false;
    }
    let mut rest = inner;
    while let Some(found) = rest.iter().position(|b| *b == b'\\').filter(|_| !raw) {
        let escape = &rest[found + 1..];
        let digits = |from: usize, count: usize, valid: fn(&u8) -> bool| {
            escape.get(from..from + count).filter(|d| d.iter().all(valid)).map(|_| from + count)
        };
        let length = match escape.first() {
            Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`') => Some(1),
            Some(b'x' | b'X') => digits(1, 2, u8::is_ascii_hexdigit),
            Some(b'u') => digits(1, 4, u8::is_ascii_hexdigit),
            Some(b'U') => digits(1, 8, u8::is_ascii_hexdigit),
            Some(b'0'..=b'3') => digits(0, 3, |b| (b'0'..=b'7').contains(b)),
            _ => None,
        };
        let Some(length) = length else { return false };
        rest = &escape[length..];
    }
    true
}
