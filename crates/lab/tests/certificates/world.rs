//! An authority that speaks ACME, Pebble, with a name server that leads every name to this machine.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lab::certificate::Authority;
use lab::clock::wait_for;
use lab::origin::{Origin, plain};
use lab::{Gate, Missing, Peer, Running, free_address, web};

pub(crate) const SHOP: &str = "shop.example";
pub(crate) const WWW: &str = "www.shop.example";

pub(crate) struct World {
    pub(crate) https: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) directory: String,
    /// Where Pebble shows the root that its certificates lead to.
    roots: String,
    folder: tempfile::TempDir,
    _pebble: [Running; 2],
    app: Origin,
}

impl World {
    pub(crate) fn start() -> Result<Self, Missing> {
        Gate::binary()?;
        Peer::find("curl")?;
        let (pebble, names) = (Peer::find("pebble")?, Peer::find("pebble-challtestsrv")?);
        let folder = tempfile::tempdir().expect("there is room");
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed = authority.sign(folder.path(), "pebble", &["localhost"]).expect("keys can be made");
        let [https, http, listen, control, dns] = [(); 5].map(|()| free_address());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": listen.to_string(),
            "managementListenAddress": control.to_string(),
            "certificate": signed.chain,
            "privateKey": signed.key,
            "httpPort": http.port(),
            "tlsPort": https.port(),
        }});
        let path = folder.path().join("pebble.json");
        fs::write(&path, config.to_string()).expect("there is room");
        let mut command = names.command();
        command.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", &dns.to_string()]);
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management"]);
        let management = free_address();
        command.arg(management.to_string());
        let within = Duration::from_secs(20);
        let log = |name: &str| folder.path().join(name);
        let names =
            Running::start_and_wait(&mut command, &log("names.log"), within, || web::accepts(management));
        let mut command = pebble.command();
        command.arg("-config").arg(&path).args(["-dnsserver", &dns.to_string()]);
        command.env("PEBBLE_VA_NOSLEEP", "1");
        let pebble =
            Running::start_and_wait(&mut command, &log("pebble.log"), within, || web::accepts(listen));
        let running = [names, pebble].map(|started| started.unwrap_or_else(|error| panic!("{error}")));
        Ok(Self {
            https,
            http,
            authority,
            directory: format!("https://localhost:{}/dir", listen.port()),
            roots: format!("https://localhost:{}/roots/0", control.port()),
            folder,
            _pebble: running,
            app: Origin::start(|_| plain("200 OK", "", "the shop")).expect("loopback has a port"),
        })
    }

    /// A gate that proves its hosts in one way.
    pub(crate) fn gate(&self, proof: &str, directory: &str) -> Gate {
        let (https, http, ca) = (self.https, self.http, self.authority.file.display());
        let tables = format!(
            r#"[acme]
directory = "{directory}"
agree_to_terms = true
contacts = ["ops@shop.example"]
proofs = ["{proof}"]
ca = "{ca}"
[[listen]]
address = "{https}"
[listen.tls]
acme = true
[[listen]]
address = "{http}"
https_redirect = true
[[site]]
hosts = ["{SHOP}", "{WWW}"]
"#
        );
        let config = Gate::CONFIG.replace("[[site]]\n", &tables);
        Gate::start(&config.replace("{origin}", &self.app.url())).expect("the gate starts")
    }

    /// The root that certificates lead to.
    pub(crate) fn root(&self) -> PathBuf {
        let root = self.folder.path().join("root.pem");
        let curl = Peer::find("curl").expect("it was needed");
        let mut command = curl.command();
        command.args(["--silent", "--fail", "--noproxy", "*", "--cacert"]).arg(&self.authority.file);
        let fetched = command.arg("--output").arg(&root).arg(&self.roots).status().expect("curl runs");
        assert!(fetched.success());
        root
    }

    /// What a client that trusts nobody but the authority gets from a host, once it gets anything.
    pub(crate) fn visit(&self, host: &str) -> Option<String> {
        let root = self.root();
        wait_for(Duration::from_secs(30), || {
            let text = self.curl(host, &["--fail", "--cacert", &root.display().to_string()]);
            (text == "the shop").then_some(text)
        })
    }

    /// curl against the https listener; what it prints.
    pub(crate) fn curl(&self, host: &str, arguments: &[&str]) -> String {
        let curl = Peer::find("curl").expect("it was needed");
        let port = self.https.port();
        let mut command = curl.command();
        command.args(["--silent", "--show-error", "--max-time", "10", "--noproxy", "*"]);
        command.args(["--resolve", &format!("{host}:{port}:127.0.0.1")]).args(arguments);
        let output = command.arg(format!("https://{host}:{port}/")).output().expect("curl runs");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}
