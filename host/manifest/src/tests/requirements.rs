//! What environments require, read.

use super::wrong_host;
use crate::{Requirement, Source};

/// What is wrong with these requirements of the environment `prod`, beside which there is `staging`.
fn wrong(requires: &str) -> String {
    wrong_host(&format!("  environments:\n    staging: {{}}\n    prod:\n      requires:\n{requires}"))
}

#[test]
fn windows_are_read() {
    let text = "apiVersion: tidegate.dev/v1alpha1
kind: Host
spec:
  environments:
    staging:
    prod:
      requires:
        - window: { days: [mon, Tuesday, WED], hours: \"09:00-16:00\", zone: Europe/Berlin }
        - window: { hours: [22:00-06:00, 9:00-10:00] }
        - window: { days: [sat] }
        - healthy: { environment: staging }
";
    let parsed = crate::host(&Source::new("tidegate.yaml", text.replace("staging:\n", "staging: {}\n")));
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let prod = &parsed.value.unwrap().environments["prod"];
    let said = prod.requires.iter().map(|requirement| match requirement {
        Requirement::Window(window) => window.to_string(),
        Requirement::Healthy { environment } => environment.clone(),
        other => panic!("{other:?}"),
    });
    let expected = ["mon-wed 09:00-16:00 (Europe/Berlin)", "22:00-06:00, 09:00-10:00 (UTC)", "sat (UTC)", "staging"];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[test]
fn windows_that_are_none() {
    insta::assert_snapshot!(wrong(
        r#"        - window: { days: [mon, tusday, frei, 1], hours: [], zone: Europe/Berln }
        - window: { days: [], hours: ["9-16", "09:00-09:00", "24:00-01:00", "08:00-25:00", 900], zone: berlin }
        - window: { day: [mon] }
        - window: { days: , hours: "09:00-16:00" }
        - window: {}
        - window: { zone: Mars/Olympus }
        - window: weekdays
        - window
"#
    ), @r##"
TG-123 8:33 [tusday] there is no day `tusday` | did you mean `tuesday`?
TG-123 8:41 [frei] there is no day `frei` | did you mean `fri`?
TG-122 8:47 [1] a day must be text, not a number | put it between quotes
TG-192 8:58 [[]] a window of no hours is never open | name some, or leave `hours` out for all of them
TG-129 8:68 [Europe/Berln] there is no time zone `Europe/Berln` | did you mean `Europe/Berlin`?
TG-192 9:27 [[]] a window of no days is never open | name some, or leave `days` out for all of them
TG-128 9:39 ["9-16"] `9` is no time of a day | write it like `09:00-16:00`, `22:00-06:00` across midnight, or `00:00-24:00`
TG-128 9:47 ["09:00-09:00"] `09:00-09:00` ends as it begins | write it like `09:00-16:00`, `22:00-06:00` across midnight, or `00:00-24:00`
TG-128 9:62 ["24:00-01:00"] nothing begins at 24:00: that is 00:00 of the next day | write it like `09:00-16:00`, `22:00-06:00` across midnight, or `00:00-24:00`
TG-128 9:77 ["08:00-25:00"] `25:00` is no time of a day | write it like `09:00-16:00`, `22:00-06:00` across midnight, or `00:00-24:00`
TG-122 9:92 [900] `hours` must be text, not a number | put it between quotes
TG-129 9:104 [berlin] there is no time zone `berlin` | did you mean `Europe/Berlin`?
TG-120 10:21 [day] a window has no key `day` | did you mean `days`?
TG-122 11:21 [days] `days` of a window is blank | give it a value, or leave it out
TG-192 12:11 [window] a window of neither `days` nor `hours` is always open | write `days: [mon, tue]`, `hours: "09:00-16:00"` or both
TG-192 13:11 [window] a window of neither `days` nor `hours` is always open | write `days: [mon, tue]`, `hours: "09:00-16:00"` or both
TG-129 13:27 [Mars/Olympus] there is no time zone `Mars/Olympus` | write a name of the IANA's time zones, such as `Europe/Berlin` or `UTC`
TG-122 14:19 [weekdays] a window must be a mapping, not text
TG-122 15:11 [window] the requirement `window` needs its settings | write `window: { days: [mon, tue], hours: "09:00-16:00" }`
"##);
}

#[test]
fn environments_that_cannot_prove() {
    insta::assert_snapshot!(wrong(
        r#"        - healthy: { environment: stagin }
        - healthy: { environment: prod }
        - healthy: {}
        - healthy: staging
        - healthy: { environment: staging, image: x }
        - healthy
        - helthy: { environment: staging }
        - checks: { all: true }
"#
    ), @r##"
TG-182 8:35 [stagin] there is no environment `stagin` | did you mean `staging`?
TG-193 9:35 [prod] `prod` would have to be healthy with an image before it may have it | name the environment that has it first
TG-121 10:20 [{}] the requirement `healthy` needs `environment`
TG-122 11:20 [staging] the requirement `healthy` must be a mapping, not text
TG-120 12:44 [image] the requirement `healthy` has no key `image` | known here: `environment`
TG-122 13:11 [healthy] the requirement `healthy` needs its settings | write `healthy: { environment: NAME }`
TG-184 14:11 [helthy] this build cannot check the requirement `helthy`; what needs it will be denied | did you mean `healthy`?
TG-184 15:11 [checks] this build cannot check the requirement `checks`; what needs it will be denied
"##);
}
