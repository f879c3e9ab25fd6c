//! One row into the database.

use model::{SiteId, Timestamp};
use rusqlite::{Transaction, params};

use super::rows::{self, AttemptRow, PassRow, RefusedRow, Row, SampleRow};
use super::subscribers;

/// Writes a row; the two counts keep an hour's sorts and samples within their limits.
pub(super) fn write_row(
    transaction: &Transaction<'_>,
    row: &Row,
    sorts: &mut HourCounts,
    samples: &mut HourCounts,
) -> rusqlite::Result<()> {
    match row {
        Row::Pass(pass) => write_pass(transaction, pass),
        Row::PassSeen { site, pass, seen, homes } => execute(
            transaction,
            "UPDATE passes SET last_seen = max(last_seen, ?3), homes = ?4 WHERE site = ?1 AND pass = ?2",
            params![site.0, pass.0.to_be_bytes(), millis(*seen), homes_blob(homes)],
        ),
        Row::Revoked { site, pass, at } => revoke(transaction, *site, pass.0, *at),
        Row::PassGone { site, pass } => execute(
            transaction,
            "DELETE FROM passes WHERE site = ?1 AND pass = ?2 AND revoked IS NULL",
            params![site.0, pass.0.to_be_bytes()],
        ),
        Row::Token(token) => execute(
            transaction,
            "INSERT OR REPLACE INTO tokens (site, hash, first, last, answers) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                token.site.0,
                token.hash.to_be_bytes(),
                millis(token.first),
                millis(token.last),
                token.answers
            ],
        ),
        Row::TokenGone { site, hash } => execute(
            transaction,
            "DELETE FROM tokens WHERE site = ?1 AND hash = ?2",
            params![site.0, hash.to_be_bytes()],
        ),
        Row::Delivery(delivery) => execute(
            transaction,
            "INSERT OR IGNORE INTO deliveries (site, receiver, key, at, state, attempts, bytes)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
            params![
                delivery.site.0,
                delivery.receiver,
                delivery.key,
                millis(delivery.at),
                delivery.attempts,
                delivery.bytes
            ],
        ),
        Row::Attempt(attempt) => write_attempt(transaction, attempt),
        Row::Subscriber(_) | Row::SubscriberGone { .. } | Row::News(_) | Row::Told(_) => {
            subscribers::write(transaction, row)
        }
        Row::Refused(refused) => write_refused(transaction, refused, sorts),
        Row::Sample(sample) => write_sample(transaction, sample, samples),
        Row::Network(_)
        | Row::Login(_)
        | Row::Act(_)
        | Row::Incidents(_)
        | Row::Path(_)
        | Row::State { .. } => write_plain(transaction, row),
    }
}

/// Rows that are put in as they are.
fn write_plain(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    match row {
        Row::Network(network) => execute(
            transaction,
            "INSERT INTO networks (site, net, seen, bitmap) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (site, net) DO UPDATE SET seen = max(seen, excluded.seen), bitmap = excluded.bitmap",
            params![network.site.0, network.net.cast_signed(), millis(network.seen), network.bitmap],
        ),
        Row::Login(login) => execute(
            transaction,
            "INSERT INTO logins (site, at, account, network, address_hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                login.site.0,
                millis(login.at),
                login.account.0.to_be_bytes(),
                login.network.to_string(),
                login.address_hash.cast_signed()
            ],
        ),
        Row::Act(act) => execute(
            transaction,
            "INSERT INTO acts (site, at, uid, text) VALUES (?1, ?2, ?3, ?4)",
            params![act.site.0, millis(act.at), act.uid, rows::cut(&act.text, rows::ACT_BYTES_MAX)],
        ),
        Row::Incidents(records) => records.iter().try_for_each(|record| {
            execute(
                transaction,
                "INSERT INTO incidents (site, seq, at, hash, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![record.site.0, record.seq, millis(record.at), record.hash, record.bytes],
            )
        }),
        Row::Path(path) => execute(
            transaction,
            "INSERT OR REPLACE INTO paths (site, path_hash, is_private, asked) VALUES (?1, ?2, ?3, ?4)",
            params![path.site.0, path.path_hash.cast_signed(), path.is_private, millis(path.asked)],
        ),
        Row::State { site, key, value } => execute(
            transaction,
            "INSERT OR REPLACE INTO state (site, key, value) VALUES (?1, ?2, ?3)",
            params![site.0, key, value],
        ),
        Row::Pass(_)
        | Row::PassSeen { .. }
        | Row::Revoked { .. }
        | Row::PassGone { .. }
        | Row::Token(_)
        | Row::TokenGone { .. }
        | Row::Delivery(_)
        | Row::Attempt(_)
        | Row::Subscriber(_)
        | Row::SubscriberGone { .. }
        | Row::News(_)
        | Row::Told(_)
        | Row::Refused(_)
        | Row::Sample(_) => unreachable!("write_row keeps these to itself"),
    }
}

