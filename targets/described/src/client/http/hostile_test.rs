//! The mapping's client against servers that behave as servers under faults do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rashomon_harness::client::ClientLog;
use rashomon_harness::interface::REGISTER;
use rashomon_harness::target::{Connection, Node};
use rashomon_history::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const MAPPING: &str = r#"
port = 1

[functions.register.read]
request = "GET /kv/{key}"
answers = [{ status = 200, at = "/value", ok = "/value" }, { status = 404, ok = "nil" }]

[functions.register.write]
request = "PUT /kv/{key}"
json = { value = "{value}", by = "{session}.{sequence}" }
answers = [{ status = 200, ok = true }, { status = 503, fail = "refused: no leader" }]

[functions.register.cas]
request = "POST /kv/{key}/cas"
json = { from = "{from}", to = "{to}" }
answers = [
    { status = 200, at = "/swapped", is = true, ok = true },
    { status = 200, at = "/swapped", is = false, fail = "compare: another value" },
]
from-nil = { request = "POST /kv/{key}/new", json = { to = "{to}" }, answers = [{ status = 200, ok = true }] }
"#;

/// What a server does with a request that it has read.
#[derive(Clone, Debug)]
enum Behaviour {
    Reset,
    Close,
    Hang,
    /// Says this and closes.
    Say(String),
    /// Says this and keeps the connection.
    Keep(String),
    /// Answers the first request of a connection, and resets it at the second.
    OnlyFirst(String),
    /// Answers, and closes the connection a moment later.
    ThenClose(String),
}

#[derive(Clone, Default)]
struct Seen {
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

async fn serve(behaviour: Behaviour) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let shared = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            shared.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(talk(stream, behaviour.clone(), shared.clone()));
        }
    });
    (address, seen)
}

