//! Edits of kustomizations: text in, text out.

#[path = "support/edits.rs"]
mod support;

use kustomize::edit::edit;
use support::{change, check, digest, refused};

#[test]
fn only_the_value_changes() {
    check("images:\n- name: app\n  newTag: v1\n", "v2", "images:\n- name: app\n  newTag: v2\n");
    check(
        "# head\nimages: # all\n  - newTag: 'v1' # pinned\n    name:   \"app\"\nresources: [a]",
        "v2",
        "# head\nimages: # all\n  - newTag: 'v2' # pinned\n    name:   \"app\"\nresources: [a]",
    );
    check("images:\r\n- name: app\r\n  newTag: v1\r\n", "v2", "images:\r\n- name: app\r\n  newTag: v2\r\n");
    check("\u{feff}images:\n- name: app\n  newTag: v1", "v2", "\u{feff}images:\n- name: app\n  newTag: v2");
    check(
        "\u{feff}# ä\nimages:\n- name: app\n  newTag: v1 # ö",
        "v2",
        "\u{feff}# ä\nimages:\n- name: app\n  newTag: v2 # ö",
    );
    check("---\nimages:\n- name: app\n  newTag: v1\n...\n", "v2", "---\nimages:\n- name: app\n  newTag: v2\n...\n");
    check("images: [{name: app, newTag: \"1\"}]", "2", "images: [{name: app, newTag: \"2\"}]");
    check("images:\n- {newTag: v1, name: app}\n", "v2", "images:\n- {newTag: v2, name: app}\n");
    check(
        "{\"images\": [{\"name\": \"app\", \"newTag\": \"v1\"}]}",
        "v2",
        "{\"images\": [{\"name\": \"app\", \"newTag\": \"v2\"}]}",
    );
    check("images:\n-   newTag: v1\n    name: app\n", "v2", "images:\n-   newTag: v2\n    name: app\n");
    check("images:\n-\n  name: app\n  newTag: v1\n", "v2", "images:\n-\n  name: app\n  newTag: v2\n");
}

#[test]
fn what_would_be_retyped_is_quoted() {
    let source = "images:\n- name: app\n  newTag: v1\n";
    for tag in ["1.10", "1e3", "0123", "yes", "null", "12_000", "2026-11-23"] {
        check(source, tag, &format!("images:\n- name: app\n  newTag: \"{tag}\"\n"));
    }
    check("a: 'b'\nimages:\n- name: app\n  newTag: v1\n", "1.10", "a: 'b'\nimages:\n- name: app\n  newTag: '1.10'\n");
    // A tag that every reader takes for a number is not yet the tag.
    check("images:\n- name: app\n  newTag: 1.10\n", "1.10", "images:\n- name: app\n  newTag: \"1.10\"\n");
}

#[test]
fn a_tag_and_a_digest_replace_each_other_in_their_line() {
    check("images:\n- name: app\n  digest: @D # x\n", "v2", "images:\n- name: app\n  newTag: v2 # x\n");
    check("images:\n- name: app\n  newTag: 'v1'\n", "app@D", "images:\n- name: app\n  digest: '@D'\n");
    check("images: [{name: app, newTag: v1}]\n", "app@D", "images: [{name: app, digest: \"@D\"}]\n");
    check("images: [{\"newTag\": \"v1\", name: app}]\n", "app@D", "images: [{\"digest\": \"@D\", name: app}]\n");
}

#[test]
fn of_both_the_other_one_goes() {
    let both = "images:\n- name: app\n  newTag: v1 # t\n  digest: @D\n- name: b\n";
    check(both, "v2", "images:\n- name: app\n  newTag: v2 # t\n- name: b\n");
    check(both, "app@D", "images:\n- name: app\n  digest: @D\n- name: b\n");
    check("images:\n- name: app\n  newTag: v1\n  digest: @D", "v2", "images:\n- name: app\n  newTag: v2");
    check(
        "images:\r\n- name: app\r\n  newTag: v1\r\n  digest: @D\r\n",
        "v2",
        "images:\r\n- name: app\r\n  newTag: v2\r\n",
    );
    check("images:\n- digest: @D\n  name: app\n  newTag: v1\n", "v2", "images:\n- name: app\n  newTag: v2\n");
    check("images: [{digest: @D, name: app, newTag: v1}]", "v2", "images: [{name: app, newTag: v2}]");
    check("images: [{name: app, digest: @D, newTag: v1}]", "v2", "images: [{name: app, newTag: v2}]");
    check("images: [{name: app, newTag: v1, x: , digest: @D}]", "v2", "images: [{name: app, newTag: v2, x: }]");
    // A last value without a line break, in a file that goes on with comments.
    check(
        "images:\n- name: app\n  newTag: v1\n  digest: @D\n# end\n",
        "v2",
        "images:\n- name: app\n  newTag: v2\n# end\n",
    );
}

