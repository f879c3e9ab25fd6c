//! What the journal forgets: by age, by quota, and when a person asks for it.

use std::fs;
use std::time::Duration;

use model::{AccountId, SiteId, Timestamp};
use rusqlite::params;

use super::Ages;
use super::load::Loaded;
use super::store::{Store, broken, with_suffix};
use super::subscribers::{DELETE_NEWS, DELETE_TOLD};
use super::write::{HOUR_MILLIS, millis};

/// Steps with which room is made at one time.
const TRIM_STEPS_MAX: u32 = 8;

/// Pages given back to the file system by one sweep.
const VACUUM_PAGES: u32 = 1_000;

/// A pass or token that nobody used for so long is forgotten.
const KNOWN_AGE_MAX: Duration = Duration::from_secs(90 * 86_400);

/// A revoked pass is remembered for longer than any key opens one (four of 30 days each): else it would count again.
const REVOKED_AGE_MAX: Duration = Duration::from_secs(180 * 86_400);

/// The gate asks about a path again each day, so an answer of the day before yesterday serves nobody.
const PATH_AGE_MAX: Duration = Duration::from_secs(2 * 86_400);

/// Acts of admins are kept for a little more than a year.
const ACT_AGE_MAX: Duration = Duration::from_secs(400 * 86_400);

/// So are incidents: a page shows 90 days, a report compares a year with the one before.
const INCIDENT_AGE_MAX: Duration = Duration::from_secs(400 * 86_400);

/// Alerts and tries to deliver them are kept as long as a page shows incidents.
const ALERT_AGE_MAX: Duration = Duration::from_secs(90 * 86_400);

/// What subscribers were told is needed for as long as it can be told again, a day, and some more for clocks that are set.
const NEWS_AGE_MAX: Duration = Duration::from_secs(3 * 86_400);

/// A damaged database that was moved aside stays for a week.
const BROKEN_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// What is too old, and where the last sweep stopped looking for homes to forget.
#[derive(Clone, Copy, Debug)]
pub(super) struct SweepState {
    ages: Ages,
    homes: (i64, u16, [u8; 16]),
}

impl SweepState {
    pub(super) fn new(ages: Ages) -> Self {
        Self { ages, homes: Default::default() }
    }
}

impl Store {
    /// Forgets what is too old at `now`: of each kind as many rows as fit into one transaction, so that a sweep never
    /// holds the writer for long.
    pub(super) fn sweep(&mut self, now: Timestamp, state: &mut SweepState) -> rusqlite::Result<()> {
        let is_early = state.ages.addresses < Ages::default().addresses;
        self.forget_addresses(millis(now.before(state.ages.addresses)), is_early)?;
        let history = now.before(state.ages.history);
        self.forget_homes(millis(history), &mut state.homes)?;
        let (history_hour, history) = ((history.as_millis() / HOUR_MILLIS).cast_signed(), millis(history));
        let known = millis(now.before(KNOWN_AGE_MAX));
        for (sql, limit) in [
            (DELETE_SAMPLES, history),
            (DELETE_LOGINS, history),
            (DELETE_NETWORKS, history),
            (DELETE_PATHS, millis(now.before(PATH_AGE_MAX))),
            (DELETE_REFUSED, history_hour),
            (DELETE_PASSES, known),
            (DISOWN_REVOKED, known),
            (DELETE_REVOKED, millis(now.before(REVOKED_AGE_MAX))),
            (DELETE_TOKENS, known),
            (DELETE_ACTS, millis(now.before(ACT_AGE_MAX))),
            (DELETE_DELIVERIES, millis(now.before(ALERT_AGE_MAX))),
            (DELETE_ATTEMPTS, millis(now.before(ALERT_AGE_MAX))),
            (DELETE_NEWS, millis(now.before(NEWS_AGE_MAX))),
            (DELETE_TOLD, millis(now.before(NEWS_AGE_MAX))),
        ] {
            self.delete(sql, limit)?;
        }
        self.delete_incidents(DELETE_OLD_INCIDENTS, millis(now.before(INCIDENT_AGE_MAX)))?;
        self.forget_broken(now);
        self.trim(false)?;
        self.give_pages_back()
    }

