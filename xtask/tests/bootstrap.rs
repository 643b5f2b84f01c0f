//! The script `./rashomon` at the repository's root: when it builds, what it runs, and what it says when it cannot.
//!
//! It runs in a checkout made of stubs: a cargo that writes down how it was called and makes programs that do the same.
//! Installing packages is not tested here, as that depends on the machine.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use tempfile::TempDir;

const CARGO: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then echo "cargo 1.95.0 (0 2026-01-01)"; exit; fi
if [ "$1" = nextest ]; then exit 101; fi
echo "$(pwd): $*" >>"$STUB_LOG"
if [ "$1" = test ]; then
    printf 'test result: ok. 3 passed; 0 failed; 0 ignored\n'
    printf 'test result: FAILED. 4 passed; 2 failed; 0 ignored\n'
    exit 101
fi
[ -z "${STUB_FAILS:-}" ] || exit 101
while [ $# -gt 0 ]; do
    if [ "$1" = --target-dir ]; then target=$2; fi
    shift
done
[ -n "${target:-}" ] || exit 0
for name in rashomon rashomon-node; do
    printf '#!/bin/sh\npwd\nfor argument in "$@"; do echo "<$argument>"; done\nexit 7\n' >"$target/release/$name"
    chmod +x "$target/release/$name"
done
"#;

/// A checkout with stubs, in a folder whose name has a space in it.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn new() -> Checkout {
        let checkout = Checkout { folder: tempfile::Builder::new().prefix("boot strap").tempdir().expect("a folder") };
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository");
        let root = checkout.root();
        fs::create_dir_all(root.join("src")).expect("a folder");
        for name in ["rashomon", "Cargo.toml"] {
            fs::copy(repository.join(name), root.join(name)).expect("the file is in the repository");
        }
        fs::write(root.join("src/main.rs"), "").expect("a file");
        checkout.program("cargo", CARGO);
        checkout
    }

    /// The checkout itself, with no symbolic link in its path.
    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder exists").join("a checkout")
    }

    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path
    }

    /// The script with the stub of cargo, called by `name` in the folder `from`.
    fn script(&self, name: &Path, from: &Path) -> Command {
        let mut command = Command::new(name);
        command.current_dir(from).env("CARGO", self.folder.path().join("cargo"));
        command.env("STUB_LOG", self.folder.path().join("log")).env("RASHOMON_NO_INSTALL", "1");
        command.env_remove("CARGO_TARGET_DIR").env_remove("RASHOMON_NO_BUILD");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let root = self.root();
        self.script(&root.join("rashomon"), &root).args(arguments).output().expect("the script starts")
    }

    /// How cargo was called, one call a line.
    fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Makes a source file newer than anything that was built.
    fn edit(&self) {
        let file = fs::File::options().write(true).open(self.root().join("src/main.rs")).expect("the file is there");
        file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(2)).expect("it is ours");
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn builds_and_hands_over_arguments_folder_and_exit_code() {
    let checkout = Checkout::new();
    let from = env::temp_dir().canonicalize().expect("it exists");
    let output = checkout
        .script(&checkout.root().join("rashomon"), &from)
        .args(["check", "a file", "", "*"])
        .output()
        .expect("the script starts");
    assert_eq!(stdout(&output), format!("{}\n<check>\n<a file>\n<>\n<*>\n", from.display()), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(7));
    let root = checkout.root();
    let (root, target) = (root.display(), root.join("target"));
    assert_eq!(checkout.calls(), [format!("{root}: build --release --locked --target-dir {}", target.display())]);
}

#[test]
fn is_found_through_links() {
    let checkout = Checkout::new();
    let folder = checkout.folder.path();
    symlink("a checkout/rashomon", folder.join("relative")).expect("a link");
    symlink(folder.join("relative"), folder.join("absolute")).expect("a link");
    for name in ["relative", "absolute"] {
        let output = checkout.script(&folder.join(name), Path::new("/")).output().expect("the script starts");
        assert_eq!((stdout(&output).as_str(), output.status.code()), ("/\n", Some(7)), "{}", stderr(&output));
    }
    let output =
        checkout.script(Path::new("sh"), &checkout.root()).arg("rashomon").output().expect("the script starts");
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
}

