//! Whether windows are open, and when that changes: by what a clock on the wall of their place shows, over every change of it. An
//! hour that the clock shows twice counts twice, one that it leaves out never was. Pure: the rules of time zones are part of the
//! build, and time comes in.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use model::Timestamp;
use model::window::{Day, Window};

/// Days of a clock that are looked at for its next change: soon, and where nothing changes soon. Within a fortnight every window
/// has opened and closed, also one of an hour a week that the clock leaves out once.
const REACHES: [usize; 2] = [2, 16];
/// How far windows that must be open together are followed, in milliseconds: 400 days, so that those of different places that only
/// meet at one time of the year do meet.
const FARTHEST: u64 = 400 * 24 * 3600 * 1000;

/// Whether windows are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They are.
    Open {
        /// The first moment at which they no longer are; absent where none is in sight.
        until: Option<Timestamp>,
    },
    /// They are not.
    Closed {
        /// The first moment at which they are; absent where none is in sight.
        until: Option<Timestamp>,
    },
}

/// What keeps windows closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Those that are closed, in words.
    pub windows: String,
    /// When all are open; absent where that is not in sight.
    pub until: Option<Timestamp>,
}

/// Whether all of these windows are open, at a moment. None of them is always open. One of a zone that this build does not know
/// never is.
pub fn opening(windows: &[&Window], now: Timestamp) -> Opening {
    let clocks: Option<Vec<Clock<'_>>> = windows.iter().map(|window| Clock::of(window)).collect();
    let (Some(clocks), Ok(start)) = (clocks, jiff::Timestamp::from_millisecond(now.0)) else {
        return Opening::Closed { until: None };
    };
    let all_open = |at: jiff::Timestamp| clocks.iter().all(|clock| clock.shows(at));
    let open = all_open(start);
    let end = now.plus_millis(FARTHEST);
    let mut at = start;
    let until = loop {
        let Some(next) = clocks.iter().filter_map(|clock| clock.changes(at)).min() else { break None };
        let moment = Timestamp(next.as_millisecond());
        if moment > end {
            break None;
        }
        if all_open(next) != open {
            break Some(moment);
        }
        at = next;
    };
    if open { Opening::Open { until } } else { Opening::Closed { until } }
}

/// What keeps these windows closed at a moment; `None` where all are open.
pub fn closed(windows: &[&Window], now: Timestamp) -> Option<Closed> {
    let Opening::Closed { until } = opening(windows, now) else { return None };
    let shut = windows.iter().filter(|window| matches!(opening(&[window], now), Opening::Closed { .. }));
    Some(Closed { windows: shut.map(ToString::to_string).collect::<Vec<_>>().join(" and "), until })
}

impl Closed {
    /// What is so for as long as they are closed.
    pub fn why(&self, environment: &str) -> String {
        let Self { windows, until } = self;
        let never = if until.is_none() { ", which is never open when its other windows are" } else { "" };
        format!("the environment `{environment}` is changed within {windows} alone{never}")
    }

    /// The same, with when that changes.
    pub fn sentence(&self, environment: &str) -> String {
        let why = self.why(environment);
        self.until.map_or_else(|| why.clone(), |at| format!("{why}, which opens at {at}"))
    }
}

/// A window with the clock that it is read by.
struct Clock<'a> {
    window: &'a Window,
    zone: TimeZone,
}

impl<'a> Clock<'a> {
    fn of(window: &'a Window) -> Option<Self> {
        Some(Self { window, zone: TimeZone::get(&window.zone).ok()? })
    }

    /// Whether the clock shows a time within the window.
    fn shows(&self, at: jiff::Timestamp) -> bool {
        let shown = self.zone.to_datetime(at);
        let minute = u16::try_from(i32::from(shown.hour()) * 60 + i32::from(shown.minute())).unwrap_or(u16::MAX);
        let today = day(shown.date());
        let on = |day: Day| self.window.days.contains(&day);
        self.window.hours.iter().any(|hours| match hours.crosses() {
            false => on(today) && hours.from() <= minute && minute < hours.to(),
            true => (on(today) && hours.from() <= minute) || (on(today.before()) && minute < hours.to()),
        })
    }

    /// The first moment after this one at which the window opens or closes.
    fn changes(&self, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let open = self.shows(after);
        REACHES.iter().find_map(|reach| {
            let (mut moments, end) = self.moments(after, *reach)?;
            moments.sort_unstable();
            moments.into_iter().find(|at| *at > after && *at < end && self.shows(*at) != open)
        })
    }

    /// Every moment at which it may open or close, in so many days, and up to when these are all: those at which the clock comes to an
    /// hour of the window, and those at which the clock itself is changed.
    fn moments(&self, after: jiff::Timestamp, reach: usize) -> Option<(Vec<jiff::Timestamp>, jiff::Timestamp)> {
        // A span may have begun yesterday.
        let mut date = self.zone.to_datetime(after).date().yesterday().ok()?;
        let mut moments = Vec::new();
        for _ in 0..=reach {
            for hours in &self.window.hours {
                for minute in [hours.from(), hours.to()] {
                    let Some(shown) = at(date, minute) else { continue };
                    let read = self.zone.to_ambiguous_timestamp(shown);
                    // Both, where the clock shows it twice.
                    moments.extend([read.earlier(), read.later()].into_iter().flatten());
                }
            }
            date = date.tomorrow().ok()?;
        }
        let end = self.zone.to_ambiguous_timestamp(at(date, 0)?).earlier().ok()?;
        let moved = self.zone.following(after).map(|transition| transition.timestamp());
        moments.extend(moved.take_while(|at| *at < end));
        Some((moments, end))
    }
}

/// A minute of a date; the last one is the first of the next day.
fn at(date: Date, minute: u16) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    match hour {
        24 => Some(date.tomorrow().ok()?.at(0, 0, 0, 0)),
        _ => Some(date.at(hour, minute, 0, 0)),
    }
}

fn day(date: Date) -> Day {
    let number = date.weekday().to_monday_zero_offset();
    usize::try_from(number).ok().and_then(|number| Day::ALL.get(number).copied()).unwrap_or(Day::Mon)
}

#[cfg(test)]
mod tests;
