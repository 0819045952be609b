//! Folders as people keep them, and what becomes of them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use directory::files::Files;
use directory::{Parameters, rendered};
use std::collections::BTreeMap;
use tidegate::Error;
use tidegate::source::{Entry, Kind};

/// Files by path; a content that begins with `->` is a link.
struct Tree(BTreeMap<&'static str, &'static str>);

impl Tree {
    fn target(&self, path: &str) -> Option<&str> {
        self.0.get(path)?.strip_prefix("->")
    }
}

impl Files for Tree {
    fn follow(&self, path: &str) -> Result<Option<(String, Kind)>, Error> {
        let target = self.target(path).unwrap_or(path);
        Ok(self.0.contains_key(target).then(|| (target.to_owned(), Kind::File)))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.get(path).map(|text| text.as_bytes().to_vec()))
    }

    fn entries(&self, path: &str) -> Result<Option<Vec<Entry>>, Error> {
        let mut entries = BTreeMap::new();
        for known in self.0.keys() {
            let Some(rest) = known.strip_prefix(path).map(|rest| rest.trim_start_matches('/')) else { continue };
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, Kind::Directory),
                None if self.target(known).is_some() => (rest, Kind::Link),
                None => (rest, Kind::File),
            };
            entries.insert(name.to_owned(), kind);
        }
        Ok(Some(entries.into_iter().map(|(name, kind)| Entry { name, kind }).collect()))
    }
}

#[track_caller]
fn check(files: &[(&'static str, &'static str)], parameters: &Parameters, expected: &str) {
    let tree = Tree(files.iter().copied().collect());
    let text = match rendered(&tree, "d", parameters) {
        Ok(rendering) => {
            let warnings = rendering.warnings.iter().map(|warning| format!("# {warning}\n"));
            warnings.collect::<String>() + &rendering.manifests
        }
        Err(error) => format!("{}: {}\n{}", error.code, error.message, error.details.unwrap_or_default()),
    };
    assert_eq!(text.trim_end(), expected.trim(), "{text}");
}

const A: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const B: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";

#[test]
fn files_come_in_the_order_of_their_names() {
    let files = [("d/b.yml", B), ("d/a.yaml", A), ("d/sub/c.yaml", "kind: X\napiVersion: v1\n"), ("d/notes.md", "# x")];
    let both = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b";
    check(&files, &Parameters::default(), both);
    let recurse = Parameters { recurse: true, ..Parameters::default() };
    check(&files, &recurse, &format!("{both}\n---\napiVersion: v1\nkind: X"));
    let exclude = Parameters { exclude: Some("a*".to_owned()), include: Some("*.y*ml".to_owned()), recurse: false };
    check(&files, &exclude, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b");
}

#[test]
fn objects_are_read_as_kubectl_reads_them() {
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {mode: 0644, on: yes, quoted: 'yes', big: 1e3}\n";
    let expected = "apiVersion: v1\ndata:\n  big: 1000\n  mode: 420\n  quoted: \"yes\"\n  \"true\": true\nkind: ConfigMap\nmetadata:\n  name: a";
    check(&[("d/a.yaml", text)], &Parameters::default(), expected);
}

#[test]
fn lists_and_streams_are_taken_apart() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A}\n- {apiVersion: v1, kind: BList, items: [{apiVersion: v1, kind: B}]}\n";
    let json = "{\"apiVersion\": \"v1\",\n\t\"kind\": \"C\"}";
    let files = [("d/a.yaml", list), ("d/b.yaml", "---\n# nothing\n---\n"), ("d/c.json", json)];
    check(
        &files,
        &Parameters::default(),
        "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: B\n---\napiVersion: v1\nkind: C",
    );
}

#[test]
fn other_yaml_is_passed_over_and_half_a_manifest_is_not() {
    check(
        &[("d/values.yaml", "image: x\n"), ("d/t.yaml", "{{ if x }}\n")],
        &Parameters::default(),
        "# d/t.yaml holds no Kubernetes object and was passed over\n# d/values.yaml holds no Kubernetes object and was passed over",
    );
    // What a folder says about itself as a source is nothing to warn of.
    check(
        &[("d/.argocd-source.yaml", "kustomize: {}\n"), ("d/.argocd-source-a.yaml", "directory: {recurse: true}\n")],
        &Parameters::default(),
        "",
    );
    let broken = "apiVersion: v1\nkind: A\nmetadata:\n  name: a\n name: b\n";
    let tree = Tree([("d/a.yaml", broken)].into());
    let error = rendered(&tree, "d", &Parameters::default()).unwrap_err();
    assert!(error.is("invalid") && error.message.starts_with("d/a.yaml:5:"), "{error:?}");
    assert!(error.details.unwrap().contains(r#""line":5"#));
    let second = "apiVersion: v1\nkind: A\n---\nfoo: bar\n";
    check(
        &[("d/a.yaml", second)],
        &Parameters::default(),
        "invalid: d/a.yaml:4:1: the object has no `apiVersion`\n{\"column\":1,\"line\":4,\"path\":\"d/a.yaml\"}",
    );
    check(
        &[("d/a.json", "{\"a\": }")],
        &Parameters::default(),
        "invalid: d/a.json:1:7: it is not JSON: expected value\n{\"column\":7,\"line\":1,\"path\":\"d/a.json\"}",
    );
}

#[test]
fn what_is_marked_is_left_out_and_jsonnet_is_refused() {
    check(&[("d/a.yaml", "# +argocd:skip-file-rendering\nfoo: [")], &Parameters::default(), "");
    check(&[("d/a.jsonnet", "{}")], &Parameters::default(), "unsupported: d/a.jsonnet: Jsonnet is not rendered");
    let exclude = Parameters { exclude: Some("*.jsonnet".to_owned()), ..Parameters::default() };
    check(&[("d/a.jsonnet", "{}")], &exclude, "");
}

#[test]
fn links_are_followed() {
    let files = [("d/a.yaml", "->x/real.yaml"), ("x/real.yaml", A)];
    check(&files, &Parameters::default(), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a");
    check(
        &[("d/a.yaml", "->gone")],
        &Parameters::default(),
        "invalid: d/a.yaml: the link leads nowhere, or out of the repository",
    );
}