#[test]
fn cargo_is_quiet_unless_sources_changed() {
    let checkout = Checkout::new();
    let quiet = || checkout.calls().last().expect("cargo was called").contains("--quiet");
    checkout.run(&[]);
    assert!(!quiet());
    checkout.run(&[]);
    assert!(quiet());
    checkout.edit();
    checkout.run(&[]);
    assert!(!quiet());
}

#[test]
fn a_failed_build_is_not_run() {
    let checkout = Checkout::new();
    checkout.run(&[]);
    checkout.edit();
    let root = checkout.root();
    for _ in 0..2 {
        let output =
            checkout.script(&root.join("rashomon"), &root).env("STUB_FAILS", "1").output().expect("the script starts");
        assert_eq!((stdout(&output).as_str(), output.status.code()), ("", Some(255)));
        assert!(stderr(&output).contains("the build failed"), "{}", stderr(&output));
        assert!(!checkout.calls().last().expect("cargo was called").contains("--quiet"));
    }
}

#[test]
fn runs_what_is_there_when_told_not_to_build() {
    let checkout = Checkout::new();
    let root = checkout.root();
    let run = || {
        let mut script = checkout.script(&root.join("rashomon"), &root);
        script.env("RASHOMON_NO_BUILD", "1").output().expect("the script starts")
    };
    let output = run();
    assert_eq!(output.status.code(), Some(255));
    assert!(stderr(&output).contains("is missing"), "{}", stderr(&output));
    checkout.run(&[]);
    checkout.edit();
    assert_eq!(run().status.code(), Some(7));
    assert_eq!(checkout.calls().len(), 1);
}

#[test]
fn a_target_folder_is_taken_from_the_users_folder() {
    let checkout = Checkout::new();
    let from = checkout.folder.path().canonicalize().expect("it exists");
    let output = checkout
        .script(&checkout.root().join("rashomon"), &from)
        .env("CARGO_TARGET_DIR", "elsewhere")
        .output()
        .expect("the script starts");
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert!(from.join("elsewhere/release/rashomon").exists());
    assert!(!checkout.root().join("target").exists());
}

#[test]
fn a_target_folder_of_another_checkout_is_built_again() {
    let (one, other) = (Checkout::new(), Checkout::new());
    let shared = TempDir::new().expect("a folder");
    for checkout in [&one, &other] {
        let root = checkout.root();
        let mut script = checkout.script(&root.join("rashomon"), &root);
        script.env("CARGO_TARGET_DIR", shared.path()).output().expect("the script starts");
        assert!(!checkout.calls().last().expect("cargo was called").contains("--quiet"));
    }
}

#[test]
fn names_the_rust_that_is_needed() {
    let checkout = Checkout::new();
    let manifest = checkout.root().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("it was copied");
    let (before, after) = text.split_once("rust-version = \"").expect("the workspace names its Rust");
    // So that no cargo of this machine is new enough.
    fs::write(&manifest, format!("{before}rust-version = \"999.1{after}")).expect("it is ours");
    let output = checkout.run(&[]);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("", Some(255)));
    let said = stderr(&output);
    assert!(said.contains("/cargo is version 1.95.0") && said.contains("rustup"), "{said}");
    assert!(checkout.calls().is_empty());
}

#[test]
fn tests_are_summed_up() {
    let checkout = Checkout::new();
    let output = checkout.run(&["test"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(stdout(&output).ends_with("\n7 passed, 2 failed\n"), "{}", stdout(&output));
    let output = checkout.run(&["test", "-p", "a b"]);
    assert_eq!(output.status.code(), Some(101));
    let last = checkout.calls().pop().expect("cargo was called");
    // Who chooses a package gets no other.
    assert!(last.ends_with(": test --locked -p a b"), "{last}");
    let output = checkout.run(&["test", "some_name"]);
    assert_eq!(output.status.code(), Some(101));
    let last = checkout.calls().pop().expect("cargo was called");
    assert!(last.ends_with(": test --workspace --locked some_name"), "{last}");
}
