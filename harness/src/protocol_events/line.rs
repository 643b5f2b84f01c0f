//! Lines that a node writes about itself. A node is not trusted: what is too long or makes no sense is left out.

use serde_json::{Map, Value};

/// A longer line is left out, bytes.
pub(super) const LONGEST_LINE: usize = 4096;
/// A longer name of a kind is cut.
const LONGEST_KIND: usize = 40;
/// A longer detail is cut.
const LONGEST_DETAIL: usize = 200;
/// Fields that every line may have and that say nothing about the event: who reports it, and when by its own clock.
const NOT_DETAILS: [&str; 5] = ["event", "term", "node", "protocol", "wall_us"];

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) kind: String,
    pub(super) term: Option<u64>,
    pub(super) detail: String,
}

impl Reported {
    /// An event whose texts a node chose.
    pub(super) fn new(kind: &str, term: Option<u64>, detail: &str) -> Reported {
        Reported { kind: kind_name(kind), term, detail: shown(detail, LONGEST_DETAIL) }
    }

    /// A JSON object such as `{"event": "leader", "term": 5}`; `None` for anything else.
    pub(super) fn from_json(line: &[u8]) -> Option<Reported> {
        let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let kind = object.get("event")?.as_str().filter(|kind| !kind.is_empty())?;
        let term = object.get("term").and_then(Value::as_u64);
        let details = object.iter().filter(|(name, _)| !NOT_DETAILS.contains(&name.as_str())).map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}={value}")
        });
        Some(Reported::new(kind, term, &details.collect::<Vec<_>>().join(" ")))
    }
}

/// A name of letters, digits and dashes.
fn kind_name(text: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    text.chars().take(LONGEST_KIND).map(plain).collect()
}

/// A text without control characters, cut where it is too long.
fn shown(text: &str, longest: usize) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut shown: String = letters.by_ref().take(longest).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Cuts a stream of bytes into lines of bounded length.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    /// The line is too long: what is left of it is skipped.
    skipping: bool,
}

impl Lines {
    /// Gives each line that the bytes complete to `take`; returns how many lines were too long.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> u64 {
        let mut too_long = 0;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if !self.skipping && self.partial.len() + text.len() > LONGEST_LINE {
                self.skipping = true;
                too_long += 1;
            }
            if self.skipping {
                self.partial.clear();
            } else {
                self.partial.extend_from_slice(text);
            }
            if ends {
                if !self.skipping && !self.partial.is_empty() {
                    take(&self.partial);
                }
                self.partial.clear();
                self.skipping = false;
            }
        }
        too_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> (Vec<String>, u64) {
        let (mut cutter, mut found, mut too_long) = (Lines::default(), Vec::new(), 0);
        for piece in pieces {
            too_long += cutter.push(piece, |line| found.push(String::from_utf8_lossy(line).into_owned()));
        }
        (found, too_long)
    }

    #[test]
    fn lines_are_put_together_and_long_ones_left_out() {
        assert_eq!(lines(&[b"one\ntw", b"o", b"\n\nthree"]), (vec!["one".to_owned(), "two".to_owned()], 0));
        let long = vec![b'x'; LONGEST_LINE + 1];
        assert_eq!(lines(&[&long, b"yyy\nnext\n"]), (vec!["next".to_owned()], 1));
        let (found, too_long) = lines(&[&long[1..], b"\n", &long, &long, b"\nend\n"]);
        assert_eq!((found.len(), found[1].as_str(), too_long), (2, "end", 1));
    }

    #[test]
    fn a_line_says_what_happened_and_the_rest_is_its_detail() {
        let line = br#"{"node":2,"protocol":"raft","wall_us":7,"event":"snapshot-installed","from":3,"index":40}"#;
        let event = Reported::from_json(line).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.term, event.detail.as_str()),
            ("snapshot-installed", None, "from=3 index=40")
        );
        let leader = Reported::from_json(br#"{"event":"leader","term":5}"#).unwrap();
        assert_eq!(leader, Reported { kind: "leader".to_owned(), term: Some(5), detail: String::new() });
    }

    #[test]
    fn nonsense_is_no_event_and_cannot_reach_a_terminal() {
        for line in ["", "leader", "[1]", "{}", r#"{"event":7}"#, r#"{"event":""}"#, r#"{"event":"a""#, "\u{0}"] {
            assert_eq!(Reported::from_json(line.as_bytes()), None, "{line}");
        }
        assert_eq!(Reported::from_json(&[0xff, 0xfe]), None);
        let nested = [vec![b'['; 4000], vec![b']'; 4000]].concat();
        assert_eq!(Reported::from_json(&nested), None);
        let event = Reported::from_json(br#"{"event":"a\u001b[2Jb","term":-1,"x":"\u001b[31mred\n"}"#).unwrap();
        assert_eq!((event.kind.as_str(), event.term), ("a--2jb", None));
        assert!(!event.detail.contains('\u{1b}') && !event.detail.contains('\n'), "{event:?}");
        let long = Reported::new(&"k".repeat(500), None, &"d".repeat(500));
        assert_eq!((long.kind.len(), long.detail.chars().count()), (LONGEST_KIND, LONGEST_DETAIL + 1));
    }
}
