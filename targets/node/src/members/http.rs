//! What clients may ask of the membership.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /members` | | `{"members":[[1,"alive",3],…]}`: who, held for what, in which incarnation; this node included |
//! | `POST /members` | `{"leave":true}` or `{"join":true}` | `{}` once that is on disk |
//!
//! A node that leaves twice has left once. Until a node takes part itself, both are refused: 503 `starting`.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use rashomon_swim::{Change, Member};
use serde::Deserialize;
use serde_json::json;

use crate::http::{Answer, Body, Refused, read_body, reply};

/// What a request for `/members` asks: a change, or `None` for the view.
pub(crate) async fn understand(request: Request<Incoming>) -> Result<Option<Change>, Refused> {
    match *request.method() {
        Method::GET => Ok(None),
        Method::POST => {
            let body: Body<ChangeBody> = read_body(request).await?;
            match body.rest {
                ChangeBody { leave: true, join: false } => Ok(Some(Change::Leave)),
                ChangeBody { leave: false, join: true } => Ok(Some(Change::Join)),
                _ => Err(Refused::new(StatusCode::BAD_REQUEST, "bad-request: either leave or join is true")),
            }
        }
        _ => Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")),
    }
}

#[derive(Deserialize)]
struct ChangeBody {
    #[serde(default)]
    leave: bool,
    #[serde(default)]
    join: bool,
}

/// The answer that shows a view.
pub(crate) fn show(members: Option<Vec<Member>>) -> Answer {
    let Some(members) = members else {
        return Refused::new(StatusCode::SERVICE_UNAVAILABLE, "starting").into();
    };
    let rows = members.iter().map(|member| json!([member.id, member.state.as_str(), member.incarnation]));
    reply(StatusCode::OK, json!({ "members": rows.collect::<Vec<_>>() }).to_string())
}
