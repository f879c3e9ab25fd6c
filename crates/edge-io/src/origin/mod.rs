//! The protected app: its origins, their health, and which one takes a request.

mod channels;
mod dial;
mod health;
mod holders;
mod pool;
mod share;
mod tls;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use model::{Group, Instant};

use self::share::Share;
use crate::grpc::Grpc;
pub(crate) use health::watch;
pub(crate) use holders::{Asker, For};
pub(crate) use pool::{Lease, Pool, SendError};
pub use tls::{OriginTls, OriginTlsError};

/// One origin as configured.
#[derive(Clone, Debug)]
pub struct OriginSettings {
    /// Host and port to connect to, such as `127.0.0.1:3000` or `app.internal:80`.
    pub authority: String,
    /// TLS; without it, plain HTTP.
    pub tls: Option<OriginTls>,
    /// Whether it takes gRPC.
    pub grpc: Grpc,
    /// Share of requests relative to the other origins; 0 takes none.
    pub weight: u32,
    /// Path of the health check; `None` relies on the answers to requests alone.
    pub health_path: Option<String>,
    /// Time between two health checks.
    pub health_interval: Duration,
    /// How long a health check may take.
    pub health_timeout: Duration,
    /// Connections to this origin, over all workers.
    pub connections: Connections,
    /// Whether its `Portcullis-Login` header is believed.
    pub confirms_logins: bool,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// How long it may take from a request to the first byte of its answer.
    pub answer_timeout: Duration,
}

/// How many connections one origin may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connections {
    /// So many.
    AtMost(u32),
    /// [`CONNECTIONS_UNMEASURED`], and four times the app's limit L where that was ever more: WebSockets hold one each and take nothing of
    /// L, so that a small app must not have few, and an app that fails for seconds not fewer than it had. At most
    /// 4,096, for each is an open file.
    FollowLimit,
}

impl Connections {
    fn most(self, limit: f64) -> u32 {
        match self {
            Self::AtMost(most) => most,
            Self::FollowLimit if limit.is_finite() => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
                let most = (4.0 * limit).clamp(CONNECTIONS_UNMEASURED.into(), CONNECTIONS_MAX.into()) as u32;
                most
            }
            Self::FollowLimit => CONNECTIONS_UNMEASURED,
        }
    }
}

/// One origin as it is now, shared by all workers.
pub struct Origin {
    settings: OriginSettings,
    addresses: ArcSwap<Vec<SocketAddr>>,
    host: Option<HeaderValue>,
    inflight: AtomicU32,
    connections: Share,
    /// What unknown clients may hold of them.
    unknown: Share,
    /// What those may hold who sign in or have a ticket.
    login: Share,
    taken_back: AtomicU64,
    /// Known clients of all workers that wait for a connection.
    known_waiting: AtomicU32,
    healthy: AtomicBool,
    failures_in_row: AtomicU32,
    ejections: AtomicU32,
    ejected_until: AtomicU64,
}

impl Origin {
    /// An origin that counts as healthy until it shows otherwise.
    pub fn new(settings: OriginSettings, addresses: Vec<SocketAddr>) -> Self {
        let most = settings.connections.most(f64::INFINITY);
        Self {
            host: HeaderValue::from_str(&settings.authority).ok(),
            settings,
            addresses: ArcSwap::from_pointee(addresses),
            inflight: AtomicU32::new(0),
            connections: Share::new(most),
            unknown: Share::new(for_unknown(most)),
            login: Share::new(for_login(most)),
            taken_back: AtomicU64::new(0),
            known_waiting: AtomicU32::new(0),
            healthy: AtomicBool::new(true),
            failures_in_row: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
        }
    }

    /// Its settings.
    pub fn settings(&self) -> &OriginSettings {
        &self.settings
    }

    /// Whether it takes requests at `now`.
    pub fn is_available(&self, now: Instant) -> bool {
        self.healthy.load(Relaxed) && now.as_nanos() >= self.ejected_until.load(Relaxed)
    }

