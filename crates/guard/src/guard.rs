//! All of the core together: evidence, rules and the challenge.

use std::sync::Arc;
use std::time::Duration;

use model::{
    Act, Challenge, Comparison, Finite, Ground, Instant, Matches, RULES_MAX, Rules, SAMPLES_MAX, Sample,
    Summary, Tier,
};
use serde::{Deserialize, Serialize};

use crate::challenge::{Asking, Sight, Turn};
use crate::evidence::{self, Context, Evidence, Findings, Hurt, Pain, Profile, Verdict};
use crate::rules::{self, Book, Change, Input};

/// Decides once a second what is to be done besides moving the threshold. Memory is bounded by that of its parts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Guard {
    evidence: Evidence,
    book: Book,
    asking: Asking,
    partial: Partial,
    /// Seconds in a row in which clearly more than expected came.
    more_for: u32,
    /// The last two seconds in which users were hurt.
    hurt_at: [Option<Instant>; 2],
    /// What would come if nothing were asked of anybody, smoothed over some seconds.
    load: Option<Finite>,
    /// Since when traffic has been missing.
    vanished_at: Option<Instant>,
}

/// What acts at a moment: the rules, and what is asked of unknown clients. A few KiB, where a whole [`Guard`] has megabytes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Acting {
    rules: rules::Standing,
    asking: Asking,
}

/// What one second leads to.
#[derive(Clone, Debug)]
pub struct Advice {
    /// What the second said, with its numbers.
    pub findings: Findings,
    /// What became of rules, with the numbers that speak for it.
    pub changes: Vec<Change>,
    /// The rules in force from now on.
    pub rules: Arc<Rules>,
    /// What unknown clients must show from now on.
    pub challenge: Challenge,
    /// Why that is another one than a second ago: two comparisons for asking, one for ceasing to; else empty.
    pub grounds: Vec<Ground>,
    /// A load that is usual at this hour, in requests in service: up to it everything that is refused may come back at once
    /// (decision-science, section 0.10); `None` while none is expected.
    pub usual: Option<Finite>,
    /// Nothing that protects may be lowered: traffic has vanished that should be there, and what comes back with it is not known
    /// (decision-science, section 11, invariant 15). For an hour at most.
    pub holds: bool,
}

/// What was seen of requests in the second in the making.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Partial {
    known: Vec<Sample>,
    others: Vec<Sample>,
    matches: Vec<Matches>,
    /// Numbers of rules that an admin does not want.
    unwanted: Vec<u16>,
    /// Cost of everybody, also what was taken away, in concurrency-milliseconds.
    load: u64,
    /// Cost that was offered by those who are not last, in the same unit.
    by_others: u64,
    /// Cost that was taken away.
    removed: u64,
    millis: u64,
}

impl Guard {
    /// Nothing learnt. The seed serves draws of samples alone.
    pub fn new(seed: u64) -> Self {
        Self::of(Evidence::new(), Book::new(seed))
    }

    /// As after 28 calm days like this profile, with these requests of known and of other clients; the latter come so often a
    /// second.
    pub fn warm(seed: u64, profile: &Profile, known: &[Sample], others: &[Sample], per_second: u64) -> Self {
        Self::of(Evidence::warm(profile), Book::warm(seed, known, others, per_second))
    }

    fn of(evidence: Evidence, book: Book) -> Self {
        Self {
            evidence,
            book,
            asking: Asking::default(),
            partial: Partial::default(),
            more_for: 0,
            hurt_at: [None; 2],
            load: None,
            vanished_at: None,
        }
    }

    /// Takes what was counted in one step of 100 ms to 1 s; answers once for each completed second.
    pub fn step(&mut self, summary: &Summary, context: &Context) -> Option<Advice> {
        let step = self.evidence.take(summary, context)?;
        if step.is_anew {
            self.begin_anew();
        }
        self.partial.take(summary);
        let findings = step.findings?;
        let second = std::mem::take(&mut self.partial);
        self.more_for = if comes_now(&findings) { self.more_for.saturating_add(1) } else { 0 };
        self.note_hurt(summary.at, &findings.pain);
        let is_pressing = self.is_pressing(summary.at);
        let holds = self.holds(summary.at, &findings);
        let limit = (summary.limit.is_finite() && summary.limit > 0.0).then(|| Finite::new(summary.limit));
        let usual = findings.expected_load.map(|load| load * ABOVE_EXPECTED);
        let comfortable =
            limit.map(|limit| (limit * OPEN).max(usual.unwrap_or(Finite::ZERO)).min(limit * CLOSE));
        let load = self.smooth(second.load());
        let hurt = second.hurt(limit, &findings);
        let is_quiet = !holds && comfortable.is_some_and(|bound| load <= bound);
        let fits = is_quiet && !context.is_closed;
        let input = Input { holds, fits, ..input(&second, summary, &findings, is_pressing) };
        let changes = self.book.step(summary.at, &input);
        let sight = Sight {
            hurts: hurt.is_some(),
            looks_made: findings.is_malicious() && findings.maturity > evidence::Maturity::Absent,
            is_closed: context.is_closed,
            is_quiet,
        };
        let turn = self.asking.step(summary.at, sight);
        let quiet = comfortable.map(|bound| (Comparison::Quiet, load, bound));
        let grounds = turn.map_or_else(Vec::new, |turn| grounds(turn, hurt, quiet, findings.malice.score));
        Some(Advice {
            findings,
            changes: changes.changes,
            rules: changes.rules,
            challenge: self.asking.challenge(),
            grounds,
            usual,
            holds,
        })
    }

