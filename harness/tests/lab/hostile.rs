//! Nodes that do what they must not be able to do.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rashomon_harness::lab::{Inside, Lab, LabSpec, Limits, NamespaceLab, NodeUser};
use rashomon_harness::target::NodeCommand;

use crate::inside::{output, shell, this_program};

const SOON: Duration = Duration::from_secs(20);
const MIB: u64 = 1 << 20;
const LIMITS: Limits =
    Limits { memory_bytes: 200 * MIB, processes: 100, log_bytes: MIB, scratch_bytes: 8 * MIB, data_bytes: 16 * MIB };

fn up(inside: Inside, folder: &Path, user: NodeUser) -> NamespaceLab {
    let spec = LabSpec { user, limits: LIMITS, ..LabSpec::new(2, folder.join("run")) };
    NamespaceLab::up(inside, &spec).expect("the lab comes up")
}

/// `folder` has a `run` and a `secret`, which is somebody's file.
pub(crate) fn destruction(inside: Inside, folder: &Path) {
    for_each_user(inside, folder, |lab, user| {
        let secret = folder.join("secret");
        let before = SystemTime::now();
        lab.start(2, &shell("while :; do sleep 0.01; done")).expect("start");
        // First what a mistake in a server's script does, then looks at what is left of the node.
        // The whole of /usr takes many seconds.
        let _ = lab.exec(1, &shell("timeout 1 rm -rf --no-preserve-root / 2>/dev/null"), SOON).expect("it ends");
        let rest = "rm -rf /bin/* /etc/* /opt/* /tmp/* /dev/* /run/* /var/* /root /home /work 2>/dev/null";
        let _ = lab.exec(1, &shell(rest), SOON).expect("it ends");
        assert_eq!(std::fs::read_to_string(&secret).expect("it is there"), "mine");
        assert!(Path::new("/usr/bin/env").exists() && Path::new("/etc/passwd").exists());
        assert!(Path::new("/dev/null").exists());
        assert_eq!(output(lab, 1, "echo a > /dev/null; cat /dev/null; date +%s >/dev/null; echo b"), "b");
        for script in [
            "date -s 2001-01-01",
            "date -s '2030-01-01 12:00'",
            "cat /etc/shadow | grep .",
            "cat /etc/gshadow | grep .",
            "ls -A /root /home /mnt /srv /media /boot /lost+found | grep .",
            "touch /usr/x",
            "touch /etc/x",
            "echo x >> /etc/passwd",
            "touch /x",
            "mkdir /x",
            "mount -t tmpfs none /tmp",
            "mount -o remount,rw /usr",
            "umount /usr",
            "umount -l /proc/sys",
            "unshare -U true",
            "unshare -Ur mount -t tmpfs none /mnt",
            "unshare -m true",
            "chroot / true",
            "echo b > /proc/sysrq-trigger",
            "echo 1 > /proc/sys/kernel/panic",
            "echo 1 > /proc/sys/vm/drop_caches",
            "hostname other",
            "ip link set eth0 down",
            "ip address add 10.77.0.9/24 dev eth0",
            "iptables -L",
            "mknod /tmp/null c 1 3",
            "nsenter -t 1 -m true",
            "cat /proc/1/environ",
            "ls /proc/1/fd/",
            "reboot -f",
            "dmesg --clear",
        ] {
            let done = lab.exec(1, &shell(script), SOON).expect("it ends");
            assert!(!done.ending.success(), "{user:?}: {script}: {done:?}");
        }
        for path in [&secret, &folder.join("run/manifest.json"), &std::env::current_exe().expect("own path")] {
            let script = format!("cat {}", path.display());
            assert!(!lab.exec(2, &shell(&script), SOON).expect("it ends").ending.success(), "{script}");
        }
        // Signals reach the node's own processes only.
        let _ = lab.exec(1, &shell("trap '' KILL TERM; kill -KILL -1; kill -KILL 1"), SOON);
        assert!(lab.running(2).expect("a node") && lab.exec(1, &shell("true"), SOON).expect("run").ending.success());
        let passed = SystemTime::now().duration_since(before).expect("the clock goes on");
        assert!(passed < Duration::from_secs(300), "nobody has set it");
    });
}

