//! Hostile documents end at once in one clear diagnostic.

use super::{Fake, around, lines};
use crate::{Source, pipeline, render};
use std::time::{Duration, Instant};

fn quick(source: &Source) -> String {
    let started = Instant::now();
    let parsed = pipeline(source, &Fake);
    let shown = render(source, &parsed.diagnostics, false);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(shown.len() < 200_000, "{}", shown.len());
    let found = lines(source, &parsed.diagnostics);
    found.lines().take(3).map(|l| l.chars().take(120).collect::<String>()).collect::<Vec<_>>().join("\n")
}

#[test]
fn fifty_megabytes() {
    let started = Instant::now();
    let source = Source::new("x", "a: b\n".repeat(10_000_000));
    let parsed = pipeline(&source, &Fake);
    assert_eq!(parsed.diagnostics[0].code, "TG-101");
    assert_eq!(crate::kind_of(&source), None);
    render(&source, &parsed.diagnostics, false);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn alias_bombs() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..20 {
        let inner = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{inner}]\n"));
    }
    assert!(quick(&Source::new("x", bomb)).starts_with("TG-106"));
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(400_000), vec!["*a"; 100_000].join(","));
    assert!(quick(&Source::new("x", long)).starts_with("TG-106"));
    let merged = format!("a: &a {{x: 1}}\nb: [{}]\n", vec!["{<<: *a}"; 90_000].join(","));
    assert!(quick(&Source::new("x", merged)).starts_with("TG-106"));
}

#[test]
fn deep_nesting() {
    for text in ["[".repeat(100_000), "{a: ".repeat(50_000), "- ".repeat(100_000), "[".repeat(70) + &"]".repeat(70)] {
        let found = quick(&Source::new("x", text));
        assert!(found.starts_with("TG-105"), "{found}");
    }
    let indented: String = (0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(quick(&Source::new("x", indented)).starts_with("TG-105"));
    let chained: String = (1..80).map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1)).collect();
    assert!(quick(&Source::new("x", format!("a0: &a0 []\n{chained}"))).starts_with("TG-105"));
}

#[test]
fn ten_thousand_steps() {
    let steps: String = (0..10_000).map(|i| format!("    s{i}: {{uses: nothing}}\n")).collect();
    let found = quick(&around(&steps));
    assert_eq!(found, "TG-140 6:5 [s0] the pipeline has 10000 steps; the most is 1000");
    let thousand: String =
        (0..1000).map(|i| format!("    s{i}: {{uses: forge/merged, needs: [s{}]}}\n", (i + 1) % 1000)).collect();
    assert!(quick(&around(&thousand)).starts_with("TG-147"));
}

#[test]
fn many_mistakes_and_long_lines() {
    let many: String = (0..900).map(|i| format!("    S{i}: {{uses: nothing}}\n")).collect();
    let source = around(&many);
    let parsed = pipeline(&source, &Fake);
    assert_eq!(parsed.diagnostics.len(), 101);
    assert_eq!(parsed.diagnostics.last().map(|d| d.code), Some("TG-112"));
    let line = format!(
        "    a: {{uses: forge/comment, with: {{body: \"{}${{{{ x }}}}{}\"}}}}\n",
        "y".repeat(300_000),
        "z".repeat(300_000)
    );
    let source = around(&line);
    let shown = render(&source, &pipeline(&source, &Fake).diagnostics, false);
    assert!(shown.len() < 3000 && shown.contains("p.yaml:6:300048"), "{shown}");
    let keys: String = (0..60_000).map(|i| format!("k{i}: 1\n")).collect();
    quick(&Source::new("x", keys));
    quick(&Source::new("x", "\"".to_owned() + &"\\u0041".repeat(100_000)));
    quick(&Source::new("x", "#".repeat(1_000_000)));
    quick(&Source::new("x", "? ".repeat(300_000)));
    quick(&Source::new("x", "&a ".repeat(300_000)));
    quick(&Source::new("x", "- \n".repeat(300_000)));
}

/// What Argo CD's reader says first, and that it says it soon.
fn quick_applications(text: String) -> String {
    let source = Source::new("x", text);
    let started = Instant::now();
    let found = crate::applications(&source);
    let all = found.diagnostics.iter().chain(found.documents.iter().flat_map(|d| &d.diagnostics));
    let first: Vec<_> = all.take(1).cloned().collect();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    lines(&source, &first).chars().take(120).collect()
}

#[test]
fn hostile_files_of_argo_cd() {
    let project = |spec: &str| {
        format!("---\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: a}}\nspec: {spec}\n")
    };
    let many = |item: &str, count| vec![item; count].join(",");
    let app = |metadata: &str, spec: &str| {
        format!(
            "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a{metadata}}}\nspec: {spec}\n"
        )
    };
    for (text, starts) in [
        (project(&format!("{{sourceRepos: [{}]}}", many("'{a,b}*'", 100_000))), "TG-123"),
        (project(&format!("{{sourceRepos: [{}]}}", many("'{a,b}*'", 1000))).repeat(50), "TG-207"),
        (app("", &format!("{{sources: [{}]}}", many("{repoURL: x}", 60_000))), "TG-121"),
        (app("", &format!("{{syncPolicy: {{syncOptions: [{}]}}}}", many("Prune=x", 100_000))), "TG-121"),
        (app(&format!(", annotations: {{tidegate.dev/depends-on: '{}'}}", many("a", 400_000)), "{}"), "TG-123"),
        (app("", "{}").repeat(10_000), "TG-"),
        ("---\n".repeat(250_000), "TG-106"),
        (
            (0..60_000).map(|i| format!("k{i}: 1\n")).collect::<String>()
                + "apiVersion: argoproj.io/v1alpha1\nkind: Application\n",
            "TG-120",
        ),
        ("a: b\n".repeat(1 << 20), "TG-101"),
        ("[".repeat(100_000), "TG-105"),
        (format!("a: &a [{}]\nb: [{}]\n", many("x", 1000), many("*a", 1000)), "TG-106"),
    ] {
        let said = quick_applications(text.clone());
        assert!(said.starts_with(starts), "{starts}: {said}\n{}", &text[..60]);
    }
}
