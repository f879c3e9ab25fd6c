//! What the threshold leaves to a successor: what is closed, and what rests on earlier closings.

use model::{COHORTS, Decision, Instant, Level, Masks, Tier};

use super::Threshold;
use super::knee::Knee;
use crate::bits::{halves, low_u32};
use crate::handover::Handover;

impl Threshold {
    /// Adds what a successor needs to an estate. The last second's counts are not among it: they are made anew within one.
    pub fn hand_over(&self, estate: &mut Handover) {
        let instant = |at: Instant| at.as_nanos();
        estate.put("threshold.wanted", mask_words(&self.wanted));
        estate.put("threshold.shadow", self.shadow.0.iter().flatten().map(|cost| cost.to_bits()));
        let numbers = [
            u64::from(self.reopening),
            instant(self.changed),
            instant(self.next_try),
            self.reverts.into(),
            instant(self.forgiven),
            self.closing,
        ];
        estate.put("threshold.numbers", numbers);
        self.knee.hand_over(estate);
        let decision = &self.step.decision;
        let head = [
            decision.seq,
            instant(decision.at),
            decision.level.number().into(),
            decision.offered.to_bits(),
            u64::from(decision.limits_refuse),
        ];
        estate.put("threshold.decision", head.into_iter().chain(mask_words(&decision.masks)));
    }

    /// Goes on from what a predecessor left; returns the decision that is in force at once. What is missing or makes no
    /// sense changes nothing.
    pub fn take_over(&mut self, estate: &Handover) -> Option<Decision> {
        let wanted = masks(estate.words("threshold.wanted"))?;
        let [reopening, changed, next_try, reverts, forgiven, closing] = estate.array("threshold.numbers")?;
        let decision = decision(estate.words("threshold.decision"))?;
        let shadow = estate.words("threshold.shadow");
        for (cost, bits) in self.shadow.0.iter_mut().flatten().zip(shadow) {
            let kept = f64::from_bits(*bits);
            *cost = if kept.is_finite() { kept.max(0.0) } else { 0.0 };
        }
        self.wanted = wanted;
        self.reopening = reopening != 0;
        self.changed = Instant::from_nanos(changed);
        self.next_try = Instant::from_nanos(next_try);
        self.reverts = low_u32(reverts).min(super::reopen::BACK_OFF_STEPS);
        self.forgiven = Instant::from_nanos(forgiven);
        self.closing = closing;
        self.knee = Knee::of(estate);
        (self.step.decision, self.step.closing) = (decision.clone(), closing);
        Some(decision)
    }
}

fn mask_words(masks: &Masks) -> Vec<u64> {
    Tier::ALL.into_iter().flat_map(|tier| halves(masks.tier(tier))).collect()
}

fn masks(words: &[u64]) -> Option<Masks> {
    let words: &[u64; 2 * Tier::COUNT] = words.try_into().ok()?;
    let pairs = words.as_chunks::<2>().0.iter().zip(Tier::ALL);
    Some(pairs.fold(Masks::OPEN, |masks, (&[high, low], tier)| {
        masks.with(tier, u128::from(high) << 64 | u128::from(low))
    }))
}

fn decision(words: &[u64]) -> Option<Decision> {
    let (&[seq, at, level, offered, limits_refuse], rest) = words.split_first_chunk()?;
    let level = Level::ALL.into_iter().find(|known| u64::from(known.number()) == level)?;
    let offered = Some(f64::from_bits(offered)).filter(|offered| offered.is_finite()).unwrap_or(0.0);
    let at = Instant::from_nanos(at);
    let limits_refuse = limits_refuse != 0;
    Some(Decision { seq, at, level, masks: masks(rest)?, offered, limits_refuse, ..Decision::default() })
}

const _: () = assert!(COHORTS == 128, "two words hold the mask of a tier");
