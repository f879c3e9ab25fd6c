//! Which conjunctions of conditions describe the flood and little else (decision-science, section 6, points 3 to 6).

use std::cmp::Ordering;

use model::{Action, CONDITIONS_MAX, Condition, Finite};

use super::bound::Share;
use super::budget::Budget;
use super::change::Proof;
use super::contrast::{Bits, Contrast};

/// A rule to be.
pub(super) struct Finding {
    pub(super) conditions: Vec<Condition>,
    pub(super) proof: Proof,
    pub(super) forecast: Finite,
}

/// Finds at most `count` rules that together cover the most, each of which `accept` takes, the best first.
pub(super) fn search(
    contrast: &mut Contrast<'_>,
    count: usize,
    accept: &mut dyn FnMut(&Finding) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if count == 0 || contrast.open_excess() < contrast.excess * Finite::new(GAIN_MIN) {
        return findings;
    }
    let items = items(contrast);
    let mut pool = conjunctions(contrast, &items);
    while findings.len() < count {
        let Some((finding, bits)) = next_best(contrast, &items, &mut pool, accept) else { break };
        contrast.cover(&bits);
        findings.push(finding);
    }
    findings
}

/// A condition and what meets it.
struct Item {
    condition: Condition,
    bits: Bits,
    /// Requests of calm that meet it.
    calm: u64,
}

/// The conditions that are far commoner in the flood than in calm, in their order.
fn items(contrast: &Contrast<'_>) -> Vec<Item> {
    let least = contrast.excess * Finite::new(ITEM_EXCESS_MIN);
    let common = contrast.common(Finite::new(ITEM_EXCESS_MIN), LOOKED_AT_MAX);
    let looked_at = common.into_iter().map(|condition| {
        let bits = contrast.find(&[condition]);
        let calm = bits.calm_hits();
        (contrast.gain(&bits), Item { condition, bits, calm })
    });
    let is_contrast = |(gain, item): &(Finite, Item)| {
        *gain >= least && contrast.risk_ratio(&item.bits) >= Finite::new(RISK_RATIO_MIN)
    };
    let mut items: Vec<(Finite, Item)> = looked_at.filter(is_contrast).collect();
    items.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.condition.cmp(&b.condition)));
    items.truncate(ITEMS_MAX);
    let mut items: Vec<Item> = items.into_iter().map(|(_, item)| item).collect();
    items.sort_by_key(|item| item.condition);
    items
}

/// A conjunction of items.
#[derive(Clone)]
struct Candidate {
    /// Items by number, ascending.
    items: Vec<usize>,
    bits: Bits,
    /// [`digest`] of what it matches in the flood.
    digest: u64,
    calm: u64,
    known: u64,
    /// Share of the excess over harm.
    score: Finite,
}

impl Candidate {
    /// The better first; among equals the shorter, because narrowing chooses the rest; then whose conditions come first.
    fn order(&self, other: &Self) -> Ordering {
        let shorter = self.items.len().cmp(&other.items.len());
        other.score.cmp(&self.score).then(shorter).then_with(|| self.items.cmp(&other.items))
    }

    fn has_attribute_of(&self, items: &[Item], item: &Item) -> bool {
        self.items.iter().any(|own| items[*own].condition.attribute == item.condition.attribute)
    }
}

/// All conjunctions that a beam search meets.
fn conjunctions(contrast: &Contrast<'_>, items: &[Item]) -> Vec<Candidate> {
    let mut pool = Vec::new();
    let mut beam = Beam::default();
    for (number, item) in items.iter().enumerate() {
        beam.offer(contrast, &[], number, item.bits.clone());
    }
    for _ in 1..CONDITIONS_MAX {
        let parents = beam.candidates;
        beam = Beam::default();
        for parent in &parents {
            for (number, item) in items.iter().enumerate() {
                if !parent.has_attribute_of(items, item) {
                    beam.extend(contrast, parent, number, &item.bits);
                }
            }
        }
        pool.extend(parents);
    }
    pool.extend(beam.candidates);
    pool
}

/// The best conjunctions of one length. Of those that match the same requests of the flood only the best stays.
#[derive(Default)]
struct Beam {
    candidates: Vec<Candidate>,
}

impl Beam {
    /// Offers a parent with one more item, if what it can reach is worth counting.
    fn extend(&mut self, contrast: &Contrast<'_>, parent: &Candidate, item: usize, bits: &Bits) {
        let share = contrast.weigh_both_open(&parent.bits, bits) / contrast.excess;
        let hope = share / Finite::new(HARM_FLOOR);
        let is_full = self.candidates.len() == BEAM_WIDTH;
        let is_hopeless = is_full && self.candidates.last().is_some_and(|worst| worst.score > hope);
        if share >= Finite::new(GAIN_MIN) && !is_hopeless {
            self.offer(contrast, &parent.items, item, parent.bits.and(bits));
        }
    }

    fn offer(&mut self, contrast: &Contrast<'_>, parent: &[usize], item: usize, bits: Bits) {
        let (calm, known) = (bits.calm_hits(), bits.known_hits());
        let score = contrast.gain(&bits) / contrast.excess / harm(contrast, calm, known);
        let mut items = parent.to_vec();
        items.insert(items.partition_point(|own| *own < item), item);
        let candidate = Candidate { items, digest: digest(bits.flood()), bits, calm, known, score };
        let place = self.candidates.partition_point(|own| own.order(&candidate) == Ordering::Less);
        let same = self.candidates.iter().position(|own| own.digest == candidate.digest);
        match same {
            Some(same) if same < place => return,
            Some(same) => drop(self.candidates.remove(same)),
            None => {}
        }
        self.candidates.insert(place, candidate);
        self.candidates.truncate(BEAM_WIDTH);
    }
}

