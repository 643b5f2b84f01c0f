//! The target as the harness sees it.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    ClusterContext, ClusterPlan, Connection, Node, NodeCommand, NodePlan, NodeStatus, StatusFuture, Target,
    TargetConfig, TargetError, TargetInfo, TargetTiming, Version,
};
use tokio_postgres::{Config, NoTls};

use crate::client::{PgClient, Server as Reached};
use crate::installation::Installation;
use crate::schema;
use crate::server::{PORT, Server, USER};
use crate::settings::{self, Settings};

/// The target `postgres`.
pub struct Postgres;

const NODE_STATUS: &str = "SELECT pg_is_in_recovery(), \
     CASE WHEN pg_is_in_recovery() THEN '0' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END, \
     (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

impl Target for Postgres {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![&interface::LIST_APPEND, &interface::RW_REGISTER, &interface::BANK],
            settings: settings::listed(),
            default_workload: "append".to_owned(),
            default_nodes: 1,
            has_leader: false,
            ..TargetInfo::new("postgres", "PostgreSQL as it is installed here: one server, or a primary with standbys")
        }
    }

    fn info_under(&self, config: &TargetConfig) -> TargetInfo {
        let failover = Settings::of(config).is_ok_and(|settings| settings.failover);
        TargetInfo { has_leader: failover, default_nodes: if failover { 2 } else { 1 }, ..self.info() }
    }

    fn consistency(&self, config: &TargetConfig, _: &'static Interface) -> Level {
        // What is wrong with a setting is said when the run is prepared.
        Settings::of(config).map_or(Level::SERIALIZABLE, |settings| settings.promise())
    }

    fn timing(&self, config: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let settings = Settings::of(config)?;
        Ok(TargetTiming {
            // A server that does not answer is asked for up to two seconds before it counts as gone.
            election_timeout: match settings.failover {
                true => settings.failover_after + Duration::from_secs(1),
                false => Duration::from_millis(500),
            },
            // A crashed server reads its log again, one that was replaced turns its files back.
            recovery: Duration::from_secs(2),
            convergence: Duration::from_secs(10),
        })
    }

    fn prepare(&self, config: &TargetConfig) -> Result<Version, TargetError> {
        let installation = Installation::find(&Settings::of(config)?.bin)?;
        let mut asked = NodeCommand::new(installation.program("postgres")).args(["--version"]);
        asked.reads.push(installation.root());
        Ok(Version::PrintedBy(asked))
    }

    fn cluster_plan(&self, cluster: &ClusterContext) -> Result<ClusterPlan, TargetError> {
        let settings = Settings::of(&cluster.config)?;
        let installation = Installation::find(&settings.bin)?;
        if settings.failover && cluster.nodes.len() != 2 {
            return Err(TargetError {
                what: format!("failover=promote is for two nodes, not {}", cluster.nodes.len()),
                remedy: "use --nodes 2".to_owned(),
            });
        }
        let first = &cluster.nodes[0];
        let server = Server { installation: &installation, settings: &settings, node: first, cluster: &cluster.nodes };
        Ok(ClusterPlan { after_start: vec![(first.id, server.sql(&schema::create()))], ..ClusterPlan::default() })
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let settings = Settings::of(&cluster.config)?;
        let installation = Installation::find(&settings.bin)?;
        Ok(Server { installation: &installation, settings: &settings, node, cluster: &cluster.nodes }.plan())
    }

    fn client(&self, cluster: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        let settings = Settings::of(&cluster.config).expect("the run was prepared with these settings");
        let others = cluster.nodes.iter().filter(|node| node.id != connection.node.id);
        let servers = std::iter::once(connection.node).chain(others);
        let reached = servers.map(|node| Reached { node: node.id, config: config_of(node, &settings) });
        Box::new(PgClient::new(connection.interface, reached.collect(), &settings, connection.deadline))
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        Box::pin(async move { tokio::time::timeout(timeout, status(node)).await.ok()? })
    }
}

fn address(node: &Node) -> Config {
    let mut config = Config::new();
    config.host(node.ip.to_string()).port(PORT).user(USER).dbname(USER);
    config
}

/// How a client connects to a node.
fn config_of(node: &Node, settings: &Settings) -> Config {
    let mut config = address(node);
    config.options(options(settings));
    config
}

/// What each session sets.
fn options(settings: &Settings) -> String {
    format!(
        "-c statement_timeout={} -c lock_timeout={}",
        settings.statement_timeout.as_millis(),
        settings.lock_timeout.as_millis()
    )
}

async fn status(node: &Node) -> Option<NodeStatus> {
    let (client, connection) = address(node).connect(NoTls).await.ok()?;
    let ask = client.query_one(NODE_STATUS, &[]);
    // The connection ends with the client.
    let row = tokio::select! {
        row = ask => row.ok()?,
        _ = connection => return None,
    };
    let (follows, timeline, wall_clock_ms): (bool, String, i64) =
        (row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?);
    Some(NodeStatus {
        leads: !follows,
        term: u64::from_str_radix(&timeline, 16).unwrap_or(0),
        wall_clock_ms: Some(wall_clock_ms),
        text: if follows { "standby".to_owned() } else { format!("primary on timeline {timeline}") },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_that_are_promoted_have_a_leader() {
        let settings = [("failover".to_owned(), "promote".to_owned())].into();
        let info = Postgres.info_under(&TargetConfig { settings, ..TargetConfig::default() });
        assert!(info.has_leader && info.default_nodes == 2);
        assert!(!Postgres.info_under(&TargetConfig::default()).has_leader);
    }

    #[test]
    fn sessions_have_limits_of_time() {
        let settings = Settings::of(&TargetConfig::default()).unwrap();
        assert_eq!(options(&settings), "-c statement_timeout=400 -c lock_timeout=200");
    }
}
