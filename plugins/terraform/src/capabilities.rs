//! What the steps ask for, and why.

use serde_json::json;
use tidegate::Capability;

/// The two programs, and the shell that makes a container. Variables of any name: each provider has its own for its credentials, and none of them gives the
/// tool a power that a configuration, which may run programs, has not.
pub fn process(reason: &str) -> Capability {
    let reason = format!(
        "{reason} Variables of any name, because each provider chooses those of its credentials. The shell makes the container of an `image`."
    );
    Capability::new("process", &reason)
        .scoped(&json!({ "programs": ["terraform", "tofu", "sh"], "environment": ["*"] }))
}

/// Secrets in the tool's variables: credentials of providers and backends, and values of the configuration.
pub fn secret() -> Capability {
    Capability::new("secret", "Hands the secrets that the pipeline names on to the tool, as variables.")
        .scoped(&json!({ "names": ["*"], "variables": ["*"] }))
}

/// Reading.
pub fn workspace_read(reason: &str) -> Capability {
    Capability::new("workspace-read", reason)
}

/// Writing.
pub fn workspace_write(reason: &str) -> Capability {
    Capability::new("workspace-write", reason)
}
