//! Whether what came beyond the expected looks made (decision-science, section 5, "flash crowd or attack").
//!
//! Terms look at the excess alone: of n requests/s where μ are expected, the part f = (n − μ) ÷ n is new, and a share q
//! that is c in calm is c + (q − c) ÷ f of the new. Without an excess there is nothing to judge, and no term.
//!
//! Bounds are not even: what an attacker can easily do like people (keep cookies, answer challenges, take time, use
//! people's networks) speaks less for a crowd than its absence against it, and what most attacks share with people (ordinary
//! cost, whole handshakes) speaks hardly at all for one. Open connections that ask for nothing may be streams: by
//! themselves they never make an attack, handshakes that are followed by nothing may.

use model::{Attribute, Finite};

use super::history::History;
use super::metric::{OTHERS, share};
use super::second::{Second, sum};
use super::{Feature, Malice, Metric, Mix, Term, Verdict};

/// What the newest second is judged by.
pub(super) struct Case<'a> {
    /// The last half minute.
    pub(super) history: &'a History,
    /// The attributes' mix.
    pub(super) mix: &'a [Mix],
    /// What is expected of each metric; `None` without a baseline.
    pub(super) expected: [Option<Finite>; Metric::COUNT],
    /// The steepest growth of what is in excess.
    pub(super) steepest: Option<Finite>,
    /// Load is at or over the bound that hurts.
    pub(super) is_short_of_room: bool,
    /// Nothing is refused: clients have nothing to answer to.
    pub(super) observing: bool,
}

