//! Makes an error out of what the tool said: a code of its own and what to do, for what people meet at night. It knows
//! messages by their words, since the tool has no codes; what it does not know it passes on in the tool's words.

use crate::diagnostic::Diagnostic;
use tidegate::Error;

/// The most bytes of a message: the interface takes 4 KiB.
const LONGEST: usize = 3800;

/// What is known by some of its words, all in lower case; any one of them.
struct Known {
    words: &'static [&'static str],
    code: &'static str,
    hint: &'static str,
}

const KNOWN: [Known; 11] = [
    Known {
        words: &["saved plan is stale", "saved plan does not match the given state"],
        code: "terraform-plan-stale",
        hint: "the state changed since the plan was made: run the pipeline again, which plans anew and asks again",
    },
    Known {
        words: &["tfstate: permission denied", ".lock.info: permission denied", "tfstate.backup: permission denied"],
        code: "terraform-state-unwritable",
        hint: "the folder of the state must be granted (`process: { paths: { write: [FOLDER] } }`) and writable for the jail's user, `nobody` where the host is root",
    },
    Known {
        words: &["executable file not found in $path"],
        code: "image-not-ready",
        hint: "under Buildah an image needs `sh` and `cat` where the step has variables: name one that has them, or let \
               `containerTool` be another one",
    },
    Known {
        words: &["error acquiring the state lock", "the state is already locked by another"],
        code: "terraform-locked",
        hint: "wait until whoever holds the lock is done, or raise `lockTimeout`",
    },
    Known {
        words: &[
            "expiredtoken",
            "token is expired",
            "token has expired",
            "security token included in the request is expired",
            "credentials have expired",
            "token included in the request is invalid",
            "invalidclienttokenid",
            "no valid credential",
            "could not find default credentials",
            "invalid_grant",
            "failed to refresh cached credentials",
            "signaturedoesnotmatch",
            "authenticationfailed",
            "invalidauthenticationtoken",
            "401 unauthorized",
        ],
        code: "terraform-credentials",
        hint: "renew the credential that the step's `env` gives to the tool, and check that it is meant for this step",
    },
    Known {
        words: &["accessdenied", "access denied", "unauthorizedoperation", "authorizationfailed", "403 forbidden"],
        code: "terraform-forbidden",
        hint: "the credential is good but may not do this: give the step one that may",
    },
    Known {
        words: &[
            "inconsistent dependency lock file",
            "provider dependency changes detected",
            "dependency lock file",
            "doesn't match any of the checksums",
            "changes to the provider",
        ],
        code: "terraform-lock-file",
        hint: "run `init` on your machine (`providers lock` for other platforms) and commit .terraform.lock.hcl",
    },
    Known {
        words: &["unsupported terraform core version", "unsupported opentofu core version"],
        code: "terraform-version",
        hint: "the configuration's `required_version` wants another version than this machine has",
    },
    Known {
        words: &["no value for required variable"],
        code: "terraform-variable-missing",
        hint: "give it by the step's `variables` or `varFiles`",
    },
    Known {
        words: &[
            "dial tcp",
            "no such host",
            "connection refused",
            "network is unreachable",
            "could not connect to",
            "failed to query available provider packages",
            "failed to install provider",
            "i/o timeout",
            "could not retrieve the list of available versions",
            "temporary failure in name resolution",
        ],
        code: "terraform-unreachable",
        hint: "the jail has no network unless granted: an operator allows hosts by `network` of the plugin's grants, or \
               provides a mirror by TF_CLI_CONFIG_FILE",
    },
    Known {
        words: &["backend configuration changed", "backend initialization required", "invalid backend configuration"],
        code: "terraform-backend",
        hint: "check `backendConfig` against the configuration's `backend` block",
    },
];

/// The error of a command that failed, from its diagnostics, or else from the text that it printed.
pub fn failure(what: &str, directory: &str, diagnostics: &[Diagnostic], printed: &str) -> Error {
    let errors: Vec<&Diagnostic> = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    let from_text;
    let errors: &[&Diagnostic] = if errors.is_empty() {
        from_text = from_printed(printed);
        &from_text.iter().collect::<Vec<_>>()
    } else {
        &errors
    };
    let message = listed(what, directory, errors);
    let Some((known, culprit)) = errors.iter().find_map(|diagnostic| {
        let text = format!("{}\n{}", diagnostic.summary, diagnostic.detail).to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        let known = KNOWN.iter().find(|known| known.words.iter().any(|words| text.contains(words)))?;
        Some((known, *diagnostic))
    }) else {
        let error = Error::new("terraform-failed", message);
        return placed(error, directory, errors);
    };
    let error = match (known.code, lock(&format!("{}\n{}", culprit.summary, culprit.detail))) {
        ("terraform-locked", Some(lock)) => lock.explained(what),
        _ => Error::new(known.code, message).with_hint(known.hint),
    };
    placed(error, directory, errors)
}

