//! How many messages a cluster sends, and how many that is for each operation of a client.

use std::fmt;

/// Between whom a message goes, seen from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// A client sends it to the node, or gets it from there.
    Client,
    /// Another node.
    Node,
    /// A service.
    Service,
}

/// Messages that passed a node, or all nodes: to it, and from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    received: [u64; 3],
    sent: [u64; 3],
}

/// The names of the counts on a node's event channel: received and sent, by [`Ends`].
const NAMES: [(&str, &str); 3] =
    [("from_clients", "to_clients"), ("from_nodes", "to_nodes"), ("from_services", "to_services")];

impl Traffic {
    /// A message has come to the node.
    pub fn receive(&mut self, ends: Ends) {
        self.received[ends as usize] += 1;
    }

    /// The node has sent a message.
    pub fn send(&mut self, ends: Ends) {
        self.sent[ends as usize] += 1;
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Traffic::default()
    }

    /// The counts with their names.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let pairs = NAMES.into_iter().zip(self.received.into_iter().zip(self.sent));
        pairs.flat_map(|((from, to), (received, sent))| [(from, received), (to, sent)])
    }

    /// Adds counts that are written as `from_clients=3 to_nodes=4`; anything else in the text is nothing.
    pub fn add(&mut self, text: &str) {
        let known = text.split(' ').filter_map(|word| {
            let (name, count) = word.split_once('=')?;
            let (place, sent) = NAMES.iter().enumerate().find_map(|(place, (from, to))| {
                (name == *from).then_some((place, false)).or((name == *to).then_some((place, true)))
            })?;
            Some((place, sent, count.parse::<u64>().ok()?))
        });
        for (place, sent, count) in known {
            let side = if sent { &mut self.sent } else { &mut self.received };
            side[place] = side[place].saturating_add(count);
        }
    }

    /// The counts as Maelstrom prints them, for this many operations. What a client or a service sends is known from
    /// the node that gets it, and the other way round.
    pub fn described(&self, operations: u64) -> impl fmt::Display {
        let ([client_in, node_in, service_in], [client_out, node_out, service_out]) = (self.received, self.sent);
        let clients = [client_in + client_out; 3];
        let services = service_in + service_out;
        let servers = [node_out + services, node_in + services, node_out + services];
        let all = [0, 1, 2].map(|place| clients[place] + servers[place]);
        Described { rows: [(":all", all), (":clients", clients), (":servers", servers)], operations }
    }
}

struct Described {
    rows: [(&'static str, [u64; 3]); 3],
    operations: u64,
}

impl fmt::Display for Described {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, [sent, received, messages])) in self.rows.iter().enumerate() {
            let (open, close) = (if place == 0 { "{" } else { " " }, if place == 2 { "}" } else { ",\n" });
            write!(out, "{open}{name} {{:send-count {sent}, :recv-count {received}, :msg-count {messages}")?;
            if self.operations > 0 {
                write!(out, ", :msgs-per-op {:.3}", *messages as f64 / self.operations as f64)?;
            }
            write!(out, "}}{close}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_nodes_add_up_and_are_printed_as_maelstrom_does() {
        let mut node = Traffic::default();
        assert!(node.is_empty());
        node.receive(Ends::Client);
        node.send(Ends::Node);
        node.send(Ends::Node);
        node.send(Ends::Service);
        node.receive(Ends::Service);
        node.send(Ends::Client);
        let text: Vec<String> = node.counts().map(|(name, count)| format!("{name}={count}")).collect();
        let mut all = Traffic::default();
        all.add(&text.join(" "));
        assert_eq!(all, node);
        all.add("from_nodes=1 nonsense from_nodes=x to_nowhere=5");
        assert_eq!(
            all.described(2).to_string(),
            "{:all {:send-count 6, :recv-count 5, :msg-count 6, :msgs-per-op 3.000},\n \
             :clients {:send-count 2, :recv-count 2, :msg-count 2, :msgs-per-op 1.000},\n \
             :servers {:send-count 4, :recv-count 3, :msg-count 4, :msgs-per-op 2.000}}"
        );
        assert!(!all.described(0).to_string().contains("per-op"));
    }
}
