//! A gate, and pages elsewhere that its company already has.

use std::net::SocketAddr;
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::web::{self, Request};
use lab::{Gate, Peer, Running, free_address};
use serde_json::Value;

/// Stand-ins for their APIs.
pub(crate) struct Pages {
    address: SocketAddr,
    folder: tempfile::TempDir,
    running: Running,
}

impl Pages {
    pub(crate) fn start(python: &Peer) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let address = free_address();
        let mut command = python.command();
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/publish/pages.py"));
        command.arg(address.port().to_string());
        let log = folder.path().join("pages.log");
        let running = Running::start_and_wait(&mut command, &log, SOON, || web::accepts(address));
        Self { address, folder, running: running.unwrap_or_else(|error| panic!("{error}")) }
    }

    /// All that is on them.
    pub(crate) fn state(&self) -> Value {
        let answer = web::get(self.address, "/state", &[]).map(|answer| answer.body);
        answer.ok().and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default()
    }

    /// A person does something there.
    pub(crate) fn person(&self, order: &Value) {
        let body = order.to_string();
        let request = Request { method: "POST", body: &body, ..Request::get("/person") };
        let answer = web::send(self.address, &request);
        assert_eq!(answer.map(|answer| answer.status).ok(), Some(200), "{}", self.running.log());
    }

    /// Waits until it is so.
    pub(crate) fn until(&self, gate: &Gate, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        wait_for(SOON, || Some(self.state()).filter(|state| is_so(state))).unwrap_or_else(|| {
            let told = gate.control(&["publish"]).map(|(_, text)| text).unwrap_or_default();
            panic!("{what}: {:#}\n{told}\n{}\n{}", self.state(), gate.log(), self.running.log())
        })
    }

    fn secret(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("there is room");
        path.display().to_string()
    }

    /// A page of each kind; `key` is the one of Statuspage.
    pub(crate) fn config(&self, key: &str) -> String {
        let url = format!("http://{}", self.address);
        let page = |name: &str, id: &str, key: &str| {
            format!(
                "[[publish]]\nname = \"{name}\"\nkind = \"{name}\"\npage = \"{id}\"\nurl = \"{url}\"\nsecret_file = \"{key}\"\nper_minute = 600\n\
                 [[publish.component]]\nname = \"Website\"\nid = \"web1\"\n[[publish.component]]\nname = \"Shop / Checkout\"\nid = \"pay1\"\n"
            )
        };
        let other = format!(
            "[[publish]]\nname = \"other\"\nkind = \"template\"\nsecret_file = \"{}\"\nid = \"/data/id\"\n\
             headers = [\"Authorization: Bearer {{{{secret}}}}\"]\nper_minute = 600\n\
             [publish.opened]\nurl = \"{url}/other/incidents\"\nbody = '{{\"name\": \"{{{{title}}}}\", \"text\": \"{{{{text}}}}\"}}'\n\
             [publish.updated]\nmethod = \"PATCH\"\nurl = \"{url}/other/incidents/{{{{id}}}}\"\nbody = '{{\"text\": \"{{{{stage}}}}: {{{{text}}}}\"}}'\n",
            self.secret("other", "other-key\n")
        );
        page("statuspage", "kctbh9vrtdwd", &self.secret("statuspage", key))
            + &page("instatus", "ckf01fvnxywz60a35vw5qhhgg", &self.secret("instatus", "instatus-key\n"))
            + &other
    }
}

/// A gate before an app that works.
pub(crate) fn start(publish: &str) -> (Gate, Origin) {
    let app = Origin::start(|_: &str| plain("200 OK", "", "")).expect("loopback has a port");
    let page = "[status]\nurl = \"https://status.shop.example\"\nname = \"Example Shop\"\nfirst_notice = \"30m\"\n\
                [[status.component]]\nname = \"Website\"\n[[status.component]]\nname = \"Checkout\"\ngroup = \"Shop\"\nwatches = \"nothing\"\n";
    let gate = Gate::CONFIG.replace("{origin}", &app.url());
    (Gate::start(&format!("{gate}{page}{publish}")).expect("the gate starts"), app)
}

/// A start on a busy machine, some lost answers with their pauses, and a look.
pub(crate) const SOON: Duration = Duration::from_secs(150);
