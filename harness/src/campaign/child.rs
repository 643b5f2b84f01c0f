//! One run of a campaign as a child process: started, watched, ended when it uses more than it may, and recorded
//! however it ends.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rashomon_campaign::signature::without_numbers;
use rashomon_campaign::spec::Limits;
use rashomon_campaign::{NodeProgram, Role, RunRecord};
use rashomon_runs::{RunDigest, RunFolder, Verdict};

use super::program::Programs;
use super::starvation::Watch;
use super::{CampaignError, CampaignFolder, machine};
use crate::event::{Phase, RunEvent, RunEventKind};

/// How often a run is looked at, and how often it is asked whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(200);
/// How long a run that was told to end may take for that.
const GRACE: Duration = Duration::from_secs(20);
/// The variable by which a child knows whose it is: it ends with that process, however that ends.
pub(crate) const PARENT: &str = "RASHOMON_PARENT";

/// A run that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) role: Role,
    pub(super) repeats: Option<String>,
    pub(super) cell: String,
    pub(super) words: Vec<String>,
    pub(super) seed: u64,
}

/// How making a run ended.
pub(super) enum Made {
    /// It is over, well or badly.
    Run(Box<RunRecord>),
    /// The campaign was told to stop: the run says nothing.
    Interrupted,
    /// There is no space: the run says nothing.
    DiskFull,
}

/// Whether runs shall go on.
#[derive(Default)]
pub(super) struct Stop(AtomicU8);

impl Stop {
    /// Tells every run to end in an orderly way.
    pub(super) fn gently(&self) {
        self.0.fetch_max(1, Ordering::SeqCst);
    }

    /// Ends every run at once.
    pub(super) fn at_once(&self) {
        self.0.fetch_max(2, Ordering::SeqCst);
    }

    pub(super) fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// What all runs of a campaign have in common.
pub(super) struct Maker<'a> {
    pub(super) folder: &'a CampaignFolder,
    /// How the user calls this program.
    pub(super) program: &'a str,
    pub(super) limits: &'a Limits,
    pub(super) programs: &'a Programs,
    pub(super) stop: &'a Stop,
}

/// What a child has shown by the time it is over.
struct Over {
    status: ExitStatus,
    run: Option<PathBuf>,
    log: Vec<u8>,
    /// Why it was ended, if it was.
    ended_for: Option<String>,
    watch: Watch,
    wall: Duration,
}

