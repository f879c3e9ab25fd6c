//! What requests of T3 to T6 look like in calm (set B of decision-science, section 6).
//!
//! One half comes from the last hour of calm, the other from the same hour of the week, from the hour after it, and from
//! the same hour of the day before and of the day after: 1,024 requests are kept of each of the 168 hours, which takes
//! 8 MiB.

use std::collections::VecDeque;

use model::{Dictionary, Finite, Sample, Values};
use serde::{Deserialize, Serialize};

use super::dice::{Dice, Reservoir};
use super::rows::Rows;

/// Words of bits that all of it takes: 8,192 requests.
pub(super) const CALM_WORDS: usize = MINUTES * MINUTE_PLACES / 64 + HOURS_USED.len() * HOUR_PLACES / 64;

/// Calm traffic of unknown clients.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Calm {
    /// The last full minutes of calm.
    minutes: VecDeque<Minute>,
    /// The minute that is being filled, and how many of its seconds have passed.
    minute: Reservoir,
    requests: u64,
    seconds: u64,
    /// The hour of the week that is being filled, and its requests.
    hour: Option<u8>,
    filling: Reservoir,
    /// Earlier weeks, by hour of the week.
    hours: Vec<Rows>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Minute {
    rows: Rows,
    requests: u64,
}

impl Calm {
    pub(super) fn new() -> Self {
        Self {
            minutes: VecDeque::new(),
            minute: Reservoir::new(MINUTE_PLACES),
            requests: 0,
            seconds: 0,
            hour: None,
            filling: Reservoir::new(HOUR_PLACES),
            hours: vec![Rows::default(); HOURS],
        }
    }

    /// Fills all hours with these samples, each with others as far as there are enough; about 16,000 fill all that is
    /// looked at together.
    pub(super) fn warm(&mut self, samples: &[Sample], per_second: u64, calm: &Dictionary, dice: &mut Dice) {
        let mut all = Rows::default();
        samples.iter().for_each(|sample| all.push(&sample.values, calm));
        let order = dice.indices(samples.len(), samples.len());
        let mut ring = order.iter().copied().cycle();
        let mut draw = |count: usize| {
            let mut rows = Rows::default();
            let places: Vec<usize> = ring.by_ref().take(count.min(samples.len())).collect();
            rows.extend(&all, &places);
            rows
        };
        let requests = per_second.saturating_mul(MINUTE);
        for _ in 0..MINUTES {
            self.minutes.push_back(Minute { rows: draw(MINUTE_PLACES), requests });
        }
        self.hours.iter_mut().for_each(|hour| *hour = draw(HOUR_PLACES));
    }

    /// Notes the hour; what was drawn in the hour before joins that of its earlier weeks.
    pub(super) fn turn(&mut self, hour: Option<u8>, dice: &mut Dice) {
        let hour = hour.filter(|hour| usize::from(*hour) < HOURS);
        if hour == self.hour || hour.is_none() {
            return;
        }
        if let Some(past) = self.hour {
            let drawn = self.filling.take();
            let slot = &mut self.hours[usize::from(past)];
            *slot = blend(slot, &drawn, dice);
        }
        self.hour = hour;
    }

    /// Learns one second of calm with so many requests, of which `values` were drawn evenly.
    pub(super) fn learn(
        &mut self,
        values: &[Values],
        requests: u64,
        is_clear_hour: bool,
        calm: &Dictionary,
        dice: &mut Dice,
    ) {
        let weight = requests.saturating_mul(WEIGHT_PARTS) / (values.len() as u64).max(1);
        for values in values {
            self.minute.offer(values, weight, calm, dice);
            if is_clear_hour {
                self.filling.offer(values, weight, calm, dice);
            }
        }
        self.requests = self.requests.saturating_add(requests);
        self.seconds += 1;
        if self.seconds == MINUTE {
            let (rows, requests) = (self.minute.take(), std::mem::take(&mut self.requests));
            self.minutes.push_back(Minute { rows, requests });
            self.seconds = 0;
            if self.minutes.len() > MINUTES {
                self.minutes.pop_front();
            }
        }
    }

    /// The lists that are looked at now, each with the words of bits that it takes.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Rows, usize)> {
        let minutes = self.minutes.iter().map(|minute| (&minute.rows, MINUTE_PLACES / 64));
        let hours = self.hour.into_iter().flat_map(move |hour| {
            HOURS_USED
                .iter()
                .map(move |ahead| (&self.hours[(usize::from(hour) + ahead) % HOURS], HOUR_PLACES / 64))
        });
        minutes.chain(hours)
    }

    /// How many requests these lists hold.
    pub(super) fn len(&self) -> u64 {
        self.parts().map(|(rows, _)| rows.len() as u64).sum()
    }

    /// Requests per second in the last hour of calm.
    pub(super) fn volume(&self) -> Finite {
        let requests: u64 = self.minutes.iter().map(|minute| minute.requests).sum();
        Finite::count(requests) / Finite::count(self.minutes.len() as u64 * MINUTE)
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let minutes: usize = self.minutes.iter().map(|minute| minute.rows.bytes()).sum();
        let hours: usize = self.hours.iter().map(Rows::bytes).sum();
        minutes + hours + self.minute.rows.bytes() + self.filling.rows.bytes()
    }
}

