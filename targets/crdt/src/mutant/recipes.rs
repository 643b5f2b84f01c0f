//! What each mutant does, and what exposes it.

use rashomon_mutants::Recipe;

use super::{Mutant, MutantInfo};

/// Gossip often, so that replicas that cannot agree are known to soon; and end at the first contradiction.
const FAST: [&str; 2] = ["--set gossip-ms=20", "--stop-on-violation"];

/// The same with sets in which the last update wins.
const FAST_LWW: [&str; 3] = ["--set gossip-ms=20", "--set set=lww", "--stop-on-violation"];

/// All mutants, by id.
pub const ALL: &[MutantInfo] = &[
    MutantInfo {
        mutant: Mutant::MergeBySum,
        name: "merge-by-sum",
        id: "C1",
        summary: "a counter's delta is an amount, and joining adds it up instead of taking the larger",
        exposes: "a counter counts too much: amounts that arrived twice",
        recipe: Recipe {
            workload: "counter",
            nodes: 3,
            faults: &["partition"],
            seconds: 15,
            options: &FAST,
            note: "every replica hears of an update from two others, so no fault is needed",
        },
    },
    MutantInfo {
        mutant: Mutant::DotsReused,
        name: "dots-reused",
        id: "C2",
        summary: "a replica that restarts counts its updates from 1 again, under its old name",
        exposes: "acknowledged adds are lost: others hold the new updates for old ones",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["kill"],
            seconds: 20,
            options: &FAST,
            note: "the first adds after a restart go into a set that has seen their names",
        },
    },
    MutantInfo {
        mutant: Mutant::RemoveByValue,
        name: "remove-by-value",
        id: "C3",
        summary: "a remove takes away every add of the element, not only those it has seen",
        exposes: "an acknowledged add that is concurrent with a remove is lost",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 15,
            options: &FAST,
            note: "an add on one side of a partition and a remove on the other",
        },
    },
    MutantInfo {
        mutant: Mutant::KeepsCommonElements,
        name: "keeps-common-elements",
        id: "C4",
        summary: "an element on both sides of a join keeps the adds of both, also those that one side saw removed",
        exposes: "a removed element stays at some replicas",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 8,
            options: &FAST,
            note: "an element is added again, which supersedes its first add, and removed by a replica that has not heard of it",
        },
    },
    MutantInfo {
        mutant: Mutant::FlagByBothSides,
        name: "flag-by-both-sides",
        id: "C5",
        summary: "an element is there only if both sides of a join have it, whichever update was the latest",
        exposes: "an element that was removed once cannot be added again",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 15,
            options: &FAST_LWW,
            note: "an element is removed and added again",
        },
    },
    MutantInfo {
        mutant: Mutant::BlindMapRemove,
        name: "blind-map-remove",
        id: "C6",
        summary: "removing a map's field drops all its values, also those put concurrently",
        exposes: "an acknowledged put that is concurrent with a remove is lost",
        recipe: Recipe {
            workload: "map",
            nodes: 3,
            faults: &["partition"],
            seconds: 20,
            options: &FAST,
            note: "a put on one side of a partition and a remove on the other",
        },
    },
    MutantInfo {
        mutant: Mutant::CollectsUnstable,
        name: "collects-unstable",
        id: "C9",
        summary: "tombstones are collected before every replica has seen the remove",
        exposes: "a removed element comes back, at some replicas only",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 30,
            options: &["--set gossip-ms=20", "--set set=lww", "--set collect-ms=100", "--stop-on-violation"],
            note: "an add on one side of a partition, a later remove on the other, and the tombstone is gone when the add arrives",
        },
    },
    MutantInfo {
        mutant: Mutant::NoTiebreak,
        name: "no-tiebreak",
        id: "C10",
        summary: "of two writes with the same time each replica keeps the one it saw first",
        exposes: "replicas disagree for ever",
        recipe: Recipe {
            workload: "register",
            nodes: 3,
            faults: &["partition"],
            seconds: 8,
            options: &["--set gossip-ms=20", "--set resolution-us=4000", "-o keys=400", "-o ops-per-key=40"],
            note: "two replicas write a key within 4 ms, to which times are rounded down, and nobody writes it again",
        },
    },
    MutantInfo {
        mutant: Mutant::DeltaGap,
        name: "delta-gap",
        id: "C11",
        summary: "a delta counts as delivered as soon as it is sent",
        exposes: "updates do not reach a replica",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 20,
            options: &FAST,
            note: "what is sent into a partition is lost, and later deltas leave a gap",
        },
    },
    MutantInfo {
        mutant: Mutant::AppliedAgain,
        name: "applied-again",
        id: "C12",
        summary: "an update that arrives a second time is applied a second time",
        exposes: "a removed element comes back",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 15,
            options: &FAST,
            note: "a late copy of an add, forwarded by a third replica, arrives after the remove",
        },
    },
    MutantInfo {
        mutant: Mutant::RemoveIgnoresStamp,
        name: "remove-ignores-stamp",
        id: "C13",
        summary: "a remove that arrives beats the add that is there, even a later one",
        exposes: "replicas disagree: the order of arrival decides",
        recipe: Recipe {
            workload: "cart",
            nodes: 3,
            faults: &["partition"],
            seconds: 15,
            options: &FAST_LWW,
            note: "an add and an older remove cross each other",
        },
    },
    MutantInfo {
        mutant: Mutant::SiblingOrderNotTotal,
        name: "sibling-order-not-total",
        id: "C14",
        summary: "elements inserted at one place at the same logical time stand in the order of their arrival",
        exposes: "replicas show a text in different orders",
        recipe: Recipe {
            workload: "text",
            nodes: 3,
            faults: &["partition"],
            seconds: 15,
            options: &FAST,
            note: "two replicas insert behind the same element before they hear of each other",
        },
    },
];
