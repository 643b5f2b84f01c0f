//! Histories of simulated registers, of any length: linearizable by construction, unless a fault is planted.
//!
//! Clients work on keyed compare-and-set registers. Each operation takes an exponential time, mean 1 ms, and takes
//! effect at a uniformly random moment of it. For benchmarks and tests; deterministic in the seed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rashomon_history::{EventKind, EventRef, History, HistoryBuilder, Value};

use crate::small::Choices;

const MEAN_LATENCY: f64 = 1e6;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// How many operations are invoked.
    pub operations: usize,
    /// How many clients run them, each always busy unless `think` is set.
    pub clients: usize,
    /// How many registers there are, chosen uniformly.
    pub keys: usize,
    /// Values are drawn from `0..values`; 0 makes every written value unique.
    pub values: u64,
    /// Weights of reads, writes and compare-and-sets.
    pub mix: [f64; 3],
    /// The fraction of writes and compare-and-sets whose outcome stays unknown.
    pub info: f64,
    /// Of those, how many take effect.
    pub applied: f64,
    /// Of those that take effect, how many do so after the client gave up.
    pub late: f64,
    /// Mean pause between a client's operations, in mean latencies.
    pub think: f64,
    /// How many reads return a value that was overwritten long ago, from nine tenths of the history on.
    pub stale: usize,
    /// How many reads return a value that was never written, from nine tenths of the history on.
    pub impossible: usize,
    /// The seed.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Simulation {
        Simulation {
            operations: 10_000,
            clients: 5,
            keys: 1,
            values: 5,
            mix: [1.0, 1.0, 1.0],
            info: 0.0,
            applied: 0.5,
            late: 0.0,
            think: 0.0,
            stale: 0,
            impossible: 0,
            seed: 1,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write(i64),
    Cas(i64, i64),
}

/// A running operation.
#[derive(Clone, Copy)]
struct Running {
    kind: Kind,
    key: usize,
    client: usize,
    unknown: bool,
    /// What a read found; whether a compare-and-set succeeded.
    found: Option<i64>,
    succeeded: bool,
    /// Events of it still in the queue.
    pending: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Invoke(usize),
    Effect(usize),
    Complete(usize),
}

struct World<'a> {
    plan: &'a Simulation,
    choices: Choices,
    queue: BinaryHeap<Reverse<(u64, u64, Moment)>>,
    scheduled: u64,
    state: Vec<Option<i64>>,
    /// Per key: what was written lately, for stale reads.
    past: Vec<VecDeque<i64>>,
    running: Vec<Running>,
    vacant: Vec<usize>,
    process: Vec<u32>,
    written: i64,
    started: usize,
    planted: usize,
    builder: HistoryBuilder,
}

impl Simulation {
    /// Runs it.
    pub fn run(&self) -> History {
        let mut world = World {
            plan: self,
            choices: Choices::new(self.seed),
            queue: BinaryHeap::new(),
            scheduled: 0,
            state: vec![None; self.keys],
            past: vec![VecDeque::new(); if self.stale > 0 { self.keys } else { 0 }],
            running: Vec::new(),
            vacant: Vec::new(),
            process: (0..self.clients as u32).collect(),
            written: 0,
            started: 0,
            planted: 0,
            builder: HistoryBuilder::default(),
        };
        for client in 0..self.clients {
            let begin = world.exponential(0.1);
            world.schedule(begin, Moment::Invoke(client));
        }
        while let Some(Reverse((time, _, moment))) = world.queue.pop() {
            match moment {
                Moment::Invoke(client) if world.started < self.operations => world.invoke(time, client),
                Moment::Invoke(_) => {}
                Moment::Effect(op) => world.take_effect(op),
                Moment::Complete(op) => world.complete(time, op),
            }
        }
        world.builder.finish()
    }
}

