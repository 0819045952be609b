//! The commit of a rollback, and what it says.

use super::plan::Plan;
use git::{Mirror, NewCommit};
use model::CommitId;

pub fn push(
    mirror: &Mirror,
    plan: &Plan,
    name: &str,
    user: &str,
    reason: Option<&str>,
) -> Result<CommitId, git::Error> {
    let mut transaction = mirror.begin(&plan.branch)?;
    if *transaction.head() != plan.head {
        let actual = Some(transaction.head().clone());
        return Err(git::Error::Moved { branch: plan.branch.clone(), expected: Some(plan.head.clone()), actual });
    }
    for (path, content) in &plan.files {
        match content {
            Some(content) => transaction.put(path, content.clone())?,
            None => transaction.remove(path)?,
        }
    }
    let reason = reason.map(|reason| format!("{reason}\n\n")).unwrap_or_default();
    transaction.push(NewCommit {
        subject: &format!("Roll {name} back to {}", plan.target.short()),
        body: &format!("{reason}{}", says(plan)),
        trailers: vec![("Tidegate-Rollback".to_owned(), name.to_owned()), ("Tidegate-By".to_owned(), user.to_owned())],
        name: "Tidegate",
        email: "tidegate@localhost",
        time: reconcile::now(),
    })
}

/// What it is, and no more than that.
fn says(plan: &Plan) -> String {
    let healthy = if plan.healthy { ", when it was healthy" } else { "" };
    if plan.outside.is_empty() {
        return format!("Its files are as they were at {}{healthy}.", plan.target);
    }
    let outside: String = plan.outside.iter().map(|path| format!("\n- {path}")).collect();
    format!(
        "The files of its folder are as they were at {}{healthy}. What it read\noutside of its folder then is another by now, and stays as it \
         is:\n{outside}",
        plan.target
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_says_no_more_than_it_is() {
        let plan = |healthy: bool, outside: &[&str]| Plan {
            repository: "config".to_owned(),
            branch: "main".to_owned(),
            head: CommitId("2".repeat(40)),
            target: CommitId("1".repeat(40)),
            healthy,
            files: Vec::new(),
            outside: outside.iter().map(|path| (*path).to_owned()).collect(),
            already: None,
        };
        let one = "1".repeat(40);
        assert_eq!(says(&plan(true, &[])), format!("Its files are as they were at {one}, when it was healthy."));
        assert_eq!(says(&plan(false, &[])), format!("Its files are as they were at {one}."));
        let told = says(&plan(true, &["base/a.yaml", "base/b.yaml"]));
        assert!(told.starts_with("The files of its folder are as they were at 1"), "{told}");
        assert!(told.ends_with("stays as it is:\n\n- base/a.yaml\n- base/b.yaml"), "{told}");
    }
}
