//! Kustomizations in which an edit would be a guess, or not be what is pulled: each is refused, and says where.

#[path = "support/edits.rs"]
mod support;

use kustomize::edit::edit;
use support::{change, check, digest, refused};

#[test]
fn anchors_and_aliases() {
    // The alias alone is replaced, an anchor that nobody uses stays.
    check("a: &v v1\nimages:\n- name: app\n  newTag: *v\n", "v2", "a: &v v1\nimages:\n- name: app\n  newTag: v2\n");
    check("images:\n- name: app\n  newTag: &v v1\n", "v2", "images:\n- name: app\n  newTag: &v v2\n");
    check("a: &n app\nimages:\n- name: *n\n  newTag: v1\n", "v2", "a: &n app\nimages:\n- name: *n\n  newTag: v2\n");
    check("images:\n- name: app\n  newTag: !!str 1.0\n", "1.1", "images:\n- name: app\n  newTag: !!str \"1.1\"\n");
    let shared = "this has an anchor that is used elsewhere, which would change as well";
    refused("images:\n- name: app\n  newTag: &v v1\na: *v\n", "v2", &format!("{shared} (line 3, column 14)"));
    refused("images:\n- &i\n  name: app\n  newTag: v1\na: *i\n", "v2", &format!("{shared} (line 3, column 3)"));
    refused("images: &i\n- name: app\n  newTag: v1\na: *i\n", "v2", &format!("{shared} (line 2, column 3)"));
    refused("a: &i []\nimages: *i\n", "v2", "`images` is not a list (line 2, column 9)");
    refused("a: &i {name: app}\nimages:\n- *i\n", "v2", "this item of `images` is not a mapping (line 3, column 3)");
    refused(
        "a: &i {newTag: v1}\nimages:\n- name: app\n  <<: *i\n",
        "v2",
        "this item of `images` takes fields from elsewhere by `<<` (line 4, column 3)",
    );
}

#[test]
fn what_would_be_a_guess_is_refused() {
    let item = "images:\n- name: app\n  newTag: v1\n";
    refused(&format!("{item}---\na: b\n"), "v2", "the file holds several documents (line 4, column 1)");
    refused(&format!("{item}- name: app\n"), "v2", "`images` has a second item for `app` (line 4, column 3)");
    refused(&format!("{item}  newTag: v1\n"), "v2", "the key `newTag` is there twice (line 4, column 3)");
    refused(&format!("{item}images: []\n"), "v2", "the key `images` is there twice (line 4, column 1)");
    refused("images: app\n", "v2", "`images` is not a list (line 1, column 9)");
    refused("images: {name: app}\n", "v2", "`images` is not a list (line 1, column 9)");
    refused("images:\n- app\n", "v2", "this item of `images` is not a mapping (line 2, column 3)");
    refused("- a\n", "v2", "the file is not a mapping, so it is no kustomization (line 1, column 1)");
    refused("", "v2", "the file is empty");
    refused("kind: Deployment\n", "v2", "`kind` is neither Kustomization nor Component (line 1, column 7)");
    refused(
        "images:\n- name: app\n  newTag: {{ .Tag }}\n",
        "v2",
        "this is a template (`{{`), not a kustomization (line 3, column 11)",
    );
    refused("a: v{{ .Tag }}\n", "v2", "this is a template (`{{`), not a kustomization (line 1, column 4)");
    refused("images:\n- name: app\n  newTag: |\n    v1\n", "v2", "this value spans several lines (line 3, column 3)");
    refused(
        "images:\n- name: app\n  newTag: \"v\n    1\"\n",
        "v2",
        "this value spans several lines (line 3, column 3)",
    );
    refused("images:\n- name: app\n  newTag: [v1]\n", "v2", "`newTag` is not a text (line 3, column 11)");
    let braces = "put this item in braces: `{…}`";
    refused("images: [name: app]\n", "v2", &format!("{braces} (line 1, column 10)"));
    refused("images: [{name: app}, ? name: b]\n", "v2", &format!("{braces} (line 1, column 23)"));
    refused("a: b\n...\n", "v2", "the document is ended by `...`, so nothing can be added at its end");
    refused("a: |\n  b", "v2", "a line break after this block would become a part of it (line 2, column 3)");
    refused("a: b\rc: d\r", "v2", "the file ends lines by a carriage return alone");
    for broken in ["images: [\n", "a: b: c\n", "\ta: b\n", "{{ if }}\na: b\n", "a: *b\n"] {
        assert!(edit(broken, &change("app", "v2")).is_err(), "{broken}");
    }
}

