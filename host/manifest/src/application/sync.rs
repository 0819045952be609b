//! `spec.syncPolicy`: when and how an application is synced.

use super::{read, spec::number};
use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::nearest::suggestion;
use crate::yaml::Node;
use model::application::{
    Automated, Backoff, BadSyncOption, NamespaceMetadata, Retry, RetryLimit, SYNC_OPTIONS, SyncFlag, SyncOption,
    SyncOptions, SyncPolicy,
};
use std::collections::HashMap;

pub(super) fn policy(spec: &Node, sink: &mut Sink) -> SyncPolicy {
    let Some(node) = read::value(spec, "syncPolicy") else { return SyncPolicy::default() };
    let automated = read::value(node, "automated").and_then(automated);
    let options = options(node, sink);
    let metadata = read::entry(node, "managedNamespaceMetadata");
    if let Some((key, value)) = metadata
        && !value.entries().is_empty()
        && !options.asks(SyncFlag::CreateNamespace)
    {
        let message = "`managedNamespaceMetadata` has no effect: no namespace is made";
        let hint = "write `CreateNamespace=true` under `syncOptions`";
        sink.push(Diagnostic::warning(code::NO_EFFECT, key.span.clone(), message).hint(hint));
    }
    let namespace_metadata = metadata
        .map(|(_, value)| NamespaceMetadata {
            labels: read::text_map(value, "labels"),
            annotations: read::text_map(value, "annotations"),
        })
        .unwrap_or_default();
    // docs/user-guide/auto_sync.md: an automated policy that says nothing about it is tried five times again.
    let unsaid = if automated.is_some() { Retry::AUTOMATED } else { Retry::NEVER };
    let retry = read::value(node, "retry").map_or(unsaid, |n| retry(n, sink));
    SyncPolicy { automated, options, namespace_metadata, retry }
}

/// It is on where it is written at all, unless `enabled` says `false`.
fn automated(node: &Node) -> Option<Automated> {
    let off = read::value(node, "enabled").is_some() && !read::is_true(node, "enabled");
    (!off).then(|| Automated {
        prune: read::is_true(node, "prune"),
        self_heal: read::is_true(node, "selfHeal"),
        allow_empty: read::is_true(node, "allowEmpty"),
    })
}

fn options(node: &Node, sink: &mut Sink) -> SyncOptions {
    let mut made = SyncOptions::default();
    let mut seen: HashMap<&str, (&str, &Node)> = HashMap::new();
    for item in read::items(node, "syncOptions") {
        let Some(written) = item.as_str() else { continue };
        let option = match written.parse::<SyncOption>() {
            Ok(option) => option,
            Err(why) => {
                sink.push(bad_option(&why, item));
                continue;
            }
        };
        let key = written.split('=').next().unwrap_or(written);
        match seen.insert(key, (written, item)) {
            Some((before, first)) if before != written => sink.push(
                Diagnostic::error(code::SYNC_OPTION, item.span.clone(), format!("`{key}` says two things"))
                    .label("again here")
                    .related(first.span.clone(), "first here"),
            ),
            _ => apply(option, &mut made, item, sink),
        }
    }
    made
}

fn apply(option: SyncOption, made: &mut SyncOptions, item: &Node, sink: &mut Sink) {
    let mut warn = |why: &str| {
        let written = item.as_str().unwrap_or_default();
        let message = format!("the sync option `{written}` has no effect: {why}");
        sink.push(Diagnostic::warning(code::NO_EFFECT, item.span.clone(), message));
    };
    match option {
        SyncOption::Prune(removal) => made.prune = removal,
        SyncOption::Delete(removal) => made.delete = removal,
        SyncOption::Propagation(propagation) => made.propagation = propagation,
        // controller/sync.go: `Force` is heeded on an object's annotation alone. Heeded for the whole application, a file
        // that did nothing under Argo CD would begin to delete objects.
        SyncOption::On(SyncFlag::Force) => warn("it is heeded on an object's own annotation only, as in Argo CD"),
        SyncOption::Off(SyncFlag::ServerSideApply) => warn("every object is applied by the server"),
        SyncOption::On(SyncFlag::ClientSideApplyMigration) => {
            warn("fields of other managers are never taken over unasked")
        }
        SyncOption::On(flag) => {
            made.flags.insert(flag);
        }
        SyncOption::Off(flag) => {
            made.flags.remove(&flag);
        }
    }
}

