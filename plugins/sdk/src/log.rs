//! Lines, groups and progress in the step's log. Needs no grant; nothing here fails.

use crate::bindings::tidegate::plugin::log as wire;

/// For the plugin's author.
pub fn debug(message: &str) {
    wire::write(wire::Level::Debug, message);
}

/// For everybody.
pub fn info(message: &str) {
    wire::write(wire::Level::Info, message);
}

/// Something is odd, the step goes on.
pub fn warn(message: &str) {
    wire::write(wire::Level::Warn, message);
}

/// Something failed.
pub fn error(message: &str) {
    wire::write(wire::Level::Error, message);
}

/// Reports how far a task is; `total` 0 means unknown, `unit` is what is counted (`bytes`, or nothing).
pub fn progress(task: &str, done: u32, total: u32, unit: &str) {
    wire::progress(task, done, total, unit);
}

/// Folds the lines that are written while the answer lives under a title.
pub fn group(title: &str) -> Group {
    wire::begin_group(title);
    Group(())
}

/// An open group, closed when dropped.
#[must_use = "the group closes when this is dropped"]
#[derive(Debug)]
pub struct Group(());

impl Drop for Group {
    fn drop(&mut self) {
        wire::end_group();
    }
}

/// Writes a formatted line for the plugin's author.
#[macro_export]
macro_rules! debug {
    ($($arguments:tt)+) => { $crate::log::debug(&::std::format!($($arguments)+)) };
}

/// Writes a formatted line for everybody.
#[macro_export]
macro_rules! info {
    ($($arguments:tt)+) => { $crate::log::info(&::std::format!($($arguments)+)) };
}

/// Writes a formatted line about something odd.
#[macro_export]
macro_rules! warn {
    ($($arguments:tt)+) => { $crate::log::warn(&::std::format!($($arguments)+)) };
}

/// Writes a formatted line about something that failed.
#[macro_export]
macro_rules! error {
    ($($arguments:tt)+) => { $crate::log::error(&::std::format!($($arguments)+)) };
}
