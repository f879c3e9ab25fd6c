//! The borders of HTTP/1 requests in a stream of bytes. Pure: bytes in, borders or a fault out.

use super::body::{Body, Chunks};
use super::fault::Fault;
use super::head;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// There is none.
    None,
    /// `Content-Length`, never 0.
    Bytes(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// What a head says of framing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// How the end of its body is found.
    pub length: Length,
    /// Nothing may follow this request.
    pub closes: bool,
    /// The client asks for a WebSocket: what follows is none of our framing if the app agrees.
    pub websocket: bool,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece {
    /// More bytes are needed to tell; none of these may be passed on yet.
    Incomplete,
    /// An empty line before a request: so many bytes, to be left out.
    Skip(usize),
    /// A whole head of so many bytes.
    Head(usize, Head),
    /// So many bytes of a body; whether it ends with them.
    Body(usize, bool),
    /// After the last request: none of these bytes is read.
    Nothing,
}

/// Reads the borders of the requests of one connection.
#[derive(Debug, Default)]
pub struct Http1 {
    state: State,
    /// An empty line was left out before the next request.
    skipped: bool,
    /// How far an incomplete head was searched for its end.
    searched: usize,
}

#[derive(Debug, Default)]
enum State {
    /// Before a request.
    #[default]
    Head,
    /// In a body, after which the connection goes on or not.
    Body(Body, bool),
    /// After the last request.
    Closed,
}

impl Http1 {
    /// What the next bytes are: `bytes` begin where the last piece ended. After a fault the reading is over.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Piece, Fault> {
        if bytes.is_empty() {
            return Ok(Piece::Incomplete);
        }
        match &mut self.state {
            State::Head => self.read_head(bytes),
            State::Body(body, closes) => {
                let (taken, has_ended) = body.take(bytes)?;
                if has_ended {
                    self.state = if *closes { State::Closed } else { State::Head };
                }
                Ok(Piece::Body(taken, has_ended))
            }
            State::Closed => Ok(Piece::Nothing),
        }
    }

    /// Whether the next byte belongs to a body.
    pub(crate) fn is_in_body(&self) -> bool {
        matches!(self.state, State::Body(..))
    }

    /// Whether nothing more is read.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<Piece, Fault> {
        if let Some(begin) = bytes.strip_prefix(b"\r") {
            return match (begin.first(), self.skipped) {
                (_, true) => Err(Fault::Line),
                (None, false) => Ok(Piece::Incomplete),
                (Some(b'\n'), false) => {
                    self.skipped = true;
                    Ok(Piece::Skip(2))
                }
                (Some(_), false) => Err(Fault::Line),
            };
        }
        let Some(end) = self.find_end(bytes)? else { return Ok(Piece::Incomplete) };
        (self.searched, self.skipped) = (0, false);
        let head = head::read(&bytes[..end])?;
        self.state = match head.length {
            Length::None if head.closes => State::Closed,
            Length::None => State::Head,
            Length::Bytes(bytes) => State::Body(Body::Counted(bytes), head.closes),
            Length::Chunked => State::Body(Body::Chunked(Chunks::new()), head.closes),
        };
        Ok(Piece::Head(end, head))
    }

    /// The end of a head: behind its first empty line. Each byte is looked at once, however it arrives; what can be no head is
    /// told as soon as its first line is there.
    fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        for newline in memchr::memchr_iter(b'\n', &bytes[self.searched..]) {
            let at = self.searched + newline;
            if at == 0 || bytes[at - 1] != b'\r' {
                return Err(if has_long_target(bytes) { Fault::TargetTooLong } else { Fault::Line });
            }
            if at >= 3 && bytes[at - 2] == b'\n' {
                return if at < HEAD_BYTES_MAX { Ok(Some(at + 1)) } else { Err(Fault::HeadTooLarge) };
            }
        }
        self.searched = bytes.len();
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(if has_long_target(bytes) { Fault::TargetTooLong } else { Fault::HeadTooLarge });
        }
        Ok(None)
    }
}

/// Whether a head is too long because of its first line.
fn has_long_target(bytes: &[u8]) -> bool {
    memchr::memchr(b'\n', bytes).unwrap_or(bytes.len()) > HEAD_BYTES_MAX / 2
}

/// The longest head (decision-science, section 9).
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
