//! Connections to the origins, kept per worker.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use model::{Group, Instant};

use super::channels::{Channels, Place};
use super::dial::{self, Line};
use super::holders::{Asker, For, Holders, OF_ONE_PASS, What};
use super::share::Share;
use super::{Origin, Origins};
use crate::body::RequestBody;
use crate::clock::Clock;

/// One worker's idle connections, by origin.
pub(crate) struct Pool {
    origins: Arc<Origins>,
    clock: Clock,
    idle: Box<[RefCell<Vec<Idle>>]>,
    channels: Box<[Kinds]>,
    holders: Holders,
    workers: usize,
}

/// The connections of HTTP/2 to one origin.
#[derive(Default)]
struct Kinds {
    known: Channels,
    others: Channels,
}

struct Idle {
    line: Line,
    open: Open,
    since: Instant,
    /// It has served more than one request: the app does keep connections open.
    proven: bool,
}

impl Idle {
    /// An app may have answered before it had read all of a request: that one is no use until its client has sent the rest.
    fn is_of_use(&self, now: Instant) -> bool {
        !self.line.sender.is_closed() && (self.line.sender.is_ready() || now.since(self.since) <= UNREADY_MAX)
    }
}

/// Why a request got no answer from an origin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The origin cannot be reached.
    #[error("connect: {0}")]
    Connect(#[from] io::Error),
    /// It took longer than allowed to connect.
    #[error("connect: no answer in time")]
    ConnectTimeout,
    /// The origin's connections are all in use.
    #[error("all connections to the origin are in use")]
    Busy,
    /// The connection broke, or what came was no HTTP.
    #[error("{0}")]
    Broken(#[from] hyper::Error),
}

impl Pool {
    /// Of one of so many workers.
    pub(crate) fn new(origins: Arc<Origins>, clock: Clock, workers: usize) -> Self {
        let idle = (0..origins.count()).map(|_| RefCell::new(Vec::with_capacity(IDLE_PER_ORIGIN))).collect();
        let channels = (0..origins.count()).map(|_| Kinds::default()).collect();
        Self { origins, clock, idle, channels, holders: Holders::default(), workers }
    }

    /// Sends a request to one origin, over an idle connection if there is one. Without an asker it is the gate's own.
    ///
    /// An idle connection may have been closed by the app in this very moment. What it did not take is sent again on
    /// another; so is a GET, HEAD or OPTIONS without a body that got no answer at all on a connection that has been idle
    /// for a while or was never used twice (RFC 9110, section 9.2.2). Nothing else is ever sent twice.
    pub(crate) async fn send(
        self: &Rc<Self>,
        index: usize,
        mut request: Request<RequestBody>,
        asker: Option<Asker>,
        now: Instant,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        let mut lease = match self.try_lease(index, asker) {
            Ok(lease) => lease,
            Err(asker) => Box::pin(self.wait_for_lease(index, asker)).await?,
        };
        if request.version() == Version::HTTP_2 {
            return Box::pin(self.call(lease, request)).await;
        }
        while let Some(mut idle) = self.take_idle(index) {
            let doubtful = !idle.proven || now.since(idle.since) > DOUBTFUL_AFTER;
            let copy = if doubtful { repeatable(&request) } else { None };
            (lease.open, lease.reused) = (Some(idle.open), true);
            match idle.line.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, lease.with(idle.line))),
                Err(mut failed) => match failed.take_message().or(copy) {
                    Some(unsent) => request = unsent,
                    None => return Err(failed.into_error().into()),
                },
            }
        }
        // Boxed: rare and large, it would make the future of every client connection larger.
        Box::pin(self.send_anew(lease, request)).await
    }

    /// Sends a request over a new connection.
    async fn send_anew(
        self: &Rc<Self>,
        mut lease: Lease,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        lease.open = None;
        let (mut line, open) = self.connect(&lease).await?;
        (lease.open, lease.reused) = (Some(open), false);
        let response = line.sender.send_request(request).await?;
        Ok((response, lease.with(line)))
    }

    /// Sends a request over a connection of HTTP/2 that calls share. It counts as a connection of its own: it is as much to do for
    /// the app. What a connection that has just ended did not take is sent again on another.
    async fn call(
        self: &Rc<Self>,
        mut lease: Lease,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        lease.open = Some(self.open(&lease).await?);
        let mut attempts = 1..=ATTEMPTS_MAX;
        loop {
            let mut place = self.channels(&lease).place(lease.origin(), &self.clock).await?;
            let sent = place.sender.try_send_request(request).await;
            if sent.is_ok() {
                place.is_answered();
            }
            lease.place = Some(place);
            match sent {
                Ok(response) => return Ok((response, lease)),
                Err(mut failed) => match failed.take_message().filter(|_| attempts.next().is_some()) {
                    Some(unsent) => request = unsent,
                    None => return Err(failed.into_error().into()),
                },
            }
        }
    }

    fn channels(&self, lease: &Lease) -> &Channels {
        let channels = &self.channels[lease.index];
        if lease.group.is_none() { &channels.known } else { &channels.others }
    }

    /// A lease, if the asker's group has one left.
    fn try_lease(self: &Rc<Self>, index: usize, asker: Option<Asker>) -> Result<Lease, Option<Asker>> {
        match asker {
            None => Ok(self.lease(index, None, None)),
            Some(asker) => match self.origins.at(index).share_of(asker.group) {
                Some(share) if !share.try_take() => Err(Some(asker)),
                Some(_) => Ok(self.lease(index, Some(asker.group), Some(asker))),
                None => Ok(self.lease(index, None, Some(asker).filter(|asker| asker.pass.is_some()))),
            },
        }
    }

    /// Waits for a lease; meanwhile those go that keep the app waiting.
    async fn wait_for_lease(self: &Rc<Self>, index: usize, asker: Option<Asker>) -> Result<Lease, SendError> {
        let group = asker.as_ref().map(|asker| asker.group);
        if let Some(share) = group.and_then(|group| self.origins.at(index).share_of(group)) {
            let call = asker.as_ref().map(|asker| asker.call.clone());
            call.iter().for_each(|call| call.set_queued(true));
            let had = self.wait_for(share, index, For::Others).await;
            call.iter().for_each(|call| call.set_queued(false));
            had?;
        }
        Ok(self.lease(index, group, asker))
    }

    async fn wait_for(&self, share: &Share, index: usize, who: For) -> Result<(), SendError> {
        let mut taking = pin!(share.take());
        for _ in 0..LOOKS_MAX {
            if let Ok(()) = tokio::time::timeout(Duration::ZERO, taking.as_mut()).await {
                return Ok(());
            }
            self.take_back(What::Connection(index), share.waiting(), who, self.clock.now());
            if let Ok(()) = tokio::time::timeout(LOOK_EVERY, taking.as_mut()).await {
                return Ok(());
            }
        }
        Err(SendError::Busy)
    }

    /// Somebody waits for a slot: whoever lets the app wait is to give back what it holds.
    pub(crate) fn make_room(&self, who: For, now: Instant) {
        self.take_back(What::Slot, 1, who, now);
    }

    /// What another worker's known clients wait for may be held here.
    fn make_room_elsewhere(&self, now: Instant) {
        for index in 0..self.origins.count() {
            let waiting = self.origins.at(index).known_waiting.load(Relaxed);
            if waiting > 0 {
                self.take_back(What::Connection(index), waiting, For::Known, now);
            }
        }
    }

    /// What one pass may let wait at this worker. Connections run out in an attack alone, and each worker has its part of what a pass may
    /// hold of them, at least one; slots run out whenever the app is busy.
    fn own_of_a_pass(&self, what: What) -> usize {
        match what {
            What::Connection(index) => {
                let own = OF_ONE_PASS.min(self.origins.at(index).connections.most() / 4);
                (own as usize).div_ceil(self.workers.max(1)).max(1)
            }
            What::Slot => OF_ONE_PASS as usize,
        }
    }

    fn take_back(&self, what: What, wanted: u32, who: For, now: Instant) {
        self.holders.take_back(what, wanted, who, self.own_of_a_pass(what), now, |index| {
            self.origins.at(index).taken_back.fetch_add(1, Relaxed);
        });
    }

    /// Closes connections that have been idle for long, at most a few per call.
    pub(crate) fn sweep(&self, now: Instant) {
        self.make_room_elsewhere(now);
        for idle in &self.idle {
            let mut idle = idle.borrow_mut();
            idle.retain(|one| one.is_of_use(now));
            // Those that wait for a connection have a better use for it.
            let wanted = idle.first().is_some_and(|one| one.open.origin().connections.waiting() > 0);
            let most = if wanted { Duration::ZERO } else { IDLE_MAX };
            let stale = idle.iter().take_while(|one| now.since(one.since) > most).count();
            idle.drain(..stale);
        }
        for Kinds { known, others } in &self.channels {
            known.sweep(now, IDLE_MAX);
            others.sweep(now, IDLE_MAX);
        }
    }

    fn take_idle(&self, index: usize) -> Option<Idle> {
        let mut idle = self.idle[index].borrow_mut();
        let place = idle.iter().rposition(|one| one.line.sender.is_ready())?;
        Some(idle.remove(place))
    }

    /// Whether one is to be had once those are closed that nobody can use.
    fn take_from_idle(&self, index: usize) -> bool {
        self.idle[index].borrow_mut().retain(|one| one.line.sender.is_ready());
        self.origins.at(index).connections.try_take()
    }

    async fn connect(&self, lease: &Lease) -> Result<(Line, Open), SendError> {
        let open = self.open(lease).await?;
        Ok((dial::http1(open.origin()).await?, open))
    }

    /// Counts one connection more.
    async fn open(&self, lease: &Lease) -> Result<Open, SendError> {
        let origin = lease.origin();
        if !origin.connections.try_take() && !self.take_from_idle(lease.index) {
            let who = lease.group.map_or(For::Known, For::from);
            let _waits = (who == For::Known).then(|| KnownWaits::begin(&origin.known_waiting));
            self.wait_for(&origin.connections, lease.index, who).await?;
        }
        Ok(Open { origins: self.origins.clone(), index: lease.index })
    }

    /// A lease that counts against the share of `group`.
    fn lease(self: &Rc<Self>, index: usize, group: Option<Group>, asker: Option<Asker>) -> Lease {
        self.origins.at(index).inflight.fetch_add(1, Relaxed);
        let key = asker.map(|asker| self.holders.insert(index, asker));
        Lease { pool: self.clone(), index, open: None, line: None, place: None, reused: false, group, key }
    }
}