    /// Decides for each sample whose address is too old whether its client logged in within a day, as far as is known, then forgets
    /// the addresses that the answer came from.
    fn forget_addresses(&mut self, limit: i64, is_early: bool) -> rusqlite::Result<()> {
        let nobody = if is_early { UNTOLD } else { 0 };
        let resolved = self
            .connection
            .prepare_cached(
                "UPDATE samples SET address_hash = NULL, logged_in = CASE WHEN EXISTS (
                     SELECT 1 FROM logins WHERE logins.site = samples.site
                     AND logins.address_hash = samples.address_hash
                     AND logins.at BETWEEN samples.at AND samples.at + ?3) THEN 1 ELSE ?4 END
                 WHERE id IN (SELECT id FROM samples WHERE at < ?1 AND address_hash IS NOT NULL ORDER BY at LIMIT ?2)",
            )?
            .execute(params![limit, self.transaction_rows(), MISTAKE_MILLIS, nobody])?;
        if resolved >= self.transaction_rows() {
            return Ok(()); // Logins of that day are still needed by the next piece.
        }
        self.connection
            .prepare_cached(
                "UPDATE logins SET address_hash = NULL WHERE id IN
                 (SELECT id FROM logins WHERE at < ?1 AND address_hash IS NOT NULL ORDER BY at LIMIT ?2)",
            )?
            .execute(params![limit, self.transaction_rows()])?;
        Ok(())
    }

    /// Forgets the networks of passes that were not used for long; each pass is looked at once.
    fn forget_homes(&mut self, limit: i64, from: &mut (i64, u16, [u8; 16])) -> rusqlite::Result<()> {
        let rows_max = self.transaction_rows();
        let transaction = self.connection.transaction()?;
        let passes: Vec<(i64, u16, [u8; 16])> = transaction
            .prepare_cached(
                "SELECT last_seen, site, pass FROM passes
                 WHERE (last_seen, site, pass) > (?1, ?2, ?3) AND last_seen < ?4
                 ORDER BY last_seen, site, pass LIMIT ?5",
            )?
            .query_map(params![from.0, from.1, from.2, limit, rows_max], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        for (_, site, pass) in &passes {
            transaction
                .prepare_cached(
                    "UPDATE passes SET homes = NULL WHERE site = ?1 AND pass = ?2 AND homes IS NOT NULL",
                )?
                .execute(params![site, pass])?;
        }
        transaction.commit()?;
        if let Some(last) = passes.last() {
            *from = *last;
        }
        Ok(())
    }

    fn delete(&self, sql: &str, limit: i64) -> rusqlite::Result<usize> {
        let deleted =
            self.connection.prepare_cached(sql)?.execute(params![limit, self.transaction_rows()])?;
        self.checkpoint();
        Ok(deleted)
    }

    /// As [`Store::delete`], for rows that may have sixteen pages each.
    fn delete_incidents(&self, sql: &str, limit: i64) -> rusqlite::Result<usize> {
        let rows_max = (self.transaction_rows() / 4).max(1);
        let deleted = self.connection.prepare_cached(sql)?.execute(params![limit, rows_max])?;
        self.checkpoint();
        Ok(deleted)
    }

    /// Makes room while more than nine tenths of the quota are used, or at once when `is_full`.
    ///
    /// The oldest history, samples, counts, learnt paths and tries to alert go first, with records of incidents that no start reads any more;
    /// then logins. Passes, tokens, acts, other incidents and state never.
    pub(super) fn trim(&mut self, is_full: bool) -> rusqlite::Result<()> {
        for step in 0..TRIM_STEPS_MAX {
            let is_urgent = is_full && step == 0;
            if !is_urgent && self.pages_used()? <= self.pages_max / 10 * 9 {
                return Ok(());
            }
            let mut deleted = 0;
            for sql in [DELETE_NETWORKS, DELETE_SAMPLES, DELETE_REFUSED, DELETE_PATHS, DELETE_ATTEMPTS] {
                deleted += self.delete(sql, i64::MAX)?;
            }
            deleted += self.delete_incidents(DELETE_UNREAD_INCIDENTS, READ_BYTES)?;
            if deleted == 0 {
                deleted = self.delete(DELETE_LOGINS, i64::MAX)?;
            }
            if deleted == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Empty pages go back to the file system once they are a quarter of the file.
    fn give_pages_back(&self) -> rusqlite::Result<()> {
        let pages: u64 = self.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        if self.pages_used()? > pages / 4 * 3 {
            return Ok(());
        }
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Removes a damaged database when its week is over: it may hold addresses too.
    fn forget_broken(&self, now: Timestamp) {
        let broken = broken(&self.path);
        let Ok(modified) = fs::metadata(&broken).and_then(|metadata| metadata.modified()) else { return };
        let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if now.since(Timestamp::from_millis(0)).saturating_sub(since_epoch) < BROKEN_AGE_MAX {
            return;
        }
        for suffix in ["", "-wal", "-shm"] {
            // What cannot be removed now is tried again at the next sweep.
            drop(fs::remove_file(with_suffix(&broken, suffix)));
        }
    }

    /// Erases everything about an account, from the file's free pages and the log too.
    ///
    /// False when a reader still holds the log, in which traces are: ask again.
    pub(super) fn forget(&mut self, site: SiteId, account: AccountId) -> rusqlite::Result<bool> {
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        self.connection.pragma_update(None, "secure_delete", true)?;
        let erased = self.erase(site, account);
        self.connection.pragma_update(None, "secure_delete", false)?;
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        erased?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, u32>(0)? == 0))
    }

    fn erase(&mut self, site: SiteId, account: AccountId) -> rusqlite::Result<()> {
        let identity = account.0.to_be_bytes();
        let transaction = self.connection.transaction()?;
        // A revoked pass must stay revoked: its row keeps the pass, and loses the person.
        transaction.execute(
            "UPDATE passes SET account = zeroblob(16), homes = NULL
             WHERE site = ?1 AND account = ?2 AND revoked IS NOT NULL",
            params![site.0, identity],
        )?;
        transaction
            .execute("DELETE FROM passes WHERE site = ?1 AND account = ?2", params![site.0, identity])?;
        transaction.execute("DELETE FROM tokens WHERE site = ?1 AND hash = ?2", params![site.0, identity])?;
        transaction
            .execute("DELETE FROM logins WHERE site = ?1 AND account = ?2", params![site.0, identity])?;
        transaction.execute(
            "UPDATE acts SET text = replace(text, ?2, 'forgotten') WHERE site = ?1 AND instr(text, ?2) > 0",
            params![site.0, format!("{:032x}", account.0)],
        )?;
        transaction.commit()
    }
}

/// In `logged_in` of a sample: its address went before the day was over in which its client might have signed in.
pub(super) const UNTOLD: i64 = 2;

/// A refusal was a mistake when its client logged in within this time after it (contracts, `report`).
pub(super) const MISTAKE_MILLIS: i64 = 86_400_000;

const DELETE_SAMPLES: &str =
    "DELETE FROM samples WHERE id IN (SELECT id FROM samples WHERE at < ?1 ORDER BY at LIMIT ?2)";
const DELETE_LOGINS: &str =
    "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE at < ?1 ORDER BY at LIMIT ?2)";
const DELETE_ACTS: &str =
    "DELETE FROM acts WHERE id IN (SELECT id FROM acts WHERE at < ?1 ORDER BY at LIMIT ?2)";
const DELETE_DELIVERIES: &str =
    "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE at < ?1 ORDER BY at LIMIT ?2)";
const DELETE_ATTEMPTS: &str =
    "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at < ?1 ORDER BY at LIMIT ?2)";
/// Only the oldest part of the chain, without a hole, whatever the clock told when its records were written.
const DELETE_OLD_INCIDENTS: &str = "DELETE FROM incidents WHERE id IN
     (SELECT id FROM incidents WHERE id < coalesce(
          (SELECT id FROM incidents WHERE at >= ?1 ORDER BY id LIMIT 1), 9223372036854775807) ORDER BY id LIMIT ?2)";
/// Those behind the newest with so many bytes in all.
const DELETE_UNREAD_INCIDENTS: &str = "DELETE FROM incidents WHERE id IN
     (SELECT id FROM (SELECT id, sum(length(bytes)) OVER (ORDER BY id DESC) AS newer FROM incidents)
      WHERE newer > ?1 ORDER BY id LIMIT ?2)";
const READ_BYTES: i64 = Loaded::INCIDENT_BYTES_MAX as i64;
const DELETE_NETWORKS: &str = "DELETE FROM networks WHERE (site, net) IN
     (SELECT site, net FROM networks WHERE seen < ?1 ORDER BY seen LIMIT ?2)";
const DELETE_PATHS: &str = "DELETE FROM paths WHERE (site, path_hash) IN
     (SELECT site, path_hash FROM paths WHERE asked < ?1 LIMIT ?2)";
const DELETE_REFUSED: &str = "DELETE FROM refused WHERE (hour, site, reason, tier, would_be, path, network) IN
     (SELECT hour, site, reason, tier, would_be, path, network FROM refused WHERE hour < ?1 ORDER BY hour LIMIT ?2)";
const DELETE_PASSES: &str = "DELETE FROM passes WHERE (site, pass) IN
     (SELECT site, pass FROM passes WHERE last_seen < ?1 AND revoked IS NULL ORDER BY last_seen LIMIT ?2)";
/// The row of a revoked pass loses its person when that of another would be deleted.
const DISOWN_REVOKED: &str = "UPDATE passes SET account = zeroblob(16), homes = NULL WHERE (site, pass) IN
     (SELECT site, pass FROM passes WHERE last_seen < ?1 AND revoked IS NOT NULL AND account <> zeroblob(16)
      ORDER BY last_seen LIMIT ?2)";
const DELETE_REVOKED: &str = "DELETE FROM passes WHERE (site, pass) IN
     (SELECT site, pass FROM passes WHERE last_seen < ?1 AND revoked IS NOT NULL ORDER BY last_seen LIMIT ?2)";
const DELETE_TOKENS: &str = "DELETE FROM tokens WHERE (site, hash) IN
     (SELECT site, hash FROM tokens WHERE last < ?1 LIMIT ?2)";
