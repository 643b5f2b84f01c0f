//! What this program does as a process of a node.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Plays the role, or returns if it is none of a node's.
pub(crate) fn run(role: &str, rest: &[String]) {
    let word = |index: usize| rest.get(index).expect("one more argument").as_str();
    match role {
        // Echoes, and counts aloud from a thread of its own.
        "node-serve" => {
            println!("serving with {:?}", std::env::var("GREETING"));
            std::thread::spawn(|| {
                for count in 0.. {
                    println!("tick {count}");
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let listener = TcpListener::bind(("0.0.0.0", word(0).parse().expect("a port"))).expect("listen");
            for stream in listener.incoming() {
                let mut stream = stream.expect("accept");
                let mut byte = [0u8];
                if stream.read_exact(&mut byte).is_ok() {
                    let _ = stream.write_all(&byte);
                }
            }
        }
        // Exits with 0 when an echo comes back from the address, and else says why not.
        "node-call" => {
            let address: SocketAddr = word(0).parse().expect("an address");
            let answered = TcpStream::connect_timeout(&address, Duration::from_millis(300)).and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_millis(300)))?;
                stream.write_all(b"x")?;
                stream.read_exact(&mut [0u8])
            });
            match answered {
                Ok(()) => std::process::exit(0),
                Err(error) => {
                    print!("{:?} {:?}", error.kind(), error.raw_os_error());
                    std::process::exit(1);
                }
            }
        }
        "node-attempts" => attempts(),
        "node-fork-bomb" => fork_bomb(),
        "node-hog" => hog(word(0)),
        _ => {}
    }
}

/// Tries what takes a system call and no program; exits with the number of what succeeded.
fn attempts() -> ! {
    use nix::sched::{CloneFlags, unshare};
    let mut succeeded = Vec::new();
    let mut attempt = |what: &'static str, done: bool| {
        if done {
            succeeded.push(what);
        }
    };
    let open = |path: &str| std::fs::File::options().write(true).open(path).is_ok();
    attempt("a mount namespace", unshare(CloneFlags::CLONE_NEWNS).is_ok());
    attempt("a network namespace", unshare(CloneFlags::CLONE_NEWNET).is_ok());
    attempt("another host name", nix::unistd::sethostname("other").is_ok());
    attempt("a chroot", nix::unistd::chroot("/tmp").is_ok());
    attempt("the machine's memory", open("/dev/mem") || open("/dev/kmsg") || open("/dev/vda") || open("/dev/sda"));
    attempt("kernel parameters", open("/proc/sys/kernel/core_pattern") || open("/proc/sys/kernel/hostname"));
    attempt("the init's memory", open("/proc/1/mem") || std::fs::read("/proc/1/environ").is_ok());
    attempt("namespaces of its init", std::fs::File::open("/proc/1/ns/mnt").is_ok());
    attempt("a lower memory score", std::fs::write("/proc/self/oom_score_adj", "-900").is_ok());
    attempt(
        "the clock file",
        open(&format!("/run/rashomon/{}/shared/word", std::env::var("HOSTNAME").expect("a name"))),
    );
    // Last, for it would change what holds for the others.
    attempt("a user namespace", unshare(CloneFlags::CLONE_NEWUSER).is_ok());
    print!("{succeeded:?}");
    std::process::exit(succeeded.len() as i32)
}

/// Becomes as many as it can, each of which goes on trying.
fn fork_bomb() -> ! {
    loop {
        let again =
            std::process::Command::new(std::env::current_exe().expect("own path")).arg("node-fork-bomb").spawn();
        if again.is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Takes memory until it is killed.
fn hog(way: &str) -> ! {
    const STEP: usize = 16 << 20;
    let mut held: Vec<Vec<u8>> = Vec::new();
    match way {
        "touch" => loop {
            held.push(vec![1; STEP]);
            std::hint::black_box(&held);
        },
        "shared" => {
            let path = format!("/dev/shm/{}", std::process::id());
            let mut file = std::fs::File::create(path).expect("create");
            while file.write_all(&vec![1; STEP]).is_ok() {}
            loop {
                held.push(vec![1; STEP]);
            }
        }
        "children" => {
            for _ in 0..8 {
                let _ = std::process::Command::new(std::env::current_exe().expect("own path"))
                    .args(["node-hog", "some"])
                    .spawn();
            }
        }
        "some" => held.push(vec![1; 4 * STEP]),
        // Zeroed pages are not there until they are touched.
        "reserve" => held.push(Vec::with_capacity(128 * STEP)),
        _ => {}
    }
    std::hint::black_box(&held);
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}
