//! What a fault is: a kind, its class, and what it does.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Capability, Pending};
use crate::stage::Stage;

/// A state in which a fault leaves nodes until it is healed; other faults may need nodes that are not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition(pub &'static str);

impl Condition {
    /// Its processes are killed and not started again yet.
    pub const DOWN: Condition = Condition("down");
    /// Its processes are stopped.
    pub const STOPPED: Condition = Condition("stopped");
    /// Its wall clock is off.
    pub const CLOCK_OFF: Condition = Condition("clock off");
    /// It lost its data, and may still be getting it back from the others. It does not end with the fault.
    pub const DATA_LOST: Condition = Condition("data lost");
}

/// What the kinds of one class have in common. A class is known by its name.
#[derive(Debug)]
pub struct FaultClassInfo {
    /// The name used on the command line and in files: `kill`.
    pub name: &'static str,
    /// The heading of its chapter in the documentation.
    pub title: &'static str,
    /// How it is injected, proved and healed, and its pitfalls, as Markdown.
    pub notes: &'static str,
    /// Why it has to be asked for by name, and `all` does not stand for it; `None` where it does.
    pub opt_in: Option<&'static str>,
    /// What it needs of the lab.
    pub needs: &'static [Capability],
    /// How long its faults last: one of these multiples of the target's election timeout, each as likely as any other.
    pub durations: &'static [f64],
    /// The state in which it leaves nodes until it is healed.
    pub leaves: Option<Condition>,
    /// It hits no node that is in one of these states.
    pub excluded_by: &'static [Condition],
    /// It is not aimed on purpose at a node that the fault before it left in one of these states, because it would have
    /// no effect there.
    pub pointless_after: &'static [Condition],
    /// It is not injected while any node is in one of the states that exclude it.
    pub alone: bool,
    /// Where it hits the same nodes as the fault before it, it lasts until after the end of that one.
    pub outlasts: bool,
}

impl FaultClassInfo {
    /// A class with this name that excludes and needs nothing.
    pub const fn new(name: &'static str, title: &'static str, durations: &'static [f64]) -> FaultClassInfo {
        FaultClassInfo {
            name,
            title,
            notes: "",
            opt_in: None,
            needs: &[],
            durations,
            leaves: None,
            excluded_by: &[],
            pointless_after: &[],
            alone: false,
            outlasts: false,
        }
    }
}

/// One kind of fault.
///
/// Drawing is pure: what is drawn follows from the [`Drawing`] alone. Injecting and healing act through the
/// [`Stage`], and every effect that they claim is one that they have seen.
pub trait Fault: Send + Sync {
    /// The name used on the command line and in files.
    fn kind(&self) -> FaultKind;

    /// The class it belongs to.
    fn class(&self) -> &'static FaultClassInfo;

    /// What it means, in one line.
    fn meaning(&self) -> &'static str;

    /// How often it is drawn among the kinds of its class, relative to the others.
    fn weight(&self) -> f64 {
        1.0
    }

    /// The smallest cluster in which it means something.
    fn nodes_min(&self) -> u16 {
        1
    }

    /// Whether it means something only where a node leads.
    fn needs_leader(&self) -> bool {
        false
    }

    /// Draws which nodes it is aimed at, and its parameters.
    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn;

    /// Whether it may be aimed at the nodes of the fault before it instead of those that were drawn.
    fn may_follow(&self) -> bool {
        true
    }

    /// Whether it hits links rather than nodes, so that the plan does not say which nodes it touches.
    fn hits_links(&self) -> bool {
        false
    }

    /// The parameters it has, each with its smallest and its largest value.
    fn parameters(&self) -> &'static [(&'static str, i64, i64)] {
        &[]
    }

    /// Injects it, and proves it as far as it can be proved at once.
    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>>;

    /// Undoes what was injected, and sees that it is undone.
    fn heal<'a, 'e: 'a>(
        &'a self,
        planned: &'a PlannedFault,
        injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>>;
}

/// A fault that was injected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// When it took effect, ns on the run's clock.
    pub begin_ns: u64,
    /// The nodes it hit.
    pub nodes: Vec<u16>,
    /// In plain words, with the nodes it hit.
    pub description: String,
    /// Its effect was seen. What shows its effect later only ([`Healed::proved`]) begins without.
    pub proved: bool,
    /// What was seen.
    pub proof: Vec<String>,
    /// How far it set the wall clocks of its nodes off, milliseconds.
    pub clock_ms: Option<i64>,
}

/// What healing a fault has shown.
#[derive(Default)]
pub struct Healed<'e> {
    /// An effect of the fault was seen at its end.
    pub proved: bool,
    /// What was seen of the effect.
    pub proof: Vec<String>,
    /// How its end was seen.
    pub healed: Vec<String>,
    /// Why no effect was seen, where that is known.
    pub reason: Option<String>,
    /// When it ended, ns on the run's clock; when everything here has been waited for, where it does not say.
    pub end_ns: Option<u64>,
    /// What has to be waited for until it is over, each with a word about it. Other faults go on meanwhile.
    pub waits: Vec<Pending<'e, String>>,
}

/// Why a fault was not injected.
#[derive(Debug)]
pub enum NotInjected {
    /// It was not tried, for this reason: no node leads, its node is already down, the machine cannot do it, ….
    Skipped(String),
    /// The environment failed.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl From<ActionError> for NotInjected {
    fn from(error: ActionError) -> NotInjected {
        match error {
            ActionError::Unsupported(reason) => NotInjected::Skipped(reason),
            ActionError::Failed(error) => NotInjected::Failed(error),
        }
    }
}

/// Words for the nodes that an aim has found.
pub(crate) fn with_leader(aim: &Aim, names: &str) -> String {
    if *aim == Aim::Leader { format!("{names} (leader)") } else { names.to_owned() }
}
