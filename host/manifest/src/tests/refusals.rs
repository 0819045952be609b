//! What is well-formed but would not do what it says: refused, or at least told.

use super::{around, lines, wrong, wrong_host};
use crate::{Source, host, pipeline};
use std::fmt::Write as _;
use std::time::Duration;

#[test]
fn credentials_go_only_where_they_are_for() {
    insta::assert_snapshot!(wrong_host(
        r#"  repositories:
    app: {url: ./app, credential: bot}
    config: {url: ./config, credential: bot}
    other: {url: ./other, credential: broken}
  credentials:
    bot: {secret: "env:BOT", for: [config]}
    broken: {secret: "env:BOT"}
"#
    ), @r##"
TG-187 5:35 [bot] the credential `bot` is not for the repository `app` | where it may be sent there, write `for: [config, app]` at the credential
TG-121 10:13 [{secret: "env:BOT"}] the credential `broken` does not say what it is for | write `for: [REPOSITORY]`, `registries: [HOST]`, or `steps: [{ uses: [PLUGIN/STEP] }]`
"##);
}

#[test]
fn an_identity_is_of_one_person() {
    insta::assert_snapshot!(wrong_host(
        r#"  groups: {platform: [carol]}
  people:
    alice: {oidc: alice@example.com, gitlab: alice}
    alice2: {gitlab: alice@example.com, oidc: alice@example.com}
    bob: {gitlab: carol, oidc: bob}
    dan: {gitlab: alice}
"#
    ), @r##"
TG-188 7:22 [alice@example.com] `alice@example.com` would be an identity of both `alice` and `alice2` | an identity is of one person; write it only there
TG-188 7:47 [alice@example.com] `alice@example.com` would be an identity of both `alice` and `alice2` | an identity is of one person; write it only there
TG-188 8:19 [carol] `carol` would be an identity of both `carol` and `bob` | it is the name of another person; give one of the two another
TG-188 9:19 [alice] `alice` would be an identity of both `alice` and `dan` | an identity is of one person; write it only there
"##);
}

#[test]
fn a_blank_is_no_consent() {
    insta::assert_snapshot!(wrong_host(
        r#"  repositories: {config: {url: ./config}}
  environments:
    prod:
      owns: {paths: ["config:**"]}
      requires:
        - approval: {group: , count: 2}
        - approval: {count: 2}
        - approval:
  plugins:
    grants:
      exec: {process: , workspace: write}
"#
    ), @r##"
TG-122 9:22 [group] `group` of an approval is blank | give it a value, or leave it out
TG-190 10:11 [approval] an approval without a `group` may be given by anybody | write `group: NAME`, and who is in it under `groups`
TG-190 11:11 [approval] an approval without a `group` may be given by anybody | write `group: NAME`, and who is in it under `groups`
TG-122 14:14 [process] `process` in the grant of `exec` is blank | say what it may do, or leave the key out
"##);
}

#[test]
fn what_is_served_later() {
    insta::assert_snapshot!(wrong_host(
        r#"  listen: 127.0.0.1:7420
  store: {secret: "env:STORE"}
  repositories:
    config: {url: ./config, forge: gitlab, applications: ["**"]}
"#
    ), @r##"
TG-189 4:3 [listen] `listen` has no effect in this version: there is no daemon yet
TG-189 5:3 [store] PostgreSQL is not served by this version, so there is no shared store | leave `store` out: the journal is then kept in the folder of `state`
TG-189 7:29 [forge] `forge` has no effect in this version: change requests of a forge are not read yet
"##);
}

#[test]
fn policies_and_env_that_nobody_carries_out() {
    let text = around(
        r#"    a: {uses: exec, with: {script: x}, concurrency: {key: k, policy: queue}}
    b: {uses: exec, with: {script: x}, concurrency: {key: k, policy: latest}}
    k: {uses: exec, with: {script: x}, concurrency: {key: k}}
    c: {uses: exec, with: {script: x}, concurrency: {key: k, policy: parallel}}
    d: {uses: forge/merged, env: {A: b}}
"#,
    );
    let text = text.text.replace("  steps:", "  concurrency: {key: k, policy: queue}\n  steps:");
    let source = Source::new("p.yaml", text);
    insta::assert_snapshot!(lines(&source, &pipeline(&source, &super::Fake).diagnostics), @r##"
TG-189 5:33 [queue] the policy `queue` of a pipeline is not built in this version | write `latest` or `parallel`
TG-189 7:70 [queue] the policy `queue` of a step is not built in this version | leave `policy` out: within a run, steps of one key then run one after the other
TG-189 8:70 [latest] the policy `latest` of a step is not built in this version | leave `policy` out: within a run, steps of one key then run one after the other
TG-120 11:29 [env] `forge/merged` runs no program that would see `env` | give values through `with`
"##);
}

#[test]
fn inputs_and_environments_are_given_by_nobody() {
    insta::assert_snapshot!(wrong(
        r#"    a: {uses: forge/comment, when: "environment.name == 'prod'", with: {body: "${{ inputs.n }} ${{ event.branch }}"}}
"#
    ), @r##"
TG-189 6:37 [environment] `environment` has no meaning yet: nothing gives environment to a run in this version | take the value from `event`, or from the outputs of a step
TG-189 6:84 [inputs] `inputs` has no meaning yet: nothing gives inputs to a run in this version | take the value from `event`, or from the outputs of a step
"##);
}

#[test]
fn mistyped_fields_of_steps() {
    insta::assert_snapshot!(wrong(
        r#"    test: {uses: exec, with: {script: x}}
    image: {uses: image/build, with: {image: x}}
    each: {uses: image/build, forEach: [a], with: {image: x}}
    g:
      forEach: [a]
      steps:
        m: {uses: terraform/plan, with: {directory: "${{ item }}"}}
        n: {uses: terraform/apply, with: {plan: "${{ steps.m.output.plan }} ${{ steps.m[item].outputs.plan }}"}}
    use:
      uses: forge/comment
      with:
        body: |
          ${{ steps.test.output.tag }}
          ${{ steps.test.tag }} ${{ steps.test["outputs"]["tag"] }}
          ${{ steps.image.reference }} ${{ steps.image.attempts }}
          ${{ steps.test[event.branch].outputs.x }}
          ${{ steps.each["a"].output.reference }} ${{ steps.each.a.outputs.reference }}
          ${{ steps.m["a"].outputs.plan }} ${{ steps.m[event.branch].statsu }}
          ${{ steps.g["a"].outputs.x }}
          ${{ has(steps.test.error) && steps.test.error.code == 'x' }}
"#
    ), @r##"
TG-166 13:62 [output] a step has no `output` | did you mean `outputs`?
TG-166 18:26 [output] a step has no `output` | did you mean `outputs`?
TG-166 19:26 [tag] a step has no `tag` | an output is written `outputs.tag`; a step has also `status`, `attempts` and `error`
TG-166 20:27 [reference] a step has no `reference` | an output is written `outputs.reference`; a step has also `status`, `attempts` and `error`
TG-166 21:26 [event.branch] the step `test` runs once and has no items | write `steps.test.outputs.NAME`
TG-166 22:31 [output] a step has no `output` | did you mean `outputs`?
TG-166 23:70 [statsu] a step has no `statsu` | did you mean `status`?
TG-166 24:23 ["a"] `g` is a group and has no outputs | mention one of its steps with an item
"##);
}

#[test]
fn groups_and_items() {
    insta::assert_snapshot!(wrong(
        r#"    g:
      forEach: [a, "${{ event.branch }}"]
      when: item == 'a'
      steps:
        m: {uses: exec, forEach: [b], with: {script: x}}
        n: {uses: exec, with: {script: x}, when: "item == 'a'"}
        o: {uses: exec, with: {script: x}, workspace: {from: n}}
    e: {uses: exec, forEach: [a], when: "item == 'a'", with: {script: x}, env: {A: "${{ item }}"}}
    w: {uses: exec, with: {script: x}, workspace: {from: g}}
    v: {uses: exec, with: {script: x}, workspace: {from: n}}
    u: {uses: exec, with: {script: x}, workspace: {from: e}}
    t: {uses: exec, with: {script: x}, artifacts: {extract: {a: report, b: "not a name"}}}
"#
    ), @r##"
TG-123 7:20 ["${{ event.branch }}"] an item that is written down cannot contain `${{` | write the whole list as one expression: `forEach: ${{ ["a", steps.x.outputs.y] }}`
TG-169 8:13 [item] there is no `item` here | only steps with a `forEach`, or in a group with one, have an item; a `when` beside a `forEach` has none yet
TG-148 10:9 [m] a step of the group `g` cannot have a `forEach` of its own | let one `forEach` give all items, or put the inner steps into a pipeline of their own
TG-169 13:42 [item] there is no `item` here | only steps with a `forEach`, or in a group with one, have an item; a `when` beside a `forEach` has none yet
TG-152 14:58 [g] there is no one tree of `g` to go on in: it is a group | go on in the tree of a step that runs once, or pass files as `artifacts`
TG-152 15:58 [n] there is no one tree of `n` to go on in: it runs once for each item | go on in the tree of a step that runs once, or pass files as `artifacts`
TG-152 16:58 [e] there is no one tree of `e` to go on in: it runs once for each item | go on in the tree of a step that runs once, or pass files as `artifacts`
TG-123 17:76 ["not a name"] `not a name` is neither an artifact's name nor its digest | write the name under which a step stores it, `sha256:…`, or an expression
"##);
    let list = |count: usize, width: usize| {
        let items: Vec<String> = (0..count).map(|i| format!("i{i:0width$}")).collect();
        wrong(&format!("    a: {{uses: exec, with: {{script: x}}, forEach: [{}]}}\n", items.join(", ")))
    };
    assert_eq!(list(256, 3), "");
    assert!(list(257, 3).starts_with("TG-123 6:"), "{}", list(257, 3));
    assert!(list(40, 100).starts_with("TG-162 6:"), "{}", list(40, 100));
}

#[test]
fn hostile_files_do_not_cost_minutes() {
    let quick = |text: String| {
        let source = Source::new("x.yaml", text);
        // Computing, not waiting: the machine may be busy with others.
        let computed = || {
            let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
        };
        let started = computed();
        pipeline(&source, &super::Fake);
        host(&source);
        let took = computed().saturating_sub(started);
        assert!(took < Duration::from_secs(10), "{took:?}");
    };
    let many = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).fold(String::new(), |mut all, i| {
            let _ = write!(all, "{}", one(i));
            all
        })
    };
    let steps: String = many(900, &|i| format!("    step_number_{i}: {{uses: exec, with: {{script: x}}}}\n"));
    let needs = many(30_000, &|i| format!("stap_{i}, "));
    quick(around(&format!("{steps}    last: {{uses: exec, with: {{script: x}}, needs: [{needs}]}}\n")).text);
    let keys = many(40_000, &|i| format!("k{i}: '${{{{ 1 }}}}', "));
    quick(around(&format!("    a: {{uses: exec, with: {{{keys}}}}}\n")).text);
    let wrong_types = many(40_000, &|i| format!("{i}, "));
    quick(around(&format!("    a: {{uses: image/build, with: {{image: x, platforms: [{wrong_types}]}}}}\n")).text);
    let repositories = many(12_000, &|i| format!("    r{i}: {{url: x, credential: c{i}}}\n"));
    let credentials = many(12_000, &|i| format!("    c{i}: {{secret: 'env:A', for: [x{i}]}}\n"));
    let head = "apiVersion: tidegate.dev/v1alpha1\nkind: Host\nspec:\n";
    quick(format!("{head}  repositories:\n{repositories}  credentials:\n{credentials}"));
}
