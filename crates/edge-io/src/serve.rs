//! One accepted connection from its first byte to its last: PROXY header, TLS, HTTP.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::balance::Load;
use crate::body::AnswerBody;
use crate::clock::Clock;
use crate::connection::{Connection, Seat, Security};
use crate::counters::add;
use crate::edge::Manner;
use crate::gauge::{Gauge, Metered, Phase};
use crate::local::Local;
use crate::proxy_protocol::{self, Decoded, HEADER_BYTES_MAX, Proxied};
use crate::request::{self, Ended};
use crate::strict::{Paced, Strict};
use crate::tls::{self, HelloError, Tls};
use crate::transport::Transport;
use crate::worker::Worker;

/// Who has connected, before anything was read.
pub(crate) struct Caller {
    pub(crate) stream: TcpStream,
    pub(crate) peer: IpAddr,
    pub(crate) front: bool,
    pub(crate) seat: Seat,
    pub(crate) load: Load,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(worker: Rc<Worker>, caller: Caller, manner: Rc<Manner>) {
    let Caller { mut stream, peer, front, seat, load: _load } = caller;
    // Without it small answers wait for the client's acknowledgement; its failure is no reason to hang up.
    let _unchanged = stream.set_nodelay(true);
    let (address, unread, front) = if manner.proxy_protocol {
        let reading = tokio::time::timeout(PROXY_HEADER_TIMEOUT, read_proxy_header(&mut stream)).await;
        let Ok(Some((proxied, unread))) = reading else { return };
        match proxied {
            Proxied::Client(client) => (client.to_canonical(), unread, false),
            Proxied::Local => (peer, unread, true),
        }
    } else {
        (peer, Bytes::new(), front)
    };
    let security =
        Security { tls: manner.tls.is_some(), redirect: manner.redirect, hsts: manner.hsts.clone() };
    let connection = Rc::new(Connection::new(address, front, security, worker.now()));
    let key = worker.registry().insert(connection.clone());
    let _entry = Entry { worker: worker.clone(), key, _seat: seat };
    let metered = Metered::new(stream, unread, connection.gauge.clone(), *worker.clock());
    let transport = match &manner.tls {
        None => Transport::Plain(metered),
        Some(tls) => match secure(&worker, metered, tls, &connection).await {
            Some(transport) => transport,
            None => {
                add(&worker.counters().handshakes_failed, 1);
                return;
            }
        },
    };
    if transport.was_proof() {
        return;
    }
    if transport.speaks_h2() {
        serve_h2(worker, connection, transport).await;
    } else {
        serve_h1(worker.clone(), connection.clone(), transport).await;
        connection.emptied().await;
        if let Some(fault) = connection.borders.fault() {
            add(&worker.counters().malformed[fault.index()], 1);
        }
    }
}

/// The TLS handshake. The sweep ends it when it takes too long.
async fn secure(
    worker: &Worker,
    mut metered: Metered,
    tls: &Tls,
    connection: &Connection,
) -> Option<Transport> {
    connection.gauge.enter_handshake();
    let site = &worker.shared().site;
    // Refused before a byte is read, let alone a key exchanged.
    let hinted = site.begin_handshake(connection.address, connection.front, worker.now())?;
    let hello = match tls::read_hello(&mut metered).await {
        Ok(hello) => hello,
        Err(HelloError::PlainHttp) => {
            // Whoever wrote http:// for an https:// address; the answer says so.
            let _gone = metered.write_all(PLAIN_HTTP_ANSWER).await;
            let _closed = metered.shutdown().await;
            return None;
        }
        Err(HelloError::Malformed | HelloError::Broken(_)) => return None,
    };
    connection.saw_hello(&hello);
    let returns = |ticket: &Vec<u8>| tls.opens(ticket) && site.counts_as_return(ticket, worker.now());
    let comes_back = hinted || hello.ticket.as_ref().is_some_and(returns);
    if !connection.front && !worker.has_time_for_handshake(comes_back) {
        return None;
    }
    metered.put_back(hello.bytes);
    let accepting = pin!(TlsAcceptor::from(tls.config().clone()).accept(metered));
    let stream = timed(accepting, |spent| worker.spent_on_handshake(comes_back, spent)).await.ok()?;
    add(&worker.counters().handshakes, 1);
    if stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
        add(&worker.counters().handshakes_resumed, 1);
    }
    // The head's deadline counts from accept, TLS included (mission-anchors, section 5).
    connection.gauge.enter(Phase::Head, connection.gauge.since());
    Some(Transport::Tls(Box::new(stream)))
}

