//! What needs no grant: log, clock, random, cancellation.

use crate::bindings::cut;
use crate::bindings::tidegate::plugin::{cancellation, clock, log, random, types};
use crate::call::HostCall;
use crate::fixed;
use crate::mode::Mode;
use crate::services::{Entry, Level};
use crate::state::State;
use wasmtime::Result;

/// The longest line, in bytes.
const LINE: usize = 16 << 10;
/// The longest title, task or unit, in bytes.
const TITLE: usize = 512;
/// How deep groups nest.
const DEPTH: u32 = 8;
/// Most random bytes of one call.
const RANDOM: usize = 4096;

impl types::Host for State {}

impl State {
    /// Takes room in the log; at the first line without room says so, once.
    async fn room(&mut self, bytes: usize) -> Result<bool> {
        self.log.lines += 1;
        self.log.bytes += bytes as u64;
        if self.log.lines <= self.limits.log_lines && self.log.bytes <= self.limits.log_bytes {
            return Ok(true);
        }
        if !std::mem::replace(&mut self.log.closed, true) {
            let (lines, size) = (self.limits.log_lines, self.limits.log_bytes >> 10);
            let message =
                format!("the log of this step is full ({lines} lines or {size} KiB); what follows is dropped");
            self.services.log(Entry::Line(Level::Warn, message)).await;
        }
        Ok(false)
    }

    async fn log_entry(&mut self, call: HostCall, entry: Entry) -> Result<()> {
        let services = self.services.clone();
        // Free calls have no failure.
        let _ = self
            .perform(call, async move {
                services.log(entry).await;
                Ok(())
            })
            .await?;
        Ok(())
    }
}

/// A line of at most `most` bytes without terminal escapes and control characters: they could rewrite what a person
/// sees.
pub fn clean(line: &str, most: usize) -> String {
    let mut out = String::with_capacity(line.len().min(most));
    let mut rest = cut(line, most).chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => match rest.peek() {
                Some('[') => {
                    rest.next();
                    // A control sequence ends with a byte of 0x40 to 0x7e.
                    while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
                }
                Some(']' | 'P' | '_' | '^' | 'X') => {
                    while rest.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {}
                }
                _ => {
                    rest.next();
                }
            },
            '\t' => out.push(c),
            c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c) => {
            }
            c => out.push(c),
        }
    }
    out
}

impl log::Host for State {
    async fn write(&mut self, level: Level, message: String) -> Result<()> {
        if message.is_empty() {
            return self.flood().await;
        }
        for line in message.lines() {
            if self.log.closed {
                return self.flood().await;
            }
            let line = clean(line, LINE);
            if self.room(line.len() + 1).await? {
                self.log_entry(HostCall::Log, Entry::Line(level, line)).await?;
            }
        }
        Ok(())
    }

    async fn begin_group(&mut self, title: String) -> Result<()> {
        let title = clean(&title, TITLE);
        if self.depth < DEPTH && self.room(title.len() + 1).await? {
            self.depth += 1;
            return self.log_entry(HostCall::Log, Entry::Group(title)).await;
        }
        self.flood().await
    }

    async fn end_group(&mut self) -> Result<()> {
        if self.depth > 0 {
            self.depth -= 1;
            return self.log_entry(HostCall::Log, Entry::EndGroup).await;
        }
        self.flood().await
    }

    async fn progress(&mut self, task: String, done: u32, total: u32, unit: String) -> Result<()> {
        let (task, unit) = (clean(&task, TITLE), clean(&unit, TITLE));
        // A report is kept as a line is, so it takes the room of one, its two numbers included.
        if self.room(task.len() + unit.len() + 8).await? {
            return self.log_entry(HostCall::Progress, Entry::Progress { task, done, total, unit }).await;
        }
        self.flood().await
    }
}

impl State {
    /// Counts a call that leaves nothing in the log, so that a flood of them ends.
    async fn flood(&mut self) -> Result<()> {
        let _ = self.perform(HostCall::Log, async { Ok(()) }).await?;
        Ok(())
    }
}

impl clock::Host for State {
    async fn now(&mut self) -> Result<String> {
        let now = if self.mode == Mode::Render { fixed::NOW } else { self.services.now() };
        self.last_now = self.last_now.max(now.0);
        let text = model::Timestamp(self.last_now).to_string();
        let answer = self.perform(HostCall::Now, async { Ok(text) }).await?;
        Ok(answer.unwrap_or_default())
    }

    async fn elapsed(&mut self) -> Result<u32> {
        let elapsed = match self.mode {
            Mode::Render => 0,
            _ => u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        Ok(self.perform(HostCall::Elapsed, async { Ok(elapsed) }).await?.unwrap_or_default())
    }
}

impl random::Host for State {
    async fn draw(&mut self, length: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0; (length as usize).min(RANDOM)];
        if self.mode == Mode::Render {
            fixed::fill(&mut bytes);
        } else {
            getrandom::fill(&mut bytes)
                .map_err(|e| wasmtime::Error::msg(format!("the machine has no randomness: {e}")))?;
        }
        Ok(self.perform(HostCall::Draw, async { Ok(bytes) }).await?.unwrap_or_default())
    }
}

impl cancellation::Host for State {
    async fn requested(&mut self) -> Result<bool> {
        let cancelled = self.services.cancelled();
        Ok(self.perform(HostCall::CancelRequested, async { Ok(cancelled) }).await?.unwrap_or_default())
    }
}

/// A text of several lines, each without what could rewrite the screen.
pub(crate) fn clean_text(text: &str, most: usize) -> String {
    let mut clean = cut(text, most).lines().map(|line| clean(line, most)).collect::<Vec<_>>().join("\n");
    if text.len() <= most && text.ends_with('\n') {
        clean.push('\n');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escapes_are_stripped() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m b", 100), "ared b");
        assert_eq!(clean("a\u{1b}]0;title\u{7}b\u{1b}(", 100), "ab");
        assert_eq!(clean("a\rb\u{8}\tc\u{9b}2J\u{202e}d", 100), "ab\tc2Jd");
        assert_eq!(clean("ééé", 3), "é");
    }
}
