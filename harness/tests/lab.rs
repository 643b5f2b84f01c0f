//! The lab, with real namespaces and processes.
//!
//! Each test enters a lab, in which the function of the same name in `inside` runs as the controller; the program of
//! the nodes is this program too (`as_node`). As root each test runs twice, with and without a user namespace.

#[path = "lab/as_node.rs"]
mod as_node;
#[path = "lab/clocks.rs"]
mod clocks;
#[path = "lab/hostile.rs"]
mod hostile;
#[path = "lab/inside.rs"]
mod inside;
#[path = "lab/outside.rs"]
mod outside;
#[path = "lab/prepared.rs"]
mod prepared;

use rashomon_harness::lab::{self, UserNamespace};

type Test = fn(UserNamespace);

/// Name, and what runs outside of the lab.
const TESTS: &[(&str, Test)] = &[
    ("a_node_is_started_killed_and_started_again", |users| outside::passes("life", users)),
    ("a_paused_node_is_stopped_until_it_is_resumed", |users| outside::passes("pause", users)),
    ("a_slow_node_runs_a_part_of_the_time", |users| outside::passes("slow", users)),
    ("an_unexpected_exit_is_reported", |users| outside::passes("exits", users)),
    ("readiness_fails_with_the_reason", |users| outside::passes("readiness", users)),
    ("held_packets_are_late_and_pass_again", |users| outside::passes("delay", users)),
    ("a_partition_blocks_and_is_counted_and_heals", |users| outside::passes("partition", users)),
    ("clocks_are_set_for_every_program", |users| outside::passes("clocks", users)),
    ("a_clock_is_read_by_a_probe", outside::a_clock_is_read_by_a_probe),
    ("servers_bear_jumping_clocks", outside::servers_bear_jumping_clocks),
    ("nodes_have_their_own_world", |users| outside::passes("world", users)),
    ("nodes_cannot_destroy_anything", outside::nodes_cannot_destroy_anything),
    ("nodes_have_no_privileges", |users| outside::for_each_node_user("privileges", users)),
    ("nodes_cannot_exhaust_the_machine", |users| outside::for_each_node_user("exhaustion", users)),
    ("nodes_see_what_their_command_names", |users| outside::passes("declared", users)),
    ("nodes_are_prepared_started_in_order_and_restored", |users| outside::passes("prepared", users)),
    ("a_failed_preparation_is_reported", |users| outside::passes("unprepared", users)),
    ("a_command_before_the_run_is_isolated", outside::a_command_before_the_run_is_isolated),
    ("data_in_a_folder_stays", outside::data_in_a_folder_stays),
    ("nothing_outside_can_be_reached", outside::nothing_outside_can_be_reached),
    ("taking_the_lab_down_leaves_no_process", |users| outside::passes("down", users)),
    ("the_exit_code_comes_out", outside::the_exit_code_comes_out),
    ("a_dead_controller_takes_the_lab_with_it", outside::a_dead_controller_takes_the_lab_with_it),
    ("a_killed_harness_leaves_nothing", outside::a_killed_harness_leaves_nothing),
    ("two_labs_live_side_by_side", outside::two_labs_live_side_by_side),
    ("a_signal_reaches_the_controller_and_the_second_kills", outside::signals),
    ("a_disturbed_lab_ends", outside::disturbances),
    ("a_stopped_lab_ends_at_the_second_signal", outside::stopped_labs_end),
    ("forbidden_user_namespaces_are_named", outside::forbidden_user_namespaces_are_named),
    ("the_doctor_finds_a_working_lab", outside::the_doctor_finds_a_working_lab),
];

fn main() {
    if let Some(inside) = lab::dispatch_hidden_commands() {
        inside::run(inside);
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((role, rest)) = args.split_first() {
        as_node::run(role, rest);
        outside::run_role(role, rest);
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let modes: &[UserNamespace] = if nix::unistd::geteuid().is_root() {
        &[UserNamespace::WhenNeeded, UserNamespace::Always]
    } else {
        &[UserNamespace::WhenNeeded]
    };
    let before = outside::host_state();
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(*filter)) {
            continue;
        }
        for mode in modes {
            let begun = std::time::Instant::now();
            test(*mode);
            println!("test {name} ({mode:?}) ... ok, {:.0?}", begun.elapsed());
        }
    }
    assert_eq!(outside::host_state(), before, "the host's mounts and network devices are as before");
}
