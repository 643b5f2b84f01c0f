//! What a schedule may look like, over many seeds.

use std::time::Duration;

use super::*;
use crate::FaultCatalogue;

const CLASSES: [&str; 6] = ["partition", "kill", "pause", "clock", "packets", "wipe"];

const TIMING: TargetTiming = TargetTiming {
    election_timeout: Duration::from_millis(300),
    recovery: Duration::from_millis(1200),
    convergence: Duration::from_secs(5),
};

fn catalogue() -> FaultCatalogue {
    FaultCatalogue::included()
}

fn kinds(classes: &[&str]) -> Vec<FaultKind> {
    classes.iter().flat_map(|class| catalogue().kinds(class)).collect()
}

fn schedule(seed: u64, nodes: u16, classes: &[&str]) -> Schedule {
    catalogue().draw(seed, nodes, true, 30_000, &kinds(classes), TIMING)
}

fn count(schedule: &Schedule, class: &str) -> usize {
    schedule.count(&kinds(&[class]))
}

#[test]
fn only_the_kinds_asked_for_are_drawn() {
    let kinds = ["kill-all", "isolate-leader"].map(FaultKind::new);
    let drawn = catalogue().draw(3, 5, true, 30_000, &kinds, TIMING);
    assert!(drawn.faults().all(|(_, planned)| kinds.contains(&planned.kind)));
    assert!(catalogue().draw(3, 3, true, 30_000, &[FaultKind::new("majorities-ring")], TIMING).episodes.is_empty());
}

#[test]
fn the_same_seed_draws_the_same_schedule() {
    assert_eq!(schedule(1, 5, &CLASSES), schedule(1, 5, &CLASSES));
    assert_ne!(schedule(1, 5, &CLASSES), schedule(2, 5, &CLASSES));
}

#[test]
fn every_class_asked_for_occurs_and_no_other() {
    for seed in 0..200 {
        let all = schedule(seed, 5, &CLASSES);
        assert!(CLASSES.iter().all(|class| count(&all, class) > 0), "seed {seed}");
        let two = schedule(seed, 3, &["kill", "pause"]);
        assert!(count(&two, "kill") > 0 && count(&two, "pause") > 0);
        assert_eq!(count(&two, "partition") + count(&two, "clock"), 0);
    }
    assert!(schedule(1, 5, &[]).episodes.is_empty());
}

#[test]
fn short_runs_have_every_class_too() {
    let kinds = kinds(&CLASSES);
    for seed in 0..200 {
        let all = catalogue().draw(seed, 3, true, 14_000, &kinds, TIMING);
        assert!(CLASSES.iter().all(|class| count(&all, class) > 0), "seed {seed}");
    }
}

#[test]
fn where_episodes_are_long_each_class_has_its_share_of_the_time() {
    let kinds = kinds(&["partition", "kill", "pause", "clock"]);
    let classes = catalogue().classes_of(&kinds);
    let lacks = |schedule: &Schedule| catalogue().lacks(schedule, &classes).len();
    let slow = TargetTiming { election_timeout: Duration::from_secs(3), recovery: Duration::from_secs(2), ..TIMING };
    for seed in 0..200 {
        let drawn = catalogue().draw(seed, 5, false, 30_000, &kinds, slow);
        assert_eq!(lacks(&drawn), 0, "seed {seed}: {drawn:?}");
        let mut start_ms = 1000;
        for episode in &drawn.episodes {
            let healed_ms = episode.faults.iter().map(|fault| fault.at_ms + fault.for_ms).max().unwrap();
            assert!(healed_ms + 2000 <= episode.end_ms && episode.end_ms <= 30_000, "seed {seed}: {drawn:?}");
            assert!(episode.faults.iter().all(|fault| fault.at_ms >= start_ms && fault.for_ms > 0));
            start_ms = episode.end_ms;
        }
        let short = catalogue().draw(seed, 5, false, 4_000, &kinds, slow);
        assert_ne!(lacks(&short), 0, "seed {seed}: {short:?}");
    }
}

