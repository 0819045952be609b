//! The plan file, which is a ZIP archive: on which state it was made. Nothing else of it is read, and what cannot be read is no
//! error: an encrypted one of OpenTofu, say, tells nothing.

use crate::manifest::State;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// The largest state that is read, in bytes: it passes through a plugin's memory.
const LARGEST: usize = 8 << 20;
/// The member that holds the state: the very one that the plan was made on, with its serial and lineage.
const STATE: &[u8] = b"tfstate";

/// The state that a plan was made on, as far as the plan tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This one.
    State(State),
    /// There was none.
    Nothing,
    /// It does not tell, or not in a way that is read here.
    Unreadable,
}

/// Looks into a plan file.
pub fn state(plan: &[u8]) -> Found {
    let Some(text) = member(plan, STATE) else { return Found::Unreadable };
    match serde_json::from_slice::<State>(&text) {
        Ok(state) if state.lineage.is_empty() => Found::Nothing,
        Ok(state) => Found::State(state),
        Err(_) => Found::Unreadable,
    }
}

/// A member's content, by the sections 4.3.7, 4.3.12 and 4.3.16 of the ZIP specification (APPNOTE.TXT). Absent also for what
/// Terraform does not write: archives with a comment, members above 4 GiB, other methods than 0 (stored) and 8 (deflated).
fn member(archive: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let end = archive.len().checked_sub(22).filter(|end| archive[*end..].starts_with(b"PK\x05\x06"))?;
    let count = short(archive, end + 10)?;
    let mut at = long(archive, end + 16)?;
    for _ in 0..count {
        if !archive.get(at..)?.starts_with(b"PK\x01\x02") {
            return None;
        }
        let lengths = [short(archive, at + 28)?, short(archive, at + 30)?, short(archive, at + 32)?];
        let here = archive.get(at + 46..at + 46 + lengths[0])?;
        if here == name {
            let header = long(archive, at + 42)?;
            if !archive.get(header..)?.starts_with(b"PK\x03\x04") {
                return None;
            }
            let begin = header + 30 + short(archive, header + 26)? + short(archive, header + 28)?;
            let content = archive.get(begin..begin.checked_add(long(archive, at + 20)?)?)?;
            return match short(archive, at + 10)? {
                0 => Some(content.to_vec()),
                8 => decompress_to_vec_with_limit(content, LARGEST).ok(),
                _ => None,
            };
        }
        at += 46 + lengths.iter().sum::<usize>();
    }
    None
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?).into())
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Found, state};
    use crate::manifest::State;
    use miniz_oxide::deflate::compress_to_vec;
    use proptest::prelude::*;

    /// An archive as Go writes one: sizes behind the members and in the directory, an extra field that only one of them has.
    fn archive(members: &[(&str, &str)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in members {
            let packed = compress_to_vec(content.as_bytes(), 6);
            let (name_length, size) = ((name.len() as u16).to_le_bytes(), (packed.len() as u32).to_le_bytes());
            let offset = (out.len() as u32).to_le_bytes();
            out.extend([b"PK\x03\x04\x14\0\x08\0\x08\0".as_slice(), &[0; 16], &name_length, &[3, 0]].concat());
            out.extend([name.as_bytes(), b"abc", &packed, b"PK\x07\x08", &[0; 12]].concat());
            directory.extend([b"PK\x01\x02\x14\0\x14\0\x08\0\x08\0".as_slice(), &[0; 8], &size, &[0; 4]].concat());
            directory.extend([name_length.as_slice(), &[0; 12], &offset, name.as_bytes()].concat());
        }
        let (count, offset) = ((members.len() as u16).to_le_bytes(), (out.len() as u32).to_le_bytes());
        let length = (directory.len() as u32).to_le_bytes();
        out.append(&mut directory);
        out.extend([b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &length, &offset, &[0; 2]].concat());
        out
    }

    const STATE: &str =
        r#"{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"a-b","outputs":{},"resources":[]}"#;

    #[test]
    fn the_state_is_that_of_the_plan() {
        let plan = archive(&[("tfplan", "x"), ("tfstate", STATE), ("tfstate-prev", &STATE.replace('7', "6"))]);
        assert_eq!(state(&plan), Found::State(State { serial: 7, lineage: "a-b".to_owned() }));
        let none = archive(&[("tfstate", &STATE.replace("a-b", ""))]);
        assert_eq!(state(&none), Found::Nothing);
    }

    #[test]
    fn what_is_no_plan_tells_nothing() {
        let large = format!("{}{}", STATE, " ".repeat(super::LARGEST));
        for plan in [
            archive(&[("tfplan", "x")]),
            archive(&[("tfstate", "no JSON")]),
            archive(&[("tfstate", &large)]),
            br#"{"encrypted_data":"x"}"#.to_vec(),
            Vec::new(),
        ] {
            assert_eq!(state(&plan), Found::Unreadable);
        }
    }

    proptest! {
        #[test]
        fn damage_harms_nobody(at in 0..1000_usize, byte: u8, length in 0..1000_usize) {
            let mut plan = archive(&[("tfplan", "x"), ("tfstate", STATE)]);
            let at = at % plan.len();
            plan[at] = byte;
            let _ = state(&plan);
            plan.truncate(length);
            let _ = state(&plan);
        }
    }
}