fn bad_option(why: &BadSyncOption, item: &Node) -> Diagnostic {
    let quoted =
        |words: &[&str], key: &str| words.iter().map(|word| format!("`{key}={word}`")).collect::<Vec<_>>().join(", ");
    let hint = match why {
        BadSyncOption::NoValue(text) if SYNC_OPTIONS.contains(&text.as_str()) => {
            Some(format!("write `{text}=true` or `{text}=false`"))
        }
        BadSyncOption::NoValue(text) => suggestion(text, SYNC_OPTIONS.iter().copied()),
        BadSyncOption::UnknownKey(key) => suggestion(key, SYNC_OPTIONS.iter().copied()),
        BadSyncOption::UnknownValue { key, known, .. } => Some(format!("known here: {}", quoted(known, key))),
    };
    let message = format!("`spec.syncPolicy.syncOptions`: {why}");
    Diagnostic::error(code::SYNC_OPTION, item.span.clone(), message).maybe_hint(hint)
}

/// `retry` without `limit` means none (its zero value in Go).
fn retry(node: &Node, sink: &mut Sink) -> Retry {
    let limit = match read::whole(node, "limit") {
        None => RetryLimit::Times(0),
        Some(written) if written < 0 => RetryLimit::Unlimited,
        Some(written) => RetryLimit::Times(number(node, "limit", written, sink).unwrap_or(0)),
    };
    let backoff = read::value(node, "backoff").map(|n| backoff(n, sink)).unwrap_or_default();
    Retry { limit, refresh: read::is_true(node, "refresh"), backoff }
}

fn backoff(node: &Node, sink: &mut Sink) -> Backoff {
    let mut made = Backoff::default();
    let mut millis = |key: &str| {
        let value = read::value(node, key)?;
        let written = value.as_str().filter(|text| !text.is_empty())?;
        let found = go_millis(written);
        if found.is_none() {
            let message = format!("`{key}` cannot be `{written}`");
            let hint = "write it like `5s`, `3m` or `1h30m`; a bare number means seconds";
            sink.push(Diagnostic::error(code::BAD_DURATION, value.span.clone(), message).hint(hint));
        }
        found
    };
    made.duration_millis = millis("duration").unwrap_or(made.duration_millis);
    made.max_millis = millis("maxDuration").unwrap_or(made.max_millis);
    if let Some(factor) = read::whole(node, "factor") {
        made.factor = number(node, "factor", factor, sink).unwrap_or(made.factor);
    }
    made
}

/// A duration as Go's `time.ParseDuration` reads it, or a bare number of seconds (`parseStringToDuration` in
/// types.go), in milliseconds and at most a year. Negative ones, which Go takes, mean nothing here.
fn go_millis(text: &str) -> Option<u64> {
    const MOST: f64 = 366.0 * 86_400_000.0;
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0.0;
    let bare = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    if bare {
        total = rest.parse::<f64>().ok()? * 1000.0;
        rest = "";
    } else if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let unit = match &rest[..letters] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" | "μs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[letters..];
    }
    // Below the limit the cast loses nothing but fractions of a millisecond.
    (total <= MOST).then_some(total as u64)
}

#[cfg(test)]
mod tests {
    use super::go_millis;

    #[test]
    fn durations_as_go_reads_them() {
        for (text, millis) in [
            ("5", Some(5000)),
            ("5s", Some(5000)),
            ("3m", Some(180_000)),
            ("3m0s", Some(180_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5h", Some(5_400_000)),
            (".5s", Some(500)),
            ("250ms", Some(250)),
            ("30m1h", Some(5_400_000)),
            ("0", Some(0)),
            ("1500µs", Some(1)),
            ("", None),
            ("s", None),
            (".s", None),
            ("5 s", None),
            ("5d", None),
            ("-5s", None),
            ("1.2.3s", None),
            ("1e9s", None),
            ("99999999999999999999", None),
            ("9000h", None),
            ("5é", None),
        ] {
            assert_eq!(go_millis(text), millis, "{text}");
        }
    }
}
