//! The tables of keys. What stands here is the parser, the manual, the schema and the default configuration.

mod acme;
mod clients;
mod elsewhere;
mod host;
mod limits;
mod listen;
mod login;
mod notify;
mod probe;
mod publish;
mod signal;
mod site;
mod status;
mod subscribers;
mod upkeep;

pub use acme::Acme;
pub use clients::{Crawler, Monitor, MonitorAs, Network, Partner};
pub use elsewhere::{Gate, OutpostConfig, OutpostPage};
pub use host::Host;
pub use limits::Limits;
pub use listen::{Certificate, Front, Listen, Tls};
pub use login::{Jwt, Known, Login, Session, Token};
pub use notify::{MailTls, Notify, NotifyKind, Severity};
pub use probe::{Outpost, Probe, ProbeShows};
pub use publish::{Publish, PublishComponent, PublishKind, PublishRequest};
pub use signal::{Signal, SignalStatus};
pub use site::{Health, Origin, Route, Site};
pub use status::{Status, StatusBucket, StatusComponent, StatusSsh, StatusStages, Watches};
pub use subscribers::StatusSubscribers;
pub use upkeep::{Console, Log, Privacy, State};

use std::path::Path;

use crate::entry::{Section, optional_table, settings, table, tables};
use crate::kinds::Secret;

settings! {
    /// Everything that Portcullis is told. Unknown keys are errors; durations and sizes carry units.
    pub struct Config {
        /// Where the gate listens.
        listen: Vec<Listen> = tables(1, 64, "write at most 64 of them; 0.0.0.0 stands for all IPv4 addresses");
        /// Certificates from an authority.
        acme: Option<Acme> = optional_table();
        /// CDNs and load balancers before the gate.
        front: Vec<Front> = tables(0, 64, "write at most 64 of them; one can name many sources");
        /// What is protected.
        site: Vec<Site> = tables(1, 1, "several sites are not built yet; until then run a gate for each");
        /// Programs of partners.
        partner: Vec<Partner> = tables(0, 64, "write at most 64 of them; join those that come the same way");
        /// Monitors, which reach the app at every level.
        monitor: Vec<Monitor> = tables(0, 64, "write at most 64 of them");
        /// Search engines and others that come by themselves.
        crawler: Vec<Crawler> = tables(0, 64, "write at most 64 of them");
        /// Networks with many people behind few addresses.
        network: Vec<Network> = tables(0, 1_024, "write at most 1,024 of them; the gate learns others from sign-ins");
        /// Limits for clients, and for the gate itself.
        limits: Limits = table();
        /// Logs.
        log: Log = table();
        /// What is kept between two starts.
        state: State = table();
        /// How long the gate remembers.
        privacy: Privacy = table();
        /// This machine as its provider sees it.
        host: Host = table();
        /// The listener for admins and metrics.
        console: Console = table();
        /// The status page.
        status: Option<Status> = optional_table();
        /// Who is alerted.
        notify: Vec<Notify> = tables(0, 32, "write at most 32 of them; a receiver can tell others");
        /// Pages that you have elsewhere.
        publish: Vec<Publish> = tables(0, 4, "write at most 4 of them: each is asked and written to");
        /// What is believed of alerts of other systems.
        signal: Vec<Signal> = tables(0, 64, "write at most 64 of them: labels can stand for many alerts");
        /// What is tried from here.
        probe: Vec<Probe> = tables(0, 32, "write at most 32 of them: a few tell whether the site can be reached");
        /// The machine elsewhere that watches this gate.
        outpost: Option<Outpost> = optional_table();
    }
}

impl Config {
    /// The one site of this version.
    pub fn only_site(&self) -> &Site {
        self.site.first().expect("a configuration has exactly one site")
    }
}

impl Default for Config {
    /// The default of every key, and the examples of those that must be written: the gate listens on
    /// 127.0.0.1:8080 and protects an app on 127.0.0.1:3000.
    fn default() -> Self {
        Self::example()
    }
}

/// Where a secret is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretSource<'a> {
    /// In the configuration.
    Text(&'a Secret),
    /// In a file of its own; spaces and line ends around it do not belong to it.
    File(&'a Path),
}

impl<'a> SecretSource<'a> {
    /// The source that `secret` and `secret_file` name; both together are refused when they are read.
    fn of(secret: Option<&'a Secret>, file: Option<&'a Path>) -> Option<Self> {
        secret.map(Self::Text).or(file.map(Self::File))
    }
}
