//! The life of a node with several processes, files, preparation and a user's own ways to ask whether it is ready.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rashomon_harness::client::Client;
use rashomon_harness::cluster::{self, Cluster, StartError};
use rashomon_harness::faults::clock::ClockWays;
use rashomon_harness::faults::environment::LabEnvironment;
use rashomon_harness::faults::{ClockWitness, FaultEnvironment};
use rashomon_harness::interface::REGISTER;
use rashomon_harness::lab::{Lab, LabSpec, NamespaceLab};
use rashomon_harness::protocol_events::EventLog;
use rashomon_harness::recorder::Recorder;
use rashomon_harness::run::ClockWay;
use rashomon_harness::target::{
    ClusterContext, ClusterPlan, Connection, GracefulStop, Node, NodeCommand, NodeFile, NodePlan, ProcessPlan,
    Readiness, SharedFile, StatusFuture, Step, StopRequest, Target, TargetConfig, TargetError, TargetInfo,
    TargetTiming, Version,
};

/// A server of two processes in shell; `broken` has a preparation that fails.
struct Shells {
    broken: bool,
}

fn shell(script: &str) -> NodeCommand {
    NodeCommand::new("/bin/sh").args(["-c", script])
}

impl Target for Shells {
    fn info(&self) -> TargetInfo {
        TargetInfo::new("shells", "two processes in shell")
    }

    fn timing(&self, _: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let second = Duration::from_secs(1);
        Ok(TargetTiming { election_timeout: second, recovery: second, convergence: second })
    }

    fn prepare(&self, _: &TargetConfig) -> Result<Version, TargetError> {
        Ok(Version::Known("1".to_owned()))
    }

    fn cluster_plan(&self, _: &ClusterContext) -> Result<ClusterPlan, TargetError> {
        Ok(ClusterPlan {
            files: vec![SharedFile {
                path: "secret/key".into(),
                printed_by: Step::new(shell("head -c 8 /dev/urandom | od -An -tx1")),
                mode: 0o600,
            }],
            after_start: vec![(
                2,
                Step::with_network(shell("cat ready > formed; grep -c eth0 /proc/net/dev > network || true")),
            )],
        })
    }

    fn node_plan(&self, _: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let first =
            shell("echo first; trap 'echo bye > stopped; exit 0' USR1; touch ready; while :; do sleep 0.01; done");
        let second = shell("echo second; trap 'exit 0' USR1; while :; do sleep 0.01; done");
        let prepare = if self.broken {
            "echo no room >&2; exit 4"
        } else {
            "echo made by prepare; cat conf/server.conf > made; grep -c eth0 /proc/net/dev > network || true"
        };
        Ok(NodePlan {
            files: vec![NodeFile {
                mode: 0o640,
                ..NodeFile::new("conf/server.conf", format!("name = {}\n", node.name))
            }],
            prepare: vec![Step { within: Duration::from_secs(5), ..Step::new(shell(prepare)) }],
            restore: Some(vec![Step::new(shell("echo restored > made"))]),
            after: if node.id == 2 { vec![1] } else { Vec::new() },
            processes: vec![
                ProcessPlan { name: "server".to_owned(), command: first },
                ProcessPlan { name: "sentinel".to_owned(), command: second },
            ],
            stop: GracefulStop { how: StopRequest::Signal(libc::SIGUSR1), within: Duration::from_secs(5) },
            ..NodePlan::new(NodeCommand::new("/bin/true"), Readiness::Command(shell("test -e ready")))
        })
    }