#[test]
fn missing_fields_come_after_the_name() {
    check("images:\n- name: app\n", "v2", "images:\n- name: app\n  newTag: v2\n");
    check("images:\n  - name: 'app' # x\n", "v2", "images:\n  - name: 'app' # x\n    newTag: 'v2'\n");
    check("images:\n- name: app", "r/app:v2@D", "images:\n- name: app\n  newName: r/app\n  newTag: v2\n  digest: @D");
    check("images:\n- newName: r/app\n  name: app\n", "v2", "images:\n- newName: r/app\n  newTag: v2\n  name: app\n");
    check("images:\r\n- name: app\r\n- name: b\r\n", "v2", "images:\r\n- name: app\r\n  newTag: v2\r\n- name: b\r\n");
    check("images: [{name: app}]", "app:v2@D", "images: [{name: app, newTag: v2, digest: \"@D\"}]");
    check("images: [{\"name\": \"app\"}]", "v2", "images: [{\"name\": \"app\", \"newTag\": \"v2\"}]");
    check("images:\n- name: app\n  newTag: v1\n", "app:v1@D", "images:\n- name: app\n  newTag: v1\n  digest: @D\n");
    check("images:\n- name: app\n  newTag:\n", "v2", "images:\n- name: app\n  newTag: v2\n");
    check(
        "images:\n- name: app\n  newTag: \"\"\n  digest: ''\n",
        "v2",
        "images:\n- name: app\n  newTag: \"v2\"\n  digest: ''\n",
    );
}

#[test]
fn a_new_name_is_set_where_it_differs() {
    check("images:\n- name: app\n  newTag: v1\n", "app:v2", "images:\n- name: app\n  newTag: v2\n");
    check(
        "images:\n- name: app\n  newTag: v1\n",
        "r:5/app:v1",
        "images:\n- name: app\n  newName: r:5/app\n  newTag: v1\n",
    );
    check(
        "images:\n- name: app\n  newName: old # n\n  newTag: v1\n",
        "new:v2",
        "images:\n- name: app\n  newName: new # n\n  newTag: v2\n",
    );
    check(
        "images:\n- name: app\n  newName: old\n  newTag: v1\n",
        "v2",
        "images:\n- name: app\n  newName: old\n  newTag: v2\n",
    );
    check(
        "images: [{name: app, newTag: v1}]\n",
        "r:5000/app:v1",
        "images: [{name: app, newName: \"r:5000/app\", newTag: v1}]\n",
    );
}

