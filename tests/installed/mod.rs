//! The built programs in a folder of their own.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rashomon");

/// A folder with the programs in it, so that every process of a run can be told by where its program lies.
pub(crate) struct Installed(tempfile::TempDir);

impl Installed {
    pub(crate) fn new() -> Installed {
        let folder = tempfile::tempdir().unwrap();
        for name in ["rashomon", "rashomon-node"] {
            let built = Path::new(PROGRAM).with_file_name(name);
            assert!(built.is_file(), "build {name} first: cargo build --workspace --bins");
            let installed = folder.path().join(name);
            // Another file system takes a copy.
            if std::fs::hard_link(&built, &installed).is_err() {
                std::fs::copy(&built, &installed).unwrap();
            }
        }
        Installed(folder)
    }

    pub(crate) fn program(&self) -> Command {
        Command::new(self.0.path().join("rashomon"))
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.0.path().join("results")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.program().args(arguments).arg("--results").arg(self.results()).output().expect("the program starts")
    }

    /// A shell script beside a node program of its own, which both see: they lie in one installation.
    pub(crate) fn script(&self, text: &str) -> String {
        let folder = self.0.path().join("installation/bin");
        std::fs::create_dir_all(&folder).unwrap();
        let node = folder.join("rashomon-node");
        if !node.exists() {
            std::fs::hard_link(self.0.path().join("rashomon-node"), &node).unwrap();
        }
        let path = folder.join(format!("script-{}", text.len()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    pub(crate) fn check(&self, run: &Path) -> Output {
        self.program().args(["check", "--model", "cas-register"]).arg(run).output().expect("the program starts")
    }

    /// Starts the program with nobody's rights where this process is root.
    pub(crate) fn program_as_user(&self) -> Command {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.0.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "env"]);
        command.arg(format!("HOME={}", self.0.path().display())).arg(self.0.path().join("rashomon"));
        command
    }

    /// The processes that run one of the programs: ids and names.
    pub(crate) fn list_processes(&self) -> Vec<(u32, String)> {
        let entries = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
        let ours = entries.filter_map(|entry| {
            let program = std::fs::read_link(entry.path().join("exe")).ok()?;
            let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
            let pid = entry.file_name().to_str()?.parse().ok()?;
            program.starts_with(self.0.path()).then_some((pid, name.trim_end().to_owned()))
        });
        ours.collect()
    }

    /// How many processes run one of the programs.
    pub(crate) fn processes(&self) -> usize {
        self.list_processes().len()
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
