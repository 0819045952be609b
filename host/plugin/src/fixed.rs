//! Time and chance as a render sees them: the same each time, since its result is kept for as long as its files stay the
//! same. The clock stands at the beginning of 1970, and random bytes are those of one fixed sequence.

use model::Timestamp;
use std::time::Duration;
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// What `clock.now` says.
pub(crate) const NOW: Timestamp = Timestamp(0);
/// The sequence: hash tables want bytes that differ, and no more of it.
const SEQUENCE: [u8; 16] = *b"tidegate-renders";

struct Still;

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

/// The same for WASI's own clocks and random numbers.
pub(crate) fn stand_still(wasi: &mut WasiCtxBuilder) {
    wasi.wall_clock(Still).monotonic_clock(Still);
    wasi.secure_random(Deterministic::new(SEQUENCE.to_vec()));
    wasi.insecure_random(Deterministic::new(SEQUENCE.to_vec())).insecure_random_seed(0);
}

/// Fills with the sequence.
pub(crate) fn fill(bytes: &mut [u8]) {
    for (byte, next) in bytes.iter_mut().zip(SEQUENCE.into_iter().cycle()) {
        *byte = next;
    }
}
