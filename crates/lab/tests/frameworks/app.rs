//! The two small shops of `peers/apps`, each on a framework as it comes.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use lab::{Gate, Missing, Peer, Running, checkout, free_address, web};

use crate::SOON;

/// What Gunicorn writes for each request, as the app on Express does by itself.
const ACCESS_LOG: &str = r#"{"path":"%(U)s","tier":"%({portcullis-tier}i)s","status":%(s)s}"#;

/// Which framework.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framework {
    /// Sessions in the app's database: the cookie stays the same.
    Django,
    /// Sessions in the cookie, which changes with each answer.
    Express,
}

/// A running shop.
pub(crate) struct App {
    pub(crate) framework: Framework,
    pub(crate) address: SocketAddr,
    log: PathBuf,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl App {
    pub(crate) fn start(framework: Framework) -> Result<Self, Missing> {
        let folder = tempfile::tempdir().expect("there is room");
        let apps = checkout().join("peers/apps");
        let address = free_address();
        let mut command = match framework {
            Framework::Django => {
                let mut command = Peer::python()?.command();
                command.args(["-B", "-m", "gunicorn", "--threads", "8", "--no-control-socket"]);
                command.args(["--access-logfile", "-", "--access-logformat", ACCESS_LOG, "--bind"]);
                command
                    .arg(address.to_string())
                    .arg("django_shop:application")
                    .env("SHOP_STATE", folder.path());
                command
            }
            Framework::Express => {
                let mut command = Peer::node()?.command();
                command.arg(apps.join("express_shop.js")).arg(address.port().to_string());
                command.env("NODE_PATH", Peer::node_packages());
                command
            }
        };
        command.current_dir(&apps);
        let log = folder.path().join("log");
        let ready = || web::get(address, "/", &[]).is_ok_and(|answer| answer.status == 200);
        let running = Running::start_and_wait(&mut command, &log, SOON, ready)
            .unwrap_or_else(|error| panic!("{framework:?} does not start: {error}"));
        Ok(Self { framework, address, log, _running: running, _folder: folder })
    }

    /// A gate before it, with these tables besides [`Gate::CONFIG`].
    pub(crate) fn gate(&self, tables: &str) -> Gate {
        let config = [Gate::CONFIG, tables].concat().replace("{origin}", &format!("http://{}", self.address));
        Gate::start(&config).unwrap_or_else(|error| panic!("the gate before {:?}: {error}", self.framework))
    }

    /// Name of its session cookie.
    pub(crate) fn session_cookie(&self) -> &'static str {
        match self.framework {
            Framework::Django => "sessionid",
            Framework::Express => "session",
        }
    }

    /// The requests that it has answered so far, as it logged them: `path`, `tier`, `status`; Express adds `host` and `cookies`.
    pub(crate) fn requests(&self) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(&self.log).expect("it was opened at the start");
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}
