//! One connection to a mail server, kept for many mails.

use std::path::Path;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use model::Untrusted;
use notify::subscribers::{Letter, Outcome};

use crate::route::{Encryption, MAIL_WITHIN, MailServer, TlsFault, chain, greeting, tls_to};

/// The way to a mail server, open or not.
pub(crate) struct Wire {
    server: MailServer,
    tls: Option<TlsParameters>,
    open: Option<Open>,
}

struct Open {
    connection: AsyncSmtpConnection,
    /// Mails that went over it.
    carried: u32,
}

/// Why a mail was not taken.
enum Fault {
    /// A connection that was kept is of no use any more; nothing was asked over it.
    Stale,
    /// See [`Outcome::Unreachable`].
    Server(String),
    /// The address, or this mail to it.
    Address(Outcome),
}

impl Wire {
    /// Not open yet.
    ///
    /// # Errors
    /// When its server could not be verified.
    pub(crate) fn to(server: MailServer, authorities: Option<&Path>) -> Result<Self, TlsFault> {
        let tls = match server.encryption {
            Encryption::StartTls | Encryption::Implicit => Some(tls_to(&server, authorities)?),
            Encryption::None => None,
        };
        Ok(Self { server, tls, open: None })
    }

    /// Sends one, over the connection that is open if there is one, and waits for the answer, never longer than [`MAIL_WITHIN`].
    pub(crate) async fn send(&mut self, letter: &Letter) -> Outcome {
        let sent = tokio::time::timeout(MAIL_WITHIN, self.send_at_most_twice(letter)).await;
        let seconds = MAIL_WITHIN.as_secs();
        let outcome = sent.unwrap_or_else(|_late| {
            Outcome::Unreachable(format!("the mail server did not take it within {seconds} s"))
        });
        if matches!(outcome, Outcome::Unreachable(_)) {
            self.open = None;
        }
        outcome
    }

    /// Hangs up, politely if that goes fast.
    pub(crate) async fn close(&mut self) {
        if let Some(mut open) = self.open.take() {
            // Whoever does not answer is left all the same.
            let _parted = tokio::time::timeout(PARTING, open.connection.abort()).await;
        }
    }

    async fn send_at_most_twice(&mut self, letter: &Letter) -> Outcome {
        if self.open.as_ref().is_some_and(|open| open.carried >= MAILS_A_CONNECTION) {
            self.close().await;
        }
        match self.send_once(letter).await {
            Ok(()) => return Outcome::Taken,
            Err(Fault::Address(outcome)) => return outcome,
            Err(Fault::Server(words)) => return Outcome::Unreachable(words),
            Err(Fault::Stale) => self.open = None,
        }
        match self.send_once(letter).await {
            Ok(()) => Outcome::Taken,
            Err(Fault::Address(outcome)) => outcome,
            Err(Fault::Server(words)) => Outcome::Unreachable(words),
            Err(Fault::Stale) => Outcome::Unreachable("the mail server hangs up".to_owned()),
        }
    }

    async fn send_once(&mut self, letter: &Letter) -> Result<(), Fault> {
        let address = |text: &str| text.parse::<Address>().map_err(|error| error.to_string());
        let from = address(&letter.from).map_err(Fault::Server)?;
        let to = address(letter.to.as_str()).map_err(|words| Fault::Address(Outcome::Never(words)))?;
        let is_kept = self.open.is_some();
        if self.open.is_none() {
            let connection = self.connect().await.map_err(|error| Fault::Server(words(&error)))?;
            self.open = Some(Open { connection, carried: 0 });
        }
        let Some(Open { connection, carried }) = &mut self.open else { return Err(Fault::Stale) };
        // Whoever refuses the sender refuses us, not the recipient.
        connection.command(Mail::new(Some(from), vec![])).await.map_err(|error| {
            if is_kept && (error.status().is_none() || is_closing(&error)) {
                Fault::Stale
            } else {
                Fault::Server(words(&error))
            }
        })?;
        *carried += 1;
        let refused = match connection.command(Rcpt::new(to, vec![])).await {
            Err(error) => Some(error),
            Ok(_) => match connection.command(Data).await {
                Err(error) => Some(error),
                Ok(_) => connection.message(&letter.bytes).await.err(),
            },
        };
        let Some(error) = refused else { return Ok(()) };
        if error.status().is_some() && connection.command(Rset).await.is_err() {
            self.open = None;
        }
        Err(of_address(&error))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let MailServer { host, port, encryption, login } = &self.server;
        let greeting = greeting();
        let wrapper = self.tls.clone().filter(|_| *encryption == Encryption::Implicit);
        let host = host.trim_matches(['[', ']']);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1((host, *port), Some(MAIL_WITHIN), &greeting, wrapper, None)
                .await?;
        if let Some(tls) = self.tls.clone().filter(|_| *encryption == Encryption::StartTls) {
            connection.starttls(tls, &greeting).await?;
        }
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }
}

/// What an answer to a recipient or to a mail for it means.
fn of_address(error: &Error) -> Fault {
    match () {
        () if is_closing(error) => Fault::Server(words(error)),
        () if error.is_permanent() => Fault::Address(Outcome::Never(code(error))),
        () if error.is_transient() => Fault::Address(Outcome::Later(code(error))),
        () => Fault::Server(words(error)),
    }
}

/// The server ends the conversation, whatever it is about (RFC 5321, section 3.8).
fn is_closing(error: &Error) -> bool {
    error.status().is_some_and(|code| code.to_string() == "421")
}

/// The server's words mostly repeat the address, which is not kept but in one place.
fn code(error: &Error) -> String {
    error.status().map_or_else(|| "it hangs up".to_owned(), |code| format!("it answers {code}"))
}

/// A server writes what it likes.
fn words(error: &Error) -> String {
    Untrusted::new(chain(error).as_bytes()).to_string()
}

/// Some servers take no more over one connection.
const MAILS_A_CONNECTION: u32 = 100;
const PARTING: std::time::Duration = std::time::Duration::from_secs(2);
