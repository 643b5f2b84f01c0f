//! What nodes said of each other, and when.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::super::final_reads::is_answered;

/// What a member is held for, in order of precedence within one incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Alive,
    Suspect,
    Dead,
    Left,
}

impl State {
    pub(super) fn is_live(self) -> bool {
        matches!(self, State::Alive | State::Suspect)
    }
}

/// A statement about a member; the greater one holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Statement {
    pub(super) incarnation: i64,
    pub(super) state: State,
}

impl fmt::Display for Statement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Alive => "alive",
            State::Suspect => "suspect",
            State::Dead => "dead",
            State::Left => "left",
        };
        write!(out, "{state} in its incarnation {}", self.incarnation)
    }
}

/// All that a node says, by member.
pub(super) type View = BTreeMap<i64, Statement>;

/// A read that returned.
pub(super) struct Look<'a> {
    pub(super) op: &'a OpView<'a>,
    /// The node that was asked.
    pub(super) node: i64,
    pub(super) view: Rc<View>,
}

impl Look<'_> {
    /// What the node says of itself.
    pub(super) fn own(&self) -> Option<Statement> {
        self.view.get(&self.node).copied()
    }

    /// The position of its completion.
    pub(super) fn completed(&self) -> u32 {
        self.op.completed.unwrap_or(u32::MAX)
    }
}

/// A history of membership.
pub(super) struct Looks<'a> {
    /// Reads that returned, in order of invocation.
    pub(super) looks: Vec<Look<'a>>,
    /// The same, as indices in order of completion.
    pub(super) by_completion: Vec<usize>,
    /// All operations, in order of invocation.
    pub(super) ops: &'a [OpView<'a>],
}

impl<'a> Looks<'a> {
    /// Reads a history, given with its operations; says what is wrong when it is none of membership.
    pub(super) fn of(history: &'a History, ops: &'a [OpView<'a>]) -> Result<Looks<'a>, String> {
        let mut views: FxHashMap<u32, Rc<View>> = FxHashMap::default();
        let mut looks = Vec::new();
        for (row, op) in history.rows().zip(ops).filter(|(_, op)| is_answered(op)) {
            let Some(node) = op.node else {
                return Err(format!("operation {} does not say which node answered", op.id.0));
            };
            let view = match views.get(&row.output) {
                Some(view) => view.clone(),
                None => {
                    let view = parse(&op.output).ok_or_else(|| {
                        format!(
                            "operation {} read {}, which is no list of [member state incarnation]",
                            op.id.0, op.output
                        )
                    })?;
                    views.entry(row.output).or_insert(Rc::new(view)).clone()
                }
            };
            looks.push(Look { op, node: i64::from(node), view });
        }
        let mut by_completion: Vec<usize> = (0..looks.len()).collect();
        by_completion.sort_by_key(|&index| looks[index].completed());
        Ok(Looks { looks, by_completion, ops })
    }

    /// Calls `fold` with the index of every look and `judge` with every look, such that a look is folded before another
    /// is judged exactly when it had completed before the other began.
    pub(super) fn in_real_time<T>(
        &self,
        state: &mut T,
        mut fold: impl FnMut(&mut T, usize),
        mut judge: impl FnMut(&mut T, &Look<'a>),
    ) {
        let mut folded = 0;
        for look in &self.looks {
            while let Some(&index) = self.by_completion.get(folded) {
                if self.looks[index].completed() >= look.op.invoked {
                    break;
                }
                fold(state, index);
                folded += 1;
            }
            judge(state, look);
        }
    }

    /// What each member said of itself, by member and incarnation: the first look at each.
    pub(super) fn own_statements(&self) -> BTreeMap<(i64, i64), &Look<'a>> {
        let mut own = BTreeMap::new();
        for look in &self.looks {
            if let Some(statement) = look.own() {
                own.entry((look.node, statement.incarnation)).or_insert(look);
            }
        }
        own
    }

    /// Operations that may have changed who is a member, in order of invocation.
    pub(super) fn changes(&self) -> impl Iterator<Item = &'a OpView<'a>> {
        self.ops.iter().filter(|op| matches!(op.f, "leave" | "join") && op.outcome != Outcome::Fail)
    }
}

/// A view as it is recorded.
fn parse(value: &Value) -> Option<View> {
    let mut view = View::new();
    for row in value.as_list()? {
        let [member, state, incarnation] = row.as_list()? else { return None };
        let state = match state {
            Value::Text(state) => match &**state {
                "alive" => State::Alive,
                "suspect" => State::Suspect,
                "dead" => State::Dead,
                "left" => State::Left,
                _ => return None,
            },
            _ => return None,
        };
        let statement = Statement { incarnation: incarnation.as_int()?, state };
        if view.insert(member.as_int()?, statement).is_some() {
            return None;
        }
    }
    Some(view)
}
