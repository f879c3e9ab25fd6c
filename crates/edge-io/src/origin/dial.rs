//! Making a connection to an origin, and beginning HTTP on it.

use std::io;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::Origin;
use super::pool::SendError;
use super::tls::Speaks;
use crate::body::RequestBody;
use crate::local::Local;

/// A connection of HTTP/1.1; dropping it closes it at once, also when the app does not take what it is sent: left to itself the library
/// would wait for that.
pub(super) struct Line {
    pub(super) sender: http1::SendRequest<RequestBody>,
    task: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A new connection of HTTP/1.1.
pub(super) async fn http1(origin: &Origin) -> Result<Line, SendError> {
    in_time(origin, async {
        let stream = connect_any(origin).await?;
        match &origin.settings().tls {
            None => speak_http1(stream).await,
            Some(tls) => speak_http1(tls.connect(stream, Speaks::Http1).await?).await,
        }
    })
    .await
}

/// A connection of HTTP/2: with prior knowledge on plain TCP, agreed upon by ALPN under TLS (RFC 9113, sections 3.2 and 3.3).
pub(super) async fn http2(origin: &Origin) -> Result<http2::SendRequest<RequestBody>, SendError> {
    in_time(origin, async {
        let stream = connect_any(origin).await?;
        match &origin.settings().tls {
            None => speak_http2(stream).await,
            Some(tls) => speak_http2(tls.connect(stream, Speaks::Http2).await?).await,
        }
    })
    .await
}

async fn in_time<T>(
    origin: &Origin,
    connecting: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    tokio::time::timeout(origin.settings().connect_timeout, connecting)
        .await
        .map_err(|_| SendError::ConnectTimeout)?
}

async fn connect_any(origin: &Origin) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the origin's name has no address");
    for address in origin.addresses() {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn speak_http1<S>(stream: S) -> Result<Line, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        http1::Builder::new().max_buf_size(ANSWER_BUFFER_BYTES).handshake(TokioIo::new(stream)).await?;
    let task = tokio::task::spawn_local(async move {
        // Its errors reach whoever waits for the answer.
        let _ended = connection.with_upgrades().await;
    });
    Ok(Line { sender, task: task.abort_handle() })
}

async fn speak_http2<S>(stream: S) -> Result<http2::SendRequest<RequestBody>, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http2::Builder::new(Local)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(STREAM_WINDOW_BYTES * CALLS_MAX)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_send_buf_size(ANSWER_BUFFER_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::task::spawn_local(async move {
        // As above.
        let _ended = connection.await;
    });
    Ok(sender)
}

/// Calls on one connection of HTTP/2 at a time: what RFC 9113, section 6.5.2, wants a server to allow at least.
pub(super) const CALLS_MAX: u32 = 100;
/// What one call may have read ahead of its client. The connection's window has room for all of them, so that a client which
/// does not read holds up nobody else's call.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// What is read ahead of the client from one answer of HTTP/1.1, and waits to be sent on one call of HTTP/2.
const ANSWER_BUFFER_BYTES: usize = 64 * 1024;
const HEADER_LIST_BYTES: u32 = 64 * 1024;