    fn client(&self, _: &ClusterContext, _: &Connection<'_>) -> Box<dyn Client> {
        unreachable!("no client is asked for")
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, _: &'a Node, _: Duration) -> StatusFuture<'a> {
        Box::pin(async { None })
    }
}

fn cluster(lab: NamespaceLab, broken: bool, clock: Option<ClockWay>) -> (Arc<NamespaceLab>, Cluster) {
    let target = Arc::new(Shells { broken });
    let spec = LabSpec::new(lab.nodes().len() as u16, "/nowhere");
    let plans = cluster::plan(&*target, TargetConfig::default(), &spec).expect("the plans make sense");
    let lab = Arc::new(lab);
    let clocks = clock.map(|wanted| ClockWays::of_this_machine(wanted).expect("a way").choose_all(&plans.nodes));
    (lab.clone(), Cluster::new(target, lab, plans, clocks, Arc::new(EventLog::in_memory())).expect("a cluster"))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

pub(crate) fn prepared(lab: NamespaceLab, folder: &Path) {
    let (lab, cluster) = cluster(lab, false, None);
    let read = |id: u16, file: &str| {
        let path = cluster.node(id).data_dir.join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    run(async {
        cluster.start_all().await.expect("all nodes come up");
        for id in [1, 2] {
            assert_eq!(read(id, "made"), format!("name = n{id}\n"));
            assert_eq!(read(id, "network"), if id == 1 { "0\n" } else { "1\n" }, "node 2 has run a later step");
        }
        assert_eq!(read(1, "secret/key"), read(2, "secret/key"));
        assert!(read(2, "formed").is_empty());
        let output =
            lab.exec(1, &shell("stat -c %a conf/server.conf secret/key"), Duration::from_secs(5)).expect("stat");
        assert_eq!(output.stdout, "640\n600\n", "{output:?}");
        let killed = cluster.kill(1).await.expect("kill");
        let shells = killed.processes.iter().filter(|process| process.name == "sh").count();
        assert_eq!(shells, 2, "both processes are gone: {killed:?}");
        cluster.wipe(1).await.expect("wipe");
        cluster.start(1).await.expect("start");
        cluster.wait_ready(1).await.expect("ready");
        assert_eq!(read(1, "made"), "restored\n");
        assert_eq!(read(1, "conf/server.conf"), "name = n1\n");
        assert!(cluster.stop(2).await.expect("stop"));
        assert_eq!(read(2, "stopped"), "bye\n");
    });
    assert_eq!(lab.exits(), vec![], "all ends were wanted");
    let log = |file: &str| std::fs::read_to_string(folder.join("nodes/n1").join(file)).expect("read the log");
    assert!(log("node.log").contains("made by prepare") && log("node.log").contains("] first"), "{}", log("node.log"));
    assert!(log("sentinel.log").contains("] second") && !log("sentinel.log").contains("first"));
}

/// The clock of a node that does not report it is read by a process in the node, if all of the node's have that clock.
pub(crate) fn probed(lab: NamespaceLab, way: &str, has_clocks: bool) {
    let (lab, cluster) = cluster(lab, false, ClockWay::named(way));
    let recorder = Recorder::into_writer(std::io::sink(), Instant::now(), &REGISTER, 2, None).expect("a recorder");
    run(async {
        cluster.start_all().await.expect("all nodes come up");
        let env = LabEnvironment::new(&cluster, &recorder);
        assert_eq!(env.clock_witnesses(1), Vec::<String>::new());
        for by_ms in [-7_200_000, 90_000] {
            env.set_clock(1, by_ms).await.expect("set");
            let (first, second) = (env.read_clock(1).await, env.read_clock(2).await);
            let (first, second) = (first.expect("a reading"), second.expect("a reading"));
            let ClockWitness::Probe { without } = &first.witness else { panic!("{first:?}") };
            assert_eq!(without.is_empty(), has_clocks, "{without:?}");
            let expected = if has_clocks { by_ms } else { 0 };
            assert!((first.off_ms - expected).abs() <= first.uncertain_ms, "{first:?}");
            assert!(second.off_ms.abs() <= second.uncertain_ms, "the other node's clock is right: {second:?}");
        }
        let witnesses = if has_clocks { vec!["a process in the node".to_owned()] } else { Vec::new() };
        assert_eq!(env.clock_witnesses(1), witnesses);
        let ways: Vec<String> = cluster.clock_ways(1).into_iter().map(|(_, chosen)| chosen.way.to_string()).collect();
        assert_eq!(ways, [if way == "auto" { "vdso" } else { way }; 2]);
    });
    assert_eq!(lab.exits(), vec![], "no process ended by itself");
}

pub(crate) fn unprepared(lab: NamespaceLab) {
    let (_lab, cluster) = cluster(lab, true, None);
    let error = run(cluster.start_all()).expect_err("the preparation fails");
    let StartError::Lab(error) = error else { panic!("{error}") };
    assert!(error.what.contains("n1 cannot be prepared") && error.what.contains("exited with code 4"), "{error}");
    assert!(error.what.contains("no room") && error.remedy.contains("nodes/n1/node.log"), "{error}");
}
