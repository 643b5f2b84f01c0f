//! One HTTP/1.1 connection without any hidden retry.
//!
//! Pooled clients retry a request when a reused connection turns out to be closed; a history made with one is not
//! honest. Here a request goes out once, on a connection that was known to be open when it was sent, and an error
//! says whether the request can have reached the server.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A longer answer is not one of ours.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// One connection to one address; opened when first needed and again after it broke.
pub(crate) struct HttpConnection {
    address: SocketAddr,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // The connection must be closed when its client is: the server would otherwise answer nobody.
        self.driver.abort();
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct HttpError {
    /// False when the request certainly never left this process.
    pub(crate) sent: bool,
    /// A short class, a colon and the detail.
    pub(crate) text: String,
}

impl HttpConnection {
    pub(crate) fn new(address: SocketAddr) -> HttpConnection {
        HttpConnection { address, open: None }
    }

    /// Sends one request and waits for its whole answer. Any error closes the connection.
    pub(crate) async fn request(&mut self, method: Method, path: &str, body: Bytes) -> Result<Answer, HttpError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| HttpError { sent: false, text: format!("request: {error}") })?;
        let mut open = self.take_open().await?;
        // From here on the request may be on its way, whatever happens to this future.
        let answer = exchange(&mut open.sender, request).await?;
        self.open = Some(open);
        Ok(answer)
    }

    async fn take_open(&mut self) -> Result<Open, HttpError> {
        if let Some(mut open) = self.open.take()
            && open.sender.ready().await.is_ok()
        {
            return Ok(open);
        }
        let unsent = |error: &dyn std::fmt::Display| HttpError { sent: false, text: format!("connect: {error}") };
        let stream = TcpStream::connect(self.address).await.map_err(|error| unsent(&error))?;
        stream.set_nodelay(true).map_err(|error| unsent(&error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| unsent(&error))?;
        let driver = tokio::spawn(async move {
            // Its error reaches the request that it belongs to.
            let _ = connection.await;
        });
        Ok(Open { sender, driver })
    }
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
    let lost = |error: &dyn std::error::Error| HttpError { sent: true, text: format!("connection: {}", chain(error)) };
    let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let body = body.collect().await.map_err(|error| lost(&*error))?.to_bytes();
    Ok(Answer { status, body })
}

/// An error with its causes, as hyper says little without them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
