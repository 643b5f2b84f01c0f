//! The nodes of a run: started, asked who leads, killed and started again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::faults::clock;
use crate::lab::{Effect, Lab, LabError, NamespaceLab, RuleCounter};
use crate::target::{Node, NodeCommand, NodeStatus, Target, TargetError};

/// How long a node may take to answer a question about itself.
const STATUS_TIMEOUT: Duration = Duration::from_millis(150);
/// How long a node may take from its start until it serves.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// The nodes of a run.
pub struct Cluster {
    target: Arc<dyn Target>,
    lab: Arc<NamespaceLab>,
    nodes: Vec<Node>,
    commands: Vec<NodeCommand>,
}

/// A lab call blocks for milliseconds; the runtime's other tasks go on meanwhile.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, LabError> + Send + 'static,
) -> Result<T, LabError> {
    tokio::task::spawn_blocking(call)
        .await
        .unwrap_or_else(|panic| Err(LabError::lost(format!("a call of the lab panicked: {panic}"))))
}

impl Cluster {
    /// The cluster of these nodes, none of them started. With a clock library, their wall clocks can be set.
    pub fn new(
        target: Arc<dyn Target>,
        lab: Arc<NamespaceLab>,
        mut commands: Vec<NodeCommand>,
        clock_library: Option<PathBuf>,
    ) -> Result<Cluster, LabError> {
        let nodes = lab.nodes().to_vec();
        if let Some(library) = &clock_library {
            for (node, command) in nodes.iter().zip(&mut commands) {
                let shared = lab.shared_dir(node.id)?;
                clock::set_offset(shared, 0).map_err(|error| LabError::file("the node's clock file", &error))?;
                command.env.extend(clock::environment(library, shared));
            }
        }
        Ok(Cluster { target, lab, nodes, commands })
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of this number.
    pub fn node(&self, id: u16) -> &Node {
        &self.nodes[usize::from(id) - 1]
    }

    /// Starts a node's program.
    pub async fn start(&self, id: u16) -> Result<(), LabError> {
        let (lab, command) = (self.lab.clone(), self.commands[usize::from(id) - 1].clone());
        blocking(move || lab.start(id, &command)).await
    }

    /// Waits until a node serves.
    pub async fn wait_ready(&self, id: u16) -> Result<Duration, LabError> {
        let (lab, readiness) = (self.lab.clone(), self.target.readiness());
        let began = Instant::now();
        blocking(move || lab.ready(id, &readiness, READY_TIMEOUT)).await?;
        Ok(began.elapsed())
    }

    /// Kills all processes of a node.
    pub async fn kill(&self, id: u16) -> Result<Effect, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.kill(id)).await
    }

    /// Removes everything in a node's data directory; says how much that was. The node must be down.
    pub async fn wipe(&self, id: u16) -> Result<Lost, LabError> {
        let folder = self.node(id).data_dir.clone();
        blocking(move || {
            let emptied = empty(&folder);
            emptied.map_err(|error| LabError::file(format!("cannot empty {}", folder.display()), &error))
        })
        .await
    }

    /// Stops all processes of a node.
    pub async fn pause(&self, id: u16) -> Result<Effect, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.pause(id)).await
    }

    /// Lets the stopped processes of a node go on.
    pub async fn resume(&self, id: u16) -> Result<Effect, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.resume(id)).await
    }

    /// Replaces rules in the hub.
    pub async fn hub_rules(&self, rules: String) -> Result<(), LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.hub_restore(&rules)).await
    }

    /// Holds packets back that rules of the hub send into a queue.
    pub async fn hold(&self, queue: u16, least: Duration, most: Duration) -> Result<(), LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.hold(queue, least, most)).await
    }

    /// Lets them go on; how many there were.
    pub async fn release(&self, queue: u16) -> Result<u64, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.release(queue)).await
    }

    /// The rules of a chain of the hub with their packet counters.
    pub async fn hub_counters(&self, chain: &'static str) -> Result<Vec<RuleCounter>, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.hub_counters(chain)).await
    }

    /// Sets how far a node's wall clock is off.
    pub fn set_clock(&self, id: u16, by_ms: i64) -> Result<(), LabError> {
        let shared = self.lab.shared_dir(id)?;
        clock::set_offset(shared, by_ms).map_err(|error| LabError::file("the node's clock file", &error))
    }

    /// What a node says of itself; `None` when it does not answer.
    pub async fn status(&self, id: u16) -> Option<NodeStatus> {
        self.target.status(self.node(id), STATUS_TIMEOUT).await
    }

    /// Who leads: of those that say so, the one of the highest term.
    pub async fn leader(&self) -> Option<u16> {
        let asked = self.nodes.iter().map(|node| async move { (node.id, self.status(node.id).await) });
        let answers = futures_util::future::join_all(asked).await;
        let leading = answers.into_iter().filter_map(|(id, status)| status.map(|status| (id, status)));
        leading.filter(|(_, status)| status.leads).max_by_key(|(_, status)| status.term).map(|(id, _)| id)
    }
}

/// What a node has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many files.
    pub files: u64,
    /// How much was in them.
    pub bytes: u64,
}

/// Removes everything in a folder, but not the folder. Links are removed, not followed.
fn empty(folder: &Path) -> io::Result<Lost> {
    let mut lost = Lost::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let about = fs::symlink_metadata(&path)?;
        if about.is_dir() {
            let below = empty(&path)?;
            fs::remove_dir(&path)?;
            lost.files += below.files;
            lost.bytes += below.bytes;
        } else {
            fs::remove_file(&path)?;
            lost.files += 1;
            lost.bytes += about.len();
        }
    }
    Ok(lost)
}

/// The command lines of all nodes of a cluster.
pub fn commands(
    target: &dyn Target,
    choice: &crate::target::TargetConfig,
    nodes: &[Node],
) -> Result<Vec<NodeCommand>, TargetError> {
    nodes.iter().map(|node| target.command(choice, node, nodes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_folder_is_empty_and_nothing_outside_of_it_is_touched() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("wal")).unwrap();
        fs::write(folder.path().join("wal/1"), "12345").unwrap();
        fs::write(folder.path().join("state"), "12").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        let lost = empty(folder.path()).unwrap();
        assert_eq!(lost.files, 3);
        assert!(lost.bytes >= 7);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(outside.path().join("kept").is_file());
    }
}
