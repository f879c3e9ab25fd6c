//! A gate with https, the app behind it, and curl before it.

use std::net::SocketAddr;
use std::process::Command;

use lab::certificate::{Authority, Signed};
use lab::origin::{Origin, plain};
use lab::{Gate, Missing, Peer, free_address};

/// The host that every test asks for.
pub(crate) const SHOP: &str = "shop.example";

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) https: SocketAddr,
    pub(crate) redirect: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) signed: Signed,
    pub(crate) folder: tempfile::TempDir,
    _app: Origin,
}

impl World {
    /// A gate with two certificates: one for the shop, one for every name below `other.example`.
    pub(crate) fn start() -> Result<Self, Missing> {
        Gate::binary()?;
        Peer::find("curl")?;
        let folder = tempfile::tempdir().expect("there is room");
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed = authority.sign(folder.path(), "shop", &[SHOP, "localhost"]).expect("keys can be made");
        let other = authority.sign(folder.path(), "other", &["*.other.example"]).expect("keys can be made");
        let app = Origin::start(answer).expect("loopback has a port");
        let (https, redirect) = (free_address(), free_address());
        let pair = |signed: &Signed| {
            format!(
                "[[listen.tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n",
                signed.chain.display(),
                signed.key.display()
            )
        };
        let listen = format!(
            "[[listen]]\naddress = \"{https}\"\n[listen.tls]\nhsts = \"1d\"\n{}{}[[listen]]\naddress = \"{redirect}\"\nhttps_redirect = true\n[[site]]",
            pair(&signed),
            pair(&other)
        );
        let config = Gate::CONFIG
            .replace("[[site]]", &listen)
            .replace("{origin}", &app.url())
            .replace("[state]", "confirms_logins = true\n[state]");
        let gate = Gate::start(&config).expect("the gate starts");
        Ok(Self { gate, https, redirect, authority, signed, folder, _app: app })
    }

    /// curl against the https listener; what it prints.
    pub(crate) fn curl(&self, arguments: &[&str], path: &str) -> String {
        self.curl_as(SHOP, arguments, path)
    }

    /// As [`World::curl`], for another host name.
    pub(crate) fn curl_as(&self, host: &str, arguments: &[&str], path: &str) -> String {
        let output = self.curl_command(host, arguments, path).output().expect("curl runs");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    pub(crate) fn curl_command(&self, host: &str, arguments: &[&str], path: &str) -> Command {
        let curl = Peer::find("curl").expect("it was needed");
        let port = self.https.port();
        let mut command = curl.command();
        command
            .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"])
            .arg(&self.authority.file)
            .args(["--resolve", &format!("{host}:{port}:127.0.0.1")])
            .args(arguments)
            .arg(format!("https://{host}:{port}{path}"));
        command
    }
}

/// Signs in whoever asks for `/in/NAME`; otherwise answers with the head that it saw.
fn answer(head: &str) -> String {
    match head.strip_prefix("GET /in/").and_then(|rest| rest.split(' ').next()) {
        Some(name) => plain("200 OK", &format!("Portcullis-Login: {name}\r\n"), "welcome"),
        None => plain("200 OK", "", head),
    }
}
