//! What the gate needs to know at its start.

use std::collections::BTreeMap;

use model::{AccountId, PassId, SiteId, Timestamp};
use rusqlite::{Connection, Row};

use super::rows::{
    DeliveryRow, IncidentRow, NetworkRow, NewsRow, PassRow, PathRow, SubscriberRow, TokenRow, ToldRow,
};
use super::subscribers;

/// What a journal held when it was opened.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Revoked passes first, then the others, the last used first; at most [`Loaded::PASSES_MAX`] of each.
    pub passes: Vec<PassRow>,
    /// Tokens, the last used first.
    pub tokens: Vec<TokenRow>,
    /// Networks of customers, the last used first.
    pub networks: Vec<NetworkRow>,
    /// Learnt paths, the last asked first.
    pub paths: Vec<PathRow>,
    /// The newest records of incidents, in the order in which they were written; at most [`Loaded::INCIDENTS_MAX`] with
    /// [`Loaded::INCIDENT_BYTES_MAX`] in all. The first is mostly not the first that there was.
    pub incidents: Vec<IncidentRow>,
    /// Messages to those who are alerted that nobody has taken yet, the oldest first; at most [`Loaded::DELIVERIES_MAX`].
    pub deliveries: Vec<DeliveryRow>,
    /// Subscribers of the status page, at most [`Loaded::SUBSCRIBERS_MAX`].
    pub subscribers: Vec<SubscriberRow>,
    /// News for them, the newest first; at most [`Loaded::NEWS_MAX`].
    pub news: Vec<NewsRow>,
    /// Who heard what of it, the latest first; at most [`Loaded::TOLD_MAX`].
    pub told: Vec<ToldRow>,
    /// State values by site and key.
    pub state: BTreeMap<(SiteId, String), Vec<u8>>,
    /// What an admin should know about the opening.
    pub notices: Vec<String>,
}

impl Loaded {
    /// Passes read at most (contracts, `max_known`).
    pub const PASSES_MAX: usize = 1_000_000;

    /// Tokens, networks and paths read at most, of each.
    pub const OTHERS_MAX: usize = 262_144;

    /// Records of incidents read at most.
    pub const INCIDENTS_MAX: usize = 100_000;

    /// Bytes of all records of incidents read at most.
    pub const INCIDENT_BYTES_MAX: usize = 32 << 20;

    /// Messages read at most: all that may wait for a hundred receivers.
    pub const DELIVERIES_MAX: usize = 25_600;

    /// Subscribers read at most.
    pub const SUBSCRIBERS_MAX: usize = 50_000;

    /// News for subscribers read at most: more than two days can bring.
    pub const NEWS_MAX: usize = 1_000;

    /// Notes of who heard what read at most: of eight incidents for each subscriber.
    pub const TOLD_MAX: usize = 8 * Self::SUBSCRIBERS_MAX;

    /// The value of a site's state key.
    pub fn state(&self, site: SiteId, key: &str) -> Option<&[u8]> {
        self.state.get(&(site, key.to_owned())).map(Vec::as_slice)
    }
}

pub(super) fn load(connection: &Connection, notice: Option<String>) -> rusqlite::Result<Loaded> {
    let select = |condition: &str| {
        format!(
            "SELECT {PASS_COLUMNS} FROM passes WHERE revoked {condition} ORDER BY last_seen DESC LIMIT ?1"
        )
    };
    let mut passes = all(connection, &select("IS NOT NULL"), Loaded::PASSES_MAX, pass)?;
    passes.extend(all(connection, &select("IS NULL"), Loaded::PASSES_MAX, pass)?);
    let tokens = "SELECT site, hash, first, last, answers FROM tokens ORDER BY last DESC LIMIT ?1";
    let networks = "SELECT site, net, seen, bitmap FROM networks ORDER BY seen DESC LIMIT ?1";
    let paths = "SELECT site, path_hash, is_private, asked FROM paths ORDER BY asked DESC LIMIT ?1";
    let state = all(connection, "SELECT site, key, value FROM state LIMIT ?1", Loaded::OTHERS_MAX, |row| {
        Ok(((SiteId(row.get(0)?), row.get(1)?), row.get(2)?))
    })?;
    let mut loaded = Loaded {
        passes,
        tokens: all(connection, tokens, Loaded::OTHERS_MAX, token)?,
        networks: all(connection, networks, Loaded::OTHERS_MAX, network)?,
        paths: all(connection, paths, Loaded::OTHERS_MAX, path)?,
        incidents: incidents(connection)?,
        deliveries: all(connection, WAITING, Loaded::DELIVERIES_MAX, delivery)?,
        state: state.into_iter().collect(),
        notices: notice.into_iter().collect(),
        ..Loaded::default()
    };
    subscribers::load(connection, &mut loaded)?;
    Ok(loaded)
}

