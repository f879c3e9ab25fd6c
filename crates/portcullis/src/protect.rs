//! `portcullis protect URL`: a gate without a configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use admission::lane::LanePaths;
use edge_io::Listener;
use model::Mode;

use crate::gate::{self, Plan};
use crate::running::{self, RunError, StateSettings};
use crate::service::{self, Beside};

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
    /// Only watch and report; refuse nothing.
    #[arg(long)]
    observe: bool,
    /// Comes with part 2 (TLS).
    #[arg(long, hide = true)]
    cert: Option<PathBuf>,
    /// Comes with part 2 (TLS).
    #[arg(long, hide = true)]
    key: Option<PathBuf>,
    /// Comes with part 4 (status page).
    #[arg(long, hide = true)]
    status: Option<SocketAddr>,
    /// Comes with part 3 (decision core).
    #[arg(long, hide = true)]
    now: bool,
}

/// Why the arguments cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtectError {
    /// The URL.
    #[error("`{0}` is not the address of an app; write http://HOST:PORT, such as http://127.0.0.1:3000")]
    Url(String),
    /// https to the app.
    #[error(
        "`{0}`: TLS to the app comes with part 2; until then write its http:// address, on the same machine or a private network"
    )]
    Https(String),
    /// A login path.
    #[error("--login `{0}` must be a path, such as /login")]
    Login(String),
    /// An option of a part that is not built yet.
    #[error("{option} comes with part {part}; until then {instead}")]
    Unbuilt {
        /// Which.
        option: &'static str,
        /// Which part.
        part: u8,
        /// What to do.
        instead: &'static str,
    },
    /// No data directory.
    #[error("no folder for state: neither XDG_DATA_HOME nor HOME is set; give one with --state")]
    NoHome,
    /// The gate itself.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl ProtectArgs {
    /// Runs the gate until it is told to stop.
    pub(crate) fn run(self) -> Result<(), ProtectError> {
        self.refuse_unbuilt()?;
        let authority = authority(&self.url)?;
        let mut origin = gate::origin(&authority);
        origin.confirms_logins = true;
        let mode = if self.observe { Mode::Observe } else { Mode::Auto };
        let mut plan = Plan::new(mode, vec![origin]);
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
        let folder = self.state.clone().map_or_else(default_state, Ok)?;
        let sockets = gate::listen(self.listen, plan.workers).map_err(RunError::from)?;
        let listener = Listener { sockets, proxy_protocol: false };
        let running = running::start(plan, &StateSettings::new(&folder), vec![listener])?;
        eprintln!(
            "Portcullis stands before {} at http://{} (mode {mode}, state in {}).",
            self.url,
            self.listen,
            folder.display()
        );
        if self.login.is_none() {
            eprintln!("Nobody becomes known by signing in until --login PATH says where people sign in.");
        }
        let beside = Beside {
            site_name: "site".to_owned(),
            address: self.console,
            hosts: Vec::new(),
            token_file: None,
            metrics_allow: Vec::new(),
        };
        service::until_stopped(running, &folder, beside)?;
        Ok(())
    }

    fn refuse_unbuilt(&self) -> Result<(), ProtectError> {
        let unbuilt = |option, part, instead| Err(ProtectError::Unbuilt { option, part, instead });
        if self.cert.is_some() || self.key.is_some() {
            return unbuilt(
                "--cert/--key",
                2,
                "let your present TLS server stand before the gate and pass plain HTTP to it",
            );
        }
        if self.status.is_some() {
            return unbuilt("--status", 4, "leave it out");
        }
        if self.now {
            return unbuilt(
                "--now",
                3,
                "start the gate without it: L is found from queueing and errors within seconds",
            );
        }
        Ok(())
    }
}

/// `host:port` of an http URL without a path.
pub(crate) fn authority(url: &str) -> Result<String, ProtectError> {
    let bad = || ProtectError::Url(url.to_owned());
    if url.starts_with("https://") {
        return Err(ProtectError::Https(url.to_owned()));
    }
    let rest = url.strip_prefix("http://").ok_or_else(bad)?.trim_end_matches('/');
    if rest.is_empty() || rest.contains(['/', '?', '#', '@', ' ']) {
        return Err(bad());
    }
    let has_port =
        rest.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    Ok(if has_port { rest.to_owned() } else { format!("{rest}:80") })
}

/// `portcullis` in the user's data directory (XDG base directory specification).
fn default_state() -> Result<PathBuf, ProtectError> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("portcullis")).ok_or(ProtectError::NoHome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_named_by_an_http_url_without_a_path() {
        let check = |url: &str| authority(url).map_err(|error| error.to_string());
        assert_eq!(check("http://127.0.0.1:3000/"), Ok("127.0.0.1:3000".into()));
        assert_eq!(check("http://app.internal"), Ok("app.internal:80".into()));
        assert_eq!(check("http://[::1]:3000"), Ok("[::1]:3000".into()));
        assert!(check("https://app").unwrap_err().contains("part 2"));
        for bad in ["app:3000", "http://", "http://a/b", "http://user@a"] {
            assert!(check(bad).unwrap_err().contains("write http://HOST:PORT"), "{bad}");
        }
    }
}
