//! What became of a request, and why: the words of metrics, logs, references and reports.

use std::fmt;

/// How a request was refused, by the kind of step that refused it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum RefusalKind {
    /// By a client limit: 429.
    Limited,
    /// By the threshold or the queue: 503.
    Shed,
    /// By a rule: 403.
    Ruled,
    /// Asked to wait or to return a cookie first: 503, or 429 for what is no navigation.
    Challenged,
    /// In the kernel; there is no answer.
    Dropped,
}

impl RefusalKind {
    /// The word in metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Limited => "limited",
            Self::Shed => "shed",
            Self::Ruled => "ruled",
            Self::Challenged => "challenged",
            Self::Dropped => "dropped",
        }
    }
}

/// The exact step that refused. Stable numbers: they are sealed into references.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Reason {
    /// The cohort is below the threshold.
    Threshold = 1,
    /// No slot was free, and every place to wait was taken.
    QueueFull = 2,
    /// No slot became free in time.
    QueueTimeout = 3,
    /// The limit of the pass.
    PassLimit = 4,
    /// The limit of the account.
    AccountLimit = 5,
    /// The limit of the address (IPv4 /32, IPv6 /64).
    AddressLimit = 6,
    /// The limit of the network (IPv4 /24, IPv6 /56 or /48).
    NetworkLimit = 7,
    /// The limit of the wider network (IPv4 /20 and /16, IPv6 /48).
    WideLimit = 8,
    /// The limit of login attempts of the address or network.
    LoginLimit = 9,
    /// The limit of login attempts of the account from this network.
    AccountLoginLimit = 10,
    /// The body is larger than the route allows.
    BodyTooLarge = 11,
    /// Too many connections of one address or network.
    ConnectionLimit = 12,
    /// Too many open streams (downloads, WebSockets, event streams) of this class of client.
    StreamLimit = 13,
    /// An admin's `ctl deny`.
    Denied = 14,
    /// The login lane is full; a waiting ticket was given.
    LaneFull = 15,
    /// The byte budget for buffered bodies is used up.
    BufferBudget = 16,
    /// A synthesised rule matched.
    Rule = 17,
    /// To come back with a cookie first.
    CookieChallenge = 18,
    /// To come back with a cookie after waiting first.
    WaitingChallenge = 19,
}

impl Reason {
    /// Every reason, for tables and for decoding.
    pub const ALL: [Self; 19] = [
        Self::Threshold,
        Self::QueueFull,
        Self::QueueTimeout,
        Self::PassLimit,
        Self::AccountLimit,
        Self::AddressLimit,
        Self::NetworkLimit,
        Self::WideLimit,
        Self::LoginLimit,
        Self::AccountLoginLimit,
        Self::BodyTooLarge,
        Self::ConnectionLimit,
        Self::StreamLimit,
        Self::Denied,
        Self::LaneFull,
        Self::BufferBudget,
        Self::Rule,
        Self::CookieChallenge,
        Self::WaitingChallenge,
    ];

    /// The stable number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }

    /// The kind of refusal that this reason leads to.
    pub const fn kind(self) -> RefusalKind {
        match self {
            Self::Threshold | Self::QueueFull | Self::QueueTimeout | Self::BufferBudget => RefusalKind::Shed,
            Self::PassLimit
            | Self::AccountLimit
            | Self::AddressLimit
            | Self::NetworkLimit
            | Self::WideLimit
            | Self::LoginLimit
            | Self::AccountLoginLimit
            | Self::BodyTooLarge
            | Self::ConnectionLimit
            | Self::StreamLimit => RefusalKind::Limited,
            Self::Denied | Self::Rule => RefusalKind::Ruled,
            Self::LaneFull | Self::CookieChallenge | Self::WaitingChallenge => RefusalKind::Challenged,
        }
    }

    /// The word in logs and reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::PassLimit => "pass_limit",
            Self::AccountLimit => "account_limit",
            Self::AddressLimit => "address_limit",
            Self::NetworkLimit => "network_limit",
            Self::WideLimit => "wide_limit",
            Self::LoginLimit => "login_limit",
            Self::AccountLoginLimit => "account_login_limit",
            Self::BodyTooLarge => "body_too_large",
            Self::ConnectionLimit => "connection_limit",
            Self::StreamLimit => "stream_limit",
            Self::Denied => "denied",
            Self::LaneFull => "lane_full",
            Self::BufferBudget => "buffer_budget",
            Self::Rule => "rule",
            Self::CookieChallenge => "cookie_challenge",
            Self::WaitingChallenge => "waiting_challenge",
        }
    }

    /// The setting that cures a mistake of this step, as a person would write it.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::Threshold => {
                "let the app confirm these clients ([site.login], [site.known.session] or [site.known.token])"
            }
            Self::QueueFull | Self::QueueTimeout => {
                "add capacity to the app, or confirm these clients as known"
            }
            Self::PassLimit | Self::AccountLimit => {
                "raise limits.pass_rate, or split the account over several passes"
            }
            Self::AddressLimit => "raise limits.address_rate, or name the network with [[network]]",
            Self::NetworkLimit | Self::WideLimit => {
                "name the network with [[network]] and the people behind it"
            }
            Self::LoginLimit => "raise limits.login_rate, or name the network with [[network]]",
            Self::AccountLoginLimit => "nothing: the account's owner is let in from a known device",
            Self::BodyTooLarge => "set `body` on a [[site.route]] for this path",
            Self::ConnectionLimit => "name the network with [[network]] and the people behind it",
            Self::StreamLimit => {
                "raise limits.streams, or confirm these clients as known; one pass has 16 WebSockets"
            }
            Self::Denied => "take the address off the list with `portcullis ctl deny --remove`",
            Self::LaneFull => "raise limits.login_share, or send passes out of band",
            Self::BufferBudget => "raise limits.buffers",
            Self::Rule => "let the app confirm these clients, or exempt them with `portcullis ctl allow`",
            Self::CookieChallenge | Self::WaitingChallenge => {
                "let the app confirm these clients, or name programs with [[partner]] or [site.known.token]"
            }
        }
    }
}

/// The outcome of a request in `portcullis_requests_total`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Outcome {
    /// The origin answered, and not with a failure of its own.
    Forwarded,
    /// The origin did not answer, or answered 500, 502, 503 or 504.
    OriginError,
    /// See [`RefusalKind::Limited`].
    Limited,
    /// See [`RefusalKind::Shed`].
    Shed,
    /// See [`RefusalKind::Ruled`].
    Ruled,
    /// See [`RefusalKind::Challenged`].
    Challenged,
    /// The client went away before the first byte of an answer.
    Abandoned,
}

impl Outcome {
    /// How many outcomes there are.
    pub const COUNT: usize = 7;

    /// All outcomes in the order of the metric's label values.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Forwarded,
        Self::OriginError,
        Self::Limited,
        Self::Shed,
        Self::Ruled,
        Self::Challenged,
        Self::Abandoned,
    ];

    /// The outcome's place, 0 to 6.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label in metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::OriginError => "origin_error",
            Self::Limited => "limited",
            Self::Shed => "shed",
            Self::Ruled => "ruled",
            Self::Challenged => "challenged",
            Self::Abandoned => "abandoned",
        }
    }
}

impl From<RefusalKind> for Outcome {
    fn from(kind: RefusalKind) -> Self {
        match kind {
            RefusalKind::Limited => Self::Limited,
            RefusalKind::Shed => Self::Shed,
            RefusalKind::Ruled | RefusalKind::Dropped => Self::Ruled,
            RefusalKind::Challenged => Self::Challenged,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
