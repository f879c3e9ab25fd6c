//! Frames of HTTP/2 (RFC 9113, section 4), for clients that say what no library would.

use std::io::{self, Read};

/// What a client begins with (section 3.4): the preface and an empty SETTINGS.
pub const PREFACE: &[u8; 33] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Content of a request or an answer.
pub const DATA: u8 = 0;
/// Fields of a request or an answer.
pub const HEADERS: u8 = 1;
/// Takes a stream back.
pub const RST_STREAM: u8 = 3;
/// What a side asks of the other.
pub const SETTINGS: u8 = 4;
/// Asks for an echo.
pub const PING: u8 = 6;
/// Ends a connection.
pub const GOAWAY: u8 = 7;
/// Allows the other side to send more.
pub const WINDOW_UPDATE: u8 = 8;

/// Flag of DATA and HEADERS: nothing follows on this stream.
pub const END_STREAM: u8 = 0x1;
/// Flag of SETTINGS and PING: they were heard.
pub const ACK: u8 = 0x1;
/// Flag of HEADERS: no CONTINUATION follows.
pub const END_HEADERS: u8 = 0x4;

/// The error of a peer that makes too much work (section 7).
pub const ENHANCE_YOUR_CALM: u32 = 0xB;

/// What a payload may have where nobody allowed more (section 4.2), in bytes.
const PAYLOAD_MAX: usize = 16_384;

/// One frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// DATA, HEADERS, …
    pub kind: u8,
    /// What they mean depends on the kind.
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
    /// What comes after the nine bytes of its head.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame with this payload.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self { kind, flags, stream, payload: payload.to_vec() }
    }

    /// As it is sent.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    /// Reads the next one, of at most 16 KiB.
    ///
    /// # Errors
    /// What the connection said, or `InvalidData` for a longer one.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head)?;
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = head;
        let length = usize::from(l2) << 16 | usize::from(l1) << 8 | usize::from(l0);
        if length > PAYLOAD_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        let mut payload = vec![0; length];
        from.read_exact(&mut payload)?;
        Ok(Self { kind, flags, stream: u32::from_be_bytes([s3 & 0x7F, s2, s1, s0]), payload })
    }

    /// Whether it is the last one of its stream.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// Whether it is the HEADERS of an answer with status 200, which servers take from the static table (RFC 7541, appendix A).
    pub fn is_ok(&self) -> bool {
        self.kind == HEADERS && behind_table_sizes(&self.payload).first() == Some(&0x88)
    }
}

/// A block of fields without the changes of the table's size that may come first (RFC 7541, sections 4.2 and 6.3).
fn behind_table_sizes(mut block: &[u8]) -> &[u8] {
    while let [first, after @ ..] = block
        && first & 0xE0 == 0x20
    {
        // A number that fills the five bits goes on until a byte without the high bit (section 5.1).
        let more = after.iter().take_while(|&byte| byte & 0x80 != 0).count() + 1;
        block = if first & 0x1F == 0x1F { after.get(more..).unwrap_or_default() } else { after };
    }
    block
}

/// The fields of `GET https://shop.example/`: three from the static table, the authority as a literal that is kept (RFC 7541).
pub fn get() -> Vec<u8> {
    [&[0x82, 0x87, 0x84, 0x41, 12][..], b"shop.example"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let frame = Frame::new(HEADERS, END_HEADERS | END_STREAM, 7, &get());
        let bytes = frame.to_bytes();
        assert_eq!(bytes[..9], [0, 0, 17, 1, 5, 0, 0, 0, 7]);
        assert_eq!(Frame::read(&mut bytes.as_slice()).expect("it is whole"), frame);
        assert!(frame.ends_stream() && !frame.is_ok());
        assert!(Frame::read(&mut &bytes[..20]).is_err(), "it is cut off");
        assert!(Frame::read(&mut &[0, 64, 1, 0, 0, 0, 0, 0, 1][..]).is_err(), "more than 16 KiB");
    }

    #[test]
    fn the_status_stands_behind_changes_of_the_table() {
        let blocks = [
            (&[0x88, 0x61][..], true),
            (&[0x20, 0x3F, 0xE1, 0x1F, 0x88], true),
            (&[0x48, 0x03], false),
            (&[0x3F, 0xE1], false),
            (&[], false),
        ];
        for (block, is_ok) in blocks {
            assert_eq!(Frame::new(HEADERS, END_HEADERS, 1, block).is_ok(), is_ok, "{block:?}");
        }
    }
}
