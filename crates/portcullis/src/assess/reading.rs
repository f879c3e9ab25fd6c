//! What is kept of a log while it is read: bounded counts per client, path and second.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;

use admission::limits::{Keys, Ladder, LadderSettings};
use model::Instant;

use super::line::{self, Entry, Skipped};

/// Clients that are told apart; requests of further ones are counted together.
pub(crate) const CLIENTS_MAX: usize = 200_000;
/// Paths that are told apart, by their first two segments.
const PATHS_MAX: usize = 2_000;
/// Requests that may wait for earlier ones.
const WAITING_MAX: usize = 1 << 16;
/// Different user agents remembered for one client.
const AGENTS_MAX: usize = 32;

/// Everything read so far.
pub(crate) struct Reading {
    lines: u64,
    requests: u64,
    skipped: BTreeMap<&'static str, u64>,
    pub(crate) clients: BTreeMap<IpAddr, Client>,
    pub(crate) paths: BTreeMap<String, PathCounts>,
    pub(crate) seconds: BTreeMap<i64, u32>,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Where people sign in, beside the usual paths.
    login: Option<String>,
    ladder: Ladder,
    /// Requests that wait for their turn: servers write lines when requests end, not in the order of their times.
    waiting: BinaryHeap<Reverse<(i64, IpAddr)>>,
}

/// One client address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    pub(crate) requests: u64,
    /// Days (since 1970) on which it was seen, the latest 32.
    pub(crate) days: BTreeSet<i64>,
    pub(crate) failures: u64,
    pub(crate) logins: u64,
    /// Answers to the sign-ins that it tried.
    pub(crate) sign_ins: SignIns,
    pub(crate) users: BTreeSet<String>,
    pub(crate) agents: BTreeSet<String>,
    pub(crate) kind: Kind,
    /// Requests that the default client limits would refuse while limits refuse.
    pub(crate) over_limit: u64,
    window: (i64, u32),
    /// Most requests within ten seconds.
    pub(crate) peak_ten_seconds: u32,
}

/// How attempts to sign in were answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SignIns {
    /// 2xx: the next page, or the form again.
    pub(crate) pages: u64,
    /// 3xx.
    pub(crate) redirects: u64,
    /// 4xx.
    pub(crate) denied: u64,
}

/// What kind of program a client is, by its user agent alone.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    /// It says it is a browser.
    Browser,
    /// It says it is a crawler.
    Crawler,
    /// It is a program or says nothing.
    #[default]
    Program,
}

/// One path, by its first two segments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PathCounts {
    pub(crate) requests: u64,
    pub(crate) posts: u64,
    /// POSTs answered 2xx or 3xx.
    pub(crate) posts_ok: u64,
    pub(crate) by_programs: u64,
    /// Answers 401 or 403.
    pub(crate) denied: u64,
}

impl Default for Reading {
    fn default() -> Self {
        // A log is replayed offline, so its keys need not be secret.
        let keys = std::array::from_fn(|table| [u8::try_from(table).unwrap_or(0); 16]);
        Self {
            lines: 0,
            requests: 0,
            skipped: BTreeMap::new(),
            clients: BTreeMap::new(),
            paths: BTreeMap::new(),
            seconds: BTreeMap::new(),
            first: i64::MAX,
            last: i64::MIN,
            login: None,
            ladder: Ladder::new(&LadderSettings::new(keys)),
            waiting: BinaryHeap::new(),
        }
    }
}

impl Reading {
    /// Begins; people sign in at this path too.
    pub(crate) fn with_login(login: Option<&str>) -> Self {
        Self { login: login.map(str::to_owned), ..Self::default() }
    }

    /// Takes one line.
    pub(crate) fn add(&mut self, text: &str) {
        self.lines += 1;
        match line::parse(text) {
            Ok(entry) => self.count(entry),
            Err(skipped) => *self.skipped.entry(word(skipped)).or_default() += 1,
        }
    }

    pub(crate) const fn lines(&self) -> u64 {
        self.lines
    }

    pub(crate) const fn requests(&self) -> u64 {
        self.requests
    }

