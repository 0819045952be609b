//! Texts that stand for secrets until the last moment: `{tidegate:secret:NAME}`, or with a part of it
//! `{tidegate:secret:NAME#PART}`. A handle tells nothing; who may exchange it for what is asked where that is done.

use model::Failure;
use serde_json::Value;

const OPEN: &str = "{tidegate:secret:";
const DEFUSED: &str = "{tidegate-secret:";

/// The handle of a secret, or of a part where that is not empty.
pub fn handle(name: &str, part: &str) -> String {
    if part.is_empty() { format!("{OPEN}{name}}}") } else { format!("{OPEN}{name}#{part}}}") }
}

/// Whether a text holds a handle.
pub fn has_handle(text: &str) -> bool {
    find(text).is_some()
}

/// The secrets whose handles a text holds, in their order.
pub fn names(text: &str) -> Vec<&str> {
    let (mut rest, mut found) = (text, Vec::new());
    while let Some((start, end)) = find(rest) {
        found.push(parts(&rest[start..end]).0);
        rest = &rest[end..];
    }
    found
}

/// The text with every handle exchanged for what `value` answers for its name and part. Its errors are handed on.
pub fn exchange(text: &str, mut value: impl FnMut(&str, &str) -> Result<String, Failure>) -> Result<String, Failure> {
    let (mut rest, mut out) = (text, String::new());
    while let Some((start, end)) = find(rest) {
        out.push_str(&rest[..start]);
        let (name, part) = parts(&rest[start..end]);
        out.push_str(&value(name, part)?);
        rest = &rest[end..];
    }
    out.push_str(rest);
    Ok(out)
}

/// A value in which nothing is a handle: whatever looks like one is written in another way.
pub fn defused(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(OPEN) => Value::String(text.replace(OPEN, DEFUSED)),
        Value::Array(items) => items.into_iter().map(defused).collect(),
        Value::Object(fields) => {
            let key = |key: String| if key.contains(OPEN) { key.replace(OPEN, DEFUSED) } else { key };
            fields.into_iter().map(|(name, value)| (key(name), defused(value))).collect()
        }
        other => other,
    }
}

/// The next handle's range.
fn find(text: &str) -> Option<(usize, usize)> {
    let start = text.find(OPEN)?;
    let end = text[start..].find('}')? + start + 1;
    Some((start, end))
}

fn parts(handle: &str) -> (&str, &str) {
    let inner = handle.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    inner.split_once('#').unwrap_or((inner, ""))
}

#[cfg(test)]
mod tests {
    use super::{defused, exchange, handle, has_handle, names};
    use model::Failure;
    use serde_json::json;

    #[test]
    fn handles_are_exchanged_where_they_stand() {
        let text = format!("Bearer {}, {}!", handle("token", ""), handle("registry:a.example:5000", "basic"));
        assert!(has_handle(&text));
        assert_eq!(names(&text), ["token", "registry:a.example:5000"]);
        let out = exchange(&text, |name, part| Ok(format!("<{name}|{part}>")));
        assert_eq!(out.as_deref(), Ok("Bearer <token|>, <registry:a.example:5000|basic>!"));
        let refused = exchange(&text, |name, _| Err(Failure::denied(name)));
        assert_eq!(refused.map_err(|failure| failure.message), Err("token".to_owned()));
    }

    #[test]
    fn text_from_outside_names_no_secret() {
        let handle = handle("token", "");
        let value = json!({"a": [format!("x {handle}{handle}"), 1], handle.clone(): "plain"});
        assert!(!has_handle(&defused(value).to_string()));
        assert_eq!(defused(json!(["{tidegate}", null])), json!(["{tidegate}", null]));
    }

    #[test]
    fn what_is_exchanged_is_not_looked_at_again() {
        let out = exchange(&handle("a", ""), |_, _| Ok(handle("b", "")));
        assert_eq!(out, Ok(handle("b", "")));
        for text in ["", "{tidegate:secret:", "{tidegate:secret", "{}"] {
            assert!(!has_handle(text) && exchange(text, |_, _| Ok(String::new())).as_deref() == Ok(text), "{text}");
        }
    }
}
