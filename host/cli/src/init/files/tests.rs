//! Which files are planned, and that each is one that `validate` takes.

use super::{Deploys, Existing, Facts, Ignored, Plan, plan};
use crate::builtin::BUILTIN;
use engine::{Offers, Settings};
use manifest::{Diagnostic, Source};
use proptest::prelude::*;

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

fn shown(plan: &Plan) -> String {
    let files: String = plan.files.iter().map(|file| format!("== {}\n{}", file.path, file.content)).collect();
    let notes: String = plan.notes.iter().map(|note| format!("note: {note}\n")).collect();
    format!("{files}{notes}")
}

/// Everything that a reader of these files has against them.
fn problems(plan: &Plan) -> Vec<Diagnostic> {
    let offers = Offers::new(BUILTIN, &Settings::default()).expect("the binary's own lock");
    let of = |file: &super::Planned| {
        let source = Source::new(&file.path, &file.content);
        match file.path.as_str() {
            "tidegate.yaml" => manifest::host(&source).diagnostics,
            path if path.ends_with(".yaml") => manifest::pipeline(&source, &offers).diagnostics,
            _ => Vec::new(),
        }
    };
    plan.files.iter().flat_map(of).filter(|problem| problem.severity == manifest::Severity::Error).collect()
}

fn facts() -> Facts {
    Facts {
        name: "config".to_owned(),
        branch: "main".to_owned(),
        aliases: texts(&["https://git.example.com/shop/config.git"]),
        declaring: texts(&["argocd/dev.yaml", "argocd/prod/a.yaml", "more/x.yml"]),
        listing: texts(&["argocd/dev.yaml", "argocd/prod/a.yaml", "more/x.yml", "apps/kustomization.yaml"]),
        deploys: Deploys::Something,
        terraform: texts(&["environments/dev", "environments/prod"]),
        modules: texts(&["modules/net"]),
        dockerfiles: texts(&["Dockerfile", "web/Dockerfile.worker", "web/Dockerfile"]),
        image: "ghcr.io/shop/config".to_owned(),
    }
}

