//! JSON pointers (RFC 6901), read once and looked up often. It never resolves `-`, the place after a list's end.

use serde_json::Value;

/// A pointer to a field; never the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Reads `/a~1b/0/c`; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(parts) = text.strip_prefix('/') else {
            return Err(format!("`{text}` is no JSON pointer: it must begin with `/`"));
        };
        parts.split('/').map(unescape).collect::<Option<_>>().map(Self).ok_or_else(|| {
            format!("`{text}` is no JSON pointer: after `~` only 0 (for `~`) and 1 (for `/`) may follow")
        })
    }

    /// The value that it points to.
    pub fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, part| match value {
            Value::Object(map) => map.get(part),
            // Leading zeros and signs make no index.
            Value::Array(items) if part == "0" || !part.starts_with(['0', '+']) => {
                items.get(part.parse::<usize>().ok()?)
            }
            _ => None,
        })
    }
}

fn unescape(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_are_read_and_followed() {
        let document = json!({"a/b": {"~": [10, {"c": 20}]}, "": 5, "n": {"01": 7}});
        let at = |text: &str| Pointer::parse(text).map(|p| p.find(&document).cloned());
        assert_eq!(at("/a~1b/~0/1/c"), Ok(Some(json!(20))));
        assert_eq!(at("/a~1b/~0/0"), Ok(Some(json!(10))));
        assert_eq!(at("/"), Ok(Some(json!(5))));
        assert_eq!(at("/n/01"), Ok(Some(json!(7))));
        for nothing in ["/x", "/a~1b/~0/00", "/a~1b/~0/2", "/a~1b/~0/-", "/a~1b/~0/0/x"] {
            assert_eq!(at(nothing), Ok(None), "{nothing}");
        }
        assert!(at("a").is_err() && at("").is_err() && at("/a~2b").is_err() && at("/a~").is_err());
    }
}
