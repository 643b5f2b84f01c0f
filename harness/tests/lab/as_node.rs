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
        _ => {}
    }
}
