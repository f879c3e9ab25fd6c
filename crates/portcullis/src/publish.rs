//! Pages that the company has elsewhere: from the configuration to a thread that writes there, with the journal as its book.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use config::{Config, Publish, PublishKind, PublishRequest, SecretSource};
use console_io::metrics::{Exposition, catalogue};
use edge_io::Clock;
use incident::Moment;
use journal_io::journal::{AttemptRow, Journal, Loaded, Row};
use journal_io::logs::Events;
use notify::{
    Access, Hidden, PageChange, PageFigures, PageKeeper, PageSettings, PageWay, State, Template,
    TemplateError, Templates,
};
use notify_io::{PageBook, PagePlace, Pages, PlaceError};

use crate::configured::{ConfigureError, secret};
use crate::running::SITE;

/// All pages elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere {
    pages: Vec<Page>,
}

/// One of them.
#[derive(Clone, Debug)]
struct Page {
    settings: PageSettings,
    place: PagePlace,
    /// Under which the journal keeps what is remembered of it.
    key: Box<str>,
}

impl Elsewhere {
    /// As the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let own = config.status.as_ref().map(|status| status.url.to_string());
        Self { pages: config.publish.iter().map(|publish| page(publish, own.as_deref())).collect() }
    }

    /// Whether all can be reached as far as this machine can tell, without asking them.
    pub(crate) fn check(&self) -> Result<(), PlaceError> {
        self.pages.iter().try_for_each(|page| notify_io::check_page(&page.place))
    }

    /// Goes on with what the journal holds; at first paused where another process still writes. `None`: there are none.
    pub(crate) fn start(
        self,
        loaded: &Loaded,
        journal: Arc<Journal>,
        events: Arc<Events>,
        clock: Clock,
        is_paused: bool,
    ) -> std::io::Result<Option<Pages>> {
        if self.pages.is_empty() {
            return Ok(None);
        }
        let keepers = self.pages.iter().map(|page| keeper(page, loaded, &events, is_paused)).collect();
        let places: Vec<_> = self.pages.iter().map(|page| page.place.clone()).collect();
        let keys = self.pages.into_iter().map(|page| (page.settings.name, page.key)).collect();
        let book = Arc::new(JournalBook { journal, events, keys, clock });
        let moment = Arc::new(move || Moment { now: clock.now(), wall: clock.wall() });
        Pages::start(keepers, &places, book, moment).map(Some)
    }
}

fn keeper(page: &Page, loaded: &Loaded, events: &Events, is_paused: bool) -> PageKeeper {
    let name = &page.settings.name;
    let mut keeper = PageKeeper::new(page.settings.clone());
    keeper.pause(is_paused);
    if let Some(kept) = loaded.state(SITE, &page.key)
        && !keeper.restore(kept)
    {
        events.error(format_args!(
            "publish: what was remembered of {name} cannot be read: it begins as if it were new, with what goes on"
        ));
    }
    if let Err(error) = notify_io::check_page(&page.place) {
        events.error(format_args!("{error}; what is for it waits until the gate is started again"));
    }
    keeper
}

/// How much was written to each page, by what became of it, and how much waits.
pub(crate) fn metrics(out: &mut Exposition, pages: &[PageFigures]) {
    let outcomes = pages.iter().flat_map(|of| {
        let names = State::ALL.map(State::name);
        names.into_iter().zip(of.outcomes).map(move |(name, count)| ([of.name.as_str(), name], count))
    });
    out.counter(&catalogue::PUBLICATIONS, outcomes);
    let waiting = pages.iter().map(|of| {
        let waiting = u32::try_from(of.waiting).unwrap_or(u32::MAX);
        ([of.name.as_str()], f64::from(waiting))
    });
    out.gauge(&catalogue::PUBLICATIONS_WAITING, waiting);
    let behind = pages.iter().map(|of| ([of.name.as_str()], of.behind.unwrap_or_default().as_secs_f64()));
    out.gauge(&catalogue::PUBLICATION_LAG, behind);
}

/// Under which receiver tries to write to a page are recorded.
pub(crate) const TRIES: &str = "publish/";

/// Keeps what becomes of pages in the journal, and says what an admin should know.
struct JournalBook {
    journal: Arc<Journal>,
    events: Arc<Events>,
    /// By the names of pages.
    keys: Vec<(String, Box<str>)>,
    clock: Clock,
}

