//! What a gate leaves in its journal for the next start, and what that makes of it.

use std::sync::Arc;

use admission::concurrency::{ClassBase, Snapshot};
use admission::handover::Handover;
use admission::known::TokenRow;
use admission::nat::NatRow;
use admission::pass::{Row, Way};
use admission::site::Site;
use journal_io::journal::{Journal, Loaded, NetworkRow};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::SITE;
use crate::announcer::Keeper;
use crate::gate::Kept;
use crate::memory::GoOn;
use crate::orders::Orders;

/// Keeps L, what calm showed of clients, and the pass time in the journal.
pub(super) struct JournalKeeper {
    pub(super) journal: Arc<Journal>,
    pub(super) site: Arc<Site>,
}

impl Keeper for JournalKeeper {
    fn keep(&mut self, limit: &Snapshot, pass_time: Timestamp) {
        let bases: Vec<_> =
            limit.bases.iter().map(|base| (base.class, base.median_ms, base.samples, base.seconds)).collect();
        let value = serde_json::json!({
            "limit": if limit.limit.is_finite() { Some(limit.limit) } else { None },
            "healthy_seconds": limit.healthy_seconds,
            "highest_healthy": limit.highest_healthy,
            "known_p95": limit.known_p95,
            "bases": bases,
        });
        self.state(LIMIT_KEY, value.to_string().into_bytes());
        let habits =
            Habits { limits: self.site.ladder().factors().to_vec(), customers: self.site.budgets().counts() };
        self.state(HABITS_KEY, serde_json::to_vec(&habits).unwrap_or_default());
        self.state(TIME_KEY, pass_time.as_millis().to_be_bytes().to_vec());
    }
}

/// What calm showed of how much clients ask for.
#[derive(Debug, Deserialize, Serialize)]
struct Habits {
    /// How many times their floors the limits of addresses and networks are, in 256 parts.
    limits: Vec<u32>,
    /// How often customers had which debts.
    customers: Vec<u64>,
}

impl JournalKeeper {
    fn state(&self, key: &str, value: Vec<u8>) {
        let row = journal_io::journal::Row::State { site: SITE, key: key.into(), value: value.into() };
        // A full queue drops history first; the next one comes in ten seconds.
        let _queued = self.journal.record(row);
    }
}

/// What the gate goes on with.
pub(super) fn kept(loaded: &Loaded, go_on: GoOn, orders: &Orders, estate: Option<Handover>) -> Kept {
    Kept {
        limit: kept_limit(loaded),
        pass_time: kept_time(loaded),
        go_on,
        was_allowed: orders.is_allowed(),
        estate,
    }
}

fn kept_limit(loaded: &Loaded) -> Option<Snapshot> {
    let value: serde_json::Value = serde_json::from_slice(loaded.state(SITE, LIMIT_KEY)?).ok()?;
    let number = |key: &str| value.get(key).and_then(serde_json::Value::as_f64);
    let bases = serde_json::from_value::<Vec<(u8, f64, u64, u32)>>(value.get("bases")?.clone()).ok()?;
    let to_base = |(class, median_ms, samples, seconds)| ClassBase { class, median_ms, samples, seconds };
    Some(Snapshot {
        limit: number("limit").unwrap_or(f64::INFINITY),
        healthy_seconds: value
            .get("healthy_seconds")
            .and_then(serde_json::Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())?,
        highest_healthy: number("highest_healthy")?,
        known_p95: number("known_p95")?,
        bases: bases.into_iter().map(to_base).collect(),
    })
}

fn kept_time(loaded: &Loaded) -> Option<Timestamp> {
    let bytes = loaded.state(SITE, TIME_KEY)?;
    Some(Timestamp::from_millis(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// Gives admission back what an earlier process knew.
pub(super) fn restore(site: &Site, loaded: &Loaded, wall: Timestamp) {
    for row in loaded.passes.iter().filter(|row| row.revoked.is_some()) {
        site.passes().revoke(row.pass);
    }
    let live = loaded.passes.iter().filter(|row| row.revoked.is_none()).map(|row| Row {
        id: row.pass,
        account: row.account,
        first_confirmed: row.first_confirmed,
        minted: row.issued,
        last_seen: row.last_seen,
        way: Way::ALL.get(usize::from(row.way)).copied().unwrap_or(Way::Header),
        in_incident: row.minted_in_incident,
    });
    site.registry().restore(live);
    for token in &loaded.tokens {
        site.tokens().insert(TokenRow {
            hash: token.hash,
            first: token.first,
            last: token.last,
            good: token.answers.into(),
        });
    }
    let habits =
        loaded.state(SITE, HABITS_KEY).and_then(|bytes| serde_json::from_slice::<Habits>(bytes).ok());
    if let Some(habits) = habits {
        site.ladder().restore(&habits.limits);
        site.budgets().restore(&habits.customers);
    }
    let networks: Vec<NatRow> = loaded.networks.iter().filter_map(unpack_network).collect();
    site.nat().restore(&networks, wall);
}

/// Three generations and their bits, big endian.
pub(super) fn pack_network(row: &NatRow, seen: Timestamp) -> NetworkRow {
    let generations = row.generations.iter().flat_map(|generation| generation.to_be_bytes());
    let bits = row.bits.iter().flat_map(|bits| bits.to_be_bytes());
    NetworkRow { site: SITE, net: row.network, seen, bitmap: generations.chain(bits).collect() }
}

fn unpack_network(row: &NetworkRow) -> Option<NatRow> {
    let (generations, bits) = row.bitmap.split_at_checked(6)?;
    let mut unpacked = NatRow { network: row.net, generations: [0; 3], bits: [0; 3] };
    for (at, bytes) in generations.chunks_exact(2).enumerate() {
        unpacked.generations[at] = u16::from_be_bytes(bytes.try_into().ok()?);
    }
    for (at, bytes) in bits.chunks_exact(16).enumerate() {
        *unpacked.bits.get_mut(at)? = u128::from_be_bytes(bytes.try_into().ok()?);
    }
    Some(unpacked)
}

const LIMIT_KEY: &str = "limit";
const HABITS_KEY: &str = "habits";
const TIME_KEY: &str = "pass-time";
