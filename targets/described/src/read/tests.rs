//! Descriptions that are right, and what is said of those that are not.

use std::time::Duration;

use rashomon_harness::interface;
use rashomon_harness::target::{
    ClusterContext, EventSource, Node, NodeCommand, Readiness, StopRequest, TargetConfig, Version,
};

use super::*;

const STORE: &str = r#"
summary = "a store"
nodes = 3
version-command = ["store", "--version"]
start-first = [1]
promises = { register = "linearizable", set = "eventual" }

[workloads.register]
cas = "no"

[[weaker]]
when = { reads = "local" }
promises = { register = "sequential" }

[settings.reads]
default = "leader"
meaning = "who answers reads"
values = ["leader", "local"]

[settings.timeout-ms]
default = "300"

[mutants.forgets]
summary = "nothing is kept"
settings = { reads = "local" }
program = "bin/broken"
found-by = { faults = ["kill"], time = "10s" }

[lists.initial]
each = "{node}=http://{ip}:2380"

[timing]
election-timeout = "{timeout-ms}ms"

[[files]]
path = "conf/store.conf"
content = "peers {peers}\n"
mode = "600"

[[files]]
path = "conf/replica"
content = "of {first}"
not = [1]

[[prepare]]
command = ["store", "init", "{data}"]

[[processes]]
command = ["bin/store", "--initial={initial}", "--reads={reads}"]
more = [{ args = ["--keeper"], only = [1] }, { args = ["--local"], when = { reads = "local" } }]
env = { NAME = "{node}" }
reads = ["lib"]

[[processes]]
name = "watcher"
command = ["watcher"]

[ready]
tcp = 4000
within = "5s"

[stop]
signal = "INT"
within = "3s"

[leader]
log = "leads in term (?<term>\\d+)"

[client]
command = ["./client", "{ip}", "{majority}"]
"#;

fn read(text: &str) -> Result<Described, String> {
    let file = Path::new("/srv/tests/store.toml");
    Described::read(text, "store", Some(file), &interface::INCLUDED)
        .map_err(|error| format!("{} / {}", error.what, error.remedy))
}

fn cluster(config: TargetConfig) -> ClusterContext {
    let node = |id: u16| Node {
        id,
        name: format!("n{id}"),
        ip: [10, 77, 0, id as u8].into(),
        data_dir: format!("/data/n{id}").into(),
    };
    ClusterContext { config, nodes: vec![node(1), node(2), node(3)] }
}

#[test]
fn a_node_is_planned_as_described() {
    let target = read(STORE).unwrap();
    let cluster = cluster(TargetConfig::default());
    let first = target.node_plan(&cluster, &cluster.nodes[0]).unwrap();
    let second = target.node_plan(&cluster, &cluster.nodes[1]).unwrap();
    assert_eq!(first.files.len(), 1);
    assert_eq!((first.files[0].content.as_str(), first.files[0].mode), ("peers 10.77.0.2,10.77.0.3\n", 0o600));
    assert_eq!(second.files[1].content, "of 10.77.0.1");
    assert_eq!((first.after.as_slice(), second.after.as_slice()), (&[][..], &[1][..]));
    assert_eq!(first.prepare[0].command, NodeCommand::new("store").args(["init", "/data/n1"]));
    let initial = "--initial=n1=http://10.77.0.1:2380,n2=http://10.77.0.2:2380,n3=http://10.77.0.3:2380";
    let command = &first.processes[0].command;
    assert_eq!(command.words(), ["/srv/tests/bin/store", initial, "--reads=leader", "--keeper"]);
    assert_eq!(command.env, [("NAME".to_owned(), "n1".to_owned())]);
    assert_eq!(command.reads, [Path::new("/srv/tests/lib")]);
    assert_eq!(first.processes[1].name, "watcher");
    assert_eq!((first.readiness, first.ready_within), (Readiness::Tcp(4000), Duration::from_secs(5)));
    assert_eq!((first.stop.how, first.stop.within), (StopRequest::Signal(2), Duration::from_secs(3)));
    assert!(matches!(&first.events[..], [EventSource::Log(patterns)] if patterns[0].kind == "leader"));
    assert!(target.leads_by_events());
}