impl PageBook for JournalBook {
    fn keep(&self, page: &str, change: PageChange) {
        let row = match change {
            PageChange::Kept(bytes) => {
                let Some((_, key)) = self.keys.iter().find(|(name, _)| name == page) else { return };
                Row::State { site: SITE, key: key.clone(), value: bytes.into() }
            }
            PageChange::Attempted { key, number, at, state, why } => {
                self.say(page, &key, number, state, &why);
                let receiver = format!("{TRIES}{page}").into();
                Row::Attempt(AttemptRow {
                    site: SITE,
                    receiver,
                    key: key.into(),
                    number,
                    at,
                    state: state as u8,
                    why: why.into(),
                })
            }
            PageChange::Noticed(text) => {
                self.events.warning(format_args!("publish: {page}: {text}"));
                let (receiver, key) = (format!("{TRIES}{page}").into(), "noticed".into());
                let at = self.clock.wall();
                Row::Attempt(AttemptRow {
                    site: SITE,
                    receiver,
                    key,
                    number: 0,
                    at,
                    state: NOTICED,
                    why: text.into(),
                })
            }
            PageChange::Troubled(why) => {
                self.events.error(format_args!("publish: {page} does not say what we say: {why}"));
                return;
            }
            PageChange::Recovered => {
                self.events.info(format_args!("publish: {page} answers again"));
                return;
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
    fn say(&self, page: &str, key: &str, number: u32, state: State, why: &str) {
        match state {
            State::Delivered => self.events.info(format_args!("publish: {page} has {key}")),
            State::Waiting if number == 1 => {
                self.events.warning(format_args!("publish: {key} is not on {page} yet: {why}"));
            }
            State::Waiting => {}
            State::Refused | State::GivenUp => {
                self.events
                    .error(format_args!("publish: {page} does not take {key}, which is left out: {why}"));
            }
        }
    }
}

/// A file that is missing must not keep the gate from starting: what is for this page waits until it is there.
fn page(publish: &Publish, own: Option<&str>) -> Page {
    let (way, unusable) = match way(publish) {
        Ok(way) => (way, None),
        // Nothing is ever sent to it.
        Err(why) => (PageWay::Statuspage(access(publish, String::new())), Some(why)),
    };
    let settings = PageSettings {
        name: publish.name.clone(),
        way,
        components: publish.component.iter().map(|of| (of.name.clone(), of.id.clone())).collect(),
        tells_subscribers: publish.subscribers,
        per_minute: publish.per_minute,
        page: own.map(str::to_owned),
    };
    let requests = [&publish.opened, &publish.updated, &publish.resolved].into_iter().flatten();
    let written = requests.map(|request| request.url.expose().to_owned());
    let mut urls = settings.url().map(str::to_owned).into_iter().chain(written);
    let is_plain = urls.all(|url| url.starts_with("http://"));
    let place = PagePlace { name: publish.name.clone(), is_plain, authorities: publish.ca.clone(), unusable };
    Page { key: key(publish), settings, place }
}

/// Another page has another, also under the same name.
fn key(publish: &Publish) -> Box<str> {
    let url = publish.url.as_ref().map(config::WebUrl::expose).unwrap_or_default();
    let page = publish.page.as_deref().unwrap_or_default();
    let mut text = format!("{}\n{:?}\n{url}\n{page}", publish.name, publish.kind);
    // Of a template nothing else says which page it is.
    if let (PublishKind::Template, Some(opened)) = (publish.kind, &publish.opened) {
        text.push('\n');
        text.push_str(opened.url.expose());
    }
    let hash = digest(&SHA256, text.as_bytes());
    let letters: String = hash.as_ref().iter().take(KEY_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("publish:{letters}").into()
}

fn access(publish: &Publish, key: String) -> Access {
    let usual = if publish.kind == PublishKind::Instatus { INSTATUS } else { STATUSPAGE };
    let url = publish.url.as_ref().map_or(usual, config::WebUrl::expose);
    Access {
        url: url.trim_end_matches('/').to_owned(),
        page: publish.page.clone().unwrap_or_default(),
        key: Hidden::new(key),
    }
}

/// How it is written to; an error in words for an admin.
fn way(publish: &Publish) -> Result<PageWay, String> {
    let key = publish.secret_file.as_deref().map(text).transpose().map_err(|error| error.to_string())?;
    match publish.kind {
        PublishKind::Statuspage => Ok(PageWay::Statuspage(access(publish, key.unwrap_or_default()))),
        PublishKind::Instatus => Ok(PageWay::Instatus(access(publish, key.unwrap_or_default()))),
        PublishKind::Template => {
            let templates =
                templates(publish, key.map(Hidden::new).as_ref()).map_err(|error| error.to_string())?;
            Ok(PageWay::Template(Box::new(templates)))
        }
    }
}

fn templates(publish: &Publish, key: Option<&Hidden>) -> Result<Templates, TemplateError> {
    let template =
        |request: &PublishRequest| Template::parse(&request.method, request.url.expose(), &request.body);
    // One that must be there is: the configuration was checked.
    let opened = publish.opened.as_ref().map_or_else(|| Template::parse("POST", "", ""), template)?;
    let updated = publish.updated.as_ref().map(template).transpose()?;
    let resolved = publish.resolved.as_ref().map(template).transpose()?;
    Templates::new(opened, updated, resolved, &publish.headers, publish.id.as_deref(), key)
}

/// What a file holds, which must be printable: it goes into headers.
fn text(path: &Path) -> Result<String, ConfigureError> {
    let bytes = secret(SecretSource::File(path))?;
    let text = String::from_utf8(bytes).ok().filter(|text| {
        (1..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let wrong = std::io::Error::new(std::io::ErrorKind::InvalidData, "it must hold one key, without spaces");
    text.ok_or_else(|| ConfigureError::Secret { path: path.to_owned(), error: wrong })
}

/// The state of a try that is none: what people did there.
const NOTICED: u8 = 4;
/// What must be remembered before something is written waits so long for the disk.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);
const STATUSPAGE: &str = "https://api.statuspage.io";
const INSTATUS: &str = "https://api.instatus.com";
const SECRET_BYTES_MAX: usize = 4_096;
const KEY_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(publish: &str) -> Vec<Page> {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\n[[site.origin]]\nurl = \"http://127.0.0.1:1\"\n[status]\n\
             url = \"https://status.shop.example\"\nname = \"Shop\"\n[[publish]]\n{publish}"
        );
        Elsewhere::of(&Config::parse("test", &text).unwrap().0).pages
    }

    #[test]
    fn a_key_that_is_missing_keeps_words_waiting_and_the_gate_starts() {
        for kind in ["statuspage", "instatus"] {
            let pages = pages(&format!(
                "name = \"x\"\nkind = \"{kind}\"\npage = \"abc\"\nsecret_file = \"/nowhere\"\n"
            ));
            let error = notify_io::check_page(&pages[0].place).unwrap_err().to_string();
            assert!(
                error.contains("/nowhere") && error.contains("[[publish]] x"),
                "`check` says so: {error}"
            );
        }
    }

    #[test]
    fn a_template_that_makes_no_request_is_said_with_what_to_do() {
        let request = "[publish.opened]\nurl = \"https://page.shop.example/{{titel}}\"\nbody = \"{}\"\n";
        let pages = pages(&format!("name = \"x\"\nkind = \"template\"\n{request}"));
        let error = notify_io::check_page(&pages[0].place).unwrap_err().to_string();
        assert!(error.contains("{{titel}}") && error.contains("title"), "{error}");
    }

    #[test]
    fn another_page_under_the_same_name_is_remembered_apart() {
        let of = |page: &str| {
            let text = format!(
                "name = \"x\"\nkind = \"statuspage\"\npage = \"{page}\"\nsecret_file = \"/nowhere\"\n"
            );
            pages(&text)[0].key.clone()
        };
        assert_ne!(of("one"), of("two"));
        let template = |url: &str| {
            let text = format!(
                "name = \"x\"\nkind = \"template\"\n[publish.opened]\nurl = \"https://{url}\"\nbody = \"{{}}\"\n"
            );
            pages(&text)[0].key.clone()
        };
        assert_ne!(template("one.example/new"), template("two.example/new"));
        assert_eq!(template("one.example/new"), template("one.example/new"));
        assert!(of("one").len() <= journal_io::journal::STATE_KEY_BYTES_MAX);
    }
}
