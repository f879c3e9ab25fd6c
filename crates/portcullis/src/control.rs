//! What admins ask of a running gate, and what it shows of itself.

mod availability;
mod clients;
mod elsewhere;
mod level;
mod links;
mod lists;
mod metrics;
mod mirrors;
mod page;
mod provider;
mod rules;
mod why;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::provider::Finding;
use admin::ReportDraft;
use admission::site::Site;
use console_io::ctl::{Command, PageCommand, Reply, SubscriberCommand};
use console_io::{ControlPlane, Heard};
use edge_io::{Clock, Shared};
use incident::{Alert, Availability, Deed, PublicId, View};
use journal_io::journal::{ActRow, Journal, Row};
use journal_io::logs::{Events, LogWriter};
use model::Timestamp;
use serde_json::json;
use status_io::Publisher;

use links::LinkBudget;
pub(crate) use links::{Door, LinkPlace};
use lists::{ALLOW, DENY};

use crate::check::coverage_sentence;
use crate::desk::Desk;
use crate::erasures::Erasures;
use crate::host::HostWatch;
use crate::lines::Moment;
use crate::memory::Memory;
use crate::orders::Orders;
use crate::probing::Probing;
use crate::recordings;
use crate::running::SITE;
use crate::situation::{meaning, silence};
use crate::subscribing;
use crate::truth::Truth;

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
    pub(crate) truth: Arc<Truth>,
    pub(crate) probing: Arc<Probing>,
    pub(crate) host: Arc<HostWatch>,
    pub(crate) folders: Option<Arc<Publisher>>,
    pub(crate) availability: Arc<Mutex<[Availability; 2]>>,
    pub(crate) clock: Clock,
    /// Where links for customers lead.
    pub(crate) link_place: LinkPlace,
    pub(crate) links: LinkBudget,
}

impl ControlPlane for Control {
    fn command(&self, uid: Option<u32>, command: Command) -> Reply {
        let (at, act) = (self.clock.wall(), command.act());
        let leave = changes_what_is_inherited(&command).then(|| self.desk.may_act());
        if matches!(leave, Some(None)) {
            return Reply::failed("another process is taking over; repeat it in a moment");
        }
        if let Some(act) = &act {
            self.tell(uid, act);
        }
        // What is late may still be done.
        let may_follow = matches!(command, Command::DropRule { .. });
        let reply = self.obey(uid, command);
        if let Some(act) = act {
            self.keep_act(uid, at, act, reply.ok || may_follow);
        }
        reply
    }

    fn metrics(&self) -> String {
        self.exposition()
    }

    fn is_healthy(&self) -> bool {
        true
    }

    fn moment(&self) -> incident::Moment {
        incident::Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    fn known(&self) -> Option<admin::Known> {
        self.all_known()
    }

    fn foresee(&self, command: PageCommand) -> Result<View, Reply> {
        self.foreseen(command)
    }

    fn heed(&self, alerts: Vec<Alert>) -> Heard {
        self.truth.heed(alerts).map_or(Heard::Later, page::heard)
    }

    fn report_draft(&self, id: PublicId) -> Option<ReportDraft> {
        Self::report_draft(self, id)
    }
}

impl Control {
    fn obey(&self, uid: Option<u32>, command: Command) -> Reply {
        match command {
            Command::Status => self.status(),
            Command::Mode { mode: None } => self.mode(),
            Command::Mode { mode: Some(mode) } => self.set_mode(mode),
            Command::Level => self.level(),
            Command::Pin { level, ceiling, minutes } => self.pin(level, ceiling, minutes),
            Command::Unpin => self.unpin(),
            Command::Bypass { on } => self.bypass(on),
            Command::Enforce { percent } => self.enforce(percent),
            Command::Allow { prefix, minutes, remove } => self.list(ALLOW, prefix, minutes, remove),
            Command::Deny { prefix, minutes, remove } => self.list(DENY, prefix, minutes, remove),
            Command::Clients { after, limit } => self.clients(after.as_ref(), limit),
            Command::Import { hints } => self.import(&hints),
            Command::Revoke { client } => self.revoke(&client),
            Command::Link { client, minutes } => self.link(&client, minutes),
            Command::Forget { client } => self.forget(&client),
            Command::Why(subject) => self.why(&subject),
            Command::Rules => self.rules(),
            Command::Rule { rule } => self.rule(rule),
            Command::DropRule { rule } => self.drop_rule(rule),
            Command::Page(command) => self.page(uid, command),
            Command::ProviderReport { incident } => self.provider_report(incident),
            Command::Subscriber(command) => self.subscriber(command),
            Command::Recordings => {
                self.memory.flush();
                recordings::list(&self.state)
            }
        }
    }

    /// Tells the log what is wanted before it is tried.
    fn tell(&self, uid: Option<u32>, act: &str) {
        let who = uid.map_or("the console".to_owned(), |uid| format!("user {uid}"));
        // What the journal has of an account can be erased from it; a line of the log cannot.
        let said =
            act.split_once("account:").map_or(act.to_owned(), |(before, _)| format!("{before}an account"));
        self.events.info(format_args!("{who}: {said}"));
    }

