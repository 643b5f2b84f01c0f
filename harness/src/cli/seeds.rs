//! Seeds on the command line: one (`7`) or a range with both ends (`1..20`).

use std::str::FromStr;

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Seeds {
    pub(crate) fn iter(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seeds, String> {
        let number = |part: &str| {
            part.parse::<u64>()
                .map_err(|_| format!("`{part}` is not a whole number; write one seed (7) or a range (1..20)"))
        };
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (number(first)?, number(last.trim_start_matches('='))?),
            None => (number(text)?, number(text)?),
        };
        if last < first {
            return Err(format!("the range {text} is empty: write the smaller seed first"));
        }
        Ok(Seeds { first, last })
    }
}

/// A seed for a run whose user did not choose one: small enough to be typed.
pub(crate) fn any() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hasher keys come from the system's random source.
    std::collections::hash_map::RandomState::new().build_hasher().finish() % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_includes_both_ends() {
        assert_eq!("3..5".parse::<Seeds>().unwrap().iter().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!("7".parse::<Seeds>().unwrap().iter().collect::<Vec<_>>(), [7]);
        assert_eq!("1..=2".parse::<Seeds>().unwrap().iter().count(), 2);
        assert!("5..3".parse::<Seeds>().is_err() && "x".parse::<Seeds>().is_err() && "1..".parse::<Seeds>().is_err());
    }
}
