//! What the journal keeps. Every row names its site; no row holds an account's name or, after a day, an address.

use model::{AccountId, PassId, Prefix, Reason, SiteId, Tier, Timestamp};

/// One thing to remember.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A pass was minted, or what is known about it changed.
    Pass(PassRow),
    /// A pass was used.
    PassSeen {
        /// The site.
        site: SiteId,
        /// The pass.
        pass: PassId,
        /// When it was last used.
        seen: Timestamp,
        /// Up to four recent networks ([`model::Net::network`] bits, 0 for none).
        homes: [u64; 4],
    },
    /// A pass must not count any more. Written through to the disk at once.
    Revoked {
        /// The site.
        site: SiteId,
        /// The pass.
        pass: PassId,
        /// When it was revoked.
        at: Timestamp,
    },
    /// A pass left the registry; it stays valid by its MAC.
    PassGone {
        /// The site.
        site: SiteId,
        /// The pass.
        pass: PassId,
    },
    /// A token that the app answers.
    Token(TokenRow),
    /// A token that the app refuses now.
    TokenGone {
        /// The site.
        site: SiteId,
        /// Its keyed hash.
        hash: u128,
    },
    /// Customers seen in a network.
    Network(NetworkRow),
    /// Refusals, added to those counted before.
    Refused(RefusedRow),
    /// One refused request.
    Sample(SampleRow),
    /// The app confirmed a login.
    Login(LoginRow),
    /// An admin did something. Written through to the disk at once.
    Act(ActRow),
    /// Records of incidents that one act or one second brought: all of them are kept, or none. Written through to the disk at once.
    Incidents(Box<[IncidentRow]>),
    /// Somebody is to be alerted. Written through to the disk at once.
    Delivery(DeliveryRow),
    /// An alert was tried or given up. Written through to the disk at once.
    Attempt(AttemptRow),
    /// Somebody subscribed to the status page, or what is known of them changed. Written through to the disk at once.
    Subscriber(SubscriberRow),
    /// A subscriber left: everything of them is erased, from free space too. Written through to the disk at once.
    SubscriberGone {
        /// The site.
        site: SiteId,
        /// Who.
        id: [u8; 16],
    },
    /// News for subscribers. Written through to the disk at once.
    News(NewsRow),
    /// A subscriber was written to, or will not be. It outlives the process as soon as it is settled, but not a power cut.
    Told(ToldRow),
    /// What the gate learnt about a path.
    Path(PathRow),
    /// A value that replaces the one under the same key.
    State {
        /// The site.
        site: SiteId,
        /// At most [`STATE_KEY_BYTES_MAX`] bytes.
        key: Box<str>,
        /// At most [`STATE_VALUE_BYTES_MAX`] bytes.
        value: Box<[u8]>,
    },
}

/// A known client's pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PassRow {
    /// The site.
    pub site: SiteId,
    /// The pass.
    pub pass: PassId,
    /// Whose it is.
    pub account: AccountId,
    /// When the account first logged in; logging in again does not change it.
    pub first_confirmed: Timestamp,
    /// When the pass was minted, by the pass clock.
    pub issued: Timestamp,
    /// When it was last used.
    pub last_seen: Timestamp,
    /// The way of becoming known, as a number of `admission`.
    pub way: u8,
    /// The budget class, as a number of `admission`.
    pub budget_class: u8,
    /// Whether it was minted at level 3 or above.
    pub minted_in_incident: bool,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// Up to four recent networks ([`model::Net::network`] bits, 0 for none).
    pub homes: [u64; 4],
}

/// A token's history.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenRow {
    /// The site.
    pub site: SiteId,
    /// Its keyed hash.
    pub hash: u128,
    /// The first answer that counted.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many counted.
    pub answers: u32,
}

/// Customers of one network (IPv4 /24, IPv6 /48).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkRow {
    /// The site.
    pub site: SiteId,
    /// [`model::Net::network`] bits.
    pub net: u64,
    /// When a customer was last seen there.
    pub seen: Timestamp,
    /// How many they are, as a bitmap of `admission`; at most [`NETWORK_BITMAP_BYTES_MAX`] bytes.
    pub bitmap: Box<[u8]>,
}

/// How many requests of one sort were refused, or would have been, within one hour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusedRow {
    /// The site.
    pub site: SiteId,
    /// A moment within the hour.
    pub at: Timestamp,
    /// The step that refused.
    pub reason: Reason,
    /// The client's tier.
    pub tier: Tier,
    /// The path's template, cut to [`PATH_BYTES_MAX`] bytes.
    pub path: Box<str>,
    /// The client's network (IPv4 /24, IPv6 /48).
    pub network: Option<Prefix>,
    /// Counted only: the mode or the calm did not let it refuse.
    pub would_be: bool,
    /// How many.
    pub count: u64,
}

