//! The system under test: integers by key, kept by one node for all.
//!
//! Node 1 keeps the data and writes every change to its disk before it answers; the others hand requests on to it, each
//! once. Nothing is replicated: while node 1 is down or cut off, nobody is served. What is served is linearizable.
//!
//! A request is a line, and so is its answer: `ok [VALUE]`, `no` (a compare-and-set found another value), or
//! `refused REASON` (it did not happen and never will). A connection that ends instead leaves the outcome unknown.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a node waits for the one that keeps the data.
const PATIENCE: Duration = Duration::from_millis(500);

/// `serve KEEPER LISTEN FILE [forgets]`: KEEPER is `me`, or the address of the node that keeps the data.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || arguments.next().unwrap_or_default();
    let (keeper, listen, file, mutant) = (next(), next(), next(), next());
    match serve(&keeper, &listen, Path::new(&file), mutant == "forgets") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tiny-kv: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(keeper: &str, listen: &str, file: &Path, forgets: bool) -> io::Result<()> {
    let node = Arc::new(match keeper {
        "me" => Node::Keeper(Mutex::new(Store::open(file, forgets)?)),
        address => Node::Forwarder(address.parse().map_err(io::Error::other)?),
    });
    let listener = TcpListener::bind(listen)?;
    println!("serving on {listen}");
    for connection in listener.incoming() {
        let (node, connection) = (node.clone(), connection?);
        // A client that goes away is no error of the server's.
        thread::spawn(move || drop(converse(&node, connection)));
    }
    Ok(())
}

enum Node {
    Keeper(Mutex<Store>),
    Forwarder(SocketAddr),
}

fn converse(node: &Node, connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut answers = connection.try_clone()?;
    let mut keeper = None;
    for request in BufReader::new(connection).lines() {
        let request = request?;
        let answer = match node {
            _ if request == "status" => node.status(),
            Node::Keeper(store) => store.lock().map_err(|_| io::Error::other("a write failed"))?.carry_out(&request)?,
            Node::Forwarder(address) => forward(&mut keeper, *address, &request)?,
        };
        answers.write_all(format!("{answer}\n").as_bytes())?;
    }
    Ok(())
}

/// Hands a request on, once. An error means that nobody knows whether it arrived.
fn forward(keeper: &mut Option<BufReader<TcpStream>>, address: SocketAddr, request: &str) -> io::Result<String> {
    if keeper.is_none() {
        let Ok(connection) = TcpStream::connect_timeout(&address, PATIENCE) else {
            return Ok("refused: the keeper cannot be reached".to_owned());
        };
        connection.set_nodelay(true)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        *keeper = Some(BufReader::new(connection));
    }
    let connection = keeper.as_mut().ok_or(io::ErrorKind::NotConnected)?;
    connection.get_mut().write_all(format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    connection.read_line(&mut answer)?;
    match answer.strip_suffix('\n') {
        Some(answer) => Ok(answer.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

impl Node {
    fn status(&self) -> String {
        let role = if matches!(self, Node::Keeper(_)) { "keeper" } else { "forwarder" };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("ok {role} {}", since.as_millis())
    }
}

/// The data, and the file that has all changes in order, a line each.
struct Store {
    values: BTreeMap<String, i64>,
    file: File,
    forgets: bool,
}

impl Store {
    fn open(path: &Path, forgets: bool) -> io::Result<Store> {
        let mut file = File::options().create(true).read(true).append(true).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // A change whose line was cut short was never acknowledged.
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(complete as u64)?;
        file.seek(io::SeekFrom::End(0))?;
        let mut values = BTreeMap::new();
        for line in text[..complete].lines() {
            let (key, value) = line.split_once(' ').ok_or_else(|| io::Error::other("the file is damaged"))?;
            values.insert(key.to_owned(), value.parse().map_err(io::Error::other)?);
        }
        println!("found {} keys", values.len());
        Ok(Store { values, file, forgets })
    }

    fn carry_out(&mut self, request: &str) -> io::Result<String> {
        let words: Vec<&str> = request.split(' ').collect();
        let number = |word: &str| word.parse::<i64>().ok();
        let held = |key: &str| self.values.get(key).copied();
        let (key, value) = match words[..] {
            ["get", key] => return Ok(held(key).map_or_else(|| "ok nil".to_owned(), |value| format!("ok {value}"))),
            ["put", key, value] => (key, number(value)),
            ["cas", key, from, _] if held(key) != number(from) => return Ok("no".to_owned()),
            ["cas", key, _, to] => (key, number(to)),
            ["max", key, value] => (key, number(value).map(|value| value.max(held(key).unwrap_or(value)))),
            ["add", key, amount] => (key, number(amount).and_then(|amount| held(key).unwrap_or(0).checked_add(amount))),
            _ => return Ok("refused: no such request".to_owned()),
        };
        let Some(value) = value else { return Ok("refused: not a number".to_owned()) };
        if !self.forgets {
            self.file.write_all(format!("{key} {value}\n").as_bytes())?;
            self.file.sync_data()?;
        }
        self.values.insert(key.to_owned(), value);
        Ok("ok".to_owned())
    }
}
