//! All limits that one request stands under.

use std::net::IpAddr;
use std::time::Duration;

use model::{AccountId, Instant, Net, PassId, Reason};

use super::calm::{Fills, LEVELS};
use super::settings::{LadderSettings, Limits, TableName};
use super::table::{Print, Update};
use super::{Charge, Rate, Table};
use crate::handover::Handover;

/// The longest that a login waits because its account is tried from everywhere (contracts, login lane).
const LOGIN_DELAY_MAX: Duration = Duration::from_secs(2);

/// On whose account a request goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keys {
    /// A client whose pass was verified: its pass and account are charged, its address is not.
    Known {
        /// The pass, or the identity that stands for one (a session or a token).
        pass: PassId,
        /// The account that the pass belongs to.
        account: AccountId,
    },
    /// Everybody else: the address and the networks that it lies in.
    Address(IpAddr),
    /// Somebody on the way of signing in: as for others, but on accounts of the lane's own. Otherwise bots that ask for
    /// other pages would use up what their neighbours need for signing in.
    Lane(IpAddr),
}

/// Why a request is above a limit. Whether it is refused for that is the caller's choice: in calm it is only counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("above the limit ({reason}); the client may try again in {} ms", retry_after.as_millis())]
pub struct Limited {
    /// The narrowest rung that refuses.
    pub reason: Reason,
    /// When the same request would pass this rung.
    pub retry_after: Duration,
    /// Whether the client was charged with others at a wider rung because the table had no room for it.
    pub overflow: bool,
}

/// The limiter ladder of one site.
///
/// Every rung is asked before any is charged: a request that a wide rung refuses leaves no debt at the narrow ones.
/// Between asking and charging, another worker may charge the same rung; then the narrower rungs keep the debt of this
/// one request, at most one for each worker at a time.
///
/// A key without room is charged, together with all others in the same situation, at the next wider rung at 1/16 of
/// that rung's rate; beyond the widest rung there is one account for the whole ladder.
pub struct Ladder {
    limits: Limits,
    /// How far the limits of addresses and networks are above these.
    fills: Fills,
    tables: [Table; TableName::COUNT],
    /// Those without room anywhere. Its four cells always hold the three keys of [`Rest`].
    rest: Table,
}

/// The account of those for whom no table of a ladder had room.
#[derive(Clone, Copy, Debug, Hash)]
enum Rest {
    Known,
    Unknown,
    Login,
}

/// Who tries to sign in to an account.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Trier {
    /// Strangers from one IPv4 /24 or IPv6 /48.
    Network(Net),
    /// A client who is known, by its own account.
    Known(AccountId),
}

#[derive(Hash)]
enum Key {
    Pass(PassId),
    Account(AccountId),
    Address(Net),
    Near(Net),
    Wide(Net),
    Widest(Net),
    LaneAddress(Net),
    LaneNear(Net),
    LaneWide(Net),
    LaneWidest(Net),
    LoginAddress(Net),
    LoginNetwork(Net),
    LoginAccount(AccountId, Trier),
    LoginAnywhere(AccountId),
}

struct Rung<'a> {
    table: &'a Table,
    print: Print,
    rate: Rate,
    reason: Reason,
}

impl Ladder {
    /// A ladder whose memory is fixed from here on.
    pub fn new(settings: &LadderSettings) -> Self {
        let tables = std::array::from_fn(|at| Table::new(settings.slots[at], settings.keys[at]));
        Self { limits: settings.limits, fills: Fills::new(), tables, rest: Table::new(0, [0; 16]) }
    }

    /// Charges a request of `cost_milli` thousandths of an ordinary request to all its rungs, or says which refuses.
    ///
    /// `nat_factor` (1 to 64, from [`crate::nat::NatTable::factor`]) multiplies the limits of addresses and networks,
    /// not those of a pass. To halve a client's budget, double its cost.
    pub fn charge(&self, keys: &Keys, now: Instant, cost_milli: u32, nat_factor: u32) -> Result<(), Limited> {
        let limits = &self.limits;
        match *keys {
            Keys::Known { pass, account } => {
                let rungs = [
                    self.rung(TableName::Passes, &Key::Pass(pass), limits.pass, Reason::PassLimit),
                    self.rung(
                        TableName::Passes,
                        &Key::Account(account),
                        limits.account,
                        Reason::AccountLimit,
                    ),
                ];
                self.climb(&rungs, Rest::Known, now, cost_milli)
            }
            Keys::Address(addr) => {
                let keys = address_keys(addr);
                self.climb(&self.address_rungs(&keys, nat_factor), Rest::Unknown, now, cost_milli)
            }
            Keys::Lane(addr) => {
                let keys = [
                    (TableName::Logins, Key::LaneAddress(Net::address(addr))),
                    (TableName::Logins, Key::LaneNear(Net::near(addr))),
                    (TableName::Logins, Key::LaneWide(Net::wide(addr))),
                    (TableName::Logins, Key::LaneWidest(Net::widest(addr))),
                ];
                self.climb(&self.address_rungs(&keys, nat_factor), Rest::Login, now, cost_milli)
            }
        }
    }

