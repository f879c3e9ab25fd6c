//! One attempt at a target.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request};
use model::{Prefix, Timestamp};
use probe::{Aim, Answer, Failure, How};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use web_io::{Bytes, Connection};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::names::Names;

/// What an attempt needs beside its target.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) agent: HeaderValue,
}

/// Tries a target; it has failed after `within`, whatever it was doing.
pub(crate) async fn attempt(
    aim: &Aim,
    within: Duration,
    tools: &Tools,
    names: &mut Names,
) -> Result<Answer, Failure> {
    let deadline = Instant::now() + within;
    let trying = ask(aim, deadline, tools, names);
    timeout_at(deadline, trying).await.unwrap_or(Err(Failure::Late(within)))
}

async fn ask(aim: &Aim, deadline: Instant, tools: &Tools, names: &mut Names) -> Result<Answer, Failure> {
    // A resolver that does not answer is this machine's, and says nothing of the site.
    let found = timeout_at(deadline, names.resolve(&aim.host)).await;
    let found = found.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()));
    let addresses = found.map_err(|error| Failure::Name(Failure::words(error)))?;
    if let How::Dns { leads_to } = &aim.how {
        return leads_there(&addresses, leads_to);
    }
    let stream = connect(&addresses, aim.port, deadline).await?;
    match &aim.how {
        How::Tcp | How::Dns { .. } => Ok(Answer::default()),
        How::Tls => shake_hands(stream, &aim.host, tools).await.map(|(_, answer)| answer),
        How::Http { is_https: true, .. } => {
            let (stream, answer) = shake_hands(stream, &aim.host, tools).await?;
            fetch(stream, aim, tools).await.map(|()| answer)
        }
        How::Http { is_https: false, .. } => fetch(stream, aim, tools).await.map(|()| Answer::default()),
    }
}

fn leads_there(addresses: &[IpAddr], leads_to: &[Prefix]) -> Result<Answer, Failure> {
    let is_there = |address: &IpAddr| leads_to.iter().any(|network| network.contains(*address));
    match addresses.iter().find(|address| !leads_to.is_empty() && !is_there(address)) {
        Some(elsewhere) => Err(Failure::Elsewhere(elsewhere.to_string())),
        None => Ok(Answer::default()),
    }
}

/// Connects to the first address that takes it; none may use up the time of the others.
async fn connect(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<TcpStream, Failure> {
    let (mut why, mut is_here) = ("there is no address".to_owned(), true);
    for (place, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let others = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
        match timeout(left / others, TcpStream::connect((*address, port))).await {
            Ok(Ok(stream)) => {
                // Small requests must not wait for an acknowledgement.
                let _unchanged = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => {
                is_here &= is_own(&error);
                why = format!("{address}: {error}");
            }
            Err(_late) => {
                is_here = false;
                why = format!("{address}: nothing in time");
            }
        }
    }
    let why = Failure::words(why);
    Err(if is_here { Failure::Here(why) } else { Failure::Connection(why) })
}

/// Whether nothing was sent at all.
fn is_own(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkUnreachable, OutOfMemory, PermissionDenied};
    let kind = error.kind();
    matches!(kind, AddrNotAvailable | NetworkUnreachable | OutOfMemory | PermissionDenied)
        || error.raw_os_error().is_some_and(|number| FULL.contains(&number))
}

async fn shake_hands(
    stream: TcpStream,
    host: &str,
    tools: &Tools,
) -> Result<(TlsStream<TcpStream>, Answer), Failure> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Failure::Tls(Failure::words(error)))?;
    let stream = TlsConnector::from(tools.tls.clone()).connect(name, stream).await;
    let stream = stream.map_err(|error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let words = Failure::words(&error);
        match inner {
            Some(rustls::Error::InvalidCertificate(_)) => Failure::Certificate(words),
            _ => Failure::Tls(words),
        }
    })?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate_ends = certificate.and_then(|certificate| ends(certificate));
    Ok((stream, Answer { certificate_ends }))
}

/// `None` if a certificate that the TLS library takes cannot be read here: then nothing is said of it.
fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let ends = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Some(Timestamp::from_secs(ends.as_secs()))
}

async fn fetch(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    aim: &Aim,
    tools: &Tools,
) -> Result<(), Failure> {
    let How::Http { is_https, path, statuses, contains } = &aim.how else { return Ok(()) };
    let failed = |error: &dyn std::fmt::Display| Failure::Answer(Failure::words(error));
    let request = Request::get(path)
        .header(HOST, authority(aim, *is_https))
        .header(USER_AGENT, tools.agent.clone())
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Bytes::new())
        .map_err(|error| failed(&error))?;
    let mut connection = Connection::open(stream).await.map_err(|error| failed(&error))?;
    let answer =
        connection.send_for_beginning(request, BODY_BYTES_MAX).await.map_err(|error| failed(&error))?;
    let status = answer.status().as_u16();
    let is_wanted =
        if statuses.is_empty() { (200..400).contains(&status) } else { statuses.contains(&status) };
    let is_of_gate = answer.headers().contains_key(REFERENCE);
    if is_of_gate && (answer.status().is_success() || REFUSALS.contains(&status)) {
        // It has no room for strangers, and says itself how people fare.
        return Ok(());
    }
    if !is_wanted {
        let is_before = !is_of_gate && GATEWAYS.iter().any(|gateways| gateways.contains(&status));
        return Err(if is_before { Failure::Gateway(status) } else { Failure::Status(status) });
    }
    let holds = |text: &String| answer.body().windows(text.len()).any(|part| part == text.as_bytes());
    if contains.as_ref().is_none_or(holds) { Ok(()) } else { Err(Failure::Text) }
}

/// RFC 9110, section 7.2: without the scheme's own port.
fn authority(aim: &Aim, is_https: bool) -> String {
    let host = if aim.host.contains(':') { format!("[{}]", aim.host) } else { aim.host.clone() };
    if aim.port == if is_https { 443 } else { 80 } { host } else { format!("{host}:{}", aim.port) }
}

/// What every page of a gate's own has.
const REFERENCE: &str = "portcullis-reference";
/// With these a gate refuses those for whom it has no room.
const REFUSALS: [u16; 2] = [429, 503];
/// With these a proxy or CDN says that it cannot reach what it stands before: RFC 9110, sections 15.6.3 and 15.6.5, and those that CDNs
/// made up.
const GATEWAYS: [std::ops::RangeInclusive<u16>; 3] = [502..=502, 504..=504, 520..=530];
/// `ENFILE`, `EMFILE` and `ENOBUFS` of Linux.
const FULL: [i32; 3] = [23, 24, 105];
/// Bytes of an answer that are read.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
