//! A gate on http and https before a small app, as an admin would put it up.

use std::net::{Ipv4Addr, SocketAddr};

use lab::certificate::Authority;
use lab::origin::{Origin, plain};
use lab::web::{self, Request};
use lab::{Gate, Missing, free_address};

pub(crate) const SHOP: &str = "shop.localhost";

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) https: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) app: Origin,
}

impl World {
    pub(crate) fn start() -> Result<Self, Missing> {
        Self::start_before(None)
    }

    /// A gate before another app than the usual one.
    pub(crate) fn start_before(other: Option<SocketAddr>) -> Result<Self, Missing> {
        Gate::binary()?;
        let folder = tempfile::tempdir().expect("there is room");
        let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
        let signed = authority.sign(folder.path(), "shop", &[SHOP, "localhost"]).expect("keys can be made");
        let app = Origin::start(answer).expect("loopback has a port");
        let https = free_address();
        let listen = format!(
            "[[listen]]\naddress = \"{https}\"\n[listen.tls]\nhsts = \"365d\"\n[[listen.tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n[[site]]",
            signed.chain.display(),
            signed.key.display()
        );
        let config = Gate::CONFIG
            .replace("[[site]]", &listen)
            .replace("{origin}", &other.map_or_else(|| app.url(), |other| format!("http://{other}")))
            .replace("[state]", "confirms_logins = true\n[state]");
        let gate = Gate::start(&config).expect("the gate starts");
        Ok(Self { gate, https, folder, app })
    }

    /// Signs somebody in; the cookie that makes known, if the app confirms it.
    pub(crate) fn customer(&self, from: Ipv4Addr) -> Option<String> {
        let request = Request { from, ..Request::get("/in/ann") };
        let answer = web::send(self.gate.listen(), &request).expect("the app is well");
        let pass = answer.headers("set-cookie").find(|cookie| cookie.contains("portcullis"));
        pass.and_then(|cookie| cookie.split(';').next()).map(|pass| format!("Cookie: {pass}"))
    }
}

/// Signs in whoever asks for `/in/NAME`; `/large` is a megabyte, `/file.css` may be cached.
fn answer(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    match target {
        "/large" => plain("200 OK", SECURITY, &"x".repeat(1 << 20)),
        "/file.css" => plain("200 OK", "Cache-Control: public, max-age=60\r\n", "p {}"),
        _ => match target.strip_prefix("/in/") {
            Some(name) => plain(
                "200 OK",
                &format!("{SECURITY}Portcullis-Login: {name}\r\nCache-Control: public, max-age=60\r\n"),
                "welcome",
            ),
            None => plain("200 OK", SECURITY, "<!doctype html><title>shop</title>"),
        },
    }
}

/// What an app of today says; the gate adds only what is the connection's.
const SECURITY: &str = "X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'self'\r\nReferrer-Policy: no-referrer\r\n";
