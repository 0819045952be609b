//! Whole files that must be read.

use super::{Fake, around, lines};
use crate::{Head, Kind, Requirement, SecretRef, Severity, Source, head, host, kind_of, pipeline, schema};
use model::pipeline::{ConcurrencyPolicy, Pipeline};
use serde_json::Value;

const MY_APP: &str = include_str!("my-app.yaml");
const INFRASTRUCTURE: &str = include_str!("infrastructure.yaml");
const HOST: &str = include_str!("host.yaml");

fn read(text: &str) -> Pipeline {
    let source = Source::new("x.yaml", text);
    let parsed = pipeline(&source, &Fake);
    assert_eq!(lines(&source, &parsed.diagnostics), "");
    parsed.value.unwrap()
}

fn json(text: &str) -> Value {
    crate::yaml::parse(text, &mut crate::diagnostic::Sink::default()).unwrap().to_json()
}

#[test]
fn my_app() {
    let pipeline = read(MY_APP);
    assert_eq!(pipeline.name, "my-app");
    let push = pipeline.triggers.push.unwrap();
    assert_eq!((push.names, push.paths.len()), (vec!["main".to_owned()], 4));
    let needs: Vec<String> =
        pipeline.steps.iter().map(|s| format!("{} <- {} {:?}", s.name, s.needs.join(" "), s.mentions)).collect();
    assert_eq!(
        needs.join("\n"),
        r#"test <-  []
image <- test []
dev <- image [("image", "reference")]
dev_healthy <- image dev [("image", "reference"), ("dev", "commit")]
staging <- dev_healthy image [("image", "reference")]
prod <- staging image [("image", "reference")]"#
    );
    assert_eq!(pipeline.steps[0].timeout_millis, Some(600_000));
    assert_eq!(pipeline.steps[1].with["tag"], "${{ event.commit.short }}");
}

#[test]
fn infrastructure() {
    let pipeline = read(INFRASTRUCTURE);
    let group = &pipeline.steps[0];
    assert_eq!(group.for_each.as_deref(), Some("changedDirectories('environments/*')"));
    let needs: Vec<String> = group.steps.iter().map(|s| format!("{} <- {}", s.name, s.needs.join(" "))).collect();
    assert_eq!(needs, ["plan <- ", "comment <- plan", "merged <- ", "apply <- merged plan"]);
}

