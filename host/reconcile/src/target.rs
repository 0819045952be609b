//! An application's file as the planner sees it: its policies in the planner's words. What the host's configuration and its
//! people add (brakes, dependencies, rights) is not in here, and neither is what is rendered.

use model::application as file;
use model::{Digest, Timestamp};
use planner::application::{Automated, DELETION_APPROVED, Extent, Finalizer, MaxPrune, NamespaceMetadata, Permit};
use planner::ignore::{RuleText, Rules};
use planner::reason::{Code, Reason};
use planner::retry::{Limit, Refresh, Retry};
use planner::{Application, ApplicationName};
use std::collections::BTreeMap;

/// Turns an application as its file says it into one that can be planned. `extent` is its destination's: `Said` of a
/// cluster, `Whole` of a directory. Rules that the planner cannot understand become the application's problems, so that
/// none of its syncs begins.
///
/// Whether it is looked at at all (`attention`) and what it depends on are for whoever asks the planner: they are a brake
/// and dependencies, and change while the file does not.
pub fn target(application: &file::Application, extent: Extent) -> Application {
    // Each field by name, so that a new one cannot be passed over.
    let file::Application {
        name,
        annotations,
        destination,
        sync,
        ignore_differences,
        deletion,
        max_prune,
        namespace: _,
        labels: _,
        project: _,
        sources: _,
        info: _,
        history_limit: _,
        attention: _,
        depends_on: _,
    } = application;
    let file::SyncPolicy { automated, options, namespace_metadata, retry } = sync;
    let (digest, unwritable) = match digest(application) {
        Ok(digest) => (digest, None),
        Err(problem) => (Digest::of(""), Some(problem)),
    };
    let namespace = destination.namespace.as_ref().map_or("", file::Namespace::as_str);
    let mut target = Application::new(ApplicationName(name.as_str().to_owned()), namespace, digest);
    target.problems.extend(unwritable);
    if let Some(file::Automated { prune, self_heal, allow_empty }) = *automated {
        target.automated = Some(Automated { prune: permit(prune), self_heal: permit(self_heal) });
        target.allow_empty = permit(allow_empty);
    }
    let options: Vec<String> = options.options().map(|option| option.to_string()).collect();
    target.set_options(options.iter().map(String::as_str));
    target.namespace_metadata = metadata(namespace_metadata);
    let rules: Vec<RuleText> = ignore_differences.iter().map(rule).collect();
    let (rules, problems) = Rules::parse(&rules);
    target.rules = rules;
    target.problems.extend(problems);
    target.retry = self::retry(retry);
    target.max_prune = max_prune.map_or(MaxPrune::default(), |max| match max {
        file::MaxPrune::Objects(most) => MaxPrune::Objects(usize::try_from(most).unwrap_or(usize::MAX)),
        file::MaxPrune::Percent(most) => MaxPrune::Percent(most),
    });
    target.extent = extent;
    match confirmed(annotations) {
        Ok(confirmed) => target.confirmed = confirmed,
        Err(notice) => target.notices.push(notice),
    }
    target.finalizer = match deletion {
        file::Deletion::Keeps => Finalizer::None,
        file::Deletion::Foreground => Finalizer::Foreground,
        file::Deletion::Background => Finalizer::Background,
    };
    target
}

fn permit(granted: bool) -> Permit {
    if granted { Permit::Granted } else { Permit::Refused }
}

/// Where neither labels nor annotations are said, a namespace that is there already is left as it is.
fn metadata(metadata: &file::NamespaceMetadata) -> Option<NamespaceMetadata> {
    let file::NamespaceMetadata { labels, annotations } = metadata.clone();
    let says = !labels.is_empty() || !annotations.is_empty();
    says.then_some(NamespaceMetadata { labels, annotations })
}

fn rule(rule: &file::IgnoreDifference) -> RuleText {
    let file::IgnoreDifference {
        group,
        kind,
        name,
        namespace,
        json_pointers,
        jq_path_expressions,
        managed_fields_managers,
    } = rule.clone();
    RuleText {
        group,
        kind,
        name: name.unwrap_or_default(),
        namespace: namespace.unwrap_or_default(),
        json_pointers,
        jq_path_expressions,
        managed_fields_managers,
    }
}

fn retry(retry: &file::Retry) -> Retry {
    let file::Retry { limit, refresh, backoff: file::Backoff { duration_millis, factor, max_millis } } = *retry;
    Retry {
        limit: match limit {
            file::RetryLimit::Times(times) => Limit::Times(times),
            file::RetryLimit::Unlimited => Limit::Unlimited,
        },
        duration: duration_millis,
        factor: f64::from(factor),
        max_duration: max_millis,
        refresh: if refresh { Refresh::Newest } else { Refresh::Same },
    }
}

/// The moment of a confirmation. A text that is none confirms nothing, as in Argo CD (types.go, `IsDeletionConfirmed`);
/// here that is told.
pub(crate) fn confirmed(annotations: &BTreeMap<String, String>) -> Result<Option<Timestamp>, Reason> {
    let Some(text) = annotations.get(DELETION_APPROVED).filter(|text| !text.is_empty()) else { return Ok(None) };
    Timestamp::parse(text).map(Some).ok_or_else(|| {
        let text =
            format!("`{DELETION_APPROVED}: {text}` confirms nothing: write an instant like `2026-01-31T12:00:00Z`");
        Reason::new(Code::OptionWithoutEffect, text)
    })
}

/// The digest of all that the file says, whatever the order of its keys, but for the confirmation: that is the answer to a
/// sync at work, which would else be superseded by it.
fn digest(application: &file::Application) -> Result<Digest, Reason> {
    let mut application = application.clone();
    application.annotations.remove(DELETION_APPROVED);
    let value = serde_json::to_value(&application)
        .map_err(|error| Reason::new(Code::BadObject, format!("its file cannot be written as JSON: {error}")))?;
    Ok(planner::object::digest(&value))
}

#[cfg(test)]
mod tests;
