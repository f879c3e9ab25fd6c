//! What an admin can ask of the gate.

use std::net::IpAddr;

use incident::PublicId;
use model::{Level, Mode, Prefix};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClientName, PageCommand, SubscriberCommand, wire};

/// One request to the gate.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Shows what the gate does at this moment.
    Status,
    /// Shows the mode, or sets it.
    Mode {
        /// The new mode.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::mode_schema")]
        mode: Option<Mode>,
    },
    /// Shows the level with its reasons: load, findings, what acts, what must happen before it is milder, and pins.
    Level,
    /// Pins the level for a time: it does not sink below `level` nor rise above `ceiling`. One of them is needed.
    ///
    /// Protocol limits, reserved shares and the limiter stay as they are.
    Pin {
        /// The floor.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::level_schema")]
        level: Option<Level>,
        /// The ceiling.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::level_schema")]
        ceiling: Option<Level>,
        /// For how long, 1 to 1,440 minutes.
        #[serde(default = "pin_minutes")]
        minutes: u32,
    },
    /// Takes the pin off.
    Unpin,
    /// Forwards everything without judging it, until it is switched off.
    Bypass {
        /// Whether to.
        on: bool,
    },
    /// Applies refusals to a stable share of unknown clients, and only observes the rest.
    Enforce {
        /// The share, 5 to 100 %.
        percent: u8,
    },
    /// Exempts a network from rules, challenges and client limits, takes it off the list, or shows the list.
    Allow {
        /// The network; the list is shown without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::prefix_schema")]
        prefix: Option<Prefix>,
        /// For how long, 1 to 525,600 minutes; until it is removed without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minutes: Option<u32>,
        /// Takes the network off the list.
        #[serde(default)]
        remove: bool,
    },
    /// Refuses a network whatever it does, takes it off the list, or shows the list.
    Deny {
        /// The network; the list is shown without it.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::prefix_schema")]
        prefix: Option<Prefix>,
        /// For how long, 1 to 525,600 minutes; until it is removed without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minutes: Option<u32>,
        /// Takes the network off the list.
        #[serde(default)]
        remove: bool,
    },
    /// Shows known clients, a page at a time, by the number of their pass.
    Clients {
        /// The last pass of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<ClientName>,
        /// How many, 1 to 100.
        #[serde(default = "page_clients")]
        limit: u32,
    },
    /// Takes addresses of people as hints how many of them share a network. Nobody becomes known by it.
    Import {
        /// At most 500.
        hints: Vec<Hint>,
    },
    /// Makes passes invalid; their owners are known again when they log in.
    Revoke {
        /// Whose.
        client: ClientName,
    },
    /// Makes a link that lets one browser of an account's owner in, once: for the app's mailer, or for the support desk.
    Link {
        /// Whose.
        client: ClientName,
        /// For how long it is good, 1 to 1,440.
        #[serde(default = "link_minutes")]
        minutes: u32,
    },
    /// Erases everything that is kept about an account, and makes its passes invalid.
    Forget {
        /// Whose.
        client: ClientName,
    },
    /// Explains a refusal, an account or an address.
    Why(Subject),
    /// Shows the rules in force, and those that ended lately.
    Rules,
    /// Shows all about one rule, also if it ended lately.
    Rule {
        /// Its number, as `rules` and references show it.
        rule: u16,
    },
    /// Takes a rule out of force; the same is not tried again for a time.
    DropRule {
        /// Its number, as `rules` shows it.
        rule: u16,
    },
    /// Shows the recordings on disk; what waits to be written is written first.
    Recordings,
    /// Incidents and the status page.
    Page(PageCommand),
    /// Says what the carrier or hosting provider needs on the phone, and whether the link is full.
    ProviderReport {
        /// The incident; without it the newest that goes on, or the last quarter of an hour.
        #[serde(default, with = "wire::text_option", skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "wire::id_schema")]
        incident: Option<PublicId>,
    },
    /// Subscribers of the status page.
    Subscriber(SubscriberCommand),
}

/// What is to be explained.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The reference that a refused person read on the page.
    Code(String),
    /// An account.
    Account(ClientName),
    /// An address.
    Address(IpAddr),
}