/// One refused request, to be compared with later logins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SampleRow {
    /// The site.
    pub site: SiteId,
    /// When.
    pub at: Timestamp,
    /// The step that refused.
    pub reason: Reason,
    /// The client's tier.
    pub tier: Tier,
    /// The path's template, cut to [`PATH_BYTES_MAX`] bytes.
    pub path: Box<str>,
    /// The client's network (IPv4 /24, IPv6 /48).
    pub network: Prefix,
    /// Keyed hash of the client's address; forgotten after a day.
    pub address_hash: u64,
    /// Counted only: the mode or the calm did not let it refuse.
    pub would_be: bool,
    /// How many refusals the sample stands for.
    pub weight: u32,
}

/// A login that the app confirmed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LoginRow {
    /// The site.
    pub site: SiteId,
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Keyed hash of the client's address, made like that of a sample; forgotten after a day.
    pub address_hash: u64,
    /// The client's network (IPv4 /24, IPv6 /48).
    pub network: Prefix,
}

/// What an admin did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ActRow {
    /// The site.
    pub site: SiteId,
    /// When.
    pub at: Timestamp,
    /// The user of the operating system that asked; nobody for the console.
    pub uid: Option<u32>,
    /// The command, cut to [`ACT_BYTES_MAX`] bytes.
    pub text: Box<str>,
}

/// One record of the chain that tells what incidents there were.
///
/// Records of a site are only ever added, each with a larger number than the last; the journal leaves out one that does not
/// follow, and says so ([`super::JournalHealth`]). It neither reads their bytes nor checks their hashes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IncidentRow {
    /// The site.
    pub site: SiteId,
    /// Its number in the site's chain; at most 2^63 - 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The record, at most [`INCIDENT_BYTES_MAX`] bytes. Erasing an account does not look into it: it never holds one.
    pub bytes: Box<[u8]>,
    /// What the next record refers to.
    pub hash: [u8; 32],
}

/// A message to somebody who is alerted. Of two with the same receiver and key the first counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeliveryRow {
    /// The site.
    pub site: SiteId,
    /// Whom, as the configuration calls it.
    pub receiver: Box<str>,
    /// What no other message to the same receiver has; at most [`DELIVERY_KEY_BYTES_MAX`] bytes.
    pub key: Box<str>,
    /// When there was something to tell.
    pub at: Timestamp,
    /// The message, at most [`DELIVERY_BYTES_MAX`] bytes. It never holds an account or an address.
    pub bytes: Box<[u8]>,
    /// How often it was tried so far; none when it is recorded.
    pub attempts: u32,
}

/// A try to deliver a message, or the end of trying.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttemptRow {
    /// The site.
    pub site: SiteId,
    /// Whom, as the configuration calls it.
    pub receiver: Box<str>,
    /// The message's.
    pub key: Box<str>,
    /// How often it was tried with this one.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// What became of it: 0 it waits, 1 delivered, 2 refused, 3 given up.
    pub state: u8,
    /// Why, cut to [`ACT_BYTES_MAX`] bytes; the receiver may have said it.
    pub why: Box<str>,
}

/// Somebody who has confirmed that they want mail about the status page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubscriberRow {
    /// The site.
    pub site: SiteId,
    /// Keyed hash of the address.
    pub id: [u8; 16],
    /// When they confirmed.
    pub since: Timestamp,
    /// Mails in a row that were refused for good.
    pub refusals: u32,
    /// The address, at most [`ADDRESS_BYTES_MAX`] bytes.
    pub address: Box<str>,
    /// What they want to hear of, as words parted by spaces; at most [`CHOSEN_BYTES_MAX`] bytes.
    pub chosen: Box<str>,
}

/// Something that subscribers are told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewsRow {
    /// The site.
    pub site: SiteId,
    /// Larger than of all before; at most 2^63 - 1.
    pub seq: u64,
    /// When it was said.
    pub at: Timestamp,
    /// What was said, at most [`NEWS_BYTES_MAX`] bytes. It never holds an account or an address.
    pub bytes: Box<[u8]>,
}

/// What a subscriber heard of one incident; it replaces what was known of that before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToldRow {
    /// The site.
    pub site: SiteId,
    /// Who.
    pub subscriber: [u8; 16],
    /// The incident or the announced work, at most [`DELIVERY_KEY_BYTES_MAX`] bytes.
    pub subject: Box<str>,
    /// The number of the last news that they have, or will not have.
    pub seq: u64,
    /// How often the newest was tried in vain.
    pub attempts: u32,
    /// When.
    pub at: Timestamp,
    /// What became of it: 0 it waits, 1 delivered, 2 refused, 3 given up.
    pub state: u8,
    /// Why, cut to [`ACT_BYTES_MAX`] bytes; a mail server may have said it.
    pub why: Box<str>,
}

/// Whether a path refuses people who are not signed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathRow {
    /// The site.
    pub site: SiteId,
    /// Hash of the path, made by `admission`.
    pub path_hash: u64,
    /// Whether it refuses them.
    pub is_private: bool,
    /// When the gate asked.
    pub asked: Timestamp,
}

/// Longest path template in a row, in bytes.
pub const PATH_BYTES_MAX: usize = 128;

/// Longest text of an act, in bytes.
pub const ACT_BYTES_MAX: usize = 1_024;

/// Longest key of a message, in bytes.
pub const DELIVERY_KEY_BYTES_MAX: usize = 64;