    /// Whether its last health checks succeeded.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Relaxed)
    }

    /// L has been measured anew; infinite while it is not known.
    fn follow(&self, limit: f64) {
        let most = self.settings.connections.most(limit);
        self.connections.raise(most);
        self.unknown.raise(for_unknown(most));
        self.login.raise(for_login(most));
    }

    /// Connections open to it.
    pub fn connections(&self) -> u32 {
        self.connections.held()
    }

    /// How many connections were taken from clients that kept it waiting.
    pub fn taken_back(&self) -> u64 {
        self.taken_back.load(Relaxed)
    }

    /// What a group may hold of its connections: unknown clients three quarters, those who sign in an eighth, so that an
    /// eighth is always left to known clients, who may hold them all.
    fn share_of(&self, group: Group) -> Option<&Share> {
        match group {
            Group::Admin | Group::Known => None,
            Group::Login | Group::Ticket => Some(&self.login),
            Group::Unknown => Some(&self.unknown),
        }
    }

    pub(crate) fn host(&self) -> Option<HeaderValue> {
        self.host.clone()
    }

    pub(crate) fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        if !addresses.is_empty() {
            self.addresses.store(addresses.into());
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.load().as_ref().clone()
    }

    pub(crate) fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Relaxed);
    }

    /// It answered a request in a way that shows it works.
    pub(crate) fn succeeded(&self) {
        if self.failures_in_row.load(Relaxed) != 0 {
            self.failures_in_row.store(0, Relaxed);
            self.ejections.store(0, Relaxed);
        }
    }

    /// It refused a connection, broke one off, or missed its deadline. After [`FAILURES_TO_EJECT`] in a row it gets no
    /// requests for 1 s, doubling to 30 s with each further ejection (as Envoy's outlier detection grows its).
    pub(crate) fn failed(&self, now: Instant) {
        if self.failures_in_row.fetch_add(1, Relaxed) + 1 < FAILURES_TO_EJECT {
            return;
        }
        self.failures_in_row.store(0, Relaxed);
        let doublings = self.ejections.fetch_add(1, Relaxed).min(5);
        let pause = (EJECTION_BASE * 2_u32.pow(doublings)).min(EJECTION_MAX);
        self.ejected_until.store((now + pause).as_nanos(), Relaxed);
    }

    /// Whether it takes requests of this kind, if `some` takes gRPC.
    fn takes(&self, grpc: bool, some: bool) -> bool {
        match self.settings.grpc {
            Grpc::Never => !(grpc && some),
            Grpc::Also => true,
            Grpc::Only => grpc,
        }
    }

    /// Requests in service per unit of weight: the less, the sooner its turn.
    fn load(&self) -> f64 {
        f64::from(self.inflight.load(Relaxed) + 1) / f64::from(self.settings.weight)
    }
}

/// All origins of a site.
pub struct Origins {
    all: Vec<Origin>,
    /// Some of them take gRPC.
    some_grpc: bool,
}

impl Origins {
    /// These origins.
    pub fn new(origins: Vec<Origin>) -> Self {
        let some_grpc = origins.iter().any(|origin| origin.settings.grpc != Grpc::Never);
        Self { all: origins, some_grpc }
    }

    /// The available origin with the least load for its weight, of those that take gRPC or of those that take everything else. If
    /// none is available, the least loaded of them all: a wrong health check must not shut a site that still answers.
    pub(crate) fn choose(&self, grpc: bool, now: Instant) -> Option<usize> {
        if let [only] = &self.all[..] {
            return only.takes(grpc, self.some_grpc).then_some(0);
        }
        let best = |available_only: bool| {
            (0..self.all.len())
                .filter(|&index| self.all[index].settings.weight > 0)
                .filter(|&index| self.all[index].takes(grpc, self.some_grpc))
                .filter(|&index| !available_only || self.all[index].is_available(now))
                .min_by(|&a, &b| self.all[a].load().total_cmp(&self.all[b].load()))
        };
        best(true).or_else(|| best(false))
    }

