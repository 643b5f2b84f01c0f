//! What a replica certainly knows, and what it need not know, where each node is one; and what a session need not.

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::eventual;

use super::script::{NIL, list, script};

const SET: Checker = eventual::OR_SET;
const REPLICA: Level = Level::REPLICA;

#[test]
fn what_is_removed_may_be_added_again() {
    let again = script().did(1, "add", 1).did(1, "remove", 1).did(1, "add", 1).saw(1, list(&[1]));
    again.settle().saw(1, list(&[1])).good(SET, REPLICA);
}

#[test]
fn a_read_may_come_after_a_remove_that_began_before_it_ended() {
    let open = script().did(1, "add", 1).begin(11, "read", NIL).did(1, "remove", 1).end(11, "read", list(&[]));
    open.settle().saw(1, list(&[])).good(SET, REPLICA);
}

#[test]
fn an_element_that_two_nodes_added_proves_nothing_of_either() {
    let both = script().did(1, "add", 5).did(1, "add", 1).did(2, "add", 1).saw(3, list(&[1])).saw(3, list(&[1]));
    both.settle().saw(3, list(&[1, 5])).good(SET, REPLICA);
    // Where only one did, all that it knew came along.
    let one = script().did(1, "add", 5).did(1, "add", 1).saw(3, list(&[1])).saw(3, list(&[1]));
    one.settle().saw(3, list(&[1, 5])).bad(SET, REPLICA, &[("forgotten element", 2)]);
}

#[test]
fn what_was_acknowledged_after_an_add_began_need_not_come_with_it() {
    let during = script().begin(1, "add", 1).did(11, "add", 5).end(1, "add", 1).saw(3, list(&[1])).saw(3, list(&[1]));
    during.settle().saw(3, list(&[1, 5])).good(SET, REPLICA);
}

#[test]
fn what_came_through_a_third_node_is_known() {
    let through = script().did(1, "add", 4).did(1, "add", 5).saw(2, list(&[4, 5])).did(2, "add", 6);
    let forgot = through.saw(3, list(&[6])).saw(3, list(&[6])).settle().saw(3, list(&[4, 5, 6]));
    forgot.bad(SET, REPLICA, &[("forgotten element", 2)]);
}

#[test]
fn a_process_that_goes_on_need_not_see_what_it_gave_up() {
    let late = || script().info(1, "write", 1).saw(1, NIL).saw(2, 1);
    for kind in [eventual::SESSION_GUARANTEES, eventual::CAUSAL_REGISTER, eventual::CAUSAL_CONVERGENCE] {
        late().good(kind, Level::EVENTUAL);
    }
}

#[test]
fn a_write_does_not_conflict_with_itself() {
    // Two concurrent writes that are seen in the other order, the older one with what its session wrote next.
    let written = script().key(1).did(1, "write", 1).key(2).did(1, "write", 5).key(1).did(2, "write", 2);
    written.saw(3, 2).key(2).saw(3, 5).key(1).saw(3, 1).good(eventual::CAUSAL_CONVERGENCE, Level::EVENTUAL);
}
