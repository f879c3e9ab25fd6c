//! A small world: an app that answers as a test says, the edge, and raw clients.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use admission::caps::ConnectionSettings;
use admission::lane::LanePaths;
use admission::limits::{LadderSettings, TableName};
use admission::pass::Scheme;
use admission::site::{Confirmed, Controller, Site, SiteSettings, Turn};
use edge_io::{
    Clock, Consents, Edge, EdgeSettings, Front, JwtSettings, Ledger, Listener, LogSink, Manner, Origin,
    OriginSettings, Origins, Parts, Refused, Routes, TurnListener,
};
use guard::Guard;
use model::{Instant, Level, Mode, SiteId};

use crate::ruling::Heard;

/// Nothing in a test takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

struct Nobody;

impl LogSink for Nobody {
    fn offer(&self, _lines: Vec<u8>, _count: u32) {}
}

impl Ledger for Nobody {
    fn confirmed(&self, _confirmed: &Confirmed, _address: Option<IpAddr>) {}
    fn refused(&self, _refused: &Refused<'_>) {}
}

impl TurnListener for Nobody {
    fn turned(&mut self, _turn: &Turn, _controller: &mut Controller, _now: Instant) {}
}

/// What a test changes of the usual world.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) mode: Mode,
    pub(crate) proxy_protocol: bool,
    pub(crate) fronts: Vec<Front>,
    pub(crate) hosts: Vec<String>,
    pub(crate) answer_timeout: Duration,
    pub(crate) connections_max: u32,
    pub(crate) jwt: Option<JwtSettings>,
    /// What single paths need.
    pub(crate) routes: Routes,
    pub(crate) lane: LanePaths,
    pub(crate) account_field: Option<String>,
    /// The level does not sink below it.
    pub(crate) floor: Option<Level>,
    /// What the decision core has learnt.
    pub(crate) guard: Option<Guard>,
    /// Who hears what the decision core is told.
    pub(crate) heard: Option<Heard>,
    /// Who answers links of alerts.
    pub(crate) consents: Option<Arc<dyn Consents>>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            proxy_protocol: false,
            fronts: Vec::new(),
            hosts: Vec::new(),
            answer_timeout: Duration::from_secs(60),
            connections_max: 1_000,
            jwt: None,
            routes: Routes::default(),
            lane: LanePaths::default(),
            account_field: None,
            floor: None,
            guard: None,
            heard: None,
            consents: None,
        }
    }
}

/// The edge before an app.
pub(crate) struct World {
    pub(crate) edge: Option<Edge>,
    pub(crate) site: Arc<Site>,
    pub(crate) address: SocketAddr,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(edge) = self.edge.take() {
            edge.stop();
        }
    }
}

