//! Paths that leave where they should stay.

use crate::guest::{Attempt, answers};

#[tokio::test]
async fn a_path_that_is_none_reaches_no_service() {
    let long = "a".repeat(4_097);
    for path in ["..", "../../etc/passwd", "a/../../b", "/etc/passwd", "a\0b", "./a", "a//b", &long] {
        let ended = Attempt::new("path").inputs(path).run().await;
        let answers = answers(&ended.outputs().to_string());
        assert_eq!(answers.len(), 26, "every argument that takes a path");
        for (function, answer) in answers {
            assert!(answer.starts_with("invalid: "), "{function} of {path:?} answered {answer}");
        }
        // The transaction, which has no path, and nothing else.
        assert_eq!(ended.recorder.calls(), ["repository-write.begin config main"], "{path:?}");
    }
}

/// The same calls with a sound path arrive, so it is the path that was refused.
#[tokio::test]
async fn a_sound_path_does() {
    for path in ["a/b..c", &"a".repeat(4_096)] {
        let ended = Attempt::new("path").inputs(path).run().await;
        for (function, answer) in answers(&ended.outputs().to_string()) {
            let wanted =
                if function == "process.start of a path" { "invalid: a program is a name, never a path" } else { "ok" };
            assert_eq!(answer, wanted, "{function}");
        }
        assert_eq!(ended.recorder.calls().len(), 23);
    }
}