#[test]
fn a_known_bug_changes_settings_program_and_promise() {
    let target = read(STORE).unwrap();
    let broken = TargetConfig { mutant: Some("forgets".to_owned()), ..TargetConfig::default() };
    let cluster = cluster(broken.clone());
    let plan = target.node_plan(&cluster, &cluster.nodes[1]).unwrap();
    let words = plan.processes[0].command.words();
    assert_eq!((words[0].as_str(), words[2].as_str()), ("/srv/tests/bin/broken", "--reads=local"));
    assert_eq!(words[3], "--local");
    let usual = TargetConfig::default();
    let promise = |config| target.consistency(config, &interface::REGISTER).name();
    assert_eq!((promise(&usual), promise(&broken)), ("linearizable", "sequential"));
    let info = target.info();
    let recipe = info.mutants[0].recipe.clone().unwrap();
    assert_eq!((recipe.nodes, recipe.seconds, recipe.workload.as_str()), (3, 10, "register"));
    let built = TargetConfig { node_binary: Some("/tmp/store".into()), ..broken };
    let plan = target.node_plan(&self::cluster(built), &cluster.nodes[1]).unwrap();
    assert_eq!(plan.processes[0].command.program, Path::new("/tmp/store"));
}

#[test]
fn settings_reach_templates_and_are_checked() {
    let target = read(STORE).unwrap();
    let with = |name: &str, value: &str| TargetConfig {
        settings: [(name.to_owned(), value.to_owned())].into(),
        ..TargetConfig::default()
    };
    let timing = target.timing(&with("timeout-ms", "450")).unwrap();
    assert_eq!(timing.election_timeout, Duration::from_millis(450));
    let error = target.timing(&with("timeout-ms", "soon")).unwrap_err();
    assert!(error.what.starts_with("store.toml, line 33, column 20: `soonms`"), "{}", error.what);
    let error = target.timing(&with("reads", "locla")).unwrap_err();
    assert!(error.remedy.contains("leader, local"), "{error:?}");
    assert_eq!(target.workload_defaults(&TargetConfig::default(), "register"), [("cas".into(), "no".into())]);
}

#[test]
fn a_run_keeps_the_text_and_reads_it_again() {
    let target = read(STORE).unwrap();
    let kept = target.info().definition.unwrap();
    assert!(kept.starts_with("read-from = \"/srv/tests/store.toml\"\n") && kept.ends_with(STORE));
    let again = DescribedTargets.read(&kept, &interface::INCLUDED).unwrap();
    assert_eq!(again.info(), target.info());
    let plans = |target: &dyn Target| {
        let cluster = cluster(TargetConfig::default());
        target.node_plan(&cluster, &cluster.nodes[2]).unwrap()
    };
    assert_eq!(plans(&*again), plans(&target));
    assert_eq!(again.info().definition.as_deref(), Some(kept.as_str()));
}

