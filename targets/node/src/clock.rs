//! The two clocks of a node.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Clocks {
    started: Instant,
}

/// What the clocks say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Time since the node started, ms; never goes back.
    pub(crate) monotonic_ms: u64,
    /// Time since 1970 as this node believes, ms; may jump.
    pub(crate) wall_ms: i64,
    /// The same, µs.
    pub(crate) wall_us: i64,
}

impl Clocks {
    /// Monotonic time counts from now.
    pub(crate) fn start() -> Clocks {
        Clocks { started: Instant::now() }
    }

    /// Reads both.
    pub(crate) fn read(&self) -> Reading {
        let wall_us = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        };
        Reading { monotonic_ms: self.started.elapsed().as_millis() as u64, wall_ms: wall_us / 1000, wall_us }
    }
}