impl World<'_> {
    fn exponential(&mut self, mean: f64) -> u64 {
        (-(1.0 - self.choices.fraction()).ln() * mean * MEAN_LATENCY) as u64
    }

    fn schedule(&mut self, time: u64, moment: Moment) {
        self.queue.push(Reverse((time, self.scheduled, moment)));
        self.scheduled += 1;
    }

    fn invoke(&mut self, time: u64, client: usize) {
        self.started += 1;
        let plan = self.plan;
        let key = self.choices.below(plan.keys);
        let latency = self.exponential(1.0) + 1_000;
        let end = time + latency;
        let mut point = Some(time + (latency as f64 * self.choices.fraction()) as u64);
        let drawn = self.choices.fraction() * plan.mix.iter().sum::<f64>();
        let kind = if drawn < plan.mix[0] {
            Kind::Read
        } else {
            let value = self.value();
            if drawn < plan.mix[0] + plan.mix[1] {
                Kind::Write(value)
            } else if plan.values > 0 {
                Kind::Cas(self.value(), value)
            } else {
                Kind::Cas(self.state[key].unwrap_or(0), value)
            }
        };
        let unknown = kind != Kind::Read && self.choices.fraction() < plan.info;
        if unknown {
            if self.choices.fraction() >= plan.applied {
                point = None;
            } else if self.choices.fraction() < plan.late {
                point = Some(end + self.exponential(50.0));
            }
        }
        let pending = 1 + u8::from(point.is_some());
        let operation = Running { kind, key, client, unknown, found: None, succeeded: false, pending };
        let slot = match self.vacant.pop() {
            Some(slot) => {
                self.running[slot] = operation;
                slot
            }
            None => {
                self.running.push(operation);
                self.running.len() - 1
            }
        };
        if let Some(point) = point {
            self.schedule(point, Moment::Effect(slot));
        }
        self.schedule(end, Moment::Complete(slot));
        self.record(time, EventKind::Invoke, operation, invoked_value(kind));
    }

    fn value(&mut self) -> i64 {
        if self.plan.values > 0 {
            return self.choices.below(self.plan.values as usize) as i64;
        }
        self.written += 1;
        self.written
    }

    fn take_effect(&mut self, slot: usize) {
        let operation = self.running[slot];
        let key = operation.key;
        let new = match operation.kind {
            Kind::Read => {
                self.running[slot].found = self.read(key);
                None
            }
            Kind::Write(value) => Some(value),
            Kind::Cas(from, to) => (self.state[key] == Some(from)).then_some(to),
        };
        if let Some(value) = new {
            self.running[slot].succeeded = true;
            self.state[key] = Some(value);
            if let Some(past) = self.past.get_mut(key) {
                past.push_back(value);
                if past.len() > 3 * self.plan.clients + 5 {
                    past.pop_front();
                }
            }
        }
        self.release(slot);
    }

    /// What a read finds: the truth, or a planted fault.
    fn read(&mut self, key: usize) -> Option<i64> {
        let faults = self.plan.stale + self.plan.impossible;
        if self.planted < faults && self.started * 10 >= self.plan.operations * 9 {
            if self.plan.impossible > 0 {
                self.planted += 1;
                return Some(-1);
            }
            let past = &self.past[key];
            if past.len() == 3 * self.plan.clients + 5 {
                self.planted += 1;
                return past.front().copied();
            }
        }
        self.state[key]
    }

    fn complete(&mut self, time: u64, slot: usize) {
        let operation = self.running[slot];
        let (kind, value) = match operation.kind {
            _ if operation.unknown => (EventKind::Info, invoked_value(operation.kind)),
            Kind::Read => (EventKind::Ok, operation.found.map_or(Value::Nil, Value::Int)),
            Kind::Cas(..) if !operation.succeeded => (EventKind::Fail, invoked_value(operation.kind)),
            _ => (EventKind::Ok, invoked_value(operation.kind)),
        };
        self.record(time, kind, operation, value);
        let client = operation.client;
        if operation.unknown {
            self.process[client] += self.plan.clients as u32;
        }
        self.release(slot);
        let pause = if self.plan.think > 0.0 { self.exponential(self.plan.think) } else { 0 };
        self.schedule(time + pause + 1, Moment::Invoke(client));
    }

    fn release(&mut self, slot: usize) {
        self.running[slot].pending -= 1;
        if self.running[slot].pending == 0 {
            self.vacant.push(slot);
        }
    }

    fn record(&mut self, time: u64, kind: EventKind, operation: Running, value: Value) {
        let f = match operation.kind {
            Kind::Read => "read",
            Kind::Write(_) => "write",
            Kind::Cas(..) => "cas",
        };
        let key = if self.plan.keys == 1 { Value::Nil } else { Value::Int(operation.key as i64) };
        let process = self.process[operation.client];
        let event = EventRef { time, process, kind, f, key: &key, value: &value, node: None, error: None };
        self.builder.push_ref(event).expect("the simulation makes histories");
    }
}

fn invoked_value(kind: Kind) -> Value {
    match kind {
        Kind::Read => Value::Nil,
        Kind::Write(value) => Value::Int(value),
        Kind::Cas(from, to) => Value::pair(Value::Int(from), Value::Int(to)),
    }
}