impl Case<'_> {
    /// The evidence, its sum, and what it says.
    pub(super) fn judge(&self) -> Malice {
        let of_requests =
            self.excess(Metric::Others).or_else(|| self.excess(Metric::OthersLoad).map(|_| NEW_MIN));
        let is_enough = self.history.sum(WINDOW, |second| second.requests(OTHERS)) >= REQUESTS_MIN;
        let mut terms = Vec::new();
        if let Some(new) = of_requests.filter(|_| is_enough) {
            terms.extend([
                self.seen_networks(new),
                self.pace(),
                self.likeness(new),
                self.navigation(new),
                self.cookies(new),
                self.cost(new),
            ]);
        }
        let ramp = self.steepest.map(|steepest| RAMP.term(Feature::Ramp, steepest, Finite::ZERO));
        terms.extend([
            ramp,
            self.challenges(),
            self.logins(),
            self.silent_connections(),
            self.failed_handshakes(),
        ]);
        let terms: Vec<Term> = terms.into_iter().flatten().collect();
        let score: Finite = terms.iter().map(|term| term.weight).sum();
        let verdict = match score {
            _ if terms.is_empty() => Verdict::Undecided,
            score if score >= ATTACK => Verdict::Attack,
            score if score <= CROWD => Verdict::Crowd,
            _ => Verdict::Undecided,
        };
        Malice { score, terms, verdict }
    }

    fn seen_networks(&self, new: Finite) -> Option<Term> {
        let calm = self.expected(Metric::SeenNetworks).filter(|calm| *calm >= USUAL_MIN)?;
        let [seen, all] = [0, 1].map(|place| self.history.sum(WINDOW, |second| second.seen_networks[place]));
        let of_new = unmixed(share(seen, all)?, calm, new);
        Some(Scale::below(calm, 0.5, 0.2, -1.5, 2.0).term(Feature::SeenNetworks, of_new, calm))
    }

    /// A crowd slows down when the app does, a program does not.
    fn pace(&self) -> Option<Term> {
        let calm = self.expected(Metric::Pace)?;
        let now = self.history.mean(Metric::Pace, 0, 1)?;
        let faster = ((now + PACE_OFFSET) / (calm + PACE_OFFSET)).ln();
        let scale = Scale::new(0.7, 0.35, -0.5, 1.0);
        (self.is_short_of_room || self.refuses()).then(|| scale.term(Feature::Pace, faster, calm))
    }

    fn likeness(&self, new: Finite) -> Option<Term> {
        let made = self.mix.iter().filter(|mix| OF_PROGRAMS.contains(&mix.attribute));
        let grown = made.map(|mix| (mix.top_share - mix.top_calm).max(mix.rare - mix.rare_calm)).max()?;
        let of_new = (grown / new).clamp(Finite::ZERO, Finite::ONE);
        Some(Scale::new(0.35, 0.15, -2.0, 2.0).term(Feature::Likeness, of_new, Finite::ZERO))
    }

    /// Who is refused fetches no assets: then only a fall in navigations says something.
    fn navigation(&self, new: Finite) -> Option<Term> {
        let calm = self.expected(Metric::Navigations)?;
        let now = self.sampled(|second| second.navigations)?;
        let change = unmixed(now, calm, new) - calm;
        let can_tell = !self.refuses() || calm >= NAVIGATIONS_MIN;
        let figure = if self.refuses() { (-change).max(Finite::ZERO) } else { change.abs() };
        let scale = Scale::new(0.3, 0.15, -0.25, 2.0);
        can_tell.then(|| scale.term(Feature::Navigation, figure, calm))
    }

    fn cookies(&self, new: Finite) -> Option<Term> {
        let calm = self.expected(Metric::Cookies).filter(|calm| *calm >= USUAL_MIN)?;
        let now = self.sampled(|second| second.with_cookies)?;
        let of_new = unmixed(now, calm, new);
        Some(Scale::below(calm, 0.5, 0.25, -1.0, 1.5).term(Feature::Cookies, of_new, calm))
    }

    fn cost(&self, new: Finite) -> Option<Term> {
        let calm = self.expected(Metric::Cost).filter(|calm| calm.is_positive())?;
        let unknown = &OTHERS[1..];
        let cost = self.history.sum(WINDOW, |second| second.cost(unknown));
        let now = share(cost, self.history.sum(WINDOW, |second| second.requests(unknown)))?;
        let of_new = calm + (now - calm) / new;
        let dearer = (of_new.max(Finite::ZERO) / calm).ln().max(LEAST_LN);
        Some(Scale::new(0.7, 0.45, -0.25, 2.0).term(Feature::Cost, dearer, calm))
    }

    /// People need a moment to answer: what was given just now does not count.
    fn challenges(&self) -> Option<Term> {
        let given = self.history.sum_before(ANSWER_SECONDS, LONG_WINDOW, |second| second.challenges[0]);
        let answered = self.history.sum(LONG_WINDOW, |second| second.challenges[1]);
        if self.observing || given < CHALLENGES_MIN {
            return None;
        }
        let figure = share(answered, given)?.min(Finite::ONE);
        Some(Scale::new(0.15, -0.075, -1.0, 2.0).term(Feature::Challenges, figure, Finite::ZERO))
    }

    fn logins(&self) -> Option<Term> {
        let new = self.excess_over(Metric::Logins, LONG_WINDOW)?;
        let calm = self.expected(Metric::LoginSuccess).filter(|calm| *calm >= USUAL_MIN)?;
        let [tried, confirmed] =
            [0, 1].map(|place| self.history.sum(LONG_WINDOW, |second| second.logins[place]));
        let of_new = unmixed(share(confirmed, tried)?, calm, new);
        let scale = Scale::below(calm, 0.5, 0.25, -2.0, 2.0);
        (tried >= LOGINS_MIN).then(|| scale.term(Feature::Logins, of_new, calm))
    }

    /// Connections or handshakes beyond the expected, and how many requests came beyond the expected with them.
    fn silent_connections(&self) -> Option<Term> {
        let more = |metric| {
            let expected = self.expected(metric)?;
            Some(((self.history.mean(metric, 0, WINDOW)? - expected).max(Finite::ZERO), expected))
        };
        let (requests, requests_expected) = more(Metric::Requests)?;
        if self.excess(Metric::Handshakes).is_some() {
            let (handshakes, _) = more(Metric::Handshakes)?;
            let silent = (Finite::ONE - requests / handshakes).max(Finite::ZERO);
            return Some(Scale::new(0.5, 0.25, 0.0, 2.0).term(
                Feature::SilentConnections,
                silent,
                Finite::ZERO,
            ));
        }
        self.excess(Metric::Connections)?;
        let (connections, connections_expected) = more(Metric::Connections)?;
        // Slots and requests are compared by how many times the expected came.
        let times = |more: Finite, expected: Finite| more / (expected + Finite::ONE);
        let silent =
            Finite::ONE - times(requests, requests_expected) / times(connections, connections_expected);
        let scale = Scale::new(0.5, 0.25, 0.0, 0.5);
        (connections >= SLOTS_MIN)
            .then(|| scale.term(Feature::SilentConnections, silent.max(Finite::ZERO), Finite::ZERO))
    }

    fn failed_handshakes(&self) -> Option<Term> {
        let new = self.excess(Metric::Handshakes)?;
        let calm = self.expected(Metric::FailedHandshakes)?;
        let all = self.history.sum(WINDOW, |second| {
            second.handshakes.iter().fold(0, |sum: u64, part| sum.saturating_add(*part))
        });
        let failed = share(self.history.sum(WINDOW, |second| second.handshakes[2]), all)?;
        let of_new = unmixed(failed, calm, new);
        let scale = Scale { even: calm + Finite::new(0.3), ..Scale::new(0.0, 0.15, 0.0, 2.0) };
        (all >= HANDSHAKES_MIN).then(|| scale.term(Feature::FailedHandshakes, of_new, calm))
    }

    /// The share of a part in the requests that were sampled.
    fn sampled(&self, part: impl Fn(&Second) -> u64) -> Option<Finite> {
        share(self.history.sum(WINDOW, part), self.history.sum(WINDOW, |second| second.sampled))
    }

    fn expected(&self, metric: Metric) -> Option<Finite> {
        self.expected[metric.index()]
    }

    fn excess(&self, metric: Metric) -> Option<Finite> {
        self.excess_over(metric, WINDOW)
    }

    /// The part of a volume that is beyond the expected, if that is clearly exceeded.
    fn excess_over(&self, metric: Metric, seconds: usize) -> Option<Finite> {
        let expected = self.expected(metric)?;
        let now = self.history.mean(metric, 0, seconds)?;
        let is_exceeded = now + Finite::ONE >= (expected + Finite::ONE) * EXCEEDED;
        is_exceeded.then(|| ((now - expected) / now).clamp(NEW_MIN, Finite::ONE))
    }

    /// Whether a good part of requests of T3 to T6 is refused.
    fn refuses(&self) -> bool {
        let refused = self.history.sum(WINDOW, |second| sum(&second.refused, OTHERS));
        let all = self.history.sum(WINDOW, |second| second.requests(OTHERS));
        share(refused, all).is_some_and(|share| share >= REFUSED_MIN)
    }
}

