//! The ClientHello, read from the socket before the TLS library sees it (RFC 8446, sections 4.1.2 and 5.1).

use std::io;

use bytes::{Bytes, BytesMut};
use tls_parser::{TlsMessageHandshake, parse_tls_message_handshake};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::ja4::{Ja4, Shown};

/// What was read of a client that has just connected.
#[derive(Debug)]
pub(crate) struct Hello {
    /// Everything that was read, for the TLS library.
    pub(crate) bytes: Bytes,
    /// The client's fingerprint.
    pub(crate) ja4: Ja4,
    /// What it shows as a ticket of an earlier session: anything, until [`super::Tls::opens`] says otherwise.
    pub(crate) ticket: Option<Vec<u8>>,
}

/// Why it could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// The client speaks plain HTTP to a TLS port.
    #[error("plain HTTP on a TLS listener")]
    PlainHttp,
    /// What came is no ClientHello, or a longer one than any client sends.
    #[error("no ClientHello")]
    Malformed,
    /// The client went away.
    #[error("{0}")]
    Broken(#[from] io::Error),
}

/// Reads a ClientHello.
///
/// # Errors
/// When what comes is none, or the connection ends before.
pub(crate) async fn read_hello(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, HelloError> {
    let mut bytes = BytesMut::with_capacity(FIRST_BYTES);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if let Some(Shown { ja4, ticket }) = decode(&bytes)? {
            return Ok(Hello { bytes: bytes.freeze(), ja4, ticket });
        }
        if bytes.len() > HELLO_BYTES_MAX {
            return Err(HelloError::Malformed);
        }
    }
}

/// What a ClientHello says, from the first bytes of a connection: the fingerprint, and what it shows as a ticket of an earlier session.
/// `None` while more must come.
///
/// # Errors
/// [`HelloError::PlainHttp`], [`HelloError::Malformed`].
pub fn decode(bytes: &[u8]) -> Result<Option<Shown>, HelloError> {
    handshake_message(bytes)?.map(|message| parse(&message)).transpose()
}

/// The first handshake message, joined from as many records as it takes; `None` while more must come.
fn handshake_message(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, HelloError> {
    let mut message = Vec::new();
    for _ in 0..RECORDS_MAX {
        let Some((&kind, rest)) = bytes.split_first() else { return Ok(None) };
        if kind.is_ascii_uppercase() && message.is_empty() {
            return Err(HelloError::PlainHttp);
        }
        let Some((header, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let [major, _minor, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if kind != HANDSHAKE || major != 3 || length == 0 || length > RECORD_BYTES_MAX {
            return Err(HelloError::Malformed);
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        message.extend_from_slice(payload);
        if let Some((&[kind, b2, b1, b0], body)) = message.split_first_chunk::<4>() {
            let length = usize::from(b2) << 16 | usize::from(b1) << 8 | usize::from(b0);
            if kind != CLIENT_HELLO || length > HELLO_BYTES_MAX {
                return Err(HelloError::Malformed);
            }
            if body.len() >= length {
                message.truncate(4 + length);
                return Ok(Some(message));
            }
        }
        bytes = rest;
    }
    Err(HelloError::Malformed)
}

fn parse(message: &[u8]) -> Result<Shown, HelloError> {
    match parse_tls_message_handshake(message) {
        Ok((_, tls_parser::TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)))) => {
            Ja4::of(&hello).ok_or(HelloError::Malformed)
        }
        Ok(_) | Err(_) => Err(HelloError::Malformed),
    }
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Clients with post-quantum key shares send about 2 KiB.
const FIRST_BYTES: usize = 2_048;
const HELLO_BYTES_MAX: usize = 16 * 1024;
/// RFC 8446, section 5.1.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// A client may cut its ClientHello into pieces, but not into dust.
const RECORDS_MAX: usize = 32;