#[test]
fn an_image_without_an_item_gets_one() {
    check("images:\n- name: b\n  newTag: v1\n", "v2", "images:\n- name: b\n  newTag: v1\n- name: app\n  newTag: v2\n");
    check(
        "images:\n  -   name: 'b' # b\n\n# end\nresources:\n",
        "r/app:v2",
        "images:\n  -   name: 'b' # b\n  -   name: 'app'\n      newName: 'r/app'\n      newTag: 'v2'\n\n# end\nresources:\n",
    );
    check("images: []\n", "v2", "images: [{name: app, newTag: v2}]\n");
    check("images: [{name: b},\n]\n", "v2", "images: [{name: b}, {name: app, newTag: v2},\n]\n");
    check(
        "images: [{\"name\": \"b\"}]",
        "1.0",
        "images: [{\"name\": \"b\"}, {\"name\": \"app\", \"newTag\": \"1.0\"}]",
    );
    check("images:\n- {name: b}\n", "v2", "images:\n- {name: b}\n- name: app\n  newTag: v2\n");
    check(
        "images: # none\nresources:\n  - a\n",
        "v2",
        "images: # none\n  - name: app\n    newTag: v2\nresources:\n  - a\n",
    );
    check("images:", "v2", "images:\n- name: app\n  newTag: v2");
    check("resources:\n  - a\n", "v2", "resources:\n  - a\nimages:\n  - name: app\n    newTag: v2\n");
    check("resources:\r\n- a", "v2", "resources:\r\n- a\r\nimages:\r\n- name: app\r\n  newTag: v2");
    check("resources: [a]\n# end", "v2", "resources: [a]\n# end\nimages:\n- name: app\n  newTag: v2");
    check("a: |\n  b\n\n", "v2", "a: |\n  b\n\nimages:\n- name: app\n  newTag: v2\n");
    check(
        "{\"resources\": [\"a\"]}\n",
        "v2",
        "{\"resources\": [\"a\"], \"images\": [{\"name\": \"app\", \"newTag\": \"v2\"}]}\n",
    );
    // To some readers `kind:,` would be a key.
    check("{a: b, kind: }", "v2", "{a: b, kind: , images: [{name: app, newTag: v2}] }");
    check("{resources: [a]}", "v2", "{resources: [a], images: [{name: app, newTag: v2}]}");
}

#[test]
fn a_long_list_that_is_commented_out() {
    let comments = "  # - name: old\n".repeat(300);
    let list = format!("images:\n{comments}  - name: app\n    newTag: ");
    check(&format!("{list}v1\n"), "v2", &format!("{list}v2\n"));
}

#[test]
fn a_field_in_braces_goes_with_no_comment_but_its_own() {
    let whole = |field: &str| format!("images: [{{\n  name: app, # n\n  newTag: v1, # t\n{field}}}]\n");
    let rest = "images: [{\n  name: app, # n\n  newTag: v2, # t\n}]\n";
    check(&whole("  digest: @D # d\n"), "v2", rest);
    check(&whole("  digest: @D\n"), "v2", rest);
    check(&whole("  digest: @D, # d\n"), "v2", rest);
    check(&whole("  digest: @D # d\n").replace('\n', "\r\n"), "v2", &rest.replace('\n', "\r\n"));
    check(
        "images: [{\n  digest: @D, # d\n  name: app, # n\n  newTag: v1 # t\n}]\n",
        "v2",
        "images: [{\n  name: app, # n\n  newTag: v2 # t\n}]\n",
    );
    check(
        "images: [{\n  name: app, # n\n  # why\n  digest: @D, # d\n  newTag: v1\n}]\n",
        "v2",
        "images: [{\n  name: app, # n\n  # why\n  newTag: v2\n}]\n",
    );
    for first in ["digest: @D, # d\n ", "digest: @D # d\n , "] {
        let source = format!("images: [{{{first}name: app, # n\n newTag: v1}}]\n");
        check(&source, "v2", "images: [{name: app, # n\n newTag: v2}]\n");
    }
    check(
        "images: [{\n  digest: @D,\n  # n\n  name: app,\n  newTag: v1 }]\n",
        "v2",
        "images: [{\n  # n\n  name: app,\n  newTag: v2 }]\n",
    );
    check(
        "images: [{\n  name: app,\n  newTag: v1,\n\n  digest: @D\n}]\n",
        "v2",
        "images: [{\n  name: app,\n  newTag: v2,\n\n}]\n",
    );
    // JSON stays JSON.
    check(
        "{\"images\": [\n  {\n    \"name\": \"app\",\n    \"newTag\": \"v1\",\n    \"digest\": \"@D\"\n  }\n]}\n",
        "v2",
        "{\"images\": [\n  {\n    \"name\": \"app\",\n    \"newTag\": \"v2\"\n  }\n]}\n",
    );
    check("images: [{name: app, newTag: v1, digest: @D} # i\n]\n", "v2", "images: [{name: app, newTag: v2} # i\n]\n");
    let foreign = "`digest` must go, but this comment would go with it";
    let digest = digest();
    for (field, place) in [
        (format!("name: app, # n\n  digest: {digest}, newTag: v1"), "2, column 14"),
        (format!("name: app # n\n  , newTag: v1 # t\n  , digest: {digest}"), "3, column 16"),
        (format!("name: app, newTag: v1, # t\n  digest: # d\n    {digest}\n"), "3, column 11"),
        (format!("name: app, # n\n  digest: # d\n    {digest}, # e\n newTag: v1\n"), "3, column 11"),
    ] {
        refused(&format!("images: [{{\n  {field}}}]\n"), "v2", &format!("{foreign} (line {place})"));
    }
}