/// A lab comes up once for each controller, so each kind of user has one of its own.
fn for_each_user(inside: Inside, folder: &Path, attack: impl Fn(&NamespaceLab, NodeUser)) {
    let user = if inside.payload.ends_with(" root") { NodeUser::Root } else { NodeUser::Unprivileged };
    std::fs::create_dir_all(folder.join("run")).expect("make the run's folder");
    std::fs::write(folder.join("run/manifest.json"), "{}").expect("write");
    let lab = up(inside, folder, user);
    attack(&lab, user);
    Box::new(lab).down().expect("down");
}

pub(crate) fn privileges(inside: Inside, folder: &Path) {
    for_each_user(inside, folder, |lab, user| {
        let status = output(lab, 1, "cat /proc/self/status");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect(name);
            line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
        };
        let capabilities = if user == NodeUser::Root { "00000000000004fb" } else { "0000000000000000" };
        for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
            assert_eq!(field(set), capabilities, "{set} {user:?}");
        }
        assert_eq!(field("CapAmb:"), "0000000000000000");
        assert_eq!(field("NoNewPrivs:"), "1");
        let id = user.id();
        assert_eq!(field("Uid:"), format!("{id} {id} {id} {id}"));
        assert_eq!(output(lab, 1, "id -un; id -gn"), format!("{0}\n{0}", user.name()));
        assert_eq!(output(lab, 1, "ls /proc/self/fd | wc -l"), "4", "standard three, and that of ls itself");
        assert_eq!(output(lab, 1, "cat /proc/self/oom_score_adj"), "1000");
        assert!(output(lab, 1, "cat /proc/keys 2>/dev/null").is_empty());
        let attempts = lab.exec(1, &this_program(&["node-attempts"]), SOON).expect("it ends");
        assert!(attempts.ending.success(), "{attempts:?}");
        let outside = lab.isolation().host_uid;
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&lab.nodes()[0].data_dir).expect("it is"));
        assert_eq!(owner, outside);
        let maps_more = std::fs::read_to_string("/proc/self/uid_map").expect("a map").lines().count() > 1;
        let is_root = nix::unistd::geteuid().is_root() && outside != 0;
        assert!(!maps_more || is_root, "where the lab can choose, nodes are not root outside");
    });
}

pub(crate) fn exhaustion(inside: Inside, folder: &Path) {
    for_each_user(inside, folder, |lab, user| {
        processes(lab);
        memory(lab);
        log(lab, folder);
        disks(lab);
        assert_eq!(output(lab, 2, "echo well"), "well", "{user:?}: the other node is not touched");
    });
}

fn processes(lab: &NamespaceLab) {
    lab.start(1, &this_program(&["node-fork-bomb"])).expect("start");
    let bounded = wait_for(|| lab.exec(1, &shell("true"), SOON).is_err());
    assert!(bounded, "no process can be added");
    let count = std::fs::read_dir("/proc").expect("the lab's processes").count() as u64;
    assert!(count < 2 * LIMITS.processes + 100, "{count}");
    let killed = lab.kill(1).expect("a bomb can be killed");
    assert!(killed.processes.len() as u64 <= LIMITS.processes, "{}", killed.processes.len());
    assert_eq!(output(lab, 1, "echo again"), "again");
}

fn memory(lab: &NamespaceLab) {
    lab.exits();
    for way in ["touch", "shared", "children"] {
        lab.start(1, &this_program(&["node-hog", way])).expect("start");
        let mut exits = Vec::new();
        let killed = wait_for(|| {
            exits.extend(lab.exits());
            !exits.is_empty()
        });
        assert!(killed, "{way}: the watchdog kills it");
        let limit = exits[0].limit.clone().expect("a limit is the reason");
        assert!(limit.contains("of memory; its limit is 200.0 MiB"), "{limit}");
        output(lab, 1, "rm -f /dev/shm/*");
        assert!(exits[0].to_string().starts_with("was killed by the lab: it used "), "{}", exits[0]);
    }
    // What is reserved and not used is no memory.
    lab.start(1, &this_program(&["node-hog", "reserve"])).expect("start");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(lab.running(1).expect("a node"));
    lab.kill(1).expect("kill");
}

