//! An examination of a target's client against a node of it, in a lab of its own that is gone afterwards.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rashomon_runs::Plan;
use rashomon_spec::run::RunSpec;
use serde::{Deserialize, Serialize};

use super::{Findings, NotExamined, Suspect, examine};
use crate::client::ClientLog;
use crate::cluster::{self, Cluster};
use crate::lab::{self, EnterSpec, Inside, LabError, LabSpec, LabStdout, NamespaceLab};
use crate::protocol_events::EventLog;
use crate::registry::Registry;
use crate::runner::{Payload, described_in};
use crate::target::{ClusterContext, Connection, Readiness, TargetError};

/// No more is read of what the lab says, bytes.
const LONGEST: u64 = 1 << 20;

/// What the lab is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    spec: RunSpec,
    definition: Option<String>,
    /// The port on which nodes serve their clients, where that is not the one of their readiness.
    port: Option<u16>,
}

impl From<LabError> for NotExamined {
    fn from(error: LabError) -> NotExamined {
        NotExamined { what: error.what, remedy: error.remedy }
    }
}

impl From<TargetError> for NotExamined {
    fn from(error: TargetError) -> NotExamined {
        NotExamined { what: error.what, remedy: error.remedy }
    }
}

/// Starts the nodes of this plan in a lab, and examines a client of the first one.
///
/// # Errors
///
/// When there can be no lab, the nodes do not serve, or the client cannot be examined.
pub fn examine_in_lab(registry: &Registry, plan: &Plan, port: Option<u16>) -> Result<Findings, NotExamined> {
    let order = Order { spec: plan.spec.clone(), definition: plan.definition.clone(), port };
    let payload = serde_json::to_string(&Payload::Examine(Box::new(order))).expect("an order is plain data");
    let visible = described_in(registry, plan).into_iter().chain(plan.spec.node_binary.clone()).collect();
    let label = "test-client".to_owned();
    let mut lab =
        lab::enter(&EnterSpec { label, payload, visible, stdout: LabStdout::Captured, ..EnterSpec::default() })?;
    let mut said = String::new();
    if let Some(stdout) = lab.take_stdout() {
        // What cannot be read is explained by how the lab ends.
        let _ = stdout.take(LONGEST).read_to_string(&mut said);
    }
    let end = lab.wait()?;
    serde_json::from_str(&said).unwrap_or_else(|_| {
        let what = format!("the lab ended without a result: {end:?}");
        Err(NotExamined { what, remedy: "try again; `doctor` tries what a lab needs".to_owned() })
    })
}

/// Inside of the lab: does what it is told, and prints what came of it.
pub(crate) fn inside(registry: &Registry, inside: Inside, order: &Order) {
    out!("{}", serde_json::to_string(&carry_out(registry, inside, order)).unwrap_or_default());
}

fn carry_out(registry: &Registry, inside: Inside, order: &Order) -> Result<Findings, NotExamined> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| NotExamined {
        what: format!("the runtime cannot be started: {error}"),
        remedy: "raise the limit of processes (ulimit -u)".to_owned(),
    })?;
    let found = runtime.block_on(with_nodes(registry, inside, order));
    runtime.shutdown_background();
    found
}

async fn with_nodes(registry: &Registry, inside: Inside, order: &Order) -> Result<Findings, NotExamined> {
    let missing = |what: String| NotExamined { what, remedy: "use the program that began this".to_owned() };
    let target = registry.planned_target(&order.spec.target, order.definition.as_deref());
    let target = target.map_err(|error| missing(error.to_string()))?;
    let workload = registry.find_workload(&order.spec.workload);
    let interface = workload.ok_or_else(|| missing("the workload is gone".to_owned()))?.interface();
    // Logs of the nodes go with the lab.
    let mut spec = LabSpec::new(order.spec.nodes, Path::new(lab::LAB_DIR).join("test-client"));
    spec.user = target.node_user();
    let plans = cluster::plan(&*target, order.spec.target_config(), &spec)?;
    let readiness = plans.nodes.first().map(|plan| plan.readiness.clone());
    let port = order.port.or(match readiness {
        Some(Readiness::Tcp(port) | Readiness::Http { port, .. }) => Some(port),
        _ => None,
    });
    let port = port.ok_or_else(|| NotExamined {
        what: "the port on which nodes serve their clients is not known".to_owned(),
        remedy: "name it with --port".to_owned(),
    })?;
    let lab = Arc::new(NamespaceLab::up(inside, &spec)?);
    let cluster = Cluster::new(target.clone(), lab, plans, None, Arc::new(EventLog::in_memory()))?;
    cluster.start_all().await.map_err(|error| NotExamined {
        what: error.to_string(),
        remedy: "run it with --faults none, and read the nodes' logs".to_owned(),
    })?;
    let context = cluster.context().clone();
    let deadline = Duration::from_millis(order.spec.deadline_ms);
    let log = ClientLog::nowhere();
    let make = |session, ip| {
        // The client takes the proxy for the node.
        let mut context = ClusterContext::clone(&context);
        context.nodes[0].ip = ip;
        let node = context.nodes[0].clone();
        target.client(&context, &Connection { interface, node: &node, session, deadline, log: &log })
    };
    let server = SocketAddr::from((context.nodes[0].ip, port));
    examine(&Suspect { interface, make: &make, server, deadline }).await
}
