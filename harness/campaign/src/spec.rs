//! The specification of a campaign: what a user writes in a TOML file.

mod error;

use std::collections::BTreeMap;
use std::ops::Range;

use rashomon_spec::quantity::{Length, Size};
use serde::{Deserialize, Serialize};
use toml::Spanned;

pub use error::{Position, SpecError};

/// A campaign as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Spec {
    /// Its name: that of its folder, and by which one night is compared with the next.
    pub name: Spanned<String>,
    /// With the start date: the seed of all seeds.
    #[serde(default)]
    pub seed: u64,
    /// How often a violating plan is repeated at once, for its reproduction rate.
    #[serde(default = "repetitions")]
    pub repeat: u32,
    /// When it ends.
    #[serde(default)]
    pub budget: Budget,
    /// What one run may use, and how many go on at once.
    #[serde(default)]
    pub limits: Limits,
    /// What is run.
    #[serde(rename = "run", default)]
    pub runs: Vec<Entry>,
    /// Known bugs that must be found.
    #[serde(rename = "canary", default)]
    pub canaries: Vec<Canary>,
    /// Known findings that do not turn the campaign red.
    #[serde(rename = "mute", default)]
    pub mutes: Vec<Mute>,
    /// What is run when it is over.
    #[serde(default)]
    pub at_end: Option<AtEnd>,
}

fn repetitions() -> u32 {
    5
}

/// When a campaign ends: at the first of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// After this wall time; runs that have begun are finished. The time before an interruption counts.
    pub time: Option<Length>,
    /// After this many runs, canaries and repetitions not counted.
    pub runs: Option<u64>,
    /// After the first violation that was not expected.
    #[serde(default)]
    pub until_first_violation: bool,
}

/// What one run may use, and how many go on at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Labs side by side; as many as cores and memory allow when not given.
    pub jobs: Option<u16>,
    /// Wall time of a run, after which it is ended and counts as broken.
    pub time: Length,
    /// Memory of a run's own processes together, nodes included.
    pub memory: Size,
    /// What is kept of what a run prints.
    pub log: Size,
    /// Space that stays free on the disk of the results: with less, the campaign stops.
    pub disk_free: Size,
    /// The share of runs that may be inconclusive or broken before the campaign calls itself noise.
    pub noise: f64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            jobs: None,
            time: Length::seconds(900),
            memory: Size::mib(4096),
            log: Size::mib(1),
            disk_free: Size::mib(1024),
            noise: 0.05,
        }
    }
}

/// Runs of one target: the product of its lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// The target.
    pub target: Spanned<String>,
    /// Workloads; the target's own when none is named.
    #[serde(default)]
    pub workloads: Vec<Spanned<String>>,
    /// Sets of faults, each as `--faults` takes it.
    #[serde(default)]
    pub faults: Vec<Spanned<String>>,
    /// Sizes of the cluster; the target's own when none is given.
    #[serde(default)]
    pub nodes: Vec<u16>,
    /// Settings of the target, each set a table; none when not given.
    #[serde(default)]
    pub settings: Vec<BTreeMap<String, Scalar>>,
    /// Options of the workloads.
    #[serde(default)]
    pub options: BTreeMap<String, Scalar>,
    /// Length of the load.
    pub time: Option<Length>,
    /// Clients.
    pub clients: Option<u32>,
    /// Operations a second.
    pub rate: Option<f64>,
    /// Further flags of `run`.
    #[serde(default)]
    pub flags: Vec<String>,
    /// How many runs of each combination a round has.
    #[serde(default = "one")]
    pub weight: u32,
    /// What is expected.
    #[serde(default)]
    pub expect: Expect,
}

fn one() -> u32 {
    1
}

/// A setting's or option's value: text, number or truth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// As written.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Truth(bool),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Text(text) => out.write_str(text),
            Scalar::Whole(number) => number.fmt(out),
            Scalar::Number(number) => number.fmt(out),
            Scalar::Truth(truth) => truth.fmt(out),
        }
    }
}

