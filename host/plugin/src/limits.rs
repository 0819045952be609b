//! How much one call into a plugin may use, and the meter that counts it.

use model::{Blame, Failure};
use std::time::Duration;

/// Limits of one call into a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the call to its answer, host calls included.
    pub wall: Duration,
    /// Of computing in the guest, to the tick of the engine's epoch clock.
    pub compute: Duration,
    /// Bytes of all linear memories and tables together.
    pub memory: usize,
    /// Resources (children, transactions) held at once.
    pub handles: usize,
    /// Children alive at once.
    pub children: usize,
    /// Lines of log.
    pub log_lines: u64,
    /// Bytes of log.
    pub log_bytes: u64,
    /// Bytes that one host call may hand over, lists and strings together.
    pub message: usize,
    /// Host calls.
    pub calls: u64,
    /// One host call, where the call does not say how long it waits.
    pub host_call: Duration,
    /// Effects that take a durable write at the host (`start`, `push`…): `HostCall::durable`.
    pub effects: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(24 * 3600),
            compute: Duration::from_secs(300),
            memory: 256 << 20,
            handles: 64,
            children: 8,
            log_lines: 100_000,
            log_bytes: 16 << 20,
            message: 10 << 20,
            calls: 1_000_000,
            host_call: Duration::from_secs(600),
            effects: 10_000,
        }
    }
}

impl Limits {
    /// For `render`: it waits for nobody, so what takes longer is stuck. Its answer may have 32 MiB.
    pub fn rendering() -> Self {
        let minute = Duration::from_secs(60);
        Self { wall: minute, compute: minute, memory: 512 << 20, message: 40 << 20, ..Self::default() }
    }

    /// For `preview` and `probe`: a minute, half of it computing. What else there is is as much as for a run.
    pub fn asking() -> Self {
        Self { wall: Duration::from_secs(60), compute: Duration::from_secs(30), ..Self::default() }
    }

    /// These, with no more time than others have.
    pub(crate) fn at_most(self, others: &Self) -> Self {
        Self { wall: self.wall.min(others.wall), compute: self.compute.min(others.compute), ..self }
    }

    /// For `describe`: one second of computing, little of anything. What waits in it, by WASI's timers, has five seconds.
    pub fn describe() -> Self {
        Self {
            wall: Duration::from_secs(5),
            compute: Duration::from_secs(1),
            memory: 128 << 20,
            handles: 0,
            children: 0,
            log_lines: 100,
            log_bytes: 64 << 10,
            calls: 10_000,
            host_call: Duration::from_secs(1),
            effects: 0,
            ..Self::default()
        }
    }
}

/// A limit that is used up: it ends the instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Exhausted {
    /// `exhausted`, `timed-out` or `too-large`.
    pub code: &'static str,
    /// Which limit, and how much it is.
    pub message: String,
}

impl Exhausted {
    pub(crate) fn new(code: &'static str, message: String) -> Self {
        Self { code, message }
    }

    /// The same as a step's failure.
    pub fn failure(&self) -> Failure {
        Failure::new(Blame::Plugin, self.code, self.message.clone())
    }
}

/// A limit of time as it reads in a message.
pub(crate) fn in_words(time: Duration) -> String {
    if time.as_millis().is_multiple_of(1000) {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// Counts memory over all memories and tables of a store. A growth beyond the limit traps rather than answering -1:
/// a guest that cannot go on would only trap less clearly.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: usize,
    used: usize,
    pub(crate) peak: usize,
}

impl Meter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: 0, peak: 0 }
    }

    fn grow(&mut self, current: usize, desired: usize) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            let limit = self.limit >> 20;
            let message = format!("the plugin wanted more than {limit} MiB of memory in all its memories and tables");
            return Err(wasmtime::Error::new(Exhausted::new("exhausted", message)));
        }
        self.used = used;
        self.peak = self.peak.max(used);
        Ok(true)
    }
}

impl wasmtime::ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(current, desired)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let size = size_of::<usize>();
        self.grow(current.saturating_mul(size), desired.saturating_mul(size))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use std::time::Duration;

    #[test]
    fn asking_shortens_and_never_lengthens() {
        let asked = Limits { memory: 1, ..Limits::default() }.at_most(&Limits::asking());
        let expected = (Duration::from_secs(60), Duration::from_secs(30), 1);
        assert_eq!((asked.wall, asked.compute, asked.memory), expected);
        assert_eq!(Limits::describe().at_most(&Limits::asking()), Limits::describe());
    }
}