    /// The app's limit L, of which each origin's connections may be four times; infinite while it is not known.
    pub(crate) fn follow(&self, limit: f64) {
        self.all.iter().for_each(|origin| origin.follow(limit));
    }

    /// The origins in configuration order.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.all.iter()
    }

    pub(crate) fn at(&self, index: usize) -> &Origin {
        &self.all[index]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}

/// What unknown clients together may hold: three quarters.
const fn for_unknown(most: u32) -> u32 {
    most - most / 4
}

/// What those may hold who sign in or have a ticket: an eighth.
const fn for_login(most: u32) -> u32 {
    most / 8
}

/// Connections to an origin before L is known, and at least.
pub const CONNECTIONS_UNMEASURED: u32 = 256;
/// However large L is.
const CONNECTIONS_MAX: u32 = 4_096;
/// Failures in a row after which an origin is left alone for a while.
pub(crate) const FAILURES_TO_EJECT: u32 = 5;
const EJECTION_BASE: Duration = Duration::from_secs(1);
const EJECTION_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(weights: &[u32]) -> Origins {
        let settings = |&weight| OriginSettings {
            authority: "127.0.0.1:1".into(),
            tls: None,
            grpc: Grpc::Never,
            weight,
            health_path: None,
            health_interval: Duration::from_secs(5),
            health_timeout: Duration::from_secs(2),
            connections: Connections::AtMost(8),
            confirms_logins: false,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(60),
        };
        Origins::new(weights.iter().map(|weight| Origin::new(settings(weight), vec![])).collect())
    }

    #[test]
    fn connections_follow_the_limit_unless_somebody_says_how_many() {
        let most = |limit| Connections::FollowLimit.most(limit);
        assert_eq!([f64::INFINITY, 10.0, 64.0, 100.0, 1e9].map(most), [256, 256, 256, 400, 4_096]);
        assert_eq!(Connections::AtMost(8).most(100.0), 8);
        let origin = Origin::new(
            OriginSettings { connections: Connections::FollowLimit, ..origins(&[1]).at(0).settings.clone() },
            vec![],
        );
        origin.follow(100.0);
        origin.follow(20.0);
        origin.follow(f64::INFINITY);
        assert_eq!((0..500).filter(|_| origin.unknown.try_take()).count(), 300);
        assert_eq!((0..500).filter(|_| origin.login.try_take()).count(), 50);
    }

    #[test]
    fn requests_follow_the_weights() {
        let origins = origins(&[1, 3, 0]);
        let mut taken = [0; 3];
        for _ in 0..40 {
            let index = origins.choose(false, Instant::ORIGIN).unwrap();
            origins.at(index).inflight.fetch_add(1, Relaxed);
            taken[index] += 1;
        }
        assert_eq!(taken, [10, 30, 0]);
    }

    #[test]
    fn five_failures_eject_and_a_success_forgives() {
        let origins = origins(&[1, 1]);
        let now = Instant::from_secs(100);
        for _ in 0..FAILURES_TO_EJECT {
            origins.at(0).failed(now);
        }
        assert!(!origins.at(0).is_available(now));
        assert_eq!(origins.choose(false, now), Some(1));
        assert!(origins.at(0).is_available(now + Duration::from_secs(1)));
        for _ in 0..FAILURES_TO_EJECT {
            origins.at(0).failed(now);
        }
        assert!(!origins.at(0).is_available(now + Duration::from_secs(1)), "the second pause is longer");
    }

    #[test]
    fn with_nobody_available_the_least_loaded_is_tried_all_the_same() {
        let origins = origins(&[1, 1]);
        origins.at(0).set_healthy(false);
        origins.at(1).set_healthy(false);
        origins.at(0).inflight.store(3, Relaxed);
        assert_eq!(origins.choose(false, Instant::ORIGIN), Some(1));
    }
}
