//! Whether a grant allows one thing. Every refusal names the grant that is missing, as it would be written.

use crate::environment::glob;
use crate::narrow::{matches, scope_of};
use model::Failure;
use model::grant::{Grant, WorkspaceGrant};

fn missing(what: &str, grant: &str) -> Failure {
    Failure::denied(format!("{what} is not granted: it needs `{grant}`")).hint(
        "an operator can add it in tidegate.yaml: under `spec.plugins.grants` for a plugin of Tidegate, under \
             `spec.plugins.sources.NAME.grants` for another; a step's own `grants` only narrow",
    )
}

/// Reading (or also writing) the workspace.
pub fn workspace(grant: &Grant, write: bool) -> Result<(), Failure> {
    match (grant.workspace, write) {
        (Some(WorkspaceGrant::Write), _) | (Some(WorkspaceGrant::Read), false) => Ok(()),
        (_, false) => Err(missing("reading the workspace", "workspace: read")),
        (_, true) => Err(missing("writing the workspace", "workspace: write")),
    }
}

/// Variables that any child may be given: they tell the host's own facts (which run, which step, where outputs go), so
/// whoever narrows a step's environment need not know of them.
const OWN: [&str; 3] = ["TIDEGATE_OUTPUT", "TIDEGATE_RUN", "TIDEGATE_STEP"];

/// Running a program with these variables. All variables that are missing are named at once.
pub fn program<'a>(grant: &Grant, program: &str, variables: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
    let needed = format!("process: {{ programs: [{program}] }}");
    let granted = grant.process.as_ref().ok_or_else(|| missing(&format!("running `{program}`"), &needed))?;
    if !granted.programs.iter().any(|p| matches(p, program)) {
        return Err(missing(&format!("running `{program}`"), &needed));
    }
    let allowed = |name: &str| OWN.contains(&name) || granted.environment.iter().any(|p| matches(p, name));
    let mut lacking: Vec<&str> = variables.into_iter().filter(|name| !allowed(name)).collect();
    lacking.sort_unstable();
    lacking.dedup();
    let needed = format!("process: {{ environment: [{}] }}", lacking.join(", "));
    match lacking[..] {
        [] => Ok(()),
        [name] => Err(missing(&format!("the environment variable `{name}`"), &needed)),
        _ => Err(missing(&format!("giving the environment variables `{}`", lacking.join("`, `")), &needed)),
    }
}

/// Reading (or storing) artifacts.
pub fn artifact(grant: &Grant, write: bool) -> Result<(), Failure> {
    match &grant.artifact {
        Some(g) if g.write || !write => Ok(()),
        _ if write => Err(missing("storing artifacts", "artifact: { write: true }")),
        _ => Err(missing("reading artifacts", "artifact: {}")),
    }
}

/// Reading a repository.
pub fn read_repository(grant: &Grant, repository: &str) -> Result<(), Failure> {
    let granted = grant.repository.as_ref();
    let yes =
        granted.is_some_and(|g| g.read.iter().any(|p| matches(p, repository)) || scope_of(g, repository).is_some());
    if yes {
        Ok(())
    } else {
        Err(missing(
            &format!("reading the repository `{repository}`"),
            &format!("repository: {{ read: [{repository}] }}"),
        ))
    }
}

/// Writing a branch of a repository.
pub fn write_branch(grant: &Grant, repository: &str, branch: &str) -> Result<(), Failure> {
    let scope = grant.repository.as_ref().and_then(|g| scope_of(g, repository));
    let Some(scope) = scope else {
        let needed = format!("repository: {{ write: {{ {repository}: {{}} }} }}");
        return Err(missing(&format!("writing to the repository `{repository}`"), &needed));
    };
    if scope.branches.iter().any(|p| glob(p).is_some_and(|g| g.is_match(branch))) {
        return Ok(());
    }
    let needed = format!("repository: {{ write: {{ {repository}: {{ branches: [{branch}] }} }} }}");
    Err(missing(&format!("writing to the branch `{branch}` of `{repository}`"), &needed))
}

/// Writing one path of a repository.
pub fn write_path(grant: &Grant, repository: &str, path: &str) -> Result<(), Failure> {
    let scope = grant.repository.as_ref().and_then(|g| scope_of(g, repository));
    if scope.is_some_and(|s| s.paths.iter().any(|p| glob(p).is_some_and(|g| g.is_match(path)))) {
        return Ok(());
    }
    let needed = format!("repository: {{ write: {{ {repository}: {{ paths: [{path}] }} }} }}");
    Err(missing(&format!("writing `{path}` of the repository `{repository}`"), &needed))
}

/// Calling a server with a method.
pub fn http(grant: &Grant, method: &str) -> Result<(), Failure> {
    let Some(granted) = &grant.http else { return Err(missing("calling servers", "http: { hosts: [HOST] }")) };
    if granted.methods.iter().any(|allowed| allowed == "*" || allowed == method) {
        return Ok(());
    }
    Err(missing(&format!("the method `{method}`"), &format!("http: {{ methods: [{method}] }}")))
}