    /// Keeps what was asked for, and whether it was done: a report tells of what has changed.
    fn keep_act(&self, uid: Option<u32>, at: Timestamp, act: String, is_done: bool) {
        let text = if is_done { act } else { Deed::failed(&act) };
        // Acts are vital: the journal keeps them before anything else.
        let _queued = self.journal.record(Row::Act(ActRow { site: SITE, at, uid, text: text.into() }));
    }

    fn status(&self) -> Reply {
        let (limit, measured) = self.desk.limit();
        let decision = self.site.decision();
        let coverage = self.site.registry().coverage(self.site.pass_time());
        let figures = lock(&self.availability).each_ref().map(Availability::figures);
        let targets = self.folders.as_ref().map(|folders| folders.targets()).unwrap_or_default();
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
        let undeclared = self.undeclared_front();
        let front_said = undeclared.as_ref().map(|said| format!("\n{said}")).unwrap_or_default();
        let silent_for = self.silent_for();
        let silence = silent_for.map(|time| format!("\n{}", silence(time))).unwrap_or_default();
        let probes = self.probing.told(self.clock.now()).map(|told| format!("\n{told}")).unwrap_or_default();
        let (_, link) = self.host.link_now(&self.probing);
        let link_said = link_said(&link);
        let text = format!(
            "mode {}, level {} ({})\nthe app's limit: {limit_text}; {} in service now, load {:.0} %\n{}{}{probes}{link_said}{front_said}{silence}{enforced}{bypass}",
            self.site.mode(),
            decision.level,
            meaning(decision.level),
            self.site.slots().total(),
            decision.offered * 100.0,
            coverage_sentence(&Some(coverage)),
            availability::said(&figures) + &mirrors::said(&targets),
        );
        let data = json!({
            "mode": self.site.mode().label(),
            "level": decision.level.label(),
            "silent_seconds": silent_for.map(|time| time.as_secs()),
            "limit": limit.is_finite().then_some(limit),
            "inflight": self.site.slots().total(),
            "bypass": self.site.is_bypassed(),
            "enforced_percent": self.orders.enforced(),
            "known_clients": self.site.registry().count(),
            "confirmed_last_week": coverage.confirmed,
            "page_targets": mirrors::values(&targets),
            "availability": availability::value(&figures),
            "link": link.verdict,
            "undeclared_front": undeclared,
        });
        Reply::done(text, data)
    }

    fn subscriber(&self, command: SubscriberCommand) -> Reply {
        let view = self.truth.ask().map(|known| known.view).unwrap_or_default();
        subscribing::command(self.truth.mailing(), &view, command)
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    /// For how long nothing was decided, if that is longer than a decision lives.
    fn silent_for(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.site.is_undecided(now).then(|| self.site.decision_age(now))
    }

    fn enforce(&self, percent: u8) -> Reply {
        let change = self.orders.change();
        self.orders.enforce(percent);
        change.keep();
        Reply::done(
            format!("refusals apply to {percent} % of unknown clients; the rest are only observed"),
            json!(percent),
        )
    }

    fn bypass(&self, on: bool) -> Reply {
        let change = self.orders.change();
        self.site.set_bypass(on);
        change.keep();
        drop(change);
        if on {
            self.events.error(format_args!("bypass is on: everything is forwarded, nothing is protected"));
        }
        let said = if on {
            "bypass is on: everything is forwarded and nothing is protected, until `bypass off`"
        } else {
            "bypass is off: the gate protects again"
        };
        // It may not wait, and a successor may have read already how it was.
        let again =
            self.desk.may_act().map_or("; another process is taking over: say it to that one too", |_| "");
        Reply::done(format!("{said}{again}"), json!(on))
    }
}

/// Whether a command changes what a successor reads as it starts: it would be done, and lost. Not what may not wait (`bypass`), what
/// is in its keys (links), and what has a record of its own that rests meanwhile.
const fn changes_what_is_inherited(command: &Command) -> bool {
    match command {
        Command::Mode { mode } => mode.is_some(),
        Command::Allow { prefix, .. } | Command::Deny { prefix, .. } => prefix.is_some(),
        Command::Pin { .. }
        | Command::Unpin
        | Command::Enforce { .. }
        | Command::Import { .. }
        | Command::Revoke { .. }
        | Command::Forget { .. }
        | Command::DropRule { .. } => true,
        Command::Status
        | Command::Level
        | Command::Bypass { .. }
        | Command::Clients { .. }
        | Command::Link { .. }
        | Command::Why(_)
        | Command::Rules
        | Command::Rule { .. }
        | Command::Page(_)
        | Command::ProviderReport { .. }
        | Command::Subscriber(_)
        | Command::Recordings => false,
    }
}

/// A line, if only the provider can help.
fn link_said(link: &Finding) -> String {
    if !link.verdict.needs_provider() {
        return String::new();
    }
    let (sentence, sure) = (link.verdict.sentence(), link.sureness.label());
    format!("\n{sentence} ({sure}); `portcullis provider-report` says what to tell the provider")
}

fn lock(availability: &Mutex<[Availability; 2]>) -> MutexGuard<'_, [Availability; 2]> {
    availability.lock().unwrap_or_else(PoisonError::into_inner)
}
