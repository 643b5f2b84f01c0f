//! Clients that tell one lie each, and one that tells none, against a small server in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rashomon_history::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::client::{Completion, Invocation, Operation};
use crate::interface::REGISTER;

/// Keeps numbers by key: `get 1` and `put 1 7`, answered `ok 7`, `ok nil` and `ok`.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let values = Arc::<Mutex<BTreeMap<String, String>>>::default();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let values = values.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    let answer = match words[..] {
                        ["get", key] => {
                            format!("ok {}\n", values.lock().unwrap().get(key).map_or("nil", String::as_str))
                        }
                        ["put", key, value] => {
                            values.lock().unwrap().insert(key.to_owned(), value.to_owned());
                            "ok\n".to_owned()
                        }
                        _ => "no\n".to_owned(),
                    };
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    address
}

/// A client of that server that tells one lie, or none.
struct Liar {
    address: SocketAddr,
    lie: Option<Lie>,
    connection: Option<BufReader<TcpStream>>,
    memory: BTreeMap<Value, Value>,
}

impl Liar {
    fn tells(&self, lie: Lie) -> bool {
        self.lie == Some(lie)
    }

    async fn connected(&mut self) -> std::io::Result<()> {
        if self.connection.is_none() {
            self.connection = Some(BufReader::new(TcpStream::connect(self.address).await?));
        }
        Ok(())
    }

    async fn ask(&mut self, request: &str) -> std::io::Result<String> {
        let gives_up = self.tells(Lie::AnswerOfAnother);
        let connection = self.connection.as_mut().ok_or(std::io::ErrorKind::NotConnected)?;
        connection.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        let read = connection.read_until(b'\n', &mut answer);
        if gives_up {
            tokio::time::timeout(Duration::from_millis(150), read)
                .await
                .map_err(|_| std::io::ErrorKind::TimedOut)??;
        } else {
            read.await?;
        }
        let answer = String::from_utf8(answer).map_err(|_| std::io::ErrorKind::InvalidData)?;
        answer.strip_suffix('\n').map(str::to_owned).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    async fn carry_out(&mut self, operation: &Operation) -> Completion {
        let read = &*operation.f == "read";
        if read
            && self.tells(Lie::CachedRead)
            && let Some(value) = self.memory.get(&operation.key)
        {
            return Completion::ok(value.clone());
        }
        if let Err(error) = self.connected().await {
            return Completion::fail(operation, format!("connect: {error}"));
        }
        let request = if read {
            format!("get {}\n", operation.key)
        } else {
            format!("put {} {}\n", operation.key, operation.value)
        };
        let mut answer = self.ask(&request).await;
        if answer.is_err() && (self.tells(Lie::Retry) || self.tells(Lie::Reconnect)) {
            self.connection = None;
            let _ = self.connected().await;
            if self.tells(Lie::Retry) {
                answer = self.ask(&request).await;
            }
        }
        match answer {
            Ok(text) => self.understood(operation, &text, read),
            Err(error) => {
                let keeps = self.tells(Lie::StaleConnection)
                    || self.tells(Lie::AnswerOfAnother) && error.kind() == std::io::ErrorKind::TimedOut;
                if !keeps {
                    self.connection = None;
                }
                if self.tells(Lie::SwallowedError) && !read {
                    return Completion::ok(operation.value.clone());
                }
                let certain = read || self.tells(Lie::FailInsteadOfInfo);
                (if certain { Completion::fail } else { Completion::info })(operation, format!("connection: {error}"))
            }
        }
    }

    fn understood(&mut self, operation: &Operation, text: &str, read: bool) -> Completion {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("ok", "nil") if read => Completion::ok(Value::Nil),
            ("ok", number) if read => {
                let number = match self.tells(Lie::WrongValue) {
                    // Through a number with a decimal point.
                    true => number.parse::<f64>().map(|number| number as i64).unwrap_or_default(),
                    false => number.parse().unwrap_or_default(),
                };
                self.memory.insert(operation.key.clone(), Value::Int(number));
                Completion::ok(Value::Int(number))
            }
            ("ok", "") => Completion::ok(operation.value.clone()),
            _ => Completion::info(operation, format!("garbage: {text:?}")),
        }
    }
}

impl Client for Liar {
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
        Box::pin(self.carry_out(operation))
    }
}

async fn examined(lie: Option<Lie>) -> Findings {
    let server = serve().await;
    let make = |_, ip: Ipv4Addr| -> Box<dyn Client> {
        let address = SocketAddr::from((ip, server.port()));
        Box::new(Liar { address, lie, connection: None, memory: BTreeMap::new() })
    };
    let suspect = Suspect { interface: &REGISTER, make: &make, server, deadline: Duration::from_millis(500) };
    examine(&suspect).await.expect("it succeeds without a disturbance")
}

#[tokio::test]
async fn an_honest_client_tells_no_lie_and_each_was_provoked() {
    for (lie, finding) in examined(None).await {
        assert_eq!(finding, Finding::Honest, "{lie:?}");
    }
}

#[tokio::test]
async fn each_lie_is_found_and_called_by_its_name() {
    let examinations = Lie::ALL.map(|told| async move { (told, examined(Some(told)).await) });
    for (told, findings) in futures_util::future::join_all(examinations).await {
        let found: Vec<Lie> =
            findings.iter().filter(|(_, finding)| matches!(finding, Finding::Told(_))).map(|(lie, _)| *lie).collect();
        // Whoever sends again has connected again, too.
        let expected = if told == Lie::Retry { vec![Lie::Retry, Lie::Reconnect] } else { vec![told] };
        assert_eq!(found, expected, "{told:?}: {findings:?}");
    }
}

#[tokio::test]
async fn a_client_that_never_succeeds_is_not_examined() {
    struct Refusing;
    impl Client for Refusing {
        fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a> {
            Box::pin(async move { Completion::fail(operation, "refused: not the leader") })
        }
    }
    let make = |_, _| -> Box<dyn Client> { Box::new(Refusing) };
    let server = serve().await;
    let suspect = Suspect { interface: &REGISTER, make: &make, server, deadline: Duration::from_millis(500) };
    let error = examine(&suspect).await.unwrap_err();
    assert!(error.what.contains("refused: not the leader"), "{error}");
    let suspect = Suspect { interface: &crate::interface::BANK, ..suspect };
    assert!(examine(&suspect).await.unwrap_err().remedy.contains("register"));
}
