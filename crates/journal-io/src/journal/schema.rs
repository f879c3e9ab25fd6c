//! The layout of the database, and how an older one becomes the newest.

use rusqlite::Connection;

/// One step for each layout version; `user_version` says how many were taken. Never change one that was released.
pub(super) const STEPS: &[&str] = &[
    include_str!("layout-1.sql"),
    include_str!("layout-2.sql"),
    include_str!("layout-3.sql"),
    include_str!("layout-4.sql"),
];

/// What became of a database's layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Migrated {
    /// It is the newest now.
    Newest,
    /// A newer version wrote it: this many steps were taken.
    Newer(u32),
}

/// Takes the missing steps, each in a transaction of its own, so that a crash between two leaves a valid layout.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<Migrated> {
    let taken: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Some(missing) = steps.get(taken as usize..) else { return Ok(Migrated::Newer(taken)) };
    for (version, step) in (taken + 1..).zip(missing) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(Migrated::Newest)
}

/// The newest layout of this version.
pub(super) fn newest() -> u32 {
    u32::try_from(STEPS.len()).expect("there are few steps")
}
