//! The beginning: what the gate knows after 28 calm days, computed from the scenario's own rates.

use std::sync::Arc;

use admission::caps::ConnectionSettings;
use admission::concurrency::{ClassBase, HEALTHY_SECONDS, Snapshot};
use admission::lane::LanePaths;
use admission::limits::{LadderSettings, Limits, Rate, TableName};
use admission::pass::{Pass, Row, Scheme, Way};
use admission::site::{Controller, Monitor, Site, SiteSettings};
use model::{Mode, Net, PassId, SiteId, Timestamp};

use super::clients::{Client, PassBytes, Town};
use super::gate::{MONITOR_HEADER, MONITOR_SECRET};
use super::routes::Route;
use super::{Layers, SERVICE_SIGMA, clients, habits};
use crate::random::{Random, mix, whole};
use crate::scenario::Scenario;

/// Connection slots of the gate (contracts).
pub(super) const CONNECTIONS: u32 = 10_000;

/// The gate and the customers before the first request.
pub(super) struct Beginning {
    pub(super) site: Arc<Site>,
    pub(super) controller: Controller,
    pub(super) customers: Vec<Client>,
    /// Passes of attackers who signed in long before, by attack.
    pub(super) aged: Vec<Vec<PassBytes>>,
}

/// Builds it. `wall` is the wall clock at the beginning.
pub(super) fn begin(
    scenario: &Scenario,
    town: &Town,
    seed: u64,
    layers: Layers,
    wall: Timestamp,
) -> Beginning {
    let site = Site::new(settings(scenario, seed, layers));
    let mut random = Random::stream(seed, PART);
    // The pass clock begins with the controller.
    let _clock = Controller::new(&site, None, None, wall);
    let mut mint = Mint { site: &site, wall, warm: scenario.warm, rows: Vec::new() };
    let mut customers = Vec::new();
    for number in 0..scenario.known.clients {
        let mut client = town.person(number, true);
        let is_new = number % 5 == 4;
        client.pass = mint.pass(client.account, age(&mut random, is_new), Some(&client));
        customers.push(client);
    }
    let aged = scenario.attacks.iter().map(|attack| {
        let names = (0..attack.aged()).map(|number| mix(seed ^ mix(u64::from(number) | 0xA6ED << 40)));
        names.filter_map(|account| mint.pass(account, age(&mut random, false), None)).collect()
    });
    let aged = aged.collect();
    let rows = std::mem::take(&mut mint.rows);
    site.registry().restore(rows);
    if scenario.warm {
        seed_office(&site, town, &customers, wall);
    }
    let kept = scenario.warm.then(|| learnt(scenario, &site));
    let mut controller = Controller::new(&site, kept.as_ref(), None, wall).recorded();
    // A core that knows nothing of calm advises nothing.
    if scenario.warm && layers == Layers::All {
        habits::show_visits(&site, seed);
        controller = controller.with_guard(habits::learnt(scenario, &site, town, &customers, seed, wall));
    }
    Beginning { site, controller, customers, aged }
}

/// L, the bases and the demand of known clients as the limiter would keep them over a restart. Classes are founded on the way.
fn learnt(scenario: &Scenario, site: &Site) -> Snapshot {
    let median_ms = scenario.origin.service_ms / libm::exp(SERVICE_SIGMA * SERVICE_SIGMA / 2.0);
    let mut bases = Vec::new();
    for route in Route::ALL {
        site.found_class(route.method(), route.path());
        let class = site.class_of(route.method(), route.path());
        let median_ms = median_ms * route.services();
        site.classes().set_cost(usize::from(class), median_ms);
        bases.push(ClassBase { class, median_ms, samples: 1_000_000, seconds: 600 });
    }
    let capacity = f64::from(scenario.origin.capacity);
    let known = scenario.known.load * capacity;
    let load = (known + scenario.unknown.load * capacity).max(1.0);
    // Four deviations: the most of 28 days, in which the noise of the load is new 27,000 times.
    let highest = (load * libm::exp(4.0 * 0.09) + 2.0 * libm::sqrt(load)).min(0.95 * capacity);
    Snapshot {
        // While nothing ever saturated the app, L stays at four times what the first calm minutes showed.
        limit: L_FIRST * (load + libm::sqrt(load)),
        healthy_seconds: HEALTHY_SECONDS,
        highest_healthy: highest,
        known_p95: known + 1.645 * libm::sqrt(known),
        bases,
    }
}

/// People of the office were seen there on other days.
fn seed_office(site: &Site, town: &Town, customers: &[Client], wall: Timestamp) {
    let office = Net::network(town.office());
    for client in customers.iter().take(OFFICE_SEEN) {
        site.nat().saw(office, PassId(id_of(client.account)), wall);
    }
}

