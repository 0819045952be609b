//! Addresses: what the host knows of them, and what is said where it knows nothing.

use kustomize_build::{ErrorKind, Options, Remote, build};

use crate::support::Tree;

const FILES: &str = "
-- app/kustomization.yaml --
resources:
- https://example.org/object.yaml
- github.com/org/repo//deploy?ref=v1
-- .remotes/repo/deploy/kustomization.yaml --
resources: [object.yaml]
namePrefix: far-
-- .remotes/repo/deploy/object.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
-- .remotes/repo/out/kustomization.yaml --
resources: [../../../app]
";

fn tree() -> Tree {
    let mut tree = Tree::parse(FILES);
    let text = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}".to_vec();
    tree.remotes.insert("https://example.org/object.yaml".to_owned(), Remote::File(text));
    tree
}

fn folder(folder: &str) -> Remote {
    Remote::Folder { repository: ".remotes/repo".to_owned(), folder: folder.to_owned() }
}

/// The host says what stands behind them.
#[test]
fn addresses_that_the_host_knows() {
    let mut tree = tree();
    tree.remotes.insert("github.com/org/repo//deploy?ref=v1".to_owned(), folder(".remotes/repo/deploy"));
    let yaml = build(&tree, "app", &Options::default()).unwrap().yaml;
    let expected = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: far-two\n---\napiVersion: v1\nkind: ConfigMap\n\
                    metadata:\n  name: one\n";
    assert_eq!(yaml, expected);
}

/// An error of its own kind, with a way out.
#[test]
fn addresses_that_the_host_does_not_know() {
    let error = build(&tree(), "app", &Options::default()).unwrap_err();
    let spec = "github.com/org/repo//deploy?ref=v1".to_owned();
    assert_eq!(error.kind, ErrorKind::Remote { spec });
    assert_eq!(
        error.hint.as_deref(),
        Some("commit what the address leads to into this repository and name it by its path, or configure the address")
    );
}

/// What is fetched may not reach the tree that it is fetched for.
#[test]
fn a_checkout_is_all_that_it_can_read() {
    let mut tree = tree();
    tree.remotes.insert("github.com/org/repo//deploy?ref=v1".to_owned(), folder(".remotes/repo/out"));
    let error = build(&tree, "app", &Options::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Outside { path: "../../../app".to_owned() });
    tree.remotes.insert("github.com/org/repo//deploy?ref=v1".to_owned(), folder("app"));
    assert!(matches!(build(&tree, "app", &Options::default()).unwrap_err().kind, ErrorKind::Missing { .. }));
}