    /// Learns in calm from how much of their limits an address and its networks have used up. One request of eight is looked at:
    /// how much was used up tells of all of them.
    pub fn learn(&self, keys: &Keys, now: Instant, nat_factor: u32) {
        let Keys::Address(addr) = *keys else { return };
        if now.as_nanos() >> 10 & 7 != 0 {
            return;
        }
        let keys = address_keys(addr);
        for (level, rung) in self.address_rungs(&keys, nat_factor).iter().enumerate() {
            self.fills.note(level, rung.table.fill(rung.print, now, rung.rate));
        }
    }

    /// Moves the limits of addresses and networks to what calm showed. To be called now and then, by one thread.
    pub fn step(&self) {
        self.fills.step();
    }

    /// How many times their floors the limits of addresses and networks are, in 256 parts, from narrow to wide: for a successor and
    /// for the next start.
    pub fn factors(&self) -> [u32; LEVELS] {
        self.fills.factors()
    }

    /// Goes on with the factors of an earlier process.
    pub fn restore(&self, factors: &[u32]) {
        self.fills.restore(factors);
    }

    /// Charges so many login attempts, which stand or fall together, to the address and to its network.
    pub fn logins(&self, addr: IpAddr, now: Instant, nat_factor: u32, attempts: u32) -> Result<(), Limited> {
        let cost_milli = attempts.saturating_mul(1_000);
        let limits = &self.limits;
        let network = Net::network(addr);
        let rung = |key, rate, reason| self.rung(TableName::Logins, &key, rate, reason);
        let address_rate = limits.login_address.times(nat_factor);
        let network_rate = limits.login_network.times(nat_factor);
        let address = rung(Key::LoginAddress(Net::address(addr)), address_rate, Reason::LoginLimit);
        let wider = rung(Key::LoginNetwork(network), network_rate, Reason::LoginLimit);
        self.climb(&[address, wider], Rest::Login, now, cost_milli)
    }

    /// Charges one login attempt to the account as tried by these: strangers from one network, or one client who is known.
    ///
    /// It takes no NAT factor: it is one person. Where the table has no room nobody is refused: addresses and networks, or passes, are
    /// charged for themselves.
    pub fn login_account(&self, by: Trier, account: AccountId, now: Instant) -> Result<(), Limited> {
        let (table, key) = (self.table(TableName::Accounts), Key::LoginAccount(account, by));
        match table.charge(&key, now, 1_000, self.limits.login_account) {
            Charge::Allowed => Ok(()),
            Charge::NoRoom => {
                table.count_overflow();
                Ok(())
            }
            Charge::Refused { retry_after } => {
                Err(Limited { reason: Reason::AccountLoginLimit, retry_after, overflow: false })
            }
        }
    }

    /// Charges one login attempt to the account as tried from everywhere, and says how long it must wait: at most 2 s.
    ///
    /// An account for which the table has no room does not wait.
    pub fn login_delay(&self, account: AccountId, now: Instant) -> Duration {
        let table = self.table(TableName::Accounts);
        let print = table.print(&Key::LoginAnywhere(account));
        let rate = self.limits.login_anywhere;
        let update = table.update(print, now, |paid| Ok(rate.advance_delayed(paid, now, LOGIN_DELAY_MAX)));
        match update {
            Update::Stored(paid) => rate.excess(paid, now).min(LOGIN_DELAY_MAX),
            Update::Refused(wait) => wait,
            Update::NoRoom => {
                table.count_overflow();
                Duration::ZERO
            }
        }
    }

    /// Whether this request is in excess of a quarter of a resource that one client would take alone.
    ///
    /// Then client limits refuse even in calm (design, idea 3). `quarter_of_capacity` is in the units of `cost_milli`.
    /// Only what stays within the quarter is noted. A client for whom the table has no room is no hog.
    pub fn is_hog(&self, keys: &Keys, now: Instant, cost_milli: u32, quarter_of_capacity: Rate) -> bool {
        let key = match *keys {
            Keys::Known { pass, .. } => Key::Pass(pass),
            Keys::Address(addr) | Keys::Lane(addr) => Key::Address(Net::address(addr)),
        };
        let charge = self.table(TableName::Hogs).charge(&key, now, cost_milli, quarter_of_capacity);
        matches!(charge, Charge::Refused { .. })
    }

