//! The client against servers that behave as servers under faults do, for every operation of every interface.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rashomon_harness::interface;
use rashomon_history::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What a hostile server does with a request that it has read.
#[derive(Clone)]
enum Behaviour {
    /// Closes the connection with a reset.
    Reset,
    /// Closes it in an orderly way, without an answer.
    Close,
    /// Never answers.
    Hang,
    /// Answers with these bytes and closes.
    Say(String),
    /// Answers with these bytes and keeps the connection.
    Keep(String),
}

struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    /// The last request as it arrived.
    last: Arc<Mutex<String>>,
}

async fn serve(behaviour: Behaviour) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        address: listener.local_addr().unwrap(),
        requests: Arc::new(AtomicUsize::new(0)),
        last: Arc::default(),
    };
    let (requests, last) = (server.requests.clone(), server.last.clone());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(stream, behaviour.clone(), requests.clone(), last.clone()));
        }
    });
    server
}

async fn talk(mut stream: TcpStream, behaviour: Behaviour, requests: Arc<AtomicUsize>, last: Arc<Mutex<String>>) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                *last.lock().unwrap() = String::from_utf8_lossy(&buffer[..length]).into_owned();
                requests.fetch_add(1, Ordering::SeqCst);
            }
        };
        match &behaviour {
            Behaviour::Reset => {
                // Closing with an answer still unread by the peer and a zero linger time sends a reset.
                stream.set_zero_linger().unwrap();
                return;
            }
            Behaviour::Close => return,
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Say(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Behaviour::Keep(text) => stream.write_all(text.as_bytes()).await.unwrap(),
        }
    }
}

/// An answer with a body.
fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn keeps(status: &str, body: &str) -> Behaviour {
    Behaviour::Keep(http(status, body))
}

