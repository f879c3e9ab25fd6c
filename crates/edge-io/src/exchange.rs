//! The account of one exchange: opened when a request is admitted, closed when the last byte of its answer has left
//! or anything on the way fails. Closing it counts, logs, and gives the slot back, whichever way it ends.

use std::rc::Rc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use model::{Group, Instant, Outcome, Reason, Tier};

use crate::access_log::Line;
use crate::call::{Call, Stage};
use crate::connection::Connection;
use crate::origin::Lease;
use crate::remembered::Recording;
use crate::request::Way;
use crate::sockets::WebSocketSeat;
use crate::subject::Subject;
use crate::unsent;
use crate::worker::Worker;

/// What is known of one exchange with the origin.
pub(crate) struct Exchange {
    pub(crate) worker: Rc<Worker>,
    pub(crate) connection: Rc<Connection>,
    pub(crate) call: Rc<Call>,
    subject: Rc<Subject>,
    begun: Instant,
    pub(crate) dispatched: Option<Instant>,
    first_byte: Option<Instant>,
    /// When the last byte of the answer was handed on.
    finished: Option<Instant>,
    pub(crate) request_id: HeaderValue,
    pub(crate) status: u16,
    would: Option<Reason>,
    pub(crate) outcome: Outcome,
    slot: Option<Group>,
    stream: Option<Group>,
    /// It is, or asks to be, a WebSocket.
    seat: Option<Box<WebSocketSeat>>,
    lease: Option<Lease>,
    bytes: u64,
    /// Another part counts and logs this request.
    counted: bool,
    /// A small public file that is being kept.
    recording: Option<Recording>,
}

impl Exchange {
    /// The account of a request that was admitted; `would` is what only observes and would have refused it.
    pub(crate) fn open(way: &Way, would: Option<Reason>) -> Box<Self> {
        way.call.enter(Stage::Answering);
        if let Some(partner) = way.subject.identity.partner() {
            way.worker.shared().site.partners().take(partner);
        }
        if way.subject.grpc && way.subject.identity.tier().is_known() {
            way.call.converse();
        }
        Box::new(Self {
            worker: way.worker.clone(),
            connection: way.connection.clone(),
            call: way.call.clone(),
            subject: way.subject.clone(),
            begun: way.begun,
            dispatched: None,
            first_byte: None,
            finished: None,
            request_id: way.worker.request_id(),
            status: 0,
            would,
            outcome: Outcome::Abandoned,
            slot: None,
            stream: None,
            seat: None,
            lease: None,
            bytes: 0,
            counted: false,
            recording: None,
        })
    }

    /// What would have refused it, had it not only observed.
    pub(crate) fn would(&self) -> Option<Reason> {
        self.would
    }

    /// Whether limits that refuse apply to its client: it is unknown, and they refuse now.
    pub(crate) fn may_refuse(&self) -> bool {
        let site = &self.worker.shared().site;
        !self.subject.identity.tier().is_known() && site.refuses_bodies(self.worker.now())
    }

    /// A slot was taken; it is given back when the last byte is in the gate.
    pub(crate) fn hold_slot(&mut self, group: Group) {
        self.slot = Some(group);
    }

    /// No slot was to be had: whoever refused it counts the request.
    pub(crate) fn decline(&mut self) {
        self.counted = true;
    }

    /// The origin's connection is kept for another request once the answer is complete.
    pub(crate) fn hold_lease(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Whether the origin's word on who has signed in is believed.
    pub(crate) fn origin_confirms_logins(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.origin().settings().confirms_logins)
    }

    /// The origin has begun to answer.
    pub(crate) fn answered(&mut self, status: u16, now: Instant) {
        self.status = status;
        self.first_byte = Some(now);
        if self.subject.grpc {
            self.call.converse();
        }
        self.call.await_origin(None);
        if self.connection.gauge.is_multiplexed() {
            // A stream whose window is closed from the start never asks for the answer's first byte.
            self.call.hands_on(0, now);
        }
        self.outcome =
            if matches!(status, 500 | 502..=504) { Outcome::OriginError } else { Outcome::Forwarded };
        // A slow line is not the app's: what it took says nothing of how much the app can do.
        let since = now.since(self.dispatched.unwrap_or(self.begun));
        let nanos = since.saturating_sub(self.call.kept_origin_waiting(now)).as_nanos();
        let counters = self.worker.counters();
        // Nor does an answer to a request that is not all there: who knows whether the app waited.
        if self.outcome == Outcome::Forwarded && !self.call.wants_body() {
            counters.served(self.subject.class, u64::try_from(nanos).unwrap_or(u64::MAX));
        }
        counters.origin_answered(status);
    }

    /// Bytes of the answer were handed on; `last` when nothing follows.
    pub(crate) fn passed(&mut self, data: &[u8], last: bool) {
        self.bytes += data.len() as u64;
        if !self.connection.gauge.is_multiplexed() {
            self.connection.gauge.queue_bytes(data.len());
        }
        if self.recording.as_mut().is_some_and(|recording| !recording.push(data)) {
            self.recording = None;
        }
        let now = self.worker.now();
        if last {
            self.call.waits_for_app();
            self.finished = Some(now);
            if let Some(recording) = self.recording.take() {
                self.worker.shared().remembered.keep_file(recording, now);
            }
            self.give_slot_back(now);
            if let Some(lease) = self.lease.take() {
                lease.keep(now);
            }
            return;
        }
        self.call.hands_on(data.len(), now);
        if self.bytes > SLOT_BYTES_MAX && self.slot.is_some() {
            self.become_stream();
        }
    }