#[test]
fn keys_that_only_kustomize_takes_for_a_field() {
    let spelled = |wrong: &str, right: &str, place: &str| {
        format!("kustomize takes `{wrong}` for `{right}`: spell it so (line {place})")
    };
    for (wrong, right) in [
        ("newtag", "newTag"),
        ("NEWNAME", "newName"),
        ("DIGEST", "digest"),
        ("digeſt", "digest"),
        ("tagsuffix", "tagSuffix"),
        ("TAGſUFFIX", "tagSuffix"),
        ("Name", "name"),
    ] {
        // In any item: what another item is for, and what it sets, counts as well.
        for first in ["app", "b"] {
            let source = format!("images:\n- name: {first}\n  {wrong}: v1\n- newTag: v1\n  \"name\": c\n");
            refused(&source, "v2", &spelled(wrong, right, "3, column 3"));
        }
    }
    for (wrong, right) in [
        ("Images", "images"),
        ("imageſ", "images"),
        ("\"IMAGES\"", "images"),
        ("imagetags", "imageTags"),
        ("Kind", "kind"),
        ("\u{212a}ind", "kind"),
    ] {
        let source = format!("{wrong}:\n- name: app\n  newTag: v1\n");
        refused(&source, "v2", &spelled(wrong.trim_matches('"'), right, "1, column 1"));
        let source = format!("images: []\n{wrong}: Kustomization\n");
        refused(&source, "v2", &spelled(wrong.trim_matches('"'), right, "2, column 1"));
    }
    // Elsewhere, and beyond the case of letters, keys are nobody's business.
    check(
        "images:\n- name: app\n  new-tag: v1\nX: {Images: a, newtag: b}\n",
        "v2",
        "images:\n- name: app\n  newTag: v2\n  new-tag: v1\nX: {Images: a, newtag: b}\n",
    );
}

#[test]
fn keys_that_hide_what_they_are() {
    let alias = "this key is an alias: write it out";
    refused("a: &k newTag\nimages:\n- name: app\n  *k : v1\n", "v2", &format!("{alias} (line 4, column 3)"));
    refused("a: &k images\n*k : []\n", "v2", &format!("{alias} (line 2, column 1)"));
    let tag = "this key has a tag: write it without";
    refused("images:\n- name: app\n  !!binary bmV3VGFn: v1\n", "v2", &format!("{tag} (line 3, column 12)"));
    refused("images:\n- name: !!binary YXBw\n", "v2", "this name has a tag: write it without (line 2, column 18)");
    check("images:\n- !!str name: app\n", "v2", "images:\n- !!str name: app\n  newTag: v2\n");
    let old = "`imageTags` is the old name of `images`: run `kustomize edit fix`";
    refused("imageTags:\n- name: app\n  newTag: v1\n", "v2", &format!("{old} (line 1, column 1)"));
    refused("images: []\n'imageTags': []\n", "v2", &format!("{old} (line 2, column 1)"));
    let merge = "the file takes keys from elsewhere by `<<`, and `images` may be one of them";
    refused("<<: {images: [{name: app, newTag: v1}]}\n", "v2", &format!("{merge} (line 1, column 1)"));
    refused("a: &a {images: []}\n<<: *a\nimages: []\n", "v2", &format!("{merge} (line 2, column 1)"));
}

