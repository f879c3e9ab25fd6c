//! The smallest HTTP client that can ask whether somebody answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one request may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The most that is read of an answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// An answer: its status, its head and its body as text.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The three-digit status.
    pub status: u16,
    /// The status line and the header lines.
    pub head: String,
    /// The body as sent: a chunked one still holds its chunk lines.
    pub body: String,
}

impl Answer {
    /// The first header of that name, without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// `GET path` on a connection of its own. `headers` are whole lines without line ends.
///
/// # Errors
/// What the connection said, or `InvalidData` when the answer is no HTTP.
pub fn get(address: SocketAddr, path: &str, headers: &[&str]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    let host = headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:"));
    let host = if host { String::new() } else { format!("Host: {address}\r\n") };
    let extra: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    write!(stream, "GET {path} HTTP/1.1\r\n{host}{extra}Connection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes))
}

/// Whether anybody accepts connections there.
pub fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, ANSWER_WITHIN).is_ok()
}

fn parse(text: &str) -> io::Result<Answer> {
    let no_http = || io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: `{text}`"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(no_http)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(no_http)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
