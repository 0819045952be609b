//! What the tests of edits share: text in, text out.

use kustomize::edit::edit;
use kustomize::image::{Change, parse};

/// What a reference means for an image.
pub fn change(image: &str, reference: &str) -> Change {
    Change { image: image.to_owned(), ..parse(reference).expect("a valid reference") }
}

/// Some digest.
pub fn digest() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

/// Edits the image `app`. `@D` in reference and expectation stands for a digest.
#[track_caller]
pub fn check(source: &str, reference: &str, expected: &str) {
    let source = source.replace("@D", &digest());
    let change = change("app", &reference.replace("@D", &format!("@{}", digest())));
    let edited = edit(&source, &change).unwrap_or_else(|problem| panic!("{problem}\n{source}"));
    assert_eq!(edited.text, expected.replace("@D", &digest()), "from\n{source}");
    // Done twice is done once.
    assert_eq!(edit(&edited.text, &change).expect("the result can be edited").text, edited.text);
}

/// Does not edit the image `app`, and says why.
#[track_caller]
pub fn refused(source: &str, reference: &str, expected: &str) {
    let problem = edit(source, &change("app", reference)).expect_err(source);
    assert_eq!(problem.to_string(), expected, "of\n{source}");
}
