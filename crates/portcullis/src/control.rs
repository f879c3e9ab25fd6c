//! What admins ask of a running gate, and what it shows of itself.

mod clients;
mod metrics;
mod why;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admission::site::{Entry, List, Site};
use console_io::ControlPlane;
use console_io::ctl::{Command, Reply};
use edge_io::{Clock, Shared};
use journal_io::journal::{ActRow, Journal, Row};
use journal_io::logs::{Events, LogWriter};
use model::{Level, Prefix, Timestamp};
use serde_json::json;

use crate::announcer::{Desk, Pins, meaning};
use crate::check::coverage_sentence;
use crate::erasures::Erasures;
use crate::memory::Memory;
use crate::orders::Orders;
use crate::recordings;
use crate::running::SITE;

/// Commands and metrics of one gate.
pub(crate) struct Control {
    pub(crate) site: Arc<Site>,
    pub(crate) site_name: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) erasures: Arc<Erasures>,
    pub(crate) orders: Arc<Orders>,
    /// The folder that the journal is in.
    pub(crate) state: PathBuf,
    pub(crate) events: Arc<Events>,
    pub(crate) access: Arc<LogWriter>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) clock: Clock,
}

impl ControlPlane for Control {
    fn command(&self, uid: Option<u32>, command: Command) -> Reply {
        if let Some(act) = command.act() {
            self.keep_act(uid, act);
        }
        match command {
            Command::Status => self.status(),
            Command::Mode { mode: None } => {
                Reply::done(format!("mode {}", self.site.mode()), json!(self.site.mode().label()))
            }
            Command::Mode { mode: Some(mode) } => {
                self.site.set_mode(mode);
                Reply::done(format!("mode {mode} from now on, until the next start"), json!(mode.label()))
            }
            Command::Level => self.level(),
            Command::Pin { level, ceiling, minutes } => self.pin(level, ceiling, minutes),
            Command::Unpin => {
                self.desk.pin(Pins::default());
                self.site.set_assist_yes(false);
                Reply::done("the level is free again", json!(null))
            }
            Command::Bypass { on } => self.bypass(on),
            Command::Enforce { percent } => {
                self.orders.enforce(percent);
                self.orders.keep();
                Reply::done(
                    format!("refusals apply to {percent} % of unknown clients; the rest are only observed"),
                    json!(percent),
                )
            }
            Command::Allow { prefix, minutes, remove } => {
                self.list("allow", self.site.allowed(), prefix, minutes, remove)
            }
            Command::Deny { prefix, minutes, remove } => {
                self.list("deny", self.site.denied(), prefix, minutes, remove)
            }
            Command::Clients { after, limit } => self.clients(after.as_ref(), limit),
            Command::Import { hints } => self.import(&hints),
            Command::Revoke { client } => self.revoke(&client),
            Command::Link { client, minutes } => self.link(&client, minutes),
            Command::Forget { client } => self.forget(&client),
            Command::Why(subject) => self.why(&subject),
            Command::Rules => self.rules(),
            Command::Recordings => {
                self.memory.flush();
                recordings::list(&self.state)
            }
        }
    }

    fn metrics(&self) -> String {
        self.exposition()
    }

    fn is_healthy(&self) -> bool {
        true
    }
}

impl Control {
    fn keep_act(&self, uid: Option<u32>, act: String) {
        let who = uid.map_or("the console".to_owned(), |uid| format!("user {uid}"));
        // What the journal has of an account can be erased from it; a line of the log cannot.
        let said =
            act.split_once("account:").map_or(act.clone(), |(before, _)| format!("{before}an account"));
        self.events.info(format_args!("{who}: {said}"));
        let row = ActRow { site: SITE, at: self.clock.wall(), uid, text: act.into() };
        // Acts are vital: the journal keeps them before anything else.
        let _queued = self.journal.record(Row::Act(row));
    }

