//! A cluster in memory, on which faults act at once: what a simulator is to faults, in small.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, FaultId, PlannedFault};
use rashomon_spec::target::TargetTiming;

use crate::environment::{
    ActionError, ClockReading, ClockWitness, CpuUse, Fate, FaultEnvironment, Grudge, Lost, Pending, Processes,
};

pub(crate) const TIMING: TargetTiming = TargetTiming {
    election_timeout: Duration::from_millis(300),
    recovery: Duration::from_millis(1200),
    convergence: Duration::from_secs(5),
};

/// Three nodes, of which `leader` leads.
#[derive(Default)]
pub(crate) struct World(RefCell<State>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) now_ms: u64,
    pub(crate) leader: Option<u16>,
    pub(crate) down: BTreeSet<u16>,
    pub(crate) stopped: BTreeSet<u16>,
    pub(crate) slow: BTreeMap<u16, u8>,
    pub(crate) clocks: BTreeMap<u16, i64>,
    pub(crate) cuts: BTreeMap<FaultId, (Grudge, Fate)>,
    /// Packets that meet each cut.
    pub(crate) packets: u64,
    /// What a node has on its disk.
    pub(crate) bytes: u64,
}

impl World {
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.borrow_mut())
    }

    fn now<'a, T: 'a>(&'a self, change: impl FnOnce(&mut State) -> T) -> Pending<'a, T> {
        let value = self.change(change);
        Box::pin(async move { value })
    }
}

impl FaultEnvironment for World {
    fn nodes(&self) -> u16 {
        3
    }

    fn name(&self, node: u16) -> String {
        format!("n{node}")
    }

    fn now_ns(&self) -> u64 {
        self.0.borrow().now_ms * 1_000_000
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        self.now(|state| state.now_ms += time.as_millis() as u64)
    }

    fn leader(&self) -> Pending<'_, Option<u16>> {
        self.now(|state| state.leader)
    }

    fn read_clock(&self, node: u16) -> Pending<'_, Option<ClockReading>> {
        self.now(|state| {
            let off_ms = state.clocks.get(&node).copied().unwrap_or(0);
            Some(ClockReading { off_ms, uncertain_ms: 20, witness: ClockWitness::Node })
        })
    }

    fn set_clock(&self, node: u16, by_ms: i64) -> Pending<'_, Result<(), ActionError>> {
        self.now(|state| {
            state.clocks.insert(node, by_ms);
            Ok(())
        })
    }

    fn cut(&self, fault: FaultId, grudge: Grudge, fate: Fate) -> Pending<'_, Result<(), ActionError>> {
        self.now(|state| match fate {
            Fate::Held(..) => Err(ActionError::Unsupported("no packet queues".to_owned())),
            _ => {
                assert!(state.cuts.insert(fault, (grudge, fate)).is_none(), "{fault} cuts twice");
                Ok(())
            }
        })
    }

    fn uncut(&self, fault: FaultId) -> Pending<'_, Result<u64, ActionError>> {
        self.now(|state| state.cuts.remove(&fault).map(|_| state.packets).ok_or_else(|| failed("no such cut")))
    }

    fn kill(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>> {
        self.now(|state| {
            state.stopped.remove(&node);
            if state.down.insert(node) { Ok(Processes::default()) } else { Err(failed("it is down")) }
        })
    }

    fn start(&self, node: u16) -> Pending<'_, Result<(), ActionError>> {
        self.now(|state| if state.down.remove(&node) { Ok(()) } else { Err(failed("it runs")) })
    }

    fn wait_ready(&self, node: u16) -> Pending<'_, Result<Duration, String>> {
        self.now(|state| if state.down.contains(&node) { Err("it is down".to_owned()) } else { Ok(Duration::ZERO) })
    }

    fn wipe(&self, node: u16) -> Pending<'_, Result<Lost, ActionError>> {
        self.now(|state| {
            if state.down.contains(&node) { Ok(Lost { files: 1, bytes: state.bytes }) } else { Err(failed("it runs")) }
        })
    }

    fn pause(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>> {
        self.now(
            |state| {
                if state.stopped.insert(node) { Ok(Processes::default()) } else { Err(failed("it is stopped")) }
            },
        )
    }

    fn resume(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>> {
        self.now(|state| if state.stopped.remove(&node) { Ok(Processes::default()) } else { Err(failed("it runs")) })
    }

    fn limit_cpu(&self, node: u16, percent: u8) -> Pending<'_, Result<CpuUse, ActionError>> {
        self.now(|state| {
            state.slow.insert(node, percent);
            Ok(CpuUse { time: Duration::from_secs(2), cpu: Duration::from_millis(800), ..CpuUse::default() })
        })
    }

    fn lift_cpu_limit(&self, node: u16) -> Pending<'_, Result<CpuUse, ActionError>> {
        self.now(|state| {
            let percent = state.slow.remove(&node).ok_or_else(|| failed("it is not limited"))?;
            let time = Duration::from_secs(1);
            let held = time * u32::from(100 - percent) / 100;
            Ok(CpuUse { time, cpu: (time - held) / 2, held, cpu_held: Duration::ZERO })
        })
    }
}

fn failed(what: &'static str) -> ActionError {
    ActionError::Failed(what.into())
}

/// Runs what never has to wait.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("everything here is done at once"),
    }
}

/// A fault that begins at once.
pub(crate) fn planned(id: u32, kind: &'static str, aim: Aim) -> PlannedFault {
    let parameters = match kind {
        "loss-all" | "loss-one" | "slow-node" => BTreeMap::from([("percent".to_owned(), 10)]),
        "delay-all" | "delay-one" => BTreeMap::from([("held-ms".to_owned(), 100)]),
        "jump-ahead" => BTreeMap::from([("by-ms".to_owned(), 60_000)]),
        "jump-back" => BTreeMap::from([("by-ms".to_owned(), -60_000)]),
        _ => BTreeMap::new(),
    };
    PlannedFault { id: FaultId(id), kind: FaultKind::new(kind), aim, parameters, at_ms: 0, for_ms: 1000 }
}
