//! The client against servers that behave as servers under faults do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rashomon_history::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// What a hostile server does with a request that it has read.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Closes the connection with a reset.
    Reset,
    /// Closes it in an orderly way, without an answer.
    Close,
    /// Never answers.
    Hang,
    /// Answers with these bytes and closes.
    Say(&'static str),
    /// Answers with these bytes and keeps the connection.
    Keep(&'static str),
}

struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

async fn serve(behaviour: Behaviour) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(talk(stream, behaviour, counted.clone()));
        }
    });
    Server { address, requests }
}

async fn talk(mut stream: TcpStream, behaviour: Behaviour, requests: Arc<AtomicUsize>) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => requests.fetch_add(1, Ordering::SeqCst),
        };
        match behaviour {
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

fn write() -> Operation {
    Operation { f: "write".into(), key: Value::Int(1), value: Value::Int(5) }
}

fn read() -> Operation {
    Operation { f: "read".into(), key: Value::Int(1), value: Value::Nil }
}

fn cas() -> Operation {
    Operation { f: "cas".into(), key: Value::Int(1), value: Value::pair(Value::Int(1), Value::Int(2)) }
}

async fn outcome(behaviour: Behaviour, operation: Operation) -> (Completion, usize) {
    let server = serve(behaviour).await;
    let mut client = RegisterClient::new(server.address, 1);
    let answer = tokio::time::timeout(Duration::from_millis(300), client.invoke(&operation)).await;
    let completion = answer.unwrap_or_else(|_| Completion::info(&operation, "timeout: in the test"));
    drop(client);
    tokio::time::sleep(Duration::from_millis(20)).await;
    (completion, server.requests.load(Ordering::SeqCst))
}

const OK_EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn a_request_that_may_have_arrived_is_info_and_is_sent_exactly_once() {
    let half_an_answer = Behaviour::Say("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"value\"");
    for behaviour in [Behaviour::Reset, Behaviour::Close, Behaviour::Hang, half_an_answer] {
        for operation in [write(), cas()] {
            let (completion, requests) = outcome(behaviour, operation).await;
            assert_eq!(completion.outcome, Outcome::Info, "{completion:?}");
            assert_eq!(requests, 1, "a hidden retry: {completion:?}");
        }
    }
}

#[tokio::test]
async fn garbage_is_info_whatever_was_asked() {
    let garbage = [
        "this is not HTTP\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\noops",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"value\":[1]}",
        "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 503 No\r\ncontent-length: 15\r\n\r\n{\"error\":\"odd\"}",
        "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ];
    for text in garbage {
        let (completion, requests) = outcome(Behaviour::Say(text), cas()).await;
        assert_eq!(completion.outcome, Outcome::Info, "{text:?}: {completion:?}");
        assert_eq!(requests, 1);
    }
    let (completion, _) = outcome(Behaviour::Say(garbage[3]), read()).await;
    assert_eq!(completion.outcome, Outcome::Info, "a misread answer must be seen: {completion:?}");
}

#[tokio::test]
async fn a_refused_connection_is_fail() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let completion = RegisterClient::new(address, 1).invoke(&write()).await;
    assert_eq!(completion.outcome, Outcome::Fail, "{completion:?}");
}

#[tokio::test]
async fn a_nodes_own_word_is_taken() {
    let definite = "HTTP/1.1 503 No\r\ncontent-length: 37\r\n\r\n{\"error\":\"no-leader\",\"definite\":true} ";
    let unknown = "HTTP/1.1 504 No\r\ncontent-length: 36\r\n\r\n{\"error\":\"timeout\",\"definite\":false} ";
    assert_eq!(outcome(Behaviour::Keep(definite), write()).await.0.outcome, Outcome::Fail);
    assert_eq!(outcome(Behaviour::Keep(unknown), write()).await.0.outcome, Outcome::Info);
    assert_eq!(outcome(Behaviour::Keep(unknown), read()).await.0.outcome, Outcome::Fail);
}

#[tokio::test]
async fn answers_are_understood() {
    assert_eq!(outcome(Behaviour::Keep(OK_EMPTY), write()).await.0, Completion::ok(Value::Int(5)));
    let seven = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"value\":7}";
    assert_eq!(outcome(Behaviour::Keep(seven), read()).await.0, Completion::ok(Value::Int(7)));
    let nothing = "HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"value\":null}";
    assert_eq!(outcome(Behaviour::Keep(nothing), read()).await.0, Completion::ok(Value::Nil));
    let swapped = "HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"swapped\":true}";
    assert_eq!(outcome(Behaviour::Keep(swapped), cas()).await.0.outcome, Outcome::Ok);
    let not_swapped = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"swapped\":false}";
    assert_eq!(outcome(Behaviour::Keep(not_swapped), cas()).await.0.outcome, Outcome::Fail);
}

#[tokio::test]
async fn a_connection_closed_between_operations_is_opened_again() {
    let server = serve(Behaviour::Say(OK_EMPTY)).await;
    let mut client = RegisterClient::new(server.address, 1);
    for count in 1..=3 {
        // The server closes after each answer; by now the client can know.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let completion = client.invoke(&write()).await;
        assert_eq!(completion.outcome, Outcome::Ok, "{completion:?}");
        assert_eq!(server.requests.load(Ordering::SeqCst), count);
    }
}

#[test]
fn what_a_register_cannot_do_fails_before_anything_is_sent() {
    let mut client = RegisterClient::new("127.0.0.1:1".parse().unwrap(), 1);
    let odd = Operation { f: "write".into(), key: Value::Int(1), value: Value::list([Value::Nil]) };
    assert!(client.request(&odd).is_err_and(|error| error.contains("cannot hold")));
    let named = Operation { key: Value::text("../x"), ..write() };
    assert!(client.request(&named).is_err_and(|error| error.contains("whole number")));
}
