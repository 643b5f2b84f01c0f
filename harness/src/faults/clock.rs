//! Wall clocks of nodes that can be set: two ways to lie to a program about the time, and which of them a program gets.
//!
//! Through the vDSO ([`crate::lab::LabSpec::clocks`]) reaches every program, static ones included, and costs nothing
//! that a program would notice. libfaketime is preloaded into dynamic programs; it also shifts the times until which a
//! program waits, which the kernel compares with the machine's clock. Only wall clocks are set off, so timers continue.

mod choice;
mod libfaketime;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rashomon_spec::run::ClockWay;

use crate::lab::{self, LabError, LabErrorKind};
use crate::target::{NodeCommand, NodePlan};
pub use choice::{Chosen, Way};

/// The ways in which clocks can be set on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockWays {
    /// Why the vDSO cannot be used, if it cannot.
    vdso: Result<(), String>,
    /// Where libfaketime is.
    library: Option<PathBuf>,
    /// What the user wants.
    wanted: ClockWay,
}

impl ClockWays {
    /// Those of this machine that the user wants to be used.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn of_this_machine(wanted: ClockWay) -> Result<ClockWays, LabError> {
        ClockWays { vdso: lab::vdso_is_possible(), library: lab::find_faketime(), wanted }.usable()
    }

    fn usable(self) -> Result<ClockWays, LabError> {
        let vdso = self.vdso.clone().err();
        let installation = "install it (Debian and Ubuntu: apt-get install libfaketime)";
        let missing = match (self.wanted, vdso, &self.library) {
            (ClockWay::Vdso, Some(why), _) => {
                (format!("--clock vdso cannot be used: {why}"), "use --clock libfaketime")
            }
            (ClockWay::Libfaketime, _, None) => {
                ("--clock libfaketime needs libfaketime, which is not installed".to_owned(), installation)
            }
            (ClockWay::Auto, Some(why), None) => {
                (format!("clock faults need libfaketime, which is not installed; without it, {why}"), installation)
            }
            _ => return Ok(self),
        };
        let (what, remedy) = missing;
        Err(LabError::new(LabErrorKind::Usage, what, format!("{remedy}, or leave `clock` out of --faults")))
    }

    fn choose(&self, command: &NodeCommand) -> Chosen {
        match (self.wanted, &self.vdso, &self.library) {
            (ClockWay::Vdso, ..) => Chosen::new(Way::Vdso, "--clock vdso"),
            (ClockWay::Libfaketime, ..) => Chosen::new(Way::Libfaketime, "--clock libfaketime"),
            (ClockWay::Auto, Err(why), _) => Chosen::new(Way::Libfaketime, why),
            (ClockWay::Auto, Ok(()), None) => Chosen::new(Way::Vdso, "libfaketime is not installed"),
            (ClockWay::Auto, Ok(()), Some(_)) => choice::fitting(command),
        }
    }

    /// The ways in which the clocks of a cluster's processes are set.
    pub fn choose_all(self, nodes: &[NodePlan]) -> Clocks {
        // Nodes run the same few programs, which may be large.
        let mut known: BTreeMap<&Path, Chosen> = BTreeMap::new();
        let chosen = nodes.iter().map(|plan| {
            let commands = plan.processes.iter().map(|process| &process.command);
            let chosen =
                commands.map(|command| known.entry(&command.program).or_insert_with(|| self.choose(command)).clone());
            chosen.collect()
        });
        Clocks { chosen: chosen.collect(), library: self.library.clone() }
    }
}

/// In which way the clock of each process of a cluster is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    library: Option<PathBuf>,
    /// By node, then by process.
    chosen: Vec<Vec<Chosen>>,
}

impl Clocks {
    /// Whether a process has its clock through the vDSO.
    pub fn use_vdso(&self) -> bool {
        self.chosen.iter().flatten().any(|chosen| chosen.way == Way::Vdso)
    }

    /// Those of a node's processes, in the order of its plan. Nodes are numbered from 1.
    pub fn of(&self, node: u16) -> &[Chosen] {
        &self.chosen[usize::from(node) - 1]
    }

    /// The variables that a process needs whose clock is set in this way.
    pub fn environment(&self, way: Way, shared_dir: &Path) -> Vec<(String, String)> {
        match (way, &self.library) {
            (Way::Libfaketime, Some(library)) => libfaketime::environment(library, shared_dir),
            _ => Vec::new(),
        }
    }
}

pub use libfaketime::set_offset;
