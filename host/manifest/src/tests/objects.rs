//! Rendered objects as lines, and what is hidden in them.

use crate::{objects, scalar};
use proptest::prelude::*;

fn shown(stream: &str) -> String {
    let object = |object: Result<crate::Object, usize>| match object {
        Ok(object) => {
            let lines: Vec<_> =
                object.lines.iter().map(|line| format!("{}\n", format!("  {}", line.text()).trim_end())).collect();
            format!("{}\n{}", object.name, lines.concat())
        }
        Err(bytes) => format!("{bytes} bytes\n"),
    };
    objects(stream).into_iter().map(object).collect()
}

#[test]
fn one_form_however_it_is_written() {
    insta::assert_snapshot!(shown(
        "# a comment\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop, labels: {}}\nspec:\n  replicas: 0x3\n  mode: 0644\n  args: ['--x', \"no\", \"0644\", [a, {b: c, d: [e]}], []]\n  template:\n      - name: a\n        ports: [{port: 80}]\n      -\n        text: |\n          one\n\n          two\n        empty:\n        last: >-\n          folded\n          text\n---\n--- \n# nothing\n---\n{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"kind\": \"ConfigMap\", \"metadata\": {\"generateName\": \"a-\"}}, 5]}\n---\nkind: [\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a, name: b}\n---\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}\n"
    ), @r#"
    Deployment shop/web
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: web
        namespace: shop
        labels: {}
      spec:
        replicas: 0x3
        mode: 0644
        args:
        - "--x"
        - "no"
        - "0644"
        - - a
          - b: c
            d:
            - e
        - []
        template:
        - name: a
          ports:
          - port: 80
        - text: |
            one

            two
          empty: null
          last: folded text
    ConfigMap a-*
      kind: ConfigMap
      metadata:
        generateName: a-
    object 
      5
    12 bytes
    82 bytes
    Certificate.cert-manager.io a
      apiVersion: cert-manager.io/v1
      kind: Certificate
      metadata:
        name: a
    "#);
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\ntype: Opaque\nmetadata:\n  name: login\n  annotations:\n    team: shop\n    kubectl.kubernetes.io/last-applied-configuration: '{pa55}'\n# pa55\ndata:\n  password: pa55\n  keys: [pa55, {pa55: pa55}]\nstringData: pa55\nunknown: {a: {b: pa55}}\n";

#[test]
fn the_content_of_a_secret_is_compared_and_not_shown() {
    let listed = format!("kind: List\nitems:\n- kind: ConfigMap\n  spec:\n    template:\n{}", indented(SECRET, 6));
    let all = shown(&format!("{SECRET}---\n{listed}---\nkind: Pod\nspec: {{from: {{kind: Secret, name: login}}}}\n"));
    assert!(!all.contains("pa55"), "{all}");
    insta::assert_snapshot!(all, @"
    Secret login
      apiVersion: v1
      kind: Secret
      type: Opaque
      metadata:
        name: login
        annotations:
          team: shop
          kubectl.kubernetes.io/last-applied-configuration: (hidden)
      data:
        password: (hidden)
        keys: (hidden)
      stringData: (hidden)
      unknown:
        a: (hidden)
    ConfigMap 
      kind: ConfigMap
      spec:
        template:
          apiVersion: v1
          kind: Secret
          type: Opaque
          metadata:
            name: login
            annotations:
              team: shop
              kubectl.kubernetes.io/last-applied-configuration: (hidden)
          data:
            password: (hidden)
            keys: (hidden)
          stringData: (hidden)
          unknown:
            a: (hidden)
    Pod 
      kind: Pod
      spec:
        from:
          kind: Secret
          name: login
    ");
    let of = |text: &str| objects(text).remove(0).unwrap();
    let (one, other) = (of(SECRET), of(&SECRET.replace("password: pa55", "password: word")));
    let differ: Vec<_> = one.lines.iter().zip(&other.lines).filter(|(a, b)| a != b).collect();
    assert_eq!(format!("{differ:?}"), "[(  password: (hidden),   password: (hidden))]");
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

#[test]
fn scalars_are_quoted_where_some_reader_would_take_them_for_something_else() {
    for plain in ["shop", "apps/shop", "https://git.example.com/a:b", "a b", "_x", "/srv/x.git"] {
        assert_eq!(scalar(plain), plain);
    }
    for other in ["", "No", "~", "1", "1e3", "0x1", ".5", "a: b", "a:", "a ", " a", "#a", "a #b", "*", "é", "-", "NaN"]
    {
        assert!(scalar(other).starts_with('"'), "{other:?}");
    }
}

proptest! {
    #[test]
    fn a_scalar_is_read_back_as_it_was(text in "\\PC{0,12}|[ -~\\n\\t\\x00-\\x1f]{0,12}") {
        let file = format!("a:\n- {}\nb: {{c: {}}}\n", scalar(&text), scalar(&text));
        let mut sink = crate::diagnostic::Sink::default();
        let node = crate::yaml::parse(&file, &mut sink).unwrap();
        let expected = serde_json::json!({"a": [text], "b": {"c": text}});
        prop_assert_eq!(node.to_json(), expected);
    }

    #[test]
    fn no_stream_panics(text in "(kind: |Secret\n|data:\n|  a: b\n|---\n|[{}\\[\\],:&*a!|>\"' \n-]){0,24}") {
        for object in objects(&text).into_iter().flatten() {
            prop_assert!(!object.lines.is_empty());
        }
    }
}
