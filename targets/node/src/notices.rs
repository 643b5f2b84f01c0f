//! The event channel: what happens inside a node, as data for whoever runs it.
//!
//! Where the environment variable `RASHOMON_EVENTS` names a file, a node appends one JSON object a line to it as things
//! happen: `{"node":2,"protocol":"raft","wall_us":…,"event":"leader","term":3}`. The file need not exist. Lines are
//! written whole, each with one write. Without the variable there is no channel.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::Write as _;

use rashomon_protocol::{Clock, Notice, NoticeKind};

use crate::start::NodeId;

/// The variable that names the file.
const VARIABLE: &str = "RASHOMON_EVENTS";

/// A node's event channel.
pub(crate) struct Notices {
    node: NodeId,
    /// `None` where nobody asked for one, or after it could not be written to.
    file: Option<File>,
}

impl Notices {
    /// The channel that the environment asks for.
    pub(crate) fn from_environment(node: NodeId) -> Notices {
        let file = env::var_os(VARIABLE).filter(|path| !path.is_empty()).and_then(|path| {
            let opened = OpenOptions::new().append(true).create(true).open(&path);
            opened.inspect_err(|why| eprintln!("WARN events: cannot open {}: {why}", path.display())).ok()
        });
        Notices { node, file }
    }

    /// Reports something.
    pub(crate) fn write(&mut self, protocol: &str, clock: Clock, kind: NoticeKind) {
        let Some(file) = &mut self.file else { return };
        let notice = Notice { node: self.node, protocol: protocol.to_owned(), wall_us: clock.wall_us, kind };
        let mut line = serde_json::to_string(&notice).expect("a notice is plain data and always encodes");
        line.push('\n');
        // What a node does must not depend on whether somebody listens.
        if let Err(why) = file.write_all(line.as_bytes()) {
            eprintln!("WARN events: cannot write an event, and writes no more why={why}");
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_event() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let mut notices = Notices { node: 3, file: Some(file) };
        let clock = Clock { monotonic_ms: 5, wall_us: 1_000 };
        notices.write("raft", clock, NoticeKind::Leader { term: 2 });
        notices.write("swim", clock, NoticeKind::Left { incarnation: 4 });
        let text = std::fs::read_to_string(&path).unwrap();
        let read: Vec<Notice> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].kind, NoticeKind::Leader { term: 2 });
        assert_eq!((read[1].node, read[1].protocol.as_str(), read[1].wall_us), (3, "swim", 1_000));
    }
}