impl Maker<'_> {
    /// Makes a run and waits for its end, on this thread: the child ends with it.
    pub(super) fn make(&self, job: &Job) -> Result<Made, CampaignError> {
        let started = jiff::Timestamp::now().to_string();
        let over = match self.start(job) {
            Ok(child) => self.attend(child),
            Err(error) => return Err(CampaignError::failed("start a run of", Path::new(self.program))(error)),
        };
        let digest = over.run.as_ref().and_then(|run| RunFolder::at(run).digest().ok());
        let complete = digest.as_ref().is_some_and(|digest| digest.verdict.is_some() && !digest.interrupted);
        if self.stop.requested() && (!complete || over.ended_for.is_some()) {
            return Ok(Made::Interrupted);
        }
        let record = self.record(job, started, over, digest)?;
        let space = machine::free_bytes(self.folder.path());
        if record.verdict == Verdict::Broken && space.is_some_and(|free| free < self.limits.disk_free.bytes()) {
            return Ok(Made::DiskFull);
        }
        Ok(Made::Run(Box::new(record)))
    }

    fn start(&self, job: &Job) -> std::io::Result<Child> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0(self.program).arg("run").args(&job.words).arg(format!("--seed={}", job.seed)).arg("--json");
        command.arg("--results").arg(self.folder.runs());
        command.env("RASHOMON_COMMAND", self.program).env(PARENT, std::process::id().to_string());
        // A group of its own: what a terminal sends to the campaign is passed on by the campaign.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }

    /// Waits for the end of a child, which it ends when it uses too much or the campaign stops.
    fn attend(&self, mut child: Child) -> Over {
        let began = Instant::now();
        let pid = Pid::from_raw(child.id().cast_signed());
        let mut watch = Watch::of(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let log_bytes = self.limits.log.bytes();
        let (mut run, mut ended_for, mut told, mut loaded) = (None, None, None, false);
        let log = std::thread::scope(|scope| {
            let (events, arrived) = mpsc::channel();
            let out = scope.spawn(move || stdout.map_or_else(Vec::new, |out| listen(out, log_bytes, &events)));
            let err = scope.spawn(move || stderr.map_or_else(Vec::new, |err| first_bytes(err, log_bytes)));
            let mut next_look = began + LOOK_EVERY;
            loop {
                match arrived.recv_timeout(TICK) {
                    Ok(Heard::Folder(folder)) => run = Some(folder),
                    // The end of one phase and the beginning of the next are seconds of neither.
                    Ok(Heard::Loaded(is)) => loaded = is,
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if Instant::now() >= next_look {
                    next_look += LOOK_EVERY;
                    let look = watch.look(loaded);
                    if ended_for.is_none() {
                        ended_for = self.too_much(began.elapsed(), look.memory_bytes);
                    }
                }
                self.end_when_told(pid, ended_for.is_some(), &mut told);
            }
            let mut log = out.join().unwrap_or_default();
            log.extend(err.join().unwrap_or_default());
            log
        });
        let status = child.wait().unwrap_or_else(|_| ExitStatus::from_raw(255 << 8));
        Over { status, run, log, ended_for, watch, wall: began.elapsed() }
    }

    fn too_much(&self, wall: Duration, memory_bytes: u64) -> Option<String> {
        let Limits { time, memory, .. } = self.limits;
        if wall > time.duration() {
            return Some(format!("ended after its time limit of {time} ([limits] time)"));
        }
        (memory_bytes > memory.bytes()).then(|| format!("ended at its memory limit of {memory} ([limits] memory)"))
    }

    /// Sends the child the signal that is due: first one that it can handle, later one that it cannot.
    fn end_when_told(&self, pid: Pid, too_much: bool, told: &mut Option<Instant>) {
        let stop = self.stop.0.load(Ordering::SeqCst);
        let at_once = stop > 1 || told.is_some_and(|since| since.elapsed() > GRACE);
        if at_once {
            let _ = kill(pid, Signal::SIGKILL);
        } else if (stop > 0 || too_much) && told.is_none() {
            *told = Some(Instant::now());
            let _ = kill(pid, Signal::SIGTERM);
        }
    }

    fn record(
        &self,
        job: &Job,
        started: String,
        over: Over,
        digest: Option<RunDigest>,
    ) -> Result<RunRecord, CampaignError> {
        let starvation = over.watch.finish();
        let said = String::from_utf8_lossy(&over.log).into_owned();
        let (mut verdict, mut cause) = judged(over.ended_for, over.status, digest.as_ref(), &said);
        if verdict == Verdict::Pass && starvation.is_some_and(|starvation| starvation.starved()) {
            verdict = Verdict::Inconclusive;
            cause = Some("starved: its processes waited too long for a processor; use fewer jobs".to_owned());
        }
        if verdict == Verdict::Broken {
            self.folder.write_log(&job.id, &over.log)?;
        }
        let mut reduced = false;
        if let (Verdict::Pass, Some(digest), Some(run)) = (verdict, &digest, &over.run) {
            let kept = RunFolder::at(run).reduce(digest);
            kept.map_err(|error| CampaignError::failed("reduce", run)(std::io::Error::other(error.to_string())))?;
            reduced = true;
        }
        let again = || {
            let words = [&["run".to_owned()], &job.words[..], &[format!("--seed={}", job.seed)]].concat();
            format!("{} {}", self.program, words.join(" "))
        };
        Ok(RunRecord {
            id: job.id.clone(),
            role: job.role,
            repeats: job.repeats.clone(),
            cell: job.cell.clone(),
            seed: job.seed,
            command: digest.as_ref().map_or_else(again, |digest| digest.reproduce.clone()),
            started,
            wall_s: (over.wall.as_secs_f64() * 1000.0).round() / 1000.0,
            verdict,
            cause,
            program: over.run.as_deref().and_then(|run| self.node_program(run)),
            digest,
            starvation,
            reduced,
        })
    }

    /// The program of the run's nodes.
    fn node_program(&self, run: &Path) -> Option<NodeProgram> {
        let manifest = RunFolder::at(run).manifest().ok()?;
        self.programs.of(Path::new(manifest.nodes.first()?.command.first()?))
    }
}

/// What a run counts as, and why it proves nothing if it does not.
fn judged(
    ended_for: Option<String>,
    status: ExitStatus,
    digest: Option<&RunDigest>,
    said: &str,
) -> (Verdict, Option<String>) {
    if let Some(why) = ended_for {
        return (Verdict::Broken, Some(why));
    }
    let Some((digest, verdict)) = digest.and_then(|digest| Some((digest, digest.verdict?))) else {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with code {code}"),
            (None, Some(signal)) => format!("was killed by {}", name_of(signal)),
            (None, None) => "ended".to_owned(),
        };
        let last = said.lines().rfind(|line| line.starts_with("error:")).or_else(|| said.lines().last());
        let said = last.map_or_else(String::new, |line| format!("; it said: {line}"));
        return (Verdict::Broken, Some(format!("its process {how} without a verdict{}", without_numbers(&said))));
    };
    let silent = matches!(verdict, Verdict::Inconclusive | Verdict::Broken);
    let first = || digest.reasons.first().map_or("no reason was given", String::as_str);
    (verdict, silent.then(|| without_numbers(first())))
}

