//! The way to one receiver.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Request, Response};
use lettre::address::{AddressError, Envelope};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use notify::{Answer, Hidden, Parcel, Receiver};
use web_io::Client;

/// A receiver with what is needed to reach it.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// Who.
    pub receiver: Receiver,
    /// Authorities that its server is verified with, PEM; without it, those of the system.
    pub authorities: Option<PathBuf>,
    /// For mail.
    pub server: Option<MailServer>,
    /// Why it cannot be used as it is configured, in words for an admin: what is for it waits.
    pub unusable: Option<String>,
}

/// A mail server that takes our mail and brings it on.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name or address; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept secret.
    pub encryption: Encryption,
    /// Name and password.
    pub login: Option<(String, Hidden)>,
}

/// How a connection to a mail server is kept secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// TLS after a word in plain text (RFC 3207); nothing is sent without it.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not at all.
    None,
}

/// Why there is no way to a receiver.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A secret or an address is missing.
    #[error("[[notify]] {name}: {error}")]
    Unusable {
        /// The receiver.
        name: String,
        /// What is wrong, in words.
        error: String,
    },
    /// Nothing to verify its server with.
    #[error("[[notify]] {name}: {error}")]
    Roots {
        /// The receiver.
        name: String,
        /// What is wrong.
        error: web_io::RootsError,
    },
    /// The file with authorities.
    #[error("[[notify]] {name}: cannot read the authorities in {}: {error}", path.display())]
    Authorities {
        /// The receiver.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        error: String,
    },
    /// What mail is sent with.
    #[error("[[notify]] {name}: {error}")]
    Mail {
        /// The receiver.
        name: String,
        /// The library's words.
        error: lettre::transport::smtp::Error,
    },
}

/// Whether a receiver can be reached as far as this machine can tell; nobody is asked.
///
/// # Errors
/// What is wrong with how it is configured.
pub fn check(outlet: &Outlet) -> Result<(), RouteError> {
    Route::to(outlet).map(drop)
}

/// The way to one receiver.
pub(crate) enum Route {
    Http(Client),
    Mail(AsyncSmtpTransport<Tokio1Executor>),
    /// There is none, and why.
    None(String),
}

impl Route {
    pub(crate) fn to(outlet: &Outlet) -> Result<Self, RouteError> {
        if let Some(error) = outlet.unusable.clone() {
            return Err(RouteError::Unusable { name: outlet.receiver.name.clone(), error });
        }
        if let Some(server) = &outlet.server {
            return mail(outlet, server).map(Self::Mail);
        }
        if outlet.receiver.url().is_some_and(|url| url.starts_with("http://")) {
            // A machine without authorities can speak to a neighbour.
            return Ok(Self::Http(Client::without_tls(WITHIN, ANSWER_BYTES_MAX)));
        }
        Client::new(outlet.authorities.as_deref(), WITHIN, ANSWER_BYTES_MAX)
            .map(Self::Http)
            .map_err(|error| RouteError::Roots { name: outlet.receiver.name.clone(), error })
    }

    /// Sends one, and waits for the answer, never longer than [`WITHIN`], or [`MAIL_WITHIN`] for mail.
    pub(crate) async fn carry(&self, parcel: Parcel) -> Answer {
        match (self, parcel) {
            (Self::Http(client), Parcel::Http { method, url, headers, body }) => {
                match request(method, &url, headers, body) {
                    // An address may be a secret, and is not repeated.
                    Err(error) => permanent(format!("it cannot be asked for: {error}")),
                    Ok(request) => match client.send_briefly(request).await {
                        Ok(answer) => answered(&answer),
                        Err(error) => Answer::Failed { is_permanent: false, words: error.to_string() },
                    },
                }
            }
            (Self::Mail(server), Parcel::Mail { from, to, bytes }) => match envelope(&from, &to) {
                Err(error) => permanent(format!("an address cannot be written to: {error}")),
                Ok(envelope) => post(server, &envelope, &bytes).await,
            },
            // Whoever mends it and starts again finds everything in the queue.
            (Self::None(why), _) => Answer::Failed { is_permanent: false, words: why.clone() },
            (Self::Http(_), Parcel::Mail { .. }) | (Self::Mail(_), Parcel::Http { .. }) => {
                permanent("there is no way to it".to_owned())
            }
        }
    }
}

