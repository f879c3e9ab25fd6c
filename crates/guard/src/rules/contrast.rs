//! What is in the flood and not in calm: one bit for each request that was kept, one list of bits for each condition.

use model::{Condition, Dictionary, Finite};

use super::bound::Share;
use super::calm::{CALM_WORDS, Calm};
use super::change::Proof;
use super::customers::{CUSTOMER_WORDS, Customers};
use super::flood::{Flood, SECOND_WORDS, SECONDS};

/// Which of the requests that were kept are meant: first those of the flood, then of calm, then of known clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bits(Box<[u64; WORDS]>);

impl Bits {
    fn empty() -> Self {
        Self(Box::new([0; WORDS]))
    }

    pub(super) fn flood(&self) -> &[u64] {
        &self.0[..FLOOD_WORDS]
    }

    fn calm(&self) -> &[u64] {
        &self.0[FLOOD_WORDS..KNOWN_FROM]
    }

    fn known(&self) -> &[u64] {
        &self.0[KNOWN_FROM..]
    }

    /// What both mean, into `self`.
    pub(super) fn set_both(&mut self, one: &Self, other: &Self) {
        for (word, (one, other)) in self.0.iter_mut().zip(one.0.iter().zip(other.0.iter())) {
            *word = one & other;
        }
    }

    /// What both mean.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut both = Self::empty();
        both.set_both(self, other);
        both
    }

    pub(super) fn calm_hits(&self) -> u64 {
        count(self.calm())
    }

    pub(super) fn known_hits(&self) -> u64 {
        count(self.known())
    }
}

/// The flood beside calm.
pub(super) struct Contrast<'a> {
    flood: &'a Flood,
    calm: &'a Calm,
    customers: &'a Customers,
    dictionary: &'a Dictionary,
    /// For how many requests a bit of each second stands.
    weights: Vec<Finite>,
    pub(super) calm_of: u64,
    pub(super) known_of: u64,
    /// Requests that calm would have brought.
    pub(super) expected: Finite,
    /// Requests that came beyond these.
    pub(super) excess: Finite,
    /// For how many requests a bit of calm stands.
    scale: Finite,
    /// What no rule covers yet.
    open: Bits,
}

