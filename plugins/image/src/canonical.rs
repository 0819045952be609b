//! JSON with one form for one value: keys in byte order, no blanks. An image's digest is over these bytes, so the same
//! inputs must give the same bytes on any machine and with any version of a library.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate::Error;

/// The bytes of a value.
///
/// # Errors
/// `bug`, where it is no JSON.
pub fn bytes(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let wrong = |error| Error::internal(format!("a document of the image cannot be encoded: {error}"));
    let mut text = Vec::new();
    write(&serde_json::to_value(value).map_err(wrong)?, &mut text).map_err(wrong)?;
    Ok(text)
}

/// Sorts by itself, since whether `serde_json` does depends on a feature that any crate of a build can turn on.
fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&str, &Value> = fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
            out.push(b'{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(value, out)?;
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        scalar => serde_json::to_writer(&mut *out, scalar)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::bytes;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": [{"z": 1, "a": "ä\n<"}], "a": null, "B": {}});
        assert_eq!(
            String::from_utf8(bytes(&value).expect("JSON")).as_deref(),
            Ok(r#"{"B":{},"a":null,"b":[{"a":"ä\n<","z":1}]}"#)
        );
    }
}
