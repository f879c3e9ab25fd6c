//! Recent requests of known clients (set K of decision-science, section 6): a rule must not describe them.

use model::{Dictionary, Sample, Tier};
use serde::{Deserialize, Serialize};

use super::dice::Dice;
use super::rows::Rows;
use super::samples::even;

/// Words of bits that they take.
pub(super) const CUSTOMER_WORDS: usize = PLACES / 64;

/// The last requests of T1 and T2, a few of each second.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Customers {
    pub(super) rows: Rows,
    /// The place that is written next once all are full.
    next: usize,
}

impl Customers {
    /// Draws some requests of a second; also during an attack, so that what customers do in it counts.
    pub(super) fn learn(&mut self, samples: &[Sample], calm: &Dictionary, dice: &mut Dice) {
        self.draw(samples, PER_SECOND, calm, dice);
    }

    /// Fills all places.
    pub(super) fn warm(&mut self, samples: &[Sample], calm: &Dictionary, dice: &mut Dice) {
        self.draw(samples, PLACES, calm, dice);
    }

    fn draw(&mut self, samples: &[Sample], count: usize, calm: &Dictionary, dice: &mut Dice) {
        // Admins and monitors (T0) are no customers: there are few, and they look like nobody else.
        let customers = samples.iter().filter(|sample| matches!(sample.tier, Tier::T1 | Tier::T2));
        let customers: Vec<Sample> = customers.copied().collect();
        let mut drawn = Rows::default();
        even(&customers, count, dice).iter().for_each(|sample| drawn.push(&sample.values, calm));
        for place in 0..drawn.len() {
            if self.rows.len() < PLACES {
                self.rows.extend(&drawn, &[place]);
            } else {
                self.rows.replace(self.next, &drawn, place);
                self.next = (self.next + 1) % PLACES;
            }
        }
    }
}

/// Requests that are kept.
const PLACES: usize = 4_096;
/// Requests that are drawn of a second: they reach back eight and a half minutes or more.
const PER_SECOND: usize = 8;