    /// The answer is a small public file that is worth keeping.
    pub(crate) fn record(&mut self, recording: Option<Recording>) {
        self.recording = recording;
    }

    /// The origin broke the answer off.
    pub(crate) fn broke_off(&mut self) {
        self.outcome = Outcome::OriginError;
        self.worker.counters().origin_broke_off();
        self.give_slot_back(self.worker.now());
        self.lease = None;
    }

    /// Bytes that an upgraded connection brought to the client.
    pub(crate) fn relayed(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Leaves the account of L for that of streams: downloads, event streams, WebSockets.
    pub(crate) fn become_stream(&mut self) {
        if self.stream.is_some() {
            return;
        }
        let (now, group) = (self.worker.now(), self.tier().group());
        self.connection.become_stream(&self.call, now);
        self.stream = Some(group);
        self.worker.shared().streams.add(group);
        self.give_slot_back(now);
    }

    /// It asks to be a WebSocket, and counts as one until it ends.
    pub(crate) fn hold_seat(&mut self, seat: Option<Box<WebSocketSeat>>) {
        self.seat = seat;
    }

    /// A piece of the answer as it goes on to the client, counted for as long as it is in memory.
    pub(crate) fn counted(&self, piece: Bytes) -> Bytes {
        let gauge = &self.connection.gauge;
        if gauge.is_multiplexed() { unsent::counted(piece, gauge, *self.worker.clock()) } else { piece }
    }

    /// Whether the answer must not be read further until the client has taken some of it: the byte budget of all
    /// answers is used up. If so, it is asked again once that may have changed.
    pub(crate) fn must_wait_for_client(&self, cx: &Context<'_>) -> bool {
        let gauge = &self.connection.gauge;
        let must_wait = gauge.has_no_room() && self.worker.shared().buffers_are_scarce();
        if must_wait {
            gauge.wait_for_room(cx);
            self.call.wait_for_room(cx);
            // That is the gate's own shortage, and nothing that the client keeps the app waiting by.
            self.call.waits_for_app();
        }
        must_wait
    }

    /// The origin has nothing more to say as yet. A call of gRPC that has begun to answer and goes on is a stream. With HTTP/2 that may be because nobody has asked since: what a stream's
    /// window holds up is not asked for, so there only bytes count.
    pub(crate) fn waits_for_app(&mut self) {
        if self.subject.grpc {
            self.become_stream();
        }
        if !self.connection.gauge.is_multiplexed() {
            self.call.waits_for_app();
        }
    }

    fn give_slot_back(&mut self, now: Instant) {
        if let Some(group) = self.slot.take() {
            self.worker.release(group, now);
        }
    }

    fn tier(&self) -> Tier {
        self.subject.identity.tier()
    }

    fn log(&self, now: Instant, micros: u64) {
        let subject = &self.subject;
        let since_dispatch = |first: Instant| first.since(self.dispatched.unwrap_or(self.begun)).as_micros();
        self.worker.log(&Line {
            at: self.worker.wall_at(now),
            client: subject.address.unwrap_or(self.connection.address),
            tier: self.tier(),
            method: subject.method.as_str(),
            path: subject.path(),
            status: self.status,
            outcome: self.outcome,
            reason: None,
            would: self.would,
            bytes: self.bytes,
            micros,
            service_micros: self.first_byte.map(since_dispatch).and_then(|micros| u64::try_from(micros).ok()),
            request_id: self.request_id.as_bytes(),
            user_agent: subject.user_agent(),
            ja4: self.connection.ja4(),
            weight: 1,
        });
    }

    /// What it was for who asked: an app that does not begin to answer in time has failed them, also when they went away before it said
    /// so. Whoever still sends is not waiting.
    fn felt_as(&self, now: Instant) -> Outcome {
        let waits = self.subject.method.is_safe() && self.dispatched.is_some() && self.first_byte.is_none();
        let hangs = waits && now.since(self.begun) > ANSWER_WITHIN;
        if self.outcome == Outcome::Abandoned && hangs { Outcome::OriginError } else { self.outcome }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let now = self.finished.unwrap_or_else(|| self.worker.now());
        self.give_slot_back(now);
        if let Some(group) = self.stream.take() {
            self.worker.shared().streams.remove(group);
        }
        self.seat = None;
        self.connection.end(&self.call, now);
        if let Some(partner) = self.subject.identity.partner() {
            self.worker.shared().site.partners().give_back(partner);
        }
        if self.counted {
            return;
        }
        let nanos = u64::try_from(now.since(self.begun).as_nanos()).unwrap_or(u64::MAX);
        self.worker.counters().ended(&self.subject.identity, self.outcome, nanos);
        self.worker.felt(&self.subject.identity, self.felt_as(now), now);
        if let Some(reason) = self.would {
            self.worker.counters().would_have_refused(self.tier(), reason.kind().into());
        }
        self.log(now, nanos / 1_000);
    }
}

/// Beyond this an answer no longer holds a slot: it is a stream.
const SLOT_BYTES_MAX: u64 = 256 * 1024;
/// An attempt that has no answer after so long has failed (the status page's contract, section 6).
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
