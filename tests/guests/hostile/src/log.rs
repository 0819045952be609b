//! A log that hides what happened.

use crate::{Answer, text};
use tidegate::bindings::tidegate::plugin::log;

pub(crate) fn flood() -> Answer {
    for _ in 0..1_000_000_000 {
        log::write(log::Level::Info, "x");
    }
    Ok("{}".to_owned())
}

/// Messages without a line.
pub(crate) fn blanks() -> Answer {
    for _ in 0..1_000_000_000 {
        log::write(log::Level::Info, "");
    }
    Ok("{}".to_owned())
}

/// Groups deeper than groups go.
pub(crate) fn groups() -> Answer {
    for _ in 0..1_000_000_000 {
        log::begin_group("deeper");
    }
    Ok("{}".to_owned())
}

/// Reports of a task that never ends.
pub(crate) fn progress() -> Answer {
    for done in 0..1_000_000_000 {
        log::progress("busy", done, 0, "things");
    }
    Ok("{}".to_owned())
}

pub(crate) fn say(inputs: &str) -> Answer {
    log::write(log::Level::Info, &text(inputs));
    Ok("{}".to_owned())
}

pub(crate) fn giant_line(bytes: usize) -> Answer {
    log::write(log::Level::Info, &"y".repeat(bytes));
    Ok("{}".to_owned())
}

/// As many lines as the host takes in one message.
pub(crate) fn many_lines(lines: usize) -> Answer {
    log::write(log::Level::Info, &"z\n".repeat(lines));
    Ok("{}".to_owned())
}

/// Ends of groups that never began.
pub(crate) fn ends() -> Answer {
    for _ in 0..1_000_000_000 {
        log::end_group();
    }
    Ok("{}".to_owned())
}

/// Texts that are no lines: a title, a task and a unit.
pub(crate) fn titles(text: &str) -> Answer {
    log::begin_group(text);
    log::progress(text, 1, 2, text);
    log::end_group();
    Ok("{}".to_owned())
}
