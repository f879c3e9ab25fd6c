//! What admins ask of a running gate, and what it shows of itself.

use std::sync::Arc;
use std::time::Duration;

use admission::site::{Entry, List, Site};
use console_io::ControlPlane;
use console_io::ctl::{ClientName, Command, Reply, Subject};
use console_io::metrics::{Buckets, Exposition, catalogue};
use edge_io::{Clock, SECONDS_BUCKETS, Shared};
use journal_io::journal::{ActRow, Journal, Row};
use journal_io::logs::{Events, LogWriter};
use model::{AccountId, Group, Level, Outcome, Prefix, Tier, Timestamp};
use serde_json::json;

use crate::announcer::{Desk, Pins, meaning};
use crate::check::coverage_sentence;
use crate::running::SITE;

/// Commands and metrics of one gate.
pub(crate) struct Control {
    pub(crate) site: Arc<Site>,
    pub(crate) site_name: String,
    pub(crate) shared: Arc<Shared>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) events: Arc<Events>,
    pub(crate) access: Arc<LogWriter>,
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
                self.site.set_enforced(percent);
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
            Command::Clients { limit, .. } => self.clients(limit),
            Command::Import { hints } => self.import(&hints),
            Command::Revoke { client } => self.revoke(&client),
            Command::Forget { client } => self.forget(&client),
            Command::Why(subject) => self.why(&subject),
            Command::Rules => Reply::done(
                "there are no rules: finding them comes with part 3 (the decision core)",
                json!([]),
            ),
        }
    }

    fn metrics(&self) -> String {
        let mut out = Exposition::default();
        self.request_metrics(&mut out);
        self.gate_metrics(&mut out);
        self.connection_metrics(&mut out);
        out.finish()
    }

    fn is_healthy(&self) -> bool {
        true
    }
}

