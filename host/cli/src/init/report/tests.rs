//! What a person reads.

use super::{Base, Report, Skipped, Tally, files, text};
use crate::args::Output;
use crate::init::compare::compare;
use crate::init::files::{Plan, Planned};
use crate::init::refusal::Refused;
use crate::init::survey::{Change, Changed};
use crate::screen::Screen;
use manifest::{Unread, Why};
use model::{Blame, Failure};

fn plain() -> Screen {
    Screen { colour: false, out_colour: false, ..Screen::new(Output::Text) }
}

fn refused(name: &str, message: &str) -> Refused {
    let failure = Failure::new(Blame::User, "unsupported", message).hint("commit what it renders to");
    Refused { name: name.to_owned(), place: format!("argocd/{name}.yaml:1"), failure }
}

fn skipped(why: Why, count: usize, first: &[&str]) -> Skipped {
    let first = first.iter().map(|path| (*path).to_owned()).collect();
    Skipped::of(&why, &Unread { count, first })
}

fn changed(name: &str, change: Change) -> Changed {
    Changed { name: name.to_owned(), place: format!("argocd/{name}.yaml:1"), change }
}

fn parent() -> Base {
    Base::Parent { short: "1234567".to_owned(), subject: "Scale the shop".to_owned() }
}

#[test]
fn the_first_line_and_what_stands_behind_it() {
    let (before, after) = ("kind: A\nmetadata: {name: a}\nx: 1\n", "kind: A\nmetadata: {name: a}\nx: 2\n");
    let broken = Failure::new(Blame::User, "invalid", "it is no YAML");
    let report = Report {
        applications: Tally {
            found: 412,
            rendered: 405,
            refused: ["a", "b", "c"].map(|name| refused(name, &format!("the chart `{name}` is not rendered"))).to_vec(),
            elsewhere: [("https://x/one".to_owned(), 3), ("https://x/two".to_owned(), 1)].into(),
            of_others: 4,
            changed: vec![
                changed("shop", Change::Objects(compare(&[before], &[after], 100))),
                changed("new", Change::New(Some(compare(&[], &[before], 1)))),
                changed("odd", Change::New(None)),
                changed("gone", Change::Gone),
                changed("broken", Change::Broken(broken.clone())),
                changed("mended", Change::Mended(broken)),
            ],
        },
        overlays: Tally { found: 2, rendered: 2, ..Tally::default() },
        base: parent(),
        unread: vec![refused("d", "this is not YAML")],
        skipped: vec![
            skipped(Why::TooMany(200_000), 7, &["t/a.tf", "t/b.tf"]),
            skipped(Why::TooLarge(4 << 20), 1, &["crds.yaml"]),
        ],
        guessed: Some("https://x/config".to_owned()),
        uncommitted: 1,
        terraform: ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned).to_vec(),
        dockerfiles: vec!["Dockerfile".to_owned()],
    };
    insta::assert_snapshot!(text(&report, 100, &plain()), @"
    412 applications, 405 rendered, 3 refused because the chart `…` is not rendered, 4 of other repositories; the last commit changes 6
    2 overlays without an application, 2 rendered

    7 Terraform root folders: a, b, c, d, e and 2 more
    1 Dockerfile: Dockerfile
    https://x/config is taken to be this repository: no remote is called so, and all folders that its applications name are here
    1 uncommitted path not looked at: all this is about the last commit

    changed by 1234567 Scale the shop
      shop (argocd/shop.yaml:1): 1 object changed
        A a
        @@ -1,4 +1,4 @@
         kind: A
         metadata:
           name: a
        -x: 1
        +x: 2
      new (argocd/new.yaml:1): new, 1 object
        A a (new)
      odd (argocd/odd.yaml:1): new, and refused
      gone (argocd/gone.yaml:1): no longer there
      broken (argocd/broken.yaml:1): rendered before, and refused now: it is no YAML
      mended (argocd/mended.yaml:1): rendered now; before it was refused: it is no YAML
      4 lines more: `tidegate init --lines 104` shows all

    refused
      3 × unsupported: the chart `…` is not rendered
          first: a at argocd/a.yaml:1
          the chart `a` is not rendered
          hint: commit what it renders to

    not read
      1 × unsupported: this is not YAML
          d at argocd/d.yaml:1
          hint: commit what it renders to

    not looked into
      7 × too-many: more than 200000 files of a kind
          t/a.tf, t/b.tf and 5 more
      1 × too-large: larger than 4 MiB
          crds.yaml

    of other repositories
      3 × https://x/one
      1 × https://x/two
      name them under `repositories` of tidegate.yaml, and `tidegate apps list` renders them too
      if one of them is this repository, add it to its `aliases`
    ");
    let short = text(&report, 3, &plain());
    assert!(short.contains("  9 lines more: `tidegate init --lines 12` shows all"), "{short}");
}

#[test]
fn one_line_is_enough_where_nothing_is_wrong() {
    let tally = Tally { found: 1, rendered: 1, ..Tally::default() };
    for (applications, overlays, base, expected) in [
        (tally.clone(), Tally::default(), parent(), "1 application, 1 rendered; the last commit changes 0"),
        (Tally::default(), tally.clone(), parent(), "1 overlay, 1 rendered; the last commit changes 0"),
        (tally, Tally::default(), Base::NoCommit, "1 application, 1 rendered; there is no commit yet"),
        (Tally::default(), Tally::default(), parent(), "no applications and no overlays"),
    ] {
        let report = Report { applications, overlays, base, ..Report::default() };
        assert_eq!(text(&report, 100, &plain()), expected);
    }
}

#[test]
fn files_are_shown_in_full() {
    let plan = Plan {
        files: vec![Planned { path: "tidegate.yaml".to_owned(), content: "a: 1\nb: 2\n".to_owned() }],
        notes: vec!["x is there already".to_owned()],
    };
    insta::assert_snapshot!(files(&plan, &plain()), @"
    x is there already
    tidegate.yaml (new)
    +a: 1
    +b: 2
    ");
}
