//! Windows over the changes of clocks, and against a clock that is read minute by minute.

use super::{Opening, at, closed, opening};
use jiff::tz::TimeZone;
use model::Timestamp;
use model::window::{Day, Hours, Window};
use proptest::prelude::*;

fn window(days: &[Day], hours: &[&str], zone: &str) -> Window {
    let hours = hours.iter().map(|text| Hours::parse(text).unwrap_or_else(|why| panic!("{why}"))).collect();
    Window { days: days.iter().copied().collect(), hours, zone: zone.to_owned() }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
}

/// Whether it is open, and until when, as text.
#[track_caller]
fn check(windows: &[&Window], now: &str, expected: &str) {
    let said =
        |until: Option<Timestamp>| until.map_or("never".to_owned(), |at| at.to_string().replace(":00.000Z", "Z"));
    let found = match opening(windows, time(now)) {
        Opening::Open { until } => format!("open until {}", said(until)),
        Opening::Closed { until } => format!("closed until {}", said(until)),
    };
    assert_eq!(found, expected, "{windows:?} at {now}");
}

use Day::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

#[test]
fn a_week_of_a_window() {
    let office = window(&[Mon, Tue, Wed, Thu], &["09:00-16:00"], "Europe/Berlin");
    // 2026-11-26 is a Thursday; Berlin is an hour ahead of UTC.
    check(&[&office], "2026-11-26T07:59:59Z", "closed until 2026-11-26T08:00Z");
    check(&[&office], "2026-11-26T08:00:00Z", "open until 2026-11-26T15:00Z");
    check(&[&office], "2026-11-26T14:59:59.999Z", "open until 2026-11-26T15:00Z");
    check(&[&office], "2026-11-26T15:00:00Z", "closed until 2026-11-30T08:00Z");
    // Any of its spans, and across midnight: of the day on which it begins.
    let nights = window(&[Fri], &["22:00-06:00", "12:00-13:00"], "UTC");
    check(&[&nights], "2026-11-27T04:00:00Z", "closed until 2026-11-27T12:00Z");
    check(&[&nights], "2026-11-27T13:00:00Z", "closed until 2026-11-27T22:00Z");
    check(&[&nights], "2026-11-28T05:59:00Z", "open until 2026-11-28T06:00Z");
    // Spans and days that meet are one.
    let days = window(&[Sat, Sun], &["00:00-12:00", "12:00-24:00"], "UTC");
    check(&[&days], "2026-11-28T00:00:00Z", "open until 2026-11-30T00:00Z");
    check(&[&window(&Day::ALL, &["00:00-24:00"], "Asia/Kolkata")], "2026-11-28T00:00:00Z", "open until never");
    check(&[], "2026-11-28T00:00:00Z", "open until never");
}

#[test]
fn a_clock_that_is_put_forward() {
    // On 2027-03-28 Berlin's clocks go from 02:00 to 03:00, at 01:00 UTC.
    let across = window(&Day::ALL, &["01:30-03:30"], "Europe/Berlin");
    check(&[&across], "2027-03-28T00:00:00Z", "closed until 2027-03-28T00:30Z");
    check(&[&across], "2027-03-28T00:30:00Z", "open until 2027-03-28T01:30Z");
    // One that begins in the hour that is left out begins after it; one that lies in it is not on that day.
    check(
        &[&window(&[Sun], &["02:30-04:00"], "Europe/Berlin")],
        "2027-03-28T00:00:00Z",
        "closed until 2027-03-28T01:00Z",
    );
    check(
        &[&window(&[Sun], &["02:15-02:45"], "Europe/Berlin")],
        "2027-03-27T12:00:00Z",
        "closed until 2027-04-04T00:15Z",
    );
}

#[test]
fn a_clock_that_is_put_back() {
    // On 2026-10-25 Berlin's clocks go from 03:00 to 02:00, at 01:00 UTC: 02:30 is at 00:30 and at 01:30.
    let twice = window(&Day::ALL, &["02:15-02:45"], "Europe/Berlin");
    check(&[&twice], "2026-10-25T00:00:00Z", "closed until 2026-10-25T00:15Z");
    check(&[&twice], "2026-10-25T00:15:00Z", "open until 2026-10-25T00:45Z");
    check(&[&twice], "2026-10-25T00:45:00Z", "closed until 2026-10-25T01:15Z");
    check(&[&twice], "2026-10-25T01:45:00Z", "closed until 2026-10-26T01:15Z");
    // It closes as the clock goes back, too.
    let late = window(&Day::ALL, &["02:30-03:30"], "Europe/Berlin");
    check(&[&late], "2026-10-25T00:30:00Z", "open until 2026-10-25T01:00Z");
    check(&[&late], "2026-10-25T01:00:00Z", "closed until 2026-10-25T01:30Z");
}

