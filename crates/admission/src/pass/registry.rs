//! All known clients: on the way of a confirmation only, behind the caller's lock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
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
    /// A link that was sent to the client.
    Link,
}

impl Way {
    /// All ways.
    pub const ALL: [Self; 6] = [Self::Header, Self::Session, Self::Login, Self::Token, Self::Jwt, Self::Link];

    /// The word in journal and reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Session => "session",
            Self::Login => "login",
            Self::Token => "token",
            Self::Jwt => "jwt",
            Self::Link => "link",
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
    /// The pass that had to leave because the account has eight others, to be revoked.
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
    /// Rows that may be T2: all that were when they came. Whoever takes one out looks again.
    young: BTreeSet<(Timestamp, PassId)>,
    /// The latest moment that any act or row told.
    latest: Timestamp,
    /// Clients confirmed in the last days whose pass was replaced or revoked, by the day they were last confirmed.
    lost: [Lost; LOST_DAYS],
}

/// Clients that were last confirmed on one day and have lost their pass.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    day: u64,
    clients: u64,
}

impl Registry {
    /// A registry of at most `max` passes (contract: 1 M).
    pub fn new(max: usize) -> Self {
        Self {
            max: max.max(PASSES_PER_ACCOUNT),
            rows: BTreeMap::new(),
            accounts: BTreeMap::new(),
            young: BTreeSet::new(),
            latest: Timestamp::default(),
            lost: Default::default(),
        }
    }