    /// How often a key found no room in a table.
    pub fn overflows(&self, table: TableName) -> u64 {
        self.table(table).overflows()
    }

    /// Memory held by all tables, in bytes; it never changes.
    pub fn bytes(&self) -> usize {
        self.tables.iter().chain([&self.rest]).map(Table::bytes).sum()
    }

    /// The debts of all tables, by name.
    pub(crate) fn hand_over(&self, estate: &mut Handover, now: Instant) {
        for name in TableName::ALL {
            estate.put(&part(name), self.table(name).debts(now));
        }
        estate.put("ladder.rest", self.rest.debts(now));
    }

    /// Takes over the debts of a predecessor with the same keys.
    pub(crate) fn take_over(&self, estate: &Handover, now: Instant) {
        for name in TableName::ALL {
            self.table(name).take_over(estate.rows(&part(name)), now);
        }
        self.rest.take_over(estate.rows("ladder.rest"), now);
    }

    fn climb(&self, rungs: &[Rung<'_>], rest: Rest, now: Instant, cost_milli: u32) -> Result<(), Limited> {
        self.walk(rungs, rest, |table, print, rate| {
            let charge = table.peek_print(print, now, cost_milli, rate);
            if charge == Charge::NoRoom {
                table.count_overflow();
            }
            charge
        })?;
        self.walk(rungs, rest, |table, print, rate| table.charge_print(print, now, cost_milli, rate))
    }

    /// Does the same at every rung, narrow to wide, until one refuses.
    fn walk(
        &self,
        rungs: &[Rung<'_>],
        rest: Rest,
        act: impl Fn(&Table, Print, Rate) -> Charge,
    ) -> Result<(), Limited> {
        for (at, rung) in rungs.iter().enumerate() {
            let mut charge = act(rung.table, rung.print, rung.rate);
            let overflow = charge == Charge::NoRoom;
            if overflow {
                charge = self.share(rung.rate, &rungs[at + 1..], rest, &act);
            }
            if let Charge::Refused { retry_after } = charge {
                return Err(Limited { reason: rung.reason, retry_after, overflow });
            }
        }
        Ok(())
    }

    /// Charges a key without room at the first wider rung that has room for those like it.
    fn share(
        &self,
        rate: Rate,
        wider: &[Rung<'_>],
        rest: Rest,
        act: impl Fn(&Table, Print, Rate) -> Charge,
    ) -> Charge {
        let mut shared = wider.iter().map(|rung| act(rung.table, rung.print.shared(), rung.rate.sixteenth()));
        let widest = wider.last().map_or(rate, |rung| rung.rate);
        shared
            .find(|charge| *charge != Charge::NoRoom)
            .unwrap_or_else(|| act(&self.rest, self.rest.print(&rest), widest.sixteenth()))
    }

    /// The rungs of an address, narrow to wide.
    fn address_rungs(&self, keys: &[(TableName, Key); 4], nat_factor: u32) -> [Rung<'_>; 4] {
        let Limits { address, near, wide, widest, .. } = self.limits;
        let limits = [
            (address, Reason::AddressLimit),
            (near, Reason::NetworkLimit),
            (wide, Reason::WideLimit),
            (widest, Reason::WideLimit),
        ];
        std::array::from_fn(|at| {
            let ((table, key), (rate, reason)) = (&keys[at], limits[at]);
            self.rung(*table, key, rate.scaled(self.fills.factor(at)).times(nat_factor), reason)
        })
    }

    fn rung(&self, table: TableName, key: &Key, rate: Rate, reason: Reason) -> Rung<'_> {
        let table = self.table(table);
        Rung { table, print: table.print(key), rate, reason }
    }

    fn table(&self, name: TableName) -> &Table {
        &self.tables[name.index()]
    }
}

fn part(name: TableName) -> String {
    format!("ladder.{}", name.label())
}

/// The keys of an address, narrow to wide.
fn address_keys(addr: IpAddr) -> [(TableName, Key); LEVELS] {
    [
        (TableName::Addresses, Key::Address(Net::address(addr))),
        (TableName::Networks, Key::Near(Net::near(addr))),
        (TableName::Wide, Key::Wide(Net::wide(addr))),
        (TableName::Wide, Key::Widest(Net::widest(addr))),
    ]
}
