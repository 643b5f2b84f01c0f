//! D18: a collection as many real stores have it, made of cells of which each has a timestamp.
//!
//! Cassandra and Scylla keep each element of a collection as a cell of its own: an addition writes a live cell and a
//! removal a dead one, under the wall clock of whoever carries it out, and of two cells of one element the later
//! timestamp wins. Such a cell does not know what its writer had seen, so an update that a client made after another,
//! and because of it, is lost to that one when their clocks say so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::Value;

/// The latest write of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The writer's wall clock, ms since 1970.
    pub stamp: i64,
    /// Whether it added the element or removed it.
    pub is_live: bool,
}

impl Cell {
    /// What decides between two cells: the timestamp; of equal ones the removal, as in Cassandra.
    fn rank(self) -> (i64, bool) {
        (self.stamp, !self.is_live)
    }
}

/// A collection made of cells, by element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells(pub BTreeMap<Value, Cell>);

impl Cells {
    /// Writes a cell, unless the one that is there wins.
    pub(crate) fn write(&mut self, element: Value, cell: Cell) {
        let kept = self.0.entry(element).or_insert(cell);
        if cell.rank() > kept.rank() {
            *kept = cell;
        }
    }

    /// Takes another replica's cells in.
    pub(crate) fn merge(&mut self, other: &Cells) {
        for (element, cell) in &other.0 {
            self.write(element.clone(), *cell);
        }
    }

    /// The elements whose latest cell is live, in order.
    pub fn live(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|(_, cell)| cell.is_live).map(|(element, _)| element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_cell_wins_in_whatever_order_they_meet_and_of_equal_ones_the_removal() {
        let cell = |stamp, is_live| Cell { stamp, is_live };
        let element = Value::Int(5);
        for (one, two, left) in [
            (cell(1, true), cell(2, false), cell(2, false)),
            (cell(1, false), cell(2, true), cell(2, true)),
            (cell(2, true), cell(2, false), cell(2, false)),
        ] {
            for order in [[one, two], [two, one]] {
                let mut cells = Cells::default();
                order.into_iter().for_each(|cell| cells.write(element.clone(), cell));
                assert_eq!(cells.0[&element], left);
                assert_eq!(cells.live().count(), usize::from(left.is_live));
            }
        }
    }
}