fn write_pass(transaction: &Transaction<'_>, pass: &PassRow) -> rusqlite::Result<()> {
    // Whatever order rows come in: an account does not get younger, and a revoked pass stays revoked.
    execute(
        transaction,
        "INSERT INTO passes (site, pass, account, first_confirmed, issued, last_seen, way, budget_class,
                             minted_in_incident, revoked, homes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (site, pass) DO UPDATE SET
             account = excluded.account, first_confirmed = min(first_confirmed, excluded.first_confirmed),
             issued = excluded.issued, last_seen = max(last_seen, excluded.last_seen), way = excluded.way,
             budget_class = excluded.budget_class, minted_in_incident = excluded.minted_in_incident,
             revoked = coalesce(revoked, excluded.revoked), homes = excluded.homes",
        params![
            pass.site.0,
            pass.pass.0.to_be_bytes(),
            pass.account.0.to_be_bytes(),
            millis(pass.first_confirmed),
            millis(pass.issued),
            millis(pass.last_seen),
            pass.way,
            pass.budget_class,
            pass.minted_in_incident,
            pass.revoked.map(millis),
            homes_blob(&pass.homes)
        ],
    )
}

/// A pass is valid by its MAC without a row, so its revocation makes one.
fn revoke(transaction: &Transaction<'_>, site: SiteId, pass: u128, at: Timestamp) -> rusqlite::Result<()> {
    execute(
        transaction,
        "INSERT INTO passes (site, pass, account, first_confirmed, issued, last_seen, way, budget_class,
                             minted_in_incident, revoked)
         VALUES (?1, ?2, zeroblob(16), ?3, ?3, ?3, 0, 0, 0, ?3)
         ON CONFLICT (site, pass) DO UPDATE SET revoked = coalesce(revoked, excluded.revoked)",
        params![site.0, pass.to_be_bytes(), millis(at)],
    )
}

fn write_attempt(transaction: &Transaction<'_>, attempt: &AttemptRow) -> rusqlite::Result<()> {
    execute(
        transaction,
        "INSERT INTO attempts (site, receiver, key, number, at, state, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            attempt.site.0,
            attempt.receiver,
            attempt.key,
            attempt.number,
            millis(attempt.at),
            attempt.state,
            rows::cut(&attempt.why, rows::ACT_BYTES_MAX)
        ],
    )?;
    execute(
        transaction,
        // What has come to its end stays there: another process may be late with what it tried before.
        "UPDATE deliveries SET state = ?4, attempts = ?5
         WHERE site = ?1 AND receiver = ?2 AND key = ?3 AND state = 0",
        params![attempt.site.0, attempt.receiver, attempt.key, attempt.state, attempt.number],
    )
}

fn write_refused(
    transaction: &Transaction<'_>,
    refused: &RefusedRow,
    sorts: &mut HourCounts,
) -> rusqlite::Result<()> {
    let hour = refused.at.as_millis() / HOUR_MILLIS;
    let path = rows::cut(&refused.path, rows::PATH_BYTES_MAX);
    let network = refused.network.map(|network| network.to_string()).unwrap_or_default();
    if add_refused(transaction, refused, hour, path, &network)? {
        return Ok(());
    }
    let count = sorts.of(hour, || {
        transaction
            .prepare_cached("SELECT count(*) FROM refused WHERE hour = ?1")?
            .query_row([hour], |row| row.get(0))
    })?;
    // The number stays exact in an hour with too many sorts; only where it came from is added up.
    let (path, network) = if *count >= rows::SORTS_AN_HOUR_MAX { ("", "") } else { (path, network.as_str()) };
    if add_refused(transaction, refused, hour, path, network)? {
        return Ok(());
    }
    *count += 1;
    let (reason, tier) = (refused.reason.number(), refused.tier.index());
    execute(
        transaction,
        "INSERT INTO refused (hour, site, reason, tier, would_be, path, network, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![hour, refused.site.0, reason, tier, refused.would_be, path, network, refused.count],
    )
}

