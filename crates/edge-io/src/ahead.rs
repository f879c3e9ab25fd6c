//! Answers that are read before a stream of HTTP/2 asks for them.
//!
//! A stream whose window is closed never asks, and would keep a connection to the app for an answer that has long been there.
//! What is small is taken off the app's hands at once, as the socket's buffer does for HTTP/1.1.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;

use crate::body::AnswerBody;
use crate::exchange::Exchange;

/// What was read, and what is to follow it.
pub(crate) struct Ahead {
    pub(crate) frames: VecDeque<Frame<Bytes>>,
    /// Nothing, if all was read.
    pub(crate) rest: Option<Incoming>,
    /// It broke off after what was read.
    pub(crate) broken: Option<hyper::Error>,
    pub(crate) exchange: Box<Exchange>,
}

impl Ahead {
    /// Bytes that were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum()
    }
}

/// Reads an answer whole if it says that it is small, and of others what is there.
pub(crate) async fn read(body: AnswerBody) -> AnswerBody {
    let AnswerBody::Origin { mut incoming, mut exchange } = body else { return body };
    let (mut frames, mut broken) = (VecDeque::new(), None);
    let (mut read, is_small) =
        (0, incoming.size_hint().exact().is_some_and(|length| length <= AHEAD_BYTES_MAX));
    let is_over = poll_fn(|cx| {
        loop {
            match Pin::new(&mut incoming).poll_frame(cx) {
                Poll::Pending if is_small => return Poll::Pending,
                Poll::Pending => return Poll::Ready(false),
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Ready(Some(Err(error))) => {
                    // The client is told when it comes to it.
                    exchange.broke_off();
                    broken = Some(error);
                    return Poll::Ready(true);
                }
                Poll::Ready(Some(Ok(frame))) => {
                    let data = frame.data_ref().map_or(&b""[..], |data| data);
                    let is_last = incoming.is_end_stream();
                    exchange.passed(data, is_last);
                    read += data.len() as u64;
                    frames.push_back(frame.map_data(|piece| exchange.counted(piece)));
                    if is_last {
                        return Poll::Ready(true);
                    }
                    if read >= AHEAD_BYTES_MAX {
                        return Poll::Ready(false);
                    }
                }
            }
        }
    })
    .await;
    if is_over && broken.is_none() && !incoming.is_end_stream() {
        exchange.passed(b"", true);
    }
    let rest = (!is_over).then_some(incoming);
    AnswerBody::Ahead(Box::new(Ahead { frames, rest, broken, exchange }))
}

/// As much as the library would keep of a stream.
const AHEAD_BYTES_MAX: u64 = 64 * 1024;
