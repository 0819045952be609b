//! What a registry's refusal means to a person: which credential is missing, what the registry said in its own words.
//! Never repeats a header that was sent.

use crate::digest::shortened;
use crate::ports::Response;
use crate::reference::{Repository, api};
use serde::Deserialize;
use tidegate::Error;

/// The errors of the distribution specification.
#[derive(Default, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// Whether a login went with the request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// None.
    Anonymous,
    /// One.
    Given,
}

/// Why the registry did not do it. `what` completes "cannot …": `push the manifest of r.io/app:v1`.
pub fn explain(repository: &Repository, what: &str, login: Login, response: &Response, body: &[u8]) -> Error {
    let host = &repository.host;
    let status = response.status;
    let errors: Errors = serde_json::from_slice(body).unwrap_or_default();
    let code = errors.errors.first().map(|entry| entry.code.as_str()).unwrap_or_default();
    let said: Vec<String> = errors.errors.iter().map(spoken).collect();
    let said =
        if said.is_empty() { format!("status {status}") } else { format!("{} (status {status})", said.join("; ")) };
    let error = |code: &str| Error::new(code, format!("cannot {what}: {host} answered {said}"));
    match (status, code) {
        (401, _) => unauthorised(host, login, error("image-unauthorized")),
        (403, _) | (_, "DENIED") => match login {
            Login::Anonymous => unauthorised(host, login, error("image-forbidden")),
            Login::Given => error("image-forbidden").with_hint(format!(
                "the credential for {host} may not do this to `{}`: give its account that right, or use another",
                repository.name
            )),
        },
        (404, "NAME_UNKNOWN") => error("not-found")
            .with_hint(format!("there is no repository `{}` at {host}, or nobody may know of it", repository.name)),
        (404, _) => error("not-found"),
        (405, _) | (_, "UNSUPPORTED") => {
            error("unsupported").with_hint(format!("{host} is read-only, a mirror, or does not take such content"))
        }
        (413, _) => error("too-large").with_hint(format!("{host}, or a proxy before it, limits the size of a request")),
        (429, _) | (_, "TOOMANYREQUESTS") => later(error("rate-limited"), response),
        (500.., _) => later(error("unavailable"), response),
        (300..=399, _) => error("image-redirected").with_hint(format!("is {host} the registry's real name?")),
        _ => error("image-rejected"),
    }
    .with_detail("status", status)
}

/// No credential, or one that was not accepted.
pub fn unauthorised(host: &str, login: Login, error: Error) -> Error {
    let named = match api(host) {
        "registry-1.docker.io" => "auth.docker.io",
        other => other,
    };
    match login {
        Login::Anonymous => error.with_hint(format!(
            "give a credential for it in the host's configuration: `spec.credentials … registries: [{named}]`"
        )),
        Login::Given => error.with_hint(format!(
            "the credential with `registries: [{named}]` was not accepted: is it right, has it expired, has it the right to do this?"
        )),
    }
}

fn later(error: Error, response: &Response) -> Error {
    let error = error.retry();
    match response.header("retry-after").and_then(|value| value.trim().parse::<u32>().ok()) {
        Some(seconds) => error.with_detail("retryAfterSeconds", seconds),
        None => error,
    }
}

fn spoken(entry: &Entry) -> String {
    let message = entry.message.as_deref().unwrap_or_default().trim();
    let code: String = entry.code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
    if message.is_empty() { code } else { format!("{code} ({})", shortened(message)) }
}

#[cfg(test)]
mod tests {
    use super::{Login, explain};
    use crate::ports::Response;
    use crate::reference::Reference;
    use tidegate::Error;
    use tidegate::http::Header;

    fn explained(status: u16, body: &str, login: Login) -> Error {
        let repository = Reference::parse("r.io:5000/team/app").expect("valid").repository;
        let headers = vec![Header { name: "retry-after".into(), value: "7".into() }];
        let response = Response { status, headers, body: Vec::new() };
        explain(&repository, "push it", login, &response, body.as_bytes())
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}"#;
        let error = explained(401, body, Login::Anonymous);
        assert_eq!(error.code, "image-unauthorized");
        assert_eq!(
            error.message,
            "cannot push it: r.io:5000 answered UNAUTHORIZED (authentication required) (status 401)"
        );
        assert!(error.hint.is_some_and(|hint| hint.contains("`spec.credentials … registries: [r.io:5000]`")));
        assert!(explained(401, "", Login::Given).hint.is_some_and(|hint| hint.contains("not accepted")));
        let error = explained(403, r#"{"errors":[{"code":"DENIED"}]}"#, Login::Given);
        assert!(error.code == "image-forbidden" && error.hint.is_some_and(|hint| hint.contains("`team/app`")));
        let error = explained(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#, Login::Given);
        assert!(error.code == "not-found" && error.hint.is_some_and(|hint| hint.contains("no repository `team/app`")));
    }

    #[test]
    fn what_may_pass_is_retried() {
        for (status, code) in [(429, "rate-limited"), (503, "unavailable"), (500, "unavailable")] {
            let error = explained(status, "<html>", Login::Given);
            assert!(error.retryable && error.code == code, "{error:?}");
            assert!(error.details.is_some_and(|details| details.contains(r#""retryAfterSeconds":7"#)));
        }
        for status in [301, 400, 401, 403, 404, 405, 413] {
            assert!(!explained(status, "", Login::Given).retryable, "{status}");
        }
    }
}
