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

use crate::exchange::Exchange;

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
    let mut copying = pin!(copy_both(TokioIo::new(client), TokioIo::new(origin), SILENCE_MAX));
    // Only reading and writing notice by themselves that a connection has been ended, and neither may be under way.
    let sent = poll_fn(|cx| {
        gauge.remember_waker(cx);
        if gauge.has_ended() { Poll::Ready(Ok(0)) } else { copying.as_mut().poll(cx) }
    });
    let sent = sent.await.unwrap_or(0);
    exchange.relayed(sent);
}

/// Copies both ways with one fixed buffer for each; returns the bytes that went to the client.
///
/// A side that closes its half still gets what the other has to say, as long as that says something. When both are silent
/// for `silence` to twice as long, it ends.
async fn copy_both<A, B>(client: A, origin: B, silence: Silence) -> io::Result<u64>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_origin, to_origin) = tokio::io::split(origin);
    let (up, down, half) = (Cell::new(0), Cell::new(0), Notify::new());
    // The two directions do not wait for each other: each side may refuse to read until it has been read.
    let mut both = pin!(async {
        tokio::try_join!(copy(from_client, to_origin, &up, &half), copy(from_origin, to_client, &down, &half))
    });
    let mut patience = silence.open;
    loop {
        let before = (up.get(), down.get());
        tokio::select! {
            biased;
            done = both.as_mut() => return done.map(|_| down.get()),
            () = half.notified() => patience = silence.half_closed,
            () = tokio::time::sleep(patience) => {
                if before == (up.get(), down.get()) {
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
    /// Once one side has closed its half.
    half_closed: Duration,
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes: &Cell<u64>,
    half: &Notify,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            half.notify_one();
            return to.shutdown().await;
        }
        bytes.set(bytes.get() + n as u64);
        to.write_all(&buffer[..n]).await?;
    }
}

const BUFFER_BYTES: usize = 16 * 1024;
/// Both sides silent for this long: whoever was there has gone. Applications that keep a socket quiet send pings. Some servers
/// never close their half after the client has (Node.js leaves that to the application).
const SILENCE_MAX: Silence = Silence { open: Duration::from_secs(600), half_closed: Duration::from_secs(10) };

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEF: Silence = Silence { open: Duration::from_secs(50), half_closed: Duration::from_secs(5) };

    #[tokio::test]
    async fn what_one_side_says_the_other_hears_until_both_have_closed() {
        let (mut browser, client) = tokio::io::duplex(1_024);
        let (origin, mut app) = tokio::io::duplex(1_024);
        let copying = copy_both(client, origin, BRIEF);
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

    #[tokio::test(start_paused = true)]
    async fn an_app_that_never_closes_its_half_is_not_waited_for() {
        let (mut browser, client) = tokio::io::duplex(64);
        let (origin, _app) = tokio::io::duplex(64);
        let begun = tokio::time::Instant::now();
        browser.shutdown().await.unwrap();
        assert_eq!(copy_both(client, origin, BRIEF).await.unwrap(), 0);
        assert_eq!(begun.elapsed(), BRIEF.half_closed);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_it() {
        let (_browser, client) = tokio::io::duplex(64);
        let (origin, _app) = tokio::io::duplex(64);
        assert_eq!(copy_both(client, origin, BRIEF).await.unwrap(), 0);
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
