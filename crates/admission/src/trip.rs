//! A layer that hurts known clients in calm is switched to reporting, by itself and loudly.

use std::time::Duration;

use model::{AccountId, Instant, Level, Reason};

/// Failures in the window from which on a layer may trip.
const FAILURES_MIN: u64 = 20;

/// Accounts that the failures must concern: one broken client is no reason.
const ACCOUNTS_MIN: usize = 5;

/// The failures must be more than one in this many known requests.
const REQUESTS_PER_FAILURE: u64 = 1_000;

/// Seconds in the window.
const WINDOW_SECONDS: usize = 30;

/// How long calm must hold before a tripped layer refuses again.
const CALM_HOLD: Duration = Duration::from_secs(600);

/// Accounts told apart in each layer's window; the event says at least this many when it is reached.
const ACCOUNTS_MAX: usize = 32;

/// A part of the gate that refuses, and that may be told to report only.
///
/// The threshold, the reserved shares with their queue, the budgets of the gate's own memory and connections, and an
/// admin's order are no layers: they stay whatever happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layer {
    /// Limits of passes, accounts, addresses and networks.
    ClientLimits,
    /// Limits of login attempts.
    LoginLimits,
    /// Limits of body size by route.
    BodyLimits,
    /// Synthesised rules.
    Rules,
    /// Waiting tickets, cookie challenges and the places of the login lane.
    Challenges,
}

impl Layer {
    /// How many layers there are.
    pub const COUNT: usize = 5;

    /// All layers.
    pub const ALL: [Self; Self::COUNT] =
        [Self::ClientLimits, Self::LoginLimits, Self::BodyLimits, Self::Rules, Self::Challenges];

    /// The layer that refuses for this reason; `None` for what never trips.
    pub const fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::PassLimit
            | Reason::AccountLimit
            | Reason::AddressLimit
            | Reason::NetworkLimit
            | Reason::WideLimit => Some(Self::ClientLimits),
            Reason::LoginLimit | Reason::AccountLoginLimit => Some(Self::LoginLimits),
            Reason::BodyTooLarge => Some(Self::BodyLimits),
            Reason::Rule => Some(Self::Rules),
            Reason::LaneFull | Reason::CookieChallenge | Reason::WaitingChallenge => Some(Self::Challenges),
            Reason::Threshold
            | Reason::QueueFull
            | Reason::QueueTimeout
            | Reason::ConnectionLimit
            | Reason::StreamLimit
            | Reason::BufferBudget
            | Reason::Denied => None,
        }
    }

    /// The layer's place, 0 to 4.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The layer's name in messages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientLimits => "client limits",
            Self::LoginLimits => "login limits",
            Self::BodyLimits => "body limits",
            Self::Rules => "rules",
            Self::Challenges => "challenges",
        }
    }
}

/// What the engine decided, with the numbers for the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TripEvent {
    /// The layer only reports from now on.
    #[error(
        "in calm, {} refused {failures} requests of {accounts} known accounts within 30 s, of {requests} known requests \
         in all: they only report until calm has held for 10 min; `portcullis report` names the setting to change",
        layer.label()
    )]
    Tripped {
        /// The layer.
        layer: Layer,
        /// Its refusals of known clients in the last 30 s.
        failures: u64,
        /// How many accounts they concern; 32 means at least 32.
        accounts: usize,
        /// Known requests answered in the last 30 s, these included.
        requests: u64,
    },
    /// Calm has held for 10 min, and the layer would hurt no more.
    #[error("calm has held for 10 min: {} refuse again", layer.label())]
    Restored {
        /// The layer.
        layer: Layer,
    },
    /// The level rose: the layer is needed.
    #[error("the level rose ({level} now): {} refuse again", layer.label())]
    Needed {
        /// The layer.
        layer: Layer,
        /// The level when this is said.
        level: Level,
    },
}

/// Watches what the gate itself does to known clients in calm.
///
/// ```text
///            in calm, ≥ 20 failures of ≥ 5 accounts and > 0.1 % of known requests in 30 s
///   refuses ───────────────────────────────────────────────────────────────────────────▶ only reports
///      ▲                                                                                      │
///      └── calm has held for 10 min and the condition is gone, or the level is not calm ◀─────┘
/// ```
#[derive(Debug)]
pub struct SelfHarm {
    level: Level,
    requests: Window,
    layers: [Watch; Layer::COUNT],
    /// Layers that refuse again since the level rose, of which nobody was told yet.
    needed: [bool; Layer::COUNT],
}

impl Default for SelfHarm {
    fn default() -> Self {
        Self::new()
    }
}

