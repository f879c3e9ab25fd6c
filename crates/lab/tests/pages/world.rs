//! A gate that serves only customers, before a small shop.

use lab::clock::wait_for;
use lab::origin::Origin;
use lab::{Gate, Missing, web};

use crate::SOON;

/// Stands on every page of the shop.
pub(crate) const OPEN: &str = "The shop is open";

/// Stands on them until a script has changed it.
pub(crate) const NO_SCRIPT_RAN: &str = "<title>Shop</title>";

const LOGIN: &str = r#"
[site.login]
pages = ["/login"]
submit = ["/login"]
"#;

pub(crate) struct World {
    pub(crate) gate: Gate,
    _app: Origin,
}

impl World {
    /// Everybody is a stranger, and strangers are closed out.
    pub(crate) fn closed() -> Result<Self, Missing> {
        Gate::binary()?;
        let app = Origin::start(|_head| html("200 OK", &shop())).expect("loopback has a port");
        let config = [Gate::CONFIG, LOGIN].concat().replace("{origin}", &app.url());
        let gate = Gate::start(&config).expect("the gate starts");
        gate.tell(&["level", "pin", "customers-first"]).expect("an admin may");
        let refuses = || web::get(gate.listen(), "/", &[]).is_ok_and(|answer| answer.status == 503);
        let closed = wait_for(SOON, || refuses().then_some(()));
        assert!(closed.is_some(), "strangers are still served\n{}", gate.log());
        Ok(Self { gate, _app: app })
    }

    /// What a person types.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.gate.listen())
    }
}

/// A whole answer with a page.
pub(crate) fn html(status: &str, body: &str) -> String {
    let kind = "Content-Type: text/html; charset=utf-8";
    format!("HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn shop() -> String {
    format!(
        "<!doctype html><html lang=\"en\">{NO_SCRIPT_RAN}<h1>{OPEN}</h1><script>document.title = 'Changed'</script></html>\n"
    )
}