/// The share of calm that a conjunction matches, with known clients weighed as much heavier as their budget is smaller.
fn harm(contrast: &Contrast<'_>, calm: u64, known: u64) -> Finite {
    let calm = Finite::count(calm) / Finite::count(contrast.calm_of);
    let known = Finite::count(known) / Finite::count(contrast.known_of) * Finite::new(KNOWN_WEIGHT);
    calm + known + Finite::new(HARM_FLOOR)
}

/// A fingerprint of bits (FNV-1a over words).
fn digest(words: &[u64]) -> u64 {
    words.iter().fold(0xCBF2_9CE4_8422_2325, |hash, word| {
        let mixed = (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        mixed ^ mixed >> 29
    })
}

/// Takes from the pool what adds the most for its harm, narrows it, and asks whether it may be.
fn next_best(
    contrast: &Contrast<'_>,
    items: &[Item],
    pool: &mut Vec<Candidate>,
    accept: &mut dyn FnMut(&Finding) -> bool,
) -> Option<(Finding, Bits)> {
    let least = contrast.excess * Finite::new(GAIN_MIN);
    for candidate in pool.iter_mut() {
        let gain = contrast.gain(&candidate.bits);
        let worth = if gain < least { Finite::ZERO } else { gain };
        candidate.score = worth / cost(contrast, candidate.calm, candidate.known);
    }
    pool.retain(|candidate| candidate.score.is_positive() && may_fit(contrast, candidate));
    pool.sort_by(Candidate::order);
    let mut tried = 0;
    while tried < TRIES_MAX && !pool.is_empty() {
        let candidate = pool.remove(0);
        // What has ended by now has no forecast, and a trial would find nothing.
        if !contrast.forecast(&candidate.bits).is_positive() {
            continue;
        }
        tried += 1;
        let narrow = narrow(contrast, items, candidate);
        let mut conditions: Vec<Condition> = narrow.items.iter().map(|item| items[*item].condition).collect();
        conditions.sort_unstable();
        let finding = Finding {
            conditions,
            proof: contrast.proof(&narrow.bits),
            forecast: contrast.forecast(&narrow.bits),
        };
        if finding.proof.gained >= least && finding.forecast.is_positive() && accept(&finding) {
            return Some((finding, narrow.bits));
        }
    }
    None
}

/// Whether even what was seen, which is below the bounds, keeps within the mildest budget. Narrower conjunctions are in
/// the pool themselves.
fn may_fit(contrast: &Contrast<'_>, candidate: &Candidate) -> bool {
    let budget = Budget::of(Action::Demote);
    let calm = Share { hits: candidate.calm, of: contrast.calm_of };
    let known = Share { hits: candidate.known, of: contrast.known_of };
    calm.point() <= budget.calm && known.point() <= budget.known
}

/// About the upper bounds of harm, for the ranking alone: no hits in n are at most 3 in n.
fn cost(contrast: &Contrast<'_>, calm: u64, known: u64) -> Finite {
    let calm = Finite::count(calm + 3) / Finite::count(contrast.calm_of);
    calm + Finite::count(known + 3) / Finite::count(contrast.known_of + 3) * Finite::new(KNOWN_WEIGHT)
}

/// Adds conditions while nearly all of the flood that it matches still does: first those that cut harm most, then the
/// rarest.
fn narrow(contrast: &Contrast<'_>, items: &[Item], mut candidate: Candidate) -> Candidate {
    let least = contrast.weigh(candidate.bits.flood()) * Finite::new(KEPT_MIN);
    while candidate.items.len() < CONDITIONS_MAX {
        let narrower = items.iter().enumerate().filter(|(_, item)| !candidate.has_attribute_of(items, item));
        let kept = narrower.filter(|(_, item)| contrast.weigh_both(&candidate.bits, &item.bits) >= least);
        let narrowed = kept.map(|(number, item)| {
            let bits = candidate.bits.and(&item.bits);
            let (calm, known) = (bits.calm_hits(), bits.known_hits());
            ((calm + known, item.calm, number), (bits, calm, known))
        });
        let Some(((_, popularity, number), (bits, calm, known))) = narrowed.min_by_key(|(key, _)| *key)
        else {
            break;
        };
        if calm == candidate.calm && known == candidate.known && popularity == contrast.calm_of {
            break;
        }
        candidate.items.insert(candidate.items.partition_point(|own| *own < number), number);
        candidate = Candidate { bits, calm, known, ..candidate };
    }
    candidate
}

/// Share of all excess that a condition must meet (decision-science, section 6, point 3).
const ITEM_EXCESS_MIN: f64 = 0.02;
/// Risk ratio that a condition must have (the same).
const RISK_RATIO_MIN: f64 = 3.0;
/// Conditions whose bits are looked at; the commonest come first.
const LOOKED_AT_MAX: usize = 80;
/// Conditions that are combined: as many keep the dearest search within 3 ms.
const ITEMS_MAX: usize = 48;
/// Conjunctions of one length that are followed (decision-science, section 6, point 4).
const BEAM_WIDTH: usize = 64;
/// Share of all excess that a rule must add (decision-science, section 6, point 6).
const GAIN_MIN: f64 = 0.05;
/// Share of what a rule matches that must stay when it is narrowed (decision-science, section 6, point 5).
const KEPT_MIN: f64 = 0.98;
/// Below this share of calm less harm makes a conjunction no better: the budget of blocking.
const HARM_FLOOR: f64 = 0.005;
/// A known client's request weighs so much more: budgets are ten times as strict.
const KNOWN_WEIGHT: f64 = 10.0;
/// Candidates that are narrowed and judged for each rule that may be found.
const TRIES_MAX: usize = 12;