/// One address from an access log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// The address.
    pub address: IpAddr,
    /// How many accounts logged in from it.
    #[serde(default = "one_account")]
    pub accounts: u32,
    /// How many logins from it failed.
    #[serde(default)]
    pub failures: u32,
}

/// Why a command cannot be meant.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// A pin without a floor and a ceiling.
    #[error("a pin needs a level, a ceiling or both; to take a pin off use `level unpin`")]
    PinEmpty,
    /// A floor above the ceiling.
    #[error("the level {level} is above the ceiling {ceiling}; exchange them, or write one of them alone")]
    PinCrossed {
        /// The floor.
        level: Level,
        /// The ceiling.
        ceiling: Level,
    },
    /// `reopening` is a way back, no state to stay in.
    #[error("the gate cannot stay at reopening; pin challenging or customers-first")]
    PinReopening,
    /// Too short or too long.
    #[error("`{minutes}` minutes are not possible here; write 1 to {longest}, that is {} d", longest / (24 * 60))]
    Minutes {
        /// What was written.
        minutes: u32,
        /// The longest time.
        longest: u32,
    },
    /// A share outside 5 to 100 %.
    #[error("`{0}` percent is not possible; write 5 to 100. To refuse nobody use `mode observe`")]
    Percent(u8),
    /// A network so wide that a slip of the finger is likelier.
    #[error(
        "`{prefix}` is too wide for a list: the widest is /{shortest}. For everybody there are `bypass on`, which lets all in, and `level pin customers-first`, which serves known clients alone"
    )]
    TooWide {
        /// What was written.
        prefix: Prefix,
        /// The shortest prefix length of its address family.
        shortest: u8,
    },
    /// A time or a removal without a network.
    #[error("say which network, such as `192.0.2.0/24`; without one the list is shown")]
    NetworkMissing,
    /// A network to be taken off, and a time.
    #[error("a network that is taken off the list needs no minutes; leave one of them away")]
    RemoveWithMinutes,
    /// A link that is good for no time, or for too long.
    #[error("a link is good for 1 to {max} minutes, a day, not for {0}", max = Command::LINK_MINUTES_MAX)]
    LinkMinutes(u32),
    /// A page of none or too many clients.
    #[error("`{0}` clients do not fit on a page; write 1 to {max}", max = Command::CLIENTS_PER_PAGE_MAX)]
    Page(u32),
    /// A page of none or too many subscribers.
    #[error("`{0}` subscribers do not fit on a page; write 1 to {max}", max = Command::CLIENTS_PER_PAGE_MAX)]
    Subscribers(u32),
    /// A page that begins after something else than a pass.
    #[error("a page begins after a pass, as `clients list` shows it; `{0}` is none")]
    PageStart(ClientName),
    /// More addresses than one request may hold.
    #[error("{0} addresses are too many for one request; send at most {max} at a time", max = Command::HINTS_MAX)]
    Hints(usize),
    /// A pass where an account is meant.
    #[error(
        "`{0}` is one pass; this is done for a whole account: write its name, or `account:…` as `clients list` shows it"
    )]
    PassForAccount(ClientName),
    /// The number that stands for no rule.
    #[error("rules are counted from 1 on; `rules` shows them")]
    RuleZero,
    /// A reference of impossible length.
    #[error("a reference has 1 to {max} characters, this one has {0} bytes", max = Command::CODE_BYTES_MAX)]
    Code(usize),
}

impl Command {
    /// How long a pin lasts unless something else is said.
    pub const PIN_MINUTES: u32 = 60;
    /// How long a pin can last.
    pub const PIN_MINUTES_MAX: u32 = 24 * 60;
    /// How long a network can stay on a list when a time is given.
    pub const LIST_MINUTES_MAX: u32 = 365 * 24 * 60;
    /// The widest IPv4 and IPv6 networks of a list.
    pub const LIST_LENGTH_MIN: (u8, u8) = (8, 19);
    /// The longest life of a link, in minutes: a day.
    pub const LINK_MINUTES_MAX: u32 = 1_440;

    /// Clients of one [`Command::Clients`].
    pub const CLIENTS_PER_PAGE_MAX: u32 = 100;
    /// Addresses of one [`Command::Import`].
    pub const HINTS_MAX: usize = 500;
    /// Bytes of a reference as typed.
    pub const CODE_BYTES_MAX: usize = 128;

