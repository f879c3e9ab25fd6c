//! Bodies: counted, or in chunks (RFC 9112, section 7.1).

use super::fault::Fault;
use super::head::{FIELD_BYTES_MAX, FIELDS_MAX, field, is_framing};

/// Where in a body the next byte stands.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes are left.
    Counted(u64),
    /// In chunks.
    Chunked(Chunks),
}

/// Where in a chunked body the next byte stands.
#[derive(Debug)]
pub(super) struct Chunks {
    step: Step,
    /// The line that is being read: a chunk's size, or a trailer.
    line: Vec<u8>,
    extension_bytes: usize,
    trailer_bytes: usize,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// In the line with a chunk's size.
    Size,
    /// So many bytes of the chunk are left.
    Data(u64),
    /// The CR LF behind a chunk: how many of the two are left.
    End(u8),
    /// In a trailer, or in the empty line that ends the body.
    Trailer,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self { step: Step::Size, line: Vec::new(), extension_bytes: 0, trailer_bytes: 0, trailers: 0 }
    }
}

impl Body {
    /// Takes what belongs to the body: how many of these bytes, and whether the body has ended with them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        match self {
            Self::Counted(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                Ok((taken, *left == 0))
            }
            Self::Chunked(chunks) => chunks.take(bytes),
        }
    }
}

impl Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match self.step {
                Step::Data(left) => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    at += taken;
                    let left = left - taken as u64;
                    self.step = if left == 0 { Step::End(2) } else { Step::Data(left) };
                }
                Step::End(left) => {
                    if rest[0] != if left == 2 { b'\r' } else { b'\n' } {
                        return Err(Fault::Chunk);
                    }
                    at += 1;
                    self.step = if left == 2 { Step::End(1) } else { Step::Size };
                }
                Step::Size | Step::Trailer => {
                    let (taken, complete) = self.take_line(rest)?;
                    at += taken;
                    if complete && self.end_line()? {
                        return Ok((at, true));
                    }
                }
            }
        }
        Ok((at, false))
    }

    fn take_line(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.line.extend_from_slice(&bytes[..taken]);
        if self.line.len() > FIELD_BYTES_MAX + 2 {
            return Err(Fault::Chunk);
        }
        Ok((taken, end.is_some()))
    }

    /// A line is complete; whether the body has ended with it.
    fn end_line(&mut self) -> Result<bool, Fault> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or(Fault::Line)?;
        if self.step == Step::Size {
            let size = self.size(line)?;
            self.step = if size == 0 { Step::Trailer } else { Step::Data(size) };
            return Ok(false);
        }
        if line.is_empty() {
            return Ok(true);
        }
        self.trailers += 1;
        self.trailer_bytes += line.len();
        if self.trailers > FIELDS_MAX || self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(Fault::HeadTooLarge);
        }
        let (name, _) = field(line)?;
        if is_framing(name) { Err(Fault::Length) } else { Ok(false) }
    }

    fn size(&mut self, line: &[u8]) -> Result<u64, Fault> {
        let end = memchr::memchr(b';', line).unwrap_or(line.len());
        let (digits, extension) = line.split_at(end);
        if digits.is_empty() || digits.len() > SIZE_DIGITS_MAX {
            return Err(Fault::Chunk);
        }
        self.extension_bytes += extension.len();
        if self.extension_bytes > EXTENSION_BYTES_MAX || !super::text::is_value(extension) {
            return Err(Fault::Chunk);
        }
        digits.iter().try_fold(0_u64, |sum, &digit| {
            let value = char::from(digit).to_digit(16).ok_or(Fault::Chunk)?;
            Ok(sum << 4 | u64::from(value))
        })
    }
}

/// Below 2⁶³, whatever the reader counts with.
const SIZE_DIGITS_MAX: usize = 15;
const EXTENSION_BYTES_MAX: usize = 16 * 1024;
const TRAILER_BYTES_MAX: usize = 16 * 1024;
