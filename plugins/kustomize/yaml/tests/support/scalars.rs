//! Scalars that YAML parsers disagree on, and random text in every style.

use super::dice::Dice;

/// Written as they stand behind `v: `.
#[rustfmt::skip]
pub const ODD: &[&str] = &[
    "true", "True", "yes", "y", "on", "no", "~", "null", "Null", "nUll", "", "\"\"", "''", "0", "00", "07", "08",
    "0777", "0o17", "0o-7", "0b-1", "0b11", "-0b11", "-0b-1", "0x1F", "-0x1f", "+12", "1_000", "_1", "1__0", "1e5",
    "1e400", "1e21", "1e20", "1e-7", "0.000001", "1.0", "1.", ".5", ".5_5", "._5", "-.5", "+.5", "1.5e3",
    "123456789.5", "1234567.0", "100000.5", "-0", "-0.0", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "-9223372036854775809", "12345678901234567890123", ".inf", "-.inf", ".nan", "2001-12-14",
    "2001-1-4", "2001-02-30", "2001-12-14T21:59:43Z", "2001-12-14t21:59:43.10-05:00", "2001-12-14   21:59:43,10",
    "2001-12-14T1:2:3Z", "2001-12-14T01:02:03+00:00", "2001-12-14T01:02:03+24:00", "2001-12-14T01:02:03+23:60",
    "1:30", "1:30.5", "-1:30", "1:60", "<<", "=", "!!str 123", "!!int \"12\"", "!!float 1", "!!float 0x10",
    "!!bool yes", "!!null \"\"", "!!binary aGVsbG8=", "!!binary aGV", "!!binary /w==", "!!timestamp 2001-12-14",
    "!!int 1.5", "!!str", "! 12", "!foo", "!<tag:yaml.org,2002:str> 5", "!!set {a, b}", "[a: b, c]", "[a,,c]",
    "[a?b]", "{a, b: c}", "{\"c\":d}", "{? a : b}", "[*x]", "&a b", "\"\\u00e9\\x41\\U0001F600\"", "😀 smile",
    "\"\\u2028x\"", "\"a \\u0085 x\"", "\"\\ufeff a\"", "\"\\u007f\"", "\"\\e\\a\\0\"", "\"a\\\n  b\"",
    "'a\n  b\n\n  c'", "a\n  b\n\n  c", "a #b", "a# b", "\"x\" # c", "|\n   a\n  b\n", "|1\n  a\n", "|+\n  a\n\n",
    ">\n  a\n    b\n  c\n", ">-\n\n   a\n\n     b\n\n\n   c\n", ">2\n    lead\n  b\n", "|\n  a\tb\n", "|2\n  \ta\n",
    ">\n  a \n  b\n", "|\n  # no comment\n", "@x", "%x", "a%", "*x", "-x", "--x", "---x", "?x", ":x", ": x", "? x",
    "x]", "x,y", "\"a:\"", "a:", "\"- a\"", "\"---\"", "\"a #b\"", "\"'\"", "1.2.3", "+", "-", ".", "1e", "0x", "0b2",
    "1_0.5_0", "2001-12-14T21:59:43.123456789123Z", "10:20", "5e-324", "179e306", "1000000.5", "0.00001",
];

#[rustfmt::skip]
const PARTS: &[&str] = &[
    "a", "b", "foo", "1", "0", "-", ".", ":", " ", "  ", "#", "\n", "\\n", "\t", "'", "\"", ",", "[", "]", "{", "}",
    "&", "*", "!", "|", ">", "%", "@", "`", "é", "😀", "\u{2028}", "\u{85}", "\u{feff}", "\u{7f}", "\\", "<", "=", "~",
    "true", "no", "e", "+", "_", "0x", "0o", "2001-01-01", "T", "\u{a0}", "two words ", "\r",
    "long long long long long long long long long long ",
];

/// Random text as a scalar behind `v: `, perhaps none that YAML takes.
pub fn random(dice: &mut Dice) -> String {
    let most = dice.of(&[3, 6, 12, 40]);
    let text: String = (0..=dice.below(most)).map(|_| dice.of(PARTS)).collect();
    let lines = text.replace('\n', "\n  ");
    let header = dice.of(&["", "-", "+", "2", "2-", "1+"]);
    match dice.below(6) {
        0 => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
        1 => format!("'{}'", lines.replace('\'', "''")),
        2 => lines,
        3 => format!("|{header}\n  {lines}"),
        4 => format!(">{header}\n  {lines}"),
        _ => format!("\"{lines}\""),
    }
}

#[rustfmt::skip]
const KEYS: &[&str] = &[
    "a", "b", "name", "x1", "x10", "x2", "a.b/c", "yes", "é", "long key with spaces", "\"quoted\"", "'q'", "a-b", "A",
    "_z", "<<x", "\"a\\nb\"", "a10b", "a9b", "\"1\"", "\"true\"", "\" lead\"", "a00", "a0", "a01", "\"k:\"", "\"\"",
    "a:b", "a#b", "\"@x\"", "\"00\"",
];

#[rustfmt::skip]
const LEAVES: &[&str] = &[
    " 1", " true", " \"x\"", " null", " ~", "", " 1.5", " 2001-01-01", " []", " {}", " [1, a, {b: c}]",
    " {a: [b], d: }", " \"1\"", " 0777", " !!str 5", " \"a\\n\\nb\\n\"", " \"a\\n b\\n\"",
    " hello world again and again and again and again \
     and again and again and again and again",
];

/// A random tree behind `v:`, in block style, indented by `indent`.
pub fn tree(dice: &mut Dice, indent: usize) -> String {
    let pad = " ".repeat(indent);
    if indent > 10 || dice.percent(45) {
        let key = if dice.percent(4) { "k".repeat(140) } else { String::new() };
        let folded = format!(" >-\n{pad} a\n{pad} b\n");
        let hinted = format!(" |2\n{pad}  a\n");
        return match dice.below(10) {
            0 => folded,
            1 => hinted,
            2 if !key.is_empty() => format!("\n{pad}{key}: 1\n"),
            _ => format!("{}\n", dice.of(LEAVES)),
        };
    }
    let mut text = String::from("\n");
    if dice.percent(60) {
        let mut keys: Vec<&str> = KEYS.to_vec();
        keys.rotate_left(dice.below(KEYS.len()));
        for key in &keys[..=dice.below(4)] {
            text.push_str(&format!("{pad}{key}:{}", tree(dice, indent + 2)));
        }
        return text;
    }
    for _ in 0..=dice.below(4) {
        let item = tree(dice, indent + 4);
        text.push_str(&match dice.below(3) {
            0 => format!("{pad}- a:{item}"),
            1 => format!("{pad}- - x\n{pad}  -{item}"),
            _ => format!("{pad}-{item}"),
        });
    }
    text
}
