//! Which ids outside stand behind those of a builder's user namespace. It never writes a map: it only decides on one.
//!
//! Inside there are root and 65,535 others. Outside, root is the user that a strict child would have, so that both can
//! share a workspace. The others are a range of ids that belong to nobody: that of `root` in `/etc/subuid`, by which an
//! operator chooses; else 2,147,418,112 to 2,147,483,647, which is behind all that login tools give to users and daemons
//! (they end at 600,100,000), behind what systemd gives to containers (1,879,048,191) and to foreign images
//! (2,147,418,111), and below 2^31, where some programs see negative numbers. All builders share the range: as with the
//! user of strict children, namespaces part them.

use crate::command::resolve;
use std::path::Path;

/// Ids inside besides root.
const OTHERS: u32 = 65_535;
/// The range where `/etc/subuid` has none for root.
const FIRST: u32 = 2_147_418_112;

/// A range of user ids and one of group ids, of the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub uid: u32,
    pub gid: u32,
    pub count: u32,
}

impl Range {
    /// That of a host that is root.
    pub fn of_root() -> Self {
        Self::of(&["root"]).filter(|range| range.count == OTHERS).unwrap_or(Self {
            uid: FIRST,
            gid: FIRST,
            count: OTHERS,
        })
    }

    /// What the machine gave to a host that is not root, if `newuidmap` and `newgidmap` are there to map it.
    pub fn of_host() -> Option<Self> {
        let helpers = ["newuidmap", "newgidmap"].iter().all(|name| resolve(name).is_some());
        Self::of_user(rustix::process::geteuid().as_raw()).filter(|_| helpers)
    }

    fn of_user(uid: u32) -> Option<Self> {
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let number = uid.to_string();
        let name = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == number).then_some(name)
        });
        Self::of(&[name.unwrap_or(&number), &number])
    }

    fn of(names: &[&str]) -> Option<Self> {
        let read = |path| first_range(&std::fs::read_to_string(path).unwrap_or_default(), names);
        let ((uid, users), (gid, groups)) = (read("/etc/subuid")?, read("/etc/subgid")?);
        Some(Self { uid, gid, count: users.min(groups).min(OTHERS) })
    }

    /// Whether a file of this owner and group was made by one of the others.
    pub fn has(self, uid: u32, gid: u32) -> bool {
        let within = |first: u32, id: u32| id.checked_sub(first).is_some_and(|index| index < self.count);
        within(self.uid, uid) || within(self.gid, gid)
    }

    /// Whether this process's own user namespace has them all.
    pub fn is_mapped(self) -> bool {
        let maps = |path: &str, first: u32| {
            let map = std::fs::read_to_string(Path::new("/proc/self").join(path)).unwrap_or_default();
            is_mapped(&map, first) && is_mapped(&map, first + (self.count - 1))
        };
        maps("uid_map", self.uid) && maps("gid_map", self.gid)
    }
}

/// A builder's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Who root is outside: user and group.
    pub root: (u32, u32),
    /// Who the others are. `None` has no others.
    pub others: Option<Range>,
}

impl Mapping {
    /// The text for `uid_map`: lines of inside, outside, count.
    pub fn users(&self) -> String {
        text(self.root.0, self.others.map(|others| (others.uid, others.count)))
    }

    /// The text for `gid_map`.
    pub fn groups(&self) -> String {
        text(self.root.1, self.others.map(|others| (others.gid, others.count)))
    }
}

fn text(root: u32, others: Option<(u32, u32)>) -> String {
    let rest = others.map(|(first, count)| format!("1 {first} {count}\n")).unwrap_or_default();
    format!("0 {root} 1\n{rest}")
}

/// What a builder without others goes without.
pub const ALONE: &str = "a builder has one user inside: images whose files have several owners fail, unless failed changes of \
                         owner are ignored (no range of ids for this user in /etc/subuid and /etc/subgid, or no newuidmap)";

/// Why there is no builder at all.
pub const UNLOCKED: &str = "`profile: builder` needs user, mount and pid namespaces, which are not all here";

/// Whether this host can give a builder others.
pub fn has_others() -> bool {
    let root = rustix::process::geteuid().is_root();
    if root { Range::of_root().is_mapped() } else { Range::of_host().is_some() }
}

/// The first range of one of these names in `/etc/subuid`: lines of name, first, count, parted by colons.
fn first_range(text: &str, names: &[&str]) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let (first, count) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
        let usable = names.contains(&name) && first > 0 && count > 0 && first.checked_add(count).is_some();
        usable.then_some((first, count))
    })
}

/// Whether an id appears in a map of `/proc/self/uid_map`: lines of inside, outside, count.
pub fn is_mapped(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        match (numbers.next(), numbers.nth(1)) {
            (Some(first), Some(count)) => (first..first + count).contains(&u64::from(id)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        assert!(is_mapped("         0          0 4294967295\n", 65_534));
        assert!(!is_mapped("0 1000 1\n", 65_534));
        assert!(is_mapped("0 1000 1\n1 100000 65536\n", 65_534));
        assert!(!is_mapped("", 0));
    }

    #[test]
    fn ranges_are_found_by_name_or_number() {
        let text = "other:1:2\nbad:x:1\nme:100000:65536\n1000:500000:10\nend:4294967295:9\n";
        assert_eq!(first_range(text, &["me"]), Some((100_000, 65_536)));
        assert_eq!(first_range(text, &["nobody", "1000"]), Some((500_000, 10)));
        assert_eq!(first_range(text, &["end"]), None);
        assert_eq!(first_range(text, &["bad"]), None);
        assert_eq!(first_range("", &["me"]), None);
    }

    #[test]
    fn the_others_are_told_from_the_rest() {
        let range = Range { uid: 100, gid: 200, count: 10 };
        for (uid, gid, yes) in [(100, 0, true), (109, 0, true), (110, 0, false), (99, 0, false), (0, 205, true)] {
            assert_eq!(range.has(uid, gid), yes, "{uid} {gid}");
        }
        let mapping = Mapping { root: (7, 8), others: Some(range) };
        assert_eq!((mapping.users(), mapping.groups()), ("0 7 1\n1 100 10\n".into(), "0 8 1\n1 200 10\n".into()));
        assert_eq!(Mapping { others: None, ..mapping }.users(), "0 7 1\n");
    }
}
