//! A small app on loopback whose answers a test chooses, for tests that need no framework.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Connections served at once; more wait in the listener's own queue.
const CONNECTIONS_MAX: u64 = 256;

/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// Bytes of a request head that are read; longer ones end the connection.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What the app does with a request: its head (request line and header lines) in, a whole answer out.
pub type Answering = dyn Fn(&str) -> String + Send + Sync;

/// A running app. Dropping it stops accepting.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    stopped: AtomicBool,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl Origin {
    /// Listens on a free loopback port and answers each request head with `answer`.
    ///
    /// Bodies of requests are not read: use it for GET and HEAD.
    ///
    /// # Errors
    /// When no port can be opened.
    pub fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let (shared, answer) = (Arc::clone(&state), Arc::new(answer));
        std::thread::spawn(move || accept(&listener, &shared, answer));
        Ok(Self { address, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a configuration writes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        // One connection wakes the listener, which then sees that it is to stop.
        let _wake = TcpStream::connect(self.address);
    }
}

/// A whole answer with a plain text body.
pub fn plain(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

fn accept(listener: &TcpListener, state: &Arc<State>, answer: Arc<Answering>) {
    for stream in listener.incoming() {
        if state.stopped.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if state.connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            state.connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (state, answer) = (Arc::clone(state), Arc::clone(&answer));
        std::thread::spawn(move || {
            // The client's end of a connection is no news to a test: it sees the answers.
            let _ended = serve(&stream, &state, &*answer);
            state.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn serve(stream: &TcpStream, state: &State, answer: &Answering) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while !state.stopped.load(Ordering::Relaxed) {
        let Some(head) = read_head(&mut reader)? else { return Ok(()) };
        state.requests.fetch_add(1, Ordering::Relaxed);
        writer.write_all(answer(&head).as_bytes())?;
        if head.lines().any(|line| line.eq_ignore_ascii_case("connection: close")) {
            return Ok(());
        }
    }
    Ok(())
}

fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<String>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(None);
        }
        if &head[before..] == "\r\n" {
            return Ok(Some(head));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_what_the_test_chose_and_counts() {
        let origin = Origin::start(|head| {
            let line = head.lines().next().unwrap_or("").to_owned();
            plain("200 OK", "X-Seen: yes\r\n", &line)
        })
        .expect("loopback has a port");
        let answer = crate::web::get(origin.address(), "/where", &[]).expect("it answers");
        assert_eq!((answer.status, answer.body.as_str()), (200, "GET /where HTTP/1.1"));
        assert_eq!(answer.header("x-seen"), Some("yes"));
        assert_eq!(origin.requests(), 1);
    }
}
