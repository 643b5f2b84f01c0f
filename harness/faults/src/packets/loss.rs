//! `loss-one` and `loss-all`: a part of the packets between nodes is lost.

use rashomon_spec::fault_kind::FaultKind;
use rashomon_spec::schedule::{Aim, PlannedFault};

use super::{PACKETS, Whose};
use crate::drawing::{Drawing, Drawn};
use crate::environment::{ActionError, Fate, Pending};
use crate::fault::{Fault, FaultClassInfo, Healed, Injected, NotInjected};
use crate::partition::{cut_with, uncut};
use crate::stage::Stage;

const PERCENT: &str = "percent";

pub(crate) struct Loss(pub(crate) Whose);

impl Fault for Loss {
    fn kind(&self) -> FaultKind {
        FaultKind::new(match self.0 {
            Whose::One => "loss-one",
            Whose::All => "loss-all",
        })
    }

    fn class(&self) -> &'static FaultClassInfo {
        &PACKETS
    }

    fn meaning(&self) -> &'static str {
        match self.0 {
            Whose::One => "one node, often the leader, loses 5 % to 60 % of the packets to and from all others",
            Whose::All => "5 % to 60 % of the packets between any two nodes are lost",
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

    /// From what a bad network loses to what hardly lets a connection live.
    fn draw(&self, drawing: &mut Drawing<'_>) -> Drawn {
        let percent = *drawing.draw.pick(&[5, 15, 30, 60]);
        let aim = match self.0 {
            Whose::One => drawing.aim_at_one(),
            Whose::All => Aim::All,
        };
        Drawn::aimed(aim).with(PERCENT, percent)
    }

    fn may_follow(&self) -> bool {
        matches!(self.0, Whose::One)
    }

    fn hits_links(&self) -> bool {
        matches!(self.0, Whose::All)
    }

    fn parameters(&self) -> &'static [(&'static str, i64, i64)] {
        &[(PERCENT, 1, 100)]
    }

    fn inject<'a>(
        &'a self,
        planned: &'a PlannedFault,
        stage: &'a mut Stage<'_>,
    ) -> Pending<'a, Result<Injected, NotInjected>> {
        Box::pin(async move {
            let (links, nodes, whose) = self.0.find(planned, stage).await?;
            let percent = planned.parameters.get(PERCENT).copied().unwrap_or_default().clamp(0, 100) as u8;
            let description = format!("{percent} % of the packets {whose} are lost");
            cut_with(planned, stage, links, Fate::Lost(percent), nodes, description).await
        })
    }

    fn heal<'a, 'e: 'a>(
        &'a self,
        planned: &'a PlannedFault,
        _injected: &'a Injected,
        stage: &'a mut Stage<'e>,
    ) -> Pending<'a, Result<Healed<'e>, ActionError>> {
        Box::pin(uncut(planned, stage, "dropped"))
    }
}