#[test]
fn a_line_that_goes_takes_only_its_own_comment() {
    check(
        "images:\n- name: app\n  # t\n  newTag: v1 # u\n  # d\n  digest: @D # e\n  # f\n",
        "v2",
        "images:\n- name: app\n  # t\n  newTag: v2 # u\n  # d\n  # f\n",
    );
    check("images:\n- digest: @D # d\n  name: app\n  newTag: v1\n", "v2", "images:\n- name: app\n  newTag: v2\n");
    check(
        "images:\n- name: app\n  newTag: v1\n  digest: @D # d\n",
        "r/app:v2",
        "images:\n- name: app\n  newName: r/app\n  newTag: v2\n",
    );
    let comment = "`digest` must go, but this comment would go with it";
    let source = format!("images:\n- name: app\n  newTag: v1\n  digest: # d\n    {}\n", digest());
    refused(&source, "v2", &format!("{comment} (line 4, column 11)"));
}

#[test]
fn null_is_an_empty_list() {
    for null in ["null", "~", "Null", "NULL", "!!null", "!!null null", "!!null ~"] {
        check(
            &format!("images:  {null} # none\na:\n  - b\n"),
            "v2",
            "images: # none\n  - name: app\n    newTag: v2\na:\n  - b\n",
        );
        check(&format!("a: b\r\nimages: {null}"), "v2", "a: b\r\nimages:\r\n- name: app\r\n  newTag: v2");
        check(&format!("images:\n  # none\n  {null}\n"), "v2", "images:\n  # none\n  [{name: app, newTag: v2}]\n");
        check(&format!("{{a: b, images: {null}, c: d}}"), "v2", "{a: b, images: [{name: app, newTag: v2}], c: d}");
    }
    check("{a: b, images: }", "v2", "{a: b, images: [{name: app, newTag: v2}] }");
    check("{a: b, images:, c: d}", "v2", "{a: b, images: [{name: app, newTag: v2}], c: d}");
    check("{\n  \"images\": null\n}\n", "v2", "{\n  \"images\": [{\"name\": \"app\", \"newTag\": \"v2\"}]\n}\n");
    refused("images: &n null\na: *n\n", "v2", "`images` is not a list (line 1, column 12)");
    refused("images: &n\n", "v2", "`images` is not a list (line 1, column 11)");
    refused("images: 'null'\n", "v2", "`images` is not a list (line 1, column 9)");
}

#[test]
fn a_new_item_comes_after_the_comments_of_the_last() {
    check(
        "images:\n- name: b # b\n  # b as well\n\n  # - name: c\n# the rest\na: b\n",
        "v2",
        "images:\n- name: b # b\n  # b as well\n\n  # - name: c\n- name: app\n  newTag: v2\n# the rest\na: b\n",
    );
    check(
        "images:\n  - {name: b}\n    # b\n\n  # all\n",
        "v2",
        "images:\n  - {name: b}\n    # b\n  - name: app\n    newTag: v2\n\n  # all\n",
    );
    check("images:\r\n- name: b\r\n  # b", "v2", "images:\r\n- name: b\r\n  # b\r\n- name: app\r\n  newTag: v2");
}