impl<'a> Contrast<'a> {
    /// The contrast, if so many requests a second are expected and considerably more came.
    pub(super) fn new(
        (flood, calm, customers): (&'a Flood, &'a Calm, &'a Customers),
        dictionary: &'a Dictionary,
        expected: Finite,
    ) -> Option<Self> {
        let expected = expected.max(Finite::ZERO) * flood.len();
        let excess = flood.volume() - expected;
        let calm_of = calm.len();
        if calm_of == 0 || !excess.is_positive() || excess < expected * Finite::new(EXCESS_MIN) {
            return None;
        }
        Some(Self {
            flood,
            calm,
            customers,
            dictionary,
            weights: flood.seconds.iter().map(|second| second.weight).collect(),
            calm_of,
            known_of: customers.rows.len() as u64,
            expected,
            excess,
            scale: expected / Finite::count(calm_of),
            open: Bits(Box::new([u64::MAX; WORDS])),
        })
    }

    /// The requests that meet all conditions.
    pub(super) fn find(&self, conditions: &[Condition]) -> Bits {
        let mut found = Bits(Box::new([u64::MAX; WORDS]));
        for condition in conditions {
            found = found.and(&self.find_one(*condition));
        }
        found
    }

    fn find_one(&self, condition: Condition) -> Bits {
        let mut found = Bits::empty();
        let (flood, rest) = found.0.split_at_mut(FLOOD_WORDS);
        let (calm, known) = rest.split_at_mut(CALM_WORDS);
        for (second, words) in self.flood.seconds.iter().zip(flood.chunks_mut(SECOND_WORDS)) {
            second.rows.find(condition, words);
        }
        let mut from = 0;
        for (rows, words) in self.calm.parts() {
            rows.find(condition, &mut calm[from..from + words]);
            from += words;
        }
        self.customers.rows.find(condition, known);
        found
    }

    /// The commonest conditions that at least this share of the excess could meet.
    pub(super) fn common(&self, share: Finite, count: usize) -> Vec<Condition> {
        self.flood.common(self.excess * share, count, self.dictionary)
    }

    /// For how many requests of the flood bits stand.
    pub(super) fn weigh(&self, flood: &[u64]) -> Finite {
        let seconds = flood.chunks(SECOND_WORDS).zip(&self.weights);
        seconds.map(|(words, weight)| Finite::count(count(words)) * *weight).sum()
    }

    /// The same for what no rule covers yet.
    fn weigh_open(&self, bits: &Bits) -> Finite {
        self.weigh_both(bits, &self.open)
    }

    /// The same for what two mean.
    pub(super) fn weigh_both(&self, one: &Bits, other: &Bits) -> Finite {
        let seconds = one.flood().chunks_exact(SECOND_WORDS).zip(other.flood().chunks_exact(SECOND_WORDS));
        let counts = seconds.map(|(one, other)| count_both(one, other));
        counts.zip(&self.weights).map(|(count, weight)| Finite::count(count) * *weight).sum()
    }

    /// The same for what two mean and no rule covers yet.
    pub(super) fn weigh_both_open(&self, one: &Bits, other: &Bits) -> Finite {
        let seconds = one.flood().chunks_exact(SECOND_WORDS).zip(other.flood().chunks_exact(SECOND_WORDS));
        let open = self.open.flood().chunks_exact(SECOND_WORDS);
        let counts = seconds.zip(open).map(|((one, other), open)| count_all(one, other, open));
        counts.zip(&self.weights).map(|(count, weight)| Finite::count(count) * *weight).sum()
    }

    /// Requests of calm that would have met the same, and that no rule covers yet.
    pub(super) fn expected_open(&self, bits: &Bits) -> Finite {
        Finite::count(count_both(bits.calm(), self.open.calm())) * self.scale
    }

    /// The excess among what no rule covers yet.
    pub(super) fn gain(&self, bits: &Bits) -> Finite {
        (self.weigh_open(bits) - self.expected_open(bits)).max(Finite::ZERO)
    }

    /// How much likelier a request belongs to the excess if it meets a condition than if it doesn't, in sets of 4,096
    /// requests of the excess and 8,192 of calm (risk ratio of DIFF, VLDB 2019). 1 if all requests meet it.
    pub(super) fn risk_ratio(&self, bits: &Bits) -> Finite {
        let calm = Finite::count(bits.calm_hits());
        let excess = (self.weigh(bits.flood()) - calm * self.scale) / self.excess;
        let excess = excess.clamp(Finite::ZERO, Finite::ONE);
        let calm = calm / Finite::count(self.calm_of) * Finite::new(CALM_PER_EXCESS);
        let (other_excess, other_calm) = (Finite::ONE - excess, Finite::new(CALM_PER_EXCESS) - calm);
        if !(other_excess + other_calm).is_positive() {
            return Finite::ONE;
        }
        (excess / (excess + calm)) / (other_excess / (other_excess + other_calm))
    }

    /// Marks what bits mean as covered.
    pub(super) fn cover(&mut self, bits: &Bits) {
        for (open, covered) in self.open.0.iter_mut().zip(bits.0.iter()) {
            *open &= !covered;
        }
    }

    /// Excess that no rule covers.
    pub(super) fn open_excess(&self) -> Finite {
        let filled = self.calm.parts().fold((0, 0), |(from, sum), (rows, words)| {
            let open = &self.open.calm()[from..from + words];
            (from + words, sum + count_first(open, rows.len()))
        });
        let seconds = self.flood.seconds.iter().zip(self.open.flood().chunks(SECOND_WORDS));
        let came: Finite = seconds
            .map(|(second, open)| second.weight * Finite::count(count_first(open, second.rows.len())))
            .sum();
        (came - Finite::count(filled.1) * self.scale).max(Finite::ZERO)
    }

    /// What speaks for a rule that matches these.
    pub(super) fn proof(&self, bits: &Bits) -> Proof {
        Proof {
            calm: Share { hits: bits.calm_hits(), of: self.calm_of },
            known: Share { hits: bits.known_hits(), of: self.known_of },
            matched: self.weigh(bits.flood()),
            gained: self.gain(bits),
            excess: self.excess,
            expected: self.expected,
        }
    }

    /// Matches a second in the last seconds.
    pub(super) fn forecast(&self, bits: &Bits) -> Finite {
        let seconds = self.weights.len();
        let first = seconds.saturating_sub(FORECAST_SECONDS);
        let recent = bits.flood().chunks(SECOND_WORDS).zip(&self.weights).skip(first);
        let matched: Finite = recent.map(|(words, weight)| Finite::count(count(words)) * *weight).sum();
        matched / Finite::count((seconds - first) as u64)
    }
}

fn count(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

fn count_both(one: &[u64], other: &[u64]) -> u64 {
    one.iter().zip(other).map(|(one, other)| u64::from((one & other).count_ones())).sum()
}

fn count_all(one: &[u64], other: &[u64], third: &[u64]) -> u64 {
    let all = one.iter().zip(other).zip(third);
    all.map(|((one, other), third)| u64::from((one & other & third).count_ones())).sum()
}

/// Ones among the first bits.
fn count_first(words: &[u64], bits: usize) -> u64 {
    let full = count(&words[..bits / 64]);
    let rest = words.get(bits / 64).map_or(0, |word| word & ((1 << (bits % 64)) - 1));
    full + u64::from(rest.count_ones())
}

const FLOOD_WORDS: usize = SECONDS * SECOND_WORDS;
const KNOWN_FROM: usize = FLOOD_WORDS + CALM_WORDS;
const WORDS: usize = KNOWN_FROM + CUSTOMER_WORDS;
/// What exceeds the expected requests by less than this part is noise.
const EXCESS_MIN: f64 = 0.1;
/// Requests of calm for each of the excess in the sets that the risk ratio is defined on.
const CALM_PER_EXCESS: f64 = 2.0;
/// Seconds whose mean is the forecast: a flood that has just begun is not yet in the older ones.
const FORECAST_SECONDS: usize = 3;
