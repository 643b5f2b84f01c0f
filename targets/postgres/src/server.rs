//! How a server is made, configured and started.

use std::path::Path;
use std::time::Duration;

use rashomon_harness::target::{
    EventSource, GracefulStop, Node, NodeCommand, NodeFile, NodePlan, Readiness, Step, StopRequest,
};

use crate::installation::Installation;
use crate::settings::Settings;

/// Where servers listen.
pub(crate) const PORT: u16 = 5432;
/// The user and the database of the clients.
pub(crate) const USER: &str = "postgres";
/// Within a node's data directory.
const DATA: &str = "pg";
const CONFIGURATION: &str = "postgresql.conf";
const ACCESS: &str = "pg_hba.conf";
const FAILOVER: &str = "failover.sh";
const FAILOVER_SCRIPT: &str = include_str!("failover.sh");

/// A server of a cluster.
pub(crate) struct Server<'a> {
    pub(crate) installation: &'a Installation,
    pub(crate) settings: &'a Settings,
    pub(crate) node: &'a Node,
    pub(crate) cluster: &'a [Node],
}

impl Server<'_> {
    /// How its node is prepared, started, seen to serve and stopped.
    pub(crate) fn plan(&self) -> NodePlan {
        let is_ready = self.command("pg_isready").args(["-q", "-t", "1", "-U", USER, "-h", &self.node.ip.to_string()]);
        let start = if self.settings.failover { self.failover() } else { self.serve() };
        let mut plan = NodePlan::new(start, Readiness::Command(is_ready));
        plan.files = vec![
            NodeFile::new(CONFIGURATION, self.configuration()),
            // Nobody but the nodes and the clients of a lab can reach it.
            NodeFile::new(ACCESS, "host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n"),
            NodeFile::new(FAILOVER, FAILOVER_SCRIPT),
        ];
        let first = self.cluster.first().map_or(0, |first| first.id);
        plan.prepare = if self.node.id == first { vec![self.initialize()] } else { vec![self.copy_of(first)] };
        if self.settings.failover {
            // Whoever lost its data follows the other one, whichever it was.
            plan.restore = Some(Vec::new());
        }
        if self.node.id != first {
            plan.after = vec![first];
        }
        plan.ready_within = Duration::from_secs(40);
        // SIGINT: no new connections, those that are there end, and so does the server.
        plan.stop = GracefulStop { how: StopRequest::Signal(2), within: Duration::from_secs(10) };
        if self.settings.failover {
            plan.events = vec![EventSource::Status { every: Duration::from_millis(250) }];
        }
        plan
    }

    /// What is run once, when all servers serve.
    pub(crate) fn sql(&self, sql: &str) -> Step {
        let host = self.node.ip.to_string();
        let words = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", &host, "-U", USER, "-d", USER, "-c", sql];
        Step::with_network(self.command("psql").args(words))
    }

    fn command(&self, program: &str) -> NodeCommand {
        let mut command = NodeCommand::new(self.installation.program(program)).env("LC_ALL", "C");
        if !self.installation.bin.starts_with("/usr") {
            command.reads.push(self.installation.root());
        }
        command
    }

    fn data(&self) -> String {
        self.node.data_dir.join(DATA).display().to_string()
    }

    fn file(&self, name: &str) -> String {
        self.node.data_dir.join(name).display().to_string()
    }

    fn initialize(&self) -> Step {
        let data = self.data();
        let words = ["-D", &data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"];
        Step::new(self.command("initdb").args(words))
    }

    /// A standby begins as a copy of the primary.
    fn copy_of(&self, primary: u16) -> Step {
        let host = self.cluster.iter().find(|node| node.id == primary).map_or(self.node.ip, |node| node.ip);
        let (data, host) = (self.data(), host.to_string());
        let words = ["-D", &data, "-h", &host, "-U", USER, "-X", "stream", "-c", "fast", "-R"];
        let copy = self.command("pg_basebackup").args(words);
        Step { within: Duration::from_secs(60), ..Step::with_network(copy) }
    }

    fn serve(&self) -> NodeCommand {
        let mut words = self.options();
        // For a standby: the file that makes it one came with the copy.
        if self.cluster.first().is_some_and(|first| first.id != self.node.id) {
            words.extend(["-c".to_owned(), format!("primary_conninfo={}", self.primary_conninfo(&self.cluster[0]))]);
        }
        self.command("postgres").args(words)
    }

    /// The words after `postgres`.
    fn options(&self) -> Vec<String> {
        let configuration = format!("config_file={}", self.file(CONFIGURATION));
        ["-D".to_owned(), self.data(), "-c".to_owned(), configuration].into()
    }

    fn failover(&self) -> NodeCommand {
        let other = self.cluster.iter().find(|node| node.id != self.node.id).unwrap_or(self.node);
        let mut command = self
            .command("postgres")
            .env("BIN", self.installation.bin.display().to_string())
            .env("DATA", self.data())
            .env("CONFIGURATION", self.file(CONFIGURATION))
            .env("OWN", self.node.ip.to_string())
            .env("OTHER", other.ip.to_string())
            .env("CONNINFO", self.primary_conninfo(other))
            .env("PRIMARY_GONE_MS", self.settings.failover_after.as_millis().to_string());
        command.program = "/bin/sh".into();
        command.args([self.file(FAILOVER)])
    }

    fn primary_conninfo(&self, primary: &Node) -> String {
        format!(
            "host={} port={PORT} user={USER} application_name={} connect_timeout=1 keepalives_idle=1 \
             keepalives_interval=1 keepalives_count=2",
            primary.ip, self.node.name
        )
    }

    fn configuration(&self) -> String {
        let Settings { synchronous_commit, .. } = self.settings;
        let names: Vec<&str> = self.cluster.iter().map(|node| &*node.name).collect();
        // By name: a copy that is being made streams too, and is no standby.
        let several = self.settings.is_synchronous() && self.cluster.len() > 1;
        let standbys = if several { format!("ANY 1 ({})", names.join(", ")) } else { String::new() };
        let access = self.file(ACCESS);
        configuration(synchronous_commit, &standbys, Path::new(&access), self.node.id)
    }
}

