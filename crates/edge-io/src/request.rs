//! The way of a request: who, limits, threshold, body, slot, origin.

use std::future::poll_fn;
use std::mem::take;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use admission::site::{Demand, Refusal, Verdict};
use http::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use model::{Group, Instant, Outcome, Reason};

use crate::ahead;
use crate::answer;
use crate::body::{AnswerBody, RequestBody};
use crate::call::{Call, Late, Stage};
use crate::connection::Connection;
use crate::consent;
use crate::exchange::Exchange;
use crate::forwarded;
use crate::grpc::Grpc;
use crate::headers::{self, Told};
use crate::intake;
use crate::origin::{Asker, Lease, SendError};
use crate::own::{agrees, of_connection, own_answer};
use crate::remembered;
use crate::routes::Route;
use crate::sockets::{Owner, WebSocketSeat};
use crate::subject::{Lookup, Subject};
use crate::wait;
use crate::worker::Worker;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection has ended")]
pub(crate) struct Ended;

/// Answers one request.
pub(crate) async fn handle(
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    call: Rc<Call>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Ended> {
    let begun = worker.now();
    connection.begin(&call, begun);
    let (parts, body) = request.into_parts();
    if !agrees(&connection, &body) {
        // Two readings of one message: nothing on this connection can be trusted any more.
        connection.gauge.end();
        connection.end(&call, begun);
        return Err(Ended);
    }
    if let Some(answer) = own_answer(&worker, &connection, &parts) {
        connection.end(&call, begun);
        return Ok(of_connection(&worker, &connection, answer));
    }
    if let Some(answer) = consent::answer(&worker, &connection, &call, &parts) {
        // So rare that nobody else's future is to have room for it.
        return Ok(of_connection(&worker, &connection, Box::pin(answer).await));
    }
    let subject = Subject::of(&worker, &connection, &parts, begun);
    connection.note_identity(&subject.identity, begun);
    let mut way = Way { worker, connection, call, subject: Rc::new(subject), begun, parts };
    let outcome = way.go(body).await;
    if way.connection.gauge.has_ended() {
        return Err(Ended);
    }
    let answer = outcome.unwrap_or_else(|declined| way.decline(declined));
    Ok(of_connection(&way.worker, &way.connection, answer))
}

/// Why a request gets an answer of the gate's own.
pub(crate) enum Declined {
    /// Refused by admission.
    Refused(Refusal),
    /// The origin cannot be reached or broke off.
    Unreachable,
    /// The origin did not answer in time.
    Late,
    /// The request cannot be served as it is; the text says why.
    Bad(&'static str),
    /// Answered from what the gate remembers of the app.
    Remembered(Box<Response<AnswerBody>>),
}

/// How the wait for an answer ended.
enum Cut<T> {
    Done(T),
    /// A deadline has passed, or the connection must end.
    Late,
    Refused(Reason),
}

/// One request on its way.
pub(crate) struct Way {
    pub(crate) worker: Rc<Worker>,
    pub(crate) connection: Rc<Connection>,
    pub(crate) call: Rc<Call>,
    pub(crate) subject: Rc<Subject>,
    pub(crate) begun: Instant,
    /// The head as the client sent it, until it goes to the origin.
    pub(crate) parts: Parts,
}

impl Way {
    async fn go(&mut self, body: Incoming) -> Result<Response<AnswerBody>, Declined> {
        let mut verdict = self.judge();
        if let Some(subject) = Rc::get_mut(&mut self.subject) {
            // Nobody else holds it before the exchange opens.
            subject.identity = verdict.identity;
        }
        if let Some(reason) = self.has_too_many_streams() {
            let site = &self.worker.shared().site;
            let refusal = site.refusal(&verdict.identity, reason, self.worker.scatter());
            verdict.refuse = verdict.refuse.or(Some(refusal));
        }
        let worker = self.worker.clone();
        let shared = worker.shared();
        self.count(verdict.refuse.as_ref().map(|refusal| refusal.reason), verdict.cost_micros);
        if let Some(refusal) = verdict.refuse {
            return Err(self.refuse(refusal));
        }
        // From here on, so that those that come at once are counted too.
        let seat = self.subject.websocket.then(|| WebSocketSeat::take(&self.worker, &self.subject));
        // Only this lives on over the waits: each connection has room for the whole future.
        let would = verdict.would;
        if let Some(reason) = would {
            self.note(reason, false);
        }
        let route = shared.settings.routes.of(self.subject.path());
        if self.subject.websocket && route.is_some_and(|route| !route.websocket) {
            return Err(Declined::Bad("this path takes no WebSocket"));
        }
        let body = intake::take_body(self, body, route).await?;
        if self.account_field().is_some() {
            // So rare that nobody else's future is to have room for it.
            Box::pin(self.try_accounts(&body)).await?;
        }
        let mut exchange = Exchange::open(self, would);
        exchange.hold_seat(seat.flatten());
        let mut now = if body.is_empty() { self.begun } else { self.worker.now() };
        if !shared.site.is_bypassed() {
            now = self.take_slot(&mut exchange, now).await?;
        }
        self.forward(body, route, exchange, now).await
    }

    fn judge(&self) -> Verdict {
        let site = &self.worker.shared().site;
        let demand = self.demand();
        if site.is_bypassed() || remembered::always_passes(demand.path) {
            return site.wave_through(&self.subject.identity, &demand);
        }
        site.admit(&self.subject.identity, &demand, self.begun)
    }

    /// Outside calm a connection of HTTP/2 on which no known client has shown itself has fewer streams, and WebSockets are bounded: of
    /// each client, of unknown clients together, and of all (decision-science, section 9). Those beyond get an answer and no
    /// reset, which clients would take for a failure.
    fn has_too_many_streams(&self) -> Option<Reason> {
        let (connection, shared) = (&self.connection, self.worker.shared());
        let crowds = connection.open() > STREAMS_UNKNOWN_MAX
            && connection.gauge.is_multiplexed()
            && !connection.is_known()
            && !shared.carries_many(connection);
        let hoards = self.subject.websocket && self.has_too_many_sockets();
        let reason = if crowds { Reason::ConnectionLimit } else { Reason::StreamLimit };
        ((crowds || hoards) && shared.site.refuses_bodies(self.begun)).then_some(reason)
    }

    fn has_too_many_sockets(&self) -> bool {
        let (shared, address) = (self.worker.shared(), self.subject.address);
        let unknown = self.subject.identity.tier().group() == Group::Unknown
            && shared.streams.open(Group::Unknown) >= u64::from(shared.settings.streams_unknown_max);
        let people = || address.map_or(1, |address| shared.site.people_at(address));
        let own = Owner::of(&self.subject.identity, address)
            .is_some_and(|owner| shared.sockets.open(owner) >= owner.most(people()));
        let known = self.subject.identity.tier().is_known();
        unknown || own || shared.sockets.are_too_many(shared.site.connections().slots(), known)
    }

    fn demand(&self) -> Demand<'_> {
        Demand {
            class: self.subject.class,
            method: self.subject.method.as_str(),
            path: self.subject.path(),
            navigation: self.subject.navigation,
            user_agent: self.subject.user_agent(),
            scatter: self.worker.scatter(),
        }
    }

    /// A refused request may still be answered from what the gate remembers of the app.
    fn refuse(&self, refusal: Refusal) -> Declined {
        let remembered = &self.worker.shared().remembered;
        let answer = match self.subject.method {
            Method::OPTIONS => remembered.preflight(self.subject.path(), &self.parts.headers, self.begun),
            Method::GET | Method::HEAD => remembered.copy_of(self.subject.path()),
            _ => None,
        };
        answer.map_or(Declined::Refused(refusal), |answer| Declined::Remembered(Box::new(answer)))
    }

    /// Returns when the slot was had.
    async fn take_slot(&self, exchange: &mut Exchange, now: Instant) -> Result<Instant, Declined> {
        let site = &self.worker.shared().site;
        let group = self.subject.identity.tier().group();
        match wait::slot(&self.worker, group, now).await {
            Ok(had) => {
                exchange.hold_slot(group);
                Ok(had)
            }
            Err(reason) if site.observes_queue() => {
                // Only observing: the origin gets it all the same, outside the account.
                self.note(reason, false);
                Ok(self.worker.now())
            }
            Err(reason) => {
                exchange.decline();
                Err(Declined::Refused(site.refusal(&self.subject.identity, reason, self.worker.scatter())))
            }
        }
    }

    async fn forward(
        &mut self,
        body: RequestBody,
        route: Option<&Route>,
        mut exchange: Box<Exchange>,
        dispatched: Instant,
    ) -> Result<Response<AnswerBody>, Declined> {
        let upgrade = self.upgrade();
        let request_id = exchange.request_id.clone();
        let watch = self.worker.shared().site.watch(
            &self.subject.identity,
            &self.demand(),
            &Lookup(&self.parts.headers),
            dispatched,
        );
        let mut request = self.for_origin(body, request_id)?;
        exchange.dispatched = Some(dispatched);
        let sent = match self.choose_origin(&mut request, route, dispatched) {
            Some(index) => {
                let asker = Asker {
                    group: self.subject.identity.tier().group(),
                    pass: self.subject.identity.pass_of_known(),
                    connection: self.connection.clone(),
                    call: self.call.clone(),
                };
                let sending = pin!(self.worker.pool().send(index, request, Some(asker), dispatched));
                self.sent(index, self.while_in_time(exchange.would(), sending).await)
            }
            None => Err(Declined::Bad("nothing here serves this kind of request")),
        };
        let (response, lease) = match sent {
            Ok(answered) => answered,
            Err(declined) => {
                self.account_for(&declined, &mut exchange);
                return Err(declined);
            }
        };
        let now = self.worker.now();
        lease.origin().succeeded();
        exchange.answered(response.status().as_u16(), now);
        exchange.hold_lease(lease);
        let answer = answer::to_client(self, watch, response, exchange, upgrade, now);
        if !self.reads_ahead() {
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        // Boxed: each client connection has room for the whole future.
        Ok(Response::from_parts(parts, Box::pin(ahead::read(body)).await))
    }

    /// Whether small answers are taken off the app's hands before the client asks for them.
    fn reads_ahead(&self) -> bool {
        self.connection.gauge.is_multiplexed()
            && !self.subject.identity.tier().is_known()
            && !self.subject.grpc
            && !self.worker.shared().buffers_are_scarce()
    }

    /// Why an exchange got no answer: only what the origin is to blame for counts as its failure, else clients that break off
    /// could lower the limit.
    fn account_for(&self, declined: &Declined, exchange: &mut Exchange) {
        exchange.status = match declined {
            Declined::Late => 504,
            Declined::Unreachable => 502,
            Declined::Bad(_) => 400,
            // Whoever answers counts it.
            Declined::Refused(_) | Declined::Remembered(_) => return exchange.decline(),
        };
        if exchange.status >= 500 {
            exchange.outcome = Outcome::OriginError;
            self.worker.counters().origin_broke_off();
        }
    }

    /// The client's side of a WebSocket, if the request asks for one.
    fn upgrade(&mut self) -> Option<hyper::upgrade::OnUpgrade> {
        if self.subject.websocket { self.parts.extensions.remove() } else { None }
    }

    fn for_origin(
        &mut self,
        body: RequestBody,
        request_id: HeaderValue,
    ) -> Result<Request<RequestBody>, Declined> {
        let (uri, mut headers) = (take(&mut self.parts.uri), take(&mut self.parts.headers));
        if let Some(authority) = uri.authority() {
            // RFC 9112 section 3.2.2: the target's authority replaces what `Host` says.
            let host = HeaderValue::from_str(authority.as_str())
                .map_err(|_| Declined::Bad("the target is malformed"))?;
            headers.insert(HOST, host);
        }
        let told = Told {
            forwarded_for: self.connection.forwarded_for.clone(),
            forwarded: self.connection.forwarded.clone(),
            request_id,
            tier: HeaderValue::from_static(self.subject.identity.tier().label()),
            known: self.subject.identity.tier().is_known(),
            front: self.connection.front,
            https: self.connection.security.tls,
        };
        headers::for_origin(&mut headers, self.subject.chores, told);
        let shared = self.worker.shared();
        let front = shared.front_of(&self.connection);
        forwarded::remove_unvouched(&mut headers, &shared.settings.fronts, front);
        if !body.is_whole() && self.subject.length.is_none() {
            // Said aloud: of a GET the HTTP library would drop a body whose length is not known.
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.subject.method.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = match (&self.subject.path, uri.authority()) {
            (Some(path), Some(_)) => path.clone().into(),
            _ => uri,
        };
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// The origin for a request, and by when it must answer; `None` if there is none.
    fn choose_origin(
        &self,
        request: &mut Request<RequestBody>,
        route: Option<&Route>,
        dispatched: Instant,
    ) -> Option<usize> {
        let origins = &self.worker.shared().origins;
        let index = origins.choose(self.subject.grpc, dispatched)?;
        let origin = origins.at(index);
        if !self.subject.chores.host
            && !request.headers().contains_key(HOST)
            && let Some(host) = origin.host()
        {
            // HTTP/1.0 clients may leave it out.
            request.headers_mut().insert(HOST, host);
        }
        if self.subject.grpc && origin.settings().grpc != Grpc::Never {
            headers::over_http2(request, origin.settings().tls.is_some());
        }
        self.call.dispatch();
        if !route.is_some_and(|route| route.long) {
            self.call.await_origin(Some(dispatched + origin.settings().answer_timeout));
        }
        Some(index)
    }

    /// What has become of a request that was sent to an origin.
    fn sent(
        &self,
        index: usize,
        sent: Cut<Result<(Response<Incoming>, Lease), SendError>>,
    ) -> Result<(Response<Incoming>, Lease), Declined> {
        let origin = self.worker.shared().origins.at(index);
        self.call.await_origin(None);
        match sent {
            Cut::Done(Ok(answered)) => Ok(answered),
            Cut::Done(Err(SendError::Busy)) => Err(self.refused(Reason::QueueFull)),
            Cut::Refused(reason) => Err(self.refused(reason)),
            // The client broke its body off, or sent more than it may: that is no failure of the origin.
            Cut::Done(Err(SendError::Broken(error))) if error.is_user() => Err(BODY_BROKE_OFF),
            Cut::Done(Err(_)) => {
                origin.failed(self.worker.now());
                Err(Declined::Unreachable)
            }
            Cut::Late if self.call.late() != Some(Late::Origin) => Err(BODY_BROKE_OFF),
            Cut::Late => {
                origin.failed(self.worker.now());
                Err(Declined::Late)
            }
        }
    }

    fn refused(&self, reason: Reason) -> Declined {
        let site = &self.worker.shared().site;
        Declined::Refused(site.refusal(&self.subject.identity, reason, self.worker.scatter()))
    }

    /// Runs until done, or until a sweep finds that origin or body are late or the connection must end, or until what only waits
    /// for a connection to the app is refused after all.
    async fn while_in_time<F: Future>(
        &self,
        would: Option<Reason>,
        mut doing: Pin<&mut F>,
    ) -> Cut<F::Output> {
        poll_fn(|cx| {
            if self.call.late().is_some() || self.connection.gauge.has_ended() {
                return Poll::Ready(Cut::Late);
            }
            if self.call.is_queued()
                && let Some(reason) =
                    self.worker.shared().site.reconsider(&self.subject.identity, would, self.worker.now())
            {
                self.call.set_queued(false);
                return Poll::Ready(Cut::Refused(reason));
            }
            self.call.remember_waker(cx);
            if !self.connection.gauge.is_multiplexed() {
                self.connection.gauge.remember_waker(cx);
            }
            doing.as_mut().poll(cx).map(Cut::Done)
        })
        .await
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        if self.call.stage() == Stage::Asked {
            self.connection.end(&self.call, self.worker.now());
        }
    }
}

pub(crate) const BODY_BROKE_OFF: Declined =
    Declined::Bad("the body broke off, came too slowly or was too long");
const STREAMS_UNKNOWN_MAX: u32 = 20;
