//! What a commit changes about rendered objects, object by object, as a unified diff for people. Contents of Secrets are
//! compared and never shown.

use manifest::{Line, Object, ObjectName};
use similar::{Algorithm, ChangeTag, DiffOp, capture_diff_slices, group_diff_ops};
use std::collections::{BTreeMap, HashMap};

/// Lines around a change.
const CONTEXT: usize = 3;
/// The most lines of an object that are compared one by one.
const LONGEST: usize = 50_000;
/// The most characters of a line that are shown.
const WIDEST: usize = 240;

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The name of an object.
    Object,
    /// Where in it.
    Place,
    Same,
    Before,
    After,
}

/// A line of a diff, with its sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub mark: Mark,
    pub text: String,
}

/// A diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
    /// Documents on either side that cannot be read, and so are not compared.
    pub unread: usize,
    /// The first lines of it.
    pub lines: Vec<Shown>,
    /// How many more there are.
    pub cut: usize,
}

impl Diff {
    /// Whether no object differs, as far as they could be compared.
    pub fn is_empty(&self) -> bool {
        self.added + self.removed + self.changed + self.unread == 0
    }
}

/// Compares the streams of an application before and after. At most so many lines are kept.
pub fn compare(before: &[&str], after: &[&str], most: usize) -> Diff {
    let mut made = Making { diff: Diff::default(), most };
    let (old, unread_before) = by_name(before);
    let (new, unread_after) = by_name(after);
    if unread_before != unread_after {
        made.diff.unread = unread_before.values().chain(unread_after.values()).sum();
    }
    for (name, lines) in &new {
        match old.get(name) {
            None => {
                made.diff.added += 1;
                made.whole(&name.0, lines, Mark::After);
            }
            Some(known) if known != lines => {
                made.diff.changed += 1;
                made.parts(&name.0, known, lines);
            }
            Some(_) => {}
        }
    }
    for (name, lines) in old.iter().filter(|(name, _)| !new.contains_key(name)) {
        made.diff.removed += 1;
        made.whole(&name.0, lines, Mark::Before);
    }
    made.diff
}

/// An object's name, and how many of that name were before it.
type Numbered = (ObjectName, usize);

/// Objects by name; and of documents that cannot be read how many there are by length.
fn by_name(streams: &[&str]) -> (BTreeMap<Numbered, Vec<Line>>, BTreeMap<usize, usize>) {
    let (mut objects, mut unread) = (BTreeMap::new(), BTreeMap::new());
    let mut seen: HashMap<ObjectName, usize> = HashMap::new();
    for object in streams.iter().flat_map(|stream| manifest::objects(stream)) {
        match object {
            Ok(Object { name, lines }) => {
                let number = seen.entry(name.clone()).or_default();
                objects.insert((name, *number), lines);
                *number += 1;
            }
            Err(length) => *unread.entry(length).or_default() += 1,
        }
    }
    (objects, unread)
}

/// A diff under construction.
struct Making {
    diff: Diff,
    most: usize,
}

impl Making {
    fn push(&mut self, mark: Mark, text: String) {
        if self.diff.lines.len() < self.most {
            self.diff.lines.push(Shown { mark, text });
        } else {
            self.diff.cut += 1;
        }
    }

    fn line(&mut self, mark: Mark, line: &Line) {
        let sign = match mark {
            Mark::After => '+',
            Mark::Before => '-',
            Mark::Same | Mark::Object | Mark::Place => ' ',
        };
        let text = line.text();
        let shown = match text.char_indices().nth(WIDEST) {
            Some((end, _)) => format!("{sign}{}…", &text[..end]),
            None => format!("{sign}{text}"),
        };
        self.push(mark, shown);
    }

    fn whole(&mut self, name: &ObjectName, lines: &[Line], mark: Mark) {
        let word = if mark == Mark::After { "new" } else { "gone" };
        self.push(Mark::Object, format!("{name} ({word})"));
        lines.iter().for_each(|line| self.line(mark, line));
    }

