//! Evaluation: types are kept, work is bounded, errors name the expression.

use crate::expression::{Place, analyse};
use crate::{Scope, condition, evaluate, items, resolve, resolve_partial};
use model::StepStatus;
use serde_json::{Value, json};

fn scope() -> Scope {
    Scope {
        event: json!({ "branch": "main", "commit": { "short": "0123abcd" }, "changedPaths": ["a/b", "c"] }),
        inputs: json!({ "n": 3, "big": 18_446_744_073_709_551_615_u64 }),
        steps: json!({
            "image": { "status": "succeeded", "outputs": { "reference": "r@sha256:1", "count": 2, "list": [1, 2] } },
            "plan": { "environments/dev": { "status": "unchanged", "outputs": { "plan": "p" } } },
        }),
        run: json!({ "id": "r1" }),
        environment: json!({ "name": "prod" }),
        secrets: json!({"token": "{handle}"}),
        item: Some(json!("environments/dev")),
        changed_paths: Some(vec![
            "environments/dev/main.tf".into(),
            "environments/prod/x/y.tf".into(),
            "README".into(),
        ]),
        needs: vec![StepStatus::Succeeded, StepStatus::Skipped],
    }
}

fn show(expression: &str) -> String {
    match evaluate(expression, &scope()) {
        Ok(value) => value.to_string(),
        Err(failure) => format!("{}: {}", failure.code, failure.message),
    }
}

