//! Taking a request body: small ones are read before a slot is taken, so that a slow upload holds none.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use model::{Reason, Tier};

use crate::body::{ClientBody, RequestBody};
use crate::edge::Shared;
use crate::request::{BODY_BROKE_OFF, Declined, Way};
use crate::routes::{BODY_BYTES_DEFAULT, BODY_BYTES_READ_FIRST, Route};

/// The body of a request, read or to be streamed.
///
/// Bodies up to 64 KiB are read first, and the first 64 KiB of all that clients send who are not known: who never finishes, or
/// sends drop by drop, holds no connection to the app. Outside calm bodies of unknown clients are read whole, up to what the route
/// allows.
pub(crate) async fn take_body(
    way: &Way,
    body: Incoming,
    route: Option<&Route>,
) -> Result<RequestBody, Declined> {
    // A stream of HTTP/2 that announces nothing may still send something: only its end tells (RFC 9113, section 8.1.1).
    let announces_nothing = way.subject.length == Some(0) && !way.connection.gauge.is_multiplexed();
    if announces_nothing || body.is_end_stream() {
        return Ok(RequestBody::empty());
    }
    let site = &way.worker.shared().site;
    let named = way.account_field().is_some();
    let allowed = route.and_then(|route| route.body_bytes).unwrap_or(BODY_BYTES_DEFAULT);
    // What is not read here hides whose account it tries.
    let allowed = if named { allowed.min(BODY_BYTES_READ_FIRST) } else { allowed };
    // In calm, and while the gate only observes, body budgets count but refuse nobody.
    let now = way.worker.now();
    let enforced = site.refuses_bodies(now) || named && site.limits_attempts(&way.subject.identity, now);
    if way.subject.length.is_some_and(|length| length > allowed) {
        let refusal = site.refusal(&way.subject.identity, Reason::BodyTooLarge, way.worker.scatter());
        if enforced {
            return Err(Declined::Refused(refusal));
        }
        way.note(Reason::BodyTooLarge, false);
    }
    let body = ClientBody::new(body, way.call.clone(), *way.worker.clock());
    let allowance = if enforced { allowed } else { u64::MAX };
    let first = match read_first(way, route) {
        First::All if enforced => allowance,
        First::Some | First::All => BODY_BYTES_READ_FIRST,
        First::None if named => BODY_BYTES_READ_FIRST,
        First::None => return Ok(RequestBody::streaming(Bytes::new(), body, allowance)),
    };
    // Boxed: most requests have no body, and each client connection has room for the whole future.
    let reading = Box::pin(read(way, body, first, allowance));
    if first < allowance || !enforced {
        return reading.await;
    }
    let within = way.worker.shared().settings.body_timeout;
    tokio::time::timeout(within, reading).await.map_err(|_late| BODY_BROKE_OFF)?
}

/// How much of a body is read before the app hears of it.
enum First {
    /// The app hears of it at once.
    None,
    /// The beginning: it may be all.
    Some,
    /// All, as long as the gate enforces.
    All,
}

fn read_first(way: &Way, route: Option<&Route>) -> First {
    let small = way.subject.length.is_some_and(|length| length <= BODY_BYTES_READ_FIRST);
    let tier = way.subject.identity.tier();
    // The app answers such a body before it has ended.
    let converses = route.is_some_and(|route| route.long) || way.subject.grpc;
    if tier >= Tier::T5 && way.worker.shared().site.refuses_bodies(way.worker.now()) {
        return First::All;
    }
    if small || (!tier.is_known() && !converses) { First::Some } else { First::None }
}

/// Reads a body, or its first bytes, which are sent on before the rest.
async fn read(way: &Way, mut body: ClientBody, first: u64, allowed: u64) -> Result<RequestBody, Declined> {
    let site = &way.worker.shared().site;
    let mut held = Held::new(way.worker.shared());
    let mut whole = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Declined::Bad("the body broke off or came too slowly"))?;
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers = frame.into_trailers().ok();
                continue;
            }
        };
        let within_budget = held.grow(data.len());
        let length = (whole.len() + data.len()) as u64;
        let reason = if length > allowed {
            Some(Reason::BodyTooLarge)
        } else if !within_budget && site.refuses_bodies(way.worker.now()) {
            Some(Reason::BufferBudget)
        } else {
            None
        };
        if let Some(reason) = reason {
            return Err(Declined::Refused(site.refusal(&way.subject.identity, reason, way.worker.scatter())));
        }
        whole.extend_from_slice(&data);
        if (length > first || !within_budget) && !body.is_end_stream() {
            return Ok(RequestBody::streaming(held.keep(whole), body, allowed.saturating_sub(length)));
        }
    }
    Ok(RequestBody::whole(held.keep(whole), trailers))
}

/// Bytes held for one body, counted against the process-wide budget until the app has been sent them.
struct Held {
    all: Arc<AtomicI64>,
    budget: i64,
    bytes: i64,
}

impl Held {
    fn new(shared: &Shared) -> Self {
        let budget = i64::try_from(shared.settings.buffer_bytes).unwrap_or(i64::MAX);
        Self { all: shared.held.clone(), budget, bytes: 0 }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.all.fetch_add(bytes, Relaxed).saturating_add(bytes) > self.budget {
            self.all.fetch_sub(bytes, Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }

    /// What was read, which counts until the last reference to it is gone.
    fn keep(self, whole: BytesMut) -> Bytes {
        if whole.is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(Kept { whole, _held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Relaxed);
    }
}

/// The read part of a body.
struct Kept {
    whole: BytesMut,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_counts_for_as_long_as_it_is_in_memory() {
        let all = Arc::new(AtomicI64::new(0));
        let mut held = Held { all: all.clone(), budget: 100, bytes: 0 };
        assert!(held.grow(60) && !held.grow(60) && held.grow(40), "what does not fit is not counted");
        let body = held.keep(BytesMut::from(&[7; 100][..]));
        let waits = body.slice(90..);
        drop(body);
        assert_eq!(all.load(Relaxed), 100, "the app has not been sent all of it");
        drop(waits);
        assert_eq!(all.load(Relaxed), 0);
    }
}
