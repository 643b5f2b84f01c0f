//! `delay-one` and `delay-all`: packets between nodes take longer.

use std::time::Duration;

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use super::{PACKETS, Whose};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Fate, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::partition::{cut_with, uncut};
use crate::stage::Stage;

const HELD_MS: &str = "held-ms";

pub(crate) struct Delay(pub(crate) Whose);

impl Fault for Delay {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self.0 {
            Whose::One => "delay-one",
            Whose::All => "delay-all",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PACKETS
    }

    fn meaning(&self) -> &'static str {
        match self.0 {
            Whose::One => {
                "packets between one node, often the leader, and all others take longer, up to an election timeout"
            }
            Whose::All => "packets between any two nodes take longer, up to an election timeout",
        }
    }

    fn weight(&self) -> f64 {
        match self.0 {
            Whose::One => 0.3,
            Whose::All => 0.2,
        }
    }

    fn nodes_min(&self) -> u16 {
        2
    }

    /// From a slow network to one on which leaders are missed although they are there: a request and its answer are
    /// both held.
    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        let times = *drawing.draw.pick(&[0.05, 0.15, 0.5, 1.0]);
        let held_ms = ((drawing.election_ms as f64 * times) as i64).max(2);
        let aim = match self.0 {
            Whose::One => drawing.aim_at_one(),
            Whose::All => Aim::All,
        };
        Drawn::aimed(aim).with(HELD_MS, held_ms)
    }

    fn may_follow(&self) -> bool {
        matches!(self.0, Whose::One)
    }

    fn hits_links(&self) -> bool {
        matches!(self.0, Whose::All)
    }

    fn parameters(&self) -> &'static [(&'static str, i64, i64)] {
        &[(HELD_MS, 1, 600_000)]
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let (links, nodes, whose) = self.0.find(planned, stage).await?;
            let middle =
                Duration::from_millis(planned.parameters.get(HELD_MS).copied().unwrap_or_default().max(0) as u64);
            let (least, most) = (middle / 2, middle * 3 / 2);
            let description = format!("packets {whose} take {} to {} ms longer", least.as_millis(), most.as_millis());
            cut_with(planned, stage, links, Fate::Held(least, most), nodes, description).await
        })
    }

    fn heal<'a, 'e: 'a>(
        &'a self,
        planned: &'a PlannedFault,
        _injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>> {
        Box::pin(uncut(planned, stage, "held"))
    }
}
