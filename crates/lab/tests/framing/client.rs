//! Sends bytes and reads answers, however odd.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use lab::clock::pause;

use super::corpus::Case;

/// What came back.
pub(crate) struct Answers {
    pub(crate) status: Vec<u16>,
    pub(crate) closes: bool,
}

/// Plays one case against the gate.
pub(crate) fn play(gate: SocketAddr, case: &Case) -> Answers {
    let mut stream = TcpStream::connect(gate).expect("the gate accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    // Refused in the middle, the rest may meet a closed connection.
    let _refused = stream.write_all(&case.bytes());
    let mut answers = Answers { status: Vec::new(), closes: false };
    let mut text = Vec::new();
    let heads: Vec<bool> = case.origin.iter().map(|line| line.starts_with("HEAD ")).collect();
    let wanted = if case.body_error { usize::MAX } else { case.status.len() };
    while answers.status.len() < wanted {
        let is_head = heads.get(answers.status.len()).copied().unwrap_or(false);
        match take_answer(&mut text, is_head) {
            Some(status) => answers.status.push(status),
            None if !read_more(&mut stream, &mut text) => {
                answers.status.extend(take_answer(&mut text, false));
                answers.closes = true;
                return answers;
            }
            None => {}
        }
    }
    answers.closes = if case.closes { !read_more(&mut stream, &mut text) } else { has_closed(&stream) };
    if !text.is_empty() {
        // More answers than there should be.
        answers.status.push(0);
    }
    answers
}

/// Whether something came; false when the connection has ended.
fn read_more(stream: &mut TcpStream, text: &mut Vec<u8>) -> bool {
    let mut piece = [0; 4_096];
    match stream.read(&mut piece) {
        Ok(0) => false,
        Ok(count) => {
            text.extend_from_slice(&piece[..count]);
            true
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            // Neither an answer nor an end: shown as an answer that nobody expects.
            text.clear();
            text.extend_from_slice(b"HTTP/1.1 999 Silence\r\n\r\n");
            false
        }
        Err(_) => false,
    }
}

/// Whether the connection ends although it should stay: seen at once, or not at all.
fn has_closed(stream: &TcpStream) -> bool {
    pause(Duration::from_millis(2));
    stream.set_nonblocking(true).expect("it can be asked");
    matches!(stream.peek(&mut [0; 1]), Ok(0))
}

/// Takes one complete answer from the front.
fn take_answer(text: &mut Vec<u8>, is_head: bool) -> Option<u16> {
    let end = text.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
    let body = if is_head { 0 } else { length.unwrap_or(0) };
    if text.len() < end + body {
        return None;
    }
    text.drain(..end + body);
    Some(status)
}

const PATIENCE: Duration = Duration::from_secs(4);