async fn talk(mut stream: TcpStream, behaviour: Behaviour, seen: Seen) {
    let mut buffer = [0; 4096];
    for number in 0.. {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => *seen.last.lock().unwrap() = String::from_utf8_lossy(&buffer[..length]).into_owned(),
        }
        seen.requests.fetch_add(1, Ordering::SeqCst);
        match &behaviour {
            Behaviour::Reset => return stream.set_zero_linger().unwrap(),
            Behaviour::OnlyFirst(_) if number == 1 => return stream.set_zero_linger().unwrap(),
            Behaviour::Close => return,
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Say(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
            Behaviour::Keep(text) | Behaviour::OnlyFirst(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Behaviour::ThenClose(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                return;
            }
        }
    }
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn client(address: SocketAddr) -> Box<dyn Client> {
    let entry: HttpEntry = toml::from_str(MAPPING).unwrap();
    let mapping =
        Http { port: address.port(), ..Http::read(&entry, &[&REGISTER]).map_err(|wrong| wrong.what).unwrap() };
    mapping.check(&Values::new()).unwrap();
    let node = Node { id: 1, name: "n1".into(), ip: [127, 0, 0, 1].into(), data_dir: "/".into() };
    let connection = Connection {
        interface: &REGISTER,
        node: &node,
        session: 4,
        deadline: Duration::from_secs(1),
        log: &ClientLog::nowhere(),
    };
    mapping.connect(&Seat { connection: &connection, values: Values::new(), folder: std::path::Path::new("/") })
}

fn operation(f: &str, value: Value) -> Operation {
    Operation { f: f.into(), key: Value::Int(7), value }
}

fn operations() -> [Operation; 3] {
    let pair = Value::pair(Value::Int(1), Value::Int(2));
    [operation("read", Value::Nil), operation("write", Value::Int(5)), operation("cas", pair)]
}

/// How an operation ends against a server, and what the server has seen.
async fn ends(behaviour: Behaviour, operation: &Operation) -> (Option<Outcome>, Seen) {
    let (address, seen) = serve(behaviour).await;
    let mut client = client(address);
    let ended = tokio::time::timeout(Duration::from_millis(400), client.invoke(operation)).await;
    (ended.ok().map(|completion| completion.outcome), seen)
}

#[tokio::test]
async fn operations_become_requests_and_answers_completions() {
    let [read, write, cas] = operations();
    let from_nil = operation("cas", Value::pair(Value::Nil, Value::Int(2)));
    for (operation, answer, request, completion) in [
        (&read, http("200 OK", r#"{"value":5}"#), "GET /kv/7 HTTP/1.1", Completion::ok(Value::Int(5))),
        (&read, http("404 Not Found", "no"), "GET /kv/7 ", Completion::ok(Value::Nil)),
        (&write, http("200 OK", ""), r#"{"by":"4.1","value":5}"#, Completion::ok(Value::Int(5))),
        (&write, http("503 Later", ""), "PUT /kv/7 ", Completion::fail(&write, "refused: no leader")),
        (&cas, http("200 OK", r#"{"swapped":true}"#), r#"{"from":1,"to":2}"#, Completion::ok(cas.value.clone())),
        (&cas, http("200 OK", r#"{"swapped":false}"#), "POST", Completion::fail(&cas, "compare: another value")),
        (&from_nil, http("200 OK", ""), "POST /kv/7/new ", Completion::ok(from_nil.value.clone())),
    ] {
        let (address, seen) = serve(Behaviour::Keep(answer)).await;
        assert_eq!(client(address).invoke(operation).await, completion);
        let last = seen.last.lock().unwrap().clone();
        assert!(last.contains(request), "{last}");
    }
}

#[tokio::test]
async fn no_answer_is_info_and_a_request_is_sent_once() {
    for operation in operations() {
        let changes = &*operation.f != "read";
        for behaviour in [
            Behaviour::Reset,
            Behaviour::Close,
            Behaviour::Say("HTTP/1.1 200 OK\r\ncontent-le".to_owned()),
            Behaviour::Say("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"value\":5".to_owned()),
            Behaviour::Say("hello, I am no web server\r\n\r\n".to_owned()),
        ] {
            let (ended, seen) = ends(behaviour.clone(), &operation).await;
            let expected = if changes { Outcome::Info } else { Outcome::Fail };
            assert_eq!(ended, Some(expected), "{} {behaviour:?}", operation.f);
            let counts = (seen.requests.load(Ordering::SeqCst), seen.connections.load(Ordering::SeqCst));
            assert_eq!(counts, (1, 1), "{} {behaviour:?}", operation.f);
        }
        let (ended, seen) = ends(Behaviour::Hang, &operation).await;
        assert_eq!((ended, seen.requests.load(Ordering::SeqCst)), (None, 1));
    }
}

#[tokio::test]
async fn answers_that_no_rule_knows_are_info() {
    for operation in operations() {
        for answer in [
            http("500 Oops", r#"{"value":5,"swapped":true}"#),
            http("302 Found", ""),
            http("200 OK", r#"{"value":null,"swapped":null}"#).replace("200 OK", "201 Created"),
        ] {
            let (ended, seen) = ends(Behaviour::Keep(answer.clone()), &operation).await;
            assert_eq!(ended, Some(Outcome::Info), "{} {answer}", operation.f);
            assert_eq!(seen.requests.load(Ordering::SeqCst), 1);
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for operation in operations() {
        let completion = client(address).invoke(&operation).await;
        assert_eq!(completion.outcome, Outcome::Fail);
        assert!(completion.error.is_some_and(|error| error.starts_with("connect: ")));
    }
}

#[tokio::test]
async fn a_reused_connection_that_breaks_is_no_reason_to_send_again() {
    for operation in operations() {
        let answer = http("200 OK", r#"{"value":5,"swapped":true}"#);
        let (address, seen) = serve(Behaviour::OnlyFirst(answer)).await;
        let mut client = client(address);
        assert_eq!(client.invoke(&operation).await.outcome, Outcome::Ok);
        let second = client.invoke(&operation).await.outcome;
        let expected = if &*operation.f == "read" { Outcome::Fail } else { Outcome::Info };
        assert_eq!(second, expected, "{}", operation.f);
        // The second request arrived once, on the first connection: a GET as well.
        let counts = (seen.requests.load(Ordering::SeqCst), seen.connections.load(Ordering::SeqCst));
        assert_eq!(counts, (2, 1), "{}", operation.f);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_in_between_is_replaced_without_sending_twice() {
    let answer = http("200 OK", r#"{"value":5,"swapped":true}"#);
    for pause in [0, 10, 19, 20, 21, 40] {
        let (address, seen) = serve(Behaviour::ThenClose(answer.clone())).await;
        let mut client = client(address);
        for _ in 0..10 {
            // The connection may be closed at any moment of this: whatever comes of it is honest, and nothing is sent
            // twice.
            let _ = client.invoke(&operations()[1]).await;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let requests = seen.requests.load(Ordering::SeqCst);
        assert!(requests <= 10, "{requests} requests for 10 operations");
    }
}