/// A share of what is new, where it is `now` of all and `calm` of what is expected.
fn unmixed(now: Finite, calm: Finite, new: Finite) -> Finite {
    (calm + (now - calm) / new).clamp(Finite::ZERO, Finite::ONE)
}

/// How a figure becomes a weight.
struct Scale {
    even: Finite,
    scale: Finite,
    low: Finite,
    high: Finite,
}

impl Scale {
    const fn new(even: f64, scale: f64, low: f64, high: f64) -> Self {
        Self {
            even: Finite::new(even),
            scale: Finite::new(scale),
            low: Finite::new(low),
            high: Finite::new(high),
        }
    }

    /// A share that is suspicious when it lies below calm; `even` and `scale` are parts of the calm share.
    fn below(calm: Finite, even: f64, scale: f64, low: f64, high: f64) -> Self {
        let bounds = Self::new(0.0, 0.0, low, high);
        Self { even: calm * Finite::new(even), scale: -(calm * Finite::new(scale)), ..bounds }
    }

    fn term(&self, feature: Feature, figure: Finite, calm: Finite) -> Term {
        let weight = ((figure - self.even) / self.scale).clamp(self.low, self.high);
        Term { feature, figure, calm, even: self.even, scale: self.scale, weight }
    }
}

/// Ten seconds grow fourfold in a flood (+2), by a twentieth in a crowd (−1): few attackers take their time.
const RAMP: Scale = Scale::new(0.7, 0.35, -1.0, 2.0);
/// What a program says of itself, whatever it asks for; a crowd has the same programs as calm.
const OF_PROGRAMS: [Attribute; 9] = [
    Attribute::Version,
    Attribute::HeaderOrder,
    Attribute::HeaderSet,
    Attribute::UserAgentFamily,
    Attribute::UserAgent,
    Attribute::Language,
    Attribute::Ja4A,
    Attribute::Ja4B,
    Attribute::Ja4C,
];

/// M from which on it is an attack, and up to which it is a crowd (decision-science, section 5).
pub(crate) const ATTACK: Finite = Finite::new(3.0);
/// See [`ATTACK`].
pub(super) const CROWD: Finite = Finite::new(-1.0);
/// Seconds that are looked at.
const WINDOW: usize = 10;
/// The same for what is rare: logins and challenges.
const LONG_WINDOW: usize = 30;
/// Requests of T3 to T6 without which shares are chance.
const REQUESTS_MIN: u64 = 40;
/// So many times the expected is an excess.
const EXCEEDED: Finite = Finite::new(1.25);
/// Less than this part of new requests is too noisy to be told apart.
const NEW_MIN: Finite = Finite::new(1.0 / 3.0);
/// A share that is smaller in calm says nothing by being missed.
const USUAL_MIN: Finite = Finite::new(0.10);
/// The least logarithm of a change in cost: what is new may cost nothing.
const LEAST_LN: Finite = Finite::new(-5.0);
/// Requests/s that differ by less than about this are the same pace.
const PACE_OFFSET: Finite = Finite::new(0.05);
/// Share of navigations in calm whose absence can be seen.
const NAVIGATIONS_MIN: Finite = Finite::new(0.45);
/// Share of refused requests from which on clients change what they do.
const REFUSED_MIN: Finite = Finite::new(0.20);
/// Seconds that an answer to a challenge may take, and challenges that must have been given.
const ANSWER_SECONDS: usize = 5;
const CHALLENGES_MIN: u64 = 20;
/// Login attempts that say something of their success.
const LOGINS_MIN: u64 = 10;
/// Handshakes that say something of their failures.
const HANDSHAKES_MIN: u64 = 20;
/// Connection slots beyond the expected that say something, in thousandths.
const SLOTS_MIN: Finite = Finite::new(50.0);
