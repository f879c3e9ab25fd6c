//! Who is alerted: from the configuration to a courier, with the journal as its book.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use config::{Config, MailTls, Notify, NotifyKind};
use edge_io::Clock;
use incident::{Moment, Record};
use journal_io::journal::{AttemptRow, DeliveryRow, Journal, Loaded, Row};
use journal_io::logs::Events;
use notify::{Change, Hidden, Post, Receiver, Sender, Severity, SigningKey, State, Waiting, Way};
use notify_io::{Book, Courier, Encryption, MailServer, Outlet, RouteError};

use crate::configured::{ConfigureError, secret};
use crate::running::SITE;

/// Everybody who is alerted, and who tells them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alerts {
    sender: Sender,
    outlets: Vec<Outlet>,
}

impl Alerts {
    /// As the configuration says.
    pub(crate) fn of(config: &Config) -> Result<Self, ConfigureError> {
        let outlets = config.notify.iter().map(outlets).collect::<Result<Vec<_>, _>>()?.concat();
        let page = config.status.as_ref().map(|status| status.url.to_string());
        let sender = Sender { site: config.only_site().name.clone(), page };
        Ok(Self { sender, outlets })
    }

    /// Whether everybody can be reached as far as this machine can tell, without asking them.
    pub(crate) fn check(&self) -> Result<(), RouteError> {
        self.outlets.iter().try_for_each(notify_io::check)
    }

    /// Goes on with what the journal holds; at first paused where another process still sends. `None`: nobody is alerted, and what
    /// waited for somebody is given up, so that it is not news when there is somebody again.
    pub(crate) fn start(
        self,
        loaded: &Loaded,
        journal: Arc<Journal>,
        events: Arc<Events>,
        clock: Clock,
        is_paused: bool,
    ) -> std::io::Result<Option<Courier>> {
        let receivers = self.outlets.iter().map(|outlet| outlet.receiver.clone()).collect();
        let mut post = Post::new(self.sender, receivers);
        post.pause(is_paused);
        let book = Arc::new(JournalBook { journal, events });
        let moment = Moment { now: clock.now(), wall: clock.wall() };
        let heard = loaded.state(SITE, HEARD).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        for change in post.restore(&records(loaded), heard, waiting(loaded), moment) {
            book.keep(change);
        }
        if self.outlets.is_empty() {
            return Ok(None);
        }
        let moment = Arc::new(move || Moment { now: clock.now(), wall: clock.wall() });
        Courier::start(post, &self.outlets, book, moment).map(Some)
    }
}

/// What can be believed; the rest is said when the record itself is restored.
fn records(loaded: &Loaded) -> Vec<Record> {
    let rows = loaded.incidents.iter().filter(|row| row.site == SITE);
    rows.filter_map(|row| Record::read(&row.bytes, row.hash).ok()).map(|(record, _before)| record).collect()
}

fn waiting(loaded: &Loaded) -> Vec<Waiting> {
    let rows = loaded.deliveries.iter().filter(|row| row.site == SITE);
    rows.map(|row| Waiting {
        receiver: row.receiver.to_string(),
        key: row.key.to_string(),
        bytes: row.bytes.to_vec(),
        attempts: row.attempts,
    })
    .collect()
}

/// Keeps what becomes of alerts in the journal, and says what an admin should know.
struct JournalBook {
    journal: Arc<Journal>,
    events: Arc<Events>,
}

impl Book for JournalBook {
    fn keep(&self, change: Change) {
        let row = match change {
            Change::Queued { receiver, key, at, bytes } => Row::Delivery(DeliveryRow {
                site: SITE,
                receiver: receiver.into(),
                key: key.into(),
                at,
                bytes: bytes.into(),
                attempts: 0,
            }),
            Change::Attempted { receiver, key, number, at, state, why } => {
                self.say(&receiver, &key, number, state, &why);
                Row::Attempt(AttemptRow {
                    site: SITE,
                    receiver: receiver.into(),
                    key: key.into(),
                    number,
                    at,
                    state: state as u8,
                    why: why.into(),
                })
            }
            Change::Troubled { receiver, why } => {
                self.events
                    .error(format_args!("notify: {receiver} does not take what it hears regularly: {why}"));
                return;
            }
            Change::Recovered { receiver } => {
                self.events.info(format_args!("notify: {receiver} takes what it hears regularly again"));
                return;
            }
            Change::Heard(seq) => {
                Row::State { site: SITE, key: HEARD.into(), value: Box::new(seq.to_be_bytes()) }
            }
        };
        // A full queue drops everything else before it.
        let _queued = self.journal.record(row);
    }

    fn settle(&self) {
        let _written = self.journal.settle(WRITTEN_WITHIN);
    }
}

impl JournalBook {
    fn say(&self, receiver: &str, key: &str, number: u32, state: State, why: &str) {
        match state {
            State::Delivered => self.events.info(format_args!("notify: {receiver} has {key}")),
            State::Waiting if number == 1 => {
                self.events.warning(format_args!("notify: {receiver} cannot be told of {key} yet: {why}"));
            }
            State::Waiting => {}
            State::Refused => {
                self.events.error(format_args!("notify: {receiver} does not take {key}: {why}"));
            }
            State::GivenUp => {
                self.events.error(format_args!("notify: {receiver} was never told of {key}: {why}"));
            }
        }
    }
}

