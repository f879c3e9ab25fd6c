//! A client of HTTP/2 that knows nothing but frames.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use lab::clock::Stopwatch;
use lab::tls::{TlsClient, TlsConnection};

use super::Seen;

pub(crate) struct Client {
    stream: TlsConnection,
    text: Vec<u8>,
    seen: Seen,
}

impl Client {
    /// Connects, with preface and SETTINGS unless that is what the case is about.
    pub(crate) fn connect(gate: SocketAddr, authority: &Path, preface: bool) -> Self {
        let socket = TcpStream::connect(gate).expect("the gate accepts");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let tls = TlsClient::new(authority, "h2").expect("the authority can be read");
        let stream = tls.connect(socket, "shop.example").expect("the handshake is completed");
        let mut client = Self { stream, text: Vec::new(), seen: Seen::default() };
        client.stream.sock.set_read_timeout(Some(LOOK)).expect("a timeout can be set");
        if preface {
            client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            client.send(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        }
        client
    }

    /// Sends bytes; where the gate has hung up they are lost.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _lost = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    /// Sends a PING and reads until it is settled, for a while at most.
    pub(crate) fn watch(mut self, is_settled: impl Fn(&Seen) -> bool) -> Seen {
        self.send(&[&[0, 0, 8, 6, 0, 0, 0, 0, 0][..], PING].concat());
        let watch = Stopwatch::start();
        let mut piece = [0; 16_384];
        while !is_settled(&self.seen) && watch.elapsed() < PATIENCE {
            match self.stream.read(&mut piece) {
                Ok(0) => self.seen.closed = true,
                Ok(count) => {
                    self.text.extend_from_slice(&piece[..count]);
                    self.take_frames();
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => self.seen.closed = true,
            }
        }
        self.seen
    }

    fn take_frames(&mut self) {
        while let Some((&[l2, l1, l0, kind, flags, s3, s2, s1, s0], rest)) =
            self.text.split_first_chunk::<9>()
        {
            let length = usize::try_from(u32::from_be_bytes([0, l2, l1, l0])).expect("small");
            let Some(payload) = rest.get(..length) else { return };
            let stream = u32::from_be_bytes([s3 & 0x7F, s2, s1, s0]);
            match kind {
                1 => {
                    self.seen.answers.entry(stream).or_insert_with(|| status(payload));
                }
                3 => self.seen.resets.push(stream),
                6 if flags & 1 != 0 && payload == PING => self.seen.ponged = true,
                7 => self.seen.goaway = payload[4..].first_chunk().map(|code| u32::from_be_bytes(*code)),
                _ => {}
            }
            self.text.drain(..9 + length);
        }
    }
}

/// The status at the begin of a header block (RFC 7541, appendices A and B): indexed, or a literal that may be Huffman coded.
fn status(block: &[u8]) -> u16 {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // Changes of the table's size come first.
    let block = &block[block.iter().position(|byte| byte & 0xE0 != 0x20).unwrap_or(0)..];
    match *block {
        [index @ 0x88..=0x8E, ..] => INDEXED[usize::from(index - 0x88)],
        [0x48..=0x4E | 0x08..=0x0E, length, ref rest @ ..] => {
            let bytes = &rest[..usize::from(length & 0x7F)];
            let digits = if length & 0x80 == 0 { bytes.to_vec() } else { huffman_digits(bytes) };
            String::from_utf8_lossy(&digits).parse().unwrap_or(0)
        }
        _ => 0,
    }
}

/// Three digits in Huffman code: 0 to 2 have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let (mut digits, mut at) = (Vec::new(), 0);
    let number = |at: usize, count: usize| bits[at..at + count].iter().fold(0_u8, |sum, bit| sum << 1 | bit);
    while digits.len() < 3 && at + 6 <= bits.len() {
        let five = number(at, 5);
        if five < 3 {
            digits.push(b'0' + five);
            at += 5;
        } else {
            digits.push(b'3' + (number(at, 6) - 0b01_1001));
            at += 6;
        }
    }
    if digits.len() < 3 && at + 5 <= bits.len() {
        digits.push(b'0' + number(at, 5));
    }
    digits
}

const PING: &[u8] = b"portcull";
const LOOK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(4);
