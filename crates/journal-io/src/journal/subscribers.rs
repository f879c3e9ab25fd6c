//! Subscribers of the status page, news for them, and who heard what of it.

use model::SiteId;
use rusqlite::{Connection, Transaction, params};

use super::load::{Loaded, all, time};
use super::rows::{self, NewsRow, Row, SubscriberRow, ToldRow};
use super::write::{execute, millis};

/// Writes one of their rows.
pub(super) fn write(transaction: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
    match row {
        Row::Subscriber(row) => execute(
            transaction,
            "INSERT OR REPLACE INTO subscribers (site, id, since, refusals, address, chosen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![row.site.0, row.id, millis(row.since), row.refusals, row.address, row.chosen],
        ),
        Row::SubscriberGone { site, id } => {
            for sql in [
                "DELETE FROM subscribers WHERE site = ?1 AND id = ?2",
                "DELETE FROM told WHERE site = ?1 AND subscriber = ?2",
            ] {
                execute(transaction, sql, params![site.0, id])?;
            }
            Ok(())
        }
        Row::News(news) => execute(
            transaction,
            "INSERT OR IGNORE INTO news (site, seq, at, bytes) VALUES (?1, ?2, ?3, ?4)",
            params![news.site.0, news.seq, millis(news.at), news.bytes],
        ),
        // Of somebody who left while a mail was on its way, nothing is kept.
        Row::Told(told) => execute(
            transaction,
            "INSERT OR REPLACE INTO told (site, subscriber, subject, seq, attempts, at, state, why)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
             WHERE EXISTS (SELECT 1 FROM subscribers WHERE site = ?1 AND id = ?2)",
            params![
                told.site.0,
                told.subscriber,
                told.subject,
                told.seq,
                told.attempts,
                millis(told.at),
                told.state,
                rows::cut(&told.why, rows::ACT_BYTES_MAX)
            ],
        ),
        Row::Pass(_)
        | Row::PassSeen { .. }
        | Row::Revoked { .. }
        | Row::PassGone { .. }
        | Row::Token(_)
        | Row::TokenGone { .. }
        | Row::Network(_)
        | Row::Refused(_)
        | Row::Sample(_)
        | Row::Login(_)
        | Row::Act(_)
        | Row::Incidents(_)
        | Row::Delivery(_)
        | Row::Attempt(_)
        | Row::Path(_)
        | Row::State { .. } => unreachable!("write_row gives these to others"),
    }
}

/// All of them, with news and what was heard of it.
pub(super) fn load(connection: &Connection, loaded: &mut Loaded) -> rusqlite::Result<()> {
    let sql = "SELECT site, id, since, refusals, address, chosen FROM subscribers ORDER BY id LIMIT ?1";
    loaded.subscribers = all(connection, sql, Loaded::SUBSCRIBERS_MAX, |row| {
        Ok(SubscriberRow {
            site: SiteId(row.get(0)?),
            id: row.get(1)?,
            since: time(row.get(2)?),
            refusals: row.get(3)?,
            address: row.get::<_, String>(4)?.into(),
            chosen: row.get::<_, String>(5)?.into(),
        })
    })?;
    let sql = "SELECT site, seq, at, bytes FROM news ORDER BY id DESC LIMIT ?1";
    loaded.news = all(connection, sql, Loaded::NEWS_MAX, |row| {
        Ok(NewsRow {
            site: SiteId(row.get(0)?),
            seq: row.get(1)?,
            at: time(row.get(2)?),
            bytes: row.get::<_, Vec<u8>>(3)?.into(),
        })
    })?;
    let sql =
        "SELECT site, subscriber, subject, seq, attempts, at, state, why FROM told ORDER BY at DESC LIMIT ?1";
    loaded.told = all(connection, sql, Loaded::TOLD_MAX, |row| {
        Ok(ToldRow {
            site: SiteId(row.get(0)?),
            subscriber: row.get(1)?,
            subject: row.get::<_, String>(2)?.into(),
            seq: row.get(3)?,
            attempts: row.get(4)?,
            at: time(row.get(5)?),
            state: row.get(6)?,
            why: row.get::<_, String>(7)?.into(),
        })
    })?;
    Ok(())
}

/// News and what was heard of it, older than a moment.
pub(super) const DELETE_NEWS: &str =
    "DELETE FROM news WHERE id IN (SELECT id FROM news WHERE at < ?1 ORDER BY at LIMIT ?2)";
/// See [`DELETE_NEWS`].
pub(super) const DELETE_TOLD: &str = "DELETE FROM told WHERE (site, subscriber, subject) IN
     (SELECT site, subscriber, subject FROM told WHERE at < ?1 ORDER BY at LIMIT ?2)";