/// One, or for mail one for each address: an address that is refused keeps nothing from the others.
fn outlets(notify: &Notify) -> Result<Vec<Outlet>, ConfigureError> {
    let outlet = outlet(notify)?;
    let addresses: Vec<_> = notify.to().collect();
    if addresses.len() < 2 {
        return Ok(vec![outlet]);
    }
    let of = |to: &str| {
        let mut outlet = outlet.clone();
        outlet.receiver.name = format!("{}/{to}", notify.name);
        if let Way::Mail { to: known, .. } = &mut outlet.receiver.way {
            to.clone_into(known);
        }
        outlet
    };
    Ok(addresses.into_iter().map(of).collect())
}

fn outlet(notify: &Notify) -> Result<Outlet, ConfigureError> {
    let server = notify.server.as_ref().filter(|_| notify.kind == NotifyKind::Mail);
    let server = server.map(|server| mail_server(notify, server)).transpose()?;
    let receiver = Receiver {
        name: notify.name.clone(),
        least: match notify.least() {
            config::Severity::Info => Severity::Info,
            config::Severity::Warning => Severity::Warning,
            config::Severity::Error => Severity::Error,
            config::Severity::Critical => Severity::Critical,
        },
        remind: (notify.remind > Duration::ZERO).then_some(notify.remind),
        per_minute: notify.per_minute,
        way: way(notify)?,
    };
    Ok(Outlet { receiver, authorities: notify.ca.clone(), server })
}

fn way(notify: &Notify) -> Result<Way, ConfigureError> {
    Ok(match notify.kind {
        NotifyKind::PagerDuty => {
            let key = Hidden::new(secret_of(notify)?.unwrap_or_default());
            let url = url(notify)?.unwrap_or_else(|| PAGERDUTY.to_owned());
            Way::PagerDuty { url, key }
        }
        NotifyKind::Alertmanager => {
            let bearer = secret_of(notify)?.map(Hidden::new);
            Way::Alertmanager { url: url(notify)?.unwrap_or_default(), bearer }
        }
        NotifyKind::Slack => Way::Slack { url: hidden_url(notify)? },
        NotifyKind::Webhook => {
            let text = secret_of(notify)?.unwrap_or_default();
            let bad = |error| unusable(notify.secret_file.as_deref(), error);
            Way::Webhook { url: hidden_url(notify)?, key: SigningKey::parse(&text).map_err(bad)? }
        }
        NotifyKind::Mail => Way::Mail {
            from: notify.from().unwrap_or_default().to_owned(),
            to: notify.to().next().unwrap_or_default().to_owned(),
        },
        NotifyKind::Heartbeat => Way::Heartbeat { url: hidden_url(notify)?, every: notify.every },
    })
}

fn mail_server(notify: &Notify, server: &config::MailServer) -> Result<MailServer, ConfigureError> {
    let password = secret_of(notify)?.map(Hidden::new);
    Ok(MailServer {
        host: server.host.clone(),
        port: server.port,
        encryption: match notify.tls {
            MailTls::StartTls => Encryption::StartTls,
            MailTls::Implicit => Encryption::Implicit,
            MailTls::None => Encryption::None,
        },
        login: notify.user.clone().zip(password),
    })
}

fn hidden_url(notify: &Notify) -> Result<Hidden, ConfigureError> {
    Ok(Hidden::new(url(notify)?.unwrap_or_default()))
}

/// The address, written or in a file. One that must be there is: the configuration was checked.
fn url(notify: &Notify) -> Result<Option<String>, ConfigureError> {
    if let Some(url) = &notify.url {
        return Ok(Some(url.expose().to_owned()));
    }
    let Some(path) = notify.url_file.as_deref() else { return Ok(None) };
    let bad = |error| unusable(Some(path), error);
    let url = text(path)?.parse::<config::WebUrl>().map_err(bad)?;
    Ok(Some(url.expose().to_owned()))
}

fn secret_of(notify: &Notify) -> Result<Option<String>, ConfigureError> {
    notify.secret_file.as_deref().map(text).transpose()
}

/// What a file holds, which must be printable: it goes into headers and bodies.
fn text(path: &Path) -> Result<String, ConfigureError> {
    let bytes = secret(config::SecretSource::File(path))?;
    let text = String::from_utf8(bytes).ok().filter(|text| {
        !text.is_empty() && text.len() <= SECRET_BYTES_MAX && !text.chars().any(char::is_control)
    });
    text.ok_or_else(|| unusable(Some(path), NoText))
}

#[derive(Debug, thiserror::Error)]
#[error("it must hold one line of text, {SECRET_BYTES_MAX} bytes at most")]
struct NoText;

fn unusable(path: Option<&Path>, error: impl std::error::Error + Send + Sync + 'static) -> ConfigureError {
    ConfigureError::Secret {
        path: path.unwrap_or(Path::new("")).to_owned(),
        error: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    }
}

/// The state value with the number of the last record whose alerts are queued.
const HEARD: &str = "notify-heard";
/// An alert waits so long for the disk before it leaves.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);
const PAGERDUTY: &str = "https://events.pagerduty.com";
const SECRET_BYTES_MAX: usize = 4_096;