#[test]
fn line_breaks_that_only_kustomize_sees() {
    for code in ["0085", "2028", "2029"] {
        let character = char::from_u32(u32::from_str_radix(code, 16).expect("a code")).expect("a character");
        let why = format!("U+{code} ends a line for kustomize and for no editor: remove it, or write an escape");
        let source = format!("images:\n- name: app\n  newTag: v1 # ä{character}  digest: x\n");
        refused(&source, "v2", &format!("{why} (line 3, column 17)"));
        refused(&format!("\u{feff}# {character}images: []\n"), "v2", &format!("{why} (line 1, column 3)"));
    }
    check("a: \"\\N\"\nimages:\n- name: app\n", "v2", "a: \"\\N\"\nimages:\n- name: app\n  newTag: v2\n");
}

#[test]
fn other_items_that_take_the_image() {
    let later = |name: &str, line: usize| {
        format!("this later item changes `{name}` once more, after the item for `app` (line {line}, column 3)")
    };
    let list = "images:\n- name: app\n  newName: r/app\n  newTag: v1\n- name: ";
    refused(&format!("{list}r/app\n  newTag: v9\n"), "v2", &later("r/app", 5));
    refused(&format!("{list}'r/app:v2'\n  digest: x\n"), "v2", &later("r/app", 5));
    refused(&format!("a: &n r/app\n{list}*n\n  newTag: v9\n"), "v2", &later("r/app", 6));
    refused(&format!("{list}r.app\n  newName: x\n"), "v2", &later("r/app", 5));
    refused(&format!("{list}r/a.*\n  newTag: x\n"), "v2", &later("r/app", 5));
    // It is no less so where nothing is to be set.
    refused(&format!("{list}r/app\n  newTag: v9\n"), "v1", &later("r/app", 5));
    // The new name is what counts.
    let renamed = "images:\n- name: app\n  newTag: v1\n- name: r/app\n  newTag: v9\n";
    check(renamed, "v2", &renamed.replace("v1", "v2"));
    refused(renamed, "r/app:v2", &later("r/app", 4));
    for harmless in ["r/app\n", "r/app\n  newTag: ''\n", "r/app:v1\n  newTag: v9\n", "x/r/app\n  newTag: v9\n"] {
        let source = format!("{list}{harmless}");
        check(&source, "v2", &source.replacen("v1", "v2", 1));
    }
    let earlier = "this item takes `app` first, and under its new name nothing else would (line 2, column 3)";
    refused("images:\n- name: a.p\n  newName: x\n- name: app\n  newTag: v1\n", "v2", earlier);
    refused("images:\n- name: a.p\n  newName: x\n", "v2", earlier);
    let made = "this item makes `b` an `app`, which a new item for `app` would change (line 2, column 3)";
    refused("images:\n- name: b\n  newName: app\n  newTag: v1\n", "v2", made);
    let before = "images:\n- name: a.p\n  newTag: x\n- name: app\n  newTag: v1\n- name: b\n";
    check(before, "v2", &before.replace("v1", "v2"));
}

#[test]
fn keys_with_anchors() {
    let shared = "this has an anchor that is used elsewhere, which would change as well";
    let digest = digest();
    let source = "images:\n- name: app\n  &k newTag: v1\na: *k\n";
    refused(source, &digest, &format!("{shared} (line 3, column 6)"));
    let both = format!("images:\n- name: app\n  &k newTag: v1\n  digest: {digest}\na: *k\n");
    refused(&both, &digest, &format!("{shared} (line 3, column 6)"));
    refused(&both.replace("a: *k\n", ""), &digest, "`newTag` must go, but it has an anchor (line 3, column 6)");
    check("images:\n- name: app\n  &k newTag: v1\n", "app@D", "images:\n- name: app\n  &k digest: @D\n");
    check(source, "v2", &source.replace("v1", "v2"));
    check("images: [{digest: @D, &k name: app, newTag: v1}]", "v2", "images: [{&k name: app, newTag: v2}]");
}