/// What is expected of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// That nothing is found.
    #[default]
    Pass,
    /// That something is found at least once: the target loses data by design.
    Violation,
}

/// A known bug that must be found: a mutant of a target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Canary {
    /// The target.
    pub target: Spanned<String>,
    /// The mutant.
    pub mutant: Spanned<String>,
    /// How often it is run.
    #[serde(default = "twice")]
    pub runs: u32,
    /// The share of these runs that must find it; at least one in any case.
    #[serde(default)]
    pub at_least: f64,
    /// Flags of `run` in place of the mutant's recipe.
    #[serde(default)]
    pub flags: Vec<String>,
}

fn twice() -> u32 {
    2
}

/// A known finding that does not turn the campaign red, until a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mute {
    /// Its target.
    pub target: String,
    /// Its workload; any when not given.
    pub workload: Option<String>,
    /// The name of its anomaly; any when not given.
    pub anomaly: Option<String>,
    /// Its signature, as the report prints it; any when not given.
    pub signature: Option<String>,
    /// Why it is known.
    pub reason: String,
    /// The last day on which it is muted: `2026-12-31`.
    pub until: Day,
}

/// A day, as `2026-12-31`; days compare as they follow each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(String);

impl Day {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Day, String> {
        let mut parts = text.split('-').map(|part| (part.len(), part.parse::<u32>().ok()));
        let fits = matches!(
            [parts.next(), parts.next(), parts.next(), parts.next()],
            [Some((4, Some(_))), Some((2, Some(1..=12))), Some((2, Some(1..=31))), None]
        );
        if fits { Ok(Day(text)) } else { Err(format!("`{text}` is not a day: write it as 2026-12-31")) }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.0
    }
}

/// What is run when a campaign is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AtEnd {
    /// The program and its arguments. It gets the campaign's folder, verdict and exit code as
    /// `RASHOMON_CAMPAIGN_FOLDER`, `RASHOMON_CAMPAIGN_VERDICT` and `RASHOMON_CAMPAIGN_EXIT_CODE`.
    pub command: Vec<String>,
}

impl Spec {
    /// The campaign of a file's text.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        let spec: Spec = toml::from_str(text).map_err(|error| error::of_toml(text, &error))?;
        spec.check(text)?;
        Ok(spec)
    }

    /// What the types do not say.
    fn check(&self, text: &str) -> Result<(), SpecError> {
        let wrong = |span: Range<usize>, what: String, hint: &str| Err(error::at(text, span, what, hint.to_owned()));
        let name = self.name.get_ref();
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_".contains(letter);
        if name.is_empty() || name.len() > 60 || !name.chars().all(fits) {
            let hint = "use up to 60 lower-case letters, digits, `-` and `_`: it names a folder";
            return wrong(self.name.span(), format!("`{name}` is not a campaign's name"), hint);
        }
        if self.runs.is_empty() && self.canaries.is_empty() {
            return wrong(self.name.span(), "nothing is to be run".to_owned(), "add a [[run]] with a `target`");
        }
        let budget = &self.budget;
        if !self.runs.is_empty() && budget.time.is_none() && budget.runs.is_none() && !budget.until_first_violation {
            let hint = "add a [budget] with `time = \"8h\"` or `runs = 200`";
            return wrong(self.name.span(), "the campaign would never end".to_owned(), hint);
        }
        for entry in &self.runs {
            let owned = entry.flags.iter().find_map(|flag| {
                let name = flag.split('=').next().unwrap_or(flag);
                OWNED_FLAGS.iter().find(|(owned, _)| *owned == name)
            });
            if let Some((flag, hint)) = owned {
                return wrong(entry.target.span(), format!("`{flag}` cannot be a flag of a run"), hint);
            }
            if !(1..=1000).contains(&entry.weight) {
                let what = format!("a weight of {} is out of bounds", entry.weight);
                return wrong(entry.target.span(), what, "choose from 1 to 1000");
            }
        }
        for canary in &self.canaries {
            if !(0.0..=1.0).contains(&canary.at_least) || !(1..=10_000).contains(&canary.runs) {
                let what = format!("{} runs of which {} must be found", canary.runs, canary.at_least);
                return wrong(canary.mutant.span(), what, "choose 1 to 10000 runs, and a share from 0 to 1");
            }
        }
        Ok(())
    }
}