impl Control {
    fn keep_act(&self, uid: Option<u32>, act: String) {
        self.events.info(format_args!(
            "{}: {act}",
            uid.map_or("the console".to_owned(), |uid| format!("user {uid}"))
        ));
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
        let text = format!(
            "mode {}, level {} ({})\nthe app's limit: {limit_text}; {} in service now, load {:.0} %\n{}{bypass}",
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
            "known_clients": self.site.registry().count(),
            "confirmed_last_week": coverage.confirmed,
        });
        Reply::done(text, data)
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
            let text = if was_on {
                format!("{prefix} is off the list")
            } else {
                format!("{prefix} was not on the list")
            };
            return Reply::done(text, json!(was_on));
        }
        let until = minutes.map(|minutes| self.clock.wall() + Duration::from_secs(u64::from(minutes) * 60));
        match list.add(Entry { prefix, until }) {
            Ok(()) => Reply::done(
                format!("{name} {prefix}{}", minutes.map_or(String::new(), |n| format!(" for {n} minutes"))),
                json!(null),
            ),
            Err(error) => Reply::failed(error.to_string()),
        }
    }

    fn clients(&self, limit: u32) -> Reply {
        let registry = self.site.registry();
        let rows: Vec<_> = registry.rows().take(limit as usize).collect();
        let lines: Vec<String> =
            rows.iter().map(|row| format!("{:?}  {:?}  {}", row.id, row.account, row.way.label())).collect();
        let data: Vec<_> = rows.iter().map(|row| json!({ "pass": format!("{:?}", row.id), "account": format!("{:?}", row.account), "way": row.way.label() })).collect();
        Reply::done(format!("{} known clients\n{}", registry.count(), lines.join("\n")), json!(data))
    }

    fn import(&self, hints: &[console_io::ctl::Hint]) -> Reply {
        let plausible: Vec<_> = hints.iter().filter(|hint| hint.is_plausible()).collect();
        for hint in &plausible {
            let seed = admission::nat::Seed::Imported(self.site.pass_time());
            self.site.nat().seed(model::Net::network(hint.address), hint.accounts, seed);
        }
        Reply::done(
            format!("{} of {} addresses were taken as hints", plausible.len(), hints.len()),
            json!(plausible.len()),
        )
    }

    fn revoke(&self, client: &ClientName) -> Reply {
        let passes = match client {
            ClientName::Pass(pass) => vec![*pass],
            ClientName::Account(_) | ClientName::Name(_) => {
                self.site.registry().of(self.account(client)).map(|row| row.id).collect()
            }
        };
        for &pass in &passes {
            self.site.passes().revoke(pass);
            let _queued = self.journal.record(Row::Revoked { site: SITE, pass, at: self.clock.wall() });
        }
        Reply::done(format!("{} passes are not accepted any more", passes.len()), json!(passes.len()))
    }

    fn forget(&self, client: &ClientName) -> Reply {
        let known_by_token = match client {
            ClientName::Name(name) => self.shared.token_account(name),
            ClientName::Account(_) | ClientName::Pass(_) => None,
        };
        let (mut passes, mut erased) = (0, true);
        for account in std::iter::once(self.account(client)).chain(known_by_token) {
            let forgotten = self.site.registry().forget(account);
            forgotten.iter().for_each(|&pass| self.site.passes().revoke(pass));
            self.site.tokens().forget(account.0);
            erased &= self.journal.forget(SITE, account, FORGET_PATIENCE);
            passes += forgotten.len();
        }
        if erased {
            Reply::done("everything about this account has been erased", json!(passes))
        } else {
            Reply::failed("the journal is busy; the account is erased as soon as it can write again")
        }
    }

    fn account(&self, client: &ClientName) -> AccountId {
        match client {
            ClientName::Account(account) => *account,
            ClientName::Name(name) => self.site.site_key().account(name.as_bytes()),
            ClientName::Pass(pass) => AccountId(pass.0),
        }
    }

    fn why(&self, subject: &Subject) -> Reply {
        match subject {
            Subject::Code(code) => self.why_code(code),
            Subject::Account(client) => {
                let count = self.site.registry().of(self.account(client)).count();
                Reply::done(format!("this account has {count} passes"), json!({ "passes": count }))
            }
            Subject::Address(address) => {
                let denied = self.site.denied().holds(*address);
                let people = self.site.nat().factor(model::Net::network(*address), self.site.pass_time());
                let state = if denied { "denied by an admin" } else { "not on the deny list" };
                Reply::done(
                    format!("{address} is {state}; limits of its network count {people} times"),
                    json!({ "denied": denied, "factor": people }),
                )
            }
        }
    }

    fn why_code(&self, code: &str) -> Reply {
        match self.site.open_reference(code) {
            Ok(found) => {
                let text = format!(
                    "{}: a {} request from {} was refused by {} (decision {}).\nIf that was a mistake: {}",
                    when(found.time),
                    found.tier,
                    found.prefix,
                    found.reason,
                    found.decision,
                    found.reason.cure()
                );
                let data = json!({ "seconds": found.time.as_secs(), "tier": found.tier.label(), "network": found.prefix.to_string(), "reason": found.reason.label() });
                Reply::done(text, data)
            }
            Err(error) => Reply::failed(error.to_string()),
        }
    }

    fn request_metrics(&self, out: &mut Exposition) {
        let (site, counters) = (self.site_name.as_str(), &self.shared.counters);
        let cells = || Tier::ALL.into_iter().flat_map(|tier| Outcome::ALL.map(|outcome| (tier, outcome)));
        out.counter(
            &catalogue::REQUESTS,
            cells().map(|(tier, outcome)| {
                (
                    [site, tier.label(), outcome.label()],
                    counters.iter().map(|c| c.requests(tier, outcome)).sum(),
                )
            }),
        );
        out.counter(
            &catalogue::WOULD_REFUSE,
            cells().map(|(tier, outcome)| {
                (
                    [site, tier.label(), outcome.label()],
                    counters.iter().map(|c| c.would_refuse(tier, outcome)).sum(),
                )
            }),
        );
        let seconds: Vec<(Tier, Vec<u64>, f64)> =
            Tier::ALL.into_iter().map(|tier| self.seconds(tier)).collect();
        out.histogram(
            &catalogue::REQUEST_SECONDS,
            seconds.iter().map(|(tier, counts, sum)| {
                ([tier.label()], Buckets { bounds: &SECONDS_BUCKETS, counts, sum: *sum })
            }),
        );
    }

    fn seconds(&self, tier: Tier) -> (Tier, Vec<u64>, f64) {
        let mut totals = vec![0; SECONDS_BUCKETS.len() + 1];
        let mut nanos = 0_u64;
        for counters in &self.shared.counters {
            let (counts, sum) = counters.seconds(tier);
            totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            nanos += sum;
        }
        (tier, totals, Duration::from_nanos(nanos).as_secs_f64())
    }

    fn gate_metrics(&self, out: &mut Exposition) {
        let (site, slots) = (self.site_name.as_str(), self.site.slots());
        let coverage = self.site.registry().coverage(self.site.pass_time());
        let ratio = number(coverage.aged + coverage.young) / number(coverage.confirmed.max(1));
        out.gauge(&catalogue::GATE_LEVEL, [([site], f64::from(self.site.level().number()))]);
        out.gauge(&catalogue::CONCURRENCY_LIMIT, [([site], self.desk.limit().0)]);
        let groups = [
            (Group::Admin, "t0"),
            (Group::Known, "t1"),
            (Group::Login, "t3"),
            (Group::Ticket, "t4"),
            (Group::Unknown, "t5"),
        ];
        out.gauge(
            &catalogue::INFLIGHT,
            groups.map(|(group, tier)| ([site, tier], f64::from(slots.inflight(group)))),
        );
        out.gauge(&catalogue::KNOWN_COVERAGE, [([site], ratio)]);
        out.counter(
            &catalogue::PASSES_MINTED,
            [([site], self.sum(|c| c.minted.load(std::sync::atomic::Ordering::Relaxed)))],
        );
        let overflow = admission::limits::TableName::ALL
            .map(|table| ([table.label()], self.site.ladder().overflows(table)));
        out.counter(&catalogue::LIMITER_OVERFLOW, overflow);
        out.gauge(&catalogue::BYPASS, [([] as [&str; 0], f64::from(u8::from(self.site.is_bypassed())))]);
    }

    fn connection_metrics(&self, out: &mut Exposition) {
        use std::sync::atomic::Ordering::Relaxed;
        let states = [
            ("idle", self.sum(|c| c.idle.load(Relaxed))),
            ("active", self.sum(|c| c.active.load(Relaxed))),
            ("stream", self.sum(|c| c.stream.load(Relaxed))),
        ];
        out.gauge(&catalogue::CONNECTIONS, states.map(|(state, count)| ([state], number(count))));
        let none: [&str; 0] = [];
        out.counter(&catalogue::CONNECTIONS_ACCEPTED, [(none, self.sum(|c| c.accepted.load(Relaxed)))]);
        out.counter(&catalogue::CONNECTIONS_TURNED_AWAY, [(none, self.sum(|c| c.turned_away.load(Relaxed)))]);
        out.counter(&catalogue::CONNECTIONS_EVICTED, [(none, self.sum(|c| c.evicted.load(Relaxed)))]);
        out.counter(&catalogue::LOG_BYTES, [(none, self.access.counters().bytes)]);
        let dropped = self.access.counters().dropped_lines;
        let reasons = ["budget", "queue", "disk", "oversize"];
        out.counter(
            &catalogue::LOG_DROPPED,
            reasons.iter().zip(dropped).map(|(reason, lines)| ([*reason], lines)),
        );
    }

    fn sum(&self, cell: impl Fn(&edge_io::Counters) -> u64) -> u64 {
        self.shared.counters.iter().map(cell).sum()
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

fn number(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts shown to people")]
    let number = count as f64;
    number
}

const FORGET_PATIENCE: Duration = Duration::from_secs(30);
