//! Windows: days and hours in which an environment may be changed. Whether one is open is not judged here.

use crate::code;
use crate::diagnostic::{Diagnostic, Sink};
use crate::nearest::suggestion;
use crate::reader::{self, fields};
use crate::yaml::{Key, Kind, Node};
use model::Window;
use model::window::{Day, Hours};
use std::collections::BTreeSet;

/// Reads the settings of a window.
pub(crate) fn read(key: &Key, node: &Node, sink: &mut Sink) -> Option<Window> {
    let parts = fields(node, "a window", &["days", "hours", "zone"], sink)?;
    // A blank taken for an absent key would open it at all days or hours.
    for (blank, _) in node.entries().iter().filter(|(_, value)| value.is_null()) {
        let message = format!("`{}` of a window is blank", blank.text);
        sink.push(
            Diagnostic::error(code::WRONG_TYPE, blank.span.clone(), message).hint("give it a value, or leave it out"),
        );
    }
    // What is mistyped is told already.
    if node.entries().iter().all(|(key, _)| key.text == "zone") {
        let message = "a window of neither `days` nor `hours` is always open";
        let hint = "write `days: [mon, tue]`, `hours: \"09:00-16:00\"` or both";
        sink.push(Diagnostic::error(code::EMPTY_WINDOW, key.span.clone(), message).hint(hint));
    }
    let days = parts.get("days").map_or_else(|| Day::ALL.into(), |node| days(node, sink));
    let hours = parts.get("hours").map_or_else(|| vec![Hours::ALL], |node| hours(node, sink));
    let zone = parts.get("zone").map_or_else(|| Some("UTC".to_owned()), |node| zone(node, sink))?;
    Some(Window { days, hours, zone })
}

fn days(node: &Node, sink: &mut Sink) -> BTreeSet<Day> {
    let mut days = BTreeSet::new();
    let items = reader::list(node, "`days`", sink);
    if items.is_some_and(<[Node]>::is_empty) {
        never(node, "days", sink);
    }
    for item in items.unwrap_or_default() {
        let Some(name) = reader::text(item, "a day", sink) else { continue };
        if let Some(day) = Day::parse(name) {
            days.insert(day);
            continue;
        }
        let known = Day::ALL.map(Day::as_str).into_iter().chain(Day::NAMES);
        let nearest = crate::nearest::nearest(name, known).map(|name| format!("did you mean `{name}`?"));
        let hint = nearest.unwrap_or_else(|| format!("days are {}", Day::ALL.map(|day| format!("`{day}`")).join(", ")));
        let message = format!("there is no day `{name}`");
        sink.push(Diagnostic::error(code::BAD_VALUE, item.span.clone(), message).hint(hint));
    }
    days
}

fn hours(node: &Node, sink: &mut Sink) -> Vec<Hours> {
    let one = std::slice::from_ref(node);
    let items = match &node.kind {
        Kind::Seq(items) => items.as_slice(),
        _ => one,
    };
    if items.is_empty() {
        never(node, "hours", sink);
    }
    let mut hours = Vec::new();
    for item in items {
        let Some(text) = reader::text(item, "`hours`", sink) else { continue };
        match Hours::parse(text) {
            Ok(span) => hours.push(span),
            Err(why) => {
                let hint = "write it like `09:00-16:00`, `22:00-06:00` across midnight, or `00:00-24:00`";
                sink.push(Diagnostic::error(code::BAD_HOURS, item.span.clone(), why).hint(hint));
            }
        }
    }
    hours
}

fn zone(node: &Node, sink: &mut Sink) -> Option<String> {
    let name = reader::text(node, "`zone`", sink)?;
    let zones = jiff::tz::db();
    if zones.get(name).is_ok() {
        return Some(name.to_owned());
    }
    let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
    // Who writes a city alone means the one zone of that city.
    let city = |zone: &&String| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
    let meant = names.iter().find(city).map(|zone| format!("did you mean `{zone}`?"));
    let hint = meant
        .or_else(|| suggestion(name, names.iter().map(String::as_str)))
        .unwrap_or_else(|| "write a name of the IANA's time zones, such as `Europe/Berlin` or `UTC`".to_owned());
    let message = format!("there is no time zone `{name}`");
    sink.push(Diagnostic::error(code::BAD_ZONE, node.span.clone(), message).hint(hint));
    None
}

fn never(node: &Node, what: &str, sink: &mut Sink) {
    let message = format!("a window of no {what} is never open");
    let hint = format!("name some, or leave `{what}` out for all of them");
    sink.push(Diagnostic::error(code::EMPTY_WINDOW, node.span.clone(), message).hint(hint));
}
