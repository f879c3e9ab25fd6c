//! Bodies on their way through the gate, frame by frame.

use std::mem::take;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::ahead::Ahead;
use crate::call::{Call, Late};
use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::headers;

/// A request body on its way to the origin; most requests have none. Thin, because the HTTP library moves each request a dozen
/// times.
pub(crate) struct RequestBody(Option<Box<Sent>>);

enum Sent {
    /// Read before the request was sent.
    Whole(Bytes, Option<HeaderMap>),
    /// Read from the client while the origin takes it.
    Streaming {
        /// What was read before the request was sent.
        first: Bytes,
        /// The client's side.
        incoming: ClientBody,
        /// Bytes that may still come.
        allowance: u64,
    },
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The other side stopped, or sent what is no HTTP.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// The client let the gate wait for it too long.
    #[error("the body comes too slowly")]
    TooSlow,
    /// The client sent more than the route allows.
    #[error("the body is larger than the route allows")]
    TooLarge,
}

/// A request body as it comes from the client, with the time that it lets the gate wait.
pub(crate) struct ClientBody {
    incoming: Incoming,
    call: Rc<Call>,
    clock: Clock,
}

impl ClientBody {
    pub(crate) fn new(incoming: Incoming, call: Rc<Call>, clock: Clock) -> Self {
        Self { incoming, call, clock }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.call.late() == Some(Late::Body) {
            return Poll::Ready(Some(Err(BodyError::TooSlow)));
        }
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let bytes = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
            Poll::Ready(_) => 0,
            Poll::Pending => {
                self.call.remember_waker(cx);
                0
            }
        };
        self.call.polled_body(&polled, bytes, &self.clock);
        if polled.is_ready() && (bytes == 0 || self.incoming.is_end_stream()) {
            self.call.waits_for_app();
        }
        polled.map_err(BodyError::Broken)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl RequestBody {
    pub(crate) const fn empty() -> Self {
        Self(None)
    }

    /// Read before the request is sent.
    pub(crate) fn whole(bytes: Bytes, mut trailers: Option<HeaderMap>) -> Self {
        if let Some(trailers) = &mut trailers {
            headers::clean_trailers(trailers);
        }
        let has_any = !bytes.is_empty() || trailers.is_some();
        Self(has_any.then(|| Box::new(Sent::Whole(bytes, trailers))))
    }

    /// Read while the origin takes it, after what has been read; at most `allowance` bytes more.
    pub(crate) fn streaming(first: Bytes, incoming: ClientBody, allowance: u64) -> Self {
        Self(Some(Box::new(Sent::Streaming { first, incoming, allowance })))
    }

    /// What it says, if all of it was read.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self.0.as_deref()? {
            Sent::Whole(bytes, _) => Some(bytes),
            Sent::Streaming { .. } => None,
        }
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether its length says all: nothing is to come from the client, and no trailers follow.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.0.as_deref(), None | Some(Sent::Whole(_, None)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.0.as_deref_mut() {
            None => Poll::Ready(None),
            Some(Sent::Whole(bytes, trailers)) => {
                let frame = match trailers.take_if(|_| bytes.is_empty()) {
                    Some(trailers) => Frame::trailers(trailers),
                    None => Frame::data(take(bytes)),
                };
                if trailers.is_none() {
                    self.0 = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Sent::Streaming { first, .. }) if !first.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(take(first)))))
            }
            Some(Sent::Streaming { incoming, allowance, .. }) => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                Poll::Ready(match frame {
                    None => None,
                    Some(Ok(frame)) => Some(pass_on(frame, allowance)),
                    Some(Err(error)) => Some(Err(error)),
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.0.as_deref() {
            None => true,
            Some(Sent::Whole(..)) => false,
            Some(Sent::Streaming { first, incoming, .. }) => first.is_empty() && incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.as_deref() {
            None => SizeHint::with_exact(0),
            Some(Sent::Whole(bytes, _)) => SizeHint::with_exact(bytes.len() as u64),
            Some(Sent::Streaming { first, incoming, .. }) => after(first.len() as u64, &incoming.size_hint()),
        }
    }
}

fn after(first: u64, rest: &SizeHint) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower().saturating_add(first));
    if let Some(upper) = rest.upper() {
        hint.set_upper(upper.saturating_add(first));
    }
    hint
}

fn pass_on(frame: Frame<Bytes>, allowance: &mut u64) -> Result<Frame<Bytes>, BodyError> {
    if let Some(data) = frame.data_ref() {
        *allowance = allowance.checked_sub(data.len() as u64).ok_or(BodyError::TooLarge)?;
        return Ok(frame);
    }
    Ok(match frame.into_trailers() {
        Ok(mut trailers) => {
            headers::clean_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    })
}

/// An answer on its way to the client.
pub(crate) enum AnswerBody {
    /// The gate's own words.
    Whole(Option<Bytes>),
    /// The origin's, together with the account of the exchange, which closes when this is dropped.
    Origin {
        /// The origin's side.
        incoming: Incoming,
        /// What is known of this exchange.
        exchange: Box<Exchange>,
    },
    /// The origin's, of which some has been read.
    Ahead(Box<Ahead>),
}

impl AnswerBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Origin { incoming, exchange } => poll_origin(incoming, exchange, cx),
            Self::Ahead(ahead) => {
                if let Some(frame) = ahead.frames.pop_front() {
                    return Poll::Ready(Some(Ok(frame)));
                }
                if let Some(error) = ahead.broken.take() {
                    return Poll::Ready(Some(Err(error)));
                }
                match ahead.rest.as_mut() {
                    None => Poll::Ready(None),
                    Some(incoming) => poll_origin(incoming, &mut ahead.exchange, cx),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Ahead(ahead) => {
                let over = ahead.rest.as_ref().is_none_or(Body::is_end_stream);
                ahead.frames.is_empty() && ahead.broken.is_none() && over
            }
            Self::Origin { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Ahead(ahead) => match &ahead.rest {
                None if ahead.broken.is_none() => SizeHint::with_exact(ahead.bytes()),
                None => SizeHint::new(),
                Some(rest) => after(ahead.bytes(), &rest.size_hint()),
            },
            Self::Origin { incoming, .. } => incoming.size_hint(),
        }
    }
}

/// The next piece of an origin's answer, counted.
fn poll_origin(
    incoming: &mut Incoming,
    exchange: &mut Exchange,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
    if exchange.must_wait_for_client(cx) {
        return Poll::Pending;
    }
    let polled = Pin::new(&mut *incoming).poll_frame(cx);
    if polled.is_pending() {
        exchange.waits_for_app();
    }
    let frame = ready!(polled);
    match &frame {
        Some(Ok(frame)) => {
            exchange.passed(frame.data_ref().map_or(b"", |data| data), incoming.is_end_stream());
        }
        Some(Err(_)) => exchange.broke_off(),
        None => exchange.passed(b"", true),
    }
    Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|piece| exchange.counted(piece)))))
}
