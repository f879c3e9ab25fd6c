//! The situation for people.

use guard::evidence::Findings;
use model::{Challenge, Level, Mode, Tier};

use super::{NOBODY_IS_ASKED, Report, Sight, leave, meaning, silence, words};
use crate::lines::{Sections, number, percent, span, when, wrapped};
use crate::ruling::asked;

impl Report<'_> {
    /// What `ctl level` prints.
    pub(crate) fn text(&self) -> String {
        let mut head = wrapped("", 2, &self.head());
        head.push_str(&wrapped("  ", 2, meaning(self.situation.decision.level)));
        if let Some(time) = self.silent_for {
            head.push_str(&wrapped("  ", 2, &silence(time)));
        }
        let mut sections = Sections::default();
        sections.add("why", self.reasons());
        if self.situation.has_begun {
            sections.add("load", self.load());
            sections.add("hurts", self.hurts());
            sections.add("unusual", self.unusual());
            sections.add("made", self.made());
            sections.add("let in", [self.let_in()]);
            sections.add("acts", self.acts());
            sections.add("opens", self.opens());
        }
        sections.add("pins", self.pinned());
        sections.add("mode", self.modes());
        format!("{head}\n{}", sections.finish())
    }

    fn head(&self) -> String {
        let level = self.situation.decision.level;
        match (self.situation.since, self.situation.unrest) {
            (None, _) if !self.situation.has_begun && level == Level::Calm => {
                format!("level {level}; nothing was counted yet")
            }
            (None, _) => format!("level {level} since before this process began"),
            (Some(since), Some(unrest)) if since != unrest => format!(
                "level {level} since {}; not calm for {}",
                self.moment.since(since),
                span(self.moment.now.since(unrest))
            ),
            (Some(since), _) => format!("level {level} since {}", self.moment.since(since)),
        }
    }

    /// Why the level is what it is.
    fn reasons(&self) -> Vec<String> {
        let level = self.situation.decision.level;
        let pins = self.pins.live(self.moment.wall);
        let mut said = Vec::new();
        match pins.floor {
            Some((floor, _)) if floor.severity() > level.severity() => {
                said.push(format!(
                    "an admin has just pinned it to at least {floor}: within a second it is there"
                ));
            }
            Some((floor, _)) if floor == level => {
                said.push(format!("an admin holds it up: at least {floor}"))
            }
            Some(_) | None if !self.situation.has_begun => {}
            Some(_) | None => said.push(self.reason(level).to_owned()),
        }
        if let Some((ceiling, _)) = pins.ceiling.filter(|(ceiling, _)| ceiling.severity() <= level.severity())
        {
            said.push(format!("an admin holds it down: at most {ceiling}, whatever comes"));
        }
        if level != Level::Calm {
            said.extend(self.situation.grounds.iter().map(words::ground));
        }
        if self.sight().is_some_and(|sight| sight.holds) {
            said.push("nothing that protects is lowered while traffic is missing".to_owned());
        }
        said
    }

    fn reason(&self, level: Level) -> &'static str {
        match level {
            Level::Calm => "what is asked for fits",
            Level::Filtering => "rules act on what is unusual, looks made and hurts; what is left fits",
            Level::Limiting => "client limits refuse",
            Level::Challenging => "rules alone did not suffice, so that new visitors are asked for something",
            Level::CustomersFirst => "more was asked for than the app can do",
            Level::Reopening => "less is refused than before, and a part of it is let in again",
        }
    }

    fn load(&self) -> Vec<String> {
        let (demand, (limit, measured)) = (self.situation.demand, self.situation.limit);
        let all = number(demand.all());
        let mut said = vec![match (limit.is_finite() && limit > 0.0, measured) {
            (false, _) => format!(
                "{all} requests at once are asked for; L, what the app can do at once, is not measured yet"
            ),
            (true, measured) => format!(
                "{all} requests at once are asked for, {} of L, the {} that the app can do at once{}",
                percent(demand.all() / limit),
                number(limit),
                if measured { "" } else { " (an estimate)" }
            ),
        }];
        if demand.refused + demand.removed > 0.0 {
            let are = if self.mode == Mode::Observe { "would be" } else { "are" };
            said.push(format!(
                "of these {} {are} let in, {} closed out, {} taken away by rules, challenges and limits",
                number(demand.admitted),
                number(demand.refused),
                number(demand.removed)
            ));
        }
        said
    }

    fn hurts(&self) -> Vec<String> {
        let Some(findings) = self.findings() else { return vec![NOT_YET.to_owned()] };
        or_nothing(findings.pain.iter().map(words::hurt).collect())
    }

    fn unusual(&self) -> Vec<String> {
        let Some(sight) = self.sight() else { return vec![NOT_YET.to_owned()] };
        let findings = &sight.findings;
        let (_, immature) = words::maturity(findings.maturity);
        let volumes = findings.volume.iter().filter(|volume| volume.is_anomalous()).map(words::volume);
        let mixes = findings.mix.iter().filter(|mix| mix.is_anomalous).zip(&sight.tops);
        let mixes = mixes.map(|(mix, top)| words::mix(mix, top.as_deref()));
        let missing = findings.upstream.is_suspected.then(|| words::upstream(&findings.upstream));
        let blind = findings.blind.then(|| "nothing was counted for a while before this second".to_owned());
        let said: Vec<String> = volumes.chain(mixes).chain(missing).chain(blind).collect();
        match immature {
            Some(immature) if said.is_empty() => vec![immature.to_owned()],
            Some(immature) => said.into_iter().chain([immature.to_owned()]).collect(),
            None => or_nothing(said),
        }
    }

    fn made(&self) -> Vec<String> {
        let Some(findings) = self.findings() else { return vec![NOT_YET.to_owned()] };
        let malice = &findings.malice;
        if malice.terms.is_empty() {
            return vec!["there is nothing to judge".to_owned()];
        }
        let (_, verdict) = words::verdict(malice.verdict);
        let mut terms: Vec<_> = malice.terms.iter().filter(|term| term.weight.abs().is_positive()).collect();
        terms.sort_by(|a, b| b.weight.abs().get().total_cmp(&a.weight.abs().get()));
        let head =
            format!("{verdict}; score {:+.1}: an attack from +3 on, people up to -1", malice.score.get());
        let terms = terms.into_iter().map(|term| format!("{:+.1}  {}", term.weight.get(), words::term(term)));
        std::iter::once(head).chain(terms).collect()
    }

    fn let_in(&self) -> String {
        let masks = &self.situation.decision.masks;
        if masks.is_open() {
            return "everybody".to_owned();
        }
        let share = |tier: Tier| format!("{} {}", words::people(tier), percent(admitted(self, tier)));
        // Whoever runs the gate always gets in.
        let shares = Tier::ALL[1..].iter().map(|tier| share(*tier)).collect::<Vec<_>>().join(", ");
        if self.mode == Mode::Observe {
            return format!("everybody, because the mode is observe; else {shares}");
        }
        shares
    }

    fn acts(&self) -> Vec<String> {
        let (armed, trial) = self.rules;
        let decision = &self.situation.decision;
        let is_held_down =
            self.pins.live(self.moment.wall).ceiling.is_some_and(|(most, _)| most == Level::Calm);
        let rules = match (armed, trial) {
            (0, 0) => "no rules".to_owned(),
            (armed, trial) if is_held_down => {
                format!(
                    "rules: {armed} armed, {trial} on trial; none acts while an admin holds the level at calm"
                )
            }
            (armed, trial) => format!("rules: {armed} armed, {trial} on trial; `ctl rules` shows them"),
        };
        let limits = if decision.limits_refuse { "client limits refuse" } else { "client limits only count" };
        let waits_for_a_yes = self.mode == Mode::Assist && !self.situation.is_allowed;
        let challenge = if waits_for_a_yes && decision.challenge != Challenge::Off {
            NOBODY_IS_ASKED.to_owned()
        } else {
            format!("challenge {}", asked(decision.challenge))
        };
        vec![rules, challenge, limits.to_owned()]
    }

    /// What must happen before it is milder.
    fn opens(&self) -> Vec<String> {
        let decision = &self.situation.decision;
        if decision.level == Level::Calm {
            return Vec::new();
        }
        let mut said = Vec::new();
        let pins = self.pins.live(self.moment.wall);
        if let Some((floor, until)) = pins.floor {
            said.push(format!("not below {floor} before {}, or `ctl level unpin`", when(until)));
        }
        if self.situation.is_closed() {
            said.extend(self.opens_by_load());
        }
        if decision.challenge != Challenge::Off {
            said.push(
                "the challenge ends when for 30 s nobody is closed out, nothing that hurts looks made, and all that comes would fit with room to spare".to_owned(),
            );
        }
        if self.rules.0 > 0 {
            said.push("each rule ends two minutes after it last matched what it is for".to_owned());
        }
        said
    }

    fn opens_by_load(&self) -> Vec<String> {
        let demand = self.situation.demand;
        let closed_out = demand.refused + demand.removed;
        let Some(room) = self.room() else { return Vec::new() };
        let needed = demand.admitted + 2.0 * closed_out;
        vec![
            format!(
                "a part is let in when twice what it asks for now fits beside what is let in: {} of {} are free",
                number((room - demand.admitted).max(0.0)),
                number(room)
            ),
            format!(
                "everybody at once when {} + 2 x {} = {} fits into {}",
                number(demand.admitted),
                number(closed_out),
                number(needed),
                number(room)
            ),
            "or when all that comes has fitted for half a minute".to_owned(),
            "one step in ten seconds; after a step that had to be taken back the next comes later".to_owned(),
        ]
    }

    /// The load up to which people come back.
    pub(super) fn room(&self) -> Option<f64> {
        let room = self.situation.comfortable;
        (room > 0.0 && room.is_finite()).then_some(room)
    }

    fn pinned(&self) -> Vec<String> {
        let pins = self.pins.live(self.moment.wall);
        let said =
            [("at least", pins.floor), ("at most", pins.ceiling)].into_iter().filter_map(|(word, pin)| {
                let (level, until) = pin?;
                Some(format!("{word} {level} until {}", self.moment.until(until)))
            });
        let said: Vec<String> = said.collect();
        if said.is_empty() { vec!["none".to_owned()] } else { said }
    }

    fn modes(&self) -> Vec<String> {
        let mut said = vec![format!("{}: {}", self.mode, leave(self.mode))];
        if self.mode == Mode::Assist {
            said.extend(self.assist().map(str::to_owned));
        }
        if self.enforced < 100 {
            said.push(format!(
                "refusals apply to {} % of unknown clients; the rest are only observed",
                self.enforced
            ));
        }
        said.extend(self.undeclared_front.clone());
        if self.is_bypassed {
            said.push("BYPASS IS ON: everything is forwarded, nothing is protected".to_owned());
        }
        said
    }

    fn assist(&self) -> Option<&'static str> {
        match (self.situation.asks, self.situation.is_allowed) {
            (true, _) => Some(
                "it asks for a yes: customers-first would help now; `ctl level pin customers-first` says it",
            ),
            (false, true) => Some("an admin said yes; `ctl level unpin` takes that back"),
            (false, false) => None,
        }
    }

    pub(super) fn sight(&self) -> Option<&Sight> {
        self.situation.sight.as_ref()
    }

    fn findings(&self) -> Option<&Findings> {
        self.sight().map(|sight| &*sight.findings)
    }
}

/// The share of a tier that is let in.
pub(super) fn admitted(report: &Report<'_>, tier: Tier) -> f64 {
    if tier == Tier::T0 {
        return 1.0;
    }
    f64::from(report.situation.decision.masks.admitted(tier)) / COHORTS
}

fn or_nothing(said: Vec<String>) -> Vec<String> {
    if said.is_empty() { vec!["nothing".to_owned()] } else { said }
}

const NOT_YET: &str = "no second is complete yet";
/// [`model::COHORTS`], as a number to divide by.
const COHORTS: f64 = 128.0;
