//! Which removals may, and which certainly do, end an element.

use super::Rule;
use super::object::{Lists, NONE, Object};
use crate::eventual::knowledge::{Knowledge, NEVER};

/// Of the removals of a group up to one of them, in order of invocation: the latest end, whose it is, and the latest of
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

/// The removals of an object, prepared for questions.
pub(super) struct Threats {
    pub(super) rule: Rule,
    latest: Lists<Latest>,
    /// Per group, the acknowledged removals as (site, begun, end, own, op), sorted.
    certain: Lists<Certain>,
    /// Per group, where the removals of each site begin and end among those.
    sites: Lists<(u32, u32)>,
}

/// A removal that certainly happened.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Certain {
    pub(super) site: u32,
    pub(super) begun: u32,
    pub(super) end: u32,
    own: u32,
    pub(super) op: u32,
}

impl Threats {
    pub(super) fn of(object: &Object<'_>, knowledge: &Knowledge, rule: Rule) -> Threats {
        let (mut latest, mut certain, mut sites) = (Lists::default(), Lists::default(), Lists::default());
        let (mut prefix, mut row) = (Vec::new(), Vec::new());
        for group in 0..object.removals.len() {
            prefix.clear();
            row.clear();
            let mut last = Latest { own: NONE, ..Latest::default() };
            for removal in object.removals.get(group) {
                let end = object.end(removal.op);
                // `other` is the latest end of removals whose own element is not `own`.
                if removal.own == last.own {
                    last.end = last.end.max(end);
                } else if end > last.end {
                    last = Latest { end, own: removal.own, other: last.end };
                } else {
                    last.other = last.other.max(end);
                }
                prefix.push(last);
                if removal.found && object.is_acknowledged(removal.op) {
                    let (site, begun) = (knowledge.site(removal.op as usize), object.begun(removal.op));
                    row.push(Certain { site, begun, end, own: removal.own, op: removal.op });
                }
            }
            row.sort_unstable();
            latest.push(prefix.iter().copied());
            certain.push(row.iter().copied());
            let mut start = 0;
            sites.push(row.chunk_by(|one, other| one.site == other.site).map(|removals| {
                let range = (start, start + removals.len() as u32);
                start = range.1;
                range
            }));
        }
        Threats { rule, latest, certain, sites }
    }

    /// When the first removal begins that may end an element whose add had not taken effect before `moment`: one that
    /// had not ended by then. [`NEVER`] if there is none.
    pub(super) fn first(&self, object: &Object<'_>, element: u32, moment: u32) -> u32 {
        let group = object.group[element as usize] as usize;
        let moment = if self.rule == Rule::Explicit { 0 } else { moment };
        let harmless = self.latest.get(group).partition_point(|latest| latest.sparing(element) <= moment);
        object.removals.get(group).get(harmless).map_or(NEVER, |removal| object.begun(removal.op))
    }

    /// The certain removals of an element's group, by site and then by when they began.
    pub(super) fn certain(&self, object: &Object<'_>, element: u32) -> &[Certain] {
        self.certain.get(object.group[element as usize] as usize)
    }

    /// The sites that have certain removals, with those removals.
    pub(super) fn by_site<'s>(&'s self, object: &Object<'_>, element: u32) -> impl Iterator<Item = &'s [Certain]> {
        let removals = self.certain(object, element);
        let sites = self.sites.get(object.group[element as usize] as usize);
        sites.iter().map(|&(start, end)| &removals[start as usize..end as usize])
    }

    /// Since when a site certainly has an add of an element, so that its later removals end it.
    fn exposed(&self, object: &Object<'_>, knowledge: &Knowledge, element: u32, add: u32, site: u32) -> u32 {
        match self.rule {
            Rule::Explicit => 0,
            Rule::RealTime => object.end(add),
            Rule::Observed => {
                let known = knowledge.since(site, knowledge.site(add as usize), object.end(add));
                let first = object.adds.get(element as usize)[0] == add;
                known.min(if first { knowledge.shown(site, element) } else { NEVER })
            }
        }
    }

    /// The last of the removals at one place that certainly ended an add, if any did.
    pub(super) fn last_observer(
        &self,
        object: &Object<'_>,
        knowledge: &Knowledge,
        element: u32,
        add: u32,
        removals: &[Certain],
    ) -> Option<Certain> {
        let since = self.exposed(object, knowledge, element, add, removals[0].site);
        removals
            .iter()
            .rev()
            .find(|removal| removal.own != element)
            .filter(|removal| removal.begun > since || since == 0)
            .copied()
    }

    /// The first of the removals at one place that certainly ended an add, if any did.
    pub(super) fn first_observer(
        &self,
        object: &Object<'_>,
        knowledge: &Knowledge,
        element: u32,
        add: u32,
        removals: &[Certain],
    ) -> Option<Certain> {
        let since = self.exposed(object, knowledge, element, add, removals[0].site);
        let first = if since == 0 { 0 } else { removals.partition_point(|removal| removal.begun <= since) };
        removals[first..].iter().find(|removal| removal.own != element).copied()
    }
}