#[test]
fn several_must_all_be_open() {
    let (week, morning) =
        (window(&[Mon, Thu], &["00:00-24:00"], "UTC"), window(&Day::ALL, &["08:00-09:00"], "Asia/Tokyo"));
    check(&[&week, &morning], "2026-11-26T12:00:00Z", "closed until 2026-11-26T23:00Z");
    check(&[&week, &morning], "2026-11-26T23:30:00Z", "open until 2026-11-27T00:00Z");
    check(&[&week, &window(&[Tue], &["00:00-24:00"], "UTC")], "2026-11-26T12:00:00Z", "closed until never");
    // These meet in winter alone.
    let (one, other) =
        (window(&Day::ALL, &["09:00-10:00"], "UTC"), window(&Day::ALL, &["10:00-11:00"], "Europe/Berlin"));
    check(&[&one, &other], "2026-06-01T00:00:00Z", "closed until 2026-10-25T09:00Z");
}

#[test]
fn what_cannot_be_told_is_closed() {
    check(&[&window(&Day::ALL, &["00:00-24:00"], "Europe/Nowhere")], "2026-11-26T12:00:00Z", "closed until never");
    check(&[&window(&[Mon], &["09:00-10:00"], "UTC")], "9999-12-31T23:00:00Z", "closed until never");
}

#[test]
fn what_is_said_names_what_is_closed() {
    let (open, shut) = (window(&[Thu], &["00:00-24:00"], "UTC"), window(&Day::ALL, &["09:00-10:00"], "Europe/Berlin"));
    let told = closed(&[&open, &shut], time("2026-11-26T12:00:00Z")).map(|closed| closed.sentence("prod"));
    let expected = "the environment `prod` is changed within 09:00-10:00 (Europe/Berlin) alone, which opens at 2026-12-03T08:00:00.000Z";
    assert_eq!(told.as_deref(), Some(expected));
    assert_eq!(closed(&[&open], time("2026-11-26T12:00:00Z")), None);
}

/// Whether it is open, by every span as an interval of what the clock shows.
fn is_open(window: &Window, now: Timestamp) -> bool {
    let zone = TimeZone::get(&window.zone).unwrap_or_else(|why| panic!("{why}"));
    let shown = zone.to_datetime(jiff::Timestamp::from_millisecond(now.0).unwrap_or_else(|why| panic!("{why}")));
    let mut date = shown.date().yesterday().unwrap_or_else(|why| panic!("{why}"));
    for _ in 0..2 {
        let next = date.tomorrow().unwrap_or_else(|why| panic!("{why}"));
        if window.days.contains(&super::day(date)) {
            for hours in &window.hours {
                let end = if hours.to() <= hours.from() { next } else { date };
                let (from, to) = (at(date, hours.from()), at(end, hours.to()));
                if from.is_some_and(|from| from <= shown) && to.is_some_and(|to| shown < to) {
                    return true;
                }
            }
        }
        date = next;
    }
    false
}

/// Zones that change their clocks by an hour, by half of one, at midnight, and not at all.
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
];

fn windows() -> impl Strategy<Value = Window> {
    let minute = 0_u16..24 * 60;
    let span = (minute.clone(), minute).prop_filter("empty", |(from, to)| from != to);
    let hours = prop::collection::vec(span, 1..3);
    (
        prop::collection::btree_set(prop::sample::select(Day::ALL.to_vec()), 1..7),
        hours,
        prop::sample::select(&ZONES[..]),
    )
        .prop_map(|(days, hours, zone)| {
            let text =
                |(from, to): &(u16, u16)| format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60);
            let hours = hours.iter().map(|span| Hours::parse(&text(span)).unwrap_or(Hours::ALL)).collect();
            Window { days, hours, zone: zone.to_owned() }
        })
}

const MINUTE: i64 = 60_000;
/// Nights on which some of the zones change their clocks, and one on which none does.
const NIGHTS: [&str; 6] = [
    "2026-03-07T18:00:00Z",
    "2026-03-28T18:00:00Z",
    "2026-04-04T12:00:00Z",
    "2026-10-24T18:00:00Z",
    "2026-11-01T00:00:00Z",
    "2026-06-15T00:00:00Z",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_changes_at_the_first_minute_at_which_the_clock_says_so(
        windows in prop::collection::vec(windows(), 1..3),
        night in prop::sample::select(&NIGHTS[..]),
        minutes in 0_i64..24 * 60,
    ) {
        let now = Timestamp(time(night).0 + minutes * MINUTE);
        let all: Vec<&Window> = windows.iter().collect();
        let open = |at: Timestamp| all.iter().all(|window| is_open(window, at));
        let (is, until) = match opening(&all, now) {
            Opening::Open { until } => (true, until),
            Opening::Closed { until } => (false, until),
        };
        prop_assert_eq!(is, open(now));
        // Two days, minute by minute.
        let first = (1..=2 * 24 * 60).map(|n| Timestamp(now.0 + n * MINUTE)).find(|at| open(*at) != is);
        match (first, until) {
            (Some(first), until) => prop_assert_eq!(until, Some(first)),
            (None, Some(until)) => {
                prop_assert!(until.0 > now.0 + 2 * 24 * 60 * MINUTE);
                prop_assert_eq!(open(until), !is);
                prop_assert_eq!(open(Timestamp(until.0 - 1)), is);
            }
            (None, None) => {}
        }
    }
}