/// A copy of a request that may be sent twice.
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe || !request.body().is_empty() {
        return None;
    }
    let mut copy = Request::new(RequestBody::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// A known client waits for a connection.
struct KnownWaits<'a>(&'a AtomicU32);

impl<'a> KnownWaits<'a> {
    fn begin(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(waiting)
    }
}

impl Drop for KnownWaits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A connection that exists, counted against the origin's maximum.
struct Open {
    origins: Arc<Origins>,
    index: usize,
}

impl Open {
    fn origin(&self) -> &Origin {
        self.origins.at(self.index)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.origin().connections.give_back();
    }
}

/// A connection in use for one exchange. [`Lease::keep`] puts it back; dropping it closes it.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    index: usize,
    open: Option<Open>,
    line: Option<Line>,
    /// Its call's, on a connection of HTTP/2.
    place: Option<Place>,
    reused: bool,
    /// In whose share it is, if that is limited.
    group: Option<Group>,
    /// Its holder's.
    key: Option<usize>,
}

impl Lease {
    /// The answer is complete: the connection may serve another request.
    pub(crate) fn keep(mut self, now: Instant) {
        if let (Some(line), Some(open)) = (self.line.take(), self.open.take()) {
            let mut idle = self.pool.idle[self.index].borrow_mut();
            let wanted = open.origin().connections.waiting() > 0;
            if !line.sender.is_closed() && !wanted && idle.len() < IDLE_PER_ORIGIN {
                idle.push(Idle { line, open, since: now, proven: self.reused });
            }
        }
    }

    /// Which origin it leads to.
    pub(crate) fn origin(&self) -> &Origin {
        self.pool.origins.at(self.index)
    }

    fn with(mut self, line: Line) -> Self {
        self.line = Some(line);
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let origin = self.pool.origins.at(self.index);
        origin.inflight.fetch_sub(1, Relaxed);
        if let Some(key) = self.key {
            self.pool.holders.remove(key);
        }
        if let Some(share) = self.group.and_then(|group| origin.share_of(group)) {
            share.give_back();
        }
    }
}

/// Idle connections that one worker keeps for one origin.
const IDLE_PER_ORIGIN: usize = 256;
/// An idle connection older than this is closed; shorter than the keep-alive of common app servers would be better,
/// but theirs range from 2 s to 75 s, and a closed one is replaced without the client noticing.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long an idle connection may be busy with the rest of a request that has its answer.
const UNREADY_MAX: Duration = Duration::from_secs(1);
/// Idle for longer than this, a connection may have been closed by the app just now.
const DOUBTFUL_AFTER: Duration = Duration::from_millis(250);
/// Connections that may end under one request before it took any of it.
const ATTEMPTS_MAX: u32 = 3;
/// How often somebody who waits looks for whom to take a connection from, and how many times: 3 s in all.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 30;
