//! What can be asked of a root's files, and how it was answered, small enough to be kept for every file that a render read.

use git::{Kind, ObjectId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A question of the interface `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Question {
    /// What is there?
    #[serde(rename = "k")]
    Look,
    /// What is in it?
    #[serde(rename = "r")]
    Read,
    /// What does it hold?
    #[serde(rename = "e")]
    Entries,
}

/// An answer. Equal ones mean the same to a renderer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Answer {
    /// There is nothing.
    Nothing,
    /// It is that. To a question for a content: it has none, or too much.
    Is(Kind),
    /// A file or link of this content.
    File(Kind, ObjectId),
    /// A folder with these names and kinds; the id is that of a file with a line for each.
    Listing(ObjectId),
}

/// The answer for a folder with these entries, in byte order of their names.
pub fn listing(entries: &[(String, Kind)]) -> Answer {
    let mut text = String::new();
    for (name, kind) in entries {
        text.push(letter(*kind));
        text.push_str(name);
        // No name holds one.
        text.push('\0');
    }
    Answer::Listing(ObjectId::of_file(text.as_bytes()))
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::File => 'f',
        Kind::Executable => 'x',
        Kind::Directory => 'd',
        Kind::Link => 'l',
        Kind::Submodule => 's',
    }
}

fn kind(letter: char) -> Option<Kind> {
    [Kind::File, Kind::Executable, Kind::Directory, Kind::Link, Kind::Submodule]
        .into_iter()
        .find(|k| self::letter(*k) == letter)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("-"),
            Self::Is(kind) => write!(f, "{}", letter(*kind)),
            Self::File(kind, id) => write!(f, "{}{id}", letter(*kind)),
            Self::Listing(id) => write!(f, "={id}"),
        }
    }
}

impl From<Answer> for String {
    fn from(answer: Answer) -> Self {
        answer.to_string()
    }
}

impl TryFrom<String> for Answer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{}` is no answer", text.escape_debug());
        let mut letters = text.chars();
        let first = letters.next().ok_or_else(wrong)?;
        let rest = letters.as_str();
        match (first, rest.is_empty()) {
            ('-', true) => Ok(Self::Nothing),
            ('=', _) => ObjectId::parse(rest).map(Self::Listing).ok_or_else(wrong),
            (letter, true) => kind(letter).map(Self::Is).ok_or_else(wrong),
            (letter, false) => {
                kind(letter).zip(ObjectId::parse(rest)).map(|(kind, id)| Self::File(kind, id)).ok_or_else(wrong)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, listing};
    use git::{Kind, ObjectId};

    #[test]
    fn answers_are_texts_and_back() {
        let id = ObjectId::of_file(b"x");
        let entries = [("a".to_owned(), Kind::Link), ("b".to_owned(), Kind::Directory)];
        for answer in
            [Answer::Nothing, Answer::Is(Kind::Submodule), Answer::File(Kind::Executable, id), listing(&entries)]
        {
            let text = String::from(answer);
            assert_eq!(Answer::try_from(text.clone()), Ok(answer), "{text}");
        }
        for wrong in ["", "?", "f12", "=", "--"] {
            assert!(Answer::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn listings_differ_where_a_name_or_a_kind_does() {
        let of =
            |entries: &[(&str, Kind)]| listing(&entries.iter().map(|(n, k)| ((*n).to_owned(), *k)).collect::<Vec<_>>());
        let all = [
            of(&[]),
            of(&[("ab", Kind::File)]),
            of(&[("ab", Kind::Executable)]),
            of(&[("a", Kind::File), ("b", Kind::File)]),
            of(&[("afb", Kind::File)]),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(of(&[("ab", Kind::File)]), all[1]);
    }
}
