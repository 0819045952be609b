//! Whom a host acts as in a cluster, by the project of the application. Nothing fails open: where this is written at all, a
//! project that it does not name has nobody.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::reader::{self, fields};
use crate::yaml::Node;
use std::collections::BTreeMap;

/// The accounts of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonate {
    /// That of projects without an own one; such applications are held without it.
    pub default: Option<String>,
    /// Accounts by project, such as `system:serviceaccount:shop:deployer`.
    pub projects: BTreeMap<String, String>,
}

/// Whom a host acts as for an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account<'a> {
    /// As itself.
    Own,
    /// As this one.
    Of(&'a str),
    /// As nobody: it must do nothing.
    Nobody,
}

impl Impersonate {
    /// The account of a project.
    pub fn account(&self, project: &str) -> Account<'_> {
        let account = self.projects.get(project).or(self.default.as_ref());
        account.map_or(Account::Nobody, |account| Account::Of(account))
    }
}

pub(crate) fn read(node: &Node, cluster: &str, sink: &mut Sink) -> Option<Impersonate> {
    let what = format!("`impersonate` of the cluster `{cluster}`");
    let parts = fields(node, &what, &["default", "projects"], sink)?;
    let default = parts.get_or_null("default").and_then(|node| account(node, "`default`", sink));
    let entries = parts.get_or_null("projects").and_then(|node| reader::mapping(node, "`projects`", sink));
    let mut projects = BTreeMap::new();
    for (key, node) in entries.unwrap_or_default() {
        if let Some(account) = account(node, &format!("the account of `{}`", key.text), sink) {
            projects.insert(key.text.clone(), account);
        }
    }
    Some(Impersonate { default, projects })
}

/// It becomes a header of every request.
fn account(node: &Node, what: &str, sink: &mut Sink) -> Option<String> {
    let text = reader::text(node, what, sink)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint = "write a user's name as the cluster knows it: `system:serviceaccount:NAMESPACE:NAME`";
        let message = format!("{what} is no account");
        sink.push(Diagnostic::error(code::BAD_VALUE, node.span.clone(), message).hint(hint));
        return None;
    }
    Some(text.to_owned())
}