#[test]
fn host_configuration() {
    // All of it but the shared store, which is refused by name.
    let source = Source::new("tidegate.yaml", HOST);
    let parsed = host(&source);
    let errors: Vec<_> = parsed.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(lines(&source, &errors).starts_with("TG-189 6:3 [store] PostgreSQL is not served"), "{errors:?}");
    assert_eq!(errors.len(), 1);
    let own: String = HOST.lines().filter(|l| !l.starts_with("  store:")).map(|l| format!("{l}\n")).collect();
    let source = Source::new("tidegate.yaml", own);
    let parsed = host(&source);
    let found = lines(&source, &parsed.diagnostics);
    insta::assert_snapshot!(found, @r##"
TG-189 4:3 [listen] `listen` has no effect in this version: there is no daemon yet
TG-189 11:7 [forge] `forge` has no effect in this version: change requests of a forge are not read yet
"##);
    let config = parsed.value.unwrap();
    assert_eq!(config.credentials["gitlab_bot"].secret, SecretRef::File("/run/secrets/gitlab".to_owned()));
    let prod = &config.environments["prod"];
    assert_eq!(prod.owns.paths[0].repository, "config");
    assert_eq!(
        prod.requires[0],
        Requirement::Approval {
            group: Some("platform".to_owned()),
            count: 2,
            expires_millis: Some(86_400_000),
            verified: false
        }
    );
    assert_eq!(prod.requires[1], Requirement::Healthy { environment: "staging".to_owned() });
    assert!(
        matches!(&prod.requires[2], Requirement::Window(it) if it.to_string() == "mon-thu 09:00-16:00 (Europe/Berlin)")
    );
    let terraform = config.plugins.grants["terraform"].process.clone().unwrap();
    assert_eq!(terraform.paths.write, ["./tfstate"]);
}

#[test]
fn schemas_are_valid_and_take_the_examples() {
    for (kind, texts) in [(Kind::Pipeline, vec![MY_APP, INFRASTRUCTURE]), (Kind::Host, vec![HOST])] {
        let schema = schema(kind, &Fake);
        assert!(jsonschema::draft202012::meta::is_valid(&schema));
        let validator = jsonschema::validator_for(&schema).unwrap();
        for text in texts {
            let errors: Vec<String> =
                validator.iter_errors(&json(text)).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
    let pipelines = jsonschema::validator_for(&schema(Kind::Pipeline, &Fake)).unwrap();
    assert!(!pipelines.is_valid(&json(&MY_APP.replace("uses: exec", "uses: exce"))));
    assert!(!pipelines.is_valid(&json(&MY_APP.replace("script:", "scirpt:"))));
    // An expression may stand where a number is asked for.
    let number = around("    a: {uses: terraform/plan, with: {directory: d, parallelism: '${{ inputs.n }}'}}\n");
    assert!(pipelines.is_valid(&json(&number.text)));
    assert!(!pipelines.is_valid(&json(&number.text.replace("'${{ inputs.n }}'", "many"))));
}

#[test]
fn every_key_of_a_step() {
    let source = around(
        r#"    build: {uses: exec, with: {script: make}}
    all:
      uses: exec
      with: {script: 'echo "$A"', strict: "${{ event.branch == 'main' }}"}
      needs: [build]
      when: ${{ failure() || steps.build.status == 'skipped' }}
      timeout: 1h30m
      retry: {limit: 3, backoff: {duration: 1s, factor: 1.5, maxDuration: 1m}, on: [timed-out]}
      continueOnError: true
      env: {A: "${{ steps.build.outputs.x }}", B: 1.10, C: true}
      artifacts: {store: {report: out/report.xml}, extract: {in/plan: "${{ steps.build.outputs.digest }}", in/report: report}}
      grants: {workspace: read, process: {programs: [sh], network: none}}
      concurrency: {key: "deploy-${{ event.branch }}", policy: parallel}
      workspace: {from: build}
    many:
      uses: exec
      forEach: [a, b]
      with: {script: 'true'}
      env: {ITEM: "${{ item }}"}
    last:
      uses: exec
      with: {script: 'true'}
      env: {X: '${{ steps.many["a"].outputs.x }}'}
"#,
    );
    let parsed = pipeline(&source, &Fake);
    assert_eq!(lines(&source, &parsed.diagnostics), "");
    let pipeline = parsed.value.unwrap();
    let all = &pipeline.steps[1];
    assert_eq!(all.when.as_deref(), Some("failure() || steps.build.status == 'skipped'"));
    assert!(all.when_asks_status && all.continue_on_error);
    assert_eq!(all.env["B"], "1.10");
    assert_eq!(all.retry.as_ref().map(|r| (r.limit, r.duration_millis, r.max_millis)), Some((3, 1000, 60_000)));
    assert_eq!(all.concurrency.as_ref().map(|c| c.policy), Some(ConcurrencyPolicy::Parallel));
    assert_eq!(all.needs, ["build"]);
    assert_eq!(pipeline.steps[2].for_each.as_deref(), Some(r#"["a","b"]"#));
    assert_eq!(pipeline.steps[3].needs, ["many"]);
}

#[test]
fn triggers_of_every_kind() {
    let text = MY_APP.replace(
        "    push:",
        "    changeRequest:\n    tag: {names: ['v*']}\n    schedule: [{cron: '0 3 * * *'}, '@daily']\n    manual:\n    webhook: hook\n    run: [other]\n    push:",
    );
    let triggers = read(&text).triggers;
    assert_eq!(triggers.change_request, Some(Default::default()));
    assert_eq!((triggers.schedule.len(), triggers.webhook.len(), triggers.run.len()), (2, 1, 1));
}

#[test]
fn anchors_aliases_and_merge_keys() {
    let source = around(
        r#"    a: &base {uses: exec, with: {script: 'true'}, timeout: 1m}
    b: {<<: *base, timeout: 2m}
    c: *base
    d: {<<: [{timeout: 3m}, *base]}
"#,
    );
    let parsed = pipeline(&source, &Fake);
    assert_eq!(lines(&source, &parsed.diagnostics), "");
    let timeouts: Vec<_> = parsed.value.unwrap().steps.iter().map(|s| s.timeout_millis).collect();
    assert_eq!(timeouts, [Some(60_000), Some(120_000), Some(60_000), Some(180_000)]);
}

#[test]
fn kinds_are_seen_cheaply() {
    assert_eq!(kind_of(&Source::new("x", MY_APP)).as_deref(), Some("Pipeline"));
    assert_eq!(kind_of(&Source::new("x", "\u{feff}kind: \"Host\" # c\r\n")).as_deref(), Some("Host"));
    assert_eq!(kind_of(&Source::new("x", "a:\n  kind: Host\n")), None);
}

#[test]
fn heads_of_files_in_any_style() {
    let show = |text: &str| {
        let Head { api_version, kind, name } = head(&Source::new("x", text));
        [api_version, kind, name].map(Option::unwrap_or_default).join(" ")
    };
    assert_eq!(show(MY_APP), "tidegate.dev/v1alpha1 Pipeline my-app");
    assert_eq!(show("{apiVersion: tidegate.dev/v1, kind: pipline, metadata: {name: a}}"), "tidegate.dev/v1 pipline a");
    assert_eq!(show("  kind: Pipeline\n  metadata:\n    name: b\n"), " Pipeline b");
    // What is no YAML says it on a line of its own.
    assert_eq!(show("apiVersion: tidegate.dev/v1\nkind: Pipeline # x\nspec: [\n"), "tidegate.dev/v1 Pipeline ");
    assert!(head(&Source::new("x", "apiVersion: tidegate.dev/v9\n")).is_ours());
    assert!(!head(&Source::new("x", "apiVersion: v1\nkind: Pipeline\n")).is_ours());
}
