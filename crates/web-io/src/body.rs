//! Reading a whole body into memory.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;

/// Why a body was not read whole.
#[derive(Debug)]
pub(crate) enum BodyError<E> {
    /// It is larger than allowed.
    TooLarge,
    /// It broke off, or cannot be read.
    Broken(E),
}

/// Reads a body to its end if it has no more bytes than allowed.
///
/// They are copied into one piece of memory, of at most twice that size. A frame is a slice of the connection's read buffer, and
/// holds all of it: frames that were kept as they came, a byte each, would hold a buffer for each byte.
pub(crate) async fn read_whole<B>(mut body: B, bytes_max: usize) -> Result<Bytes, BodyError<B::Error>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() {
            if data.len() > bytes_max - read.len() {
                return Err(BodyError::TooLarge);
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use hyper::body::Frame;

    use super::*;

    /// A body of so many frames of a byte, each a slice of a buffer of its own, as hyper gives them.
    struct Trickle {
        frames: usize,
        /// Each buffer that is in memory has a clone.
        buffers: Arc<()>,
        buffers_most: usize,
        breaks: bool,
    }

    /// 8 KiB, as hyper's read buffer is.
    struct Buffer {
        bytes: Vec<u8>,
        _in_memory: Arc<()>,
    }

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    impl Body for &mut Trickle {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            if self.frames == 0 {
                return Poll::Ready(self.breaks.then_some(Err("it broke off")));
            }
            self.frames -= 1;
            let buffer = Buffer { bytes: vec![b'x'; 8 * 1_024], _in_memory: self.buffers.clone() };
            self.buffers_most = self.buffers_most.max(Arc::strong_count(&self.buffers) - 1);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(buffer).slice(..1)))))
        }
    }

    fn trickle(frames: usize) -> Trickle {
        Trickle { frames, buffers: Arc::new(()), buffers_most: 0, breaks: false }
    }

    fn read(body: &mut Trickle, bytes_max: usize) -> Result<Bytes, BodyError<&'static str>> {
        let mut reading = pin!(read_whole(body, bytes_max));
        match reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("a body that is there waits for nothing"),
        }
    }

    #[test]
    fn a_body_that_trickles_holds_one_buffer_at_a_time_and_what_is_read_holds_none() {
        let mut body = trickle(1_000);
        let read = read(&mut body, 1_000).unwrap();
        assert_eq!(read, vec![b'x'; 1_000]);
        assert_eq!((body.buffers_most, Arc::strong_count(&body.buffers) - 1), (1, 0));
        let capacity = read.try_into_mut().expect("nobody else has a share in it").capacity();
        assert!(capacity <= 2 * 1_000, "{capacity} bytes for 1000");
    }

    #[test]
    fn a_body_is_refused_with_the_first_byte_too_many() {
        let mut body = trickle(9);
        assert!(matches!(read(&mut body, 4), Err(BodyError::TooLarge)));
        assert_eq!(body.frames, 4);
        assert!(matches!(read(&mut trickle(1), 0), Err(BodyError::TooLarge)));
        assert_eq!(read(&mut trickle(0), 0).unwrap(), "");
    }

    #[test]
    fn a_body_that_breaks_off_is_no_body() {
        let mut body = Trickle { breaks: true, ..trickle(3) };
        assert!(matches!(read(&mut body, 4), Err(BodyError::Broken("it broke off"))));
    }
}
