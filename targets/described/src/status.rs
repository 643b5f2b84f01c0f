//! Asks nodes whether they lead and what their clocks show, as a description says.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use rashomon_harness::target::NodeStatus;
use regex::Regex;
use serde_json::Value as Json;

use crate::file::{ClockEntry, Description, LeaderEntry, PageEntry, Unit};
use crate::plan::expand_all;
use crate::template::{Text, Values};
use crate::wrong::Wrong;
use crate::{page, program};

/// A part of a status that is on its way; `None` when there is no answer that says it.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Option<T>> + Send + 'a>>;

/// Something that can be asked of a node.
trait Question<T>: Send + Sync {
    fn ask<'a>(&'a self, folder: &'a Path, values: &'a Values, timeout: Duration) -> Answer<'a, T>;
}

/// What is asked of a node when its status is wanted.
#[derive(Default)]
pub(crate) struct Status {
    leads: Option<Box<dyn Question<Leads>>>,
    clock: Option<Box<dyn Question<i64>>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Leads {
    leads: bool,
    term: u64,
}

impl Status {
    pub(crate) fn of(description: &Description) -> Result<Status, Wrong> {
        Ok(Status {
            leads: description.leader.as_ref().map(leader).transpose()?.flatten(),
            clock: description.clock.as_ref().map(clock).transpose()?,
        })
    }

    /// Whether a node can be asked whether it leads.
    pub(crate) fn answers_leads(&self) -> bool {
        self.leads.is_some()
    }

    pub(crate) async fn ask(&self, folder: &Path, values: &Values, timeout: Duration) -> Option<NodeStatus> {
        let leads = async {
            let Some(question) = &self.leads else { return Some(Leads::default()) };
            question.ask(folder, values, timeout).await
        };
        let clock = async { Some(self.clock.as_ref()?.ask(folder, values, timeout).await) };
        let (leads, clock) = tokio::join!(leads, clock);
        let clock = clock.flatten();
        // Without a single answer the node is silent.
        if self.leads.is_none() && clock.is_none() {
            return None;
        }
        let Leads { leads, term } = leads?;
        let text = if leads { format!("leads, term {term}") } else { "does not lead".to_owned() };
        Some(NodeStatus { leads, term, wall_clock_ms: clock, text })
    }
}

/// The question whether a node leads; none where its events say it.
fn leader(entry: &LeaderEntry) -> Result<Option<Box<dyn Question<Leads>>>, Wrong> {
    let ways = [entry.http.is_some(), !entry.command.is_empty(), entry.log.is_some(), entry.channel];
    if ways.iter().filter(|&&way| way).count() != 1 {
        let remedy = "give one of `http`, `command`, `log` and `channel`";
        return Err(Wrong::in_table("leader", "`leader` must say one thing", remedy));
    }
    if let Some(page) = &entry.http {
        let leads = needed(entry.leads.as_ref(), "leader", "leads", "a JSON pointer, as \"/role\"")?;
        let is = entry.is.clone().unwrap_or(toml::Value::Boolean(true));
        let is = match &entry.is_at {
            Some(pointer) => Expected::At(pointer_of(pointer)?),
            None => Expected::Value(serde_json::to_value(is).unwrap_or_default()),
        };
        let term = entry.term.as_ref().map(pointer_of).transpose()?;
        return Ok(Some(Box::new(LeaderPage { page: page.clone(), leads: pointer_of(leads)?, is, term })));
    }
    if !entry.command.is_empty() {
        let matching = needed(entry.matching.as_ref(), "leader", "matching", "a regular expression")?;
        return Ok(Some(Box::new(LeaderCommand { command: entry.command.clone(), matching: regex_of(matching)? })));
    }
    Ok(None)
}

fn clock(entry: &ClockEntry) -> Result<Box<dyn Question<i64>>, Wrong> {
    match (&entry.http, entry.command.is_empty()) {
        (Some(page), true) => {
            let at = needed(entry.at.as_ref(), "clock", "at", "a JSON pointer, as \"/wall_clock_ms\"")?;
            Ok(Box::new(ClockPage { page: page.clone(), at: pointer_of(at)?, unit: entry.unit }))
        }
        (None, false) => {
            let matching = needed(entry.matching.as_ref(), "clock", "matching", "a regular expression")?;
            Ok(Box::new(ClockCommand { command: entry.command.clone(), matching: regex_of(matching)? }))
        }
        _ => Err(Wrong::in_table("clock", "`clock` must say one thing", "give one of `http` and `command`")),
    }
}

fn needed<'a>(text: Option<&'a Text>, table: &'static str, key: &str, what: &str) -> Result<&'a Text, Wrong> {
    text.ok_or_else(|| Wrong::in_table(table, format!("`{table}` lacks `{key}`"), format!("give {what}")))
}

fn regex_of(text: &Text) -> Result<Regex, Wrong> {
    Regex::new(text.as_str()).map_err(|error| {
        let remedy = "see https://docs.rs/regex for what can be written";
        Wrong::new(text.at(), format!("no regular expression: {error}"), remedy)
    })
}

fn pointer_of(text: &Text) -> Result<String, Wrong> {
    if text.as_str().is_empty() || text.as_str().starts_with('/') {
        return Ok(text.as_str().to_owned());
    }
    let what = format!("`{}` is no JSON pointer", text.as_str());
    Err(Wrong::new(text.at(), what, format!("begin it with a slash: /{}", text.as_str())))
}

/// What stands in an answer when the node leads.
enum Expected {
    Value(Json),
    /// The same as there.
    At(String),
}

struct LeaderPage {
    page: PageEntry,
    leads: String,
    is: Expected,
    term: Option<String>,
}

impl LeaderPage {
    fn understand(&self, answer: &Json) -> Leads {
        // What is left out of an answer is false: an encoder may drop defaults.
        let said = answer.pointer(&self.leads);
        let leads = match &self.is {
            Expected::Value(value) => said == Some(value),
            Expected::At(pointer) => said.is_some() && said == answer.pointer(pointer),
        };
        let term = self.term.as_ref().and_then(|pointer| number(answer.pointer(pointer)?));
        Leads { leads, term: term.map_or(0, |term| term.max(0.0) as u64) }
    }
}

impl Question<Leads> for LeaderPage {
    fn ask<'a>(&'a self, _: &'a Path, values: &'a Values, timeout: Duration) -> Answer<'a, Leads> {
        Box::pin(async move { Some(self.understand(&page::json(&self.page, values, timeout).await?)) })
    }
}

