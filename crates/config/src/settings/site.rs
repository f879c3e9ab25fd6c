//! `[[site]]`, `[[site.origin]]` and `[[site.route]]`.

use std::path::PathBuf;
use std::time::Duration;

use model::Mode;

use super::{Known, Login};
use crate::entry::{default, optional, optional_table, required, settings, table, tables};
use crate::kinds::{
    DOMAIN, FILE, FLAG, GRPC, Grpc, HOST, MODE, NAME, ORIGIN_URL, OriginUrl, PAGE_URL, PATH, PageUrl,
    RequestPath, Size, duration, list, size, whole,
};

settings! {
    /// What is protected: host names with an app behind them. This version serves exactly one site.
    pub struct Site {
        /// What the site is called in logs and reports.
        name: String = default("site", NAME);
        /// Its host names, without scheme and port; requests for others are refused (421). Without any, every
        /// host is served.
        hosts: Vec<String> = default("", list(HOST, 256));
        /// Where people reach it, for links that the gate makes (`ctl clients link`, alerts). Without it links name the first of `hosts` and the
        /// port of the gate's own listener; write it where something before the gate has the certificate or another port.
        url: Option<PageUrl> = optional("https://shop.example", PAGE_URL);
        /// What the gate may do without asking. "observe" decides and reports, and refuses only denied
        /// networks, hosts that are not yours, malformed requests, WebSockets where a route forbids them, and
        /// connections beyond the bounds (see `[limits]`); "assist" does everything but challenges and closing
        /// to unknown clients, which need a yes; "auto" does everything.
        mode: Mode = default("observe", MODE);
        /// The domain for the gate's cookie when several hosts share their sign-in; it must cover all of
        /// `hosts`. Without it the cookie is bound to the host that set it.
        cookie_domain: Option<String> = optional("shop.example", DOMAIN);
        /// The servers of the app.
        origin: Vec<Origin> = tables(1, 64, "write at most 64 of them; a balancer can stand before others");
        /// Where people sign in.
        login: Option<Login> = optional_table();
        /// Further ways in which the app's own answers show who is a customer.
        known: Known = table();
        /// What single paths need.
        route: Vec<Route> = tables(0, 256, "write at most 256 of them; a path also stands for what is below it");
    }
}

settings! {
    /// The app itself, once for each server that it runs on.
    pub struct Origin {
        /// Where it is: `http://HOST:PORT`, or `https://HOST:PORT`, whose certificate must be for HOST. Names are
        /// looked up again regularly.
        url: OriginUrl = required("http://127.0.0.1:3000", ORIGIN_URL);
        /// The authority that the app's certificate is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/app-ca.pem", FILE);
        /// Whether it takes gRPC, over HTTP/2 (with TLS if `url` is https, else with prior knowledge): "also" beside everything else,
        /// which goes over HTTP/1.1; "only" it and nothing else. Clients reach it over https alone. A call that lasts counts as one
        /// connection; where the app lets calls wait long for its first message, `long` belongs into their route.
        grpc: Grpc = default("never", GRPC);
        /// Its share of requests relative to the other servers.
        weight: u32 = default("1", whole(1, 1_000));
        /// Connections to it at most, over all threads; a WebSocket holds one. Without it, 256, and four times the app's own measured
        /// limit where that is more, up to 4096. Unknown clients hold at most three quarters of them, those who sign in an eighth.
        max_connections: Option<u32> = optional("256", whole(1, 65_535));
        /// Whether its `Portcullis-Login: ACCOUNT` header is believed. It makes a client known, so switch it
        /// on only for an app that never passes on headers which somebody else wrote.
        confirms_logins: bool = default("false", FLAG);
        /// How long a connection to it may take to be made.
        connect_timeout: Duration = default("3s", duration("100ms", "60s"));
        /// How long it may take from a request to the first byte of its answer; then the client gets 504. Time in which the
        /// client keeps it waiting for the request's body does not count.
        answer_timeout: Duration = default("60s", duration("1s", "1h"));
        /// Checks of its health.
        health: Health = table();
    }
}

settings! {
    /// How the gate finds out whether this server works, besides from its answers to clients: by requests of
    /// its own, if `path` is set.
    pub struct Health {
        /// The path to ask for. 2xx and 3xx mean healthy; two answers in a row count. With `grpc = "only"` it is the method of the
        /// health service, `/grpc.health.v1.Health/Check`, which must say SERVING.
        path: Option<RequestPath> = optional("/healthz", PATH);
        /// Time between two requests.
        interval: Duration = default("5s", duration("500ms", "10min"));
        /// How long the answer may take; not longer than `interval`.
        timeout: Duration = default("3s", duration("100ms", "60s"));
    }
}

settings! {
    /// What requests need whose path begins with the one given here. Of several that match, the longest
    /// counts.
    pub struct Route {
        /// The beginning of the path.
        path: RequestPath = required("/upload", PATH);
        /// The largest request body. Elsewhere it is 1 MiB. In calm and in mode `observe` larger ones only count; while limits refuse they
        /// get 413, from customers too: write a route for every upload.
        body: Option<Size> = optional("50 MiB", size("1 B", "1 TiB"));
        /// Whether a WebSocket may be opened here, as it may where no route is.
        websocket: bool = default("true", FLAG);
        /// Whether answers may take long to begin, as reports and exports do: `answer_timeout` does not
        /// apply.
        long: bool = default("false", FLAG);
    }
}
