//! One page of a node, for its status.

use std::time::Duration;

use serde_json::Value as Json;

use crate::file::PageEntry;
use crate::template::Values;

/// A longer answer is no status.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The JSON that a page of the node `{ip}` answers; `None` when it does not in time.
pub(crate) async fn json(page: &PageEntry, values: &Values, timeout: Duration) -> Option<Json> {
    tokio::time::timeout(timeout, fetch(page, values)).await.ok()?
}

async fn fetch(page: &PageEntry, values: &Values) -> Option<Json> {
    let url = format!("http://{}:{}{}", values.get("ip")?, page.port, page.path.expand(values).ok()?);
    let usual = if page.body.is_some() { "POST" } else { "GET" };
    let method = page.method.as_ref().map_or(usual, |method| method.as_str());
    let method = reqwest::Method::from_bytes(method.as_bytes()).ok()?;
    let client = reqwest::Client::builder().no_proxy().build().ok()?;
    let request = client.request(method, url).header("content-type", "application/json");
    let mut response = request.body(page.body.clone().unwrap_or_default()).send().await.ok()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).ok()
}
