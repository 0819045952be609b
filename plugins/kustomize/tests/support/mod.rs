//! What the tests with a real kustomize share.

use std::path::Path;
use std::process::Command;

/// What `kubectl kustomize` prints, or why it does not.
pub fn render(folder: &Path) -> Result<String, String> {
    let output = Command::new("kubectl").arg("kustomize").arg(folder).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Whether there is a kustomize to ask; says so where there is none.
pub fn available(test: &str) -> bool {
    let found = Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|it| it.status.success());
    if !found {
        eprintln!("{test}: skipped, because there is no kubectl here (https://kubernetes.io/docs/tasks/tools/)");
    }
    found
}
