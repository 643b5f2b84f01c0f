//! The drawing of a cycle: transactions as boxes with what they did, one below the other in the order of the cycle, an
//! arrow from each to the next and one from the last back to the first. Each arrow is named by its kind and its reason.

use rashomon_checkers::{Anomaly, Edge};
use rashomon_history::{History, OpView, Outcome, Value};

use super::diagram::{self, node_name};
use crate::format::{self, text_width};
use crate::html::{Html, put};

/// Width of the whole drawing, of a box, and where the way back runs, px.
const WIDTH: f64 = 940.0;
const BOX: f64 = 600.0;
const BACK: f64 = 632.0;
/// Height of a line of text, and of an arrow from one box to the next.
const LINE: f64 = 16.0;
const ARROW: f64 = 38.0;
/// Space within a box.
const PADDING: f64 = 8.0;
/// Font sizes of what a transaction did and of everything else.
const LARGE: f64 = 12.0;
const SMALL: f64 = 10.0;
/// Transactions of a cycle that is drawn; a longer one is told in words only.
const TRANSACTIONS_MAX: usize = 24;
/// Lines of a transaction, and elements of a list that it read.
const LINES_MAX: usize = 6;
const ELEMENTS_MAX: usize = 8;

/// Draws the cycle that an anomaly's edges make; `None` when they make none, or the history lacks an operation of it.
pub(crate) fn draw(history: &History, anomaly: &Anomaly, nodes: &[String], label: &str) -> Option<Html> {
    let boxes = boxes(history, &anomaly.edges)?;
    let height = boxes.last().map_or(0.0, |last| last.top + last.height()) + 4.0;
    let mut html = Html::new();
    put!(
        html,
        "<div class=\"scene cycle\"><svg role=\"group\" aria-label=\"{}\" viewBox=\"0 0 {:.0} {:.0}\" width=\"{:.0}\">",
        label,
        WIDTH,
        height,
        WIDTH
    );
    for (place, one) in boxes.iter().enumerate() {
        transaction(&mut html, place, one, nodes);
    }
    for (place, edge) in anomaly.edges.iter().enumerate() {
        match boxes.get(place + 1) {
            Some(next) => arrow_down(&mut html, edge, &boxes[place], next),
            None => arrow_back(&mut html, edge, &boxes[place], &boxes[0]),
        }
    }
    html.raw("</svg></div>\n");
    Some(html)
}

/// Whether each edge begins where the one before it ends, and the last one leads back to the first.
pub(crate) fn is_cycle(edges: &[Edge]) -> bool {
    let follows = |place: usize| edges[place].to == edges[(place + 1) % edges.len()].from;
    edges.len() >= 2 && (0..edges.len()).all(follows)
}

/// A transaction of the cycle.
struct Box<'a> {
    op: OpView<'a>,
    lines: Vec<String>,
    top: f64,
}

impl Box<'_> {
    fn height(&self) -> f64 {
        2.0 * PADDING + LINE * (self.lines.len() + 1) as f64
    }
}

/// The boxes of a cycle, from the top down.
fn boxes<'a>(history: &'a History, edges: &[Edge]) -> Option<Vec<Box<'a>>> {
    if edges.len() > TRANSACTIONS_MAX || !is_cycle(edges) {
        return None;
    }
    let mut top = 2.0;
    let mut boxes = Vec::new();
    for edge in edges {
        let op = ((edge.from.0 as usize) < history.len()).then(|| history.op(edge.from))?;
        let one = Box { lines: lines(&op), op, top };
        top += one.height() + ARROW;
        boxes.push(one);
    }
    Some(boxes)
}

/// What a transaction did, in lines that fit into a box.
fn lines(op: &OpView<'_>) -> Vec<String> {
    let did = if op.outcome == Outcome::Ok { &op.output } else { &op.input };
    let steps: Vec<String> = match did.as_list() {
        Some(steps) => steps.iter().map(|step| shown(step, op.outcome)).collect(),
        None => vec![format::operation_label(op, 80)],
    };
    let most = ((BOX - 2.0 * PADDING) / text_width("x", LARGE)) as usize;
    let mut lines: Vec<String> = Vec::new();
    for step in steps {
        let step = format::clip(&step, most);
        match lines.last_mut() {
            Some(line) if line.chars().count() + step.chars().count() + 3 <= most => *line += &format!(" · {step}"),
            _ => lines.push(step),
        }
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX + 1;
        lines.truncate(LINES_MAX - 1);
        lines.push(format!("… {}", format::counted(more as u64, "more line")));
    }
    lines
}

/// A micro-operation: `r 3 → [… 7 8]`, `append 3 9`.
fn shown(step: &Value, outcome: Outcome) -> String {
    let Some([f, key, value]) = step.as_list() else { return format::value(step) };
    let f = f.as_text().map_or_else(|| f.to_string(), str::to_owned);
    if f != "r" && f != "read" {
        return format!("{f} {key} {value}");
    }
    match value.as_list() {
        _ if outcome != Outcome::Ok => format!("{f} {key} → ?"),
        Some(elements) if elements.len() > ELEMENTS_MAX => {
            let last: Vec<String> = elements[elements.len() - ELEMENTS_MAX..].iter().map(Value::to_string).collect();
            format!("{f} {key} → [… {}]", last.join(" "))
        }
        _ => format!("{f} {key} → {value}"),
    }
}

