//! What the record and the page are told by a configuration.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use edge_io::Clock;
use incident::{ComponentSetting, Consent, Settings, SignalSetting, Stages, Status, Watches};
use journal_io::keys::{KeyError, PageKey};
use model::Timestamp;
use status_io::{Mirror, Publisher};

use super::mirrors::mirrors;
use super::printer::{Printer, Seal};
use super::{Press, Ready};
use crate::handover::Inherited;
use crate::subscribing::{FormsSlot, base};

/// What is watched and how it is told, and where pages are made.
pub(crate) struct Page {
    pub(crate) settings: Settings,
    /// What is believed of alerts of other systems.
    pub(crate) signals: Vec<SignalSetting>,
    /// What the page is called and where it is; `None`: there is none.
    pub(crate) page: Option<status::Page>,
    /// `None`: no page is made.
    pub(crate) press: Option<Box<dyn Press>>,
    /// What serves and exports them.
    pub(crate) outlet: Option<Ready>,
    /// How the folders are doing.
    pub(crate) folders: Option<Arc<Publisher>>,
    /// What readers who ask for mail are shown.
    pub(crate) forms: FormsSlot,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// The table does not make a page.
    #[error("[status]: {0}")]
    Table(#[from] status::PageError),
    /// The key that pages are signed with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The pages would not be allowed to load anything.
    #[error(transparent)]
    Policy(#[from] status_io::PolicyError),
    /// The address.
    #[error(
        "the status page cannot listen on {address}: {error}; choose another with [status] listen, or --status of protect"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The operating system's words.
        error: std::io::Error,
    },
}

impl Page {
    /// The record is kept, and no page is made of it.
    pub(crate) fn none() -> Self {
        Self {
            settings: unconfigured(),
            signals: Vec::new(),
            page: None,
            press: None,
            outlet: None,
            folders: None,
            forms: FormsSlot::default(),
        }
    }

    /// As the configuration says; without a table for the page the record is kept all the same. The folder is that of the state.
    pub(crate) fn of(
        status: Option<&config::Status>,
        state: &Path,
        inherited: &mut Inherited,
    ) -> Result<Self, PageError> {
        let Some(status) = status else { return Ok(Self::none()) };
        let made = page_of(status)?;
        Self::made(made, settings(status), status.listen, mirrors(status, state), state, inherited)
    }

    /// Served from this address with every default, for a gate without a configuration: named after nothing, and known by the address
    /// alone. The folder is that of the state.
    pub(crate) fn at(
        address: SocketAddr,
        state: &Path,
        inherited: &mut Inherited,
    ) -> Result<Self, PageError> {
        let made = status::Page::new(NAME, &format!("http://{address}"))?;
        Self::made(made, unconfigured(), Some(address), Vec::new(), state, inherited)
    }

    fn made(
        page: status::Page,
        settings: Settings,
        address: Option<SocketAddr>,
        mirrors: Vec<Mirror>,
        state: &Path,
        inherited: &mut Inherited,
    ) -> Result<Self, PageError> {
        let site = status_io::Site::new(&status::content_security_policy(page.subscribing()))?;
        // As the gate makes it a moment later: open to whom it is open then.
        std::fs::create_dir_all(state)
            .map_err(|source| KeyError::Folder { path: state.to_owned(), source })?;
        let clock = Clock::start();
        let clock: status_io::Clock = Arc::new(move || clock.wall());
        let (publisher, work) = Publisher::new(mirrors, clock);
        let publisher = Arc::new(publisher);
        let listener = address.map(|address| listen(address, inherited)).transpose()?;
        let forms = FormsSlot::default();
        let printer = Printer {
            page: page.clone(),
            seal: Seal::new(PageKey::load_or_create(state)?),
            site: site.clone(),
            publisher: publisher.clone(),
            seq: 0,
            exported: Timestamp::default(),
            forms: forms.clone(),
        };
        Ok(Self {
            settings,
            signals: Vec::new(),
            page: Some(page),
            press: Some(Box::new(printer)),
            outlet: Some(Ready { listener, site, work, reception: None }),
            folders: Some(publisher),
            forms,
        })
    }
}

/// What a table says of what is watched.
pub(crate) fn settings(status: &config::Status) -> Settings {
    let components = status.components().iter().map(component).collect();
    Settings {
        audience_figures: status.audience_figures,
        stages: status.stages.as_ref().map(stages).unwrap_or_default(),
        ..Settings::new(components, status.first_notice)
    }
}

fn stages(given: &config::StatusStages) -> Stages {
    let consent = |given: config::Consent| match given {
        config::Consent::Auto => Consent::Auto,
        config::Consent::Hold(hold) => Consent::Hold(hold),
        config::Consent::Manual => Consent::Manual,
    };
    Stages {
        investigating: consent(given.investigating),
        identified: consent(given.identified),
        monitoring: consent(given.monitoring),
        resolved: consent(given.resolved),
    }
}

/// What a configuration believes of alerts.
pub(crate) fn signals(config: &config::Config) -> Vec<SignalSetting> {
    let signal = |of: &config::Signal| SignalSetting {
        labels: of.labels.iter().map(|label| (label.name().to_owned(), label.value().to_owned())).collect(),
        component: of.component.clone(),
        status: match of.status {
            config::SignalStatus::Degraded => Status::DegradedPerformance,
            config::SignalStatus::Partial => Status::PartialOutage,
            config::SignalStatus::Major => Status::MajorOutage,
        },
    };
    config.signal.iter().map(signal).collect()
}

/// What a table says of the page.
pub(crate) fn page_of(status: &config::Status) -> Result<status::Page, status::PageError> {
    let page = status::Page::new(&status.name, &status.url.to_string())?;
    let page = match &status.support {
        Some(text) => page.with_support(text, None)?,
        None => page,
    };
    match base(status) {
        Some(base) => page.with_subscribing(&base),
        None => Ok(page),
    }
}

/// The socket of a page; an inherited one if there is one.
pub(crate) fn listen(address: SocketAddr, inherited: &mut Inherited) -> Result<TcpListener, PageError> {
    let failed = |error| PageError::Listen { address, error };
    let listener =
        inherited.take(address).pop().map_or_else(|| TcpListener::bind(address), Ok).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

fn unconfigured() -> Settings {
    let website = ComponentSetting {
        name: "Website".to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Site,
    };
    Settings::new(vec![website], FIRST_NOTICE)
}

fn component(component: &config::StatusComponent) -> ComponentSetting {
    ComponentSetting {
        name: component.name.clone(),
        groups: component.group.as_ref().map(|group| group.levels().to_vec()).unwrap_or_default(),
        description: component.description.clone().unwrap_or_default(),
        watches: match component.watches {
            config::Watches::Site => Watches::Site,
            config::Watches::Login => Watches::Login,
            config::Watches::Nothing => Watches::Nothing,
        },
    }
}

/// What a page is called that nobody named: its titles say "Site status".
const NAME: &str = "Site";
/// As the configuration's default.
pub(crate) const FIRST_NOTICE: Duration = Duration::from_secs(120);
