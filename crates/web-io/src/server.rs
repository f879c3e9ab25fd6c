//! The server.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::body::{BodyError, read_whole};
use crate::patience::{Patience, Watched};
use crate::seats::{Seats, is_this_machine};

/// What one server allows its clients.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at once; further ones are closed at once. Half of them are for addresses (IPv4, or an IPv6 /64) that have fewer than
    /// 64, and of the other half one may have as many as it leaves free. This machine may have all.
    pub connections: usize,
    /// Bytes of a request body; larger ones get 413.
    pub body_bytes: usize,
    /// Seconds from the first byte of a request to the end of its head, and then for its body (408).
    pub header_seconds: u64,
    /// Seconds from the end of one request's work to the first byte of the next one; the client must have taken
    /// the answer by then.
    pub idle_seconds: u64,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { connections: 256, body_bytes: 64 * 1024, header_seconds: 10, idle_seconds: 60 }
    }
}

/// Serves until `stop` resolves; connections still open then are dropped.
///
/// `handler` gets each request with its whole body and the peer's address; it may use `tokio::task::spawn_local`,
/// and what it spawned ends with the server. A handler that panics costs its own connection. A failed accept is
/// retried after a moment: the process may be out of file descriptors.
pub async fn serve<H, F>(
    listener: TcpListener,
    limits: ServerLimits,
    handler: H,
    stop: impl Future<Output = ()>,
) where
    H: Fn(Request<Bytes>, SocketAddr) -> F + Clone + 'static,
    F: Future<Output = Response<Bytes>> + 'static,
{
    serve_before(is_this_machine, listener, limits, handler, stop).await;
}

/// As [`serve`], with the addresses that may have all connections, because they bring everybody's.
pub(crate) async fn serve_before<H, F>(
    is_front: fn(IpAddr) -> bool,
    listener: TcpListener,
    limits: ServerLimits,
    handler: H,
    stop: impl Future<Output = ()>,
) where
    H: Fn(Request<Bytes>, SocketAddr) -> F + Clone + 'static,
    F: Future<Output = Response<Bytes>> + 'static,
{
    let tasks = tokio::task::LocalSet::new();
    let seats = Seats::new(limits.connections, is_front);
    let accepting = async {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Some(seat) = seats.take(peer.ip()) else { continue };
            let handler = handler.clone();
            tokio::task::spawn_local(async move {
                serve_one(stream, peer, limits, handler).await;
                drop(seat);
            });
        }
    };
    tokio::select! {
        () = tasks.run_until(accepting) => {}
        () = stop => {}
    }
}

async fn serve_one<H, F>(stream: TcpStream, peer: SocketAddr, limits: ServerLimits, handler: H)
where
    H: Fn(Request<Bytes>, SocketAddr) -> F,
    F: Future<Output = Response<Bytes>>,
{
    // Small answers must not wait for an acknowledgement; its failure is no reason to hang up.
    let _unchanged = stream.set_nodelay(true);
    let patience = Rc::new(Patience::new(limits));
    let service = service_fn(|request: Request<Incoming>| async {
        patience.work_begins();
        let answer = answer(request, peer, limits, &handler).await;
        patience.work_ends();
        Ok::<_, Infallible>(answer.map(Full::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Watched::new(stream, patience.clone())), service);
    tokio::select! {
        // Errors here are the client's.
        _ended = pin!(connection) => {}
        () = patience.run_out() => {}
    }
}

async fn answer<H, F>(
    request: Request<Incoming>,
    peer: SocketAddr,
    limits: ServerLimits,
    handler: &H,
) -> Response<Bytes>
where
    H: Fn(Request<Bytes>, SocketAddr) -> F,
    F: Future<Output = Response<Bytes>>,
{
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return handler(Request::from_parts(parts, Bytes::new()), peer).await;
    }
    let reading = read_whole(body, limits.body_bytes);
    match tokio::time::timeout(Duration::from_secs(limits.header_seconds), reading).await {
        Ok(Ok(body)) => handler(Request::from_parts(parts, body), peer).await,
        Ok(Err(BodyError::TooLarge)) => plain(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(BodyError::Broken(_))) => plain(StatusCode::BAD_REQUEST),
        Err(_) => plain(StatusCode::REQUEST_TIMEOUT),
    }
}

fn plain(status: StatusCode) -> Response<Bytes> {
    let mut response =
        Response::new(Bytes::from_static(status.canonical_reason().unwrap_or("error").as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const BUFFER_BYTES: usize = 32 * 1024;
