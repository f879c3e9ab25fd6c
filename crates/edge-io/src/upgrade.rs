//! WebSockets: after the origin's valid 101, bytes are copied both ways.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::exchange::Exchange;
use crate::strict::Messages;

/// Whether an origin's 101 really agrees to a WebSocket (RFC 6455 section 4.2.2).
pub(crate) fn is_valid_101(headers: &HeaderMap) -> bool {
    let names = |name: &HeaderName, word: &str| {
        headers.get(name).is_some_and(|value| {
            value
                .as_bytes()
                .split(|&byte| byte == b',')
                .any(|part| part.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    names(&UPGRADE, "websocket")
        && names(&CONNECTION, "upgrade")
        && headers.contains_key(SEC_WEBSOCKET_ACCEPT)
}

/// Copies between client and origin until either closes, both are silent for long, or the sweep ends the connection.
pub(crate) async fn relay(client: OnUpgrade, origin: OnUpgrade, mut exchange: Box<Exchange>) {
    let (Ok(client), Ok(origin)) = tokio::join!(client, origin) else { return };
    let gauge = exchange.connection.gauge.clone();
    let may_refuse = || exchange.may_refuse();
    let sent = {
        let mut copying =
            pin!(copy_both(TokioIo::new(client), TokioIo::new(origin), SILENCE_MAX, &may_refuse));
        // Only reading and writing notice by themselves that a connection has been ended, and neither may be under way.
        poll_fn(|cx| {
            gauge.remember_waker(cx);
            if gauge.has_ended() { Poll::Ready(Ok(0)) } else { copying.as_mut().poll(cx) }
        })
        .await
    };
    exchange.relayed(sent.unwrap_or(0));
}

/// Copies both ways with one fixed buffer for each; returns the bytes that went to the client.
///
/// A side that closes its half still gets what the other has to say, as long as that says something. When both are silent
/// for `silence` to twice as long, it ends. While `may_refuse`, the client is held to [`MESSAGE_BYTES_MAX`] and [`MESSAGE_EVERY`].
async fn copy_both<A, B>(
    client: A,
    origin: B,
    silence: Silence,
    may_refuse: &dyn Fn() -> bool,
) -> io::Result<u64>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_origin, to_origin) = tokio::io::split(origin);
    let (up, down, half) = (Cell::new(0), Cell::new(0), Notify::new());
    let (mut paced, mut free) = (Pace::new(may_refuse), Pace::free());
    // The two directions do not wait for each other: each side may refuse to read until it has been read.
    let mut both = pin!(async {
        tokio::try_join!(
            copy(from_client, to_origin, &up, &half, &mut paced),
            copy(from_origin, to_client, &down, &half, &mut free)
        )
    });
    let (mut has_closed, mut silent) = (false, Duration::ZERO);
    loop {
        let before = (up.get(), down.get());
        let patience = silence.patience(has_closed, may_refuse());
        let look = patience.min(silence.refused);
        tokio::select! {
            biased;
            done = both.as_mut() => return done.map(|_| down.get()),
            () = half.notified() => has_closed = true,
            () = tokio::time::sleep(look) => {
                silent = if before == (up.get(), down.get()) { silent + look } else { Duration::ZERO };
                if silent >= patience {
                    return Ok(down.get());
                }
            }
        }
    }
}

/// How long nobody may say anything.
#[derive(Clone, Copy)]
struct Silence {
    open: Duration,
    /// Of an unknown client while limits refuse.
    refused: Duration,
    /// Once one side has closed its half.
    half_closed: Duration,
}

impl Silence {
    fn patience(&self, has_closed: bool, may_refuse: bool) -> Duration {
        match (has_closed, may_refuse) {
            (true, _) => self.half_closed,
            (false, true) => self.refused,
            (false, false) => self.open,
        }
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes: &Cell<u64>,
    half: &Notify,
    pace: &mut Pace<'_>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            half.notify_one();
            return to.shutdown().await;
        }
        pace.keep(&buffer[..n]).await?;
        bytes.set(bytes.get() + n as u64);
        to.write_all(&buffer[..n]).await?;
        // TLS says that it has taken what it keeps until it is written to or flushed again.
        to.flush().await?;
    }
}

/// How fast messages may come from an unknown client while limits refuse. What comes faster waits here, and then at the client.
struct Pace<'a> {
    /// `None`: as fast as it likes.
    may_refuse: Option<&'a dyn Fn() -> bool>,
    messages: Messages,
    /// When what came so far would have been had at the steady rate.
    due: Option<Instant>,
}

