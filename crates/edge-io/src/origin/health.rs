//! Health checks and name resolution; run by the first worker only.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::HOST;
use http_body_util::{BodyExt, Limited};
use model::Instant;

use super::{Origin, Origins, Pool};
use crate::body::RequestBody;
use crate::clock::Clock;
use crate::grpc::{self, Grpc};
use crate::headers;

/// Watches every origin until the worker stops.
pub(crate) async fn watch(origins: Arc<Origins>, pool: Rc<Pool>, clock: Clock) {
    for index in 0..origins.count() {
        let (origins, pool) = (origins.clone(), pool.clone());
        tokio::task::spawn_local(async move { watch_one(&origins, &pool, index, clock).await });
    }
}

async fn watch_one(origins: &Origins, pool: &Rc<Pool>, index: usize, clock: Clock) {
    let origin = origins.at(index);
    let mut streak = Streak::default();
    let mut pause = tokio::time::interval(origin.settings().health_interval.max(INTERVAL_MIN));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pause.tick().await;
        resolve(origin).await;
        if let Some(path) = &origin.settings().health_path {
            let checking = check(origin, pool, index, path, clock.now());
            let ok = tokio::time::timeout(origin.settings().health_timeout, checking).await.unwrap_or(false);
            if let Some(healthy) = streak.count(ok) {
                origin.set_healthy(healthy);
            }
        }
    }
}

/// Looks the origin's name up again: addresses behind a name change.
async fn resolve(origin: &Origin) {
    if let Ok(found) = tokio::net::lookup_host(origin.settings().authority.as_str()).await {
        origin.set_addresses(found.take(ADDRESSES_MAX).collect());
    }
}

/// Whether a GET of the health path is answered 2xx or 3xx.
async fn check(origin: &Origin, pool: &Rc<Pool>, index: usize, path: &str, now: Instant) -> bool {
    if origin.settings().grpc == Grpc::Only {
        return check_grpc(origin, pool, index, path, now).await.unwrap_or(false);
    }
    let mut request = Request::new(RequestBody::empty());
    let Ok(uri) = path.parse() else { return false };
    *request.uri_mut() = uri;
    if let Some(host) = origin.host() {
        request.headers_mut().insert(HOST, host);
    }
    match pool.send(index, request, None, now).await {
        Ok((answer, _lease)) => answer.status().is_success() || answer.status().is_redirection(),
        Err(_) => false,
    }
}

/// Whether the health service at the path says SERVING.
async fn check_grpc(
    origin: &Origin,
    pool: &Rc<Pool>,
    index: usize,
    path: &str,
    now: Instant,
) -> Option<bool> {
    let mut request = grpc::health_check(path)?;
    request.headers_mut().insert(HOST, origin.host()?);
    headers::over_http2(&mut request, origin.settings().tls.is_some());
    let (answer, _lease) = pool.send(index, request, None, now).await.ok()?;
    let answer = Limited::new(answer.into_body(), HEALTH_BYTES_MAX).collect().await.ok()?;
    let trailers = answer.trailers().cloned();
    Some(grpc::is_serving(&answer.to_bytes(), trailers.as_ref()))
}

/// Two failures in a row take an origin out, two successes bring it back.
#[derive(Debug, Default)]
struct Streak {
    good: u32,
    bad: u32,
}

impl Streak {
    fn count(&mut self, ok: bool) -> Option<bool> {
        if ok {
            (self.good, self.bad) = (self.good + 1, 0);
            (self.good >= IN_ROW).then_some(true)
        } else {
            (self.good, self.bad) = (0, self.bad + 1);
            (self.bad >= IN_ROW).then_some(false)
        }
    }
}

const HEALTH_BYTES_MAX: usize = 1024;
const IN_ROW: u32 = 2;
const INTERVAL_MIN: Duration = Duration::from_millis(500);
const ADDRESSES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_check_changes_nothing() {
        let mut streak = Streak::default();
        let said: Vec<Option<bool>> =
            [true, false, true, false, false, true, true].map(|ok| streak.count(ok)).into();
        assert_eq!(said, [None, None, None, None, Some(false), None, Some(true)]);
    }
}
