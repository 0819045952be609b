//! Crashes on request, for tests, and in debug builds alone: `TIDEGATE_CRASH=N` ends the process at the Nth point that
//! the journal's writer passes. Three points a commit: before its first write, before it is durable, and after.

#[cfg(debug_assertions)]
pub(crate) fn point() {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static AT: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var("TIDEGATE_CRASH").ok()?.parse().ok());
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some(at) = *AT else { return };
    let passed = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
    if passed == at {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn point() {}
