//! A PostgreSQL server of a test's own.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Where distributions put the programs that are not in the path.
const FOLDERS: &str = "/usr/lib/postgresql";

/// A server on a free port of the loopback device, in a folder of its own, as an unprivileged user.
pub(crate) struct Server {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// Starts it; `None`, with a message, where there is no PostgreSQL.
    pub(crate) fn start() -> Option<Server> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "CI needs PostgreSQL: .ci/run installs it");
            eprintln!("skipped: there is no PostgreSQL (Debian and Ubuntu: apt-get install postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        if is_root() {
            let owned = Command::new("chown").args(["-R", "nobody"]).arg(folder.path()).status();
            assert!(owned.expect("chown runs").success());
        }
        let mut init = unprivileged(&programs.join("initdb"), folder.path());
        init.arg("-D").arg(&data).args(["-U", "rashomon", "--auth=trust", "-E", "UTF8", "--no-sync"]);
        let made = init.output().expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut postgres = unprivileged(&programs.join("postgres"), folder.path());
        postgres.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses=127.0.0.1"]);
        postgres.args(["-c", "fsync=off", "-p"]).arg(port.to_string());
        let process = postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres starts");
        let mut server = Server { process, port, _folder: folder };
        server.wait();
        Some(server)
    }

    /// What `--store` takes.
    pub(crate) fn address(&self) -> String {
        format!("postgres://rashomon@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self) {
        let began = Instant::now();
        loop {
            // The port is open a moment before the server answers.
            let open = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            if open && rashomon_index::open(&self.address()).is_ok() {
                return;
            }
            assert!(self.process.try_wait().expect("it can be asked").is_none(), "the server has ended");
            assert!(began.elapsed() < Duration::from_secs(60), "the server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An immediate shutdown: what it holds goes with it.
        let _ = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(FOLDERS).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    found.retain(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

/// The command as `nobody` where this process is root: PostgreSQL refuses to run as root.
fn unprivileged(program: &Path, folder: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder).stdin(Stdio::null());
    command
}
