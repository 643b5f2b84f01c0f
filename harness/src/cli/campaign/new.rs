//! `rashomon campaign new`: a commented specification for the targets that are there.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::super::error::CommandError;
use super::prepare::{Prepared, can_plan};
use crate::registry::Registry;
use crate::target::{MutantInfo, TargetInfo};

/// Sets of faults that are proposed, where they apply.
const FAULTS: [&str; 4] = ["partition,kill", "pause,packets", "clock", "all"];
/// Known bugs of each target that are canaries; the others are proposed in comments.
const CANARIES: usize = 3;
/// Length of the load that is proposed.
const TIME: &str = "20s";

#[derive(Args)]
pub(crate) struct NewArguments {
    /// The file to write, which must not be there yet
    #[arg(default_value = "nightly.toml")]
    file: PathBuf,
}

/// Runs `rashomon campaign new`.
pub(crate) fn new(registry: &Registry, arguments: &NewArguments) -> Result<u8, CommandError> {
    let path = &arguments.file;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().to_lowercase());
    let text = specification(registry, &name);
    // What is proposed must be accepted.
    Prepared::of(registry, path, &text)?;
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let remedy = "name a file that is not there yet, as `campaign new weekly.toml`";
        CommandError::usage(format!("cannot write {}: {error}", path.display()), remedy)
    })?;
    out!("{}", path.display());
    err!("next: {} campaign run {}", super::super::program_name(), path.display());
    Ok(0)
}

const HEAD: &str = "\
# A campaign: many runs, unattended. Run it, and continue it after whatever ended it, by the same command:
#
#     PROGRAM campaign run FILE
#
# Exit codes: 0 nothing found, 1 something found, 2 nothing proved (a known bug was missed), 3 too much noise,
# 254 wrong usage, 255 it could not go on.

name = \"NAME\"
# With the day it begins: what the seeds of all runs follow from.
seed = 1
# How often a violating plan is repeated at once, for its reproduction rate.
repeat = 5

# It ends at the first of these.
[budget]
time = \"8h\"
# runs = 500
# until-first-violation = true

[limits]
# Labs side by side; as many as processors and memory allow when left out.
# jobs = 3
# What one run may use before it is ended and counts as broken.
time = \"15m\"
memory = \"4GiB\"
# With less free space the campaign stops; the same command continues it.
disk-free = \"2GiB\"
# The share of runs that may be inconclusive or broken.
noise = 0.05

# Each [[run]] is the product of its lists: workloads, faults, nodes, settings. A round has every combination once, or as
# often as its `weight` says, each time with another seed. Further keys: options, clients, rate, flags.
";

const TAIL: &str = "
# A known finding does not turn the campaign red until its day has passed:
#
# [[mute]]
# target = \"raft-kv\"
# anomaly = \"stale read\"         # optional, as are workload and signature
# reason = \"issue 123\"
# until = \"2027-01-31\"

# What is run when it is over, with RASHOMON_CAMPAIGN_FOLDER, _VERDICT and _EXIT_CODE:
#
# [at-end]
# command = [\"./notify\", \"team\"]
";

fn specification(registry: &Registry, name: &str) -> String {
    let named = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let named: String = named.take(60).collect();
    let named = if named.trim_matches('-').is_empty() { "nightly".to_owned() } else { named };
    let program = super::super::program_name();
    let mut text = HEAD.replace("PROGRAM", &program).replace("FILE", &format!("{name}.toml")).replace("NAME", &named);
    for target in registry.targets() {
        entry(&mut text, registry, &target.info());
    }
    text.push_str(
        "\n# Canaries: known bugs that are switched on in runs of their own. A campaign that misses them is red, whatever \
         else\n# it says: it would have missed others too.\n",
    );
    for target in registry.targets() {
        canaries(&mut text, registry, &target.info());
    }
    text.push_str(TAIL);
    text
}

/// The runs of a target: every workload that it serves, under every set of faults that applies to all of them.
fn entry(text: &mut String, registry: &Registry, info: &TargetInfo) {
    let can = |workload: &str, faults: &str| {
        let words = [
            info.name.clone(),
            format!("--workload={workload}"),
            format!("--faults={faults}"),
            format!("--time={TIME}"),
        ];
        (1..5).any(|seed| can_plan(registry, &words, seed))
    };
    let names = registry.workloads().map(|workload| workload.name());
    let workloads: Vec<&str> = names.filter(|name| can(name, "none")).collect();
    if workloads.is_empty() {
        return;
    }
    let mut faults: Vec<&str> = FAULTS.into_iter().filter(|set| workloads.iter().all(|name| can(name, set))).collect();
    if faults.is_empty() {
        faults.push("none");
    }
    let _ = write!(
        text,
        "\n# {}\n[[run]]\ntarget = {:?}\nworkloads = {workloads:?}\nfaults = {faults:?}\ntime = {TIME:?}\n",
        info.summary.replace('\n', " "),
        info.name
    );
    if info.wrong_by_design {
        text.push_str(
            "# It loses data by design: a campaign that finds nothing here proves nothing.\nexpect = \"violation\"\n",
        );
    }
}

fn canaries(text: &mut String, registry: &Registry, info: &TargetInfo) {
    let runnable = |mutant: &&MutantInfo| {
        mutant.recipe.as_ref().is_some_and(|recipe| {
            let words = recipe.flags(&info.name, &mutant.name);
            (1..5).any(|seed| can_plan(registry, &words, seed))
        })
    };
    let mut mutants: Vec<&MutantInfo> = info.mutants.iter().filter(runnable).collect();
    mutants.sort_by_key(|mutant| mutant.recipe.as_ref().map_or(0, |recipe| recipe.seconds));
    for (place, mutant) in mutants.iter().enumerate() {
        let mark = if place < CANARIES { "" } else { "# " };
        let _ = write!(
            text,
            "\n# {}\n{mark}[[canary]]\n{mark}target = {:?}\n{mark}mutant = {:?}\n{mark}runs = 2\n",
            mutant.summary.replace('\n', " "),
            info.name,
            mutant.name
        );
    }
}
