//! Subscribers of the status page: from the configuration to a thread that writes to them, with the journal as its book, and a desk
//! where readers ask, confirm, choose and leave.

mod book;
mod commands;
mod reception;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use config::{Config, MailTls, SecretSource};
use console_io::metrics::{Exposition, catalogue};
use edge_io::Clock;
use incident::{Moment, PublicId};
use journal_io::journal::{Journal, Loaded};
use journal_io::keys::Keys;
use journal_io::logs::Events;
use model::Prefix;
use notify::subscribers::{Circle, CircleFigures, CircleSettings, Kept, LinkKey, Subscriber, SubscriberId};
use notify::{Hidden, State};
use notify_io::{Ahead, Courier, Encryption, MailServer, Mailing};
use status::Forms;

use crate::configured::secret;
use crate::running::SITE;
use book::JournalMailBook;
pub(crate) use commands::command;
pub(crate) use reception::Desk;

/// Subscribers as the configuration wants them.
#[derive(Clone, Debug)]
pub(crate) struct Subscribing {
    name: String,
    url: String,
    base: String,
    from: String,
    per_second: u32,
    most: usize,
    /// Or why it cannot be used, in words for an admin.
    server: Result<MailServer, String>,
    authorities: Option<PathBuf>,
    fronts: Vec<Prefix>,
}

/// Mail to subscribers cannot be sent as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("[status.subscribers]: {0}")]
pub(crate) struct SubscribingError(String);

/// What forms are made of, as of the last page.
pub(crate) type FormsSlot = Arc<Mutex<Option<Arc<Forms>>>>;

/// The forms of the last page.
pub(crate) fn forms(slot: &FormsSlot) -> Option<Arc<Forms>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What the start of a gate knows.
pub(crate) struct Around<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) loaded: &'a Loaded,
    pub(crate) journal: &'a Arc<Journal>,
    pub(crate) events: &'a Arc<Events>,
    pub(crate) clock: Clock,
    /// Another process still writes.
    pub(crate) is_paused: bool,
    /// Whoever is alerted goes first.
    pub(crate) courier: Option<Arc<Courier>>,
}

impl Subscribing {
    /// As the configuration says; `None`: nobody can subscribe.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let status = config.status.as_ref()?;
        let table = status.subscribers.as_ref()?;
        let password = table.secret_file.as_deref().map(password).transpose();
        let server = password.map(|password| MailServer {
            host: table.server.host.clone(),
            port: table.server.port,
            encryption: match table.tls {
                MailTls::StartTls => Encryption::StartTls,
                MailTls::Implicit => Encryption::Implicit,
                MailTls::None => Encryption::None,
            },
            login: table.user.clone().zip(password),
        });
        Some(Self {
            name: status.name.clone(),
            url: status.url.to_string(),
            base: base(status).unwrap_or_default(),
            from: table.from().to_owned(),
            per_second: table.per_second,
            most: table.most as usize,
            server,
            authorities: table.ca.clone(),
            fronts: table.fronts.clone(),
        })
    }

    /// Whether mail can be sent as far as this machine can tell, without asking the server.
    pub(crate) fn check(&self) -> Result<(), SubscribingError> {
        let server = self.server.as_ref().map_err(|why| SubscribingError(why.clone()))?;
        notify_io::check_mail_server(server, self.authorities.as_deref())
            .map_err(|fault| SubscribingError(fault.to_string()))
    }

    /// The CDN or TLS server before the page.
    pub(crate) fn fronts(&self) -> &[Prefix] {
        &self.fronts
    }

    /// Goes on with what the journal holds. What keeps mail from being sent is said, and mail waits.
    pub(crate) fn start(&self, around: Around<'_>) -> std::io::Result<Arc<Mailing>> {
        let Around { keys, loaded, journal, events, clock, is_paused, courier } = around;
        let settings = CircleSettings {
            name: self.name.clone(),
            url: self.url.clone(),
            base: self.base.clone(),
            from: self.from.clone(),
            per_second: self.per_second,
            most: self.most,
            key: LinkKey::new(&keys.subscriber_key(SITE)),
        };
        let moment = Moment { now: clock.now(), wall: clock.wall() };
        let mut circle = Circle::new(settings, kept(loaded), moment);
        circle.pause(is_paused);
        if let Err(error) = self.check() {
            events.error(format_args!("{error}; mail to subscribers waits until the gate is started again"));
        }
        let book = Arc::new(JournalMailBook::new(journal.clone(), events.clone()));
        let server = self.server.clone().map(|server| (server, self.authorities.as_deref()));
        let ahead: Ahead = Box::new(move || courier.as_ref().is_some_and(|courier| courier.has_untried()));
        let clock = Arc::new(move || Moment { now: clock.now(), wall: clock.wall() });
        Mailing::start(circle, server, book, clock, ahead).map(Arc::new)
    }
}

/// Where those who want mail are answered; `None`: nowhere.
pub(crate) fn base(status: &config::Status) -> Option<String> {
    let table = status.subscribers.as_ref()?;
    Some(table.url.as_ref().unwrap_or(&status.url).to_string())
}

fn password(path: &Path) -> Result<Hidden, String> {
    let bytes = secret(SecretSource::File(path)).map_err(|error| error.to_string())?;
    let text =
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
    let what = || format!("the secret in {} must be one line of text", path.display());
    text.map(Hidden::new).ok_or_else(what)
}

/// What the journal has; rows that cannot be read are left out.
fn kept(loaded: &Loaded) -> Kept {
    let subscribers = loaded.subscribers.iter().filter(|row| row.site == SITE).filter_map(|row| {
        Some(Subscriber {
            id: SubscriberId(row.id),
            address: row.address.parse().ok()?,
            chosen: row
                .chosen
                .split_whitespace()
                .map(str::parse::<PublicId>)
                .collect::<Result<_, _>>()
                .ok()?,
            since: row.since,
            refusals: row.refusals,
        })
    });
    let news = loaded.news.iter().filter(|row| row.site == SITE);
    let told = loaded.told.iter().filter(|row| row.site == SITE);
    Kept {
        subscribers: subscribers.collect(),
        news: news.map(|row| (row.seq, row.bytes.to_vec())).collect(),
        told: told.filter_map(book::told_of).collect(),
    }
}

/// How many subscribers there are, and what became of mails to them; where nobody can subscribe only what there would be.
pub(crate) fn metrics(out: &mut Exposition, figures: Option<&CircleFigures>) {
    let none = [] as [&str; 0];
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    out.gauge(&catalogue::SUBSCRIBERS, figures.map(|of| (none, count(of.subscribers))));
    out.gauge(&catalogue::SUBSCRIBER_MAILS_WAITING, figures.map(|of| (none, count(of.waiting))));
    let outcomes =
        figures.into_iter().flat_map(|of| State::ALL.map(State::name).into_iter().zip(of.outcomes));
    out.counter(&catalogue::SUBSCRIBER_MAILS, outcomes.map(|(name, count)| ([name], count)));
    out.counter(&catalogue::SUBSCRIBER_INVITATIONS, figures.map(|of| (none, of.invited)));
}
