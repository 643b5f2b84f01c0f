//! What an error says of the transaction that met it.
//!
//! Until `COMMIT` was sent a transaction has not happened and will not, whatever went wrong: the server rolls back what
//! it was not told to commit, also when the connection is lost. So every such error is a `fail`. An answer to `COMMIT`
//! itself is read by the table below; what the table does not name is `info`, and so is the loss of the connection.

/// What is known of a transaction whose `COMMIT` was answered with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It certainly did not happen.
    RolledBack,
    /// It may have happened.
    Unknown,
}

/// An error or a class of errors.
struct Rule {
    /// A whole SQLSTATE, or its first two letters, which are its class.
    state: &'static str,
    /// What messages call it.
    word: &'static str,
    /// What it means as an answer to `COMMIT`.
    at_commit: Fate,
    /// Why.
    reason: &'static str,
}

const fn rule(state: &'static str, word: &'static str, at_commit: Fate, reason: &'static str) -> Rule {
    Rule { state, word, at_commit, reason }
}

use Fate::{RolledBack, Unknown};

/// The first rule that fits holds.
const RULES: &[Rule] = &[
    rule("40003", "completion unknown", Unknown, "the server says that it does not know"),
    rule("40001", "serialization failure", RolledBack, "the check is made before the commit record is written"),
    rule("40P01", "deadlock", RolledBack, "the victim of a deadlock is rolled back before it is told"),
    rule("40", "rolled back", RolledBack, "the whole class means: transaction rollback"),
    rule("23", "constraint", RolledBack, "deferred constraints are checked before the commit record is written"),
    rule("25P02", "already failed", RolledBack, "an earlier statement failed, so COMMIT rolled back"),
    rule("25006", "read-only server", RolledBack, "a standby has nothing to commit"),
    rule("25P03", "idle in transaction", Unknown, "the server ended the session; it may have done so after the commit"),
    rule("55P03", "lock timeout", Unknown, "COMMIT takes no lock of its own: not expected, so not relied on"),
    rule("57014", "cancelled", Unknown, "a cancelled wait for a standby leaves the transaction committed"),
    rule("57P01", "shutdown", Unknown, "the session was terminated; the commit record may have been written"),
    rule("57P02", "crash", Unknown, "another process of the server crashed; the commit record may have been written"),
    rule("57P03", "not accepting connections", Unknown, "it starts, stops or recovers: not expected within a session"),
    rule("57", "intervention", Unknown, "an operator intervened, nobody says when"),
    rule("08", "connection", Unknown, "what was sent may have arrived"),
    rule("53", "out of resources", Unknown, "disk, memory or connections ran out, perhaps after the commit record"),
    rule("58", "system error", Unknown, "input or output failed, perhaps after the commit record"),
    rule("XX", "internal error", Unknown, "a bug or corrupt data: nothing can be relied on"),
];

fn rule_of(state: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| state.starts_with(rule.state))
}

/// What is known of a transaction whose `COMMIT` was answered with this SQLSTATE, and why.
pub(crate) fn at_commit(state: &str) -> (Fate, &'static str) {
    rule_of(state).map_or((Unknown, "not an error of which anything is known"), |rule| (rule.at_commit, rule.reason))
}

/// An error in words: `serialization failure: 40001 could not serialize access …`.
pub(crate) fn in_words(state: &str, message: &str) -> String {
    let word = rule_of(state).map_or("error", |rule| rule.word);
    format!("{word}: {state} {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_is_the_most_special_one() {
        for (place, rule) in RULES.iter().enumerate() {
            let hidden = RULES[..place].iter().any(|earlier| rule.state.starts_with(earlier.state));
            assert!(!hidden, "{} is never reached", rule.state);
            assert!(matches!(rule.state.len(), 2 | 5) && !rule.reason.is_empty());
        }
    }

    #[test]
    fn only_what_is_certain_is_rolled_back() {
        for state in ["40001", "40P01", "40002", "23505", "25P02"] {
            assert_eq!(at_commit(state).0, RolledBack, "{state}");
        }
        for state in ["40003", "57014", "57P01", "57P02", "08006", "08007", "53100", "58030", "XX000", "P0001", ""] {
            assert_eq!(at_commit(state).0, Unknown, "{state}");
        }
    }

    #[test]
    fn errors_have_names() {
        assert_eq!(in_words("40001", "could not serialize"), "serialization failure: 40001 could not serialize");
        assert_eq!(in_words("42P01", "no such table"), "error: 42P01 no such table");
    }
}
