//! The receipt counts what was called, whatever the order.

use crate::guest::Attempt;
use plugin::Calls;
use proptest::prelude::*;
use serde_json::json;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_counted(letters in "[rmwns]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let attempt = Attempt::new("letters").inputs(letters.as_str()).grant(json!({"workspace": "read"}));
        let ended = runtime.block_on(attempt.run());

        let count = |letter| letters.matches(letter).count() as u64;
        let (read, failed, write, now, unserved) = (count('r'), count('m'), count('w'), count('n'), count('s'));
        let codes: Vec<_> = letters.chars().map(|letter| match letter {
            'm' => "unavailable",
            'w' | 's' => "denied",
            _ => "ok",
        }).collect();
        prop_assert_eq!(ended.outputs(), json!(codes));

        let expected = [
            ("clock.now", Calls { count: now, ..Calls::default() }),
            ("state-write.put", Calls { count: unserved, denied: unserved, ..Calls::default() }),
            ("workspace-read.read", Calls { count: read + failed, failed, ..Calls::default() }),
            ("workspace-write.write", Calls { count: write, denied: write, ..Calls::default() }),
        ];
        let expected: Vec<_> = expected.into_iter().filter(|(_, calls)| calls.count > 0).collect();
        let found: Vec<_> =
            ended.receipt.calls.iter().map(|(name, calls)| (name.as_str(), Calls { micros: 0, ..calls.clone() })).collect();
        prop_assert_eq!(found, expected);
        // Each reason once.
        prop_assert_eq!(ended.receipt.denials.len() as u64, write.min(1) + unserved.min(1));
        prop_assert_eq!(ended.recorder.calls().len() as u64, read + failed);
    }
}