/// Flags that the campaign itself gives to its runs, or that have a key of their own.
const OWNED_FLAGS: &[(&str, &str)] = &[
    ("--seed", "seeds follow from the campaign's `seed` and its start date"),
    ("--seeds", "seeds follow from the campaign's `seed` and its start date"),
    ("--results", "give the folder to `campaign run --results DIR`"),
    ("--jobs", "set `jobs` in [limits]"),
    ("--json", "leave it out: the campaign reads its runs' events"),
    ("--quiet", "leave it out"),
    ("--mutant", "add a [[canary]]"),
    ("--workload", "name it in `workloads`"),
    ("--faults", "name them in `faults`"),
    ("--nodes", "give it in `nodes`"),
    ("--time", "give it as `time`"),
    ("--set", "give it in `settings`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"small\"\n[budget]\nruns = 3\n[[run]]\ntarget = \"raft-kv\"\n";

    fn error(text: &str) -> String {
        Spec::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_small_campaign_has_defaults() {
        let spec = Spec::parse(SMALL).unwrap();
        assert_eq!((spec.repeat, spec.runs[0].weight, spec.runs[0].expect), (5, 1, Expect::Pass));
        assert_eq!(spec.limits.disk_free.bytes(), 1 << 30);
    }

    #[test]
    fn a_wrong_key_has_its_place_and_the_nearest_right_one() {
        let text = SMALL.replace("target =", "taregt =");
        assert_eq!(error(&text), "5:1: unknown field `taregt`: did you mean `target`?");
        let text = SMALL.to_owned() + "  exepct = \"violation\"\n";
        assert!(error(&text).starts_with("6:3: ") && error(&text).contains("`expect`"), "{}", error(&text));
        let text = SMALL.to_owned() + "expect = \"violations\"\n";
        assert!(error(&text).starts_with("6:10: ") && error(&text).contains("did you mean `violation`?"));
    }

    #[test]
    fn wrong_values_have_their_place() {
        let text = SMALL.replace("runs = 3", "time = \"8 hours\"");
        assert!(error(&text).starts_with("3:8: ") && error(&text).contains("5m or 2h"), "{}", error(&text));
        let text = SMALL.replace("runs = 3", "runs = \"three\"");
        assert!(error(&text).starts_with("3:8: "), "{}", error(&text));
        assert!(error("name = \"a\"\n[[run]\n").starts_with("2:"), "{}", error("name = \"a\"\n[[run]\n"));
        assert!(error(&SMALL.replace("small", "Two words")).contains("1:8: `Two words` is not a campaign's name"));
        assert!(error(&(SMALL.to_owned() + "flags = [\"--seed=3\"]\n")).contains("start date"));
        assert!(error(&(SMALL.to_owned() + "weight = 0\n")).contains("1 to 1000"));
    }

    #[test]
    fn an_endless_or_empty_campaign_is_refused() {
        assert!(error("name = \"a\"\n[[run]]\ntarget = \"x\"\n").contains("never end"));
        assert!(error("name = \"a\"\n").contains("nothing is to be run"));
    }

    #[test]
    fn a_mute_needs_a_reason_and_a_day() {
        let mute = "[[mute]]\ntarget = \"raft-kv\"\nreason = \"known\"\nuntil = ";
        assert!(Spec::parse(&format!("{SMALL}{mute}\"2026-12-31\"\n")).is_ok());
        assert!(error(&format!("{SMALL}{mute}\"soon\"\n")).contains("write it as 2026-12-31"));
        assert!(error(&format!("{SMALL}{mute}\"2026-13-01\"\n")).contains("not a day"));
        assert!(error(&format!("{SMALL}[[mute]]\ntarget = \"a\"\nuntil = \"2026-12-31\"\n")).contains("reason"));
    }
}
