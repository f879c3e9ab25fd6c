//! From the configuration to the plan of a gate.

use std::path::{Path, PathBuf};

use admission::crawlers::Crawler;
use admission::lane::LanePaths;
use admission::limits::{Limits, Rate};
use admission::partners::Partner;
use admission::pass::Scheme;
use admission::site::{Monitor, SessionProof};
use config::{Config, SecretSource};
use edge_io::{
    CONSENT_PATH, ClientAddress, Connections, CrawlerSettings, Front, Grpc, JwksSource, JwtRules,
    JwtSettings, OriginSettings, OriginTls, RangeSource, Route, Routes,
};
use journal_io::journal::{Ages, JournalSettings};
use journal_io::logs::LogSettings;
use journal_io::recordings::RingSettings;

use crate::alerts::Alerts;
use crate::control::LinkPlace;
use crate::gate::Plan;
use crate::host::HostSettings;
use crate::listeners;
use crate::probing::ProbingSettings;
use crate::publish::Elsewhere;
use crate::running::StateSettings;
use crate::status_name::StatusNameError;
use crate::subscribing::{Subscribing, SubscribingError};

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {error}; name another with --config, or write one from `portcullis check --print-default`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// Its text is wrong.
    #[error(transparent)]
    Text(#[from] config::Errors),
    /// TLS to the app.
    #[error(transparent)]
    OriginTls(#[from] edge_io::OriginTlsError),
    /// Somebody who is to be alerted cannot be reached as it is written.
    #[error(transparent)]
    Alerts(#[from] notify_io::RouteError),
    /// A page elsewhere cannot be written to as it is configured.
    #[error(transparent)]
    Elsewhere(#[from] notify_io::PlaceError),
    /// Mail to readers of the page.
    #[error(transparent)]
    Subscribing(#[from] SubscribingError),
    /// A probe cannot be used as it is configured.
    #[error(transparent)]
    Probe(#[from] crate::probing::ProbeError),
    /// A mirror of the status page cannot be written to as it is configured.
    #[error(transparent)]
    Mirror(#[from] crate::truth::MirrorError),
    /// A certificate or its key.
    #[error(transparent)]
    Tls(#[from] edge_io::TlsError),
    /// The name of the status page.
    #[error(transparent)]
    StatusName(#[from] StatusNameError),
    /// A file with a secret cannot be read.
    #[error("cannot read the secret in {}: {error}", path.display())]
    Secret {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
}

/// Reads a configuration file. The warnings are for people.
pub(crate) fn read(path: &Path) -> Result<(Config, Vec<String>), ConfigureError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigureError::Read { path: path.to_owned(), error })?;
    let (config, warnings) = Config::parse(&path.display().to_string(), &text)?;
    Ok((config, warnings.iter().map(ToString::to_string).collect()))
}

/// The plan that a configuration describes.
pub(crate) fn plan(config: &Config) -> Result<Plan, ConfigureError> {
    let site = &config.site[0];
    let limits = &config.limits;
    let origins = site.origin.iter().map(origin).collect::<Result<_, _>>()?;
    let mut plan = Plan::new(site.mode, origins);
    if let Some(workers) = limits.workers {
        plan.workers = workers as usize;
    }
    plan.hosts = site.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    plan.fronts = config.front.iter().map(front).collect();
    plan.routes = Routes::new(site.route.iter().map(route).collect());
    plan.session = site.known.session.as_ref().map(|session| SessionProof {
        cookie: session.cookie.clone(),
        path: session.proof.as_str().to_owned(),
    });
    plan.token_header = site.known.token.as_ref().map(|token| token.header.to_ascii_lowercase());
    plan.jwt = site.known.jwt.as_ref().map(jwt);
    if let Some(login) = &site.login {
        plan.lane = lane(login);
        plan.account_field = login.account_field.clone();
        plan.login_evidence = login.evidence;
        plan.login_secret = login.secret_source().map(secret).transpose()?;
    }
    plan.scheme = scheme(config);
    let uses_acme = config.listen.iter().any(|listen| listen.tls.as_ref().is_some_and(|tls| tls.acme));
    plan.acme = config.acme.as_ref().filter(|_| uses_acme).map(|acme| acme_of(acme, config)).transpose()?;
    plan.alerts = Alerts::of(config);
    let host = plan.hosts.first().map(String::as_str);
    let place = config.status.as_ref().map(|_| link_place(config));
    plan.consent_place = place.and_then(|place| place.whole(&plan.scheme, host, CONSENT_PATH));
    plan.elsewhere = Elsewhere::of(config);
    plan.subscribing = Subscribing::of(config);
    plan.monitors = config.monitor.iter().map(monitor).collect::<Result<_, _>>()?;
    plan.partners = config.partner.iter().map(partner).collect::<Result<_, _>>()?;
    plan.crawlers = config.crawler.iter().filter_map(crawler).collect();
    plan.networks = config.network.iter().map(|network| (network.prefixes.clone(), network.people)).collect();
    plan.limits = Limits::new(rate(limits.address_rate), rate(limits.pass_rate), rate(limits.login_rate));
    plan.login_share = limits.login_share.fraction();
    plan.memory_bytes = limits.memory.bytes();
    plan.connections_max = limits.connections;
    plan.buffer_bytes = limits.buffers.bytes();
    plan.streams_unknown_max = limits.streams;
    plan.head_timeout = limits.head_timeout;
    plan.body_timeout = limits.body_timeout;
    plan.idle_timeout = limits.idle_timeout;
    plan.drain = limits.drain;
    plan.known_max = limits.max_known as usize;
    plan.inflight_max = limits.max_inflight.map(f64::from);
    plan.access_log = config.log.access;
    plan.refusals_per_line = config.log.sample_refusals;
    plan.gates = config.state.gates;
    plan.probing = ProbingSettings::of(config);
    plan.host = HostSettings::of(config);
    Ok(plan)
}

/// Where links lead that the gate makes.
pub(crate) fn link_place(config: &Config) -> LinkPlace {
    let public = config.only_site().url.as_ref().map(ToString::to_string);
    LinkPlace::of(public, &listeners::doors(config), !config.front.is_empty())
}

/// How passes travel: with TLS anywhere, by https alone.
fn scheme(config: &Config) -> Scheme {
    match &config.only_site().cookie_domain {
        _ if config.listen.iter().all(|listen| listen.tls.is_none()) => Scheme::Http,
        None => Scheme::Https,
        Some(domain) => Scheme::HttpsDomain(domain.trim_start_matches('.').to_owned()),
    }
}

/// Where a configuration keeps state.
pub(crate) fn state(config: &Config) -> StateSettings {
    let folder = config.state.dir.clone();
    let logs = config.log.dir.clone().unwrap_or_else(|| folder.join("log"));
    let log = LogSettings {
        bytes_per_second: config.log.bytes_per_second.bytes(),
        bytes_max: config.log.total.bytes(),
        age_max: config.privacy.access_log,
        ..LogSettings::new(&logs)
    };
    let ages = Ages { addresses: config.privacy.addresses, history: config.privacy.history };
    let journal =
        JournalSettings { quota_bytes: config.state.journal.bytes(), ages, ..JournalSettings::default() };
    let recordings = RingSettings { quota_bytes: config.state.recordings.bytes(), ..RingSettings::default() };
    StateSettings { folder, journal, log, recordings }
}

fn origin(origin: &config::Origin) -> Result<OriginSettings, ConfigureError> {
    let https = origin.url.is_https();
    let tls = https.then(|| OriginTls::new(origin.url.host(), origin.ca.as_deref())).transpose()?;
    Ok(OriginSettings {
        authority: origin.url.authority(),
        tls,
        grpc: match origin.grpc {
            config::Grpc::Never => Grpc::Never,
            config::Grpc::Also => Grpc::Also,
            config::Grpc::Only => Grpc::Only,
        },
        weight: origin.weight,
        health_path: origin.health.path.as_ref().map(|path| path.as_str().to_owned()),
        health_interval: origin.health.interval,
        health_timeout: origin.health.timeout,
        connections: origin.max_connections.map_or(Connections::FollowLimit, Connections::AtMost),
        confirms_logins: origin.confirms_logins,
        connect_timeout: origin.connect_timeout,
        answer_timeout: origin.answer_timeout,
    })
}

fn acme_of(acme: &config::Acme, config: &Config) -> Result<acme_io::Settings, ConfigureError> {
    let method = |proof: &config::Proof| match proof {
        config::Proof::TlsAlpn01 => acme_io::Method::Tls,
        config::Proof::Http01 => acme_io::Method::Http,
    };
    let external = match (&acme.external_id, &acme.external_key_file) {
        (Some(id), Some(file)) => Some(external_account(id, file)?),
        _ => None,
    };
    Ok(acme_io::Settings {
        directory: acme.directory.clone(),
        authorities: acme.ca.clone(),
        contacts: acme.contacts.clone(),
        external,
        hosts: config.only_site().hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        methods: acme.proofs.iter().map(method).collect(),
        folder: config.state.dir.join("acme"),
    })
}

fn external_account(id: &str, file: &Path) -> Result<acme_io::ExternalAccount, ConfigureError> {
    let key = secret(SecretSource::File(file))?;
    acme_io::ExternalAccount::new(id, &key).map_err(|error| ConfigureError::Secret {
        path: file.to_owned(),
        error: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
    })
}

fn front(front: &config::Front) -> Front {
    let client_address = match &front.client_address {
        config::ClientAddress::XForwardedFor => ClientAddress::XForwardedFor,
        config::ClientAddress::Forwarded => ClientAddress::Forwarded,
        config::ClientAddress::Header(name) => ClientAddress::Header(name.clone()),
        config::ClientAddress::ProxyProtocol => ClientAddress::ProxyProtocol,
    };
    let config::Front { sources, ja4_header, country_header, .. } = front.clone();
    Front { sources, client_address, ja4_header, country_header }
}

fn route(route: &config::Route) -> Route {
    Route {
        path: route.path.as_str().to_owned(),
        body_bytes: route.body.map(config::Size::bytes),
        websocket: route.websocket,
        long: route.long,
    }
}

fn jwt(jwt: &config::Jwt) -> JwtSettings {
    let jwks = match &jwt.jwks {
        config::Jwks::File(path) => JwksSource::File(path.clone()),
        config::Jwks::Url(url, path) if url.is_https() => JwksSource::Https {
            authority: url.authority(),
            path: path.as_str().to_owned(),
            authorities: jwt.ca.clone(),
        },
        config::Jwks::Url(url, path) => {
            JwksSource::Http { authority: url.authority(), path: path.as_str().to_owned() }
        }
    };
    let rules = JwtRules {
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
        account_claim: jwt.account_claim.clone(),
    };
    JwtSettings { jwks, rules }
}

fn lane(login: &config::Login) -> LanePaths {
    let texts =
        |paths: &[config::RequestPath]| paths.iter().map(|path| path.as_str().to_owned()).collect::<Vec<_>>();
    LanePaths {
        pages: texts(&login.pages),
        submit: texts(&login.submit),
        steps: [texts(&login.mfa), texts(&login.reset), texts(&login.return_to)].concat(),
        assets: texts(&login.assets),
    }
}

fn monitor(monitor: &config::Monitor) -> Result<Monitor, ConfigureError> {
    let secret = monitor.secret_source().map(secret).transpose()?.unwrap_or_default();
    Ok(Monitor { source: monitor.source, header: monitor.secret_header.to_ascii_lowercase(), secret })
}

fn partner(partner: &config::Partner) -> Result<Partner, ConfigureError> {
    let secret = partner.secret_source().map(secret).transpose()?;
    let header = partner.secret_header.as_ref().map(|header| header.to_ascii_lowercase());
    Ok(Partner {
        name: partner.name.clone(),
        paths: partner.paths.iter().map(|path| path.as_str().to_owned()).collect(),
        sources: partner.sources.clone(),
        secret: header.zip(secret),
        share: partner.share.fraction(),
    })
}

/// One that has no proof was refused when the configuration was read.
fn crawler(crawler: &config::Crawler) -> Option<(Crawler, CrawlerSettings)> {
    let (user_agent, domains) = crawler.proof()?;
    let source = |source: &config::Jwks| match source {
        config::Jwks::File(path) => RangeSource::File(path.clone()),
        config::Jwks::Url(url, path) => {
            RangeSource::Https(format!("https://{}{}", url.authority(), path.as_str()))
        }
    };
    let by_name = !domains.is_empty();
    let ranges = crawler.ranges.iter().map(source).collect();
    Some((Crawler { user_agent, by_name }, CrawlerSettings { name: crawler.name.clone(), domains, ranges }))
}

/// What a secret is, without spaces and line ends around it.
pub(crate) fn secret(source: SecretSource<'_>) -> Result<Vec<u8>, ConfigureError> {
    match source {
        SecretSource::Text(secret) => Ok(secret.expose().as_bytes().to_vec()),
        SecretSource::File(path) => {
            let text = std::fs::read(path)
                .map_err(|error| ConfigureError::Secret { path: path.to_owned(), error })?;
            Ok(text.trim_ascii().to_vec())
        }
    }
}

fn rate(rate: config::Rate) -> Rate {
    Rate::per_second(rate.per_second, rate.burst)
}