/// What is said of the store with a part of it replaced.
fn said(what: &str, with: &str) -> String {
    assert!(STORE.contains(what), "{what}");
    read(&STORE.replacen(what, with, 1)).map(drop).expect_err(with)
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_nearest_name() {
    for (what, with, position, hint) in [
        ("nodes = 3", "ndoes = 3", "line 3, column 1: unknown field `ndoes`", "did you mean `nodes`?"),
        ("nodes = 3", "nodes = \"three\"", "line 3, column 9: ", ""),
        ("nodes = 3", "nodes = 0", "store.toml: 0 nodes", "1 to 50"),
        ("tcp = 4000", "tpc = 4000", "unknown field `tpc`", "did you mean `tcp`?"),
        ("tcp = 4000", "", "line 58, column 1: `ready` must say one thing", "`tcp`, `http`"),
        ("{majority}", "{majorty}", "line 70, column 32: there is no value `majorty`", "did you mean `majority`?"),
        ("{initial}", "{initial", "a brace without its partner", "write {{"),
        ("register = \"lin", "registre = \"lin", "line 6, column 14: there is no interface", "`register`?"),
        ("\"eventual\"", "\"evental\"", "there is no consistency `evental`", "did you mean `eventual`?"),
        ("when = { reads", "when = { read", "there is no setting `read`", "did you mean `reads`?"),
        ("within = \"5s\"", "within = \"5\"", "write it with a unit", ""),
        ("signal = \"INT\"", "signal = \"STOPPED\"", "`STOPPED` is no signal", "SIGTERM"),
        ("mode = \"600\"", "mode = \"rw\"", "`rw` are no permission bits", "octal"),
        ("(?<term>", "(?<term", "no regular expression", ""),
        ("[lists.initial]", "[lists.data]", "`{data}` stands for something else", "another name"),
        (
            "command = [\"./client\", \"{ip}\", \"{majority}\"]",
            "",
            "line 69, column 1: `client` must say one thing",
            "",
        ),
        ("summary = \"a store\"", "name = \"a store\"", "`a store` is no name", "letters"),
        ("summary = \"a store\"", "summary = [", "line 3, column 7: unexpected", ""),
        ("command = [\"watcher\"]", "command = []", "a command is empty", ""),
    ] {
        let error = said(what, with);
        assert!(error.contains(position) && error.contains(hint), "{with}: {error}");
    }
}

#[test]
fn nothing_that_a_file_holds_makes_it_panic() {
    for cut in (0..STORE.len()).step_by(7) {
        let _ = read(&STORE[..cut]);
        let _ = read(&[&STORE[..cut], "\u{0}é{", &STORE[cut..]].concat());
    }
}

#[test]
fn a_missing_program_is_reported_with_its_remedy() {
    let text = STORE.replace("nodes = 3", "install = \"apt-get install store\"");
    let error = read(&text).unwrap().prepare(&TargetConfig::default()).unwrap_err();
    assert_eq!(error.what, "store.toml: the program `/srv/tests/bin/store` is not there");
    assert_eq!(error.remedy, "install it: apt-get install store");
    let text =
        STORE.replace("bin/store", "/bin/sh").replace("\"watcher\"]", "\"sh\"]").replace("\"store\", ", "\"sh\", ");
    let error = read(&text).unwrap().prepare(&TargetConfig::default()).unwrap_err();
    assert!(error.what.contains("line 70, column 12: the client program `./client` is not there"), "{error:?}");
    let text = text.replace("\"./client\"", "\"sh\"");
    let version = read(&text).unwrap().prepare(&TargetConfig::default()).unwrap();
    assert_eq!(version, Version::PrintedBy(NodeCommand::new("sh").args(["--version"])));
}

#[test]
fn words_that_are_no_files_are_left_to_others() {
    assert!(DescribedTargets.find("raft-kv", &interface::INCLUDED).is_none());
    let Some(Err(error)) = DescribedTargets.find("./no-such.toml", &interface::INCLUDED) else { panic!("an error") };
    assert!(error.what.starts_with("cannot read ./no-such.toml"), "{error:?}");
    let Some(Err(error)) = DescribedTargets.find("/", &interface::INCLUDED) else { panic!("an error") };
    assert!(error.what.contains("it is no file"), "{error:?}");
}

#[test]
fn the_schema_that_editors_use_is_the_formats() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/target.schema.json");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept.trim_end() != crate::schema() {
        let fresh = std::env::temp_dir().join("target.schema.json");
        fs::write(&fresh, crate::schema() + "\n").unwrap();
        panic!("docs/target.schema.json is old: copy {} over it", fresh.display());
    }
}

#[test]
fn the_examples_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/any-language");
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap().flatten().filter(|entry| is_toml(&entry.path())) {
        let path = entry.path();
        read_file(&path, &interface::INCLUDED).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        found += 1;
    }
    assert!(found > 0);
}
