//! Kustomizations of every shape, made at random: an edit does what it should or is refused, and never anything else.

use kustomize::edit::edit;
use kustomize::image::Change;
use kustomize::problem::Blame;
use proptest::prelude::*;

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("v1".to_owned()),
        Just("'v1'".to_owned()),
        Just("\"1.0\"".to_owned()),
        Just("&a v1".to_owned()),
        Just("*z".to_owned()),
        Just("1.10".to_owned()),
        Just(String::new()),
        Just("~".to_owned()),
        Just("!!str 5".to_owned()),
        Just("|\n      v1".to_owned()),
        Just("|-\n      v1".to_owned()),
        Just(">-\n\n      v1\n".to_owned()),
        Just("|-".to_owned()),
        Just("\n      v1".to_owned()),
    ]
}

fn field() -> impl Strategy<Value = (String, String, String)> {
    let key = prop::sample::select(vec!["newTag", "digest", "newName", "\"newTag\"", "other"]);
    let comment = prop::sample::select(vec!["", " # c", "\n    # own line"]);
    (key, value(), comment).prop_map(|(key, value, comment)| (key.to_owned(), value, comment.to_owned()))
}

/// What is between two fields in braces, and at their end.
const SEPARATORS: [&str; 8] = [
    ", ",
    ",",
    ",\n      ",
    ", # s\n      ",
    " # t\n      , ",
    ",\n      # u\n      ",
    " # v\n      , # w\n      ",
    ", ",
];
const ENDS: [&str; 4] = ["}", " # x\n    }", ", # y\n    }", "\n    # z\n    }"];

/// What is behind a dash before the line of its item, where the two are not in one line.
const DASHES: [Option<&str>; 8] =
    [None, None, None, None, Some("\n"), Some(" # dash\n"), Some(" &item\n"), Some(" # dash\n\n  # own\n")];

fn item() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["app", "'app'", "b", "\"c\"", "d # x"]);
    (name, prop::collection::vec(field(), 0..4), any::<bool>(), any::<bool>(), 1..4_usize, any::<u32>()).prop_map(
        |(name, fields, flow, name_last, gap, separators)| {
            let separators = separators as usize;
            let begin = match DASHES[(separators >> 24) & 7] {
                Some(line) => format!("{line}   {}", " ".repeat(gap)),
                None => " ".repeat(gap),
            };
            let mut entries: Vec<String> = fields
                .iter()
                .map(|(key, value, comment)| {
                    if flow {
                        let value = if value.contains(['|', '>', '\n']) { "'v1'" } else { value };
                        format!("{key}: {value}")
                    } else {
                        format!("{key}: {value}{comment}")
                    }
                })
                .collect();
            let name = if flow { name.trim_end_matches(" # x") } else { name };
            entries.insert(if name_last { entries.len() } else { 0 }, format!("name: {name}"));
            if flow {
                let mut text = format!("{{{}", entries[0]);
                for (at, entry) in entries[1..].iter().enumerate() {
                    text += SEPARATORS[(separators >> (4 * at)) & 7];
                    text += entry;
                }
                text + ENDS[(separators >> 28) & 3]
            } else {
                entries.join(&format!("\n  {}", " ".repeat(gap + 1)))
            }
            .replacen("", &begin, 1)
        },
    )
}

fn file() -> impl Strategy<Value = String> {
    let before =
        prop::sample::select(vec!["", "---\n", "# c\n", "\u{feff}", "z: &z v0\n", "z: &z v0\nresources:\n- a\n"]);
    let after =
        prop::sample::select(vec!["", "\n", "\n# end\n", "\nq: 'x'\n", "\np: |\n  text\n", "\n...\n", "\nq: *a\n"]);
    let comment = prop::sample::select(vec!["", "", "\n    # deeper", "\n\n   # deeper\n  # same"]);
    let items = prop::collection::vec(item(), 0..4);
    (before, items, comment, after, any::<bool>()).prop_map(|(before, items, comment, after, crlf)| {
        let list: String = items.iter().map(|item| format!("\n  -{item}")).collect();
        let list = if list.is_empty() { " null" } else { &list };
        let text = format!("{before}images:{list}{comment}{after}");
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

fn change() -> impl Strategy<Value = Change> {
    let tag = prop::option::of(prop::sample::select(vec!["v2", "1.10", "yes", "2026-01-01", "v1"]));
    let name = prop::option::of(prop::sample::select(vec!["app", "r:5000/app"]));
    (tag, any::<bool>(), name).prop_map(|(tag, digest, name)| Change {
        image: "app".to_owned(),
        name: name.map(str::to_owned),
        tag: tag.map(str::to_owned),
        digest: digest.then(|| format!("sha256:{}", "0".repeat(64))),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_is_right_or_refused(source in file(), change in change()) {
        match edit(&source, &change) {
            // The editor checks itself; if that check ever finds something, it is a bug.
            Err(problem) => prop_assert_eq!(problem.blame, Blame::File, "{}\n{}", problem, source),
            Ok(edited) => {
                let again = edit(&edited.text, &change).expect("the result can be edited");
                prop_assert_eq!(&again.text, &edited.text);
                prop_assert_eq!(&again.state, &edited.state);
                if change.tag.is_some() || change.digest.is_some() {
                    prop_assert_eq!((&edited.state.tag, &edited.state.digest), (&change.tag, &change.digest));
                }
                let lines = |text: &str| text.lines().filter(|line| line.contains('#')).count();
                // At most the one of a line that went.
                prop_assert!((lines(&source).saturating_sub(1)..=lines(&source)).contains(&lines(&edited.text)));
                prop_assert_eq!(source.contains('\r'), edited.text.contains('\r'));
            }
        }
    }

    #[test]
    fn no_input_panics(source in "[a-z:\\-\\[\\]{}&*!|>'\"#,\n\r\t ~.é]{0,60}", change in change()) {
        let _ = edit(&format!("images:\n{source}"), &change);
        let _ = edit(&source, &change);
    }
}
