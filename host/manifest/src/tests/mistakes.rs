//! Files with mistakes: each is told, at its place, with what to do.

use super::{Fake, around, lines, wrong};
use crate::{Source, host, pipeline, render, to_json};

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let source = Source::new(
        "p.yaml",
        "\
apiVersion: tidegate.dev/v1
kind: Pipeline
metadata:
  name: My_App
spec:
  trigger: {}
  steps:
    test:
      uses: exce
      timeout: 10
    build:
      uses: image/build
      need: [test]
      with: {image: a, tags: b}
      continueOnError: yes
    deploy:
      uses: exec
      needs: [biuld]
      when: sucess()
      with:
        script: echo ${{ steps.build.outputs.refrence }}
",
    );
    let parsed = pipeline(&source, &Fake);
    assert!(parsed.value.is_none());
    insta::assert_snapshot!(lines(&source, &parsed.diagnostics), @r##"
TG-130 1:13 [tidegate.dev/v1] the apiVersion `tidegate.dev/v1` is not served | write `tidegate.dev/v1alpha1`
TG-124 4:9 [My_App] `My_App` cannot name a pipeline | a name has lower-case letters, digits and `-`, does not begin with `-`, and has 63 characters at most
TG-120 6:3 [trigger] `spec` has no key `trigger` | did you mean `triggers`?
TG-141 9:13 [exce] no plugin offers the step `exce` | did you mean `exec`?
TG-125 10:16 [10] `timeout` is a number without a unit | write `10s` for seconds or `10m` for minutes
TG-120 13:7 [need] the step `build` has no key `need` | did you mean `needs`?
TG-120 14:24 [tags] `with` of the step `build` has no key `tags` | did you mean `tag`?
TG-122 15:24 [yes] `continueOnError` must be `true` or `false`, not text | in YAML 1.2 `yes` is text; write `true`
TG-144 18:15 [biuld] there is no step `biuld` | did you mean `build`?
TG-164 19:13 [sucess] there is no function `sucess` | did you mean `success`?
TG-143 21:9 [script] a script cannot contain `${{` | give the value through `env`, and use it in the script as "$NAME"
TG-166 21:46 [refrence] the step `build` has no output `refrence` | did you mean `reference`?
"##);
    insta::assert_snapshot!(render(&source, &parsed.diagnostics[4..6], false), @r##"
error[TG-125]: `timeout` is a number without a unit
  --> p.yaml:10:16
   |
10 |       timeout: 10
   |                ^^
   |
   = hint: write `10s` for seconds or `10m` for minutes

error[TG-120]: the step `build` has no key `need`
  --> p.yaml:13:7
   |
13 |       need: [test]
   |       ^^^^ unknown key
   |
   = hint: did you mean `needs`?
"##);
    let json = to_json(&source, &parsed.diagnostics[..1]);
    assert_eq!(json[0]["line"], 1);
    assert_eq!(json[0]["column"], 13);
    assert_eq!(json[0]["code"], "TG-130");
}

#[test]
fn circles_are_drawn_once() {
    let source = around(
        "    a: {uses: forge/merged, needs: [b]}\n    b: {uses: forge/merged, needs: [c]}\n    c: {uses: forge/merged, when: 'steps.a.status == \"x\"'}\n    d: {uses: forge/merged, needs: [c, e]}\n    e: {uses: forge/merged, needs: [f]}\n    f: {uses: forge/merged, needs: [e]}\n",
    );
    let parsed = pipeline(&source, &Fake);
    insta::assert_snapshot!(render(&source, &parsed.diagnostics, false), @r##"
error[TG-147]: 3 steps need each other in a circle
 --> p.yaml:6:5
  |
6 |     a: {uses: forge/merged, needs: [b]}
  |     ^ no step of the circle can ever begin
  |
  = note: each step needs the next one:
          ┌→ a
          │  ↓
          │  b
          │  ↓
          └─ c
  = hint: take one of these needs away; a mention in an expression is a need too

error[TG-147]: the steps `e` and `f` need each other
  --> p.yaml:10:5
   |
10 |     e: {uses: forge/merged, needs: [f]}
   |     ^ no step of the circle can ever begin
   |
   = note: each step needs the next one:
           ┌→ e
           │  ↓
           └─ f
   = hint: take one of these needs away; a mention in an expression is a need too
"##);
}

#[test]
fn circles_through_groups() {
    let found = wrong(
        "    after: {uses: forge/merged, needs: [g]}\n    g:\n      forEach: [a]\n      steps:\n        m: {uses: forge/merged, needs: [after]}\n",
    );
    assert!(found.starts_with("TG-147 6:5 [after] 3 steps"), "{found}");
}

#[test]
fn references_between_steps() {
    insta::assert_snapshot!(wrong(
        r#"    a: {uses: image/build, with: {image: x}}
    b:
      uses: forge/comment
      needs: [b, a, a]
      with:
        body: |
          first ${{ 'ü' + steps.a.outputs.refrence }}
          ${{ steps.aa.outputs.x }} ${{ steps[event.branch].outputs.x }} ${{ size(steps) }}
    g:
      forEach: ${{ changedDirectories('environments/*') }}
      steps:
        m: {uses: terraform/plan, with: {directory: "${{ item }}"}}
        n: {uses: terraform/apply, with: {plan: "${{ steps.m.outputs.plan }}"}}
        o: {uses: forge/comment, with: {body: "${{ steps.g.outputs.x }}"}}
    out: {uses: forge/comment, with: {body: "${{ steps.m.outputs.plan }} ${{ item }} ${{ steps.g.outputs.x }}"}}
    in: {uses: forge/comment, with: {body: '${{ steps.m["environments/dev"].outputs.plan }}'}}
    h: {forEach: [a], steps: {i: {forEach: [b], steps: {j: {uses: exec}}}}}
"#
    ), @r##"
TG-145 9:15 [b] the step `b` needs itself
TG-146 9:21 [a] `a` is needed twice
TG-166 12:43 [refrence] the step `a` has no output `refrence` | did you mean `reference`?
TG-165 13:21 [aa] there is no step `aa` | did you mean `a`?
TG-167 13:47 [event.branch] the expression does not say which step it means | write the step's name: `steps.NAME` or `steps["NAME"]`; needs are found from it
TG-167 13:83 [steps] the expression does not say which step it means | write the step's name: `steps.NAME` or `steps["NAME"]`; needs are found from it
TG-145 19:58 [g] the step `o` mentions the group that it is part of
TG-151 20:56 [m] the step `m` runs once for each item | write `steps.m["ITEM"].outputs.plan`
TG-169 20:78 [item] there is no `item` here | only steps with a `forEach`, or in a group with one, have an item; a `when` beside a `forEach` has none yet
TG-166 20:106 [x] `g` is a group and has no outputs | mention one of its steps with an item
TG-148 22:31 [i] a group cannot stand inside the group `h` | let one `forEach` give all items, or put the inner steps into a pipeline of their own
"##);
}

#[test]
fn expressions_at_their_place() {
    insta::assert_snapshot!(wrong(
        r#"    a:
      uses: forge/comment
      when: "event.brnach == 'main' && \"x\" in evnt"
      with: {body: "${{ 1 + }} ${{ [1].map(x) }} ${{ touches('a[') }}"}
      env:
        A: ${{ changedDirectories('*') }}
        B: ${{ [1].map(a, [1].map(b, [1].map(c, c))) }}
        C: ${{ event.branch.matches(event.actor) || event.branch.matches('(') }}
        D: x ${{ unterminated
        E: ${{ event.branch.toUpper() }}
        F: ${{ }}
        G: $${{ not an expression }}
"#
    ), @r##"
TG-170 8:20 [brnach] an event has no field `brnach` | did you mean `branch`?
TG-163 8:49 [evnt] there is no variable `evnt` | did you mean `event`?
TG-161 9:28 [ ] this is not CEL: it ends too early
TG-164 9:40 [map] `map` is not called like this | write `list.map(x, value)`
TG-163 9:44 [x] there is no variable `x` | known here: `event`, `steps`, `run`, `secrets`
TG-126 9:62 ['a['] `a[` is not a glob: unclosed character class; missing ']'
TG-169 11:16 [changedDirectories] `changedDirectories` gives the items of a `forEach` and has no meaning here
TG-162 12:42 [map] macros are nested more than 2 levels deep | compute it in a step and mention its output
TG-168 13:29 [matches] the pattern of `matches` must be written as text
TG-168 13:74 ['('] `(` is not a regular expression, or too large a one
TG-160 14:14 [${{] `${{` has no `}}` | write `$${{` for these characters themselves
TG-164 15:29 [toUpper] there is no function `toUpper`
TG-161 16:15 [ ] the expression is empty
"##);
}

#[test]
fn inputs_of_plugins() {
    insta::assert_snapshot!(wrong(
        r#"    a: {uses: kustomize/set-image, with: {repository: c, path: [p], imgae: x, publish: pull}}
    b: {uses: terraform/plan, with: {directory: d, parallelism: "${{ inputs.n }}", varFiles: "x-${{ item }}"}}
    c: {uses: exec}
    d: {uses: terraform/paln}
    e: {uses: terraform/destroy}
    f: {uses: exec, with: {script: x, strict: on}}
"#
    ), @r##"
TG-121 6:43 [repository] `with` of the step `a` needs `image`
TG-122 6:58 [path] `path` in `with` of the step `a` has the wrong type: ["p"] is not of type "string"
TG-120 6:69 [imgae] `with` of the step `a` has no key `imgae` | did you mean `image`?
TG-142 6:88 [pull] `publish` in `with` of the step `a` is not one of the allowed values | known here: `push`, `changeRequest`
TG-189 7:70 [inputs] `inputs` has no meaning yet: nothing gives inputs to a run in this version | take the value from `event`, or from the outputs of a step
TG-122 7:94 ["x-${{ item }}"] `varFiles` in `with` of the step `b` has the wrong type: "x-${{ item }}" is not of type "array"
TG-169 7:101 [item] there is no `item` here | only steps with a `forEach`, or in a group with one, have an item; a `when` beside a `forEach` has none yet
TG-121 8:15 [exec] `with` of the step `c` needs `script`
TG-141 9:15 [terraform/paln] no plugin offers the step `terraform/paln` | did you mean `terraform/plan`?
TG-141 10:15 [terraform/destroy] no plugin offers the step `terraform/destroy` | `terraform` offers `terraform/plan`, `terraform/apply`
TG-122 11:47 [on] `strict` in `with` of the step `f` has the wrong type: "on" is not of type "boolean" | in YAML 1.2 this is text; write `true`
"##);
}

#[test]
fn grants_with_places() {
    insta::assert_snapshot!(wrong(
        r#"    a:
      uses: forge/merged
      grants:
        workspace: raed
        proces: {}
        process: {programs: sh, network: some, path: {}}
        artifact: {write: yes}
        state: {write: true}
"#
    ), @r##"
TG-142 9:20 [raed] `workspace` in `grants` is not one of the allowed values | did you mean `read`?
TG-120 10:9 [proces] `grants` has no key `proces` | did you mean `process`?
TG-122 11:29 [sh] `process.programs` in `grants` has the wrong type: "sh" is not of type "array"
TG-142 11:42 [some] `process.network` in `grants` is not one of the allowed values | known here: `none`, `all`
TG-120 11:48 [path] `process` in `grants` has no key `path` | did you mean `paths`?
TG-122 12:27 [yes] `artifact.write` in `grants` has the wrong type: "yes" is not of type "boolean" | in YAML 1.2 this is text; write `true`
TG-185 13:9 [state] this build does not serve the capability `state`, so it is not granted
"##);
}

#[test]
fn yaml_mistakes() {
    for (text, expected) in [
        ("a: 1\na: 2\n", "TG-107 2:1 [a]"),
        ("a: 1\n\tb: 2\n", "TG-102 2:1 [\t]"),
        ("", "TG-103 1:1 []"),
        ("# only a comment\n", "TG-103"),
        ("a: 1\n---\nb: 2\n", "TG-104 2:1 [---]"),
        ("a: *b\n", "TG-102 1:4"),
        ("1: 2\n", "TG-108 1:1 [1]"),
        ("? [a]\n: b\n", "TG-108 1:3 [[a]]"),
        ("a: !secret b\n", "TG-109 1:4 [!secret]"),
        ("<<: 3\n", "TG-110 1:5 [3]"),
        ("a: &a [*a]\n", "TG-111 1:8 [*a]"),
        ("a: [b\n", "TG-102"),
        ("a: \"b\n", "TG-102"),
        ("a: b: c\n", "TG-102 1:"),
        ("a: {b: ${{ c }}}\n", "TG-102 1:9 [{]"),
    ] {
        let source = Source::new("x.yaml", text);
        let found = lines(&source, &pipeline(&source, &Fake).diagnostics);
        assert!(found.lines().any(|l| l.starts_with(expected)), "{text:?}: {found}");
        if expected.starts_with("TG-102") {
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }
}

#[test]
fn both_places_of_a_double_key() {
    let source =
        around("    a: {uses: exec, with: {script: x}}\n    b: {uses: forge/merged}\n    a: {uses: forge/merged}\n");
    insta::assert_snapshot!(render(&source, &pipeline(&source, &Fake).diagnostics, false), @r##"
error[TG-107]: the key `a` is written twice
 --> p.yaml:8:5
  |
6 |     a: {uses: exec, with: {script: x}}
  |     - first here
7 |     b: {uses: forge/merged}
8 |     a: {uses: forge/merged}
  |     ^ again here
"##);
}

#[test]
fn positions_with_crlf_and_bom() {
    let text = "\u{feff}apiVersion: tidegate.dev/v1alpha1\r\nkind: Pipeline\r\nmetadata: {name: p}\r\nspec:\r\n  steps:\r\n    ä: {uses: forge/merged}\r\n    a: {uses: forge/merged, timeot: 3m}\r\n    b:\r\n      uses: forge/comment\r\n      with:\r\n        body: |\r\n          x\r\n          ü ${{ nothing }}\r\n";
    let read = Source::from_bytes("x", text.as_bytes().to_vec()).unwrap();
    assert!(!read.text.starts_with('\u{feff}'));
    for source in [read, Source::new("x", text)] {
        let found = lines(&source, &pipeline(&source, &Fake).diagnostics);
        let places: Vec<String> =
            found.lines().map(|l| l.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(places, ["TG-124 6:5 [ä]", "TG-120 7:29 [timeot]", "TG-163 13:17 [nothing]"], "{found}");
    }
    let error = Source::from_bytes("x", b"a\n\xff".to_vec()).unwrap_err();
    assert_eq!(error.message, "line 2 (byte 2) is not UTF-8 text");
    assert!(render(&Source::new("x", ""), &[error], false).contains("TG-100"));
}

#[test]
fn host_mistakes() {
    let source = Source::new(
        "tidegate.yaml",
        r#"apiVersion: tidegate.dev/v1alpha1
kind: Hots
spec:
  listen: everywhere
  store: {secret: postgres://me:secret@db}
  repositories:
    app: {url: "https://me:token@example.com/app.git", credential: bto}
    -x: {url: ./x}
    y: {url: "ext::sh -c x", applications: ["a["]}
    z: {url: "ssh://git@example.com/z.git", forg: gitlab}
  credentials:
    bot: {secret: hunter2, for: [ap]}
  clusters:
    c: {directory: d, kubeconfig: k, mode: destroy}
  environments:
    prod:
      owns: {paths: ["apps/**", "conf:x", "app:../x"], clusters: [d]}
      pipelinesFrom: [apq]
      requires:
        - approval: {group: platfrom, expires: 24}
        - approval: {group: platform, count: 3, verified: on}
        - aproval: {group: platform}
        - [x]
  groups:
    platform: [alice, bob, bob]
  plugins:
    grants:
      terraform: {process: {programs: terraform}}
  jail: {required: strict}
"#,
    );
    let parsed = host(&source);
    assert!(parsed.value.is_none());
    let found = lines(&source, &parsed.diagnostics);
    insta::assert_snapshot!(found, @r##"
TG-131 2:7 [Hots] the kind is `Hots`, but `Host` is expected here | write `Host`
TG-189 4:3 [listen] `listen` has no effect in this version: there is no daemon yet
TG-123 4:11 [everywhere] `everywhere` is not an address with a port | write it like `127.0.0.1:7420`
TG-189 5:3 [store] PostgreSQL is not served by this version, so there is no shared store | leave `store` out: the journal is then kept in the folder of `state`
TG-180 5:19 [postgres://me:secret@db] the store's `secret` must say where the secret is | write `env:NAME` or `file:PATH`; if this was a real secret, replace it, for Git keeps it
TG-181 7:16 ["https://me:token@example.com/app.git"] the URL contains credentials | name a credential under `credentials` and refer to it with `credential`; replace this one, for Git keeps it
TG-182 7:68 [bto] there is no credential `bto` | did you mean `bot`?
TG-124 8:5 [-x] `-x` cannot name a repository | a name begins with a letter or digit and goes on with letters, digits, `_`, `.` and `-`
TG-123 9:14 ["ext::sh -c x"] this is not a repository's address | write a path, `https://…` or `ssh://…`
TG-126 9:45 ["a["] `a[` is not a glob: unclosed character class; missing ']'
TG-120 10:45 [forg] the repository `z` has no key `forg` | did you mean `forge`?
TG-180 12:19 [hunter2] `secret` must say where the secret is | write `env:NAME` or `file:PATH`; if this was a real secret, replace it, for Git keeps it
TG-182 12:34 [ap] there is no repository `ap` | did you mean `app`?
TG-123 14:9 [directory] the cluster `c` is either a `directory`, or has a `kubeconfig`, or is a `branch` of a `repository`
TG-123 14:44 [destroy] `mode` cannot be `destroy` | known here: `apply`, `observe`
TG-186 17:22 ["apps/**"] `apps/**` does not say in which repository it is | write `REPOSITORY:apps/**`
TG-182 17:33 ["conf:x"] there is no repository `conf` | known here: `app`, `-x`, `y`, `z`
TG-186 17:43 ["app:../x"] `../x` is not a path from the repository's top
TG-182 17:67 [d] there is no cluster `d` | did you mean `c`?
TG-182 18:23 [apq] there is no repository `apq` | did you mean `app`?
TG-182 20:29 [platfrom] there is no group `platfrom` | did you mean `platform`?
TG-125 20:48 [24] `expires` is a number without a unit | write `24s` for seconds or `24m` for minutes
TG-183 21:46 [3] 3 approvals are required, but the group has 2 members
TG-122 21:59 [on] `verified` must be `true` or `false`, not text | in YAML 1.2 `on` is text; write `true`
TG-184 22:11 [aproval] this build cannot check the requirement `aproval`; what needs it will be denied | did you mean `approval`?
TG-122 23:11 [[x]] a requirement must be a mapping, not a list
TG-122 28:39 [terraform] `process.programs` in the grant of `terraform` has the wrong type: "terraform" is not of type "array"
TG-122 29:20 [strict] `required` must be `true` or `false`, not text
"##);
    assert!(!render(&source, &[], true).contains("hunter2"));
}