/// Adds to a sort that is already there.
fn add_refused(
    transaction: &Transaction<'_>,
    refused: &RefusedRow,
    hour: u64,
    path: &str,
    network: &str,
) -> rusqlite::Result<bool> {
    let (reason, tier) = (refused.reason.number(), refused.tier.index());
    transaction
        .prepare_cached(
            "UPDATE refused SET count = count + ?8 WHERE hour = ?1 AND site = ?2 AND reason = ?3 AND tier = ?4
             AND would_be = ?5 AND path = ?6 AND network = ?7",
        )?
        .execute(params![
            hour,
            refused.site.0,
            reason,
            tier,
            refused.would_be,
            path,
            network,
            refused.count
        ])
        .map(|changed| changed > 0)
}

fn write_sample(
    transaction: &Transaction<'_>,
    sample: &SampleRow,
    samples: &mut HourCounts,
) -> rusqlite::Result<()> {
    let hour = sample.at.as_millis() / HOUR_MILLIS;
    let count = samples.of(hour, || {
        let (begin, end) = ((hour * HOUR_MILLIS).cast_signed(), ((hour + 1) * HOUR_MILLIS).cast_signed());
        transaction
            .prepare_cached("SELECT count(*) FROM samples WHERE at >= ?1 AND at < ?2")?
            .query_row([begin, end], |row| row.get(0))
    })?;
    if *count >= samples_until(sample.at) {
        return Ok(());
    }
    *count += 1;
    let (reason, tier) = (sample.reason.number(), sample.tier.index());
    execute(
        transaction,
        "INSERT INTO samples (site, at, reason, tier, would_be, weight, path, network, address_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            sample.site.0,
            millis(sample.at),
            reason,
            tier,
            sample.would_be,
            sample.weight,
            rows::cut(&sample.path, rows::PATH_BYTES_MAX),
            sample.network.to_string(),
            sample.address_hash.cast_signed()
        ],
    )
}

/// How many samples an hour may hold by a moment in it: a fifth at once, the rest spread over its minutes, so that a
/// flood at the full hour does not leave the other 59 minutes without any.
pub(super) fn samples_until(at: Timestamp) -> u32 {
    let minute = u32::try_from(at.as_millis() / 60_000 % 60).expect("a remainder of 60 is less than 60");
    let at_once = rows::SAMPLES_AN_HOUR_MAX / 5;
    at_once + (rows::SAMPLES_AN_HOUR_MAX - at_once) * (minute + 1) / 60
}

pub(super) fn execute(
    transaction: &Transaction<'_>,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute(values).map(|_| ())
}

/// Milliseconds as SQLite keeps them; a moment beyond the year 292 million becomes the last one.
pub(super) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// Nothing, when no home is known: most rows then are a fifth shorter.
fn homes_blob(homes: &[u64; 4]) -> Option<[u8; 32]> {
    if homes.iter().all(|home| *home == 0) {
        return None;
    }
    let mut blob = [0; 32];
    for (place, home) in blob.as_chunks_mut::<8>().0.iter_mut().zip(homes) {
        *place = home.to_be_bytes();
    }
    Some(blob)
}

/// Milliseconds of an hour.
pub(super) const HOUR_MILLIS: u64 = 3_600_000;

/// Rows counted in the two hours that rows come for; around a full hour both are written.
#[derive(Default)]
pub(super) struct HourCounts([Option<(u64, u32)>; 2]);

impl HourCounts {
    /// The count of an hour, asked from the database when it is not one of the two.
    fn of(&mut self, hour: u64, ask: impl FnOnce() -> rusqlite::Result<u32>) -> rusqlite::Result<&mut u32> {
        if !matches!(self.0[0], Some((known, _)) if known == hour) {
            self.0.swap(0, 1);
        }
        match &mut self.0[0] {
            Some((known, _)) if *known == hour => {}
            place => *place = Some((hour, ask()?)),
        }
        let (_, count) = self.0[0].as_mut().expect("the hour was put here above");
        Ok(count)
    }
}
