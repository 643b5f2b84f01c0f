//! The naive store keeps its small promise, and fails as it is meant to.

use std::sync::Arc;

use rashomon_lww::{Cell, Config, Message, Mutant, Node, NodeId, Output, Value};

fn node(id: NodeId, mutant: Option<Mutant>) -> Node {
    let peers = (1..=3).filter(|&peer| peer != id).collect();
    Node::new(Config { id, peers, mutant }, [])
}

fn three(mutant: Option<Mutant>) -> Vec<Node> {
    (1..=3).map(|id| node(id, mutant)).collect()
}

fn key() -> Arc<str> {
    Arc::from("k")
}

fn register() -> Cell {
    Cell::Register(key())
}

fn held(nodes: &[Node]) -> Vec<Value> {
    nodes.iter().map(|node| node.register(&key())).collect()
}

/// Writes at a node (from 1) and returns what it wants told.
fn write(nodes: &mut [Node], at: usize, value: i64, wall_us: i64) -> Vec<(NodeId, Message)> {
    nodes[at - 1].write(value as u64, register(), Value::Int(value), wall_us);
    nodes[at - 1].output().messages
}

fn deliver(nodes: &mut [Node], messages: &[(NodeId, Message)]) {
    for (to, message) in messages {
        nodes[usize::from(*to) - 1].receive(message.clone());
    }
}

/// All orders of some things.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for index in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn every_order_of_delivery_ends_with_the_last_write() {
    // Equal times at different nodes are among them.
    let mut nodes = three(None);
    let mut messages = write(&mut nodes, 1, 1, 100);
    messages.extend(write(&mut nodes, 2, 2, 100));
    messages.extend(write(&mut nodes, 3, 3, 90));
    let mut count = 0;
    for order in orders(&messages) {
        let mut nodes = three(None);
        write(&mut nodes, 1, 1, 100);
        write(&mut nodes, 2, 2, 100);
        write(&mut nodes, 3, 3, 90);
        deliver(&mut nodes, &order);
        // Messages may also be repeated.
        deliver(&mut nodes, &order[..2]);
        assert_eq!(held(&nodes), [Value::Int(2), Value::Int(2), Value::Int(2)]);
        count += 1;
    }
    assert_eq!(count, 720);
}

#[test]
fn a_write_is_acknowledged_once_it_is_durable_and_survives_a_crash() {
    let mut node = node(1, None);
    node.write(7, register(), Value::Int(1), 100);
    let Output { records, persist, acknowledged, .. } = node.output();
    assert_eq!((records.len(), persist, acknowledged), (1, 1, Vec::new()));
    node.persisted(persist);
    assert_eq!(node.output().acknowledged, [7]);
    let again = Node::new(Config { id: 1, peers: vec![2, 3], mutant: None }, records);
    assert_eq!(again.register(&key()), Value::Int(1));
    assert_eq!(again.snapshot(), node.snapshot());
}

#[test]
fn a_clock_that_jumped_ahead_loses_what_others_write_later() {
    let mut nodes = three(None);
    let ahead = write(&mut nodes, 1, 1, 5_000_100);
    deliver(&mut nodes, &ahead);
    nodes[1].output();
    // Later in real time, by a clock that is right: acknowledged, and thrown away.
    assert_eq!(nodes[1].write(2, register(), Value::Int(2), 200), Some(4_999_900));
    let output = nodes[1].output();
    assert_eq!((output.acknowledged, output.records.len()), (vec![2], 0));
    deliver(&mut nodes, &output.messages);
    assert_eq!(held(&nodes), [Value::Int(1), Value::Int(1), Value::Int(1)]);
    assert_eq!(nodes[1].status().discarded, 1);
}

#[test]
fn a_message_that_is_lost_leaves_the_nodes_apart() {
    let mut nodes = three(None);
    let messages = write(&mut nodes, 1, 1, 100);
    deliver(&mut nodes, &messages[..1]);
    for node in &mut nodes {
        node.tick();
        assert!(!node.output().messages.iter().any(|(_, message)| matches!(message, Message::Updates(_))));
    }
    assert_eq!(held(&nodes), [Value::Int(1), Value::Int(1), Value::Null]);
}

#[test]
fn ties_are_broken_alike_everywhere_unless_the_bug_is_built_in() {
    for (mutant, expected) in [(None, [2, 2, 2]), (Some(Mutant::TimestampTies), [1, 2, 1])] {
        let mut nodes = three(mutant);
        let mut messages = write(&mut nodes, 1, 1, 5_000_100);
        messages.extend(write(&mut nodes, 2, 2, 5_000_900));
        deliver(&mut nodes, &messages);
        assert_eq!(held(&nodes), expected.map(Value::Int), "{mutant:?}");
    }
}

#[test]
fn a_set_is_a_cell_per_element() {
    let mut node = node(1, None);
    for (request, (set, element)) in [("a", 2), ("b", 9), ("a", 1)].into_iter().enumerate() {
        node.write(request as u64, Cell::Element(Arc::from(set), Value::Int(element)), Value::Int(1), 100);
    }
    assert_eq!(node.set(&Arc::from("a")), [Value::Int(1), Value::Int(2)]);
    assert_eq!(node.set(&Arc::from("b")), [Value::Int(9)]);
    assert_eq!(node.set(&Arc::from("c")), []);
}

#[test]
fn peers_are_greeted_until_they_answer() {
    let mut nodes = three(None);
    nodes[0].tick();
    let hello = nodes[0].output().messages;
    assert_eq!(hello, [(2, Message::Hello(1)), (3, Message::Hello(1))]);
    deliver(&mut nodes, &hello[..1]);
    let welcome = nodes[1].output().messages;
    deliver(&mut nodes, &welcome);
    nodes[0].tick();
    assert_eq!(nodes[0].output().messages, [(3, Message::Hello(1))]);
    assert!(!nodes[0].status().heard_all);
    nodes[0].receive(Message::Welcome(3));
    assert!(nodes[0].status().heard_all);
}
