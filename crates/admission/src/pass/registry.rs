//! All known clients: on the way of a confirmation only, behind the caller's lock.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AccountId, PassId, SiteId, Timestamp};

use super::Pass;

/// Live passes that one account may have.
pub const PASSES_PER_ACCOUNT: usize = 8;

/// How a client became known, in order of trust.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Way {
    /// The app said so in `Portcullis-Login`.
    Header,
    /// The app answered a path that only signed-in people get.
    Session,
    /// A login, and then a private page.
    Login,
    /// A bearer token of age.
    Token,
    /// A verified JWT.
    Jwt,
}

impl Way {
    /// All ways.
    pub const ALL: [Self; 5] = [Self::Header, Self::Session, Self::Login, Self::Token, Self::Jwt];

    /// The word in journal and reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Session => "session",
            Self::Login => "login",
            Self::Token => "token",
            Self::Jwt => "jwt",
        }
    }
}

/// One pass as it is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Row {
    /// Which pass.
    pub id: PassId,
    /// Whose.
    pub account: AccountId,
    /// The first confirmation of the account, by pass time.
    pub first_confirmed: Timestamp,
    /// When this pass was minted.
    pub minted: Timestamp,
    /// When the account was last confirmed with it.
    pub last_seen: Timestamp,
    /// How.
    pub way: Way,
    /// Minted at level 3 or above.
    pub in_incident: bool,
}

/// What a confirmation leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Minted {
    /// The pass to give to the client.
    pub pass: Pass,
    /// Its row.
    pub row: Row,
    /// The pass that had to leave, to be revoked.
    pub replaced: Option<PassId>,
}

/// Of the clients confirmed in the last seven days, how many would be admitted now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Coverage {
    /// Clients confirmed in the last seven days.
    pub confirmed: u64,
    /// Of these, the ones whose pass is live and aged.
    pub aged: u64,
    /// Of these, the ones whose pass is live but younger than 24 h or minted in an incident.
    pub young: u64,
}

/// All known clients of a site.
pub struct Registry {
    max: usize,
    rows: BTreeMap<PassId, Row>,
    accounts: BTreeMap<AccountId, Vec<PassId>>,
    /// Passes that were replaced or ran out although they had been confirmed lately: their owners are not covered.
    lost: u64,
}

impl Registry {
    /// A registry of at most `max` passes (contract: 1 M).
    pub fn new(max: usize) -> Self {
        Self { max: max.max(PASSES_PER_ACCOUNT), rows: BTreeMap::new(), accounts: BTreeMap::new(), lost: 0 }
    }

    /// Takes back rows that were kept; those beyond the maximum are left out, the youngest first.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.make_room();
            self.insert(row);
        }
    }

    /// The app confirmed an account on a device without a valid pass: mints one.
    ///
    /// `id` is random. The age of the account carries over from its older passes.
    pub fn mint(
        &mut self,
        site: SiteId,
        account: AccountId,
        id: PassId,
        way: Way,
        in_incident: bool,
        time: Timestamp,
    ) -> Minted {
        let first_confirmed = self.of(account).map(|row| row.first_confirmed).min().unwrap_or(time);
        let in_incident = in_incident && first_confirmed == time;
        let replaced = self.crowded_out(account, time);
        if let Some(id) = replaced {
            self.remove(id);
        }
        self.make_room();
        let row = Row { id, account, first_confirmed, minted: time, last_seen: time, way, in_incident };
        self.insert(row);
        Minted { pass: Pass { site, id, issued: first_confirmed, account, in_incident }, row, replaced }
    }

    /// The account was confirmed on a device that has this pass. A valid pass without a row gets one again.
    pub fn confirm(&mut self, pass: &Pass, way: Way, time: Timestamp) -> Row {
        if let Some(row) = self.rows.get_mut(&pass.id) {
            row.last_seen = row.last_seen.max(time);
            return *row;
        }
        self.make_room();
        let row = Row {
            id: pass.id,
            account: pass.account,
            first_confirmed: pass.issued,
            minted: pass.issued,
            last_seen: time,
            way,
            in_incident: pass.in_incident,
        };
        self.insert(row);
        row
    }

    /// Forgets an account; its passes are to be revoked.
    pub fn forget(&mut self, account: AccountId) -> Vec<PassId> {
        let passes = self.accounts.get(&account).cloned().unwrap_or_default();
        passes.iter().for_each(|&id| self.remove(id));
        passes
    }

    /// Passes of an account.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &Row> {
        self.accounts.get(&account).into_iter().flatten().filter_map(|id| self.rows.get(id))
    }

    /// All rows by pass.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// How many passes there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// See [`Coverage`].
    pub fn coverage(&self, time: Timestamp) -> Coverage {
        let week_ago = time.before(COVERAGE_WINDOW);
        let mut coverage = Coverage { confirmed: self.lost, ..Coverage::default() };
        for row in self.rows.values().filter(|row| row.last_seen >= week_ago) {
            coverage.confirmed += 1;
            if time.since(row.first_confirmed) >= AGED && !row.in_incident {
                coverage.aged += 1;
            } else {
                coverage.young += 1;
            }
        }
        coverage
    }

    /// The pass that a ninth one replaces: the youngest, never one older than 24 h; if all are older, the longest
    /// unused (contract).
    fn crowded_out(&self, account: AccountId, time: Timestamp) -> Option<PassId> {
        let rows: Vec<&Row> = self.of(account).collect();
        if rows.len() < PASSES_PER_ACCOUNT {
            return None;
        }
        let young =
            rows.iter().filter(|row| time.since(row.minted) < AGED).max_by_key(|row| (row.minted, row.id));
        let unused = rows.iter().min_by_key(|row| (row.last_seen, row.id));
        young.or(unused).map(|row| row.id)
    }

    /// When full, the youngest T2 leaves, never a T1 (contract); if all are T1, the longest unused.
    fn make_room(&mut self) {
        if self.rows.len() < self.max {
            return;
        }
        let newest = self.rows.values().map(|row| row.first_confirmed).max().unwrap_or_default();
        let is_young = |row: &&Row| newest.since(row.first_confirmed) < AGED || row.in_incident;
        let youngest = self.rows.values().filter(is_young).max_by_key(|row| (row.first_confirmed, row.id));
        let unused = || self.rows.values().min_by_key(|row| (row.last_seen, row.id));
        if let Some(id) = youngest.or_else(unused).map(|row| row.id) {
            self.remove(id);
            self.lost += 1;
        }
    }

    fn insert(&mut self, row: Row) {
        let passes = self.accounts.entry(row.account).or_default();
        if !passes.contains(&row.id) {
            passes.push(row.id);
        }
        self.rows.insert(row.id, row);
    }

    fn remove(&mut self, id: PassId) {
        let Some(row) = self.rows.remove(&id) else { return };
        if let Some(passes) = self.accounts.get_mut(&row.account) {
            passes.retain(|there| *there != id);
            if passes.is_empty() {
                self.accounts.remove(&row.account);
            }
        }
    }
}

const AGED: Duration = Duration::from_secs(24 * 3_600);
const COVERAGE_WINDOW: Duration = Duration::from_secs(7 * 86_400);
