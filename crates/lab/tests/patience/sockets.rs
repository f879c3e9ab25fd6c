//! WebSockets that say nothing for long, and then something.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lab::clock::Stopwatch;
use lab::crowd::is_open;
use lab::web;

use crate::world::{Customer, SOON};

/// All that are open, whoever's they are.
#[derive(Default)]
pub(crate) struct Sockets(Vec<TcpStream>);

impl Sockets {
    /// Opens some more, so many for each customer. The first that cannot be opened is the last that is tried.
    pub(crate) fn open(&mut self, listen: SocketAddr, customers: &[Customer], each: usize) -> io::Result<()> {
        for customer in customers {
            for _ in 0..each {
                self.0.push(open_one(listen, customer)?);
            }
        }
        Ok(())
    }

    /// Those that nobody has closed.
    pub(crate) fn count_open(&self) -> usize {
        self.0.iter().filter(|socket| is_open(socket)).count()
    }

    /// Says something else on each of them, and counts those that echo it.
    pub(crate) fn count_echoes(&self) -> usize {
        let begun = Stopwatch::start();
        let numbered = (0_u32..).zip(&self.0);
        let said: Vec<_> = numbered.filter(|(number, socket)| say(socket, *number).is_ok()).collect();
        let echoes = said.into_iter().filter(|(number, socket)| {
            begun.elapsed() < ECHOES_WITHIN && hears(socket, *number).is_ok_and(|is_echo| is_echo)
        });
        echoes.count()
    }
}

fn open_one(listen: SocketAddr, customer: &Customer) -> io::Result<TcpStream> {
    let mut stream = web::connect_from(customer.from, listen, SOON)?;
    let head = format!(
        "GET /live HTTP/1.1\r\nHost: shop.example\r\n{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        customer.pass
    );
    stream.write_all(head.as_bytes())?;
    let (mut answer, mut piece) = (Vec::<u8>::new(), [0_u8; 1_024]);
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    if answer.starts_with(b"HTTP/1.1 101 ") {
        Ok(stream)
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()))
    }
}

/// A masked message of four bytes.
fn say(mut socket: &TcpStream, number: u32) -> io::Result<()> {
    // A look whether it is open has left it so that reading does not wait.
    socket.set_nonblocking(false)?;
    let [a, b, c, d] = number.to_be_bytes();
    socket.write_all(&[0x82, 0x84, 1, 2, 3, 4, a ^ 1, b ^ 2, c ^ 3, d ^ 4])
}

/// Waits for its echo, which comes without a mask.
fn hears(mut socket: &TcpStream, number: u32) -> io::Result<bool> {
    let mut echo = [0_u8; 6];
    socket.read_exact(&mut echo)?;
    let [a, b, c, d] = number.to_be_bytes();
    Ok(echo == [0x82, 4, a, b, c, d])
}

/// Generous; nothing here measures speed.
const ECHOES_WITHIN: Duration = Duration::from_secs(120);