    /// What was counted before a gap says nothing of the seconds after it.
    fn begin_anew(&mut self) {
        self.partial.begin_anew();
        self.asking.begin_anew();
        self.load = None;
    }

    /// Notes a second in which users were hurt; too much load has lasted for two when it is told.
    fn note_hurt(&mut self, now: Instant, pain: &[Hurt]) {
        if !pain.is_empty() {
            let has_lasted = pain.iter().any(|hurt| hurt.pain == Pain::Utilisation);
            self.hurt_at = [if has_lasted { Some(now) } else { self.hurt_at[1] }, Some(now)];
        }
    }

    /// Whether more comes than expected, and users are hurt: what a rule is found for.
    fn is_pressing(&self, now: Instant) -> bool {
        let is_hurt = self.hurt_at[0].is_some_and(|at| now.since(at) <= HURT_BEFORE);
        self.more_for >= MORE_SECONDS && is_hurt
    }

    /// The load of a second, or if that is less, what it has been for some seconds: at a small site, single seconds of people who
    /// load pages with their files are as much as it can do.
    fn smooth(&mut self, load: Finite) -> Finite {
        let before = self.load.unwrap_or(load);
        let smooth = before + (load - before) * LOAD_PACE;
        self.load = Some(smooth);
        load.min(smooth)
    }

    fn holds(&mut self, now: Instant, findings: &Findings) -> bool {
        let since = self.vanished_at.filter(|_| findings.upstream.is_suspected);
        self.vanished_at = findings.upstream.is_suspected.then_some(since.unwrap_or(now));
        self.vanished_at.is_some_and(|at| now.since(at) < HOLDS_MOST)
    }

    /// Takes a rule back with the second in the making, because an admin does not want it; a number that no rule has changes
    /// nothing.
    pub fn drop_rule(&mut self, id: u16) {
        let unwanted = &mut self.partial.unwanted;
        if unwanted.len() < RULES_MAX && !unwanted.contains(&id) {
            unwanted.push(id);
        }
    }

    /// Goes on in another process, with another clock: what was learnt stays.
    pub fn resume(&mut self) {
        self.evidence.resume();
        (self.asking, self.partial) = (Asking::default(), Partial::default());
        (self.more_for, self.hurt_at, self.load, self.vanished_at) = (0, [None; 2], None, None);
    }

    /// The rules in force, and what is asked of unknown clients.
    pub fn standing(&self) -> (Arc<Rules>, Challenge) {
        (self.book.in_force(), self.asking.challenge())
    }

    /// What acts now.
    pub fn acting(&self) -> Acting {
        Acting { rules: self.book.standing(), asking: self.asking }
    }

    /// Lets act what acted at a later moment than this guard is of; what it had learnt until then stays.
    pub fn act(&mut self, acting: Acting) {
        self.book.stand(acting.rules);
        (self.asking, self.load) = (acting.asking, None);
    }

    /// All of it, for another process of the same version.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Maps have texts for keys and numbers are finite, so that it cannot fail; without it the successor learns anew.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From [`Guard::to_bytes`]; `None` if that was another version's.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Bytes that it takes now.
    pub fn bytes(&self) -> usize {
        self.evidence.state_bytes() + self.book.bytes()
    }
}

impl Partial {
    /// Forgets what was seen; what an admin said since the last second counts all the same.
    fn begin_anew(&mut self) {
        *self = Self { unwanted: std::mem::take(&mut self.unwanted), ..Self::default() };
    }

    fn take(&mut self, summary: &Summary) {
        let traffic = &summary.traffic;
        extend(&mut self.known, &traffic.known);
        extend(&mut self.others, &traffic.others);
        for matches in &traffic.matches {
            match self.matches.iter_mut().find(|known| known.rule == matches.rule) {
                Some(known) => {
                    known.others = known.others.saturating_add(matches.others);
                    known.known = known.known.saturating_add(matches.known);
                }
                None => self.matches.push(*matches),
            }
        }
        let add = |sum: u64, cost: &u64| sum.saturating_add(*cost);
        self.load = summary.offered.iter().flatten().chain(&summary.removed).fold(self.load, add);
        self.removed = summary.removed.iter().fold(self.removed, add);
        let before_last = &summary.offered[..Tier::T6.index()];
        self.by_others = before_last.iter().flatten().fold(self.by_others, add);
        self.millis = self.millis.saturating_add(summary.millis);
    }

