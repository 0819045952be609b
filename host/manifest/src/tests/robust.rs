//! Any text ends in diagnostics whose places are within it; nothing panics.

use super::Fake;
use crate::expression::{Place, analyse};
use crate::{Scope, Source, applications, evaluate, host, pipeline, render, to_json};
use proptest::prelude::*;

const VALID: [&str; 4] = [
    include_str!("my-app.yaml"),
    include_str!("infrastructure.yaml"),
    include_str!("host.yaml"),
    include_str!("application.yaml"),
];

fn survive(text: String) {
    let source = Source::new("x.yaml", text);
    let declared = applications(&source);
    let mut all = vec![pipeline(&source, &Fake).diagnostics, host(&source).diagnostics, declared.diagnostics];
    all.extend(declared.documents.into_iter().map(|document| document.diagnostics));
    for diagnostics in all {
        for diagnostic in &diagnostics {
            assert!(source.text.get(diagnostic.span.clone()).is_some(), "{diagnostic:?}");
            assert!(crate::CODES.iter().any(|(code, _)| *code == diagnostic.code));
        }
        render(&source, &diagnostics, false);
        render(&source, &diagnostics, true);
        to_json(&source, &diagnostics);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text(text in "\\PC{0,200}") {
        survive(text);
    }

    #[test]
    fn arbitrary_yaml(text in "[ab:,\\[\\]{}&*!|>'\"#?\\- \n\t\r%@~<$ü\u{feff}]{0,120}") {
        survive(text);
    }

    #[test]
    fn mutated_files(
        which in 0usize..4,
        at in any::<prop::sample::Index>(),
        length in 0usize..40,
        insert in "[ab:,\\[\\]{}&*!|>'\"#?\\- \n\t$ü(]{0,12}",
    ) {
        let mut text = VALID[which].to_owned();
        let start = crate::source::floor(&text, at.index(text.len()));
        let end = crate::source::floor(&text, start + length).max(start);
        text.replace_range(start..end, &insert);
        survive(text);
    }

    #[test]
    fn arbitrary_expressions(text in "[a-z0-9'\"\\\\.(),\\[\\]{}?:&|!=<>+*/% \\-ü\n]{0,60}") {
        let (_, analysis) = analyse(&text, Place::ANY);
        for problem in &analysis.problems {
            prop_assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
        }
        let _ = evaluate(&text, &Scope::default());
        survive(format!("apiVersion: tidegate.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  steps:\n    a:\n      uses: forge/comment\n      with:\n        body: |\n          ${{{{ {text} }}}}\n"));
    }

    #[test]
    fn built_expressions(parts in prop::collection::vec(prop::sample::select(vec![
        "steps", ".a", "[\"b\"]", "item", "event", ".commit", ".map(x, ", ".filter(", "x", ")", "(", " + ", "'s'", "1", "size(", "touches(",
        "has(", "[", "]", "{'a': ", "}", " ? ", " : ", "!", " in ", "ü", "matches('(')",
    ]), 0..14)) {
        let text = parts.concat();
        let (_, analysis) = analyse(&text, Place::default());
        for problem in &analysis.problems {
            prop_assert!(text.get(problem.range.clone()).is_some(), "{problem:?}");
        }
        let _ = evaluate(&text, &Scope::default());
    }
}