/// An app: each connection is handed to `serve` on a thread of its own, at most 300 of them.
pub(crate) fn app(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(300).flatten() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// An app that answers every request with the same bytes and tells the test what it read.
pub(crate) fn app_saying(answer: &'static [u8]) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let (seen, hears) = std::sync::mpsc::sync_channel(100);
    let address = app(move |mut stream| {
        while let Some(head) = read_head(&mut stream) {
            seen.send(head).unwrap();
            stream.write_all(answer).unwrap();
        }
    });
    (address, hears)
}

/// Starts the edge before an app.
pub(crate) fn world(app: SocketAddr, setting: Setting) -> World {
    world_with(app, setting, edge_io::listen("127.0.0.1:0".parse().unwrap(), 2).unwrap())
}

/// Starts the edge before an app, on sockets that are open already.
pub(crate) fn world_with(app: SocketAddr, setting: Setting, sockets: Vec<TcpListener>) -> World {
    let site = Site::new(SiteSettings {
        id: SiteId(0),
        mode: setting.mode,
        ladder: LadderSettings::new([[1; 16]; TableName::COUNT]),
        connections: ConnectionSettings {
            per_address: 5_000,
            per_network: 5_000,
            ..ConnectionSettings::new(setting.connections_max, [2; 16])
        },
        waiting_places: 256,
        passes_in_use: 1_024,
        known_max: 1_000,
        tokens: 64,
        networks: 64,
        session: None,
        token_header: None,
        lane: setting.lane.clone(),
        login_share: 0.08,
        login_evidence: false,
        login_secret: None,
        scheme: Scheme::Http,
        monitors: Vec::new(),
        partners: Vec::new(),
        crawlers: Vec::new(),
        pass_keys: vec![(1, [3; 32])],
        site_key: [4; 32],
        reference_key: [5; 32],
        table_seed: [6; 32],
        node: 0,
        gates: 1,
        limit_max: None,
    });
    let origin = OriginSettings {
        authority: app.to_string(),
        tls: None,
        grpc: edge_io::Grpc::Never,
        weight: 1,
        health_path: None,
        health_interval: Duration::from_secs(60),
        health_timeout: Duration::from_secs(1),
        connections: edge_io::Connections::AtMost(64),
        confirms_logins: true,
        connect_timeout: Duration::from_secs(1),
        answer_timeout: setting.answer_timeout,
    };
    let settings = edge_settings(&setting);
    let address = sockets[0].local_addr().unwrap();
    let clock = Clock::start();
    let mut parts = parts(site.clone(), Origin::new(origin, vec![app]), clock);
    if let Some(level) = setting.floor {
        parts.controller.pin(Some((level, clock.wall() + Duration::from_secs(600))), None);
    }
    if let Some(guard) = setting.guard {
        parts.controller = parts.controller.with_guard(guard);
    }
    if let Some(heard) = setting.heard {
        parts.listener = Box::new(heard);
    }
    let manner = Manner { proxy_protocol: setting.proxy_protocol, ..Manner::default() };
    let listeners = vec![Listener { sockets, manner }];
    World { edge: Some(Edge::start(settings, listeners, parts).unwrap()), site, address }
}

fn edge_settings(setting: &Setting) -> EdgeSettings {
    EdgeSettings {
        challenges: None,
        consents: setting.consents.clone(),
        crawlers: Vec::new(),
        workers: 2,
        hosts: setting.hosts.clone(),
        fronts: setting.fronts.clone(),
        routes: setting.routes.clone(),
        account_field: setting.account_field.clone(),
        jwt: setting.jwt.clone(),
        head_timeout: Duration::from_secs(10),
        body_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(15),
        buffer_bytes: 64 << 20,
        streams_unknown_max: 100,
        access_log: true,
        refusals_per_line: 100,
        run_id: 7,
        drain: Duration::from_millis(200),
    }
}

fn parts(site: Arc<Site>, origin: Origin, clock: Clock) -> Parts {
    Parts {
        controller: Controller::new(&site, None, None, clock.wall()),
        site,
        origins: Arc::new(Origins::new(vec![origin])),
        clock,
        log: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
        listener: Box::new(Nobody),
    }
}

impl World {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Waits for the first step of a level at which limits refuse.
    pub(crate) fn until_limits_refuse(&self) {
        let clock = self.edge.as_ref().unwrap().shared().clock;
        let late = clock.now() + PATIENCE;
        while !self.site.refuses_bodies(clock.now()) {
            assert!(clock.now() < late, "limits refuse from the first step on");
            std::thread::yield_now();
        }
    }

    /// Sends bytes on a connection of its own and reads until the gate closes it.
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Reads up to the empty line after a head; `None` at the end of the connection.
pub(crate) fn read_head(stream: &mut TcpStream) -> Option<String> {
    read_until(stream, b"\r\n\r\n")
}

/// Reads until the bytes end with `end`.
pub(crate) fn read_until(stream: &mut TcpStream, end: &[u8]) -> Option<String> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end) {
        match stream.read(&mut byte) {
            Ok(1) => read.push(byte[0]),
            Ok(_) | Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&read).into_owned())
}
