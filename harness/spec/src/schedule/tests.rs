//! What a schedule may look like, over many seeds.

use std::time::Duration;

use super::*;

const TIMING: TargetTiming = TargetTiming {
    election_timeout: Duration::from_millis(300),
    recovery: Duration::from_millis(1200),
    convergence: Duration::from_secs(5),
};

fn schedule(seed: u64, nodes: u16, classes: &[FaultClass]) -> Schedule {
    let kinds: Vec<FaultKind> = classes.iter().flat_map(|class| class.kinds()).collect();
    Schedule::draw(seed, nodes, true, 30_000, &kinds, TIMING)
}

#[test]
fn only_the_kinds_asked_for_are_drawn() {
    let kinds = [FaultKind::KillAll, FaultKind::IsolateLeader];
    let drawn = Schedule::draw(3, 5, true, 30_000, &kinds, TIMING);
    assert!(drawn.faults().all(|(_, planned)| kinds.contains(&planned.kind)));
    assert!(Schedule::draw(3, 3, true, 30_000, &[FaultKind::MajoritiesRing], TIMING).episodes.is_empty());
}

#[test]
fn the_same_seed_draws_the_same_schedule() {
    let classes = FaultClass::ALL;
    assert_eq!(schedule(1, 5, &classes), schedule(1, 5, &classes));
    assert_ne!(schedule(1, 5, &classes), schedule(2, 5, &classes));
}

#[test]
fn every_class_asked_for_occurs_and_no_other() {
    for seed in 0..200 {
        let all = schedule(seed, 5, &FaultClass::ALL);
        assert!(FaultClass::ALL.iter().all(|&class| all.count(class) > 0), "seed {seed}");
        let two = schedule(seed, 3, &[FaultClass::Kill, FaultClass::Pause]);
        assert!(two.count(FaultClass::Kill) > 0 && two.count(FaultClass::Pause) > 0);
        assert_eq!(two.count(FaultClass::Partition) + two.count(FaultClass::Clock), 0);
    }
    assert!(schedule(1, 5, &[]).episodes.is_empty());
}

#[test]
fn short_runs_have_every_class_too() {
    let kinds = FaultKind::ALL;
    for seed in 0..200 {
        let all = Schedule::draw(seed, 3, true, 14_000, &kinds, TIMING);
        assert!(FaultClass::ALL.iter().all(|&class| all.count(class) > 0), "seed {seed}");
    }
}

#[test]
fn where_episodes_are_long_each_class_has_its_share_of_the_time() {
    let classes = [FaultClass::Partition, FaultClass::Kill, FaultClass::Pause, FaultClass::Clock];
    let kinds: Vec<FaultKind> = classes.iter().flat_map(|class| class.kinds()).collect();
    let slow = TargetTiming { election_timeout: Duration::from_secs(3), recovery: Duration::from_secs(2), ..TIMING };
    for seed in 0..200 {
        let drawn = Schedule::draw(seed, 5, false, 30_000, &kinds, slow);
        assert_eq!(drawn.lacks(&classes), [], "seed {seed}: {drawn:?}");
        let mut start_ms = 1000;
        for episode in &drawn.episodes {
            let healed_ms = episode.faults.iter().map(|fault| fault.at_ms + fault.for_ms).max().unwrap();
            assert!(healed_ms + 2000 <= episode.end_ms && episode.end_ms <= 30_000, "seed {seed}: {drawn:?}");
            assert!(episode.faults.iter().all(|fault| fault.at_ms >= start_ms && fault.for_ms > 0));
            start_ms = episode.end_ms;
        }
        let short = Schedule::draw(seed, 5, false, 4_000, &kinds, slow);
        assert_ne!(short.lacks(&classes), [], "seed {seed}: {short:?}");
    }
}

#[test]
fn faults_stay_within_their_episode_and_the_run_and_leave_quiet_time() {
    for seed in 0..200 {
        let mut previous_end = 0;
        for episode in &schedule(seed, 5, &FaultClass::ALL).episodes {
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
            for (_, planned) in schedule(seed, nodes, &FaultClass::ALL).faults() {
                let (Fault::Isolate(aim) | Fault::Deaf(aim) | Fault::Mute(aim)) = &planned.fault else { continue };
                let Aim::Nodes(chosen) = aim else { continue };
                assert!(chosen.len() == 1 && (1..=nodes).contains(&chosen[0]));
            }
        }
    }
}

#[test]
fn half_of_the_faults_are_aimed_at_the_leader() {
    let mut aimed = 0;
    let mut all = 0;
    for seed in 0..100 {
        for (_, planned) in schedule(seed, 5, &FaultClass::ALL).faults() {
            let text = serde_json::to_string(&planned.fault).unwrap();
            aimed += usize::from(text.contains("leader"));
            all += 1;
        }
    }
    assert!((all * 30 / 100..all * 60 / 100).contains(&aimed), "{aimed} of {all}");
}

#[test]
fn where_nobody_leads_nothing_is_aimed_at_a_leader() {
    for seed in 0..100 {
        let drawn = Schedule::draw(seed, 5, false, 30_000, &FaultKind::ALL, TIMING);
        assert!(FaultClass::ALL.iter().all(|&class| drawn.count(class) > 0), "seed {seed}");
        let text = serde_json::to_string(&drawn).unwrap();
        assert!(!text.contains("leader"), "{text}");
    }
}

#[test]
fn a_schedule_survives_json() {
    let schedule = schedule(9, 5, &FaultClass::ALL);
    let text = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
}

#[test]
fn a_clock_set_while_its_node_stands_still_is_off_when_the_node_runs_again() {
    let mut seen = 0;
    for seed in 0..300 {
        for episode in &schedule(seed, 5, &FaultClass::ALL).episodes {
            for pair in episode.faults.windows(2) {
                if matches!(pair[1].fault, Fault::ClockJump(Aim::Same, _)) {
                    seen += 1;
                    let ends = [&pair[0], &pair[1]].map(|fault| fault.at_ms + fault.for_ms);
                    assert!(ends[0] < ends[1], "seed {seed}: {pair:?}");
                }
            }
        }
    }
    assert!(seen > 20, "only {seen}");
}
