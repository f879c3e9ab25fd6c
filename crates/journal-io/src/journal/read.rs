//! The reading side, for `report`, `ctl clients` and `why`: a connection of its own that cannot write.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{AccountId, Net, PassId, Prefix, Reason, SiteId, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::error::JournalError;
use super::load::{self, INCIDENT_COLUMNS, PASS_COLUMNS, time};
use super::rows::{ActRow, AttemptRow, IncidentRow, NetworkRow, PassRow};
use super::upkeep::{MISTAKE_MILLIS, UNTOLD};
use super::write::{HOUR_MILLIS, millis};
use super::{file, schema};

/// From `since`, included, to `until`, excluded. Counts of refusals know whole hours only and include the first.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The beginning.
    pub since: Timestamp,
    /// The end.
    pub until: Timestamp,
}

/// By what refusals are added up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dimension {
    /// The client's tier: the name is `t0` to `t6`.
    Tier,
    /// The path template; empty for what was added up without it.
    Path,
    /// The network; empty for what was added up without it.
    Network,
}

/// Refusals of one sort, counted exactly.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusedTotal {
    /// The value of the dimension. A path comes from clients: print it as `Untrusted`.
    pub name: String,
    /// The step that refused.
    pub reason: Reason,
    /// Counted only, not refused.
    pub would_be: bool,
    /// How many.
    pub count: u64,
}

/// Refusals of one sort, estimated from samples.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SampledTotal {
    /// The value of the dimension. A path comes from clients: print it as `Untrusted`.
    pub name: String,
    /// The step that refused.
    pub reason: Reason,
    /// Counted only, not refused.
    pub would_be: bool,
    /// Samples of that sort.
    pub samples: u64,
    /// Samples whose client logged in within 24 h: mistakes.
    pub mistaken_samples: u64,
    /// Refusals that the samples stand for.
    pub refused: u64,
    /// Refusals that the mistaken samples stand for.
    pub mistaken: u64,
}

/// From where refusals came, estimated from samples.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SampledNetworks {
    /// Networks (IPv4 /24, IPv6 /48) and the refusals that their samples stand for, the most first.
    pub most: Vec<(String, u64)>,
    /// Refusals of all networks, also of those that are not among the most.
    pub refused: u64,
    /// How many networks there are.
    pub networks: u64,
}

/// A login as it is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoginSeen {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// From where (IPv4 /24, IPv6 /48).
    pub network: Option<Prefix>,
}

