//! One piece of news about an incident, as it waits to be told.

use incident::{Audience, Civil, Service, Services};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// How urgent it is. The order is from least to most; the names are those of PagerDuty's Events API v2.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something is wrong, and everybody is served as usual.
    Info,
    /// Everybody is served, some have to wait.
    Warning,
    /// Some are not served.
    Error,
    /// Hardly anybody is served.
    Critical,
}

impl Severity {
    /// All of them, from least to most.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// In JSON and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    pub(crate) fn of(services: Services) -> Self {
        match services.worst() {
            // As long as customers are served, it is not the worst that can be.
            Service::Down if services.of(Audience::Known) == Service::Down => Self::Critical,
            Service::Down | Service::Part => Self::Error,
            Service::Delayed => Self::Warning,
            Service::Good => Self::Info,
        }
    }

    const fn means(self) -> &'static str {
        match self {
            Self::Info => "everybody is served as usual",
            Self::Warning => "everybody is served, some may have to wait",
            Self::Error => "some are not served",
            Self::Critical => "hardly anybody is served",
        }
    }
}

/// What the news is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// An incident has begun.
    Opened,
    /// More people fare worse than was told before.
    Worse,
    /// The public will be told unless somebody says no.
    Planned,
    /// The public will not be told unless somebody says yes.
    Waits,
    /// Somebody has said no to that.
    Held,
    /// The public was told.
    Published,
    /// Somebody sees to it.
    Acknowledged,
    /// What was over is back.
    Back,
    /// It goes on, and nobody has acknowledged it.
    Reminder,
    /// It is over.
    Over,
}

impl What {
    /// In JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Worse => "worse",
            Self::Planned => "planned",
            Self::Waits => "waits",
            Self::Held => "held",
            Self::Published => "published",
            Self::Acknowledged => "acknowledged",
            Self::Back => "back",
            Self::Reminder => "reminder",
            Self::Over => "over",
        }
    }

    /// Whether somebody is to be called.
    pub(crate) const fn calls(self) -> bool {
        matches!(self, Self::Opened | Self::Worse | Self::Back)
    }
}

/// News about an incident. It holds neither addresses nor accounts, and is kept as JSON until everybody has it.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub(crate) struct Notice {
    /// The incident's public id.
    pub(crate) incident: String,
    /// The entry of the record that it follows from.
    pub(crate) seq: u64,
    /// What the news is.
    pub(crate) what: What,
    /// The incident's title; people may have written it.
    pub(crate) title: String,
    /// How urgent the incident is, at its worst so far.
    pub(crate) severity: Severity,
    /// How urgent it is as everybody fares now; `None`: only people know.
    pub(crate) now: Option<Severity>,
    /// Whether it goes on.
    pub(crate) is_open: bool,
    /// When it began, in milliseconds since the epoch.
    pub(crate) since: u64,
    /// When this became so, in milliseconds since the epoch.
    pub(crate) at: u64,
    /// What is thought to be behind it, in words.
    pub(crate) cause: Option<String>,
    /// How everybody fares, in words.
    pub(crate) fares: String,
    /// How far the public knows it to be: a stage of Statuspage.
    pub(crate) stage: Option<String>,
    /// What was or will be said, plain text; may be empty.
    pub(crate) text: String,
    /// Words wait, and whoever is told may say yes or no to them.
    #[serde(default)]
    pub(crate) asks: bool,
    /// The public was not told, and nobody has said that it is not to be: words wait, or may soon.
    #[serde(default)]
    pub(crate) is_untold: bool,
    /// The incident's number in the record.
    #[serde(default)]
    pub(crate) number: u32,
}

impl Notice {
    /// No other news to the same receiver has it; it stays the same however often it is tried.
    pub(crate) fn key(&self) -> String {
        let key = format!("{}.{}", self.incident, self.seq);
        // The same news, said again.
        if self.what == What::Reminder { format!("{key}.{}", self.at / 1_000) } else { key }
    }

    /// When this became so.
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }

    /// The news in a line, without its end.
    pub(crate) fn headline(&self) -> String {
        let title = &self.title;
        let state = self.now.map_or_else(|| title.clone(), |now| format!("{title}: {}", now.means()));
        match self.what {
            // For many the first that they hear of it is that it got worse.
            What::Opened | What::Worse => state,
            What::Back => format!("Back: {state}"),
            What::Reminder => format!("Still: {state}"),
            What::Planned => format!("A notice is about to be published: {title}"),
            What::Waits => format!("Words wait for you: {title}"),
            What::Held => format!("The notice is held back: {title}"),
            What::Published => {
                format!("Published as {}: {title}", self.stage.as_deref().unwrap_or_default())
            }
            What::Acknowledged => format!("Acknowledged: {title}"),
            What::Over => format!("Over: {title}"),
        }
    }

    /// What an admin wants to know besides, a line each: its name and what it is.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        let since = iso(Timestamp::from_millis(self.since));
        let mut details = vec![("began", since), ("now", self.fares.clone())];
        details.extend(self.cause.clone().map(|cause| ("thought to be behind it", cause)));
        details.push(("incident", self.incident.clone()));
        details.push(("more", format!("portcullis ctl incident show {}", self.incident)));
        details
    }
}

/// What a link is called with which it is decided about words that wait.
pub(crate) const DECIDE: &str = "read what the public is told, and publish it or hold it back";

/// RFC 3339, UTC.
pub(crate) fn iso(at: Timestamp) -> String {
    Civil::of(at).rfc3339()
}

/// The longest beginning of a text within so many bytes, with a sign that it was longer.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()))])
}

/// What was said is told up to here, in bytes; the page has the rest.
pub(crate) const TEXT_MAX: usize = 2_048;