impl SelfHarm {
    /// An engine in calm, in which every layer refuses.
    pub fn new() -> Self {
        Self {
            level: Level::Calm,
            requests: Window::default(),
            layers: Default::default(),
            needed: [false; Layer::COUNT],
        }
    }

    /// A layer refused a known client, or would have if it did not only report.
    ///
    /// Reporting the latter too keeps a layer from being restored while it would still hurt.
    pub fn failure(&mut self, now: Instant, layer: Layer, account: AccountId) {
        if self.level == Level::Calm {
            self.layers[layer.index()].note(now, account);
        }
    }

    /// `known_requests` of known clients got any answer since the last call, refusals included.
    pub fn answered(&mut self, known_requests: u64, now: Instant) {
        if self.level == Level::Calm {
            self.requests.add(now, known_requests);
        }
    }

    /// Says at most one thing. Call it once a second, each time until it returns `None`.
    pub fn step(&mut self, now: Instant, level: Level) -> Option<TripEvent> {
        self.level = level;
        if level != Level::Calm {
            self.restore_all();
        }
        if let Some(layer) = Layer::ALL.into_iter().find(|layer| self.needed[layer.index()]) {
            self.needed[layer.index()] = false;
            return Some(TripEvent::Needed { layer, level });
        }
        let requests = self.requests.sum(now);
        Layer::ALL.into_iter().find_map(|layer| self.layers[layer.index()].step(now, layer, requests))
    }

    /// Whether a layer reports what it would refuse, and refuses nothing.
    pub fn only_reports(&self, layer: Layer) -> bool {
        self.layers[layer.index()].tripped.is_some()
    }

    /// Also forgets every count: what happened before or during an attack says nothing about the calm after it.
    fn restore_all(&mut self) {
        self.requests = Window::default();
        for (needed, watch) in self.needed.iter_mut().zip(&mut self.layers) {
            *needed |= watch.tripped.is_some();
            *watch = Watch::default();
        }
    }
}

/// One layer.
#[derive(Debug, Default)]
struct Watch {
    tripped: Option<Instant>,
    failures: Window,
    /// The accounts that failed last, and when; the oldest makes room.
    accounts: [Option<(AccountId, Instant)>; ACCOUNTS_MAX],
}

impl Watch {
    fn note(&mut self, now: Instant, account: AccountId) {
        self.failures.add(now, 1);
        let same = self.accounts.iter().position(|seen| seen.is_some_and(|(known, _)| known == account));
        let at = same.unwrap_or_else(|| self.oldest());
        self.accounts[at] = Some((account, now));
    }

    fn step(&mut self, now: Instant, layer: Layer, requests: u64) -> Option<TripEvent> {
        let (failures, accounts) = (self.failures.sum(now), self.accounts_seen(now));
        // A refusal is a request too, even if the caller's count of answers lags behind.
        let requests = requests.max(failures);
        let harms = failures >= FAILURES_MIN
            && accounts >= ACCOUNTS_MIN
            && failures.saturating_mul(REQUESTS_PER_FAILURE) > requests;
        match self.tripped {
            None if harms => {
                self.tripped = Some(now);
                Some(TripEvent::Tripped { layer, failures, accounts, requests })
            }
            Some(since) if !harms && now.since(since) >= CALM_HOLD => {
                self.tripped = None;
                Some(TripEvent::Restored { layer })
            }
            None | Some(_) => None,
        }
    }

    fn accounts_seen(&self, now: Instant) -> usize {
        let window = Duration::from_secs(WINDOW_SECONDS as u64);
        self.accounts.iter().flatten().filter(|(_, at)| now.since(*at) < window).count()
    }

    fn oldest(&self) -> usize {
        let by_age = self.accounts.iter().enumerate().min_by_key(|(_, seen)| seen.map(|(_, at)| at));
        by_age.map_or(0, |(at, _)| at)
    }
}

/// A sum over the last 30 seconds, by whole seconds.
#[derive(Debug, Default)]
struct Window {
    seconds: [(u64, u64); WINDOW_SECONDS],
}

impl Window {
    fn add(&mut self, now: Instant, count: u64) {
        let second = now.as_secs();
        let (stamp, sum) = &mut self.seconds[place(second)];
        // A late count joins the newer second in its place rather than being lost.
        if second > *stamp {
            (*stamp, *sum) = (second, 0);
        }
        *sum = sum.saturating_add(count);
    }

    fn sum(&self, now: Instant) -> u64 {
        let window = WINDOW_SECONDS as u64;
        let live = self.seconds.iter().filter(|(stamp, _)| now.as_secs().saturating_sub(*stamp) < window);
        live.fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }
}

fn place(second: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "below the number of places")]
    let place = (second % WINDOW_SECONDS as u64) as usize;
    place
}

#[cfg(test)]
mod tests;
