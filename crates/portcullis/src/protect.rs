//! `portcullis protect URL`: a gate without a configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use admission::lane::LanePaths;
use admission::pass::Scheme;
use config::{OriginUrl, OriginUrlError};
use edge_io::OriginTls;
use model::{Level, Mode, Timestamp};

use crate::control::LinkPlace;
use crate::desk::Pins;
use crate::gate::{self, Plan};
use crate::handover::{Beginning, Inherited, Offer};
use crate::learn::{self, LearnError};
use crate::listeners::{self, Opened};
use crate::running::{self, RunError, StateSettings};
use crate::service::{self, Beside, StopSignals};
use crate::truth::{self, Page, PageError};

/// What was asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct ProtectArgs {
    /// The app, such as http://127.0.0.1:3000.
    url: String,
    /// Where the gate listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the admin's console listens.
    #[arg(long, default_value = "127.0.0.1:8081")]
    console: SocketAddr,
    /// Where keys, journal and logs are kept [default: portcullis in the user's data directory].
    #[arg(long)]
    state: Option<PathBuf>,
    /// Where people sign in, such as /login: the page and the form's target.
    #[arg(long)]
    login: Option<String>,
    /// An access log (uncompressed) or an export of another gate: tells how many customers share a network.
    #[arg(long)]
    learn: Option<PathBuf>,
    /// An attack is running already: there is no calm to learn from, and client limits refuse at once.
    #[arg(long, conflicts_with = "observe")]
    now: bool,
    /// Only watch and report; refuse only denied networks, malformed requests and connections beyond the bounds.
    #[arg(long)]
    observe: bool,
    /// Speak https with this certificate (PEM, with those that lead to its root).
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// Where the status page listens, over plain http and with every default. If that address cannot be had, the gate starts
    /// without the page.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8082", conflicts_with = "no_status")]
    status: SocketAddr,
    /// Make no status page. The record of incidents is kept all the same.
    #[arg(long)]
    no_status: bool,
}

/// Why the arguments cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtectError {
    /// The URL.
    #[error("`{url}`: {why}")]
    Url {
        /// What was written.
        url: String,
        /// What is wrong with it.
        why: OriginUrlError,
    },
    /// TLS to the app.
    #[error(transparent)]
    OriginTls(#[from] edge_io::OriginTlsError),
    /// A login path.
    #[error("--login `{0}` must be a path, such as /login")]
    Login(String),
    /// No data directory.
    #[error("no folder for state: neither XDG_DATA_HOME nor HOME is set; give one with --state")]
    NoHome,
    /// The file to learn from.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The gate itself.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl ProtectArgs {
    /// Runs the gate until it is told to stop.
    pub(crate) fn run(self, offer: Option<Offer>) -> Result<(), ProtectError> {
        let plan = self.plan()?;
        let hints = match &self.learn {
            Some(file) => learn::hints(file, self.login.as_deref())?,
            None => Vec::new(),
        };
        let folder = self.state.clone().map_or_else(default_state, Ok)?;
        let signals = StopSignals::install()?;
        let Beginning { mut inherited, predecessor } = Beginning::new(offer).map_err(RunError::from)?;
        let begins = predecessor.is_none();
        let tls = self.cert.as_deref().zip(self.key.as_deref());
        let tls = tls.map(|(cert, key)| listeners::one_certificate(cert, key));
        let listener =
            Opened::plain(self.listen, plan.workers, tls, &mut inherited).map_err(RunError::from)?;
        let page = self.page(&folder, &mut inherited).map_err(RunError::from)?;
        let is_shown = page.outlet.is_some();
        let mode = plan.mode;
        let running = running::start(plan, &StateSettings::new(&folder), vec![listener], page, predecessor)?;
        let taken = learn::seed(&running.site, &hints);
        if self.now && begins {
            running.desk.pin(no_calm(running.clock.wall()));
        }
        eprintln!(
            "Portcullis stands before {} at {}://{} (mode {mode}, state in {}).",
            self.url,
            if self.cert.is_some() { "https" } else { "http" },
            self.listen,
            folder.display()
        );
        self.say_what_follows(taken, hints.len(), &folder, is_shown);
        let beside = Beside {
            site_name: "site".to_owned(),
            address: self.console,
            hosts: Vec::new(),
            token_file: None,
            mailer_token_file: None,
            metrics_allow: Vec::new(),
            // Without a configuration no host is named, and a link is a path.
            link_place: LinkPlace::default(),
        };
        service::until_stopped(signals, running, &folder, beside, inherited)?;
        Ok(())
    }

    fn plan(&self) -> Result<Plan, ProtectError> {
        let url = app(&self.url)?;
        let mut origin = gate::origin(&url.authority());
        if url.is_https() {
            origin.tls = Some(OriginTls::new(url.host(), None)?);
        }
        origin.confirms_logins = true;
        let mode = if self.observe { Mode::Observe } else { Mode::Auto };
        let mut plan = Plan::new(mode, vec![origin]);
        if self.cert.is_some() {
            plan.scheme = Scheme::Https;
        }
        if let Some(login) = &self.login {
            if !login.starts_with('/') {
                return Err(ProtectError::Login(login.clone()));
            }
            let list = vec![login.clone()];
            plan.lane =
                LanePaths { pages: list.clone(), submit: list, steps: Vec::new(), assets: Vec::new() };
            plan.login_evidence = true;
        }
        plan.token_header = Some("authorization".to_owned());
        plan.host.listens = vec![self.listen];
        Ok(plan)
    }

    fn say_what_follows(&self, taken: usize, addresses: usize, folder: &Path, is_shown: bool) {
        if let Some(file) = &self.learn {
            eprintln!(
                "{taken} of {addresses} customers' addresses in {} tell how many people share a network; nobody becomes known by that.",
                file.display()
            );
        }
        if self.now {
            eprintln!(
                "An attack is running: for {NO_CALM_MINUTES} minutes client limits refuse and nothing counts as calm. `portcullis ctl level unpin --state {}` ends that.",
                folder.display()
            );
        }
        if is_shown {
            let told = if self.observe {
                "While the gate only watches, it tells of nothing.".to_owned()
            } else {
                let wait = truth::FIRST_NOTICE.as_secs();
                let hold = format!("portcullis ctl incident hold --state {}", folder.display());
                format!("It tells of an incident after {wait} s, unless `{hold}` comes first.")
            };
            eprintln!("The status page is at http://{}/. {told}", self.status);
        }
        eprintln!("Ask and command it with `portcullis ctl … --state {}`.", folder.display());
        if self.login.is_none() {
            eprintln!("Nobody becomes known by signing in until --login PATH says where people sign in.");
        }
    }

    /// The status page. An address that cannot be had is no reason not to protect the app.
    fn page(&self, folder: &Path, inherited: &mut Inherited) -> Result<Page, PageError> {
        if self.no_status {
            return Ok(Page::none());
        }
        if self.is_taken(self.status) {
            eprintln!(
                "portcullis: the status page would listen at {}, which is the console's or the app's address; give it another with --status. \
                 The gate goes on without the page.",
                self.status
            );
            return Ok(Page::none());
        }
        match Page::at(self.status, folder, inherited) {
            Err(error @ PageError::Listen { .. }) => {
                eprintln!(
                    "portcullis: {error}, or leave it out with --no-status. The gate goes on without the page; what happens is in its record."
                );
                Ok(Page::none())
            }
            other => other,
        }
    }
}