fn permanent(words: String) -> Answer {
    Answer::Failed { is_permanent: true, words }
}

fn request(
    method: &'static str,
    url: &str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
) -> Result<Request<Bytes>, http::Error> {
    let mut request = Request::builder().method(method).uri(url).header(USER_AGENT, "Portcullis");
    for (name, value) in headers {
        request = request.header(HeaderName::from_static(name), HeaderValue::from_str(&value)?);
    }
    request.body(body.into())
}

fn answered(answer: &Response<Bytes>) -> Answer {
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Answer::Http {
        status: answer.status().as_u16(),
        retry_after: retry_after.map(str::to_owned),
        body: answer.body().to_vec(),
    }
}

fn envelope(from: &str, to: &str) -> Result<Envelope, String> {
    let address = |text: &str| text.parse::<Address>().map_err(|error: AddressError| error.to_string());
    Envelope::new(Some(address(from)?), vec![address(to)?]).map_err(|error| error.to_string())
}

async fn post(server: &AsyncSmtpTransport<Tokio1Executor>, envelope: &Envelope, bytes: &[u8]) -> Answer {
    match tokio::time::timeout(MAIL_WITHIN, server.send_raw(envelope, bytes)).await {
        Ok(Ok(_taken)) => Answer::Taken,
        Ok(Err(error)) => Answer::Failed { is_permanent: error.is_permanent(), words: chain(&error) },
        Err(_late) => Answer::Failed {
            is_permanent: false,
            words: format!("the mail server did not take it within {} s", MAIL_WITHIN.as_secs()),
        },
    }
}

/// The name of this machine is nobody's business, and not known here.
pub(crate) fn greeting() -> ClientId {
    ClientId::Domain("portcullis.invalid".to_owned())
}

/// An error with what is behind it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

fn mail(outlet: &Outlet, server: &MailServer) -> Result<AsyncSmtpTransport<Tokio1Executor>, RouteError> {
    let parameters = || tls(outlet, server);
    let tls = match server.encryption {
        Encryption::StartTls => Tls::Required(parameters()?),
        Encryption::Implicit => Tls::Wrapper(parameters()?),
        Encryption::None => Tls::None,
    };
    let greeting = greeting();
    let mut transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.trim_matches(['[', ']']))
            .port(server.port)
            .hello_name(greeting)
            .timeout(Some(MAIL_WITHIN))
            .tls(tls);
    if let Some((user, password)) = &server.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(transport.build())
}

fn tls(outlet: &Outlet, server: &MailServer) -> Result<TlsParameters, RouteError> {
    let name = outlet.receiver.name.clone();
    tls_to(server, outlet.authorities.as_deref()).map_err(|fault| match fault {
        TlsFault::Authorities { path, error } => RouteError::Authorities { name, path, error },
        TlsFault::Library(error) => RouteError::Mail { name, error },
    })
}

/// Why a mail server could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The file with authorities.
    #[error("cannot read the authorities in {}: {error}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        error: String,
    },
    /// What mail is sent with.
    #[error("{0}")]
    Library(lettre::transport::smtp::Error),
}

/// How a mail server is verified.
pub(crate) fn tls_to(server: &MailServer, authorities: Option<&Path>) -> Result<TlsParameters, TlsFault> {
    let mut parameters = TlsParameters::builder(server.host.trim_matches(['[', ']']).to_owned());
    if let Some(path) = authorities {
        let failed = |error: String| TlsFault::Authorities { path: path.to_owned(), error };
        let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let authority = Certificate::from_pem(&pem).map_err(|error| failed(error.to_string()))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    parameters.build_rustls().map_err(TlsFault::Library)
}

/// A receiver must have answered by then; PagerDuty, Slack and others ask for patience of this order.
pub(crate) const WITHIN: Duration = Duration::from_secs(15);
/// Of an answer no more is read, and may be shown to an admin; its status says whether it was taken.
const ANSWER_BYTES_MAX: usize = 256;
/// Mail servers look into a mail before they answer for it; RFC 5321, section 4.5.3.2.6, asks for ten minutes of patience.
pub(crate) const MAIL_WITHIN: Duration = Duration::from_secs(300);