    /// Takes back rows that were kept; beyond the maximum the youngest T2 are left out, never a T1 for a T2.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.latest = self.latest.max(row.last_seen).max(row.minted);
            self.insert(row);
            if self.rows.len() > self.max && !self.let_youngest_leave() {
                self.remove(row.id);
            }
        }
    }

    /// The app confirmed an account on a device without a valid pass: mints one.
    ///
    /// `id` is random. The age of the account carries over from its older passes. While an incident lasts it carries
    /// over with the mark of the incident, so that signing in twice gains nothing; after it the account's age begins
    /// with this confirmation, if all its passes bear the mark. When the registry is full of T1 the pass is minted all
    /// the same: it is valid by its MAC, without a row.
    pub fn mint(
        &mut self,
        site: SiteId,
        account: AccountId,
        id: PassId,
        way: Way,
        in_incident: bool,
        time: Timestamp,
    ) -> Minted {
        self.latest = self.latest.max(time);
        let (first_confirmed, in_incident) = self.age_of(account, in_incident, time);
        let replaced = self.crowded_out(account, time);
        if let Some(id) = replaced {
            self.lose(id);
        }
        let row = Row { id, account, first_confirmed, minted: time, last_seen: time, way, in_incident };
        self.keep(row);
        Minted { pass: Pass { site, id, issued: first_confirmed, account, in_incident }, row, replaced }
    }

    /// The account was confirmed on a device that has this pass. A valid pass without a row gets one again, unless its
    /// account has eight others.
    pub fn confirm(&mut self, pass: &Pass, way: Way, time: Timestamp) -> Row {
        self.latest = self.latest.max(time);
        if let Some(row) = self.rows.get_mut(&pass.id) {
            row.last_seen = row.last_seen.max(time);
            return *row;
        }
        let row = Row {
            id: pass.id,
            account: pass.account,
            first_confirmed: pass.issued,
            minted: pass.issued,
            last_seen: time,
            way,
            in_incident: pass.in_incident,
        };
        self.keep(row);
        row
    }

    /// Forgets an account; its passes are to be revoked.
    pub fn forget(&mut self, account: AccountId) -> Vec<PassId> {
        let passes = self.accounts.get(&account).cloned().unwrap_or_default();
        for &pass in &passes {
            self.remove(pass);
        }
        passes
    }

    /// An admin takes a pass back: its row goes, and its owner counts as one who lost it until the next login.
    pub fn revoke(&mut self, pass: PassId) -> bool {
        let was_there = self.rows.contains_key(&pass);
        self.lose(pass);
        was_there
    }

    /// Passes of an account.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &Row> {
        self.accounts.get(&account).into_iter().flatten().filter_map(|id| self.rows.get(id))
    }

    /// All rows behind a pass, or all without one, in the order of passes.
    pub fn rows_behind(&self, pass: Option<PassId>) -> impl Iterator<Item = &Row> {
        let begin = pass.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((begin, Bound::Unbounded)).map(|(_, row)| row)
    }

    /// How many passes there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// See [`Coverage`].
    pub fn coverage(&self, time: Timestamp) -> Coverage {
        let week_ago = time.before(COVERAGE_WINDOW);
        let lost = self.lost.iter().filter(|lost| lost.day >= day(week_ago));
        let mut coverage = Coverage { confirmed: lost.map(|lost| lost.clients).sum(), ..Coverage::default() };
        for row in self.rows.values().filter(|row| row.last_seen >= week_ago) {
            coverage.confirmed += 1;
            if row.is_young(time) {
                coverage.young += 1;
            } else {
                coverage.aged += 1;
            }
        }
        coverage
    }

    /// Since when an account is confirmed, and whether that was in an incident: see [`Registry::mint`].
    fn age_of(&self, account: AccountId, in_incident: bool, time: Timestamp) -> (Timestamp, bool) {
        let first = |marked: bool| {
            self.of(account).filter(|row| row.in_incident == marked).map(|row| row.first_confirmed).min()
        };
        match (first(false), first(true)) {
            (Some(first), _) => (first, false),
            (None, Some(first)) if in_incident => (first, true),
            (None, _) => (time, in_incident),
        }
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

    /// Keeps a row. When full, the youngest T2 leaves for it, never a T1 (contract); without one the row is not kept.
    fn keep(&mut self, row: Row) {
        let passes = self.accounts.get(&row.account).map_or(0, Vec::len);
        if passes < PASSES_PER_ACCOUNT && (self.rows.len() < self.max || self.let_youngest_leave()) {
            self.insert(row);
        }
    }

    fn let_youngest_leave(&mut self) -> bool {
        while let Some((_, id)) = self.young.pop_last() {
            // It may have come of age since it was noted.
            if self.rows.get(&id).is_some_and(|row| row.is_young(self.latest)) {
                self.remove(id);
                return true;
            }
        }
        false
    }

    fn insert(&mut self, row: Row) {
        self.remove(row.id);
        if row.is_young(self.latest) {
            self.young.insert((row.first_confirmed, row.id));
        }
        self.accounts.entry(row.account).or_default().push(row.id);
        self.rows.insert(row.id, row);
    }

    /// Removes a row whose owner has no pass any more on this device.
    fn lose(&mut self, id: PassId) {
        let Some(row) = self.remove(id) else { return };
        let day = day(row.last_seen);
        let Some(lost) = self.lost.get_mut(usize::try_from(day % LOST_DAYS as u64).unwrap_or(0)) else {
            return;
        };
        if lost.day != day {
            *lost = Lost { day, clients: 0 };
        }
        lost.clients += 1;
    }

    fn remove(&mut self, id: PassId) -> Option<Row> {
        let row = self.rows.remove(&id)?;
        self.young.remove(&(row.first_confirmed, id));
        if let Some(passes) = self.accounts.get_mut(&row.account) {
            passes.retain(|there| *there != id);
            if passes.is_empty() {
                self.accounts.remove(&row.account);
            }
        }
        Some(row)
    }
}

impl Row {
    /// Whether it is T2 by its age or its incident.
    fn is_young(&self, time: Timestamp) -> bool {
        time.since(self.first_confirmed) < AGED || self.in_incident
    }
}

const fn day(time: Timestamp) -> u64 {
    time.as_secs() / 86_400
}

const AGED: Duration = Duration::from_secs(24 * 3_600);
const COVERAGE_WINDOW: Duration = Duration::from_secs(7 * 86_400);
/// The last seven days, and those that begin or end within them.
const LOST_DAYS: usize = 9;