    fn status(&self) -> Reply {
        let (limit, measured) = self.desk.limit();
        let decision = self.site.decision();
        let coverage = self.site.registry().coverage(self.site.pass_time());
        let limit_text = match (limit.is_finite(), measured) {
            (false, _) => "not measured yet".to_owned(),
            (true, true) => format!("{limit:.0} requests at once"),
            (true, false) => format!("about {limit:.0} requests at once (an estimate)"),
        };
        let bypass = if self.site.is_bypassed() {
            "\nBYPASS IS ON: everything is forwarded, nothing is protected"
        } else {
            ""
        };
        let enforced = match self.orders.enforced() {
            100 => String::new(),
            percent => {
                format!("\nrefusals apply to {percent} % of unknown clients; the rest are only observed")
            }
        };
        let text = format!(
            "mode {}, level {} ({})\nthe app's limit: {limit_text}; {} in service now, load {:.0} %\n{}{enforced}{bypass}",
            self.site.mode(),
            decision.level,
            meaning(decision.level),
            self.site.slots().total(),
            decision.offered * 100.0,
            coverage_sentence(&Some(coverage)),
        );
        let data = json!({
            "mode": self.site.mode().label(),
            "level": decision.level.label(),
            "limit": limit.is_finite().then_some(limit),
            "inflight": self.site.slots().total(),
            "bypass": self.site.is_bypassed(),
            "enforced_percent": self.orders.enforced(),
            "known_clients": self.site.registry().count(),
            "confirmed_last_week": coverage.confirmed,
        });
        Reply::done(text, data)
    }

    fn rules(&self) -> Reply {
        let rules = self.desk.rules();
        let texts: Vec<&str> = rules.iter().map(|rule| rule.text.as_str()).collect();
        let text = if texts.is_empty() { "no rules are in force".to_owned() } else { texts.join("\n") };
        Reply::done(text, json!(rules.iter().map(|rule| &rule.value).collect::<Vec<_>>()))
    }

    fn level(&self) -> Reply {
        let level = self.site.level();
        Reply::done(
            format!("level {level}: {}", meaning(level)),
            json!({ "level": level.label(), "number": level.number() }),
        )
    }

    fn pin(&self, floor: Option<Level>, ceiling: Option<Level>, minutes: u32) -> Reply {
        let until = self.clock.wall() + Duration::from_secs(u64::from(minutes) * 60);
        self.desk.pin(Pins {
            floor: floor.map(|level| (level, until)),
            ceiling: ceiling.map(|level| (level, until)),
        });
        // In mode `assist` a pin to customers-first is the yes that it waits for.
        self.site.set_assist_yes(floor == Some(Level::CustomersFirst));
        let side = |word: &str, level: Option<Level>| {
            level.map(|level| format!(" {word} {level}")).unwrap_or_default()
        };
        Reply::done(
            format!("pinned{}{} for {minutes} minutes", side("at least", floor), side("at most", ceiling)),
            json!(minutes),
        )
    }

    fn bypass(&self, on: bool) -> Reply {
        self.site.set_bypass(on);
        self.orders.keep();
        if on {
            self.events.error(format_args!("bypass is on: everything is forwarded, nothing is protected"));
            Reply::done(
                "bypass is on: everything is forwarded and nothing is protected, until `bypass off`",
                json!(true),
            )
        } else {
            Reply::done("bypass is off: the gate protects again", json!(false))
        }
    }

    fn list(
        &self,
        name: &str,
        list: &List,
        prefix: Option<Prefix>,
        minutes: Option<u32>,
        remove: bool,
    ) -> Reply {
        let Some(prefix) = prefix else { return show(name, list) };
        if remove {
            let was_on = list.remove(prefix);
            self.orders.keep();
            let text = if was_on {
                format!("{prefix} is off the list")
            } else {
                format!("{prefix} was not on the list")
            };
            return Reply::done(text, json!(was_on));
        }
        let until = minutes.map(|minutes| self.clock.wall() + Duration::from_secs(u64::from(minutes) * 60));
        if let Err(error) = list.add(Entry { prefix, until }) {
            return Reply::failed(error.to_string());
        }
        self.orders.keep();
        let time = minutes.map_or(String::new(), |n| format!(" for {n} minutes"));
        Reply::done(format!("{name} {prefix}{time}"), json!(null))
    }
}

fn show(name: &str, list: &List) -> Reply {
    let entries = list.entries();
    let lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{}{}",
                entry.prefix,
                entry.until.map_or(String::new(), |until| format!("  until {}", when(until)))
            )
        })
        .collect();
    let data: Vec<_> = entries.iter().map(|entry| json!({ "network": entry.prefix.to_string(), "until": entry.until.map(Timestamp::as_secs) })).collect();
    let text = if lines.is_empty() { format!("nothing is on the {name} list") } else { lines.join("\n") };
    Reply::done(text, json!(data))
}

fn when(at: Timestamp) -> String {
    let seconds =
        i64::try_from(at.as_secs()).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    seconds.map_or_else(|| "at an unknown time".to_owned(), |at| at.to_string())
}
