//! The controller's side of one node: requests to the node's init, and what it reports by itself.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::link::Link;
use super::protocol::{Ending, NodeAnswer, NodeMessage, NodeRequest};

/// Longer than the init itself waits for processes that hang in the kernel.
const ANSWER: Duration = Duration::from_secs(10);

/// One node's link. Any thread may use it.
#[derive(Debug)]
pub(crate) struct NodeLink {
    name: String,
    link: Arc<Link<NodeRequest, NodeMessage>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// An end of one of the node's processes that nobody wanted.
#[derive(Debug)]
pub(crate) struct UnexpectedEnd {
    pub(crate) process: String,
    pub(crate) pid: i32,
    pub(crate) ending: Ending,
    pub(crate) at: Instant,
    /// The limit for which the node's init killed it.
    pub(crate) limit: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    last_id: u64,
    answers: BTreeMap<u64, Result<NodeAnswer>>,
    /// The node's processes that run, in the order of their start.
    running: Vec<String>,
    /// How those ended that do not run.
    endings: BTreeMap<String, Ending>,
    /// Ends of the node's processes are wanted, and nothing to report.
    end_expected: bool,
    unexpected: Vec<UnexpectedEnd>,
    /// Why the node's init is about to kill its processes.
    limit: Option<String>,
    /// Commands that run (`None`), or have ended and not been asked about.
    commands: BTreeMap<i32, Option<Ending>>,
}

impl NodeLink {
    /// Starts the thread that listens to the node's init, until that closes its end.
    pub(crate) fn start(name: &str, link: Link<NodeRequest, NodeMessage>) -> Result<Self> {
        let link = Arc::new(link);
        let shared = Arc::new(Shared::default());
        let node = Self { name: name.to_owned(), link: link.clone(), shared: shared.clone() };
        std::thread::Builder::new()
            .name(format!("link-{name}"))
            .spawn(move || {
                while let Ok(Some(received)) = link.receive() {
                    shared.lock().take(received.message);
                    shared.changed.notify_all();
                }
                let mut state = shared.lock();
                state.closed = true;
                // Its processes are gone with it.
                state.running.clear();
                drop(state);
                shared.changed.notify_all();
            })
            .attempt(LabErrorKind::Lost, || format!("listen to node {name}"))?;
        Ok(node)
    }

    /// Sends the request that `make` makes of a fresh id, and waits for its answer.
    pub(crate) fn request(
        &self,
        make: impl FnOnce(u64) -> NodeRequest,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<NodeAnswer> {
        let mut state = self.shared.lock();
        state.last_id += 1;
        let id = state.last_id;
        drop(state);
        self.link.send(&make(id), descriptors).map_err(|_| self.init_ended())?;
        let deadline = Instant::now() + ANSWER;
        let state = self.wait_until(deadline, |state| state.answers.contains_key(&id));
        let mut state = state.ok_or_else(|| {
            let what = format!("the init of node {} does not answer within {} s", self.name, ANSWER.as_secs());
            LabError::new(LabErrorKind::Timeout, what, "see whether the machine is overloaded, and run again")
        })?;
        match state.answers.remove(&id) {
            Some(answer) => {
                answer.map_err(|error| LabError { what: format!("node {}: {}", self.name, error.what), ..error })
            }
            None => Err(self.init_ended()),
        }
    }

    /// That the node's init is gone, and with it the node. It ends by itself only when the lab does.
    pub(crate) fn disturbance(&self) -> Option<LabError> {
        self.shared.lock().closed.then(|| self.init_ended())
    }

    fn init_ended(&self) -> LabError {
        LabError::disturbed(format!("the init of node {} was killed", self.name))
    }

    /// The node's processes that run, in the order of their start.
    pub(crate) fn running(&self) -> Vec<String> {
        self.shared.lock().running.clone()
    }

    /// A process that was started and does not run any more, and how it ended.
    pub(crate) fn ended(&self) -> Option<(String, Ending)> {
        self.shared.lock().endings.iter().next().map(|(process, ending)| (process.clone(), *ending))
    }

    /// Says whether ends of the node's processes are wanted from now on.
    pub(crate) fn expect_end(&self, expected: bool) {
        self.shared.lock().end_expected = expected;
    }

    /// Takes the unexpected ends since the last call.
    pub(crate) fn take_unexpected(&self) -> Vec<UnexpectedEnd> {
        std::mem::take(&mut self.shared.lock().unexpected)
    }

    /// The limit for which the node's init has killed its commands since the last call.
    pub(crate) fn take_limit(&self) -> Option<String> {
        let mut state = self.shared.lock();
        // A process's end is reported with it.
        if state.running.is_empty() { state.limit.take() } else { None }
    }

    /// Waits for all of the node's processes to end; false when one still runs at the deadline.
    pub(crate) fn wait_until_stopped(&self, deadline: Instant) -> bool {
        self.wait_until(deadline, |state| state.running.is_empty()).is_some()
    }

    /// Waits for a command to end; `None` when it still runs at the deadline.
    pub(crate) fn wait_for_command(&self, pid: i32, deadline: Instant) -> Result<Option<Ending>> {
        let Some(mut state) = self.wait_until(deadline, |state| matches!(state.commands.get(&pid), Some(Some(_))))
        else {
            return Ok(None);
        };
        match state.commands.remove(&pid).flatten() {
            Some(ending) => Ok(Some(ending)),
            None => Err(self.init_ended()),
        }
    }

    /// Waits until the state is as wanted, or will not change any more; `None` at the deadline.
    fn wait_until(&self, deadline: Instant, wanted: impl Fn(&State) -> bool) -> Option<MutexGuard<'_, State>> {
        let mut state = self.shared.lock();
        while !wanted(&state) && !state.closed {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(state)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a single step, so it is sound even after a panic of another thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, message: NodeMessage) {
        match message {
            // Read by the hub, before this thread starts.
            NodeMessage::SetUp(_) => {}
            NodeMessage::Answer { id, answer } => {
                match &answer {
                    Ok(NodeAnswer::Started { process: Some(process), .. }) => {
                        self.limit = None;
                        self.endings.remove(process);
                        self.running.push(process.clone());
                    }
                    Ok(NodeAnswer::Started { pid, process: None }) => {
                        // What killed processes that ran before is not this command's.
                        if self.running.is_empty() {
                            self.limit = None;
                        }
                        self.commands.insert(*pid, None);
                    }
                    _ => {}
                }
                self.answers.insert(id, answer);
            }
            NodeMessage::ProcessEnded { process, pid, ending } => {
                self.running.retain(|running| *running != process);
                self.endings.insert(process.clone(), ending);
                if !self.end_expected {
                    let limit = self.limit.clone();
                    self.unexpected.push(UnexpectedEnd { process, pid, ending, at: Instant::now(), limit });
                }
            }
            NodeMessage::LimitReached { reason } => self.limit = Some(reason),
            NodeMessage::CommandEnded { pid, ending } => {
                // Everything else that is reaped is an orphan of the node's, in which nobody is interested.
                if let Some(command) = self.commands.get_mut(&pid) {
                    *command = Some(ending);
                }
            }
        }
    }
}