fn log(lab: &NamespaceLab, folder: &Path) {
    let path = folder.join("run/nodes/n1/node.log");
    lab.start(1, &shell("yes a line that says nothing at all")).expect("start");
    std::thread::sleep(Duration::from_millis(300));
    lab.kill(1).expect("kill");
    assert!(lab.dropped_log_lines() > 0);
    let len = std::fs::metadata(&path).expect("the log").len();
    // The times in front come on top.
    assert!(len < 3 * LIMITS.log_bytes, "{len}");
    assert!(std::fs::read_to_string(&path).expect("the log").contains("--- the log has reached its limit"));
}

fn disks(lab: &NamespaceLab) {
    for (place, most) in [
        (".", LIMITS.data_bytes),
        ("/tmp", LIMITS.scratch_bytes),
        ("/run", LIMITS.scratch_bytes),
        ("/var/lib", LIMITS.scratch_bytes),
        ("/var/tmp", LIMITS.scratch_bytes),
        ("/dev/shm", LIMITS.scratch_bytes),
    ] {
        let file = PathBuf::from(place).join("big");
        let fill = format!("dd if=/dev/zero of={0} bs=1M 2>/dev/null; stat -c %s {0}; rm {0}", file.display());
        let size: u64 = output(lab, 1, &fill).parse().expect("a size");
        assert!(size <= most && size > most / 2, "{place}: {size}");
    }
    let many = "i=0; while true > f$i; do i=$((i+1)); done 2>/dev/null; echo $i; rm f*; true";
    let files: u64 = output(lab, 1, many).parse().expect("a number");
    assert!(files <= LIMITS.data_bytes / 4096, "{files} empty files");
}

fn wait_for(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// A script lies in a folder that nodes do not see; a library that it needs beside it.
pub(crate) fn declared(inside: Inside, folder: &Path) {
    let place = folder.join("place");
    std::fs::create_dir_all(&place).expect("make a folder");
    let (script, library) = (place.join("script.sh"), place.join("library.sh"));
    std::fs::write(&script, format!(". {}\ngreet", library.display())).expect("write");
    std::fs::write(&library, "greet() { echo hello; }").expect("write");
    let lab = NamespaceLab::up(inside, &LabSpec::new(1, folder.join("run"))).expect("the lab comes up");
    let command = NodeCommand { args: vec![script.display().to_string()], ..NodeCommand::new("/bin/sh") };
    let alone = lab.exec(1, &command, SOON).expect("it ends");
    assert!(!alone.ending.success() && alone.stderr.contains("library.sh"), "{alone:?}");
    let whole = NodeCommand { reads: vec![library.clone()], ..command };
    assert_eq!(lab.exec(1, &whole, SOON).expect("it ends").stdout, "hello\n");
    assert_ne!(output(&lab, 1, &format!("echo x > {} || echo no", library.display())), "");
    assert_eq!(std::fs::read_to_string(&library).expect("read"), "greet() { echo hello; }", "read-only");
    // What replaces a file of that name is seen at the next start.
    std::fs::remove_file(&library).expect("remove");
    std::fs::write(&library, "greet() { echo bye; }").expect("write");
    assert_eq!(lab.exec(1, &whole, SOON).expect("it ends").stdout, "bye\n");
    let interpreted = place.join("interpreted");
    std::fs::write(&interpreted, "#!/no/such/interpreter\n").expect("write");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&interpreted, mode).expect("make it executable");
    let error = lab.start(1, &NodeCommand::new(interpreted)).expect_err("no interpreter");
    assert!(error.remedy.contains("interpreter"), "{error}");
}
