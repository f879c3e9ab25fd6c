//! The configuration of `portcullis protect URL`, which has no file.

use std::net::SocketAddr;
use std::path::PathBuf;

use model::Mode;

use crate::entry::Section;
use crate::kinds::{OriginUrl, RequestPath};
use crate::settings::{Config, Login, Token};

/// What `portcullis protect` is told. The rest are defaults.
#[derive(Clone, Debug)]
pub struct ProtectArgs {
    /// The app.
    pub url: OriginUrl,
    /// Where the gate listens; 127.0.0.1:8080.
    pub listen: Option<SocketAddr>,
    /// Where the console listens; 127.0.0.1:8081.
    pub console: Option<SocketAddr>,
    /// The folder for state.
    pub state: PathBuf,
    /// Where people sign in: the page, and where its form is sent.
    pub login: Option<RequestPath>,
    /// Only watch and report.
    pub observe: bool,
}

impl Config {
    /// The configuration of `portcullis protect`: one app, mode `auto`, and every way of knowing customers
    /// that needs no further word. The app's `Portcullis-Login` header is believed: whoever names it here
    /// runs it.
    pub fn for_protect(arguments: ProtectArgs) -> Self {
        let ProtectArgs { url, listen, console, state, login, observe } = arguments;
        let mut config = Self::default();
        if let (Some(address), Some(first)) = (listen, config.listen.first_mut()) {
            first.address = address;
        }
        if let Some(address) = console {
            config.console.address = address;
        }
        config.state.dir = state;
        for site in &mut config.site {
            site.mode = if observe { Mode::Observe } else { Mode::Auto };
            site.known.token = Some(Token::example());
            site.login = login.clone().map(|path| Login {
                pages: vec![path.clone()],
                submit: vec![path],
                ..Login::example()
            });
            for origin in &mut site.origin {
                origin.url = url.clone();
                origin.confirms_logins = true;
            }
        }
        config
    }
}