/// Longest message, in bytes.
pub const DELIVERY_BYTES_MAX: usize = 32 << 10;

/// Longest address of a subscriber, in bytes (RFC 5321).
pub const ADDRESS_BYTES_MAX: usize = 254;

/// Longest list of what a subscriber wants to hear of, in bytes: 64 words of 12.
pub const CHOSEN_BYTES_MAX: usize = 64 * 13;

/// Longest news, in bytes: as the record that it follows from.
pub const NEWS_BYTES_MAX: usize = 128 << 10;

/// Longest record of an incident, in bytes.
pub const INCIDENT_BYTES_MAX: usize = 64 << 10;

/// Records of incidents that are kept all or not at all: many times what 64 components and 64 alerts bring in one second.
pub const INCIDENTS_TOGETHER_MAX: usize = 1_024;

/// Longest key of a state value, in bytes.
pub const STATE_KEY_BYTES_MAX: usize = 64;

/// Longest state value, in bytes.
pub const STATE_VALUE_BYTES_MAX: usize = 1 << 20;

/// Longest bitmap of a network, in bytes.
pub const NETWORK_BITMAP_BYTES_MAX: usize = 64;

/// Refusal samples kept of one hour.
pub const SAMPLES_AN_HOUR_MAX: u32 = 5_000;

/// Different sorts of refusals kept of one hour; what goes beyond is added up without path and network.
pub const SORTS_AN_HOUR_MAX: u32 = 20_000;

/// Pages that a short row touches at most.
pub(super) const ROW_PAGES: u64 = 6;

/// What is lost last and what first when rows come faster than the disk takes them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Importance {
    /// Logins, passes, tokens, acts, incidents, alerts, subscribers and state.
    Vital,
    /// Counts and samples of refusals, and when passes were used.
    Useful,
    /// Address history and learnt paths, which come back by themselves.
    History,
}

impl Importance {
    /// All of them, most important first.
    pub const ALL: [Self; 3] = [Self::Vital, Self::Useful, Self::History];

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Vital => "vital",
            Self::Useful => "useful",
            Self::History => "history",
        }
    }
}

impl Row {
    /// What losing it would mean.
    pub const fn importance(&self) -> Importance {
        match self {
            Self::Pass(_)
            | Self::Revoked { .. }
            | Self::PassGone { .. }
            | Self::Token(_)
            | Self::TokenGone { .. }
            | Self::Login(_)
            | Self::Act(_)
            | Self::Incidents(_)
            | Self::Delivery(_)
            | Self::Attempt(_)
            | Self::Subscriber(_)
            | Self::SubscriberGone { .. }
            | Self::News(_)
            | Self::Told(_)
            | Self::State { .. } => Importance::Vital,
            Self::PassSeen { .. } | Self::Refused(_) | Self::Sample(_) => Importance::Useful,
            Self::Network(_) | Self::Path(_) => Importance::History,
        }
    }

    /// Pages of `page_bytes` that writing it touches at most: its own, those of three indices, splits, and those that its bytes
    /// overflow to.
    pub(super) fn pages_max(&self, page_bytes: u64) -> u64 {
        let bytes = match self {
            Self::Incidents(records) => {
                return records.iter().map(|record| pages_of(record.bytes.len(), page_bytes)).sum();
            }
            Self::Delivery(delivery) => delivery.bytes.len(),
            Self::News(news) => news.bytes.len(),
            Self::State { value, .. } => value.len(),
            Self::Pass(_)
            | Self::PassSeen { .. }
            | Self::Revoked { .. }
            | Self::PassGone { .. }
            | Self::Token(_)
            | Self::TokenGone { .. }
            | Self::Network(_)
            | Self::Refused(_)
            | Self::Sample(_)
            | Self::Login(_)
            | Self::Act(_)
            | Self::Attempt(_)
            | Self::Subscriber(_)
            | Self::Told(_)
            | Self::Path(_) => 0,
            // With what they heard of the incidents of three days.
            Self::SubscriberGone { .. } => 64 << 12,
        };
        pages_of(bytes, page_bytes)
    }

    /// Whether it must survive a power cut from the moment that it is settled.
    pub const fn is_synced(&self) -> bool {
        matches!(
            self,
            Self::Revoked { .. }
                | Self::Act(_)
                | Self::Incidents(_)
                | Self::Delivery(_)
                | Self::Attempt(_)
                | Self::Subscriber(_)
                | Self::SubscriberGone { .. }
                | Self::News(_)
        )
    }
}

impl Row {
    /// Whether it is about a person, so that what it replaces must not stay in free space.
    pub(super) const fn is_personal(&self) -> bool {
        matches!(self, Self::Subscriber(_) | Self::SubscriberGone { .. } | Self::Told(_))
    }

    /// Whether what it deletes must not stay in the write-ahead log either.
    pub(super) const fn is_erasure(&self) -> bool {
        matches!(self, Self::SubscriberGone { .. })
    }
}

fn pages_of(bytes: usize, page_bytes: u64) -> u64 {
    ROW_PAGES + (bytes as u64).div_ceil(page_bytes)
}

/// The longest start of a text that fits into `bytes` and does not end inside a character.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