/// `postgresql.conf`: durable, as by default, and quick to notice that somebody is gone.
fn configuration(synchronous_commit: &str, standbys: &str, access: &Path, node: u16) -> String {
    format!(
        "listen_addresses = '*'
port = {PORT}
hba_file = '{access}'
unix_socket_directories = ''
cluster_name = 'n{node}'
max_connections = 200
shared_buffers = 32MB
fsync = on
full_page_writes = on
synchronous_commit = {synchronous_commit}
synchronous_standby_names = '{standbys}'
wal_level = replica
wal_log_hints = on
wal_keep_size = 128MB
max_wal_size = 128MB
hot_standby = on
# Whoever is gone holds no locks for long.
tcp_user_timeout = 2s
client_connection_check_interval = 500ms
idle_in_transaction_session_timeout = 2s
deadlock_timeout = 100ms
# A standby notices that its primary is gone, and connects again soon.
wal_sender_timeout = 2s
wal_receiver_timeout = 2s
wal_retrieve_retry_interval = 200ms
# That a transaction was refused is in the history.
log_error_verbosity = terse
log_min_error_statement = panic
log_line_prefix = '%m [%p] '
",
        access = access.display()
    )
}

#[cfg(test)]
mod tests {
    use rashomon_harness::target::TargetConfig;

    use super::*;

    fn plans(settings: &[(&str, &str)], nodes: u16) -> Vec<NodePlan> {
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let settings = Settings::of(&TargetConfig { settings, ..TargetConfig::default() }).unwrap();
        let installation = Installation { bin: "/usr/lib/postgresql/15/bin".into() };
        let node = |id: u16| Node {
            id,
            name: format!("n{id}"),
            ip: [10, 77, 0, id as u8].into(),
            data_dir: format!("/data/n{id}").into(),
        };
        let cluster: Vec<Node> = (1..=nodes).map(node).collect();
        let server = |node| Server { installation: &installation, settings: &settings, node, cluster: &cluster };
        cluster.iter().map(|node| server(node).plan()).collect()
    }

    #[test]
    fn a_standby_copies_the_primary_and_starts_after_it() {
        let plans = plans(&[("synchronous-commit", "remote_apply")], 2);
        assert!(plans[0].prepare[0].command.program.ends_with("initdb") && plans[0].after.is_empty());
        assert!(plans[1].prepare[0].command.program.ends_with("pg_basebackup") && plans[1].after == [1]);
        assert!(
            plans[1].processes[0]
                .command
                .words()
                .iter()
                .any(|word| word.starts_with("primary_conninfo=host=10.77.0.1"))
        );
        for plan in &plans {
            assert!(plan.files[0].content.contains("synchronous_commit = remote_apply\n"));
            assert!(plan.files[0].content.contains("synchronous_standby_names = 'ANY 1 (n1, n2)'\n"));
            assert!(plan.files[0].content.contains("\nfsync = on\n"));
        }
    }

    #[test]
    fn a_server_alone_waits_for_no_standby() {
        let plans = plans(&[("synchronous-commit", "on")], 1);
        assert!(plans[0].files[0].content.contains("synchronous_standby_names = ''\n"));
    }

    #[test]
    fn with_failover_each_knows_the_other() {
        let plans = plans(&[("failover", "promote")], 2);
        for (plan, other) in plans.iter().zip(["10.77.0.2", "10.77.0.1"]) {
            let command = &plan.processes[0].command;
            assert!(command.env.contains(&("OTHER".to_owned(), other.to_owned())), "{command:?}");
            assert!(!plan.events.is_empty());
        }
    }
}
