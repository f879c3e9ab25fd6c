//! The client: one connection, requests one after the other.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::{BodyError, read_whole};

/// One client connection. It is driven only while [`Connection::send`] runs: no task is spawned for it.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Option<Driver>,
}

/// Why a request got no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server closed the connection before it answered.
    #[error("the server closed the connection")]
    Closed,
    /// The answer's body is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is no HTTP/1.1, or broke off.
    #[error("the server's answer cannot be read: {0}")]
    Protocol(hyper::Error),
}

impl Connection {
    /// Speaks HTTP/1.1 over a stream that the caller connected, for instance from an address of its choice or under TLS.
    ///
    /// # Errors
    /// [`ClientError::Protocol`].
    pub async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, ClientError> {
        let (sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(ClientError::Protocol)?;
        Ok(Self { sender, driver: Some(Box::pin(connection)) })
    }

    /// Sends a request (with a `Host` header; the caller sets it) and reads the whole answer.
    ///
    /// # Errors
    /// See [`ClientError`]; after any of them, and when the future is dropped before its end (put a timeout around
    /// it), the connection is of no further use.
    pub async fn send(
        &mut self,
        request: Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, ClientError> {
        self.ask(request, Reading::Whole(body_bytes_max)).await
    }

    /// Sends a request and reads the answer's head and at most so many bytes of its body: what is longer is cut. The connection is
    /// of no further use then.
    ///
    /// # Errors
    /// As [`Connection::send`], but for [`ClientError::TooLarge`].
    pub async fn send_for_beginning(
        &mut self,
        request: Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, ClientError> {
        self.ask(request, Reading::Beginning(body_bytes_max)).await
    }

    /// Sends a request as [`Connection::send`] does, and reads no more of the answer's body than its first bytes: what is wrong with
    /// it, or takes too long, is no error.
    pub(crate) async fn send_briefly(
        mut self,
        request: Request<Bytes>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, ClientError> {
        self.ask(request, Reading::Glance(body_bytes_max)).await
    }

    async fn ask(
        &mut self,
        request: Request<Bytes>,
        reading: Reading,
    ) -> Result<Response<Bytes>, ClientError> {
        let Some(mut driver) = self.driver.take() else { return Err(ClientError::Closed) };
        let exchange = exchange(&mut self.sender, request.map(Full::new), reading);
        let mut exchange = pin!(exchange);
        let mut over = false;
        let outcome = poll_fn(|cx| {
            if !over && driver.as_mut().poll(cx).is_ready() {
                over = true;
            }
            match exchange.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome),
                // What arrived before the connection ended has been read by now.
                Poll::Pending if over => Poll::Ready(Err(ClientError::Closed)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if !over && outcome.is_ok() && matches!(reading, Reading::Whole(_)) {
            self.driver = Some(driver);
        }
        outcome
    }

    /// Whether another request may be sent.
    pub fn is_open(&self) -> bool {
        self.driver.is_some() && !self.sender.is_closed()
    }
}

/// How much is read of an answer's body, in bytes.
#[derive(Clone, Copy)]
enum Reading {
    /// All of it, which must not be more.
    Whole(usize),
    /// As much as there is, up to this.
    Beginning(usize),
    /// The same, and what is wrong with it, or late, is no error.
    Glance(usize),
}

/// What reads and writes; its end is all that counts, errors reach the request.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

async fn exchange(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    reading: Reading,
) -> Result<Response<Bytes>, ClientError> {
    sender.ready().await.map_err(failed)?;
    let (parts, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
    let body = match reading {
        Reading::Whole(bytes_max) => read(body, bytes_max).await?,
        Reading::Beginning(bytes_max) => read_beginning(body, bytes_max).await?,
        Reading::Glance(bytes_max) => glance(body, bytes_max).await,
    };
    Ok(Response::from_parts(parts, body))
}

async fn read_beginning(mut body: Incoming, bytes: usize) -> Result<Bytes, ClientError> {
    let mut read = Vec::new();
    while read.len() < bytes
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame.map_err(failed)?.into_data() {
            read.extend_from_slice(&data[..data.len().min(bytes - read.len())]);
        }
    }
    Ok(read.into())
}

async fn glance(mut body: Incoming, bytes_max: usize) -> Bytes {
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < bytes_max
            && let Some(Ok(frame)) = body.frame().await
        {
            bytes.extend(frame.into_data().unwrap_or_default());
        }
    };
    let _late = tokio::time::timeout(BEGINNING_WITHIN, read).await;
    bytes.truncate(bytes_max);
    bytes.into()
}

async fn read(body: Incoming, body_bytes_max: usize) -> Result<Bytes, ClientError> {
    read_whole(body, body_bytes_max).await.map_err(|error| match error {
        BodyError::TooLarge => ClientError::TooLarge(body_bytes_max),
        BodyError::Broken(error) => failed(error),
    })
}

fn failed(error: hyper::Error) -> ClientError {
    if error.is_canceled() || error.is_closed() || error.is_incomplete_message() {
        ClientError::Closed
    } else {
        ClientError::Protocol(error)
    }
}

/// The beginning of a body is waited for so long.
const BEGINNING_WITHIN: Duration = Duration::from_secs(2);
