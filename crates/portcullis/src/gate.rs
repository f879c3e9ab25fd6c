//! One running gate: admission, edge, journal and logs joined.

#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use admission::caps::ConnectionSettings;
use admission::concurrency::Snapshot;
use admission::crawlers::Crawler;
use admission::handover::Handover;
use admission::lane::LanePaths;
use admission::limits::{LadderSettings, Limits};
use admission::nat::Seed;
use admission::partners::Partner;
use admission::pass::Scheme;
use admission::site::{Controller, Monitor, SessionProof, Site, SiteSettings};
use edge_io::{
    Challenges, Clock, Consents, CrawlerSettings, Edge, EdgeSettings, Front, JwtSettings, Ledger, Listener,
    LogSink, Origin, OriginSettings, Origins, Parts, Routes, TurnListener,
};
use model::{Level, Mode, Net, Prefix, SiteId, Timestamp};

use crate::alerts::Alerts;
use crate::handover::Inherited;
use crate::host::HostSettings;
use crate::memory::GoOn;
use crate::probing::ProbingSettings;
use crate::publish::Elsewhere;
use crate::secrets::Secrets;
use crate::subscribing::Subscribing;

/// What a gate is to be, wherever that was written down.
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) workers: usize,
    pub(crate) hosts: Vec<String>,
    pub(crate) fronts: Vec<Front>,
    pub(crate) origins: Vec<OriginSettings>,
    pub(crate) routes: Routes,
    pub(crate) lane: LanePaths,
    pub(crate) account_field: Option<String>,
    pub(crate) login_share: f64,
    pub(crate) login_evidence: bool,
    pub(crate) login_secret: Option<Vec<u8>>,
    pub(crate) session: Option<SessionProof>,
    pub(crate) token_header: Option<String>,
    pub(crate) jwt: Option<JwtSettings>,
    /// Certificates by ACME.
    pub(crate) acme: Option<acme_io::Settings>,
    /// Who is told when something is wrong.
    pub(crate) alerts: Alerts,
    /// Where whoever is told decides about words that wait, with a slash at its end; `None`: this gate has no name.
    pub(crate) consent_place: Option<String>,
    /// Pages elsewhere.
    pub(crate) elsewhere: Elsewhere,
    /// Mail to readers of the page.
    pub(crate) subscribing: Option<Subscribing>,
    pub(crate) scheme: Scheme,
    pub(crate) monitors: Vec<Monitor>,
    pub(crate) partners: Vec<Partner>,
    pub(crate) crawlers: Vec<(Crawler, CrawlerSettings)>,
    /// Networks with the people behind them.
    pub(crate) networks: Vec<(Vec<Prefix>, u32)>,
    pub(crate) limits: Limits,
    pub(crate) memory_bytes: u64,
    pub(crate) connections_max: Option<u32>,
    pub(crate) buffer_bytes: u64,
    pub(crate) streams_unknown_max: u32,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) known_max: usize,
    pub(crate) access_log: bool,
    pub(crate) refusals_per_line: u32,
    pub(crate) gates: u32,
    pub(crate) inflight_max: Option<f64>,
    pub(crate) drain: Duration,
    /// What is tried from here, and who is asked about what it sees.
    pub(crate) probing: ProbingSettings,
    /// This machine as its provider sees it.
    pub(crate) host: HostSettings,
}