impl ProtectArgs {
    /// Whether an address is that of the console or of the app, which may not be up yet.
    fn is_taken(&self, address: SocketAddr) -> bool {
        let app = self.url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
        let app = app.map(|app| app.replace("localhost", "127.0.0.1"));
        address.port() != 0 && (address == self.console || app.is_some_and(|app| app.parse() == Ok(address)))
    }
}

/// The app's address.
fn app(url: &str) -> Result<OriginUrl, ProtectError> {
    url.parse().map_err(|why| ProtectError::Url { url: url.to_owned(), why })
}

/// Calm is what service times, limits and the app's capacity are measured in, and in which limits only count: while an
/// attack runs nothing may look like it. The level still rises by itself when the app has too much to do.
fn no_calm(now: Timestamp) -> Pins {
    let until = now + Duration::from_secs(NO_CALM_MINUTES * 60);
    Pins { floor: Some((Level::Limiting, until)), ceiling: None }
}

/// `portcullis` in the user's data directory (XDG base directory specification).
pub(crate) fn default_state() -> Result<PathBuf, ProtectError> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("portcullis")).ok_or(ProtectError::NoHome)
}

/// As long as a pin lasts that an admin sets without a time (contracts, `ctl`).
const NO_CALM_MINUTES: u64 = 60;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use clap::{Args, FromArgMatches};

    use super::*;

    #[test]
    fn there_is_a_status_page_unless_it_is_not_wanted_or_its_address_is_taken() {
        let arguments = |words: &[&str]| {
            let words = ["protect", "http://127.0.0.1:3000"].iter().chain(words);
            let matches =
                ProtectArgs::augment_args(clap::Command::new("protect")).try_get_matches_from(words)?;
            ProtectArgs::from_arg_matches(&matches)
        };
        let folder = tempfile::tempdir().unwrap();
        let is_shown = |arguments: ProtectArgs| {
            arguments.page(folder.path(), &mut Inherited::default()).unwrap().outlet.is_some()
        };
        assert_eq!(arguments(&[]).unwrap().status, ([127, 0, 0, 1], 8_082).into());
        assert!(arguments(&["--no-status", "--status", "127.0.0.1:1"]).is_err(), "one of the two");
        assert!(!is_shown(arguments(&["--no-status"]).unwrap()));
        let of_others = arguments(&["--console", "127.0.0.1:8082"]).unwrap();
        assert!(of_others.is_taken(of_others.status), "the console keeps its address");
        assert!(is_shown(arguments(&["--status", "127.0.0.1:0"]).unwrap()));
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert!(!is_shown(arguments(&["--status", &address]).unwrap()), "it starts all the same");
    }

    #[test]
    fn an_app_is_named_by_a_url_without_a_path() {
        let check = |url: &str| app(url).map(|url| url.to_string()).map_err(|error| error.to_string());
        assert_eq!(check("http://127.0.0.1:3000/"), Ok("http://127.0.0.1:3000".into()));
        assert_eq!(check("https://app.internal"), Ok("https://app.internal:443".into()));
        for bad in ["app:3000", "http://"] {
            assert!(check(bad).unwrap_err().contains("write http://HOST:PORT"), "{bad}");
        }
        assert!(check("http://a/b").unwrap_err().contains("paths go to the app as they come"));
    }
}
