//! Redis' protocol (RESP2, <https://redis.io/docs/latest/develop/reference/protocol-spec/>), as much as a client needs.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use serde_json::Value as Json;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// No longer line, text or array is read.
const LINE_MAX: u64 = 64 << 10;
const TEXT_MAX: usize = 16 << 20;
const ITEMS_MAX: usize = 1 << 20;
/// How deep arrays may be nested.
const DEPTH_MAX: u32 = 8;

/// What a server replied.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// Texts are strings, numbers numbers, nil is null.
    Value(Json),
    Error(String),
}

/// One connection.
pub(super) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// Sends a command, and waits for its reply. After an error the connection is of no use.
    pub(super) async fn ask(&mut self, words: &[String]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.write_all(request.as_bytes()).await?;
        read(&mut self.0, DEPTH_MAX).await
    }
}

type Reading<'a> = Pin<Box<dyn Future<Output = io::Result<Reply>> + Send + 'a>>;

/// Reads a reply.
fn read<R: AsyncBufRead + Unpin + Send>(from: &mut R, depth: u32) -> Reading<'_> {
    Box::pin(async move {
        let line = line(from).await?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| garbage("an empty line"))?;
        let value = match kind {
            "+" => Json::from(rest),
            "-" => return Ok(Reply::Error(rest.to_owned())),
            ":" => Json::from(number(rest)?),
            "$" => match length(rest, TEXT_MAX)? {
                None => Json::Null,
                Some(length) => text(from, length).await?,
            },
            "*" => match length(rest, ITEMS_MAX)? {
                None => Json::Null,
                Some(length) => {
                    let depth = depth.checked_sub(1).ok_or_else(|| garbage("arrays nested too deeply"))?;
                    let mut items = Vec::new();
                    for _ in 0..length {
                        match read(from, depth).await? {
                            Reply::Value(item) => items.push(item),
                            Reply::Error(error) => return Ok(Reply::Error(error)),
                        }
                    }
                    Json::Array(items)
                }
            },
            other => return Err(garbage(&format!("a reply that begins with {other:?}"))),
        };
        Ok(Reply::Value(value))
    })
}

async fn line<R: AsyncBufRead + Unpin + Send>(from: &mut R) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(LINE_MAX).read_until(b'\n', &mut line).await?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
        None if (line.len() as u64) < LINE_MAX => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(garbage("a line too long")),
    }
}

async fn text<R: AsyncBufRead + Unpin + Send>(from: &mut R, length: usize) -> io::Result<Json> {
    let mut bytes = Vec::new();
    from.take(length as u64 + 2).read_to_end(&mut bytes).await?;
    if bytes.len() < length + 2 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match bytes.strip_suffix(b"\r\n") {
        Some(text) => Ok(Json::from(String::from_utf8_lossy(text))),
        None => Err(garbage("a text without its end")),
    }
}

/// A length, or -1 for nil.
fn length(text: &str, most: usize) -> io::Result<Option<usize>> {
    match number(text)? {
        -1 => Ok(None),
        length => {
            let fits = usize::try_from(length).ok().filter(|length| *length <= most);
            fits.map(Some).ok_or_else(|| garbage(&format!("the length {length}")))
        }
    }
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| garbage(&format!("{text:?} in the place of a number")))
}

fn garbage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("garbage: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn reply(text: &str) -> io::Result<Reply> {
        read(&mut BufReader::new(text.as_bytes()), DEPTH_MAX).await
    }

    #[tokio::test]
    async fn replies_are_read() {
        for (text, value) in [
            ("+OK\r\n", json!("OK")),
            (":-7\r\n", json!(-7)),
            ("$5\r\na\r\nbc\r\n", json!("a\r\nbc")),
            ("$-1\r\n", json!(null)),
            ("*-1\r\n", json!(null)),
            ("*3\r\n$1\r\n5\r\n*0\r\n$-1\r\n", json!(["5", [], null])),
        ] {
            assert_eq!(reply(text).await.unwrap(), Reply::Value(value), "{text:?}");
        }
        assert_eq!(reply("-READONLY no\r\n").await.unwrap(), Reply::Error("READONLY no".into()));
    }

    #[tokio::test]
    async fn what_is_no_reply_is_an_error() {
        let deep = "*1\r\n".repeat(20);
        for text in [
            "",
            "+OK",
            "\r\n",
            "!x\r\n",
            "$5\r\nab",
            "$5\r\nabcdefgh",
            "$99999999999\r\n",
            ":x\r\n",
            "*2\r\n:1\r\n",
            &deep,
        ] {
            assert!(reply(text).await.is_err(), "{text:?}");
        }
    }
}