impl Plan {
    /// A plan for one origin with every default.
    pub(crate) fn new(mode: Mode, origins: Vec<OriginSettings>) -> Self {
        Self {
            mode,
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            hosts: Vec::new(),
            fronts: Vec::new(),
            origins,
            routes: Routes::default(),
            lane: LanePaths::default(),
            account_field: None,
            login_share: admission::slots::LOGIN_SHARE,
            login_evidence: false,
            login_secret: None,
            session: None,
            token_header: None,
            jwt: None,
            acme: None,
            alerts: Alerts::default(),
            consent_place: None,
            elsewhere: Elsewhere::default(),
            subscribing: None,
            scheme: Scheme::Http,
            monitors: Vec::new(),
            partners: Vec::new(),
            crawlers: Vec::new(),
            networks: Vec::new(),
            limits: Limits::default(),
            memory_bytes: 1 << 30,
            connections_max: None,
            buffer_bytes: 128 << 20,
            streams_unknown_max: 1_000,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(15),
            known_max: 1_000_000,
            access_log: true,
            refusals_per_line: 100,
            gates: 1,
            inflight_max: None,
            drain: Duration::from_secs(10),
            probing: ProbingSettings::default(),
            host: HostSettings::default(),
        }
    }
}

/// An origin at `host:port` with every default.
pub(crate) fn origin(authority: &str) -> OriginSettings {
    OriginSettings {
        authority: authority.to_owned(),
        tls: None,
        grpc: edge_io::Grpc::Never,
        weight: 1,
        health_path: None,
        health_interval: Duration::from_secs(5),
        health_timeout: Duration::from_secs(3),
        connections: edge_io::Connections::FollowLimit,
        confirms_logins: false,
        connect_timeout: Duration::from_secs(3),
        answer_timeout: Duration::from_secs(60),
    }
}

/// What an earlier process left.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) limit: Option<Snapshot>,
    pub(crate) pass_time: Option<Timestamp>,
    /// What the decision core goes on with.
    pub(crate) go_on: GoOn,
    /// In mode `assist`: an admin had said yes to the incident.
    pub(crate) was_allowed: bool,
    /// What the process leaves whose place this one takes; it is newer than the rest.
    pub(crate) estate: Option<Handover>,
}

/// Why a gate does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GateError {
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {error}; is something else running there, or does the port need a privilege?"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The operating system's words.
        error: io::Error,
    },
    /// An origin's name has no address.
    #[error("the app's address `{authority}` cannot be resolved: {error}; check `url`")]
    Resolve {
        /// Which.
        authority: String,
        /// The resolver's words.
        error: io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start: {0}")]
    Start(io::Error),
}

/// Opens the sockets of one address, one for each worker, beside those that are open already.
pub(crate) fn listen(
    address: SocketAddr,
    workers: usize,
    inherited: &mut Inherited,
) -> Result<Vec<TcpListener>, GateError> {
    let mut sockets = inherited.take(address);
    if sockets.len() < workers {
        match edge_io::listen(address, workers - sockets.len()) {
            Ok(more) => sockets.extend(more),
            // A socket of systemd may not share its address: then the workers share the socket.
            Err(_) if !sockets.is_empty() => {}
            Err(error) => return Err(GateError::Listen { address, error }),
        }
    }
    Ok(sockets)
}

/// Builds admission for the plan's site.
pub(crate) fn site(plan: &Plan, secrets: &Secrets) -> Arc<Site> {
    let files = edge_io::raise_open_files();
    let slots = edge_io::connection_slots(files, plan.memory_bytes);
    let slots = plan.connections_max.map_or(slots, |max| max.min(slots));
    let table_key = |label: u8| {
        std::array::from_fn(|at| secrets.table_seed[at].rotate_left(u32::from(label % 8)) ^ label)
    };
    let mut ladder =
        LadderSettings::new(std::array::from_fn(|table| table_key(16 + u8::try_from(table).unwrap_or(0))));
    ladder.limits = plan.limits;
    let site = Site::new(SiteSettings {
        id: SiteId(0),
        mode: plan.mode,
        ladder,
        connections: ConnectionSettings::new(slots, table_key(32)),
        waiting_places: 4_096,
        passes_in_use: 1 << 17,
        known_max: plan.known_max,
        tokens: if plan.jwt.is_some() { 1 << 17 } else { 1 << 15 },
        networks: 1 << 16,
        session: plan.session.clone(),
        token_header: plan.token_header.clone(),
        lane: plan.lane.clone(),
        login_share: plan.login_share,
        login_evidence: plan.login_evidence,
        login_secret: plan.login_secret.clone(),
        scheme: plan.scheme.clone(),
        monitors: plan.monitors.clone(),
        partners: plan.partners.clone(),
        crawlers: plan.crawlers.iter().map(|(crawler, _)| crawler.clone()).collect(),
        pass_keys: secrets.pass_keys.clone(),
        site_key: secrets.site_key,
        reference_key: secrets.reference_key,
        table_seed: secrets.table_seed,
        node: 0,
        gates: plan.gates,
        limit_max: plan.inflight_max,
    });
    for (prefixes, people) in &plan.networks {
        for prefix in prefixes {
            site.nat().seed(Net::network(prefix.addr()), *people, Seed::Named);
        }
    }
    site
}

