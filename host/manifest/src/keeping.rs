//! What a host keeps and under which keys, and which private networks it may be led to.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::reader::{self, fields};
use crate::secret::{self, SecretRef};
use crate::yaml::{Kind, Node};
use model::place::Network;
use std::collections::HashSet;

/// A key for what is kept encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    /// By which what it encrypted names it.
    pub id: String,
    /// Where it is.
    pub secret: SecretRef,
}

/// How long and how much of artifacts is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Artifacts {
    /// After the end of their run, in milliseconds.
    pub keep_millis: u64,
    /// The largest one, in bytes.
    pub max_bytes: u64,
}

impl Default for Artifacts {
    /// Thirty days, 16 GiB.
    fn default() -> Self {
        Self { keep_millis: 30 * 24 * 3600 * 1000, max_bytes: 16 << 30 }
    }
}

/// The longest id of a key.
const LONGEST_ID: usize = 64;

pub(crate) fn encryption(node: &Node, sink: &mut Sink) -> Vec<EncryptionKey> {
    let Some(parts) = fields(node, "`encryption`", &["keys"], sink) else { return Vec::new() };
    let Some(keys) = parts.require("keys", "`encryption`", sink) else { return Vec::new() };
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for item in reader::list(keys, "`keys`", sink).unwrap_or_default() {
        let what = "an item of `keys`";
        let Some(parts) = fields(item, what, &["id", "secret"], sink) else { continue };
        let id = parts.require("id", what, sink).and_then(|n| Some((reader::text(n, "`id`", sink)?, n)));
        let secret = parts.require("secret", what, sink).and_then(|n| secret::read(n, "`secret`", sink));
        let (Some((id, place)), Some(secret)) = (id, secret) else { continue };
        if id.len() > LONGEST_ID || !reader::is_name(id) {
            let message = format!("`{id}` cannot be the id of a key");
            sink.push(Diagnostic::error(code::BAD_NAME, place.span.clone(), message));
        }
        if !seen.insert(id.to_owned()) {
            let message = format!("two keys have the id `{id}`");
            let hint = "a new key gets an id of its own, at the end of the list: what the old one encrypted names it";
            sink.push(Diagnostic::error(code::BAD_VALUE, place.span.clone(), message).hint(hint));
        }
        found.push(EncryptionKey { id: id.to_owned(), secret });
    }
    if found.is_empty() && matches!(&keys.kind, Kind::Seq(items) if items.is_empty()) {
        let message = "`keys` has no key";
        let hint = "leave `encryption` out: the host then makes a key of its own";
        sink.push(Diagnostic::error(code::BAD_VALUE, keys.span.clone(), message).hint(hint));
    }
    found
}

pub(crate) fn artifacts(node: &Node, sink: &mut Sink) -> Artifacts {
    let mut made = Artifacts::default();
    let Some(parts) = fields(node, "`artifacts`", &["keep", "maxSize"], sink) else { return made };
    if let Some(keep) = parts.get("keep") {
        made.keep_millis = reader::millis(keep, "`keep`", sink).unwrap_or(made.keep_millis);
    }
    if let Some(size) = parts.get("maxSize") {
        made.max_bytes = bytes(size, "`maxSize`", sink).unwrap_or(made.max_bytes);
    }
    made
}

/// Bytes as a number, or with a suffix as Kubernetes writes it: `512Mi`, `2Gi`.
fn bytes(node: &Node, what: &str, sink: &mut Sink) -> Option<u64> {
    let parsed = match &node.kind {
        Kind::Int(number) => u64::try_from(*number).ok(),
        Kind::String(text) => {
            let suffixes = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40)];
            let suffix = suffixes.iter().find_map(|(suffix, bits)| Some((text.strip_suffix(suffix)?, *bits)));
            suffix.and_then(|(number, bits)| number.parse::<u64>().ok()?.checked_mul(1 << bits))
        }
        _ => None,
    };
    let parsed = parsed.filter(|size| *size > 0);
    if parsed.is_none() {
        let message = format!("{what} is no size");
        sink.push(
            Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).hint("write it like `512Mi` or `2Gi`"),
        );
    }
    parsed
}

pub(crate) fn private(node: &Node, sink: &mut Sink) -> Vec<Network> {
    let Some(parts) = fields(node, "`egress`", &["private"], sink) else { return Vec::new() };
    let Some(list) = parts.get("private") else { return Vec::new() };
    let mut found = Vec::new();
    for item in reader::list(list, "`private`", sink).unwrap_or_default() {
        let Some(text) = reader::text(item, "an item of `private`", sink) else { continue };
        match text.parse() {
            Ok(network) => found.push(network),
            Err(why) => sink.push(Diagnostic::error(code::BAD_VALUE, item.span.clone(), why)),
        }
    }
    found
}
