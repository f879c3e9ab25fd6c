//! An upload over a line that is slow at first.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use lab::clock::pause;
use lab::web;

use crate::checksum::Checksum;
use crate::world::{Customer, SOON};

/// Sends 200 MiB: for 20 s 1.3 MB a second, then 20 MB a second. Returns what was sent, and the whole answer.
pub(crate) fn send(listen: SocketAddr, customer: &Customer) -> io::Result<(Checksum, String)> {
    let mut stream = web::connect_from(customer.from, listen, SOON)?;
    let length = u64::from(PIECES) * PIECE_BYTES as u64;
    let head = format!(
        "POST /up HTTP/1.1\r\nHost: shop.example\r\n{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        customer.pass
    );
    stream.write_all(head.as_bytes())?;
    let mut sent = Checksum::default();
    let mut piece = vec![0x5A_u8; PIECE_BYTES];
    for number in 0..PIECES {
        // No two are alike, so that one in another's place is seen.
        piece[..4].copy_from_slice(&number.to_be_bytes());
        stream.write_all(&piece)?;
        sent.add(&piece);
        if number < SLOW_PIECES || number.is_multiple_of(PIECES_AT_ONCE) {
            pause(STEP);
        }
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok((sent, answer))
}

const PIECE_BYTES: usize = 64 << 10;
const PIECES: u32 = 3_200;
const STEP: Duration = Duration::from_millis(50);
/// 20 s, one in each step.
const SLOW_PIECES: u32 = 400;
/// Afterwards, in each step.
const PIECES_AT_ONCE: u32 = 16;
