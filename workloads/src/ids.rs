//! Identifiers from every node: none may be given out twice, not by two nodes and not after a restart.

use rashomon_checkers::anomalies;
use rashomon_history::Value;
use rashomon_spec::interface;

use crate::single::{Asking, Single};

/// The workload `ids`.
pub const IDS: Single = Single {
    name: "ids",
    summary: "ask every node for identifiers; none may be given out twice",
    interface: &interface::IDS,
    options: &[],
    functions: &["generate"],
    checker: anomalies::UNIQUE_IDS,
    generator: |spec| Ok(Box::new(Asking::new(spec, "generate", |_, _| Value::Nil))),
};

#[cfg(test)]
mod tests {
    use rashomon_spec::consistency::Level;
    use rashomon_spec::operation::{Completion, Operation};

    use super::*;
    use crate::played::{Apart, One, assert_found, assert_right};

    fn next(latest: &mut i64, _: &Operation) -> Completion {
        *latest += 1;
        Completion::ok(Value::Int(*latest))
    }

    #[test]
    fn one_counter_for_all_is_right_and_one_for_each_node_is_not() {
        assert_right(&IDS, &[], &mut One::new(next));
        assert_found(&IDS, &[], &mut Apart::new(next), &[Level::LINEARIZABLE], "duplicate ID");
    }
}
