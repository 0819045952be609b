//! Integers and floats the way Go's `strconv` reads and writes them, which is what decides between a number and text.

/// What an unquoted scalar that begins like a number stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i64),
    /// Beyond `i64`, within `u64`.
    Uint(u64),
    Float(f64),
}

/// Which go-yaml resolves: version 3 reads, version 2 decides on quotes when printing. Version 2 lacks a sign behind
/// `0o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    V2,
    V3,
}

/// Reads `text`, which begins with a sign or a digit. Underscores anywhere are no part of a number.
pub fn parse(text: &str, dialect: Dialect) -> Option<Number> {
    let stripped;
    let plain = if text.contains('_') {
        stripped = text.replace('_', "");
        stripped.as_str()
    } else {
        text
    };
    integer(plain).or_else(|| float(plain)).or_else(|| prefixed(plain, dialect))
}

/// `.5` and the like: text that begins with a dot.
pub fn dotted(text: &str) -> Option<f64> {
    let digits = text.replace('_', "");
    let well = !text.contains('_') || underscores_between_digits(text);
    (well && is_decimal_float(&digits)).then(|| finite(&digits)).flatten()
}

fn underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    let mut places = underscores.map(|(at, _)| at);
    places.all(|at| digit(at.checked_sub(1)) && digit(Some(at + 1)))
}

/// Base by prefix: `0x`, `0b`, `0o`, and a bare `0` for octal.
fn integer(plain: &str) -> Option<Number> {
    let (negative, digits) = sign(plain);
    let (radix, digits) = radix(digits);
    let value = magnitude(digits, radix)?;
    signed(negative, value).or_else(|| (digits_only(plain)).then_some(Number::Uint(value)))
}

fn digits_only(plain: &str) -> bool {
    !plain.starts_with(['+', '-'])
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn radix(digits: &str) -> (u32, &str) {
    let bytes = digits.as_bytes();
    if bytes.len() < 2 || bytes[0] != b'0' {
        return (10, digits);
    }
    match bytes[1] {
        b'x' | b'X' => (16, &digits[2..]),
        b'b' | b'B' => (2, &digits[2..]),
        b'o' | b'O' => (8, &digits[2..]),
        _ => (8, &digits[1..]),
    }
}

fn magnitude(digits: &str, radix: u32) -> Option<u64> {
    // `from_str_radix` takes a sign of its own, which stands at the front here or nowhere.
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, radix).ok() }
}

fn signed(negative: bool, value: u64) -> Option<Number> {
    if negative {
        0_i64.checked_sub_unsigned(value).map(Number::Int)
    } else {
        i64::try_from(value).ok().map(Number::Int)
    }
}

fn float(plain: &str) -> Option<Number> {
    is_decimal_float(plain).then(|| finite(plain)).flatten().map(Number::Float)
}

/// Go takes a number too large for an error, so it stays text.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &str) -> bool {
    let (_, rest) = sign(text);
    let whole = leading_digits(rest);
    let rest = &rest[whole..];
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => (leading_digits(rest), &rest[leading_digits(rest)..]),
        None => (0, rest),
    };
    whole + fraction > 0 && (rest.is_empty() || is_exponent(rest))
}

fn is_exponent(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return false };
    let (_, digits) = sign(rest);
    !digits.is_empty() && leading_digits(digits) == digits.len()
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// What base 0 refuses and go-yaml tries once more: a sign behind the prefix, as in `0b-1`.
fn prefixed(plain: &str, dialect: Dialect) -> Option<Number> {
    let (outer, rest) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain),
    };
    let (radix, digits) = match rest.get(..2)? {
        "0b" => (2, &rest[2..]),
        "0o" if dialect == Dialect::V3 => (8, &rest[2..]),
        _ => return None,
    };
    if outer && digits.starts_with(['+', '-']) {
        return None;
    }
    let (inner, digits) = sign(digits);
    let value = magnitude(digits, radix)?;
    signed(outer || inner, value)
}

/// As Go's `encoding/json` writes a float, or nothing for what JSON lacks (NaN and the infinities).
pub fn json_float(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return Some(exponent(value, 1));
    }
    let text = format!("{value}");
    Some(text)
}

/// As Go's `%g` with the shortest digits: with an exponent of two digits below 1e-4 and from 1e6 on.
pub fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let power = text.split_once('e').and_then(|(_, power)| power.parse::<i32>().ok()).unwrap_or_default();
    if value != 0.0 && !(-4..6).contains(&power) { exponent(value, 2) } else { format!("{value}") }
}

/// [`shortest`] for the 32-bit float nearest to `value`.
pub fn shortest_single(value: f64) -> String {
    let single = value as f32;
    // Parsing the shortest digits of the small float gives a large one of the same digits.
    single.to_string().parse().map_or_else(|_| single.to_string(), shortest)
}

/// `1.5e+21`, with at least `digits` digits behind the sign of the exponent.
fn exponent(value: f64, digits: usize) -> String {
    let text = format!("{value:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{power:0>digits$}")
}