/// An operation, what it looks like on the wire, an answer to it, and what that answer means.
struct Case {
    interface: &'static Interface,
    operation: Operation,
    request: &'static str,
    body: &'static str,
    answer: &'static str,
    result: Value,
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn ints(numbers: &[i64]) -> Value {
    Value::list(numbers.iter().map(|&number| int(number)))
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    use interface::{CART, COUNTER, MAP, MEMBERS, REGISTER, SET, SIBLINGS, TEXT};
    let case = |interface: &'static Interface, f: &str, value: Value, request, body, answer, result| {
        let key = if interface == &MEMBERS { Value::Nil } else { int(7) };
        Case { interface, operation: Operation { f: f.into(), key, value }, request, body, answer, result }
    };
    let (nil, pair) = (Value::Nil, Value::pair);
    let field = |name: &str, values: &[i64]| (Value::text(name), ints(values));
    let member = |id, state: &str, incarnation| Value::list([int(id), Value::text(state), int(incarnation)]);
    vec![
        case(&REGISTER, "read", nil.clone(), "GET /register/7 ", "", r#"{"value":5}"#, int(5)),
        case(&REGISTER, "read", nil.clone(), "GET /register/7 ", "", r#"{"value":null}"#, Value::Nil),
        case(&REGISTER, "write", int(5), "PUT /register/7 ", r#""value":5"#, "{}", int(5)),
        case(&REGISTER, "cas", ints(&[1, 2]), "POST /register/7/cas ", r#""from":1,"seq":1,"to":2"#,
             r#"{"swapped":true}"#, ints(&[1, 2])),
        case(&SET, "read", nil.clone(), "GET /set/7 ", "", r#"{"elements":[3,1]}"#, ints(&[3, 1])),
        case(&SET, "add", int(3), "POST /set/7 ", r#""add":3"#, "{}", int(3)),
        case(&COUNTER, "read", nil.clone(), "GET /counter/7 ", "", r#"{"total":-4}"#, int(-4)),
        case(&COUNTER, "add", int(-4), "POST /counter/7 ", r#""add":-4"#, "{}", int(-4)),
        case(&CART, "read", nil.clone(), "GET /cart/7 ", "", r#"{"elements":[]}"#, ints(&[])),
        case(&CART, "add", int(3), "POST /cart/7 ", r#""add":3"#, "{}", int(3)),
        case(&CART, "remove", int(3), "POST /cart/7 ", r#""remove":3"#, "{}", int(3)),
        case(&SIBLINGS, "read", nil.clone(), "GET /siblings/7 ", "", r#"{"values":[1,2],"context":"x"}"#, ints(&[1, 2])),
        case(&SIBLINGS, "put", pair(int(3), ints(&[])), "PUT /siblings/7 ", r#""context":null,"seq":1,"value":3"#,
             "{}", pair(int(3), ints(&[]))),
        case(&TEXT, "read", nil.clone(), "GET /text/7 ", "", r#"{"elements":[2,1]}"#, ints(&[2, 1])),
        case(&TEXT, "insert", pair(int(2), Value::Nil), "POST /text/7 ", r#""after":null,"client":"c1","insert":2"#,
             "{}", pair(int(2), Value::Nil)),
        case(&TEXT, "insert", ints(&[2, 1]), "POST /text/7 ", r#""after":1,"client":"c1","insert":2"#,
             "{}", ints(&[2, 1])),
        case(&TEXT, "delete", int(2), "POST /text/7 ", r#""delete":2"#, "{}", int(2)),
        case(&MAP, "read", nil.clone(), "GET /map/7 ", "", r#"{"fields":{"b":[1,2],"a":[3]}}"#,
             Value::Map([field("a", &[3]), field("b", &[1, 2])].into())),
        case(&MAP, "put", pair(Value::text("a"), int(3)), "POST /map/7 ", r#""put":["a",3]"#, "{}",
             pair(Value::text("a"), int(3))),
        case(&MAP, "remove", Value::text("a"), "POST /map/7 ", r#""remove":"a""#, "{}", Value::text("a")),
        case(&MEMBERS, "read", nil.clone(), "GET /members ", "", r#"{"members":[[2,"dead",4],[1,"alive",0]]}"#,
             Value::list([member(1, "alive", 0), member(2, "dead", 4)])),
        case(&MEMBERS, "leave", nil.clone(), "POST /members ", r#""leave":true"#, "{}", Value::Nil),
        case(&MEMBERS, "join", nil, "POST /members ", r#""join":true"#, "{}", Value::Nil),
    ]
}

impl Case {
    fn name(&self) -> String {
        format!("{} {} {}", self.interface, self.operation.f, self.operation.value)
    }

    fn reads(&self) -> bool {
        &*self.operation.f == "read"
    }

    /// What becomes of the operation at a server of this behaviour, and how many requests the server saw.
    async fn at(&self, behaviour: Behaviour) -> (Completion, usize) {
        let server = serve(behaviour).await;
        let mut client = ObjectClient::new(self.interface, server.address, 1);
        let answer = tokio::time::timeout(Duration::from_millis(150), client.invoke(&self.operation)).await;
        let completion = answer.unwrap_or_else(|_| Completion::info(&self.operation, "timeout: in the test"));
        drop(client);
        tokio::time::sleep(Duration::from_millis(10)).await;
        (completion, server.requests.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn answers_are_understood_and_requests_are_what_the_table_says() {
    for case in cases() {
        let server = serve(keeps("200 OK", case.answer)).await;
        let mut client = ObjectClient::new(case.interface, server.address, 1);
        let completion = client.invoke(&case.operation).await;
        assert_eq!(completion, Completion::ok(case.result.clone()), "{}", case.name());
        let request = server.last.lock().unwrap().clone();
        assert!(request.starts_with(case.request), "{}: {request}", case.name());
        assert!(request.contains(case.body), "{}: {request}", case.name());
        let stamped = request.contains(r#""client":"c1""#) && request.contains(r#""seq":1"#);
        assert_eq!(stamped, !case.reads(), "{}: {request}", case.name());
    }
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_info_and_is_sent_exactly_once() {
    let half_an_answer = Behaviour::Say("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"value\"".to_owned());
    for case in cases() {
        for behaviour in [Behaviour::Reset, Behaviour::Close, half_an_answer.clone()] {
            let (completion, requests) = case.at(behaviour).await;
            let expected = if case.reads() { Outcome::Fail } else { Outcome::Info };
            assert_eq!(completion.outcome, expected, "{}: {completion:?}", case.name());
            assert_eq!(requests, 1, "a hidden retry: {} {completion:?}", case.name());
        }
    }
    let (completion, requests) = cases()[2].at(Behaviour::Hang).await;
    assert_eq!((completion.outcome, requests), (Outcome::Info, 1));
}

#[tokio::test]
async fn garbage_is_info_whatever_was_asked() {
    let garbage = [
        "this is not HTTP\r\n\r\n".to_owned(),
        http("200 OK", "oops"),
        http("200 OK", "[]"),
        http("200 OK", r#"{"error":"late","definite":true}"#),
        http("500 No", "{}"),
        http("503 No", r#"{"error":"odd"}"#),
        "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned(),
    ];
    for case in cases() {
        for (index, text) in garbage.iter().enumerate() {
            let (completion, requests) = case.at(Behaviour::Say(text.clone())).await;
            // What is not even HTTP is a connection that broke, and a read may break.
            let expected = if index == 0 && case.reads() { Outcome::Fail } else { Outcome::Info };
            assert_eq!(completion.outcome, expected, "{} {text:?}: {completion:?}", case.name());
            assert_eq!(requests, 1, "{}", case.name());
        }
    }
}

#[tokio::test]
async fn a_misread_answer_to_a_read_is_seen() {
    let wrong = [
        (&interface::REGISTER, r#"{"value":[1]}"#),
        (&interface::SET, r#"{"elements":[null]}"#),
        (&interface::SET, r#"{"elements":{"1":2}}"#),
        (&interface::COUNTER, r#"{"total":"4"}"#),
        (&interface::COUNTER, r#"{"value":4}"#),
        (&interface::CART, r#"{"elements":[[1]]}"#),
        (&interface::SIBLINGS, r#"{"values":[1]}"#),
        (&interface::SIBLINGS, r#"{"values":[1],"context":null}"#),
        (&interface::TEXT, r#"{"elements":[1.5]}"#),
        (&interface::MAP, r#"{"fields":{"a":1}}"#),
        (&interface::MEMBERS, r#"{"members":[[1,"well",0]]}"#),
        (&interface::MEMBERS, r#"{"members":[[1,"alive"]]}"#),
    ];
    for (interface, body) in wrong {
        let case = cases().into_iter().find(|case| case.interface == interface && case.reads()).unwrap();
        let (completion, _) = case.at(keeps("200 OK", body)).await;
        assert_eq!(completion.outcome, Outcome::Info, "{interface} {body}: {completion:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_fail() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for case in cases() {
        let completion = ObjectClient::new(case.interface, address, 1).invoke(&case.operation).await;
        assert_eq!(completion.outcome, Outcome::Fail, "{}: {completion:?}", case.name());
    }
}

#[tokio::test]
async fn a_nodes_own_word_is_taken() {
    for case in cases() {
        let (completion, _) = case.at(keeps("503 No", r#"{"error":"no-leader","definite":true}"#)).await;
        assert_eq!(completion.outcome, Outcome::Fail, "{}", case.name());
        assert!(completion.error.is_some_and(|error| error.starts_with("no-leader:")));
        let (completion, _) = case.at(keeps("504 No", r#"{"error":"timeout","definite":false}"#)).await;
        let expected = if case.reads() { Outcome::Fail } else { Outcome::Info };
        assert_eq!(completion.outcome, expected, "{}", case.name());
    }
    let cas = cases().into_iter().find(|case| &*case.operation.f == "cas").unwrap();
    assert_eq!(cas.at(keeps("200 OK", r#"{"swapped":false}"#)).await.0.outcome, Outcome::Fail);
}

#[tokio::test]
async fn a_connection_closed_between_operations_is_opened_again() {
    let server = serve(Behaviour::Say(http("200 OK", "{}"))).await;
    let mut client = ObjectClient::new(&interface::SET, server.address, 1);
    let add = Operation { f: "add".into(), key: int(1), value: int(5) };
    for count in 1..=3 {
        // The server closes after each answer; by now the client can know.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let completion = client.invoke(&add).await;
        assert_eq!(completion.outcome, Outcome::Ok, "{completion:?}");
        assert_eq!(server.requests.load(Ordering::SeqCst), count);
    }
}

#[tokio::test]
async fn a_put_carries_the_context_of_the_read_that_it_supersedes_and_no_other() {
    let server = serve(keeps("200 OK", r#"{"values":[2,1],"context":"opaque=7"}"#)).await;
    let mut client = ObjectClient::new(&interface::SIBLINGS, server.address, 1);
    let read = |key| Operation { f: "read".into(), key: int(key), value: Value::Nil };
    let put = |key, seen: &[i64]| Operation { f: "put".into(), key: int(key), value: Value::pair(int(9), ints(seen)) };
    let refused = client.invoke(&put(7, &[1, 2])).await;
    assert_eq!(refused.outcome, Outcome::Fail, "nothing was read yet");
    client.invoke(&read(7)).await;
    assert_eq!(client.invoke(&put(7, &[1])).await.outcome, Outcome::Fail, "the read returned 2 as well");
    assert_eq!(client.invoke(&put(8, &[1, 2])).await.outcome, Outcome::Fail, "another key was read");
    assert_eq!(server.requests.load(Ordering::SeqCst), 1, "what is refused is not sent");
    assert_eq!(client.invoke(&put(7, &[1, 2])).await.outcome, Outcome::Ok);
    assert!(server.last.lock().unwrap().contains(r#""context":"opaque=7""#));
    assert_eq!(client.invoke(&put(7, &[])).await.outcome, Outcome::Ok);
    assert!(server.last.lock().unwrap().contains(r#""context":null"#), "a blind put has none");
}

#[tokio::test]
async fn what_an_object_cannot_do_fails_before_anything_is_sent() {
    let server = serve(keeps("200 OK", "{}")).await;
    let odd = [
        (&interface::REGISTER, "write", Value::list([Value::Nil])),
        (&interface::REGISTER, "cas", int(1)),
        (&interface::REGISTER, "add", int(1)),
        (&interface::SET, "add", Value::Nil),
        (&interface::COUNTER, "add", Value::text("1")),
        (&interface::SIBLINGS, "put", int(1)),
        (&interface::TEXT, "insert", int(1)),
        (&interface::MAP, "put", Value::pair(int(1), int(1))),
        (&interface::QUEUE, "enqueue", int(1)),
    ];
    for (interface, f, value) in odd {
        let operation = Operation { f: f.into(), key: int(1), value };
        let completion = ObjectClient::new(interface, server.address, 1).invoke(&operation).await;
        assert_eq!(completion.outcome, Outcome::Fail, "{interface} {f}");
        assert!(completion.error.is_some_and(|error| error.starts_with("unsupported:")));
    }
    let named = Operation { f: "read".into(), key: Value::text("../x"), value: Value::Nil };
    let completion = ObjectClient::new(&interface::SET, server.address, 1).invoke(&named).await;
    assert!(completion.error.is_some_and(|error| error.contains("whole number")));
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
}