/// Half of each, more of one where the other has less: so a week counts half as much as the one after it.
fn blend(old: &Rows, new: &Rows, dice: &mut Dice) -> Rows {
    let half = HOUR_PLACES / 2;
    let of_old = old.len().min(HOUR_PLACES - new.len().min(half));
    let of_new = new.len().min(HOUR_PLACES - of_old);
    let mut blended = Rows::default();
    blended.extend(old, &dice.indices(old.len(), of_old));
    blended.extend(new, &dice.indices(new.len(), of_new));
    blended
}

/// Hours of a week.
pub(super) const HOURS: usize = 168;
/// Requests that are kept of each hour of the week.
const HOUR_PLACES: usize = 1_024;
/// The hours that are looked at, from the present one on: this one, the next, a day later and a day before.
const HOURS_USED: [usize; 4] = [0, 1, 24, HOURS - 24];
/// What a weight of 1 is counted as, because weights are fractions.
const WEIGHT_PARTS: u64 = 256;
/// Seconds of a minute.
const MINUTE: u64 = 60;
/// Minutes that make up the last hour of calm, and the requests of each: 64 fill a word.
const MINUTES: usize = 64;
const MINUTE_PLACES: usize = 64;

#[cfg(test)]
mod tests {
    use model::{Attribute, Condition, Test};

    use super::*;

    fn values(path: u64) -> Values {
        let mut values = Values::default();
        values.set(Attribute::Path, path);
        values
    }

    fn share_of(calm: &Calm, path: u64) -> (u64, u64) {
        let mut hits = 0;
        for (rows, words) in calm.parts() {
            let mut found = vec![0; words];
            rows.find(Condition { attribute: Attribute::Path, test: Test::Is(path) }, &mut found);
            hits += found.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
        (hits, calm.len())
    }

    #[test]
    fn each_request_of_a_minute_has_the_same_chance() {
        let (mut calm, mut dice) = (Calm::new(), Dice::new(1));
        let calm_second = vec![values(1); 21];
        let busy_second: Vec<Values> = (0..21).map(|i| values(1 + i % 3 % 2)).collect();
        for second in 0..64 * 60 {
            // Every other second brings three times as many requests, a third of them another path.
            let (values, requests) = if second % 2 == 0 { (&calm_second, 20) } else { (&busy_second, 60) };
            calm.learn(values, requests, false, &Dictionary::default(), &mut dice);
        }
        let (hits, of) = share_of(&calm, 2);
        assert_eq!(of, 4_096);
        assert!((950..1_100).contains(&hits), "a quarter of the requests: {hits}");
        assert_eq!(calm.volume(), Finite::new(40.0));
    }

    #[test]
    fn the_same_hour_of_an_earlier_week_is_looked_at_and_fades_by_half_a_week() {
        let (mut calm, mut dice) = (Calm::new(), Dice::new(1));
        let mut hour = |calm: &mut Calm, hour: u8, path: u64| {
            calm.turn(Some(hour), &mut dice);
            for _ in 0..1_100 {
                calm.learn(&[values(path)], 1, true, &Dictionary::default(), &mut dice);
            }
        };
        hour(&mut calm, 5, 7);
        hour(&mut calm, 6, 8);
        hour(&mut calm, 5, 9);
        let rows = |calm: &Calm| calm.hours.iter().map(Rows::len).sum::<usize>();
        assert_eq!(rows(&calm), 2_048);
        hour(&mut calm, 50, 1);
        calm.minutes.clear();
        hour(&mut calm, 5, 1);
        calm.minutes.clear();
        let (of_first, of) = share_of(&calm, 7);
        assert_eq!((of_first, of), (512, 2_048), "hours 5 and 6, of hour 5 half from the week before");
    }

    #[test]
    fn an_hour_that_is_not_clear_is_not_learnt() {
        let (mut calm, mut dice) = (Calm::new(), Dice::new(1));
        calm.turn(Some(3), &mut dice);
        calm.turn(None, &mut dice);
        calm.learn(&[values(1)], 1, false, &Dictionary::default(), &mut dice);
        calm.turn(Some(4), &mut dice);
        assert!(calm.hours.iter().all(|rows| rows.len() == 0));
    }
}
