//! Readiness probes: from the clients' namespace, as a client would see it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::target::Readiness;

/// One try must not hang for as long as a lost packet is retried.
const ONE_TRY: Duration = Duration::from_millis(500);

/// Tries once; an error says what is missing.
pub(crate) fn probe(readiness: &Readiness, ip: Ipv4Addr) -> Result<(), String> {
    match readiness {
        Readiness::Tcp(port) => connect(ip, *port).map(|_| ()),
        // Not from here: it runs in the node.
        Readiness::Command(_) => Ok(()),
        Readiness::Http { port, path } => {
            let mut stream = connect(ip, *port)?;
            match http_status(&mut stream, ip, path) {
                Ok(200..300) => Ok(()),
                Ok(status) => Err(format!("it answers with HTTP status {status}")),
                Err(error) => Err(format!("it does not answer a GET of {path} ({error})")),
            }
        }
    }
}

fn connect(ip: Ipv4Addr, port: u16) -> Result<TcpStream, String> {
    TcpStream::connect_timeout(&SocketAddr::from((ip, port)), ONE_TRY)
        .map_err(|error| format!("it does not accept connections on {ip}:{port} ({error})"))
}

fn http_status(stream: &mut TcpStream, ip: Ipv4Addr, path: &str) -> std::io::Result<u16> {
    stream.set_read_timeout(Some(ONE_TRY))?;
    stream.set_write_timeout(Some(ONE_TRY))?;
    // In one piece: a server may answer, and close, as soon as it has seen the first line.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {ip}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    // "HTTP/1.1 200" and no more.
    stream.take(12).read_to_end(&mut head)?;
    let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    status.ok_or_else(|| std::io::Error::other("its answer is not HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answer_once(answer: &'static str) -> Readiness {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            let _ = stream.read(&mut [0u8; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        Readiness::Http { port, path: "/status".into() }
    }

    #[test]
    fn only_a_good_http_status_is_ready() {
        let probe = |answer| super::probe(&answer_once(answer), Ipv4Addr::LOCALHOST);
        assert_eq!(probe("HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
        assert!(probe("HTTP/1.1 503 Not yet\r\n\r\n").expect_err("not ready").contains("503"));
        assert!(probe("hello, I am no web server").is_err());
        assert!(probe("").is_err());
    }
}
