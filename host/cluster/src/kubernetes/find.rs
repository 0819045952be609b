//! A search through all kinds of a cluster for objects that nobody has named: what another tool has left its mark on. It reads
//! metadata alone, and says of which kinds it cannot tell.

use super::catalogue::{Catalogue, Served};
use super::request::Api;
use super::view::{Extent, View};
use super::watch::Listing;
use crate::destination::{Failure, Found, Sought};
use futures_util::{StreamExt as _, stream};
use planner::live::LiveObject;
use planner::object::GroupKind;
use std::sync::Arc;

/// Kinds that are listed at a time.
const PARALLEL: usize = 8;

/// Looks through every kind.
pub(super) async fn find(api: &Api, catalogue: &Catalogue, sought: &Sought) -> Found {
    let mut found = Found::default();
    for (group, why) in catalogue.broken() {
        found.unlisted.push((format!("kinds of {group}"), why.to_owned()));
    }
    let mut lists = Vec::new();
    for (kind, served) in catalogue.kinds().filter(|(kind, _)| !is_passing(kind)) {
        if served.is_watched {
            lists.push(list(api, kind, served, sought));
        } else if !served.is_listed {
            found.unlisted.push((kind.to_string(), "the cluster lets nobody list its objects".to_owned()));
        }
        // What is listed and never watched is computed when it is asked for, as metrics are: nobody applied it.
    }
    let lists: Vec<_> = stream::iter(lists).buffer_unordered(PARALLEL).collect().await;
    for (kind, listed) in lists {
        match listed {
            Ok(objects) => found.objects.extend(objects),
            Err(failure) => found.unlisted.push((kind.to_string(), failure.message)),
        }
    }
    found.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    found.unlisted.sort_unstable();
    found
}

async fn list<'k>(
    api: &Api,
    kind: &'k GroupKind,
    served: &Arc<Served>,
    sought: &Sought,
) -> (&'k GroupKind, Result<Vec<LiveObject>, Failure>) {
    let keep = |view: &View| sought(&view.object);
    let listing = Listing { api, kind, served, extent: Extent::Metadata, keep: &keep };
    let listed = listing.all("", &served.preferred(), "").await;
    (kind, listed.map(|(views, _)| views.into_iter().map(|view| view.object).collect()))
}

/// Kinds of which there are masses that the cluster itself makes and forgets.
fn is_passing(kind: &GroupKind) -> bool {
    kind.is("", "Event") || kind.is("events.k8s.io", "Event") || kind.is("coordination.k8s.io", "Lease")
}