#[test]
fn faults_stay_within_their_episode_and_the_run_and_leave_quiet_time() {
    for seed in 0..200 {
        let mut previous_end = 0;
        for episode in &schedule(seed, 5, &CLASSES).episodes {
            let healed = episode.faults.iter().map(|fault| fault.at_ms + fault.for_ms).max().unwrap();
            assert!(episode.faults[0].at_ms >= previous_end.max(500));
            assert!(episode.faults.is_sorted_by_key(|fault| fault.at_ms));
            assert!(healed + 1200 <= episode.end_ms && episode.end_ms <= 30_000);
            previous_end = episode.end_ms;
        }
    }
}

#[test]
fn any_number_of_nodes_has_a_schedule() {
    for nodes in 1..=7 {
        for seed in 0..50 {
            for (_, planned) in schedule(seed, nodes, &CLASSES).faults() {
                let one = ["isolate-one", "one-way-in", "one-way-out"].contains(&planned.kind.as_str());
                let Aim::Nodes(chosen) = &planned.aim else { continue };
                assert!(!chosen.is_empty() && chosen.iter().all(|node| (1..=nodes).contains(node)));
                assert!(!one || chosen.len() == 1, "{planned:?}");
            }
        }
    }
}

#[test]
fn half_of_the_faults_are_aimed_at_the_leader() {
    let mut aimed = 0;
    let mut all = 0;
    for seed in 0..100 {
        for (_, planned) in schedule(seed, 5, &CLASSES).faults() {
            aimed += usize::from(matches!(planned.aim, Aim::Leader | Aim::LeaderAnd(_)));
            all += 1;
        }
    }
    assert!((all * 30 / 100..all * 60 / 100).contains(&aimed), "{aimed} of {all}");
}

#[test]
fn where_nobody_leads_nothing_is_aimed_at_a_leader() {
    for seed in 0..100 {
        let drawn = catalogue().draw(seed, 5, false, 30_000, &kinds(&CLASSES), TIMING);
        assert!(CLASSES.iter().all(|class| count(&drawn, class) > 0), "seed {seed}");
        let leaderless = |planned: &PlannedFault| !matches!(planned.aim, Aim::Leader | Aim::LeaderAnd(_));
        assert!(drawn.faults().all(|(_, planned)| leaderless(planned)), "{drawn:?}");
    }
}

#[test]
fn a_schedule_survives_json() {
    let schedule = schedule(9, 5, &CLASSES);
    let text = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
}

#[test]
fn a_clock_set_while_its_node_stands_still_is_off_when_the_node_runs_again() {
    let mut seen = 0;
    for seed in 0..300 {
        for episode in &schedule(seed, 5, &CLASSES).episodes {
            for pair in episode.faults.windows(2) {
                if pair[1].kind.as_str().starts_with("jump") && pair[1].aim == Aim::SameAs(pair[0].id) {
                    seen += 1;
                    let ends = [&pair[0], &pair[1]].map(|fault| fault.at_ms + fault.for_ms);
                    assert!(ends[0] < ends[1], "seed {seed}: {pair:?}");
                }
            }
        }
    }
    assert!(seen > 20, "only {seen}");
}

#[test]
fn every_fault_has_an_identity_of_its_own_and_plans_pass_the_check() {
    for seed in 0..100 {
        let drawn = schedule(seed, 5, &CLASSES);
        let ids: Vec<u32> = drawn.faults().map(|(_, planned)| planned.id.0).collect();
        assert_eq!(ids, (1..=ids.len() as u32).collect::<Vec<_>>());
        assert_eq!(catalogue().check(&drawn, 5), Ok(()));
        for &id in &ids {
            assert_eq!(catalogue().check(&drawn.without(FaultId(id)), 5), Ok(()));
        }
    }
}