/// Standing for a secret, or (with `reveal`) seeing it.
pub fn secret(grant: &Grant, name: &str, reveal: bool) -> Result<(), Failure> {
    let granted = grant.secret.as_ref();
    if !granted.is_some_and(|g| g.names.iter().any(|p| matches(p, name))) {
        return Err(missing(&format!("the secret `{name}`"), &format!("secret: {{ names: [\"{name}\"] }}")));
    }
    if reveal && !granted.is_some_and(|g| g.reveal) {
        return Err(missing(&format!("seeing the secret `{name}` itself"), "secret: { reveal: true }"));
    }
    Ok(())
}

/// Swapping a secret into a child's variable.
pub fn secret_variable(grant: &Grant, name: &str, variable: &str) -> Result<(), Failure> {
    secret(grant, name, false)?;
    if grant.secret.as_ref().is_some_and(|g| g.variables.iter().any(|p| matches(p, variable))) {
        return Ok(());
    }
    let what = format!("the secret `{name}` in the variable `{variable}`");
    Err(missing(&what, &format!("secret: {{ variables: [{variable}] }}")))
}

/// Sending a secret to a host, written `host:port`.
pub fn secret_host(grant: &Grant, name: &str, host: &str) -> Result<(), Failure> {
    secret(grant, name, false)?;
    if grant.secret.as_ref().is_some_and(|g| g.hosts.iter().any(|p| matches(p, host))) {
        return Ok(());
    }
    let what = format!("sending the secret `{name}` to `{host}`");
    Err(missing(&what, &format!("secret: {{ hosts: [\"{host}\"] }}")))
}

/// Taking (or also keeping) cache entries.
pub fn cache(grant: &Grant, write: bool) -> Result<(), Failure> {
    match &grant.cache {
        Some(granted) if granted.write || !write => Ok(()),
        _ if write => Err(missing("keeping cache entries", "cache: { write: true }")),
        _ => Err(missing("taking cache entries", "cache: {}")),
    }
}

/// Reading votes.
pub fn approval(grant: &Grant) -> Result<(), Failure> {
    grant.approval.map(|_| ()).ok_or_else(|| missing("reading votes", "approval: {}"))
}

/// Asking how an application stands.
pub fn application(grant: &Grant, name: &str) -> Result<(), Failure> {
    if grant.application.as_ref().is_some_and(|g| g.names.iter().any(|p| matches(p, name))) {
        return Ok(());
    }
    Err(missing(&format!("asking about the application `{name}`"), &format!("application: {{ names: [{name}] }}")))
}

/// Reading a file of a repository as a renderer does.
pub fn source(grant: &Grant, repository: &str, path: &str) -> Result<(), Failure> {
    let granted = grant.source.as_ref().filter(|g| g.repositories.iter().any(|p| matches(p, repository)));
    let Some(granted) = granted else {
        let what = format!("rendering from the repository `{repository}`");
        return Err(missing(&what, &format!("source: {{ repositories: [{repository}] }}")));
    };
    let folder = granted.path.trim_matches('/');
    let below =
        folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below {
        return Ok(());
    }
    let what = format!("reading `{path}` of the repository `{repository}`, which is not below `{folder}`,");
    Err(missing(&what, "source: { path: FOLDER }"))
}

/// A capability that this host does not serve.
pub fn unserved(interface: &str) -> Failure {
    Failure::denied(format!("`{interface}` is not served by this version of Tidegate, so nothing can grant it"))
}

#[cfg(test)]
mod tests {
    use super::program;
    use model::Grant;
    use serde_json::json;

    fn granted(environment: &[&str]) -> Grant {
        let grant = json!({"process": {"programs": ["sh"], "environment": environment}});
        serde_json::from_value(grant).expect("a grant")
    }

    #[test]
    fn all_variables_that_are_missing_are_named_at_once() {
        let denied = program(&granted(&["CI_*"]), "sh", ["B", "CI_RUN", "A", "B"]).expect_err("two are missing");
        assert!(denied.is_denied());
        let why =
            "giving the environment variables `A`, `B` is not granted: it needs `process: { environment: [A, B] }`";
        assert_eq!(denied.message, why);
    }

    #[test]
    fn the_hosts_own_facts_need_no_grant_and_nothing_that_looks_like_them() {
        assert_eq!(program(&granted(&[]), "sh", ["TIDEGATE_OUTPUT", "TIDEGATE_RUN", "TIDEGATE_STEP"]), Ok(()));
        for name in ["TIDEGATE_TOKEN", "TIDEGATE_OUTPUT2", "tidegate_run", "TIDEGATE_", "XTIDEGATE_STEP"] {
            assert!(program(&granted(&[]), "sh", [name]).is_err(), "{name}");
        }
        // They are no way to a program that is not granted.
        assert!(program(&granted(&[]), "bash", ["TIDEGATE_RUN"]).is_err());
    }
}