    /// Lines that were left out, by reason.
    pub(crate) const fn skipped(&self) -> &BTreeMap<&'static str, u64> {
        &self.skipped
    }

    fn count(&mut self, entry: Entry) {
        self.requests += 1;
        self.first = self.first.min(entry.at);
        self.last = self.last.max(entry.at);
        *self.seconds.entry(entry.at).or_default() += 1;
        let kind = kind_of(&entry.user_agent);
        self.count_path(&entry, kind);
        self.waiting.push(Reverse((entry.at, entry.client)));
        if self.waiting.len() > WAITING_MAX {
            self.charge_next();
        }
        if self.clients.len() < CLIENTS_MAX || self.clients.contains_key(&entry.client) {
            let is_sign_in = entry.method == "POST"
                && (is_login(&entry.path) || self.login.as_deref() == Some(entry.path.as_str()));
            self.clients.entry(entry.client).or_default().count(entry, kind, is_sign_in);
        }
    }

    /// All lines have been read: the requests that still wait take their turn.
    pub(crate) fn finish(&mut self) {
        while !self.waiting.is_empty() {
            self.charge_next();
        }
    }

    /// Plays the earliest waiting request through the real client limits, at the time that the log gives.
    fn charge_next(&mut self) {
        let Some(Reverse((at, client))) = self.waiting.pop() else { return };
        let now = Instant::from_secs(u64::try_from(at).unwrap_or(0));
        let refused = self.ladder.charge(&Keys::Address(client), now, 1_000, 1).is_err();
        if let (true, Some(client)) = (refused, self.clients.get_mut(&client)) {
            client.over_limit += 1;
        }
    }

    fn count_path(&mut self, entry: &Entry, kind: Kind) {
        let key = leading(&entry.path);
        if self.paths.len() >= PATHS_MAX && !self.paths.contains_key(key) {
            return;
        }
        let counts = self.paths.entry(key.to_owned()).or_default();
        counts.requests += 1;
        counts.by_programs += u64::from(kind == Kind::Program);
        counts.denied += u64::from(matches!(entry.status, 401 | 403));
        if entry.method == "POST" {
            counts.posts += 1;
            counts.posts_ok += u64::from(entry.status < 400);
        }
    }
}

impl Client {
    fn count(&mut self, entry: Entry, kind: Kind, is_sign_in: bool) {
        self.requests += 1;
        if is_sign_in {
            self.sign_ins.count(entry.status);
            self.logins += u64::from(entry.status < 400);
        }
        self.failures += u64::from(matches!(entry.status, 400..=499));
        self.days.insert(entry.at.div_euclid(86_400));
        if self.days.len() > 32 {
            self.days.pop_first();
        }
        let (begun, in_window) = self.window;
        self.window = if entry.at.abs_diff(begun) < 10 { (begun, in_window + 1) } else { (entry.at, 1) };
        self.peak_ten_seconds = self.peak_ten_seconds.max(self.window.1);
        if let Some(user) = entry.user
            && self.users.len() < AGENTS_MAX
        {
            self.users.insert(user);
        }
        if self.agents.len() < AGENTS_MAX {
            self.agents.insert(entry.user_agent);
        }
        self.kind = kind;
    }
}

impl SignIns {
    fn count(&mut self, status: u16) {
        match status {
            200..=299 => self.pages += 1,
            300..=399 => self.redirects += 1,
            400..=499 => self.denied += 1,
            _ => {}
        }
    }
}

fn word(skipped: Skipped) -> &'static str {
    match skipped {
        Skipped::Length => "empty or too long",
        Skipped::Format => "in no format that is understood",
        Skipped::NoAddress => "without a client address",
    }
}

/// The first two segments of a path.
fn leading(path: &str) -> &str {
    path.match_indices('/').nth(2).map_or(path, |(at, _)| &path[..at])
}

/// Whether a path looks like the one that people sign in at.
pub(crate) fn is_login(path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_ascii_lowercase();
    let stem = last.split('.').next().unwrap_or("");
    matches!(
        stem,
        "login" | "signin" | "sign-in" | "sign_in" | "log-in" | "session" | "sessions" | "logon" | "wp-login"
    )
}

fn kind_of(user_agent: &str) -> Kind {
    let lower = user_agent.to_ascii_lowercase();
    if ["bot", "crawl", "spider", "slurp", "feed", "monitor"].iter().any(|word| lower.contains(word)) {
        Kind::Crawler
    } else if lower.starts_with("mozilla/") || lower.starts_with("opera/") {
        Kind::Browser
    } else {
        Kind::Program
    }
}