    fn parts(&mut self, name: &ObjectName, before: &[Line], after: &[Line]) {
        self.push(Mark::Object, name.to_string());
        if before.len().max(after.len()) > LONGEST {
            let text = format!(" {} lines before, {} after: too many to compare one by one", before.len(), after.len());
            self.push(Mark::Same, text);
            return;
        }
        let operations = capture_diff_slices(Algorithm::Myers, before, after);
        for group in group_diff_ops(operations, CONTEXT) {
            self.push(Mark::Place, place(&group));
            for change in group.iter().flat_map(|operation| operation.iter_changes(before, after)) {
                let mark = match change.tag() {
                    ChangeTag::Equal => Mark::Same,
                    ChangeTag::Delete => Mark::Before,
                    ChangeTag::Insert => Mark::After,
                };
                self.line(mark, change.value_ref());
            }
        }
    }
}

/// `@@ -3,7 +3,7 @@`.
fn place(group: &[DiffOp]) -> String {
    let range = |of: fn(&DiffOp) -> std::ops::Range<usize>| {
        let start = group.first().map_or(0, |op| of(op).start);
        let end = group.last().map_or(0, |op| of(op).end);
        format!("{},{}", if end > start { start + 1 } else { start }, end - start)
    };
    format!("@@ -{} +{} @@", range(DiffOp::old_range), range(DiffOp::new_range))
}

#[cfg(test)]
mod tests {
    use super::compare;

    fn shown(before: &[&str], after: &[&str], most: usize) -> String {
        let diff = compare(before, after, most);
        let lines: String = diff.lines.iter().map(|line| format!("{}\n", line.text.trim_end())).collect();
        let counts = format!("+{} -{} ~{} ?{}", diff.added, diff.removed, diff.changed, diff.unread);
        format!("{counts}\n{lines}cut {}", diff.cut)
    }

    const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  a: 1\n  b: 2\n  replicas: 1\n  c: 3\n  d: 4\n  e: 5\n  f: 6\n";

    #[test]
    fn objects_are_compared_by_name_wherever_they_stand() {
        let map = "kind: ConfigMap\nmetadata: {name: x}\n";
        let after = DEPLOYMENT.replace("replicas: 1", "replicas: 3");
        let gone = "kind: Service\nmetadata: {name: web}\n";
        insta::assert_snapshot!(
            shown(&[&format!("{DEPLOYMENT}---\n{gone}"), map], &[map, &format!("{after}---\nkind: Job\nmetadata: {{name: new}}\n")], 100),
            @"
        +1 -1 ~1 ?0
        Deployment shop/web
        @@ -6,7 +6,7 @@
         spec:
           a: 1
           b: 2
        -  replicas: 1
        +  replicas: 3
           c: 3
           d: 4
           e: 5
        Job new (new)
        +kind: Job
        +metadata:
        +  name: new
        Service web (gone)
        -kind: Service
        -metadata:
        -  name: web
        cut 0
        "
        );
    }

    #[test]
    fn a_secret_differs_and_shows_nothing() {
        let secret = "kind: Secret\nmetadata: {name: login}\ndata: {user: Ym9i, password: cGE1NQ==}\n";
        let after = secret.replace("cGE1NQ==", "d29yZA==");
        insta::assert_snapshot!(shown(&[secret], &[&after], 100), @"
        +0 -0 ~1 ?0
        Secret login
        @@ -3,4 +3,4 @@
           name: login
         data:
           user: (hidden)
        -  password: (hidden)
        +  password: (hidden)
        cut 0
        ");
    }

    #[test]
    fn another_way_to_write_the_same_is_no_difference() {
        let diff =
            compare(&["{kind: A, metadata: {name: a}}"], &["# x\nkind: A\nmetadata:\n    name: 'a'\n---\n"], 100);
        assert!(diff.is_empty(), "{diff:?}");
    }

    #[test]
    fn what_is_long_is_cut_and_what_is_broken_is_said() {
        insta::assert_snapshot!(shown(&["kind: ["], &[DEPLOYMENT, "kind: [["], 2), @"
        +1 -0 ~0 ?2
        Deployment shop/web (new)
        +apiVersion: apps/v1
        cut 12
        ");
        let long = format!("kind: A\nx: {}\n", "y".repeat(1000));
        assert!(compare(&[], &[&long], 100).lines.iter().all(|line| line.text.chars().count() <= 242));
    }
}
