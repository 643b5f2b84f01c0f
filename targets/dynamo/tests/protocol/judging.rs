//! The end of a simulated run: do the replicas agree, and does what they agree on follow from what clients were told?

use std::collections::BTreeSet;

use rashomon_dynamo::{Ask, Key, NodeId, Object, Space, Stage};

use crate::simulation::{Caught, Open, Simulation, number};

impl Simulation {
    /// All keys that any node has.
    fn keys(&self) -> BTreeSet<Key> {
        let nodes = self.cluster.hosts.values().filter_map(|host| host.node.as_ref());
        nodes.flat_map(|node| node.image().objects.into_keys()).collect()
    }

    /// What a key's replicas hold; a tombstone counts as nothing.
    fn held(&self, id: NodeId, key: &Key) -> Option<Object> {
        self.cluster.node(id)?.holds(key).filter(|object| !object.is_tombstone()).cloned()
    }

    /// Where replicas do not agree yet, or something else is unfinished.
    pub(super) fn difference(&self) -> Option<String> {
        let ring = self.cluster.node(1)?.status().ring;
        for id in self.cluster.up() {
            let status = self.cluster.node(id)?.status();
            if status.ring != ring || ring.stage != Stage::Stable {
                return Some(format!("node {id} knows another ring, or a change is stuck: {:?}", status.ring));
            }
            if status.hints.1 > 0 {
                return Some(format!("node {id} keeps hints: {:?}", status.hints));
            }
        }
        for key in self.keys() {
            let replicas = self.cluster.node(1)?.preference_list(&key);
            let states: Vec<Option<Object>> = replicas.iter().map(|replica| self.held(*replica, &key)).collect();
            if states.iter().any(|state| *state != states[0]) {
                return Some(format!("{key:?}: replicas {replicas:?} differ: {states:?}"));
            }
        }
        None
    }

    pub(super) fn judge(&mut self) -> Result<(), Caught> {
        if self.strong {
            self.final_reads()?;
            self.ledger.judge_registers().map_err(Caught::Wrong)?;
        }
        let names = |keys: Vec<&String>| keys.into_iter().cloned().collect::<BTreeSet<String>>();
        let (ledger, strict) = (&self.ledger, self.strict);
        for key in names(ledger.puts.keys().collect()) {
            self.each(Space::Siblings, &key, |left| ledger.judge_siblings(&key, left))?;
        }
        for key in names(ledger.sets.keys().map(|(key, _)| key).collect()) {
            self.each(Space::Set, &key, |left| ledger.judge_set(&key, left))?;
        }
        for key in names(ledger.carts.keys().map(|(key, _)| key).collect()) {
            self.each(Space::Cart, &key, |left| ledger.judge_cart(&key, left, strict))?;
        }
        for key in names(ledger.counters.keys().collect()) {
            let name = Key { space: Space::Counter, name: key.as_str().into() };
            for replica in self.cluster.node(1).map(|node| node.preference_list(&name)).unwrap_or_default() {
                let total = match self.held(replica, &name) {
                    Some(Object::Counter(counter)) => counter.total(),
                    _ => 0,
                };
                ledger.judge_counter(&key, total).map_err(Caught::Wrong)?;
            }
        }
        Ok(())
    }

    /// Judges what each replica of a key holds.
    fn each(
        &self,
        space: Space,
        key: &str,
        judge: impl Fn(&BTreeSet<i64>) -> Result<(), String>,
    ) -> Result<(), Caught> {
        let key = Key { space, name: key.into() };
        for replica in self.cluster.node(1).map(|node| node.preference_list(&key)).unwrap_or_default() {
            let left = match self.held(replica, &key) {
                Some(Object::Dotted(dotted)) => dotted.values.values().filter_map(number).collect(),
                Some(Object::Cells(cells)) => cells.live().filter_map(number).collect(),
                _ => BTreeSet::new(),
            };
            judge(&left).map_err(|why| Caught::Wrong(format!("replica {replica}: {why}")))?;
        }
        Ok(())
    }

    /// Reads each register through every node.
    fn final_reads(&mut self) -> Result<(), Caught> {
        let names = self.ledger.registers.iter().filter_map(|event| event.key.as_int()).collect::<BTreeSet<i64>>();
        for name in names {
            for node in self.cluster.up() {
                let before = self.acknowledged;
                let key = Key { space: Space::Register, name: name.to_string().into() };
                self.ask(0, node, key, Open::Read, Ask::Read);
                while self.clients[0].open.is_some() {
                    self.turn(false);
                }
                if self.acknowledged == before {
                    return Err(Caught::Stuck(format!("node {node} does not answer a read although all faults ended")));
                }
            }
        }
        Ok(())
    }
}