/// How long ago the account was first confirmed, in seconds.
fn age(random: &mut Random, is_new: bool) -> u64 {
    if is_new {
        random.below(DAY)
    } else {
        DAY + 1 + whole(random.exponential(60.0 * DAY as f64)).min(400 * DAY)
    }
}

struct Mint<'a> {
    site: &'a Site,
    wall: Timestamp,
    warm: bool,
    rows: Vec<Row>,
}

impl Mint<'_> {
    fn pass(&mut self, account: u64, age_seconds: u64, home: Option<&Client>) -> Option<PassBytes> {
        let id = PassId(id_of(account));
        let issued = self.wall.before(std::time::Duration::from_secs(age_seconds));
        let account = self.site.site_key().account(name_of(account).as_bytes());
        let pass = Pass { site: SiteId(0), id, issued, account, in_incident: false };
        self.rows.push(Row {
            id,
            account,
            first_confirmed: issued,
            minted: issued,
            last_seen: self.wall,
            way: Way::Header,
            in_incident: false,
        });
        if let Some(client) = home.filter(|_| self.warm) {
            self.site.nat().saw(Net::network(client.address), id, self.wall);
        }
        self.site.pass_keys().seal(&pass).as_str().as_bytes().first_chunk().copied()
    }
}

/// The name of an account at the app.
pub(super) fn name_of(account: u64) -> String {
    format!("account-{account:016x}")
}

fn id_of(account: u64) -> u128 {
    u128::from(mix(account ^ 0x55)) << 64 | u128::from(mix(account ^ 0xAA))
}

fn settings(scenario: &Scenario, seed: u64, layers: Layers) -> SiteSettings {
    let key = |label: u64| {
        let mut bytes = [0; 32];
        for (place, chunk) in (0_u64..).zip(bytes.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&mix(seed ^ mix(label << 8 | place)).to_be_bytes());
        }
        bytes
    };
    let table_key = |label: u64| key(label).first_chunk().copied().unwrap_or([0; 16]);
    let one = |path: &str| vec![path.to_owned()];
    let people = usize::try_from(scenario.known.clients).unwrap_or(0);
    SiteSettings {
        id: SiteId(0),
        mode: Mode::Auto,
        ladder: ladder(scenario, layers, [1, 2, 3, 4, 5, 6, 12].map(table_key)),
        connections: ConnectionSettings::new(CONNECTIONS, table_key(7)),
        waiting_places: 4_096,
        passes_in_use: (2 * people).clamp(1 << 10, 1 << 17),
        known_max: 1_000_000,
        tokens: 64,
        networks: (2 * people).clamp(1 << 10, 1 << 16),
        session: None,
        token_header: None,
        lane: LanePaths {
            pages: one(Route::LoginPage.path()),
            submit: one(Route::LoginSubmit.path()),
            steps: Vec::new(),
            assets: one(Route::LoginFile.path()),
        },
        login_share: admission::slots::LOGIN_SHARE,
        login_evidence: false,
        login_secret: None,
        scheme: Scheme::Https,
        monitors: vec![Monitor {
            source: model::Prefix::of(clients::MONITOR, 32),
            header: MONITOR_HEADER.to_owned(),
            secret: MONITOR_SECRET.to_vec(),
        }],
        partners: Vec::new(),
        crawlers: Vec::new(),
        pass_keys: vec![(1, key(8))],
        site_key: key(9),
        reference_key: key(10),
        table_seed: key(11),
        node: 0,
        gates: 1,
        limit_max: None,
    }
}

/// The limits as the gate has them. Tables that nobody could fill are smaller than there: they fit into caches.
fn ladder(scenario: &Scenario, layers: Layers, keys: [[u8; 16]; TableName::COUNT]) -> LadderSettings {
    let mut settings = LadderSettings::new(keys);
    if layers == Layers::Threshold {
        let any = Rate::per_second(1e6, 1e9);
        settings.limits = Limits::new(any, any, any);
    }
    let sources: u64 = scenario.attacks.iter().map(|attack| u64::from(attack.sources)).sum();
    let people = u64::from(scenario.known.clients) + u64::from(scenario.unknown.clients);
    let most = crate::random::index(8 * (sources + people)).max(1 << 12);
    settings.slots = settings.slots.map(|slots| slots.min(most));
    settings
}

const PART: u64 = 4;
const DAY: u64 = 86_400;
const L_FIRST: f64 = 4.0;
/// People of the office whose passes were seen at its address.
const OFFICE_SEEN: usize = 100;
