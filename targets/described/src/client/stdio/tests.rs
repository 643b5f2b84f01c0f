//! Client programs that play by the rules, and those that do not: shell scripts, without any node.

use std::time::Instant;

use rashomon_harness::interface::{REGISTER, SET};
use rashomon_harness::target::{Connection, Node};
use rashomon_history::{Outcome, Value};

use super::*;

/// A client whose program is this shell script.
fn client(script: &str, log: &ClientLog) -> Box<dyn Client> {
    client_of(&["sh".to_owned(), "-c".to_owned(), script.to_owned()], log)
}

fn client_of(words: &[String], log: &ClientLog) -> Box<dyn Client> {
    #[derive(serde::Deserialize)]
    struct Entry {
        command: Vec<Text>,
    }
    let escaped: Vec<String> = words.iter().map(|word| word.replace('{', "{{").replace('}', "}}")).collect();
    let entry: Entry = toml::from_str(&format!("command = {escaped:?}")).unwrap();
    let env = toml::from_str::<BTreeMap<String, Text>>("EXTRA = '{ip}'").unwrap();
    let node = Node { id: 2, name: "n2".into(), ip: [10, 77, 0, 2].into(), data_dir: "/data".into() };
    let connection =
        Connection { interface: &REGISTER, node: &node, session: 7, deadline: Duration::from_secs(1), log };
    let values = Values::from([("ip".to_owned(), "10.77.0.2".to_owned())]);
    Stdio::new(entry.command, env).connect(&Seat { connection: &connection, values, folder: Path::new("/") })
}

fn operation(f: &str, value: Value) -> Operation {
    Operation { f: f.into(), key: Value::Int(3), value }
}

fn write() -> Operation {
    operation("write", Value::Int(5))
}

fn read() -> Operation {
    operation("read", Value::Nil)
}

async fn ask(client: &mut dyn Client, operation: &Operation) -> Completion {
    client.get_ready().await;
    client.invoke(operation).await
}

/// What a script that answers everything with these words gets for an operation.
async fn answered(answer: &str, operation: &Operation) -> Completion {
    let script = format!("echo ready; while read line; do echo '{answer}'; done");
    ask(&mut *client(&script, &ClientLog::nowhere()), operation).await
}

#[tokio::test]
async fn operations_go_out_and_answers_come_back_as_lines() {
    let script = r#"echo ready; n=0; while read line; do n=$((n+1)); echo "$line $EXTRA $RASHOMON_NODE" >&2
        echo "{\"id\":$n,\"type\":\"ok\",\"value\":$n,\"node\":3}"; done"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clients.log");
    let log = ClientLog::at(&path, Instant::now());
    let mut client = client(script, &log);
    assert_eq!(ask(&mut *client, &read()).await, Completion::ok(Value::Int(1)).answered_by(3));
    assert_eq!(ask(&mut *client, &read()).await, Completion::ok(Value::Int(2)).answered_by(3));
    drop(client);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let logged = std::fs::read_to_string(path).unwrap();
    let line = r#"process 7: {"f":"read","id":1,"key":3,"type":"invoke","value":null} 10.77.0.2 n2"#;
    assert!(logged.contains(line), "{logged}");
}

#[tokio::test]
async fn each_type_of_answer_is_what_it_says() {
    let ok = answered(r#"{"id":1,"type":"ok"}"#, &write()).await;
    assert_eq!(ok, Completion::ok(Value::Int(5)), "what shows nothing returns what was asked");
    let nil = answered(r#"{"id":1,"type":"ok","value":null}"#, &read()).await;
    assert_eq!(nil, Completion::ok(Value::Nil));
    let fail = answered(r#"{"id":1,"type":"fail","error":"refused: no leader"}"#, &write()).await;
    assert_eq!((fail.outcome, fail.error.as_deref()), (Outcome::Fail, Some("refused: no leader")));
    let info = answered(r#"{"id":1,"type":"info"}"#, &write()).await;
    assert_eq!((info.outcome, info.error.is_some()), (Outcome::Info, true));
}

#[tokio::test]
async fn whatever_else_a_program_says_is_info() {
    let nested = format!(r#"{{"id":1,"type":"ok","value":{}1{}}}"#, "[".repeat(120), "]".repeat(120));
    for answer in [
        r#"{"id":2,"type":"ok","value":1}"#,
        r#"{"id":1,"type":"ok"}"#,
        r#"{"id":1,"type":"ok","val":1}"#,
        r#"{"id":1,"type":"OK","value":1}"#,
        r#"{"type":"ok","value":1}"#,
        r#"{"id":1,"type":"ok","value":1"#,
        "ok 1",
        "",
        &nested,
    ] {
        let completion = answered(answer, &read()).await;
        assert_eq!(completion.outcome, Outcome::Info, "{answer}: {completion:?}");
        assert!(completion.error.is_some_and(|error| error.starts_with("garbage: ")), "{answer}");
    }
}

#[tokio::test]
async fn a_program_that_ends_leaves_its_last_words() {
    let script = "echo ready; read line; echo; echo 'no such table' >&2; sleep 0.05; exit 3";
    let completion = ask(&mut *client(script, &ClientLog::nowhere()), &write()).await;
    assert_eq!(completion.outcome, Outcome::Info);
    let script = "echo ready; read line; echo 'no such table' >&2; sleep 0.05; exit 3";
    let completion = ask(&mut *client(script, &ClientLog::nowhere()), &write()).await;
    let error = completion.error.unwrap();
    assert_eq!(completion.outcome, Outcome::Info);
    assert!(error.contains("exit status: 3") && error.contains("it said: no such table"), "{error}");
}

#[tokio::test]
async fn a_program_that_does_not_start_is_no_answer() {
    for (script, said) in [("exit 1", "ended"), ("echo hello", "must print `ready`"), ("exec >&-; sleep 9", "closed")] {
        let completion = ask(&mut *client(script, &ClientLog::nowhere()), &write()).await;
        assert_eq!(completion.outcome, Outcome::Info, "{script}");
        assert!(completion.error.as_ref().is_some_and(|error| error.contains(said)), "{script}: {completion:?}");
    }
    let missing = ["/no/such/program".to_owned()];
    let completion = ask(&mut *client_of(&missing, &ClientLog::nowhere()), &write()).await;
    assert!(completion.error.is_some_and(|error| error.contains("cannot be started")));
}

#[tokio::test]
async fn an_abandoned_program_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("sleep 98 & echo $$ $! > {}; echo ready; wait", pids.display());
    let mut client = client(&script, &ClientLog::nowhere());
    client.get_ready().await;
    let hung = tokio::time::timeout(Duration::from_millis(50), client.invoke(&write())).await;
    assert!(hung.is_err());
    drop(client);
    let alive = |pid: &str| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
    };
    let pids = std::fs::read_to_string(pids).unwrap();
    for _ in 0..100 {
        if !pids.split_whitespace().any(alive) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{pids} are alive");
}

#[test]
fn an_answer_that_shows_nothing_needs_no_value() {
    let add = Operation { f: "add".into(), key: Value::Int(1), value: Value::Int(9) };
    let completion = understand(&SET, &add, 4, r#"{"id":4,"type":"ok"}"#).unwrap();
    assert_eq!(completion, Completion::ok(Value::Int(9)));
    assert!(understand(&SET, &read(), 4, r#"{"id":4,"type":"ok"}"#).is_err());
}
