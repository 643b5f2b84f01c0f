//! Echoes: every node answers what it was sent. The first thing that a new program can do, and a test of its wiring.

use rashomon_checkers::anomalies;
use rashomon_history::Value;
use rashomon_spec::draw::Draw;
use rashomon_spec::interface;

use crate::single::{Asking, Single};

/// The workload `echo`.
pub const ECHO: Single = Single {
    name: "echo",
    summary: "send values to every node; each must come back as it was",
    interface: &interface::ECHO,
    options: &[],
    functions: &["echo"],
    checker: anomalies::ECHO,
    generator: |spec| Ok(Box::new(Asking::new(spec, "echo", question))),
};

fn question(draw: &mut Draw, number: u64) -> Value {
    Value::text(&format!("Please echo {number}-{}", draw.below(128)))
}

#[cfg(test)]
mod tests {
    use rashomon_spec::consistency::Level;
    use rashomon_spec::operation::{Completion, Operation};

    use super::*;
    use crate::played::{One, assert_found, assert_right};

    #[test]
    fn what_comes_back_is_compared_with_what_was_sent() {
        assert_right(&ECHO, &[], &mut One::new(|(): &mut (), asked| Completion::ok(asked.value.clone())));
        let late =
            |latest: &mut Value, asked: &Operation| Completion::ok(std::mem::replace(latest, asked.value.clone()));
        assert_found(&ECHO, &[], &mut One::new(late), &[Level::LINEARIZABLE], "wrong echo");
    }
}