fn transaction(html: &mut Html, place: usize, one: &Box<'_>, nodes: &[String]) {
    let op = &one.op;
    put!(
        html,
        "<g class=\"op {}\" data-op=\"{}\" tabindex=\"0\" role=\"img\"><title>{}</title>",
        op.outcome,
        op.id.0,
        diagram::operation_title(op, nodes)
    );
    put!(
        html,
        "<rect class=\"transaction\" x=\"1\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"5\"/>",
        one.top,
        BOX - 1.0,
        one.height()
    );
    let end =
        op.complete_time.map_or_else(|| "no end known".to_owned(), |end| format!("{} s", format::seconds_micros(end)));
    let first = one.top + PADDING + LINE * 0.75;
    put!(html, "<text class=\"what\" x=\"{:.1}\" y=\"{:.1}\">T{}", PADDING, first, place + 1);
    put!(
        html,
        "<tspan class=\"which\" dx=\"10\">op {} · process {} · {} · {} to {} · {}</tspan></text>",
        op.id.0,
        op.process,
        node_name(nodes, op.node),
        format::seconds_micros(op.invoke_time),
        end,
        op.outcome
    );
    for (row, line) in one.lines.iter().enumerate() {
        put!(
            html,
            "<text class=\"step\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            PADDING,
            first + LINE * (row + 1) as f64,
            line
        );
    }
    html.raw("</g>");
}

fn arrow_down(html: &mut Html, edge: &Edge, from: &Box<'_>, to: &Box<'_>) {
    let (x, start, end) = (PADDING + 12.0, from.top + from.height(), to.top);
    put!(html, "<path class=\"depends\" d=\"M{:.1} {:.1}V{:.1}\"/>", x, start, end - 6.0);
    put!(html, "<path class=\"arrow depends\" d=\"M{:.1} {:.1}l-4 -7h8z\"/>", x, end);
    let y = (start + end) / 2.0 + 4.0;
    put!(html, "<text class=\"kind\" x=\"{:.1}\" y=\"{:.1}\">{}", x + 10.0, y, edge.kind);
    put!(html, "<tspan class=\"which\" dx=\"8\">{}</tspan></text>", format::clip(&edge.why, 120));
}

/// The way back, at the right of all boxes, its reason in as many lines as it takes.
fn arrow_back(html: &mut Html, edge: &Edge, from: &Box<'_>, to: &Box<'_>) {
    let (start, end) = (from.top + from.height() / 2.0, to.top + to.height() / 2.0);
    put!(
        html,
        "<path class=\"depends\" d=\"M{:.1} {:.1}H{:.1}Q{:.1} {:.1} {:.1} {:.1}V{:.1}Q{:.1} {:.1} {:.1} {:.1}H{:.1}\"/>",
        BOX,
        start,
        BACK - 8.0,
        BACK,
        start,
        BACK,
        start - 8.0,
        end + 8.0,
        BACK,
        end,
        BACK - 8.0,
        end,
        BOX + 6.0
    );
    put!(html, "<path class=\"arrow depends\" d=\"M{:.1} {:.1}l7 -4v8z\"/>", BOX, end);
    let most = ((WIDTH - BACK - 16.0) / text_width("x", SMALL)) as usize;
    let why = wrapped(&format::clip(&edge.why, 240), most);
    let y = (start + end) / 2.0 - LINE * why.len() as f64 / 2.0;
    put!(html, "<text class=\"kind\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", BACK + 10.0, y, edge.kind);
    for (row, line) in why.iter().enumerate() {
        let y = y + LINE * (row + 1) as f64;
        put!(html, "<text class=\"which\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", BACK + 10.0, y, line);
    }
}

/// A text in lines of at most so many characters, broken between words where it can be.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').map(|word| format::clip(word, most)) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => *line += &format!(" {word}"),
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_broken_between_words() {
        assert_eq!(wrapped("key 3: read [1 2], missed 5", 12), ["key 3: read", "[1 2],", "missed 5"]);
        assert_eq!(wrapped("unbreakable", 5), ["unbr…"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn micro_operations_are_short() {
        let list = Value::list((1..=20).map(Value::Int));
        let read = Value::list([Value::text("r"), Value::Int(3), list]);
        assert_eq!(shown(&read, Outcome::Ok), "r 3 → [… 13 14 15 16 17 18 19 20]");
        assert_eq!(shown(&read, Outcome::Info), "r 3 → ?");
        let append = Value::list([Value::text("append"), Value::Int(3), Value::Int(9)]);
        assert_eq!(shown(&append, Outcome::Info), "append 3 9");
        assert_eq!(shown(&Value::Int(7), Outcome::Ok), "7");
    }
}