/// A number, also where it is written as text.
fn number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

struct LeaderCommand {
    command: Vec<Text>,
    matching: Regex,
}

impl Question<Leads> for LeaderCommand {
    fn ask<'a>(&'a self, folder: &'a Path, values: &'a Values, timeout: Duration) -> Answer<'a, Leads> {
        Box::pin(async move {
            let words = expand_all(&self.command, values).ok()?;
            let said = program::output(&words, folder, timeout).await?;
            Some(self.matching.captures(&said).map_or_else(Leads::default, |groups| {
                let term = groups.name("term").and_then(|term| term.as_str().parse().ok());
                Leads { leads: true, term: term.unwrap_or(0) }
            }))
        })
    }
}

struct ClockPage {
    page: PageEntry,
    at: String,
    unit: Unit,
}

impl Question<i64> for ClockPage {
    fn ask<'a>(&'a self, _: &'a Path, values: &'a Values, timeout: Duration) -> Answer<'a, i64> {
        Box::pin(async move {
            let time = number(page::json(&self.page, values, timeout).await?.pointer(&self.at)?)?;
            Some(match self.unit {
                Unit::S => (time * 1e3) as i64,
                Unit::Ms => time as i64,
                Unit::Us => (time / 1e3) as i64,
            })
        })
    }
}

struct ClockCommand {
    command: Vec<Text>,
    matching: Regex,
}

impl Question<i64> for ClockCommand {
    fn ask<'a>(&'a self, folder: &'a Path, values: &'a Values, timeout: Duration) -> Answer<'a, i64> {
        Box::pin(async move {
            let words = expand_all(&self.command, values).ok()?;
            milliseconds(&self.matching, &program::output(&words, folder, timeout).await?)
        })
    }
}

/// The sum of the groups `s`, `ms` and `us`; at least one must be there.
fn milliseconds(matching: &Regex, said: &str) -> Option<i64> {
    let groups = matching.captures(said)?;
    let group = |name: &str| groups.name(name)?.as_str().parse::<f64>().ok();
    let parts = [group("s").map(|s| s * 1e3), group("ms"), group("us").map(|us| us / 1e3)];
    parts.iter().any(Option::is_some).then(|| parts.iter().flatten().sum::<f64>() as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn leader_page(is: Expected) -> LeaderPage {
        let page: PageEntry = toml::from_str("port = 80\npath = '/'").unwrap();
        LeaderPage { page, leads: "/leader".to_owned(), is, term: Some("/term".to_owned()) }
    }

    #[test]
    fn a_page_says_who_leads_by_a_value_or_by_two_that_are_alike() {
        let by_value = leader_page(Expected::Value(json!("me")));
        assert_eq!(by_value.understand(&json!({"leader": "me", "term": "7"})), Leads { leads: true, term: 7 });
        assert_eq!(by_value.understand(&json!({"leader": "you", "term": 8})), Leads { leads: false, term: 8 });
        let alike = leader_page(Expected::At("/header/id".to_owned()));
        assert!(alike.understand(&json!({"leader": "12", "header": {"id": "12"}})).leads);
        assert!(!alike.understand(&json!({"leader": "12", "header": {"id": "13"}})).leads);
        assert!(!alike.understand(&json!({})).leads, "two absent values are not alike");
    }

    #[test]
    fn a_clock_is_the_sum_of_its_groups() {
        let redis = Regex::new(r"^(?<s>\d+)\s+(?<us>\d+)").unwrap();
        assert_eq!(milliseconds(&redis, "1700000000\n250000\n"), Some(1_700_000_000_250));
        assert_eq!(milliseconds(&redis, "no time"), None);
        assert_eq!(milliseconds(&Regex::new("x").unwrap(), "x"), None);
    }
}
