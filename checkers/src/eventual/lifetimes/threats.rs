//! Which kills may, and which certainly do, end an element.

use super::Rule;
use super::object::{Lists, NONE, Object};
use crate::eventual::knowledge::{Knowledge, NEVER};

/// Of the kills of a group up to one of them, in order of invocation: the latest end, whose it is, and the latest of
/// others, so that an element can leave out its own.
#[derive(Clone, Copy, Default)]
struct Latest {
    end: u32,
    own: u32,
    other: u32,
}

impl Latest {
    fn sparing(self, element: u32) -> u32 {
        if self.own == element { self.other } else { self.end }
    }
}

/// The kills of an object, prepared for questions.
pub(super) struct Threats {
    pub(super) rule: Rule,
    latest: Lists<Latest>,
    /// Per group, the acknowledged kills as (place, begun, end, own, op), sorted.
    certain: Lists<Certain>,
    /// Per group, where the kills of each place begin and end among those.
    places: Lists<(u32, u32)>,
}

/// A kill that certainly happened.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Certain {
    pub(super) place: u32,
    pub(super) begun: u32,
    pub(super) end: u32,
    own: u32,
    pub(super) op: u32,
}

impl Threats {
    pub(super) fn of(object: &Object<'_>, knowledge: &Knowledge, rule: Rule) -> Threats {
        let (mut latest, mut certain, mut places) = (Lists::default(), Lists::default(), Lists::default());
        let (mut prefix, mut row) = (Vec::new(), Vec::new());
        for group in 0..object.kills.len() {
            prefix.clear();
            row.clear();
            let mut last = Latest { own: NONE, ..Latest::default() };
            for kill in object.kills.get(group) {
                let end = object.end(kill.op);
                // `other` is the latest end of kills whose own element is not `own`.
                if kill.own == last.own {
                    last.end = last.end.max(end);
                } else if end > last.end {
                    last = Latest { end, own: kill.own, other: last.end };
                } else {
                    last.other = last.other.max(end);
                }
                prefix.push(last);
                if object.is_acknowledged(kill.op) {
                    let (place, begun) = (knowledge.place(kill.op as usize), object.begun(kill.op));
                    row.push(Certain { place, begun, end, own: kill.own, op: kill.op });
                }
            }
            row.sort_unstable();
            latest.push(prefix.iter().copied());
            certain.push(row.iter().copied());
            let mut start = 0;
            places.push(row.chunk_by(|one, other| one.place == other.place).map(|kills| {
                let range = (start, start + kills.len() as u32);
                start = range.1;
                range
            }));
        }
        Threats { rule, latest, certain, places }
    }

    /// When the first kill begins that may end an element whose add had not taken effect before `moment`: one that had
    /// not ended by then. [`NEVER`] if there is none.
    pub(super) fn first(&self, object: &Object<'_>, element: u32, moment: u32) -> u32 {
        let group = object.group[element as usize] as usize;
        let moment = if self.rule == Rule::Explicit { 0 } else { moment };
        let harmless = self.latest.get(group).partition_point(|latest| latest.sparing(element) <= moment);
        object.kills.get(group).get(harmless).map_or(NEVER, |kill| object.begun(kill.op))
    }

    /// The certain kills of an element's group, by place and then by when they began.
    pub(super) fn certain(&self, object: &Object<'_>, element: u32) -> &[Certain] {
        self.certain.get(object.group[element as usize] as usize)
    }

    /// The places that have certain kills, with those kills.
    pub(super) fn by_place<'s>(&'s self, object: &Object<'_>, element: u32) -> impl Iterator<Item = &'s [Certain]> {
        let kills = self.certain(object, element);
        let places = self.places.get(object.group[element as usize] as usize);
        places.iter().map(|&(start, end)| &kills[start as usize..end as usize])
    }

    /// Since when a place certainly has an add of an element, so that its later kills end it.
    fn exposed(&self, object: &Object<'_>, knowledge: &Knowledge, element: u32, add: u32, place: u32) -> u32 {
        match self.rule {
            Rule::Explicit => 0,
            Rule::RealTime => object.end(add),
            Rule::Observed => {
                let known = knowledge.since(place, knowledge.place(add as usize), object.end(add));
                let first = object.adds.get(element as usize)[0] == add;
                known.min(if first { knowledge.shown(place, element) } else { NEVER })
            }
        }
    }

    /// The last of the kills at one place that certainly ended an add, if any did.
    pub(super) fn last_observer(
        &self,
        object: &Object<'_>,
        knowledge: &Knowledge,
        element: u32,
        add: u32,
        kills: &[Certain],
    ) -> Option<Certain> {
        let since = self.exposed(object, knowledge, element, add, kills[0].place);
        kills.iter().rev().find(|kill| kill.own != element).filter(|kill| kill.begun > since || since == 0).copied()
    }

    /// The first of the kills at one place that certainly ended an add, if any did.
    pub(super) fn first_observer(
        &self,
        object: &Object<'_>,
        knowledge: &Knowledge,
        element: u32,
        add: u32,
        kills: &[Certain],
    ) -> Option<Certain> {
        let since = self.exposed(object, knowledge, element, add, kills[0].place);
        let first = if since == 0 { 0 } else { kills.partition_point(|kill| kill.begun <= since) };
        kills[first..].iter().find(|kill| kill.own != element).copied()
    }
}
