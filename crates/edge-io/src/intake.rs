//! Taking a request body: small ones are read before a slot is taken, so that a slow upload holds none.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use model::{Reason, Tier};

use crate::body::{ClientBody, RequestBody};
use crate::request::{Declined, Way};
use crate::routes::{BODY_BYTES_DEFAULT, BODY_BYTES_READ_FIRST, Route};
use crate::worker::Worker;

/// The body of a request, read or to be streamed.
///
/// Bodies up to 64 KiB are read first; outside calm those of unknown clients are, up to what the route allows.
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
    let allowed = route.and_then(|route| route.body_bytes).unwrap_or(BODY_BYTES_DEFAULT);
    // In calm, and while the gate only observes, body budgets count but refuse nobody.
    let enforced = site.refuses_bodies();
    if way.subject.length.is_some_and(|length| length > allowed) {
        let refusal = site.refusal(&way.subject.identity, Reason::BodyTooLarge, way.worker.scatter());
        if enforced {
            return Err(Declined::Refused(refusal));
        }
        way.note(Reason::BodyTooLarge, false);
    }
    let body = ClientBody::new(body, way.call.clone(), *way.worker.clock());
    let unknown = way.subject.identity.tier() >= Tier::T5;
    let small = way.subject.length.is_some_and(|length| length <= BODY_BYTES_READ_FIRST);
    if small || (unknown && enforced) {
        // Boxed: most requests have no body, and each client connection has room for the whole future.
        return Box::pin(read(way, body, if enforced { allowed } else { u64::MAX }))
            .await
            .map(RequestBody::whole);
    }
    let allowance = if enforced { allowed } else { u64::MAX };
    Ok(RequestBody::streaming(body, allowance))
}

async fn read(way: &Way, mut body: ClientBody, allowed: u64) -> Result<Bytes, Declined> {
    let mut held = Held::new(&way.worker);
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Declined::Bad("the body broke off or came too slowly"))?;
        let Ok(data) = frame.into_data() else { continue };
        let reason = if (whole.len() + data.len()) as u64 > allowed {
            Some(Reason::BodyTooLarge)
        } else if !held.grow(data.len()) {
            Some(Reason::BufferBudget)
        } else {
            None
        };
        if let Some(reason) = reason {
            let site = &way.worker.shared().site;
            return Err(Declined::Refused(site.refusal(&way.subject.identity, reason, way.worker.scatter())));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Bytes held for one body, counted against the process-wide budget until the body is read.
struct Held {
    worker: Rc<Worker>,
    bytes: i64,
}

impl Held {
    fn new(worker: &Rc<Worker>) -> Self {
        Self { worker: worker.clone(), bytes: 0 }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let shared = self.worker.shared();
        let budget = i64::try_from(shared.settings.buffer_bytes).unwrap_or(i64::MAX);
        if shared.held.fetch_add(bytes, Relaxed).saturating_add(bytes) > budget {
            shared.held.fetch_sub(bytes, Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.worker.shared().held.fetch_sub(self.bytes, Relaxed);
    }
}
