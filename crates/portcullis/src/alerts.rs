//! Who is alerted: from the configuration to a courier, with the journal as its book.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use config::{Config, MailTls, Notify, NotifyKind, OutpostConfig, OutpostPage};
use console_io::metrics::{Exposition, catalogue};
use edge_io::Clock;
use incident::{Moment, Record};
use journal_io::journal::{AttemptRow, DeliveryRow, Journal, Loaded, Row};
use journal_io::logs::Events;
use notify::{
    Change, ConsentLinks, Figures, Hidden, Post, Receiver, Sender, Severity, SigningKey, State, Waiting, Way,
};
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
    pub(crate) fn of(config: &Config) -> Self {
        let page = config.status.as_ref().map(|status| status.url.to_string());
        Self::to(&config.notify, Sender { site: config.only_site().name.clone(), page, ..Sender::default() })
    }

    /// The same of an outpost, whose page names the site.
    pub(crate) fn of_outpost(config: &OutpostConfig, page: &OutpostPage) -> Self {
        Self::to(
            &config.notify,
            Sender { site: page.name.clone(), page: Some(page.url.to_string()), ..Sender::default() },
        )
    }

    fn to(receivers: &[Notify], sender: Sender) -> Self {
        Self { sender, outlets: receivers.iter().flat_map(outlets).collect() }
    }

    /// With links, so that whoever is told can decide about words that wait.
    pub(crate) fn asking(mut self, links: Option<ConsentLinks>) -> Self {
        self.sender.consent = links;
        self
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
        let said = events.clone();
        let book = Arc::new(JournalBook { journal, events });
        let moment = Moment { now: clock.now(), wall: clock.wall() };
        let heard = loaded.state(SITE, HEARD).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        for change in post.restore(&records(loaded), heard, waiting(loaded), moment) {
            book.keep(change);
        }
        if self.outlets.is_empty() {
            return Ok(None);
        }
        for error in self.outlets.iter().filter_map(|outlet| notify_io::check(outlet).err()) {
            said.error(format_args!("{error}; what is for it waits until the gate is started again"));
        }
        let moment = Arc::new(move || Moment { now: clock.now(), wall: clock.wall() });
        Courier::start(post, &self.outlets, book, moment).map(Some)
    }
}

/// How many alerts each receiver had, by what became of them, and how many wait.
pub(crate) fn metrics(out: &mut Exposition, alerted: &[Figures]) {
    let outcomes = alerted.iter().flat_map(|of| {
        let names = State::ALL.map(State::name);
        names.into_iter().zip(of.outcomes).map(move |(name, count)| ([of.name.as_str(), name], count))
    });
    out.counter(&catalogue::NOTIFICATIONS, outcomes);
    let waiting = alerted.iter().map(|of| {
        let waiting = u32::try_from(of.waiting).unwrap_or(u32::MAX);
        ([of.name.as_str()], f64::from(waiting))
    });
    out.gauge(&catalogue::NOTIFICATIONS_WAITING, waiting);
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
fn outlets(notify: &Notify) -> Vec<Outlet> {
    let outlet = outlet(notify);
    let addresses: Vec<_> = notify.to().collect();
    if addresses.len() < 2 {
        return vec![outlet];
    }
    let of = |to: &str| {
        let mut outlet = outlet.clone();
        outlet.receiver.name = format!("{}/{to}", notify.name);
        if let Way::Mail { to: known, .. } = &mut outlet.receiver.way {
            to.clone_into(known);
        }
        outlet
    };
    addresses.into_iter().map(of).collect()
}

/// A file that is missing must not keep the gate from starting: what is for this receiver waits until it is there.
fn outlet(notify: &Notify) -> Outlet {
    let (way, server, unusable) = match Secrets::of(notify).and_then(|secrets| way(notify, secrets)) {
        Ok((way, server)) => (way, server, None),
        Err(error) => {
            let (way, server) = way(notify, Secrets::none()).expect("what stands in for secrets is right");
            (way, server, Some(error.to_string()))
        }
    };
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
        way,
    };
    Outlet { receiver, authorities: notify.ca.clone(), server, unusable }
}

/// What a receiver is reached with, from files.
struct Secrets {
    key: Option<String>,
    url: String,
}

impl Secrets {
    fn of(notify: &Notify) -> Result<Self, ConfigureError> {
        let key = notify.secret_file.as_deref().map(text).transpose()?;
        Ok(Self { key, url: url(notify)?.unwrap_or_default() })
    }

    /// For a receiver that nothing is sent to.
    fn none() -> Self {
        Self { key: Some(format!("whsec_{}", "A".repeat(32))), url: String::new() }
    }
}

fn way(notify: &Notify, secrets: Secrets) -> Result<(Way, Option<MailServer>), ConfigureError> {
    let Secrets { key, url } = secrets;
    let way = match notify.kind {
        NotifyKind::PagerDuty => {
            let url = if url.is_empty() { PAGERDUTY.to_owned() } else { url };
            Way::PagerDuty { url, key: Hidden::new(key.unwrap_or_default()) }
        }
        NotifyKind::Alertmanager => Way::Alertmanager { url, bearer: key.map(Hidden::new) },
        NotifyKind::Slack => Way::Slack { url: Hidden::new(url) },
        NotifyKind::Webhook => {
            let bad = |error| unusable(notify.secret_file.as_deref(), error);
            let key = SigningKey::parse(&key.unwrap_or_default()).map_err(bad)?;
            Way::Webhook { url: Hidden::new(url), key }
        }
        NotifyKind::Mail => {
            let from = notify.from().unwrap_or_default().to_owned();
            let to = notify.to().next().unwrap_or_default().to_owned();
            let server = notify.server.as_ref().map(|server| mail_server(notify, server, key));
            return Ok((Way::Mail { from, to }, server));
        }
        NotifyKind::Heartbeat => Way::Heartbeat { url: Hidden::new(url), every: notify.every },
    };
    Ok((way, None))
}

fn mail_server(notify: &Notify, server: &config::MailServer, password: Option<String>) -> MailServer {
    MailServer {
        host: server.host.clone(),
        port: server.port,
        encryption: match notify.tls {
            MailTls::StartTls => Encryption::StartTls,
            MailTls::Implicit => Encryption::Implicit,
            MailTls::None => Encryption::None,
        },
        login: notify.user.clone().zip(password.map(Hidden::new)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_keeps_alerts_waiting_and_the_gate_starts() {
        for kind in [
            "slack\"\nurl_file",
            "webhook\"\nurl = \"http://127.0.0.1:9\"\nsecret_file",
            "pagerduty\"\nsecret_file",
        ] {
            let text = format!("[[notify]]\nname = \"x\"\nkind = \"{kind} = \"/nowhere\"\n");
            let notify: Vec<Notify> = notify_of(&text);
            let outlets = outlets(&notify[0]);
            assert!(outlets[0].unusable.as_ref().is_some_and(|why| why.contains("/nowhere")), "{outlets:?}");
            assert!(notify_io::check(&outlets[0]).is_err(), "`check` says so");
        }
    }

    fn notify_of(notify: &str) -> Vec<Notify> {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\nname = \"shop\"\nhosts = [\"a.example\"]\n[[site.origin]]\nurl = \"http://127.0.0.1:1\"\n{notify}"
        );
        Config::parse("test", &text).unwrap().0.notify
    }
}