    /// Whether it can be meant; the listeners ask before they hand a command on.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn check(&self) -> Result<(), CommandError> {
        match self {
            Self::Pin { level, ceiling, minutes } => check_pin(*level, *ceiling, *minutes),
            Self::Enforce { percent } if !(5..=100).contains(percent) => Err(CommandError::Percent(*percent)),
            Self::Allow { prefix, minutes, remove } | Self::Deny { prefix, minutes, remove } => {
                check_list(*prefix, *minutes, *remove)
            }
            Self::Clients { after, limit } => check_page(after.as_ref(), *limit),
            Self::Import { hints } if hints.len() > Self::HINTS_MAX => Err(CommandError::Hints(hints.len())),
            Self::Rule { rule: 0 } | Self::DropRule { rule: 0 } => Err(CommandError::RuleZero),
            Self::Link { minutes, .. } if !(1..=Self::LINK_MINUTES_MAX).contains(minutes) => {
                Err(CommandError::LinkMinutes(*minutes))
            }
            Self::Forget { client: client @ ClientName::Pass(_) }
            | Self::Link { client: client @ ClientName::Pass(_), .. }
            | Self::Why(Subject::Account(client @ ClientName::Pass(_))) => {
                Err(CommandError::PassForAccount(client.clone()))
            }
            Self::Why(Subject::Code(code)) if !(1..=Self::CODE_BYTES_MAX).contains(&code.len()) => {
                Err(CommandError::Code(code.len()))
            }
            Self::Subscriber(SubscriberCommand::List { limit, .. })
                if !(1..=Self::CLIENTS_PER_PAGE_MAX).contains(limit) =>
            {
                Err(CommandError::Subscribers(*limit))
            }
            Self::Status
            | Self::Mode { .. }
            | Self::Level
            | Self::Unpin
            | Self::Bypass { .. }
            | Self::Enforce { .. }
            | Self::Import { .. }
            | Self::Revoke { .. }
            | Self::Link { .. }
            | Self::Forget { .. }
            | Self::Why(_)
            | Self::Rules
            | Self::Rule { .. }
            | Self::DropRule { .. }
            | Self::Recordings
            | Self::Page(_)
            | Self::Subscriber(_)
            | Self::ProviderReport { .. } => Ok(()),
        }
    }

    /// What the journal keeps about it: nothing if it only shows something; never the name of an account.
    pub fn act(&self) -> Option<String> {
        let minutes = |minutes: &Option<u32>| minutes.map(|n| format!(" for {n} min")).unwrap_or_default();
        let edit = |list: &str, prefix: &Option<Prefix>, time: &Option<u32>, remove: bool| {
            let prefix = prefix.as_ref()?;
            let remove = if remove { " --remove" } else { "" };
            Some(format!("{list} {prefix}{}{remove}", minutes(time)))
        };
        match self {
            Self::Mode { mode } => Some(format!("mode {}", mode.as_ref()?)),
            Self::Pin { level, ceiling, minutes } => {
                let level = level.map(|level| format!(" {level}")).unwrap_or_default();
                let ceiling = ceiling.map(|ceiling| format!(" --ceiling {ceiling}")).unwrap_or_default();
                Some(format!("level pin{level}{ceiling} for {minutes} min"))
            }
            Self::Unpin => Some("level unpin".to_owned()),
            Self::Bypass { on } => Some(format!("bypass {}", if *on { "on" } else { "off" })),
            Self::Enforce { percent } => Some(format!("enforce {percent}%")),
            Self::Allow { prefix, minutes, remove } => edit("allow", prefix, minutes, *remove),
            Self::Deny { prefix, minutes, remove } => edit("deny", prefix, minutes, *remove),
            Self::Import { hints } => Some(format!("clients import of {} addresses", hints.len())),
            Self::Revoke { client } => Some(format!("clients revoke {}", Nameless(client))),
            Self::Link { client, minutes } => {
                Some(format!("clients link {} for {minutes} min", Nameless(client)))
            }
            Self::DropRule { rule } => Some(format!("rules drop {rule}")),
            Self::Page(command) => command.act(),
            Self::Subscriber(command) => command.act(),
            // Whose it was must not stay in a log.
            Self::Forget { .. } => Some("clients forget of one account".to_owned()),
            Self::Status
            | Self::Level
            | Self::Clients { .. }
            | Self::Why(_)
            | Self::Rules
            | Self::Rule { .. }
            | Self::Recordings
            | Self::ProviderReport { .. } => None,
        }
    }

    /// Whether it may read or write much of the journal, or waits for the gate's next decision, and so takes seconds.
    pub(crate) const fn is_slow(&self) -> bool {
        matches!(
            self,
            Self::Clients { .. }
                | Self::Import { .. }
                | Self::Revoke { .. }
                | Self::Forget { .. }
                | Self::Why(_)
                | Self::Recordings
                | Self::DropRule { .. }
                | Self::Page(_)
                | Self::ProviderReport { .. }
                | Self::Subscriber(_)
        )
    }
}