fn name_of(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

/// What a run's events say that matters to whoever attends it.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// The run's folder.
    Folder(PathBuf),
    /// Whether clients use the cluster: then what harness and nodes do must be in time.
    Loaded(bool),
}

/// Reads events; hands over what matters, and returns the first of what is no event.
fn listen(stdout: impl Read, most: u64, heard: &mpsc::Sender<Heard>) -> Vec<u8> {
    let mut lines = BufReader::new(stdout);
    let (mut line, mut log) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = match serde_json::from_slice::<RunEvent>(&line).map(|event| event.kind) {
            Ok(RunEventKind::RunStarted { folder: path, .. }) => {
                let _ = heard.send(Heard::Folder(path));
                None
            }
            Ok(RunEventKind::PhaseBegan { phase }) => {
                let _ = heard.send(Heard::Loaded(matches!(phase, Phase::Load | Phase::FinalReads)));
                None
            }
            Ok(RunEventKind::Warning { message }) => Some(format!("warning: {message}\n").into_bytes()),
            Ok(RunEventKind::Broke { what, .. }) => Some(format!("broke: {what}\n").into_bytes()),
            Ok(_) => None,
            Err(_) => Some(line.clone()),
        };
        let room = (most as usize).saturating_sub(log.len());
        log.extend(text.iter().flatten().take(room));
        line.clear();
    }
    log
}

/// The first of what is printed; the rest is read and dropped, so that nobody waits.
fn first_bytes(mut source: impl Read, most: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = source.by_ref().take(most).read_to_end(&mut kept);
    let _ = std::io::copy(&mut source, &mut std::io::sink());
    kept
}

/// Makes this process end with the campaign that started it, if one did: `false` when that is over already.
pub(crate) fn end_with_parent() -> bool {
    let Some(parent) = std::env::var(PARENT).ok().and_then(|text| text.parse::<i32>().ok()) else { return true };
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    nix::unistd::getppid().as_raw() == parent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_no_verdict_is_broken_and_says_how_it_ended() {
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        let (verdict, cause) = judged(None, exited(255), None, "warning: a\nerror: no lab 7\nhint: b\n");
        assert_eq!(verdict, Verdict::Broken);
        assert_eq!(cause.unwrap(), "its process exited with code 255 without a verdict; it said: error: no lab #");
        let (_, cause) = judged(None, ExitStatus::from_raw(9), None, "");
        assert_eq!(cause.unwrap(), "its process was killed by SIGKILL without a verdict");
        let (verdict, cause) = judged(Some("ended at its limit".to_owned()), exited(0), None, "");
        assert_eq!((verdict, cause.as_deref()), (Verdict::Broken, Some("ended at its limit")));
    }

    #[test]
    fn what_is_printed_is_kept_up_to_a_bound() {
        assert_eq!(first_bytes(&b"abcdef"[..], 3), b"abc");
        let (folder, arrived) = mpsc::channel();
        let started = r#"{"run":"r","elapsed_ms":0,"event":"run-started","folder":"/a/r","target":"t","mutant":null,"workload":"w","seed":1,"nodes":3,"time_ms":1,"planned_faults":0}"#;
        let text = format!("hello\n{started}\nthread main panicked\n");
        assert_eq!(listen(text.as_bytes(), 10, &folder), b"hello\nthre");
        assert_eq!(arrived.recv(), Ok(Heard::Folder(PathBuf::from("/a/r"))));
    }
}
