//! The checkers by name, for `rashomon check --model` and `rashomon list models`.

use rashomon_history::History;
use thiserror::Error;

use crate::checker::Checker;
use crate::nearest::nearest;
use crate::verdict::{Budget, Judgement};
use crate::{anomalies, eventual, models, objects, transactions};

/// The included checkers, in the order they are listed.
const INCLUDED: [&[Checker]; 5] =
    [models::CHECKERS, objects::CHECKERS, anomalies::CHECKERS, eventual::CHECKERS, transactions::descriptors::CHECKERS];

/// The checkers that a program knows: the included ones, and those that it adds.
#[derive(Clone, Debug)]
pub struct Checkers(Vec<Checker>);

/// No checker has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no model `{name}`; {hint}")]
pub struct UnknownChecker {
    /// What was asked for.
    pub name: String,
    /// The nearest name, or all of them.
    pub hint: String,
}

impl Default for Checkers {
    fn default() -> Checkers {
        Checkers(INCLUDED.concat())
    }
}

impl Checkers {
    /// The included ones.
    pub fn included() -> Checkers {
        Checkers::default()
    }

    /// Adds one. It hides an earlier one of the same name.
    pub fn add(&mut self, checker: Checker) {
        self.0.retain(|other| other.name != checker.name);
        self.0.push(checker);
    }

    /// All of them, in the order they are listed.
    pub fn iter(&self) -> impl Iterator<Item = &Checker> {
        self.0.iter()
    }

    /// The checker of a name or an alias: `register`; `semaphore:3` for one with a number.
    pub fn find(&self, word: &str) -> Result<Checker, UnknownChecker> {
        let (base, number) = word.split_once(':').map_or((word, None), |(base, number)| (base, Some(number)));
        let found = self.0.iter().find(|checker| checker.name == base || checker.aliases.contains(&base));
        let chosen = match (found.copied(), number) {
            (found, None) => found,
            (Some(checker), Some(number)) => {
                let number = number.parse().ok().filter(|&number| number > 0);
                checker.parameter.and(number).map(|number| checker.with_parameter(number))
            }
            (None, Some(_)) => None,
        };
        chosen.ok_or_else(|| UnknownChecker {
            name: word.to_owned(),
            hint: nearest(base, self.0.iter().map(|checker| checker.name)),
        })
    }
}

/// Judges a history by a checker.
pub fn check(history: &History, checker: Checker, budget: &Budget) -> Judgement {
    checker.check(history, budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let all = Checkers::included();
        let mut names: Vec<&str> =
            all.iter().flat_map(|checker| checker.aliases.iter().chain([&checker.name])).copied().collect();
        for name in &names {
            assert!(all.find(name).is_ok(), "{name}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "two checkers have one name");
    }

    #[test]
    fn a_number_belongs_to_a_checker_that_has_one() {
        let all = Checkers::included();
        assert_eq!(all.find("semaphore:3").unwrap().parameter, Some(3));
        assert_eq!(all.find("semaphore").unwrap().to_string(), "semaphore:2");
        assert!(["semaphore:0", "semaphore:x", "semaphore:", "mutex:2"].iter().all(|wrong| all.find(wrong).is_err()));
        assert_eq!(
            all.find("registr").unwrap_err().to_string(),
            "there is no model `registr`; did you mean `register`?"
        );
    }
}