/// The columns that [`pass`] reads.
pub(super) const PASS_COLUMNS: &str = "site, pass, account, first_confirmed, issued, last_seen, way, budget_class, \
                                       minted_in_incident, revoked, homes";

pub(super) fn pass(row: &Row<'_>) -> rusqlite::Result<PassRow> {
    Ok(PassRow {
        site: SiteId(row.get(0)?),
        pass: PassId(u128::from_be_bytes(row.get(1)?)),
        account: AccountId(u128::from_be_bytes(row.get(2)?)),
        first_confirmed: time(row.get(3)?),
        issued: time(row.get(4)?),
        last_seen: time(row.get(5)?),
        way: row.get(6)?,
        budget_class: row.get(7)?,
        minted_in_incident: row.get(8)?,
        revoked: row.get::<_, Option<i64>>(9)?.map(time),
        homes: homes(row.get(10)?),
    })
}

pub(super) fn network(row: &Row<'_>) -> rusqlite::Result<NetworkRow> {
    Ok(NetworkRow {
        site: SiteId(row.get(0)?),
        net: row.get::<_, i64>(1)?.cast_unsigned(),
        seen: time(row.get(2)?),
        bitmap: row.get::<_, Vec<u8>>(3)?.into(),
    })
}

fn incidents(connection: &Connection) -> rusqlite::Result<Vec<IncidentRow>> {
    let mut statement =
        connection.prepare(&format!("SELECT {INCIDENT_COLUMNS} FROM incidents ORDER BY id DESC LIMIT ?1"))?;
    let mut rows = statement.query([Loaded::INCIDENTS_MAX])?;
    let (mut read, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let row = incident(row)?;
        bytes += row.bytes.len();
        if bytes > Loaded::INCIDENT_BYTES_MAX {
            break;
        }
        read.push(row);
    }
    read.reverse();
    Ok(read)
}

const WAITING: &str =
    "SELECT site, receiver, key, at, attempts, bytes FROM deliveries WHERE state = 0 ORDER BY id LIMIT ?1";

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        site: SiteId(row.get(0)?),
        receiver: row.get::<_, String>(1)?.into(),
        key: row.get::<_, String>(2)?.into(),
        at: time(row.get(3)?),
        attempts: row.get(4)?,
        bytes: row.get::<_, Vec<u8>>(5)?.into(),
    })
}

/// The columns that [`incident`] reads.
pub(super) const INCIDENT_COLUMNS: &str = "site, seq, at, bytes, hash";

pub(super) fn incident(row: &Row<'_>) -> rusqlite::Result<IncidentRow> {
    Ok(IncidentRow {
        site: SiteId(row.get(0)?),
        seq: row.get(1)?,
        at: time(row.get(2)?),
        bytes: row.get::<_, Vec<u8>>(3)?.into(),
        hash: row.get(4)?,
    })
}

/// A moment as SQLite keeps it; a negative one, which only damage can bring, reads as 1970.
pub(super) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        site: SiteId(row.get(0)?),
        hash: u128::from_be_bytes(row.get(1)?),
        first: time(row.get(2)?),
        last: time(row.get(3)?),
        answers: row.get(4)?,
    })
}

fn path(row: &Row<'_>) -> rusqlite::Result<PathRow> {
    Ok(PathRow {
        site: SiteId(row.get(0)?),
        path_hash: row.get::<_, i64>(1)?.cast_unsigned(),
        is_private: row.get(2)?,
        asked: time(row.get(3)?),
    })
}

fn homes(blob: Option<[u8; 32]>) -> [u64; 4] {
    let mut homes = [0; 4];
    for (home, bytes) in homes.iter_mut().zip(blob.unwrap_or_default().as_chunks::<8>().0) {
        *home = u64::from_be_bytes(*bytes);
    }
    homes
}

pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    rows_max: usize,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([rows_max], read)?.collect()
}
