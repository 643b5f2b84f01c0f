//! One of several parts of a campaign, each run somewhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Part `index` of `count`, both from 1. Index `k` of a plan (from 0) belongs to part `k mod count + 1`: the parts are
/// disjoint and together the whole, however long the plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
}

impl Shard {
    /// The whole.
    pub const WHOLE: Shard = Shard { index: 1, count: 1 };

    /// A part.
    ///
    /// # Errors
    ///
    /// When there is no such part.
    pub fn new(index: u32, count: u32) -> Result<Shard, String> {
        if index == 0 || index > count {
            return Err(format!(
                "there is no part {index} of {count}: the first is 1/{count}, the last {count}/{count}"
            ));
        }
        Ok(Shard { index, count })
    }

    /// Whether the run at this place of the plan belongs to this part.
    pub fn has(self, place: u64) -> bool {
        place % u64::from(self.count) == u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        let (index, count) = numbers.ok_or_else(|| format!("`{text}` is not a part: write it as 3/16"))?;
        Shard::new(index, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_complete() {
        for count in 1..20 {
            for place in 0..100 {
                let owners = (1..=count).filter(|&index| Shard { index, count }.has(place)).count();
                assert_eq!(owners, 1, "{place} of {count} parts");
            }
        }
    }

    #[test]
    fn parts_count_from_one() {
        assert_eq!("3/16".parse(), Ok(Shard { index: 3, count: 16 }));
        assert!("0/4".parse::<Shard>().unwrap_err().contains("the first is 1/4"));
        assert!("5/4".parse::<Shard>().is_err() && "3".parse::<Shard>().unwrap_err().contains("3/16"));
        assert!("1/0".parse::<Shard>().is_err());
    }
}