    /// What would come if nothing were asked of anybody, in requests in service: who is let in asks for more than who is not.
    fn load(&self) -> Finite {
        (Finite::count(self.load) + Finite::count(self.removed) * (EXPANSION - Finite::ONE))
            / Finite::count(self.millis.max(1))
    }

    /// What of that which is asked for hurts users, those left out who are last: the threshold sheds them before it sheds
    /// anybody else. What holds connections or fills the disk is not cured by asking for anything.
    fn hurt(&self, limit: Option<Finite>, findings: &Findings) -> Option<Compared> {
        let load = Finite::count(self.by_others) / Finite::count(self.millis.max(1));
        let bound = limit.map(|limit| limit * CLOSE).filter(|bound| load >= *bound);
        let by_load = bound.map(|bound| (Comparison::Load, load, bound));
        by_load.or_else(|| {
            findings.pain.iter().find_map(|hurt| match hurt.pain {
                Pain::QueueWait => Some((Comparison::Wait, hurt.figure, hurt.bound)),
                Pain::KnownSuccess => Some((Comparison::KnownSuccess, hurt.figure, hurt.bound)),
                Pain::Utilisation | Pain::Connections | Pain::Handshakes | Pain::Disk => None,
            })
        })
    }
}

/// What was compared, the figure, and the bound.
type Compared = (Comparison, Finite, Finite);

/// Why what is asked of unknown clients has changed.
fn grounds(turn: Turn, hurt: Option<Compared>, quiet: Option<Compared>, made: Finite) -> Vec<Ground> {
    let Turn { act, lasted, hold } = turn;
    let made = (Comparison::LooksMade, made, evidence::ATTACK);
    let compared = if act == Act::CeaseAsking { [quiet, None] } else { [hurt, Some(made)] };
    let ground = |(comparison, figure, bound): Compared| Ground {
        act,
        comparison,
        figure: figure.get(),
        bound: bound.get(),
        lasted,
        hold,
    };
    compared.into_iter().flatten().map(ground).collect()
}

fn extend(list: &mut Vec<Sample>, more: &[Sample]) {
    let room = SAMPLES_MAX.saturating_sub(list.len());
    list.extend(more.iter().take(room));
}

fn input<'a>(second: &'a Partial, summary: &Summary, findings: &Findings, is_pressing: bool) -> Input<'a> {
    let others = findings.volume.iter().find(|volume| volume.metric == evidence::Metric::Others);
    Input {
        known: &second.known,
        others: &second.others,
        matches: &second.matches,
        unwanted: &second.unwanted,
        hour_of_week: summary.traffic.hour_of_week,
        learns: findings.is_learnt,
        // A crowd of people gets no rule, however unusual it is; nor does a program that hurts nobody, such as a crawler; nor
        // do those who come when a flood has ended, while what is known of the last seconds still tells of it.
        holds: false,
        fits: false,
        wanted: findings.is_anomalous() && findings.malice.verdict == Verdict::Attack && is_pressing,
        pain: findings.hurts(),
        expected: others.map(|volume| volume.expected),
        maturity: match findings.maturity {
            evidence::Maturity::Absent => rules::Maturity::None,
            evidence::Maturity::Provisional => rules::Maturity::Provisional,
            evidence::Maturity::Full => rules::Maturity::Full,
        },
    }
}

/// Whether clearly more than expected came in this very second.
fn comes_now(findings: &Findings) -> bool {
    let is_theirs = |metric| matches!(metric, evidence::Metric::Others | evidence::Metric::OthersLoad);
    findings.volume.iter().any(|volume| is_theirs(volume.metric) && volume.z >= MORE_NOW)
}

/// How much more they cost who are let in than they do while they are refused (decision-science, section 8.1).
const EXPANSION: Finite = Finite::new(2.0);
/// Deviations above the expected that count as clearly more: as for alarms (decision-science, section 5).
const MORE_NOW: Finite = Finite::new(2.0);
/// For how many seconds they must come: single seconds are noise, in which people are found to be too many.
const MORE_SECONDS: u32 = 2;
/// For how long it counts that users were hurt twice: a rule may have ended that, and once is a burst of people.
const HURT_BEFORE: Duration = Duration::from_secs(30);
/// No suppression outlasts an hour without fresh evidence (decision-science, section 11, invariant 11).
const HOLDS_MOST: Duration = Duration::from_secs(3_600);
/// The part of the way to the newest second that the smoothed load goes.
const LOAD_PACE: Finite = Finite::new(0.2);
/// Nothing is asked of anybody any more when what would come is at most min(0.85 L, max(0.70 L, 1.2 × what is expected now))
/// (decision-science, section 0.10).
const OPEN: Finite = Finite::new(0.70);
const CLOSE: Finite = Finite::new(0.85);
const ABOVE_EXPECTED: Finite = Finite::new(1.2);

#[cfg(test)]
mod tests;