/// All errors in one message.
fn listed(what: &str, directory: &str, errors: &[&Diagnostic]) -> String {
    let lines: Vec<String> = errors.iter().map(|diagnostic| diagnostic.line(directory)).collect();
    let mut message = match &lines[..] {
        [] => format!("{what} failed and did not say why"),
        [one] => format!("{what} failed: {one}"),
        many => format!("{what} failed with {} errors: {}", many.len(), many.join("; ")),
    };
    if message.len() > LONGEST {
        let mut end = LONGEST;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message += " … (all of them are in the log)";
    }
    message
}

fn placed(error: Error, directory: &str, errors: &[&Diagnostic]) -> Error {
    let Some(range) = errors.iter().find_map(|diagnostic| diagnostic.range.as_ref()) else { return error };
    let path = crate::root::resolve(directory, &range.filename).unwrap_or_else(|| range.filename.clone());
    error.with_detail("path", path).with_detail("line", range.start.line).with_detail("column", range.start.column)
}

/// The errors in what a command printed for people: `Error: …`, in a box or not.
fn from_printed(printed: &str) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in printed.lines() {
        let line = line.trim_start_matches(['│', '╷', '╵', '|', ' ']).trim_end();
        if let Some(summary) = line.strip_prefix("Error: ") {
            let summary = summary.to_owned();
            found.push(Diagnostic { severity: "error".to_owned(), summary, ..Diagnostic::default() });
        } else if let Some(last) = found.last_mut() {
            last.detail += line;
            last.detail.push('\n');
        }
    }
    if found.is_empty() && !printed.trim().is_empty() {
        let last = printed.trim().lines().last().unwrap_or_default().to_owned();
        found.push(Diagnostic { severity: "error".to_owned(), summary: last, ..Diagnostic::default() });
    }
    found
}

/// Who holds the state.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lock {
    id: String,
    path: String,
    operation: String,
    who: String,
    created: String,
}

/// Reads the `Lock Info` of a message.
fn lock(detail: &str) -> Option<Lock> {
    let info = detail.split_once("Lock Info:")?.1;
    let field = |name: &str| {
        let value =
            info.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix(':').map(str::trim));
        value.unwrap_or_default().to_owned()
    };
    let lock = Lock {
        id: field("ID"),
        path: field("Path"),
        operation: field("Operation"),
        who: field("Who"),
        created: field("Created"),
    };
    (!lock.id.is_empty()).then_some(lock)
}

impl Lock {
    fn explained(&self, what: &str) -> Error {
        let Self { id, path, operation, who, created } = self;
        let of = |label: &str, value: &str| if value.is_empty() { String::new() } else { format!("{label}{value}") };
        let message = format!(
            "{what} could not lock the state{}: it is held{}{}{} (lock id {id})",
            of(" ", path),
            of(" by ", who),
            of(" since ", created),
            of(" for ", operation),
        );
        Error::new("terraform-locked", message)
            .with_hint(format!(
                "wait until that is done, or raise `lockTimeout`; only if it is certain to be dead: `terraform force-unlock {id}`"
            ))
            .with_detail("lock", id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::failure;
    use crate::diagnostic::Diagnostic;

    fn error(summary: &str, detail: &str) -> tidegate::Error {
        let diagnostic = Diagnostic {
            severity: "error".into(),
            summary: summary.into(),
            detail: detail.into(),
            ..Default::default()
        };
        failure("`terraform plan`", "", &[diagnostic], "")
    }

    #[test]
    fn what_people_meet_at_night_has_a_code() {
        for (summary, detail, code) in [
            ("Saved plan is stale", "", "terraform-plan-stale"),
            (
                "configuring Terraform AWS Provider",
                "api error ExpiredToken: The security token included in the\nrequest is expired",
                "terraform-credentials",
            ),
            ("Failed to query available provider packages", "dial tcp: lookup registry", "terraform-unreachable"),
            ("Inconsistent dependency lock file", "", "terraform-lock-file"),
            ("Unsupported Terraform Core version", "", "terraform-version"),
            ("Something else", "entirely", "terraform-failed"),
        ] {
            let error = error(summary, detail);
            assert_eq!(error.code, code, "{summary}");
            assert!(!error.retryable);
        }
    }

    #[test]
    fn what_is_printed_for_people_is_read() {
        let printed = "\n╷\n│ Error: Unsupported Terraform Core version\n│ \n│   on main.tf line 2\n╵\n";
        let error = failure("`terraform init`", "", &[], printed);
        assert_eq!(error.code, "terraform-version");
        assert_eq!(error.message, "`terraform init` failed: Unsupported Terraform Core version: on main.tf line 2");
        assert_eq!(failure("x", "", &[], "").message, "x failed and did not say why");
    }

    #[test]
    fn many_errors_are_listed_and_cut() {
        let one = Diagnostic { severity: "error".into(), summary: "ä".repeat(300), ..Default::default() };
        let error = failure("x", "", &vec![one; 20], "");
        assert!(error.message.starts_with("x failed with 20 errors: ä") && error.message.len() < 4096);
    }
}