impl Hint {
    /// Failed logins from which an address says nothing about people (contracts, "The app, and who is known").
    pub const FAILURES_MAX: u32 = 5;
    /// Accounts from which an address says nothing about people.
    pub const ACCOUNTS_MAX: u32 = 20;

    /// Whether the address looks like people rather than like somebody who tries passwords.
    pub const fn is_plausible(&self) -> bool {
        self.failures < Self::FAILURES_MAX && self.accounts < Self::ACCOUNTS_MAX
    }
}

/// A client without the name of the account.
struct Nameless<'a>(&'a ClientName);

impl std::fmt::Display for Nameless<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            ClientName::Name(_) => f.write_str("an account by its name"),
            client @ (ClientName::Pass(_) | ClientName::Account(_)) => write!(f, "{client}"),
        }
    }
}

fn check_pin(level: Option<Level>, ceiling: Option<Level>, minutes: u32) -> Result<(), CommandError> {
    check_minutes(minutes, Command::PIN_MINUTES_MAX)?;
    if level == Some(Level::Reopening) || ceiling == Some(Level::Reopening) {
        return Err(CommandError::PinReopening);
    }
    match (level, ceiling) {
        (None, None) => Err(CommandError::PinEmpty),
        (Some(level), Some(ceiling)) if level.severity() > ceiling.severity() => {
            Err(CommandError::PinCrossed { level, ceiling })
        }
        (Some(_), _) | (None, Some(_)) => Ok(()),
    }
}

fn check_list(prefix: Option<Prefix>, minutes: Option<u32>, remove: bool) -> Result<(), CommandError> {
    if let Some(minutes) = minutes {
        check_minutes(minutes, Command::LIST_MINUTES_MAX)?;
    }
    let Some(prefix) = prefix else {
        return if remove || minutes.is_some() { Err(CommandError::NetworkMissing) } else { Ok(()) };
    };
    let (v4, v6) = Command::LIST_LENGTH_MIN;
    let shortest = if prefix.addr().is_ipv4() { v4 } else { v6 };
    if remove {
        // What is on a list can always be taken off.
        return minutes.map_or(Ok(()), |_| Err(CommandError::RemoveWithMinutes));
    }
    if prefix.length() < shortest { Err(CommandError::TooWide { prefix, shortest }) } else { Ok(()) }
}

fn check_minutes(minutes: u32, longest: u32) -> Result<(), CommandError> {
    if (1..=longest).contains(&minutes) { Ok(()) } else { Err(CommandError::Minutes { minutes, longest }) }
}

fn check_page(after: Option<&ClientName>, limit: u32) -> Result<(), CommandError> {
    if !(1..=Command::CLIENTS_PER_PAGE_MAX).contains(&limit) {
        return Err(CommandError::Page(limit));
    }
    match after {
        Some(name @ (ClientName::Account(_) | ClientName::Name(_))) => {
            Err(CommandError::PageStart(name.clone()))
        }
        Some(ClientName::Pass(_)) | None => Ok(()),
    }
}

const fn pin_minutes() -> u32 {
    Command::PIN_MINUTES
}

const fn link_minutes() -> u32 {
    Command::LINK_MINUTES_MAX
}

const fn page_clients() -> u32 {
    50
}

const fn one_account() -> u32 {
    1
}

#[cfg(test)]
mod tests;