#[test]
fn all_that_can_be_missing() {
    let plan = plan(&facts(), &Existing::default());
    assert_eq!(problems(&plan), []);
    insta::assert_snapshot!(shown(&plan), @r#"
    == tidegate.yaml
    # What Tidegate knows about this repository. `tidegate validate` checks it, `tidegate schema host` lists every key.
    apiVersion: tidegate.dev/v1alpha1
    kind: Host
    spec:
      # Journal, mirrors, kept renders; relative to this file.
      state: ./.tidegate/state
      repositories:
        config:
          # The repository that this file is in. For promotions write its URL, with a `credential`.
          url: .
          # How its applications call it.
          aliases:
            - https://git.example.com/shop/config.git
          # Where Application and AppProject files are; others are not looked at.
          applications:
            - "argocd/**/*.yaml"
            - "more/*.yml"
    == .tidegate/.gitignore
    # Tidegate's state is this machine's alone.
    /state/
    == .tidegate/infrastructure.yaml
    # Checks and plans Terraform: `tidegate run infrastructure` does it here and now.
    apiVersion: tidegate.dev/v1alpha1
    kind: Pipeline
    metadata: { name: infrastructure }
    spec:
      triggers:
        push:
          branches: [main]
          paths:
            - "environments/dev/**"
            - "environments/prod/**"
            - "modules/net/**"
      steps:
        each:
          # A plan for each root folder. With a commit's changes alone: changedDirectories('FOLDERS/*').
          forEach: ${{ ['environments/dev', 'environments/prod'] }}
          steps:
            check:
              uses: terraform/validate
              with:
                directory: ${{ item }}
            plan:
              uses: terraform/plan
              needs: [check]
              with:
                directory: ${{ item }}
            # What is applied is the plan that was shown. Let an environment of tidegate.yaml own the folders first,
            # else nobody is asked.
            # apply:
            #   uses: terraform/apply
            #   with: { plan: "${{ steps.plan.outputs.plan }}" }
    == .tidegate/image.yaml
    # Builds images and pushes them: `tidegate run image` does it here and now.
    apiVersion: tidegate.dev/v1alpha1
    kind: Pipeline
    metadata: { name: image }
    spec:
      triggers:
        push:
          branches: [main]
      steps:
        image:
          uses: image/build
          with:
            context: .
            image: ghcr.io/shop/config/image   # where it is pushed
            tag: ${{ event.commit.short }}
        web_worker:
          uses: image/build
          with:
            context: web
            dockerfile: web/Dockerfile.worker
            image: ghcr.io/shop/config/web-worker   # where it is pushed
            tag: ${{ event.commit.short }}
        web:
          uses: image/build
          with:
            context: web
            image: ghcr.io/shop/config/web   # where it is pushed
            tag: ${{ event.commit.short }}
    "#);
}

#[test]
fn nothing_is_planned_over_what_is_there() {
    let existing = Existing {
        configuration: Some("../tidegate.yaml".to_owned()),
        bare_state: Some("state".to_owned()),
        state: Ignored::No,
        pipelines: texts(&["uses: image/build"]),
        taken: texts(&[".tidegate/infrastructure.yaml", ".gitignore"]),
    };
    insta::assert_snapshot!(shown(&plan(&facts(), &existing)), @"
    note: ../tidegate.yaml is there already and stays as it is
    note: Git does not ignore the state folder: add the line `/state/` to .gitignore
    note: .tidegate/infrastructure.yaml is there already and stays as it is
    note: a pipeline in .tidegate/ builds images already
    ");
    let existing =
        Existing { taken: Vec::new(), pipelines: texts(&["uses: terraform/plan", "image/copy"]), ..existing };
    insta::assert_snapshot!(shown(&plan(&facts(), &existing)), @"
    == .gitignore
    # Tidegate's state is this machine's alone.
    /state/
    note: ../tidegate.yaml is there already and stays as it is
    note: a pipeline in .tidegate/ runs Terraform already
    note: a pipeline in .tidegate/ builds images already
    ");
    let ignored = Existing { state: Ignored::Yes, ..Existing::default() };
    assert!(plan(&facts(), &ignored).files.iter().all(|file| !file.path.ends_with(".gitignore")));
}

#[test]
fn long_lists_and_odd_names_are_left_out_and_said() {
    let many = (0..30).map(|i| format!("infra/{i}")).chain(["a'b".to_owned()]).collect();
    let facts =
        Facts { terraform: many, dockerfiles: texts(&["${{ x }}/Dockerfile"]), declaring: Vec::new(), ..facts() };
    let plan = plan(&facts, &Existing::default());
    assert_eq!(problems(&plan), []);
    insta::assert_snapshot!(plan.notes.join("\n"), @"
    unusual names keep 1 of 31 folders with Terraform out of the pipeline
    the pipeline is for 20 of 30 folders with Terraform; add the others that you want
    unusual names keep 1 of 1 Dockerfiles out of the pipeline
    ");
    assert!(!plan.files.iter().any(|file| file.path.ends_with("image.yaml")));
}

#[test]
fn where_there_is_nothing_nothing_is_planned() {
    insta::assert_snapshot!(shown(&plan(&Facts::default(), &Existing::default())), @"note: there is nothing here that a file would be for");
}

proptest! {
    #[test]
    fn whatever_things_are_called_the_files_are_valid(
        names in prop::collection::vec("[ -~é\\n/]{1,12}|[a-c/*]{1,8}", 9),
        some in prop::collection::vec(any::<bool>(), 9),
    ) {
        let path = |i: usize| names[i].trim_matches('/').to_owned();
        let taken = |range: std::ops::Range<usize>, ending: &str| -> Vec<String> {
            range.filter(|i| some[*i]).map(|i| format!("{}{ending}", path(i))).collect()
        };
        let facts = Facts {
            name: names[0].clone(),
            branch: names[1].clone(),
            aliases: Vec::new(),
            declaring: taken(0..4, "/a.yaml"),
            listing: (0..4).map(|i| format!("{}/a.yaml", path(i))).collect(),
            deploys: Deploys::Something,
            terraform: taken(4..7, ""),
            modules: taken(2..4, ""),
            dockerfiles: taken(6..9, "/Dockerfile"),
            image: "registry.example.com/app".to_owned(),
        };
        let plan = plan(&facts, &Existing::default());
        prop_assert_eq!(problems(&plan), [], "{}", shown(&plan));
    }
}
