//! A gate before the app, customers whom it knows, and strangers whom it turns away.

use std::net::Ipv4Addr;
use std::time::Duration;

use lab::clock::wait_for;
use lab::web::{self, Request};
use lab::{Gate, Missing};

use crate::app::App;
use crate::strangers::{Strangers, is_served};

/// Generous on a busy machine; nothing here measures speed.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) app: App,
}

/// Somebody who has signed in, at an address of their own.
pub(crate) struct Customer {
    pub(crate) from: Ipv4Addr,
    /// The `Cookie` line with the pass.
    pub(crate) pass: String,
}

impl World {
    pub(crate) fn start() -> Result<Self, Missing> {
        Gate::binary()?;
        let app = App::start();
        let config =
            Gate::CONFIG.replace("{origin}", &format!("http://{}", app.address)).replace("[state]", TABLES);
        let gate = Gate::start(&config).expect("the gate starts");
        Ok(Self { gate, app })
    }

    /// Signs one in. Twenty have a network: with all that they open they stay below what a network may have.
    pub(crate) fn customer(&self, number: u16) -> Customer {
        let [network, last] =
            [number / 20, 1 + number % 20].map(|part| u8::try_from(part).expect("a small number"));
        let from = Ipv4Addr::new(127, 50, network, last);
        let path = format!("/in/customer{number}");
        let request = Request { from, within: SOON, ..Request::get(&path) };
        let answer = web::send(self.gate.listen(), &request)
            .unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.gate.log()));
        let mut pairs = answer.headers("set-cookie").filter_map(|cookie| cookie.split(';').next());
        let pass = pairs.find(|pair| pair.starts_with("portcullis="));
        let pass = pass.unwrap_or_else(|| panic!("{path}: no pass: {}\n{}", answer.head, self.gate.log()));
        Customer { from, pass: format!("Cookie: {pass}") }
    }

    /// An admin lets customers in first, as the gate does by itself in an attack; strangers press on.
    pub(crate) fn close(&self) -> Strangers {
        self.gate
            .tell(&["level", "pin", "customers-first"])
            .unwrap_or_else(|error| panic!("{error}\n{}", self.gate.log()));
        let closed = wait_for(SOON, || self.is_closed().then_some(()));
        assert!(closed.is_some(), "strangers are served: {}", self.gate.log());
        Strangers::begin(self.gate.listen())
    }

    /// Strangers are turned away to the end, and the gate is unharmed.
    pub(crate) fn check(self, strangers: Strangers) {
        let tally = strangers.end();
        assert!(tally.served * 10 < tally.asked, "{tally:?}: {}", self.gate.log());
        assert!(self.is_closed() && !self.gate.log().contains("panicked"), "{}", self.gate.log());
    }

    /// One part of the strangers in 128 is let in for a minute, then another: of eight hardly ever more than one.
    fn is_closed(&self) -> bool {
        let turned_away =
            |last: &u8| is_served(self.gate.listen(), Ipv4Addr::new(127, 99, 0, *last)) == Some(false);
        (1..=8).filter(turned_away).count() >= 7
    }
}

/// What customers do here needs of the app, and where; `max_connections` because each WebSocket is one.
const TABLES: &str = "confirms_logins = true
max_connections = 6_000
answer_timeout = \"10s\"
[[site.route]]
path = \"/up\"
body = \"300 MiB\"
[[site.route]]
path = \"/live\"
websocket = true
[state]";