/// Starts the data plane.
pub(crate) fn start(
    plan: Plan,
    site: Arc<Site>,
    secrets: &Secrets,
    listeners: Vec<Listener>,
    clock: Clock,
    kept: Kept,
    around: Around,
) -> Result<Edge, GateError> {
    let origins = plan.origins.iter().cloned().map(resolve).collect::<Result<Vec<_>, _>>()?;
    let settings = EdgeSettings {
        workers: plan.workers,
        hosts: plan.hosts,
        fronts: plan.fronts,
        routes: plan.routes,
        account_field: plan.account_field,
        jwt: plan.jwt,
        crawlers: plan.crawlers.into_iter().map(|(_, settings)| settings).collect(),
        challenges: around.challenges.clone(),
        consents: around.consents.clone(),
        head_timeout: plan.head_timeout,
        body_timeout: plan.body_timeout,
        idle_timeout: plan.idle_timeout,
        buffer_bytes: plan.buffer_bytes,
        streams_unknown_max: plan.streams_unknown_max,
        access_log: plan.access_log,
        refusals_per_line: plan.refusals_per_line,
        run_id: secrets.run_id,
        drain: plan.drain,
    };
    let mut controller = Controller::new(&site, kept.limit.as_ref(), kept.pass_time, clock.wall());
    go_on(&mut controller, &site, kept, clock.wall());
    let Around { log, ledger, listener, is_recorded, .. } = around;
    let controller = if is_recorded { controller.recorded() } else { controller };
    let parts =
        Parts { site, origins: Arc::new(Origins::new(origins)), clock, log, ledger, controller, listener };
    Edge::start(settings, listeners, parts).map_err(GateError::Start)
}

/// Goes on from what was kept before a stop, or from what the process leaves whose place this one takes.
fn go_on(controller: &mut Controller, site: &Site, kept: Kept, wall: Timestamp) {
    let GoOn { learnt, in_force, stopped } = kept.go_on;
    controller.go_on(site, learnt, in_force, stopped);
    if let Some(estate) = &kept.estate {
        controller.take_over(site, estate, wall);
        return;
    }
    // A yes lasts as long as the incident, and that goes on if its level does: without it the first step would let everybody in. A
    // predecessor hands its own over.
    let goes_on = matches!(site.level(), Level::CustomersFirst | Level::Reopening | Level::Challenging);
    if kept.was_allowed && goes_on {
        site.set_assist_yes(true);
    }
}

/// Where the data plane's notes go.
pub(crate) struct Around {
    pub(crate) log: Arc<dyn LogSink>,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Proofs for whoever signs certificates.
    pub(crate) challenges: Option<Arc<Challenges>>,
    /// Who answers links of alerts.
    pub(crate) consents: Option<Arc<dyn Consents>>,
    pub(crate) listener: Box<dyn TurnListener>,
    /// The listener hears each step of the decision core with all that went into it.
    pub(crate) is_recorded: bool,
}

fn resolve(settings: OriginSettings) -> Result<Origin, GateError> {
    let authority = settings.authority.clone();
    match authority.to_socket_addrs() {
        Ok(found) => Ok(Origin::new(settings, found.collect())),
        Err(error) => Err(GateError::Resolve { authority, error }),
    }
}
