//! Where a secret is: files name secrets, they never hold them. Reading one is the caller's business.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::reader;
use crate::yaml::Node;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`: an environment variable of the host.
    Env(String),
    /// `file:PATH`: a file's content; a relative path is relative to the configuration's folder.
    File(String),
}

pub(crate) fn read(node: &Node, what: &str, sink: &mut Sink) -> Option<SecretRef> {
    let written = reader::text(node, what, sink)?;
    let identifier = |name: &str| {
        !name.bytes().next().is_none_or(|b| b.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if let Some(name) = written.strip_prefix("env:")
        && identifier(name)
    {
        return Some(SecretRef::Env(name.to_owned()));
    }
    if let Some(path) = written.strip_prefix("file:")
        && !path.is_empty()
        && !path.contains('\0')
    {
        return Some(SecretRef::File(path.to_owned()));
    }
    // The value is not repeated: it may be the secret.
    sink.push(
        Diagnostic::error(code::SECRET_LITERAL, node.span.clone(), format!("{what} must say where the secret is"))
            .hint("write `env:NAME` or `file:PATH`; if this was a real secret, replace it, for Git keeps it"),
    );
    None
}
