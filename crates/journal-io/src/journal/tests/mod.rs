//! Scenario tests; [`Stage`] is the only test code that knows how a journal is opened and looked at.

mod alerts;
mod durability;
mod incidents;
mod privacy;
mod quota;
mod reports;
mod subscribers;

use std::path::{Path, PathBuf};

use model::{PassId, Reason, Tier};

use super::*;

const SITE: SiteId = SiteId(0);
const PATIENCE: Duration = Duration::from_secs(30);
/// Each is a system call or more.
const TRIES: u32 = 100_000;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const EVERYTHING: Window = Window { since: Timestamp::from_millis(0), until: Timestamp::from_secs(1 << 40) };

/// A state folder with a gate's journal in it.
struct Stage {
    folder: tempfile::TempDir,
    journal: Option<Journal>,
    loaded: Loaded,
}

impl Stage {
    fn new() -> Self {
        Self::with_quota(16 << 20)
    }

    fn with_quota(quota_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (journal, loaded) = open(folder.path(), quota_bytes).unwrap();
        Self { folder, journal: Some(journal), loaded }
    }

    fn with_ages(ages: Ages) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (journal, loaded) = open_with(folder.path(), 16 << 20, ages).unwrap();
        Self { folder, journal: Some(journal), loaded }
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::open(self.folder.path()).unwrap()
    }

    fn path(&self) -> PathBuf {
        file(self.folder.path())
    }

    #[track_caller]
    fn record(&self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            assert!(self.journal().record(row.clone()), "no place for {row:?}");
        }
        assert!(self.journal().settle(PATIENCE), "{:?}", self.journal().health());
    }

    #[track_caller]
    fn sweep(&self, seconds: u64) {
        self.journal().sweep(Timestamp::from_secs(seconds));
        assert!(self.journal().settle(PATIENCE));
        // The sweep follows the answer of its own round: a second answer means that it is over.
        assert!(self.journal().settle(PATIENCE));
    }

    fn restart(&mut self) {
        self.journal = None;
        // A child that another test has just begun holds everything that is open until it becomes its own program.
        let is_held = |opened: &Result<_, JournalError>| matches!(opened, Err(JournalError::InUse { .. }));
        let tries = (0..TRIES).map(|_| open(self.folder.path(), 16 << 20));
        let opened = tries.inspect(|_| thread::yield_now()).find(|opened| !is_held(opened));
        let (journal, loaded) = opened.expect("nobody holds it for long").unwrap();
        (self.journal, self.loaded) = (Some(journal), loaded);
    }

    fn count(&self, table: &str) -> u32 {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }
}

fn open(folder: &Path, quota_bytes: u64) -> Result<(Journal, Loaded), JournalError> {
    open_with(folder, quota_bytes, Ages::default())
}

fn open_with(folder: &Path, quota_bytes: u64, ages: Ages) -> Result<(Journal, Loaded), JournalError> {
    let ample = Space { free_bytes: 1 << 30, total_bytes: 2 << 30 };
    let space: SpaceProbe = Arc::new(move |_| Ok(ample));
    Journal::open(folder, JournalSettings { quota_bytes, ballast_bytes: 4_096, space, ages })
}

fn pass(number: u64, seconds: u64) -> PassRow {
    let at = Timestamp::from_secs(seconds);
    PassRow {
        site: SITE,
        pass: PassId(number.into()),
        account: AccountId(1_000 + u128::from(number)),
        first_confirmed: at,
        issued: at,
        last_seen: at,
        way: 1,
        budget_class: 0,
        minted_in_incident: false,
        revoked: None,
        homes: [number, 0, 0, u64::MAX],
    }
}

fn login(number: u64, seconds: u64) -> Row {
    Row::Login(LoginRow {
        site: SITE,
        at: Timestamp::from_secs(seconds),
        account: AccountId(1_000 + u128::from(number)),
        address_hash: number,
        network: "192.0.2.0/24".parse().unwrap(),
    })
}

fn sample(number: u64, seconds: u64) -> SampleRow {
    SampleRow {
        site: SITE,
        at: Timestamp::from_secs(seconds),
        reason: Reason::AddressLimit,
        tier: Tier::T5,
        path: "/event/*".into(),
        network: "192.0.2.0/24".parse().unwrap(),
        address_hash: number,
        would_be: true,
        weight: 1,
    }
}

fn refused(path: &str, seconds: u64, count: u64) -> RefusedRow {
    RefusedRow {
        site: SITE,
        at: Timestamp::from_secs(seconds),
        reason: Reason::Threshold,
        tier: Tier::T5,
        path: path.into(),
        network: Some("198.51.100.0/24".parse().unwrap()),
        would_be: false,
        count,
    }
}

fn network(number: u64, seconds: u64) -> Row {
    let seen = Timestamp::from_secs(seconds);
    Row::Network(NetworkRow { site: SITE, net: number, seen, bitmap: Box::new([7; 32]) })
}

fn act(text: &str, seconds: u64) -> Row {
    Row::Act(ActRow { site: SITE, at: Timestamp::from_secs(seconds), uid: Some(1_000), text: text.into() })
}
