//! All of the core together: evidence, rules and the challenge.

use std::sync::Arc;

use model::{Challenge, Finite, Matches, Rules, SAMPLES_MAX, Sample, Summary};
use serde::{Deserialize, Serialize};

use crate::challenge::{Asking, Sight};
use crate::evidence::{self, Context, Evidence, Findings, Profile, Verdict};
use crate::rules::{self, Book, Change, Input};

/// Decides once a second what is to be done besides moving the threshold. Memory is bounded by that of its parts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Guard {
    evidence: Evidence,
    book: Book,
    asking: Asking,
    partial: Partial,
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
    /// The load up to which everything that is refused may come back at once, in requests in service; `None` while L is
    /// unknown (decision-science, section 0.10).
    pub comfortable: Option<Finite>,
}

/// What was seen of requests in the second in the making.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Partial {
    known: Vec<Sample>,
    others: Vec<Sample>,
    matches: Vec<Matches>,
    /// Cost of everybody, also what was taken away, in concurrency-milliseconds.
    load: u64,
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
        Self { evidence, book, asking: Asking::default(), partial: Partial::default() }
    }

    /// Takes what was counted in one step of 100 ms to 1 s; answers once for each completed second.
    pub fn step(&mut self, summary: &Summary, context: &Context) -> Option<Advice> {
        self.partial.take(summary);
        let findings = self.evidence.step(summary, context)?;
        let second = std::mem::take(&mut self.partial);
        let input = input(&second, summary, &findings);
        let changes = self.book.step(summary.at, &input);
        let limit = (summary.limit.is_finite() && summary.limit > 0.0).then(|| Finite::new(summary.limit));
        let comfortable = limit.map(|limit| comfortable(limit, findings.expected_load));
        let sight = Sight {
            hurts: findings.hurts(),
            looks_made: findings.is_malicious() && findings.maturity > evidence::Maturity::Absent,
            is_closed: context.is_closed,
            is_quiet: comfortable.is_some_and(|bound| second.load() <= bound),
        };
        let challenge = self.asking.step(summary.at, sight);
        Some(Advice { findings, changes: changes.changes, rules: changes.rules, challenge, comfortable })
    }

    /// Goes on in another process, with another clock: what was learnt stays.
    pub fn resume(&mut self) {
        self.evidence.resume();
        (self.asking, self.partial) = (Asking::default(), Partial::default());
    }

    /// The rules in force, and what is asked of unknown clients.
    pub fn standing(&self) -> (Arc<Rules>, Challenge) {
        (self.book.in_force(), self.asking.challenge())
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
        let offered = summary.offered.iter().flatten().chain(&summary.removed);
        self.load = offered.fold(self.load, |sum, cost| sum.saturating_add(*cost));
        self.millis = self.millis.saturating_add(summary.millis);
    }

    /// In requests in service.
    fn load(&self) -> Finite {
        Finite::count(self.load) / Finite::count(self.millis.max(1))
    }
}

fn extend(list: &mut Vec<Sample>, more: &[Sample]) {
    let room = SAMPLES_MAX.saturating_sub(list.len());
    list.extend(more.iter().take(room));
}

fn input<'a>(second: &'a Partial, summary: &Summary, findings: &Findings) -> Input<'a> {
    let others = findings.volume.iter().find(|volume| volume.metric == evidence::Metric::Others);
    Input {
        known: &second.known,
        others: &second.others,
        matches: &second.matches,
        hour_of_week: summary.traffic.hour_of_week,
        learns: findings.is_learnt,
        // A crowd of people gets no rule, however unusual it is.
        wanted: findings.is_anomalous() && findings.malice.verdict == Verdict::Attack,
        pain: findings.hurts(),
        expected: others.map(|volume| volume.expected),
        maturity: match findings.maturity {
            evidence::Maturity::Absent => rules::Maturity::None,
            evidence::Maturity::Provisional => rules::Maturity::Provisional,
            evidence::Maturity::Full => rules::Maturity::Full,
        },
    }
}

/// min(0.85 L, max(0.70 L, 1.2 × the load that is expected now)).
fn comfortable(limit: Finite, expected: Option<Finite>) -> Finite {
    let usual = expected.map_or(Finite::ZERO, |load| load * ABOVE_EXPECTED);
    (limit * OPEN).max(usual).min(limit * CLOSE)
}

const OPEN: Finite = Finite::new(0.70);
const CLOSE: Finite = Finite::new(0.85);
const ABOVE_EXPECTED: Finite = Finite::new(1.2);
