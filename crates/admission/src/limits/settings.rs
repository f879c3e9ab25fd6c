//! The rates of a ladder, and its tables.

use super::Rate;

/// One of the ladder's tables, as named in `portcullis_limiter_overflow_total{table}`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TableName {
    /// Passes and accounts; only clients with a verified pass write here, so nobody else can fill it.
    Passes,
    /// Addresses: IPv4 /32, IPv6 /64.
    Addresses,
    /// Networks: IPv4 /24, IPv6 /56.
    Networks,
    /// Wider networks: IPv4 /20 and /16, IPv6 /48 and /32.
    Wide,
    /// The login lane: its requests, and login attempts. These are paid back slowly, so that a flood of them would crowd
    /// out the other tables.
    Logins,
    /// Clients that may be taking more than a quarter of a resource.
    Hogs,
    /// Accounts that people try to sign in to: names that anybody can invent, and so nobody else's table.
    Accounts,
}

impl TableName {
    /// How many tables there are.
    pub const COUNT: usize = 7;

    /// All tables in the order of [`LadderSettings::slots`] and [`LadderSettings::keys`].
    pub const ALL: [Self; Self::COUNT] =
        [Self::Passes, Self::Addresses, Self::Networks, Self::Wide, Self::Logins, Self::Hogs, Self::Accounts];

    /// The table's place, 0 to 6.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Addresses => "addresses",
            Self::Networks => "networks",
            Self::Wide => "wide",
            Self::Logins => "logins",
            Self::Hogs => "hogs",
            Self::Accounts => "accounts",
        }
    }
}

/// The rates of all rungs, before the NAT factor (decision-science, section 4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// One pass.
    pub pass: Rate,
    /// All passes of one account.
    pub account: Rate,
    /// IPv4 /32, IPv6 /64.
    pub address: Rate,
    /// IPv4 /24, IPv6 /56.
    pub near: Rate,
    /// IPv4 /20, IPv6 /48.
    pub wide: Rate,
    /// IPv4 /16, IPv6 /32.
    pub widest: Rate,
    /// Login attempts from one IPv4 /32 or IPv6 /64.
    pub login_address: Rate,
    /// Login attempts from one IPv4 /24 or IPv6 /48.
    pub login_network: Rate,
    /// Login attempts at one account from one IPv4 /24 or IPv6 /48, or by one client who is known, without that account's pass.
    pub login_account: Rate,
    /// Login attempts at one account from everywhere; beyond it they are delayed, never refused.
    pub login_anywhere: Rate,
}

impl Limits {
    /// Derives every rung from the narrowest: four times as much per step, ten times for login networks.
    ///
    /// The limits of (account, network) stay at the floors of decision-science, section 4.
    pub fn new(address: Rate, pass: Rate, login_address: Rate) -> Self {
        Self {
            pass,
            account: pass.times(4),
            address,
            near: address.times(4),
            wide: address.times(16),
            widest: address.times(64),
            login_address,
            login_network: login_address.times(10),
            login_account: Rate::per_minute(5.0),
            login_anywhere: Rate::per_minute(20.0),
        }
    }
}

impl Default for Limits {
    /// The floors of decision-science, section 4: 5 requests/s (burst 40) per address, 20/s (burst 200) per pass,
    /// 6 login attempts a minute per address.
    fn default() -> Self {
        Self::new(Rate::per_second(5.0, 40.0), Rate::per_second(20.0, 200.0), Rate::per_minute(6.0))
    }
}

/// What a [`super::Ladder`] is built from.
#[derive(Clone, Debug)]
pub struct LadderSettings {
    /// The rates.
    pub limits: Limits,
    /// Cells of 16 bytes in each table, in the order of [`TableName::ALL`].
    pub slots: [usize; TableName::COUNT],
    /// One secret random key for each table, in the order of [`TableName::ALL`].
    pub keys: [[u8; 16]; TableName::COUNT],
}

impl LadderSettings {
    /// The default rates, and tables of 13 MiB in all.
    ///
    /// An entry lasts only until its debt is paid, 0.2 s for one request of an address: 2¹⁸ cells hold the debts of a
    /// flood of 300,000 admitted requests per second at a quarter full.
    pub fn new(keys: [[u8; 16]; TableName::COUNT]) -> Self {
        let slots = [1 << 17, 1 << 18, 1 << 17, 1 << 16, 1 << 17, 1 << 16, 1 << 16];
        Self { limits: Limits::default(), slots, keys }
    }
}
