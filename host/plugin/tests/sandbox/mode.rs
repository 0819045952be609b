//! Effects where there may be none.

use crate::guest::{Attempt, HOST, answers, bytes};
use crate::recorder::Recorder;
use plugin::Services;
use plugin::wit::step;
use std::sync::Arc;

const EFFECTS: [&str; 10] = [
    "archive",
    "cache",
    "process",
    "workspace-write",
    "artifact-write",
    "repository-write",
    "change-write",
    "secret",
    "state-write",
    "http",
];

/// Nothing with effects, with every grant: by the name of what was called and of the mode.
#[track_caller]
fn no_effects(text: &str, recorder: &Recorder, mode: &str) {
    let mut met = Vec::new();
    for (function, answer) in answers(text) {
        // Artifacts are extracted into the workspace, so this one function of a reading interface has an effect.
        let effect = EFFECTS.contains(&function.split('.').next().expect("a first part"));
        if effect || function == "artifact-read.extract" {
            let function = function.split(' ').next().expect("a first part");
            let why = format!("denied: `{function}` has effects, and a {mode} may have none");
            assert_eq!(answer, why);
            met.push(function.split('.').next().expect("a first part").to_owned());
        }
    }
    for interface in EFFECTS {
        assert!(met.iter().any(|found| found == interface), "`{interface}` was not tried");
    }
    for call in recorder.calls() {
        let interface = call.split('.').next().expect("a first part");
        let reads =
            ["workspace-read", "artifact-read", "repository-read", "approval", "application"].contains(&interface);
        assert!(reads && !call.contains("extract"), "{call}");
    }
    assert_eq!(recorder.calls().len(), 11, "what only reads arrives");
}

#[tokio::test]
async fn a_preview_has_no_effects() {
    let ended = Attempt::new("everything").preview().await;
    let step::Forecast { body, .. } = ended.answer.expect("the refusals are answers");
    no_effects(&body, &ended.recorder, "preview");
}

#[tokio::test]
async fn a_probe_has_no_effects() {
    let ended = Attempt::new("everything").probe().await;
    let Ok(step::Finding::Done(text)) = ended.answer else { panic!("{:?}", ended.answer) };
    no_effects(&text, &ended.recorder, "probe");
}

#[tokio::test]
async fn a_plugin_that_describes_itself_does_nothing_else() {
    let recorder = Arc::new(Recorder::default());
    let services: Arc<dyn Services> = recorder.clone();
    let plugin = HOST.load(&bytes()).expect("a plugin");
    let description = plugin.describe(services).await.expect("the refusals are answers");
    assert_eq!(description.annotations.len(), 37);
    for annotation in description.annotations {
        let function = annotation.name.split(' ').next().expect("a first part");
        let why = format!("denied: `{function}` is refused while a plugin describes itself");
        assert_eq!(annotation.value, why);
    }
    assert_eq!(recorder.calls(), [""; 0]);
}