/// Tells how much of the worker's time each turn of a future takes.
async fn timed<F: Future>(mut doing: Pin<&mut F>, mut spend: impl FnMut(Duration)) -> F::Output {
    poll_fn(|cx| {
        let begun = Clock::thread_time();
        let polled = doing.as_mut().poll(cx);
        spend(Clock::thread_time().saturating_sub(begun));
        polled
    })
    .await
}

async fn serve_h1(worker: Rc<Worker>, connection: Rc<Connection>, transport: Transport) {
    let (gauge, call) = (connection.gauge.clone(), connection.new_call());
    let strict = Strict::new(transport, connection.borders.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, connection, call) = (worker.clone(), connection.clone(), call.clone());
        async move { request::handle(worker, connection, call, request).await }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            // Written from one buffer: with a list of pieces the library takes sixteen, however small they are.
            .writev(false)
            .serve_connection(TokioIo::new(strict), service)
            .with_upgrades()
    );
    until_drained(&gauge, |cx, drain| {
        if drain {
            serving.as_mut().graceful_shutdown();
        }
        // Errors here are the client's: broken off, malformed, ended by the sweep.
        serving.as_mut().poll(cx).map(|_ended| ())
    })
    .await;
}

async fn serve_h2(worker: Rc<Worker>, connection: Rc<Connection>, transport: Transport) {
    let gauge = connection.gauge.clone();
    gauge.multiplex();
    let (paced, outlet) = Paced::new(transport, gauge.clone(), *worker.clock());
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, connection) = (worker.clone(), connection.clone());
        let answering: Answering = Box::pin(async move {
            let call = connection.new_call();
            request::handle(worker, connection, call, request).await
        });
        answering
    });
    let mut serving = pin!(
        http2::Builder::new(Local)
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_local_error_reset_streams(LOCAL_RESETS_MAX)
            .serve_connection(TokioIo::new(paced), service)
    );
    until_drained(&gauge, |cx, drain| {
        if drain {
            serving.as_mut().graceful_shutdown();
        }
        let turn = serving.as_mut().poll(cx).map(|_ended| ());
        match outlet.borrow_mut().poll_drain(cx) {
            // Nobody takes anything any more.
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => turn,
        }
    })
    .await;
}

/// Polls until the connection has ended; `drain` is true once, when the gate stops.
async fn until_drained(gauge: &Gauge, mut poll: impl FnMut(&mut std::task::Context<'_>, bool) -> Poll<()>) {
    let mut has_drained = false;
    poll_fn(|cx| {
        let drain = !has_drained && gauge.is_draining();
        has_drained |= drain;
        poll(cx, drain)
    })
    .await;
}

/// A request of HTTP/2 on its way. Boxed: the library keeps room for it in each of its stream tasks.
type Answering = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Ended>>>>;

/// A connection's place in the registry and the table, left when its task ends.
struct Entry {
    worker: Rc<Worker>,
    key: usize,
    _seat: Seat,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.worker.registry().remove(self.key);
    }
}

async fn read_proxy_header(stream: &mut TcpStream) -> Option<(Proxied, Bytes)> {
    let mut bytes = BytesMut::with_capacity(HEADER_BYTES_MAX);
    while bytes.len() < HEADER_BYTES_MAX {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Decoded::Complete(proxied, used) = proxy_protocol::decode(&bytes).ok()? {
            return Some((proxied, bytes.split_off(used).freeze()));
        }
    }
    None
}

const PROXY_HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// What one HTTP/1 connection may hold of an answer that its client has not taken (contract: 256 KiB a response).
const BUFFER_BYTES: usize = 256 * 1024;
// HTTP/2 (decision-science, section 9).
const STREAMS_MAX: u32 = 100;
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const FRAME_BYTES: u32 = 16 * 1024;
const HEADER_LIST_BYTES: u32 = 16 * 1024;
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// CVE-2023-44487.
const PENDING_RESETS_MAX: usize = 20;
/// CVE-2025-8671.
const LOCAL_RESETS_MAX: usize = 64;
const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 57\r\n\r\nThis port speaks https: write https:// before its address";
