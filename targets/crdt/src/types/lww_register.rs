//! The last-writer-wins register (Shapiro et al., A Comprehensive Study, 2011, specification 8).
//!
//! The write with the largest stamp wins. Stamps are hybrid logical times with their actors: totally ordered, and a
//! write that knew of another always has the larger one. Of two concurrent writes one is lost; that is the type's
//! meaning.

use serde::{Deserialize, Serialize};

use super::Element;
use crate::clock::Hybrid;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides, Stamp};

/// A register.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LwwRegister {
    write: Option<(Stamp<Hybrid>, Element)>,
}

impl LwwRegister {
    /// The stamp of the write that it holds.
    pub fn stamp(&self) -> Option<Stamp<Hybrid>> {
        self.write.map(|(stamp, _)| stamp)
    }
}

impl DataType for LwwRegister {
    /// The new value.
    type Operation = Element;
    type Value = Option<Element>;

    fn update(&self, value: &Element, origin: &mut Origin) -> Result<Delta<LwwRegister>, Refusal> {
        Ok(Delta::new(LwwRegister { write: Some((origin.hybrid(), *value)) }, []))
    }

    fn value(&self) -> Option<Element> {
        self.write.map(|(_, value)| value)
    }

    fn join(&mut self, other: &LwwRegister, sides: &Sides) -> bool {
        let Some((theirs, _)) = other.write else { return false };
        let newer = self.write.is_none_or(|(own, _)| match sides.mutant {
            Some(Mutant::NoTiebreak) => theirs.time > own.time,
            _ => theirs > own,
        });
        if newer {
            self.write = other.write;
        }
        newer
    }

    fn show_times(&self, origin: &mut Origin) {
        if let Some(stamp) = self.stamp() {
            origin.see_hybrid(stamp);
        }
    }
}