#[test]
fn values() {
    for (expression, value) in [
        ("1 + 2", "3"),
        ("inputs.n + 1", "4"),
        ("inputs.big", "18446744073709551615"),
        ("steps.image.outputs.count * 2", "4"),
        ("steps['image'].outputs.reference", "\"r@sha256:1\""),
        ("steps.plan[item].outputs.plan", "\"p\""),
        ("steps.plan['environments/dev'].status", "\"unchanged\""),
        ("has(steps.image.outputs.nothing)", "false"),
        ("{'b': 1, 'a': [null, 1.5, true]}", r#"{"a":[null,1.5,true],"b":1}"#),
        ("event.changedPaths.filter(p, p.startsWith('a')).map(p, p + '!')", r#"["a/b!"]"#),
        ("event.changedPaths.exists(p, p == 'c')", "true"),
        ("event.branch.matches('^m.*n$')", "true"),
        ("touches('environments/*')", "false"),
        ("touches('environments/**')", "true"),
        ("changedDirectories('environments/*')", r#"["environments/dev","environments/prod"]"#),
        ("success() && !failure() && always()", "true"),
        ("event.branch == 'main' ? 'yes' : 'no'", "\"yes\""),
        ("type(1) == int", "true"),
        ("string(1) + string(true)", "\"1true\""),
        ("'ü'.size()", "1"),
    ] {
        assert_eq!(show(expression), value, "{expression}");
    }
}

#[test]
fn errors_name_the_expression() {
    for (expression, expected) in [
        ("steps.nothing.outputs.x", "expression: `steps.nothing.outputs.x`: there is no `nothing`"),
        ("1 +", "expression: `1 +`: this is not CEL"),
        ("evnt.x", "expression: `evnt.x`: there is no variable `evnt`"),
        ("1 + 'a'", "expression: `1 + 'a'`: "),
        ("1 / 0", "expression: `1 / 0`: division by zero"),
        ("[1][5]", "expression: `[1][5]`: an index lies outside its list"),
        ("b'x'", "expression: `b'x'`: a "),
        ("0.0 / 0.0", "expression: `0.0 / 0.0`: NaN"),
        ("9223372036854775807 + 1", "expression: `9223372036854775807 + 1`: a number becomes too large"),
    ] {
        let shown = show(expression);
        assert!(shown.starts_with(expected), "{expression}: {shown}");
    }
}

#[test]
fn work_is_bounded() {
    let mut scope = scope();
    scope.inputs = json!({ "list": (0..2000).collect::<Vec<i32>>(), "text": "x".repeat(100_000) });
    let doubled = format!("[inputs.text]{}", ".map(x, x + x)".repeat(40));
    let copied = format!("inputs.list.map(a, {})", vec!["inputs.text"; 20].join(" + "));
    for expression in [
        "inputs.list.map(a, inputs.list.map(b, a + b))",
        doubled.as_str(),
        copied.as_str(),
        "inputs.list.filter(a, 'aaaa'.matches('(a{100}){10}'))",
    ] {
        let started = std::time::Instant::now();
        let failure = evaluate(expression, &scope).unwrap_err();
        assert!(started.elapsed().as_secs() < 2);
        assert!(failure.message.contains("could"), "{}", failure.message);
    }
    // What people write stays well below.
    let paths: Vec<String> = (0..20_000).map(|i| format!("a/b/{i}.tf")).collect();
    scope.event = json!({ "changedPaths": paths });
    scope.changed_paths = Some(paths);
    assert_eq!(evaluate("event.changedPaths.filter(p, p.endsWith('9.tf')).size()", &scope), Ok(json!(2000)));
    assert_eq!(evaluate("touches('a/**') && changedDirectories('a/*') == ['a/b']", &scope), Ok(json!(true)));
    assert!(evaluate("inputs.list.all(a, inputs.list.size() > a)", &scope).is_ok());
    assert!(evaluate("inputs.text + inputs.text", &scope).is_ok());
    let large = evaluate(&["inputs.text"; 12].join(" + "), &scope).unwrap_err();
    assert!(large.message.contains("1 MiB"), "{}", large.message);
}

#[test]
fn deep_expressions_end_in_an_error() {
    for part in ["1+", "a.", "!", "-", "(", "[", "{1:", "a?1:", "1-", "a[", "size(", "a&&", "1==", "'a'+", "a||"] {
        for count in [90, 1000] {
            let text: String = part.repeat(count);
            for tail in ["1", "", "a"] {
                let text = format!("{text}{tail}");
                let _ = analyse(&text, Place::ANY);
                let _ = evaluate(&text, &scope());
            }
        }
    }
    // Whatever hides the operators from a reader that knows less of literals than CEL does.
    for hiding in
        ["''' ' ''' + ", r"r'\' + ", r"br'\' + ", "// '\n", "'\n' + ", r"'\q' + ", r"_br'\' ' + ", r"1r'\' + "]
    {
        for (count, why) in [(1900, "nested more than"), (5000, "the most is 4096")] {
            let text = format!("{hiding}1{} + '", "+1".repeat(count));
            let (_, analysis) = analyse(&text, Place::ANY);
            assert!(analysis.problems[0].message.contains(why), "{hiding}: {:?}", analysis.problems);
        }
    }
    let chained = format!("1{}", " in a".repeat(700));
    assert!(analyse(&chained, Place::ANY).1.problems[0].message.contains("nested more than"));
    let closed = format!("{}1{}", "(".repeat(95), ")".repeat(95));
    let _ = evaluate(&closed, &scope());
    let many = vec!["'a'"; 300].join(",");
    assert!(evaluate(&format!("[{many}].size() == 300"), &scope()).is_ok());
}

#[test]
fn what_an_expression_mentions() {
    let (_, analysis) = analyse(
        r#"steps.a.outputs.x + steps["b"].outputs["y"] + steps.c["i"].outputs.z + (steps.d.status == 'x' ? '' : '')"#,
        Place::ANY,
    );
    let found: Vec<String> = analysis
        .mentions
        .iter()
        .map(|m| {
            format!("{}{} {:?}", m.step, if m.item.is_some() { "[]" } else { "" }, m.output.as_ref().map(|o| &o.0))
        })
        .collect();
    assert_eq!(found, [r#"a Some("x")"#, r#"b Some("y")"#, r#"c[] Some("z")"#, "d None"]);
    assert!(analysis.asks_status);
    // A macro's variable hides the scope's.
    assert!(analyse("[{'a': 1}].map(steps, steps.a)", Place::ANY).1.mentions.is_empty());
}

#[test]
fn templates_keep_types() {
    let template = json!({
        "n": "${{ steps.image.outputs.count }}",
        "l": " ${{ steps.image.outputs.list }}\n",
        "t": "n=${{ inputs.n }} b=${{ true }} l=${{ [1, 'a'] }} m=${{ {'k': null} }} 0=${{ null }}.",
        "plain": ["a", 1, null],
        "literal": "$${{ x }}",
        "braces": "${{ '}}' }}",
    });
    let resolved = resolve(&template, &scope()).unwrap();
    assert_eq!(
        resolved,
        json!({
            "n": 2,
            "l": [1, 2],
            "t": "n=3 b=true l=[1,\"a\"] m={\"k\":null} 0=.",
            "plain": ["a", 1, null],
            "literal": "${{ x }}",
            "braces": "}}",
        })
    );
    // Results are not read again: an output that looks like an expression stays text.
    let mut hostile = scope();
    hostile.inputs = json!({ "x": "${{ run.id }}" });
    assert_eq!(resolve(&json!("${{ inputs.x }}!"), &hostile), Ok(json!("${{ run.id }}!")));
}

#[test]
fn what_is_open_stays() {
    let template =
        json!({ "a": "${{ steps.later.outputs.x }}", "b": "x ${{ inputs.n }} ${{ steps.image.outputs.count }}" });
    let resolved = resolve_partial(&template, &scope(), &|s| s == "image");
    assert_eq!(resolved, json!({ "a": "${{ steps.later.outputs.x }}", "b": "x 3 ${{ steps.image.outputs.count }}" }));
}

#[test]
fn conditions_and_items() {
    assert_eq!(condition("${{ event.branch == 'main' }}", &scope()), Ok(true));
    assert_eq!(condition("false", &scope()), Ok(false));
    assert!(condition("'x'", &scope()).unwrap_err().message.contains("must be true or false"));
    let mut failed = scope();
    failed.needs.push(StepStatus::Denied);
    assert_eq!(condition("failure() && !success()", &failed), Ok(true));
    assert_eq!(items("${{ ['b', 'a', 'b', 3] }}", &scope()), Ok(vec!["b".into(), "a".into(), "3".into()]));
    assert_eq!(items("[]", &scope()), Ok(vec![]));
    assert!(items("'x'", &scope()).is_err());
    let mut many = scope();
    many.inputs = Value::Array((0..300).map(Value::from).collect());
    assert!(items("inputs", &many).unwrap_err().message.contains("256"));
    let mut unknown = scope();
    unknown.changed_paths = None;
    assert_eq!(condition("touches('x')", &unknown), Ok(true));
    assert!(items("changedDirectories('*')", &unknown).unwrap_err().message.contains("no base"));
    unknown.item = None;
    assert!(evaluate("item", &unknown).unwrap_err().message.contains("there is no `item` here"));
}
