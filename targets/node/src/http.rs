//! HTTP/1.1 with JSON bodies, as all targets serve it: the connections of clients, bodies, answers and errors.
//!
//! An error has `{"error":…,"definite":…}`. `definite` is true only when the operation did not and will not happen.
//! `client` and `seq` of a body name a client and its request; they may be left out, but only together.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

/// A longer body is refused.
const BODY_BYTES: usize = 1 << 20;

/// A whole answer.
pub(crate) type Answer = hyper::Response<Full<Bytes>>;

/// Takes the connections of clients; `answer` answers each request.
pub(crate) async fn accept<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, answer.clone()));
            }
            Err(error) => {
                eprintln!("WARN http: cannot accept a connection why={error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer>,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    // A client that breaks off is its own business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A request that is refused: nothing happened.
pub(crate) struct Refused {
    /// How HTTP says it.
    pub(crate) status: StatusCode,
    /// A short class, perhaps a colon and the detail.
    pub(crate) error: String,
}

impl Refused {
    /// A refusal.
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Refused {
        Refused { status, error: error.into() }
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Answer {
        failure(refused.status, &refused.error, true)
    }
}

/// A body, and who sent it.
#[derive(Deserialize)]
pub(crate) struct Body<T> {
    client: Option<Arc<str>>,
    seq: Option<u64>,
    /// What is asked.
    #[serde(flatten)]
    pub(crate) rest: T,
}

impl<T> Body<T> {
    /// The client and the number of its request, when the client gave them.
    pub(crate) fn session(&self) -> Result<Option<(Arc<str>, u64)>, Refused> {
        match (&self.client, self.seq) {
            (Some(client), Some(seq)) => Ok(Some((client.clone(), seq))),
            (None, None) => Ok(None),
            _ => Err(Refused::new(StatusCode::BAD_REQUEST, "bad-request: client and seq belong together")),
        }
    }
}

/// Reads a body of JSON.
pub(crate) async fn read_body<T: for<'de> Deserialize<'de>>(request: Request<Incoming>) -> Result<T, Refused> {
    let refused = |error: String| Refused::new(StatusCode::BAD_REQUEST, format!("bad-request: {error}"));
    let body =
        Limited::new(request.into_body(), BODY_BYTES).collect().await.map_err(|error| refused(error.to_string()))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| refused(error.to_string()))
}

/// An error answer.
pub(crate) fn failure(status: StatusCode, error: &str, definite: bool) -> Answer {
    reply(status, json!({ "error": error, "definite": definite }).to_string())
}

/// An answer with a body of JSON.
pub(crate) fn reply(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = hyper::Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
