//! The two clocks of a node.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rashomon_protocol::Clock;

/// Reads both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Clocks {
    started: Instant,
}

impl Clocks {
    /// Monotonic time counts from now.
    pub(crate) fn start() -> Clocks {
        Clocks { started: Instant::now() }
    }

    /// Reads both.
    pub(crate) fn read(&self) -> Clock {
        let wall_us = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        };
        Clock { monotonic_ms: self.started.elapsed().as_millis() as u64, wall_us }
    }
}
