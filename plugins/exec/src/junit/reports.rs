//! The reports in the workspace: which are new, and what they say. It changes no file.

use super::{Summary, parse};
use crate::digest::fingerprint;
use crate::files::Files;
use crate::pattern::{Pattern, find};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tidegate::Error;

/// Largest report, in bytes: what one call of the host answers.
const LARGEST: u64 = 1 << 20;
/// Most problems that are told one by one.
const MOST_PROBLEMS: usize = 10;

/// What matched before the script began: a report that is still the same says nothing about this attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline(BTreeSet<String>);

/// What the reports of an attempt say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// In sum.
    pub summary: Summary,
    /// How many reports that is.
    pub reports: usize,
    /// How many matched and were the same before the script began.
    pub unchanged: usize,
    /// How many could not be counted.
    pub unread: usize,
    /// Why, in words, for the first of them.
    pub problems: Vec<String>,
}

/// What the patterns match now.
///
/// # Errors
/// Those of the host.
pub fn baseline(files: &impl Files, patterns: &[Pattern]) -> Result<Baseline, Error> {
    let mut known = BTreeSet::new();
    for path in find(patterns, |path| files.entries(path))?.paths {
        // What cannot be read now is told after the script, if it is still there.
        if let Ok(Some(summary)) = files.summarise(&path) {
            known.insert(fingerprint(&path, &summary.digest));
        }
    }
    Ok(Baseline(known))
}

/// Reads what the patterns match and is not of the baseline.
///
/// # Errors
/// Those of the host in listing folders; what is wrong with one report is among the problems.
pub fn collect(files: &impl Files, patterns: &[Pattern], baseline: &Baseline) -> Result<Collected, Error> {
    let found = find(patterns, |path| files.entries(path))?;
    let mut collected = Collected::default();
    let mut problems: Vec<String> =
        found.cut.into_iter().map(|cut| format!("there may be more reports: {cut}")).collect();
    for path in found.paths {
        match read(files, &path, baseline) {
            Ok(Read::Report(content)) => match parse(&content) {
                Ok(report) => {
                    collected.reports += 1;
                    collected.summary.add(report);
                }
                Err(problem) => problems.push(format!("{path} is not counted: {problem}")),
            },
            Ok(Read::Unchanged) => collected.unchanged += 1,
            Ok(Read::TooLarge(size)) => problems.push(format!(
                "{path} is not counted: it has {size} bytes, and only 1 MiB of a file can be read; leave the tests' output \
                 out of it, or have one report for each suite"
            )),
            Ok(Read::Nothing) => {}
            Err(error) => problems.push(format!("{path} is not counted: {}", error.message)),
        }
    }
    collected.unread = problems.len();
    if problems.len() > MOST_PROBLEMS {
        let more = problems.len() - MOST_PROBLEMS;
        problems.truncate(MOST_PROBLEMS);
        problems.push(format!("{more} more are not counted"));
    }
    collected.problems = problems;
    Ok(collected)
}

enum Read {
    Report(Vec<u8>),
    Unchanged,
    TooLarge(u64),
    Nothing,
}

fn read(files: &impl Files, path: &str, baseline: &Baseline) -> Result<Read, Error> {
    let Some(summary) = files.summarise(path)? else { return Ok(Read::Nothing) };
    if baseline.0.contains(&fingerprint(path, &summary.digest)) {
        return Ok(Read::Unchanged);
    }
    if summary.size > LARGEST {
        return Ok(Read::TooLarge(summary.size));
    }
    Ok(files.read(path)?.map_or(Read::Nothing, Read::Report))
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, baseline, collect};
    use crate::files::tests::Folder;
    use crate::pattern::Pattern;

    const GOOD: &str = "<testsuite><testcase name='a'/></testsuite>";
    const BAD: &str = "<testsuite><testcase name='a'><failure message='no'/></testcase></testsuite>";

    #[test]
    fn only_what_the_script_wrote_counts() {
        let folder = Folder::new();
        let patterns = ["reports/**/*.xml", "junit.xml"].map(|text| Pattern::parse(text).expect("valid"));
        folder.write("reports/old.xml", BAD);
        folder.write("reports/again.xml", BAD);
        folder.write("junit.xml", "not a report");
        let before = baseline(&folder, &patterns).expect("read");
        let nothing = collect(&folder, &patterns, &before).expect("read");
        assert_eq!((nothing.reports, nothing.unchanged, nothing.problems.len()), (0, 3, 0));

        folder.write("reports/again.xml", GOOD);
        folder.write("reports/new/a.xml", BAD);
        folder.write("reports/moved.xml", BAD);
        folder.write("reports/text.txt", BAD);
        let collected = collect(&folder, &patterns, &before).expect("read");
        assert_eq!((collected.reports, collected.unchanged), (3, 2));
        assert_eq!((collected.summary.tests, collected.summary.failed), (3, 2));
        // What an interrupted call noted is the same after it was written and read.
        let kept: super::Baseline = serde_json::from_str(&serde_json::to_string(&before).expect("JSON")).expect("JSON");
        assert_eq!(collect(&folder, &patterns, &kept).expect("read"), collected);
    }

    #[test]
    fn what_cannot_be_counted_is_told() {
        let folder = Folder::new();
        let patterns = [Pattern::parse("*.xml").expect("valid")];
        folder.write("a.xml", GOOD);
        folder.write("cut.xml", &BAD[..30]);
        folder.write("edge.xml", GOOD.to_owned() + &" ".repeat(usize::try_from(LARGEST).expect("small") - GOOD.len()));
        folder.write("large.xml", GOOD.to_owned() + &" ".repeat(usize::try_from(LARGEST).expect("small")));
        std::os::unix::fs::symlink(".", folder.0.join("link.xml")).expect("a link");
        let collected = collect(&folder, &patterns, &super::Baseline::default()).expect("read");
        assert_eq!((collected.reports, collected.summary.tests), (2, 2));
        let [cut, large, link] = collected.problems.as_slice() else { panic!("three: {:?}", collected.problems) };
        assert!(cut.starts_with("cut.xml is not counted: it ends in the middle"), "{cut}");
        assert!(large.starts_with("large.xml is not counted: it has 1048619 bytes, and only 1 MiB"), "{large}");
        assert!(link.starts_with("link.xml is not counted: it is a folder"), "{link}");
    }

    #[test]
    fn many_problems_are_told_in_short() {
        let folder = Folder::new();
        let patterns = [Pattern::parse("*.xml").expect("valid")];
        for number in 0..30 {
            folder.write(&format!("{number}.xml"), "");
        }
        let collected = collect(&folder, &patterns, &super::Baseline::default()).expect("read");
        assert_eq!((collected.problems.len(), collected.unread), (11, 30));
        assert_eq!(collected.problems[10], "20 more are not counted");
    }
}
