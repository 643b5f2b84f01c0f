//! The laws of a join semilattice, on states that can come about, and deltas in any order.

use proptest::prelude::*;
use proptest::sample::Index;
use rashomon_crdt::dot::Actor;
use rashomon_crdt::state::{Causal, DataType, Origin};
use rashomon_crdt::types::{GCounter, LwwRegister, LwwSet, MvRegister, OrMap, OrSet, PnCounter, Rga};

use crate::reference::Meaning;

/// An update at a replica, or with `from` a delivery to it.
#[derive(Clone, Debug)]
struct Step {
    replica: usize,
    from: Option<usize>,
    choice: Index,
    wall_us: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_usize..3, proptest::option::weighted(0.4, 0_usize..3), any::<Index>(), 0_i64..6)
        .prop_map(|(replica, from, choice, wall_us)| Step { replica, from, choice, wall_us });
    proptest::collection::vec(step, 1..24)
}

/// The replicas in the end, and all deltas.
fn execute<S: Meaning>(steps: &[Step]) -> (Vec<Causal<S>>, Vec<Causal<S>>) {
    let mut replicas = vec![Causal::<S>::default(); 3];
    let mut origins: Vec<Origin> = (0..3).map(|node| Origin::new(Actor { node, incarnation: 1 }, 0, None)).collect();
    let mut deltas = Vec::new();
    for step in steps {
        let at = step.replica;
        match step.from {
            Some(from) => {
                let state = replicas[from].clone();
                state.state.show_times(&mut origins[at]);
                replicas[at].join(&state, None);
            }
            None => {
                let choices = replicas[at].state.choices(deltas.len());
                origins[at].wall_us = step.wall_us;
                let operation = &choices[step.choice.index(choices.len())];
                deltas.push(replicas[at].update(operation, &mut origins[at]).expect("a sensible update"));
            }
        }
    }
    (replicas, deltas)
}

fn joined<S: DataType>(one: &Causal<S>, other: &Causal<S>) -> Causal<S> {
    let mut sum = one.clone();
    let changed = sum.join(other, None);
    assert_eq!(changed, sum != *one, "a join must say whether it changed anything");
    sum
}

fn check<S: Meaning>(steps: &[Step], order: &[Index]) -> Result<(), TestCaseError> {
    let (replicas, deltas) = execute::<S>(steps);
    let [a, b, c] = &replicas[..] else { unreachable!("there are three") };
    prop_assert_eq!(joined(a, b), joined(b, a), "commutative");
    prop_assert_eq!(joined(&joined(a, b), c), joined(a, &joined(b, c)), "associative");
    prop_assert_eq!(joined(a, a), a.clone(), "idempotent");
    let ab = joined(a, b);
    prop_assert_eq!(joined(&ab, a), ab.clone(), "an upper bound");
    let all = joined(&ab, c);
    prop_assert_eq!(joined(a, b).state.value(), joined(b, a).state.value());
    for replica in &replicas {
        prop_assert!(replica.state.dots().iter().all(|dot| replica.context.contains(*dot)), "dots are in the context");
    }

    // All deltas in an order of their own, some twice, some joined with each other first.
    let mut rest: Vec<&Causal<S>> = deltas.iter().chain(deltas.iter().step_by(3)).collect();
    let mut sum = Causal::default();
    for index in order.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let one = rest.swap_remove(index.index(rest.len()));
        let group = if index.index(2) == 0 && !rest.is_empty() {
            joined(one, rest.swap_remove(index.index(rest.len())))
        } else {
            one.clone()
        };
        sum.join(&group, None);
    }
    prop_assert_eq!(sum.state.value(), all.state.value(), "deltas come to the same as states");
    prop_assert_eq!(sum, all);
    Ok(())
}

macro_rules! lawful {
    ($($name:ident: $type:ty;)*) => {
        proptest! {
            $(
                #[test]
                fn $name(steps in steps(), order in proptest::collection::vec(any::<Index>(), 4..12)) {
                    check::<$type>(&steps, &order)?;
                }
            )*
        }
    };
}

lawful! {
    g_counter: GCounter;
    pn_counter: PnCounter;
    lww_register: LwwRegister;
    mv_register: MvRegister;
    or_set: OrSet;
    lww_set: LwwSet;
    or_map: OrMap;
    rga: Rga;
}
