//! Crowds on loopback: very many sources behind one front, and very many connections that stay open.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::cpu::children_of;

/// Sources of one call at most: all of 100.64.0.0/10.
pub const SOURCES_MAX: u32 = 1 << 22;

/// Requests written before their answers are read.
const PIPELINED: u32 = 50;

/// Threads that send, one connection each.
const THREADS: u32 = 8;

/// An answer that has not come within this time never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Raises this process's limit of open files as far as it may go, and returns it.
pub fn raise_file_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it cannot be raised, what there is must do.
    let _unchanged = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// One request each of the sources `begin..begin + count` of 100.64.0.0/10, named in `X-Forwarded-For` by a front on
/// 127.0.0.1. Returns how many were answered with 200.
///
/// # Errors
/// When the listener is not on loopback, or breaks off.
pub fn sources_behind_front(listener: SocketAddr, begin: u32, count: u32) -> io::Result<u32> {
    check_loopback(listener)?;
    let count = count.min(SOURCES_MAX);
    let each = count.div_ceil(THREADS);
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (from, to) = (thread * each, ((thread + 1) * each).min(count));
                scope.spawn(move || send_sources(listener, begin + from, begin + to.max(from)))
            })
            .collect();
        parts.into_iter().map(|part| part.join().expect("a sender does not panic")).sum()
    })
}

fn send_sources(listener: SocketAddr, begin: u32, end: u32) -> io::Result<u32> {
    let mut stream = TcpStream::connect(listener)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut answered, mut at) = (0, begin);
    while at < end {
        let batch = at..(at + PIPELINED).min(end);
        let text: String = batch.clone().map(request_of).collect();
        stream.write_all(text.as_bytes())?;
        answered += read_answers(&mut stream, batch.end - batch.start)?;
        at = batch.end;
    }
    Ok(answered)
}

fn request_of(source: u32) -> String {
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() | (source % SOURCES_MAX));
    format!("GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: {address}\r\n\r\n")
}

/// Reads so many answers; each begins with its version, which the app's text must not contain.
fn read_answers(stream: &mut TcpStream, count: u32) -> io::Result<u32> {
    let mut text = Vec::new();
    let mut piece = [0_u8; 65_536];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(&piece[..read]);
        let (seen, served) = (times(&text, b"HTTP/1.1 "), times(&text, b"HTTP/1.1 200"));
        if served < times(&text[..text.len().saturating_sub(3)], b"HTTP/1.1 ") {
            return Err(io::Error::other("the gate did not serve one of the crowd"));
        }
        if seen >= count && text.ends_with(END) {
            return Ok(served);
        }
    }
}

fn times(text: &[u8], what: &[u8]) -> u32 {
    u32::try_from(text.windows(what.len()).filter(|window| window == &what).count()).unwrap_or(u32::MAX)
}

/// What the app's text must end with, so that the end of the last answer is known.
pub const END: &[u8] = b"<end>";

/// One connection from a loopback address, idle after one answered request with these headers.
///
/// # Errors
/// When the listener is not on loopback, refuses or stays silent.
pub fn idle_from(source: Ipv4Addr, listener: SocketAddr, headers: &str) -> io::Result<TcpStream> {
    check_loopback(listener)?;
    let made = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&made, &SocketAddrV4::new(source, 0))?;
    connect(&made, &listener)?;
    let mut stream = TcpStream::from(made);
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: shop.example\r\n{headers}\r\n")?;
    read_answers(&mut stream, 1)?;
    Ok(stream)
}

/// Whether the other side still keeps a connection open.
pub fn is_open(stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0; 1]));
    matches!(peeked, Ok(1..)) || peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// The resident size of a process in KiB; 0 when it has ended.
pub fn resident_kib(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// What a process and its children hold in memory, in KiB. Of pages that several hold each has its share (proc(5),
/// `smaps_rollup`, `Pss`), so that those of a parent are not counted again with each child.
///
/// # Errors
/// When one of them has ended, or its memory may not be seen.
pub fn held_kib(process: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    let own = line.split_whitespace().next().and_then(|word| word.parse().ok());
    let own: u64 = own.ok_or_else(|| io::Error::other(format!("process {process} has no Pss")))?;
    children_of(process).into_iter().try_fold(own, |sum, child| Ok(sum + held_kib(child)?))
}

pub(crate) fn check_loopback(listener: SocketAddr) -> io::Result<()> {
    if listener.ip().is_loopback() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{listener} is not a loopback address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_goes_to_loopback_only() {
        let elsewhere = "192.0.2.1:80".parse().expect("an address");
        assert!(sources_behind_front(elsewhere, 0, 1).is_err());
        assert!(idle_from(Ipv4Addr::LOCALHOST, elsewhere, "").is_err());
    }

    #[test]
    fn what_a_process_fills_is_in_what_it_holds() {
        let before = held_kib(std::process::id()).expect("it runs");
        let filled = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = held_kib(std::process::id()).expect("it runs");
        assert!(after >= before + 32 * 1_024, "{before} KiB, then {after} KiB");
        drop(filled);
        assert!(held_kib(u32::MAX).is_err(), "nobody is called so");
    }

    #[test]
    fn sources_lie_in_the_shared_address_space() {
        assert!(request_of(0).contains("X-Forwarded-For: 100.64.0.0\r\n"));
        assert!(request_of(SOURCES_MAX - 1).contains("X-Forwarded-For: 100.127.255.255\r\n"));
        assert!(request_of(SOURCES_MAX).contains("X-Forwarded-For: 100.64.0.0\r\n"));
    }
}