impl<'a> Pace<'a> {
    fn new(may_refuse: &'a dyn Fn() -> bool) -> Self {
        Self { may_refuse: Some(may_refuse), messages: Messages::default(), due: None }
    }

    fn free() -> Self {
        Self { may_refuse: None, messages: Messages::default(), due: None }
    }

    /// Waits until these bytes may go on.
    ///
    /// # Errors
    /// When a message is longer than it may be.
    async fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(may_refuse) = self.may_refuse else { return Ok(()) };
        let passed = self.messages.read(bytes);
        if !may_refuse() {
            self.due = None;
            return Ok(());
        }
        if passed.longest > MESSAGE_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let now = Instant::now();
        let due = self.due.unwrap_or(now).max(now) + MESSAGE_EVERY * passed.messages;
        self.due = Some(due);
        let burst = MESSAGE_EVERY * MESSAGES_AT_ONCE;
        tokio::time::sleep_until(due.checked_sub(burst).unwrap_or(now)).await;
        Ok(())
    }
}

const BUFFER_BYTES: usize = 16 * 1024;
/// Both sides silent for this long: whoever was there has gone. Applications that keep a socket quiet send pings. Some servers
/// never close their half after the client has (Node.js leaves that to the application).
const SILENCE_MAX: Silence = Silence {
    open: Duration::from_secs(600),
    refused: Duration::from_secs(60),
    half_closed: Duration::from_secs(10),
};
/// Of unknown clients while limits refuse (decision-science, section 9): 64 KiB a message, ten a second, fifty at once.
const MESSAGE_BYTES_MAX: u64 = 64 * 1024;
const MESSAGE_EVERY: Duration = Duration::from_millis(100);
const MESSAGES_AT_ONCE: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEF: Silence = Silence {
        open: Duration::from_secs(50),
        refused: Duration::from_secs(10),
        half_closed: Duration::from_secs(5),
    };

    const NEVER: &dyn Fn() -> bool = &|| false;
    const ALWAYS: &dyn Fn() -> bool = &|| true;

    #[tokio::test]
    async fn what_one_side_says_the_other_hears_until_both_have_closed() {
        let (mut browser, client) = tokio::io::duplex(1_024);
        let (origin, mut app) = tokio::io::duplex(1_024);
        let copying = copy_both(client, origin, BRIEF, NEVER);
        let talking = async {
            browser.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            app.read_exact(&mut heard).await.unwrap();
            browser.shutdown().await.unwrap();
            app.write_all(&[7; 500]).await.unwrap();
            app.shutdown().await.unwrap();
            let mut rest = Vec::new();
            browser.read_to_end(&mut rest).await.unwrap();
            (heard, rest.len())
        };
        let (sent, (heard, rest)) = tokio::join!(copying, talking);
        assert_eq!((sent.unwrap(), &heard, rest), (500, b"hello", 500));
    }

    /// As TLS does: what was written waits until it is flushed.
    #[tokio::test]
    async fn what_a_side_keeps_back_until_it_is_flushed_arrives() {
        let (mut browser, client) = tokio::io::duplex(1_024);
        let (origin, mut app) = tokio::io::duplex(1_024);
        let copying = copy_both(tokio::io::BufStream::new(client), origin, BRIEF, NEVER);
        let talking = async {
            app.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            browser.read_exact(&mut heard).await.unwrap();
            heard
        };
        tokio::select! {
            heard = talking => assert_eq!(&heard, b"hello"),
            _ended = copying => panic!("nobody has closed"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_that_never_closes_its_half_is_not_waited_for() {
        let (mut browser, client) = tokio::io::duplex(64);
        let (origin, _app) = tokio::io::duplex(64);
        let begun = Instant::now();
        browser.shutdown().await.unwrap();
        assert_eq!(copy_both(client, origin, BRIEF, NEVER).await.unwrap(), 0);
        assert_eq!(begun.elapsed(), BRIEF.half_closed);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it() {
        let (_browser, client) = tokio::io::duplex(64);
        let (origin, _app) = tokio::io::duplex(64);
        assert_eq!(copy_both(client, origin, BRIEF, NEVER).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_of_unknown_clients_ends_sooner_while_limits_refuse() {
        let (_browser, client) = tokio::io::duplex(64);
        let (origin, _app) = tokio::io::duplex(64);
        let begun = Instant::now();
        assert_eq!(copy_both(client, origin, BRIEF, ALWAYS).await.unwrap(), 0);
        assert_eq!(begun.elapsed(), BRIEF.refused);
    }

    /// How long the app waits for so many messages of so many bytes, if it gets them.
    async fn sends(messages: usize, length: u16, may_refuse: &dyn Fn() -> bool) -> Option<Duration> {
        let (mut browser, client) = tokio::io::duplex(1 << 20);
        let (origin, mut app) = tokio::io::duplex(1 << 20);
        let mut message = vec![0x82, 126];
        message.extend(length.to_be_bytes());
        message.resize(message.len() + usize::from(length), 7);
        let all = message.repeat(messages);
        let begun = Instant::now();
        let talking = async {
            browser.write_all(&all).await.unwrap();
            browser.shutdown().await.unwrap();
            let mut heard = Vec::new();
            app.read_to_end(&mut heard).await.unwrap();
            let took = begun.elapsed();
            app.shutdown().await.unwrap();
            (heard.len() == all.len()).then_some(took)
        };
        let copying = async { copy_both(client, origin, BRIEF, may_refuse).await.is_ok() };
        let (_whole, took) = tokio::join!(copying, talking);
        took
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_clients_are_held_to_a_pace_only_while_limits_refuse() {
        assert_eq!(sends(80, 200, NEVER).await, Some(Duration::ZERO));
        let took = sends(80, 200, ALWAYS).await.unwrap();
        assert_eq!(took, Duration::from_secs(3), "fifty at once, then ten a second");
        assert_eq!(sends(5, 60_000, ALWAYS).await, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_too_long_ends_the_connection_only_while_limits_refuse() {
        let two_frames = |first: u8| -> Vec<u8> {
            let frame = |kind: u8| [vec![kind, 126, 0x9C, 0x40], vec![0; 40_000]].concat();
            [frame(first), frame(0x80)].concat()
        };
        for (may_refuse, arrives) in [(NEVER, true), (ALWAYS, false)] {
            let mut pace = Pace::new(may_refuse);
            assert_eq!(pace.keep(&two_frames(0x02)).await.is_ok(), arrives);
        }
    }

    #[test]
    fn an_answer_that_agrees_to_something_else_is_not_passed_on() {
        let headers = |pairs: &[(HeaderName, &str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
        };
        let good = [(UPGRADE, "WebSocket"), (CONNECTION, "keep-alive, Upgrade"), (SEC_WEBSOCKET_ACCEPT, "x")];
        assert!(is_valid_101(&headers(&good)));
        assert!(!is_valid_101(&headers(&good[..2])));
        assert!(!is_valid_101(&headers(&[(UPGRADE, "h2c"), good[1].clone(), good[2].clone()])));
    }
}
