//! The client against scripted servers.

use std::time::Duration;

use rashomon_harness::client::ClientLog;
use rashomon_harness::interface::REGISTER;
use rashomon_harness::target::{self, Node};
use rashomon_history::{Outcome, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const MAPPING: &str = r#"
port = 1
wait = "{replicas}"
refused = ["READONLY", "LOADING"]

[functions.register.read]
command = ["GET", "{key}"]
answers = [{ at = "", ok = "|int" }, { ok = "nil" }]

[functions.register.write]
command = ["SET", "{key}", "{value}"]
answers = [{ at = "", is = "OK", ok = true }]
"#;

/// A server that gives these replies, one for each command; `None` closes the connection. Says what it was asked.
async fn serve(replies: &'static [Option<&'static str>]) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        let (mut stream, _) = listener.accept().await.unwrap();
        for reply in replies {
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).await.unwrap();
            asked.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            let Some(reply) = reply else { break };
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        asked
    });
    (port, server)
}

fn client(port: u16, replicas: u32) -> Box<dyn Client> {
    let mut entry: RedisEntry = toml::from_str(MAPPING).unwrap();
    entry.port = port;
    let mapping = Redis::read(&entry, &[&REGISTER]).map_err(|wrong| wrong.what).unwrap();
    let values = Values::from([("replicas".to_owned(), replicas.to_string()), ("cluster".to_owned(), String::new())]);
    mapping.check(&values).map_err(|wrong| wrong.what).unwrap();
    let node = Node { id: 1, name: "n1".into(), ip: [127, 0, 0, 1].into(), data_dir: "/".into() };
    let connection = target::Connection {
        interface: &REGISTER,
        node: &node,
        session: 1,
        deadline: Duration::from_secs(1),
        log: &ClientLog::nowhere(),
    };
    mapping.connect(&Seat { connection: &connection, values, folder: std::path::Path::new("/") })
}

fn operation(f: &str, value: Value) -> Operation {
    Operation { f: f.into(), key: Value::Int(7), value }
}

/// How a write and a read end with this reply.
async fn end(replies: &'static [Option<&'static str>], replicas: u32) -> (Outcome, Outcome) {
    let mut outcomes = Vec::new();
    for operation in [operation("write", Value::Int(5)), operation("read", Value::Nil)] {
        let (port, _server) = serve(replies).await;
        outcomes.push(client(port, replicas).invoke(&operation).await.outcome);
    }
    (outcomes[0], outcomes[1])
}

#[tokio::test]
async fn commands_go_out_and_replies_are_understood() {
    let (port, server) = serve(&[Some("+OK\r\n"), Some("$1\r\n5\r\n"), Some("$-1\r\n")]).await;
    let mut client = client(port, 0);
    assert_eq!(client.invoke(&operation("write", Value::Int(5))).await, Completion::ok(Value::Int(5)));
    assert_eq!(client.invoke(&operation("read", Value::Nil)).await, Completion::ok(Value::Int(5)));
    assert_eq!(client.invoke(&operation("read", Value::Nil)).await, Completion::ok(Value::Nil));
    let asked = server.await.unwrap();
    assert_eq!(asked[0], "*3\r\n$3\r\nSET\r\n$1\r\n7\r\n$1\r\n5\r\n");
    assert_eq!(asked[1], "*2\r\n$3\r\nGET\r\n$1\r\n7\r\n");
}

#[tokio::test]
async fn what_is_not_certain_is_info() {
    use Outcome::{Fail, Info};
    assert_eq!(end(&[Some("-READONLY You can't write\r\n")], 0).await, (Fail, Fail));
    assert_eq!(end(&[Some("-ERR something\r\n")], 0).await, (Info, Fail));
    assert_eq!(end(&[None], 0).await, (Info, Fail));
    assert_eq!(end(&[Some("hello\r\n")], 0).await, (Info, Fail));
    assert_eq!(end(&[Some("+QUEUED\r\n")], 0).await.0, Info);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(client(closed, 0).invoke(&operation("write", Value::Int(5))).await.outcome, Fail);
}

#[tokio::test]
async fn an_update_that_too_few_replicas_have_is_info() {
    let write = operation("write", Value::Int(5));
    for (reply, outcome) in [(":2\r\n", Outcome::Ok), (":1\r\n", Outcome::Info), ("-ERR no\r\n", Outcome::Info)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for reply in ["+OK\r\n", reply] {
                let _ = stream.read(&mut [0; 1024]).await;
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        assert_eq!(client(port, 2).invoke(&write).await.outcome, outcome, "{reply}");
    }
}

#[tokio::test]
async fn a_sentinel_names_the_primary() {
    let (primary_port, _server) = serve(&[Some("+OK\r\n")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sentinel = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for known in [true, false] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let port = primary_port.to_string();
            let address = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
            let reply = if known { address } else { "*-1\r\n".to_owned() };
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    assert_eq!(primary(sentinel, "main").await, Ok(SocketAddr::from(([127, 0, 0, 1], primary_port))));
    assert!(primary(sentinel, "main").await.is_err_and(|error| error.contains("no primary `main`")));
}