/// Reads a journal that another process, or this one, may be writing.
///
/// Each question sees one moment, and none holds the writer up for longer than it takes.
pub struct Reader {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the journal of a state folder; nothing is ever changed or made.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = file(folder);
        if !path.is_file() {
            return Err(JournalError::Absent { path });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags).and_then(|connection| {
            connection.busy_timeout(Duration::from_secs(2))?;
            let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok((connection, found))
        });
        let (connection, found) =
            opened.map_err(|source| JournalError::Sqlite { path: path.clone(), source })?;
        let known = schema::newest();
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Err(JournalError::Older { path }),
            std::cmp::Ordering::Equal => Ok(Self { connection, path }),
            std::cmp::Ordering::Greater => Err(JournalError::Newer { path, found, known }),
        }
    }

    /// Exact counts of refusals, the most first, at most `limit` sorts.
    pub fn refused(
        &self,
        site: SiteId,
        window: Window,
        by: Dimension,
        limit: u32,
    ) -> Result<Vec<RefusedTotal>, JournalError> {
        let sql = format!(
            "SELECT {name}, reason, would_be, sum(count) AS total FROM refused
             WHERE site = ?1 AND hour >= ?2 AND hour * {HOUR_MILLIS} < ?3
             GROUP BY 1, 2, 3 ORDER BY total DESC, 1, 2, 3 LIMIT ?4",
            name = by.column()
        );
        let first_hour = (window.since.as_millis() / HOUR_MILLIS).cast_signed();
        self.all(&sql, params![site.0, first_hour, millis(window.until), limit], |row| {
            Ok(RefusedTotal {
                name: row.get(0)?,
                reason: reason(row.get(1)?)?,
                would_be: row.get(2)?,
                count: row.get(3)?,
            })
        })
    }

    /// What became of the clients of sampled refusals, mistakes first, at most `limit` sorts.
    pub fn sampled(
        &self,
        site: SiteId,
        window: Window,
        by: Dimension,
        limit: u32,
    ) -> Result<Vec<SampledTotal>, JournalError> {
        // A sample of the last day is not decided yet: ask now.
        let sql = format!(
            "SELECT {name}, reason, would_be, count(*), sum(mistaken), sum(weight), sum(weight * mistaken) AS harm
             FROM (SELECT *, coalesce(logged_in = 1, EXISTS (
                       SELECT 1 FROM logins WHERE logins.site = samples.site
                       AND logins.address_hash = samples.address_hash
                       AND logins.at BETWEEN samples.at AND samples.at + {MISTAKE_MILLIS})) AS mistaken
                   FROM samples WHERE site = ?1 AND at >= ?2 AND at < ?3)
             GROUP BY 1, 2, 3 ORDER BY harm DESC, 6 DESC, 1, 2, 3 LIMIT ?4",
            name = by.column()
        );
        self.all(&sql, params![site.0, millis(window.since), millis(window.until), limit], |row| {
            Ok(SampledTotal {
                name: row.get(0)?,
                reason: reason(row.get(1)?)?,
                would_be: row.get(2)?,
                samples: row.get(3)?,
                mistaken_samples: row.get(4)?,
                refused: row.get(5)?,
                mistaken: row.get(6)?,
            })
        })
    }

    /// How many refusals the samples stand for of whose clients nobody can tell any more whether they signed in within a day: their
    /// addresses are kept for less.
    pub fn untold(&self, site: SiteId, window: Window) -> Result<u64, JournalError> {
        let sql = "SELECT coalesce(sum(weight), 0) FROM samples WHERE site = ?1 AND at >= ?2 AND at < ?3 AND logged_in = ?4";
        let values = params![site.0, millis(window.since), millis(window.until), UNTOLD];
        Ok(self.all(sql, values, |row| row.get(0))?.first().copied().unwrap_or(0))
    }

    /// From where sampled refusals came: the `limit` networks with the most of them, and the sums of all.
    pub fn sampled_networks(
        &self,
        site: SiteId,
        window: Window,
        limit: u32,
    ) -> Result<SampledNetworks, JournalError> {
        let sql = "SELECT network, sum(weight), sum(sum(weight)) OVER (), count(*) OVER ()
             FROM samples WHERE site = ?1 AND at >= ?2 AND at < ?3 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?4";
        let mut all = SampledNetworks::default();
        let values = params![site.0, millis(window.since), millis(window.until), limit];
        all.most = self.all(sql, values, |row| {
            (all.refused, all.networks) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(all)
    }

    /// Passes in the order of their ids, behind `after`: page through them with the last one seen.
    pub fn passes(
        &self,
        site: SiteId,
        after: Option<PassId>,
        limit: u32,
    ) -> Result<Vec<PassRow>, JournalError> {
        let sql = format!(
            "SELECT {PASS_COLUMNS} FROM passes WHERE site = ?1 AND (?2 IS NULL OR pass > ?2) ORDER BY pass LIMIT ?3"
        );
        let after = after.map(|pass| pass.0.to_be_bytes());
        self.all(&sql, params![site.0, after, limit], load::pass)
    }

    /// The passes of an account, the oldest first.
    pub fn passes_of(&self, site: SiteId, account: AccountId) -> Result<Vec<PassRow>, JournalError> {
        let sql = format!(
            "SELECT {PASS_COLUMNS} FROM passes WHERE site = ?1 AND account = ?2 ORDER BY issued LIMIT 64"
        );
        self.all(&sql, params![site.0, account.0.to_be_bytes()], load::pass)
    }

    /// The last logins of an account, the newest first.
    pub fn logins_of(
        &self,
        site: SiteId,
        account: AccountId,
        limit: u32,
    ) -> Result<Vec<LoginSeen>, JournalError> {
        self.all(
            "SELECT at, account, network FROM logins WHERE site = ?1 AND account = ?2 ORDER BY at DESC LIMIT ?3",
            params![site.0, account.0.to_be_bytes(), limit],
            login,
        )
    }

    /// The last logins from a network (IPv4 /24, IPv6 /48), the newest first.
    pub fn logins_from(
        &self,
        site: SiteId,
        network: Prefix,
        limit: u32,
    ) -> Result<Vec<LoginSeen>, JournalError> {
        self.all(
            "SELECT at, account, network FROM logins WHERE site = ?1 AND network = ?2 ORDER BY at DESC LIMIT ?3",
            params![site.0, network.to_string(), limit],
            login,
        )
    }

    /// How many logins were confirmed.
    pub fn logins(&self, site: SiteId, window: Window) -> Result<u64, JournalError> {
        let sql = "SELECT count(*) FROM logins WHERE site = ?1 AND at >= ?2 AND at < ?3";
        self.connection
            .query_row(sql, params![site.0, millis(window.since), millis(window.until)], |row| row.get(0))
            .map_err(|source| self.failed(source))
    }

    /// What is known about the network of an address.
    pub fn network(&self, site: SiteId, network: Net) -> Result<Option<NetworkRow>, JournalError> {
        let sql = "SELECT site, net, seen, bitmap FROM networks WHERE site = ?1 AND net = ?2";
        self.connection
            .query_row(sql, params![site.0, network.bits().cast_signed()], load::network)
            .optional()
            .map_err(|source| self.failed(source))
    }

    /// What admins did, the newest first.
    pub fn acts(&self, site: SiteId, window: Window, limit: u32) -> Result<Vec<ActRow>, JournalError> {
        let acts = self.numbered_acts(site, window, limit)?;
        Ok(acts.into_iter().map(|(_, act)| act).collect())
    }

    /// The same, each with its number in the journal, by which a report names it.
    pub fn numbered_acts(
        &self,
        site: SiteId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<(u64, ActRow)>, JournalError> {
        self.all(
            "SELECT at, uid, text, id FROM acts WHERE site = ?1 AND at >= ?2 AND at < ?3 ORDER BY at DESC, id DESC LIMIT ?4",
            params![site.0, millis(window.since), millis(window.until), limit],
            |row| {
                let text: String = row.get(2)?;
                let act = ActRow { site, at: time(row.get(0)?), uid: row.get(1)?, text: text.into() };
                Ok((row.get(3)?, act))
            },
        )
    }

    /// The last tries to alert somebody, the newest first.
    pub fn attempts(&self, site: SiteId, limit: u32) -> Result<Vec<AttemptRow>, JournalError> {
        let sql = "SELECT receiver, key, number, at, state, why FROM attempts WHERE site = ?1 ORDER BY id DESC LIMIT ?2";
        self.all(sql, params![site.0, limit], |row| attempt(site, row))
    }

    /// The first tries of a time to alert somebody, the oldest first, each with its number in the journal.
    pub fn first_attempts(
        &self,
        site: SiteId,
        window: Window,
        limit: u32,
    ) -> Result<Vec<(u64, AttemptRow)>, JournalError> {
        let sql = "SELECT receiver, key, number, at, state, why, id FROM attempts
             WHERE site = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, id LIMIT ?4";
        let values = params![site.0, millis(window.since), millis(window.until), limit];
        self.all(sql, values, |row| Ok((row.get(6)?, attempt(site, row)?)))
    }

    /// Records of incidents in the order of their numbers, behind `after`: page through them with the last one seen.
    pub fn incidents(
        &self,
        site: SiteId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<IncidentRow>, JournalError> {
        let sql = format!(
            "SELECT {INCIDENT_COLUMNS} FROM incidents WHERE site = ?1 AND (?2 IS NULL OR seq > ?2) ORDER BY seq LIMIT ?3"
        );
        self.all(&sql, params![site.0, after, limit], load::incident)
    }

    /// A state value.
    pub fn state(&self, site: SiteId, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        self.connection
            .query_row("SELECT value FROM state WHERE site = ?1 AND key = ?2", params![site.0, key], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|source| self.failed(source))
    }

    fn all<T>(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(values, read)?.collect::<Result<_, _>>());
        rows.map_err(|source| self.failed(source))
    }

    pub(super) fn failed(&self, source: rusqlite::Error) -> JournalError {
        JournalError::Sqlite { path: self.path.clone(), source }
    }
}

impl Dimension {
    /// The expression that gives the name; part of the SQL, so never anything that came from outside.
    const fn column(self) -> &'static str {
        match self {
            Self::Tier => "'t' || tier",
            Self::Path => "path",
            Self::Network => "network",
        }
    }
}

fn login(row: &rusqlite::Row<'_>) -> rusqlite::Result<LoginSeen> {
    Ok(LoginSeen {
        at: time(row.get(0)?),
        account: AccountId(u128::from_be_bytes(row.get(1)?)),
        network: row.get::<_, String>(2)?.parse().ok(),
    })
}

fn attempt(site: SiteId, row: &rusqlite::Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        site,
        receiver: row.get::<_, String>(0)?.into(),
        key: row.get::<_, String>(1)?.into(),
        number: row.get(2)?,
        at: time(row.get(3)?),
        state: row.get(4)?,
        why: row.get::<_, String>(5)?.into(),
    })
}

/// A number that no reason has can only come from a newer version or from damage.
fn reason(number: u8) -> rusqlite::Result<Reason> {
    Reason::from_number(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, number.into()))
}
