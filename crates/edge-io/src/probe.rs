//! Questions to the app: how does it answer a path when nobody is signed in?

use std::rc::Rc;
use std::time::Duration;

use http::Request;
use http::header::{ACCEPT, HOST, HeaderValue, LOCATION, USER_AGENT};

use crate::body::RequestBody;
use crate::worker::Worker;

/// Asks for a path once without any cookie, and tells admission what came back.
pub(crate) fn ask(worker: &Rc<Worker>, path: String) {
    let worker = worker.clone();
    tokio::task::spawn_local(async move {
        let asking = tokio::time::timeout(PATIENCE, fetch(&worker, &path));
        if let Ok(Some((status, location))) = asking.await {
            worker.shared().site.probed(&path, status, location.as_deref(), worker.now());
        }
    });
}

async fn fetch(worker: &Rc<Worker>, path: &str) -> Option<(u16, Option<Vec<u8>>)> {
    let origins = &worker.shared().origins;
    let index = origins.choose(false, worker.now())?;
    let mut request = Request::new(RequestBody::empty());
    *request.uri_mut() = path.parse().ok()?;
    let headers = request.headers_mut();
    let site_host = worker.shared().settings.hosts.first().and_then(|host| HeaderValue::from_str(host).ok());
    headers.insert(HOST, site_host.or_else(|| origins.at(index).host())?);
    headers.insert(ACCEPT, HeaderValue::from_static("text/html, application/json;q=0.9, */*;q=0.5"));
    headers.insert(USER_AGENT, HeaderValue::from_static("portcullis"));
    let (response, _lease) = worker.pool().send(index, request, None, worker.now()).await.ok()?;
    let location = response.headers().get(LOCATION).map(|value| value.as_bytes().to_vec());
    Some((response.status().as_u16(), location))
}

const PATIENCE: Duration = Duration::from_secs(5);