#[test]
fn items_and_values_in_rare_shapes() {
    let new = "- name: app\n  newTag: v2\n";
    for last in [
        "-\n  name: b\n",
        "-\n\n  # c\n  name: b\n",
        "- # c\n  name: b\n",
        "- &b\n  name: b\n",
        "- &b # c\n  name: b\n",
        "- !!map\n  name: b\n",
        "- &b {name: b}\n",
        "- name: b\n  newTag:\n",
        "- name: b\n  newTag: # none\n",
        "- name: b\n  newTag: >-\n    v1\n",
        "- name: b\n  newTag: |- # c\n    v1\n\n",
        "- name: b\n  x: |\n    v1\n  # c\n",
        "- name: b\n  x:\n    y:\n",
        "- name: b\n  x:\n    y: |-\n      z\n",
    ] {
        let end = last.trim_end_matches('\n').len() + 1;
        let expected = format!("images:\n{}{new}{}a: b\n", &last[..end], &last[end..]);
        check(&format!("images:\n{last}a: b\n"), "v2", &expected);
    }
    check(
        "images:\n- name: b\n  newTag: >-\n    v1",
        "v2",
        "images:\n- name: b\n  newTag: >-\n    v1\n- name: app\n  newTag: v2",
    );
    let block = "a line break after this block would become a part of it (line 4, column 5)";
    refused("images:\n- name: b\n  x: |\n    v1", "v2", block);
    let end = "this value has no end that is certain, so nothing can be put behind it (line 4, column 5)";
    refused("images:\n- name: b\n  x: |+\n    v1\n\na: b\n", "v2", end);
    refused("images:\n- name: b\n  x: &x\n", "v2", "this value is an anchor or a tag alone (line 3, column 8)");
    check(
        "a:\n- patch: |-\n    - op: add\n      value: b",
        "v2",
        "a:\n- patch: |-\n    - op: add\n      value: b\nimages:\n- name: app\n  newTag: v2",
    );
    check("images:\n- name:\n    app\n  x: y\n", "v2", "images:\n- name:\n    app\n  newTag: v2\n  x: y\n");
    check("images:\n- name: # n\n    app # o\n", "v2", "images:\n- name: # n\n    app # o\n  newTag: v2\n");
    check("images:\n- name: >-\n    app\n  x: y\n", "v2", "images:\n- name: >-\n    app\n  newTag: v2\n  x: y\n");
    let block = "images:\n- name: app\n  newTag: |- # t\n    v1\n\n# end\n";
    check(block, "v2", "images:\n- name: app\n  newTag: v2 # t\n\n# end\n");
    check(block, "app@D", "images:\n- name: app\n  digest: @D # t\n\n# end\n");
    check(block, "app:v1@D", "images:\n- name: app\n  newTag: |- # t\n    v1\n  digest: @D\n\n# end\n");
    check("images:\n- name: app\n  newTag: |-\n", "v2", "images:\n- name: app\n  newTag: v2\n");
    check("images:\n- name: app\n  newTag: |-\n\n# c", "v2", "images:\n- name: app\n  newTag: v2\n\n# c");
    for kind in ["", " ''", " null", " ~"] {
        let source = format!("kind:{kind}\nimages:\n- name: app\n  newTag: v1\n");
        check(&source, "v2", &source.replace("v1", "v2"));
    }
    refused("kind: []\nimages: []\n", "v2", "`kind` is neither Kustomization nor Component (line 1, column 7)");
}

#[test]
fn a_new_line_ends_as_the_line_before_it() {
    check("# x\r\nimages:\n- name: app\n", "v2", "# x\r\nimages:\n- name: app\n  newTag: v2\n");
    check("# x\nimages:\r\n- name: b\r\n", "v2", "# x\nimages:\r\n- name: b\r\n- name: app\r\n  newTag: v2\r\n");
    check("# x\r\na: b\n", "v2", "# x\r\na: b\nimages:\n- name: app\n  newTag: v2\n");
    check("# x\na: b\r\nimages:\r\n", "v2", "# x\na: b\r\nimages:\r\n- name: app\r\n  newTag: v2\r\n");
}

#[test]
fn names_that_are_placeholders() {
    for (image, written) in [
        ("_app_", "_app_"),
        ("app-", "app-"),
        ("ko://x/y", "ko://x/y"),
        ("{{app}}", "\"{{app}}\""),
        ("[::1]:5000/a", "\"[::1]:5000/a\""),
        ("a\"b", "\"a\\\"b\""),
    ] {
        let to_tag = |tag| change(image, tag);
        let added = edit("images:\n", &to_tag("v1")).expect(image).text;
        assert_eq!(added, format!("images:\n- name: {written}\n  newTag: v1\n"));
        assert_eq!(edit(&added, &to_tag("v2")).expect(image).text, added.replace("v1", "v2"));
        let added = edit("images: []\n", &to_tag("v1")).expect(image).text;
        assert_eq!(edit(&added, &to_tag("v2")).expect(image).text, added.replace("v1", "v2"));
    }
}
