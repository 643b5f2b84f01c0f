//! The command `maelstrom`: Maelstrom's options under their names, translated to those of `run`.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use rashomon_harness::cli::{Dialect, Untranslated};

use super::kinds::KINDS;

/// The command `maelstrom`.
pub struct MaelstromOptions;

/// Tests a node program that speaks Maelstrom's protocol, with Maelstrom's options
#[derive(Args, Debug)]
#[command(
    after_help = "Everything else is as in `run maelstrom`, for which this command stands; see docs/from-maelstrom.md."
)]
struct Options {
    /// The node program
    #[arg(long, value_name = "PATH")]
    bin: String,
    /// What it serves: echo, unique-ids, broadcast, g-set, g-counter, pn-counter, lin-kv, kafka, txn-list-append or
    /// txn-rw-register
    #[arg(short, long, value_name = "NAME", default_value = "lin-kv")]
    workload: String,
    /// How many nodes, n1, n2, …
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    node_count: u16,
    /// Length of the load, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    time_limit: f64,
    /// Operations a second over all clients
    #[arg(long, value_name = "PER SECOND", default_value_t = 5.0)]
    rate: f64,
    /// How many clients, or how many for each node: 10, 2n
    #[arg(long, value_name = "COUNT", default_value = "1n")]
    concurrency: String,
    /// How long a message between nodes takes on average, milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0.0)]
    latency: f64,
    /// How that is distributed: constant, uniform or exponential
    #[arg(long, value_name = "NAME", default_value = "constant")]
    latency_dist: String,
    /// Faults, with commas between: partition, kill, pause, and all others of `list faults`
    #[arg(long, value_name = "FAULTS", value_delimiter = ',')]
    nemesis: Vec<String>,
    /// How long faults last, about, seconds [default: an eighth of the load, at most 10]
    #[arg(long, value_name = "SECONDS")]
    nemesis_interval: Option<f64>,
    /// The neighbours that `broadcast` tells each node: grid, line, total, tree, tree2, tree3 or tree4
    #[arg(long, value_name = "NAME", default_value = "grid")]
    topology: String,
    /// What the history must satisfy; what Maelstrom demands of the workload when not given
    #[arg(long, value_name = "MODEL")]
    consistency_models: Option<String>,
    /// How many keys are in use at a time
    #[arg(long, value_name = "COUNT")]
    key_count: Option<u64>,
    /// Operations after which a key is used no more
    #[arg(long, value_name = "COUNT")]
    max_writes_per_key: Option<u64>,
    /// How many micro-operations a transaction has at most
    #[arg(long, value_name = "COUNT")]
    max_txn_length: Option<u64>,
    /// Not offered: how many operations were acknowledged is reported, not judged
    #[arg(long, value_name = "FRACTION", hide = true)]
    availability: Option<String>,
    /// What nodes print to standard error is always in nodes/NAME/node.log
    #[arg(long)]
    log_stderr: bool,
    /// Logs every message in nodes/NAME/node.log
    #[arg(long)]
    log_net_send: bool,
    /// Logs every message in nodes/NAME/node.log
    #[arg(long)]
    log_net_recv: bool,
    /// One run for each seed of a range, as 1..20
    #[arg(long, value_name = "FIRST..LAST", conflicts_with = "seed")]
    seeds: Option<String>,
    /// Seed of every random choice [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: String,
    /// Shows results and warnings only, no progress
    #[arg(long)]
    quiet: bool,
    /// The node program's arguments
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl Dialect for MaelstromOptions {
    fn command(&self) -> Command {
        let about = "Tests a node program that speaks Maelstrom's protocol, with Maelstrom's options";
        Options::augment_args(Command::new("maelstrom")).about(about)
    }

    fn translate(&self, arguments: &ArgMatches) -> Result<Vec<String>, Untranslated> {
        let options = Options::from_arg_matches(arguments).map_err(|error| wrong(error.to_string(), ""))?;
        options.words()
    }
}

impl Options {
    fn words(&self) -> Result<Vec<String>, Untranslated> {
        let kind = KINDS.iter().find(|kind| kind.name == self.workload).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            wrong(format!("there is no workload `{}`", self.workload), format!("choose one of {}", known.join(", ")))
        })?;
        if let Some(availability) = &self.availability {
            let what = format!("--availability {availability} is not judged here");
            return Err(wrong(
                what,
                "leave it out: the terminal and the report say how many operations were acknowledged",
            ));
        }
        if !(0.1..=604_800.0).contains(&self.time_limit) {
            return Err(wrong(format!("--time-limit {} is out of bounds", self.time_limit), "give seconds"));
        }
        let interval = self.nemesis_interval.unwrap_or_else(|| (self.time_limit / 8.0).min(10.0));
        let mut words = vec!["maelstrom".to_owned()];
        let mut flag = |name: &str, value: String| words.push(format!("--{name}={value}"));
        flag("node-binary", self.bin.clone());
        flag("workload", kind.workload.to_owned());
        flag("set", format!("workload={}", kind.name));
        flag("nodes", self.node_count.to_string());
        flag("clients", self.clients()?.to_string());
        flag("rate", self.rate.to_string());
        flag("time", format!("{}ms", (self.time_limit * 1000.0).round()));
        flag("faults", self.faults());
        flag("set", format!("nemesis-interval-ms={}", (interval * 1000.0).round().max(100.0)));
        // Maelstrom's clients wait so long for an answer.
        let deadline_ms = if kind.name == "lin-kv" { (10.0 * self.latency).max(1000.0) } else { 5000.0 };
        flag("deadline", format!("{}ms", deadline_ms.round()));
        for (setting, value, default) in [
            ("latency-ms", self.latency.to_string(), "0"),
            ("latency-dist", self.latency_dist.clone(), "constant"),
            ("topology", self.topology.clone(), "grid"),
            ("log-net", if self.log_net_send || self.log_net_recv { "yes" } else { "no" }.to_owned(), "no"),
            ("args", serde_json::to_string(&self.args).unwrap_or_default(), "[]"),
        ] {
            if value != default {
                flag("set", format!("{setting}={value}"));
            }
        }
        let per_key = if kind.name.starts_with("txn") { "writes-per-key" } else { "ops-per-key" };
        let chosen =
            [("keys", self.key_count), (per_key, self.max_writes_per_key), ("max-length", self.max_txn_length)];
        for (option, value) in chosen.into_iter().filter_map(|(option, value)| Some((option, value?))) {
            flag("option", format!("{option}={value}"));
        }
        let further = [
            ("consistency", self.consistency_models.clone()),
            ("seeds", self.seeds.clone()),
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("results", Some(self.results.clone())),
        ];
        for (name, value) in further.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            flag(name, value);
        }
        words.extend(self.quiet.then(|| "--quiet".to_owned()));
        Ok(words)
    }

    fn clients(&self) -> Result<u32, Untranslated> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|&number| number > 0);
        let clients = match self.concurrency.strip_suffix('n') {
            Some("") => Some(u32::from(self.node_count)),
            Some(each) => number(each).and_then(|each| each.checked_mul(u32::from(self.node_count))),
            None => number(&self.concurrency),
        };
        clients.ok_or_else(|| {
            wrong(format!("--concurrency {} is no number of clients", self.concurrency), "give for example 10, or 2n")
        })
    }

    fn faults(&self) -> String {
        let named: Vec<&str> = self.nemesis.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if named.is_empty() { "none".to_owned() } else { named.join(",") }
    }
}

fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Untranslated {
    Untranslated { what: what.into(), remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<String>, String> {
        let matches = MaelstromOptions.command().no_binary_name(true).try_get_matches_from(line.split(' '));
        let matches = matches.map_err(|error| error.to_string())?;
        MaelstromOptions.translate(&matches).map_err(|error| error.what)
    }

    #[test]
    fn maelstroms_options_are_those_of_a_run() {
        let line = "--bin ./node.py -w broadcast --node-count 3 --time-limit 20 --rate 100 --concurrency 2n --latency 10 \
                    --nemesis partition,kill --topology tree4 --seed 7 -- -v --x";
        let words = words(line).unwrap().join(" ");
        for expected in [
            "maelstrom --node-binary=./node.py --workload=set --set=workload=broadcast --nodes=3 --clients=6 --rate=100",
            "--time=20000ms --faults=partition,kill --set=nemesis-interval-ms=2500 --deadline=5000ms",
            "--set=latency-ms=10 --set=topology=tree4 --set=args=[\"-v\",\"--x\"] --seed=7",
        ] {
            assert!(words.contains(expected), "{words}");
        }
    }

    #[test]
    fn what_there_is_not_is_named() {
        assert!(words("--bin x -w sudoku").unwrap_err().contains("no workload `sudoku`"));
        assert!(words("--bin x --concurrency 0n").unwrap_err().contains("--concurrency 0n"));
        assert!(words("--bin x --availability total").unwrap_err().contains("not judged"));
        assert!(words("-w echo").unwrap_err().contains("--bin"));
        assert!(words("--bin x").unwrap().contains(&"--faults=none".to_owned()));
        assert!(words("--bin x --concurrency 3").unwrap().contains(&"--clients=3".to_owned()));
    }
}
