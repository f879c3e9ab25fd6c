//! What is played: a calm evening, two attacks with the gate, and the first one without it.

use std::time::Duration;

use demo::{Act, Arena, Assault, Disguise, Passage, Phase, Rule, Run, Seen, Wish};
use model::Challenge;

use super::TryError;
use super::gate::Premises;
use super::habits::Habits;
use super::page::ShopPage;
use super::showing::{News, Told};
use super::steal::Absence;
use super::teller::Teller;

/// The acts, in their order.
pub(super) struct Stage<'a> {
    pub(super) arena: &'a Arena,
    pub(super) premises: &'a Premises<'a>,
    pub(super) tell: &'a Teller,
    pub(super) page: ShopPage,
    /// How long each attack lasts.
    pub(super) attack: Duration,
    pub(super) seed: u64,
    pub(super) seen: Seen,
}

impl Stage<'_> {
    /// A calm evening, so that there is something to go by.
    pub(super) fn rehearse(&self) -> Result<Habits, TryError> {
        self.tell.say("\nA calm evening. The gate watches what customers and visitors of this shop do:");
        let (gate, rehearsal) = self.premises.rehearse()?;
        let act = self.act(Passage::Gate, CALM, None, Duration::ZERO, 0);
        self.arena.play(&act, self.premises.passes.clone(), |phase, second, moment| {
            self.tell.second(phase, second, &moment);
            Wish::GoOn
        })?;
        // Nothing of it is recorded.
        let _missing = gate.stop();
        self.tell.say("From here on it goes on as if it had seen four weeks of such evenings. It knows the 4,000 customers by their passes, and what a page costs.");
        Ok(rehearsal.habits())
    }

    /// One program, which a rule can tell from people.
    pub(super) fn first_attack(&mut self, told: &Told) -> Result<Run, TryError> {
        self.tell.say("\nThe next evening, with the gate:");
        let assault = Assault { disguise: Disguise::Program, factor: FACTOR, lasting: self.attack };
        let opening = format!(
            "The attack begins: {FACTOR:.0} times what the shop can serve, from 4,096 addresses in 1,024 networks. A quarter of the customers live among them. It is one program that asks for pages with random queries."
        );
        self.with_gate(told, CALM, assault, &opening, 0)
    }

    /// Copies of people; afterwards it is waited until the page calls it over.
    pub(super) fn second_attack(&mut self, told: &Told) -> Result<Run, TryError> {
        self.tell.say("\nThen somebody who has learnt from it:");
        let assault = Assault { disguise: Disguise::People, factor: FACTOR_COPIED, lasting: self.attack };
        let opening = format!(
            "The second attack begins: {FACTOR_COPIED:.0} times what the shop can serve. Each request copies a person: a browser, a page, a network that real visitors have. There is nothing that a rule could tell it by."
        );
        let run = self.with_gate(told, PAUSE, assault, &opening, 1)?;
        if self.page.has_open() {
            self.tell.say(&format!(
                "  {} s after the attack the page has not called it over yet. So it stays, and so does the draft of the report.",
                (AFTERMATH + RESOLVED_WITHIN).as_secs()
            ));
        }
        Ok(run)
    }

    fn with_gate(
        &mut self,
        told: &Told,
        calm: Duration,
        assault: Assault,
        opening: &str,
        number: usize,
    ) -> Result<Run, TryError> {
        // The incident is one, and over only after the second attack.
        let is_last = number == 1;
        let aftermath = if is_last { AFTERMATH + RESOLVED_WITHIN } else { AFTERMATH };
        let act = self.act(Passage::Gate, calm, Some(assault), aftermath, 1 + number as u64);
        let (site, passes) = (self.premises.site.clone(), self.premises.passes.clone());
        let (tell, seen, page) = (self.tell, &mut self.seen, &mut self.page);
        let mut absence = Absence::new();
        Ok(self.arena.play(&act, passes, |phase, second, moment| {
            for news in told.news() {
                tell.news(&news);
                show_page(page, tell, &news);
                note(seen, number, phase, second, &news);
            }
            tell.second(phase, second, &moment);
            let away = absence.look().as_secs_f64();
            if phase == Phase::Attack {
                seen.away_seconds = seen.away_seconds.max(away);
            }
            if phase == Phase::Calm && second == calm.as_secs() {
                tell.note("!!", opening);
            }
            let decision = site.decision();
            let is_open = decision.masks.is_open() && decision.challenge == Challenge::Off;
            if phase == Phase::Aftermath && !is_open {
                seen.seconds_to_open[number] = None;
            } else if phase == Phase::Aftermath {
                let opened = *seen.seconds_to_open[number].get_or_insert(seconds(second));
                if seconds(second) >= opened + OPEN_FOR && !(is_last && page.has_open()) {
                    return Wish::Enough;
                }
            }
            Wish::GoOn
        })?)
    }

    /// The first attack again, for comparison. Nothing of it goes into the record: that the gate misses its visitors now is the doing
    /// of this act, and would stand in the report as if it had happened to the shop.
    pub(super) fn without_gate(&self, told: &Told) -> Result<Run, TryError> {
        self.tell.say("\nNow the first attack again, without the gate: everybody goes straight to the shop. The gate and the status page see nothing of those who go around them, so that page and report stay as they are.");
        let assault = Assault { disguise: Disguise::Program, factor: FACTOR, lasting: self.attack };
        let act = self.act(Passage::Shop, CALM, Some(assault), Duration::ZERO, 3);
        Ok(self.arena.play(&act, Vec::new(), |phase, second, moment| {
            drop(told.news());
            self.tell.second(phase, second, &moment);
            Wish::GoOn
        })?)
    }

    fn act(
        &self,
        passage: Passage,
        calm: Duration,
        assault: Option<Assault>,
        aftermath: Duration,
        number: u64,
    ) -> Act {
        Act { passage, calm, assault, aftermath, seed: self.seed.wrapping_add(number) }
    }
}

/// Has the status page told what the gate saw, and tells what it says then.
pub(super) fn show_page(page: &mut ShopPage, tell: &Teller, news: &News) {
    if let News::Saw(sight, moment) = news {
        page.saw(sight, *moment).iter().for_each(|notice| tell.notice(notice));
    }
}

/// Keeps what belongs on the scoreboard: the first rule of the first attack.
fn note(seen: &mut Seen, number: usize, phase: Phase, second: u64, news: &News) {
    if let (0, Phase::Attack, None, News::Found(rule)) = (number, phase, &seen.rule, news) {
        seen.rule = Some(Rule {
            text: rule.text.clone(),
            seconds: seconds(second),
            calm_share_at_most: rule.calm.get(),
        });
    }
}

fn seconds(whole: u64) -> f64 {
    f64::from(u32::try_from(whole).unwrap_or(u32::MAX))
}

/// Calm before an attack; the slowest of a thousand customers' pages in it are what the others are held against.
const CALM: Duration = Duration::from_secs(12);
/// Between the two attacks.
const PAUSE: Duration = Duration::from_secs(5);
/// It is waited so long at most until the gate is open again.
const AFTERMATH: Duration = Duration::from_secs(100);
/// And so long at most after the second attack until the status page has called it over.
const RESOLVED_WITHIN: Duration = Duration::from_secs(80);
/// Then it is looked on for so many seconds.
const OPEN_FOR: f64 = 10.0;
/// The first attack's requests over what the shop can serve.
const FACTOR: f64 = 20.0;
/// The second one's: a new connection for each page costs this machine, which plays both sides, several times as much.
const FACTOR_COPIED: f64 = 8.0;
