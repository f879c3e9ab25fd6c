//! Requests in columns, with 16 bits left of each value, so that 180,000 of them fit in 8 MiB.
//!
//! Two values of an attribute have the same mark with probability 2⁻¹⁶; that can only make a rule look more harmful
//! than it is, because marks are counted where harm is, and the rules themselves compare whole values.

use model::{Attribute, Condition, Dictionary, Test, Tier, Values};
use serde::{Deserialize, Serialize};

/// Requests: for each attribute the marks of its values, and which of them were new.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Rows {
    marks: Vec<Vec<u16>>,
    /// One bit for each attribute, by its number.
    new: Vec<u32>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { marks: vec![Vec::new(); Attribute::COUNT], new: Vec::new() }
    }
}

impl Rows {
    pub(super) const fn len(&self) -> usize {
        self.new.len()
    }

    pub(super) fn push(&mut self, values: &Values, calm: &Dictionary) {
        for (attribute, marks) in Attribute::ALL.iter().zip(&mut self.marks) {
            marks.push(mark(values.get(*attribute)));
        }
        self.new.push(new_bits(values, calm));
    }

    /// The same for what comes from a client of this tier: that which no rule may hold against it is nothing new.
    pub(super) fn push_for(&mut self, tier: Tier, values: &Values, calm: &Dictionary) {
        self.push(values, calm);
        if let Some(new) = self.new.last_mut() {
            *new &= concerning(tier);
        }
    }

    pub(super) fn set(&mut self, place: usize, values: &Values, calm: &Dictionary) {
        for (attribute, marks) in Attribute::ALL.iter().zip(&mut self.marks) {
            marks[place] = mark(values.get(*attribute));
        }
        self.new[place] = new_bits(values, calm);
    }

    /// Adds these rows of another list.
    pub(super) fn extend(&mut self, from: &Self, places: &[usize]) {
        for (marks, others) in self.marks.iter_mut().zip(&from.marks) {
            marks.extend(places.iter().map(|place| others[*place]));
        }
        self.new.extend(places.iter().map(|place| from.new[*place]));
    }

    /// Replaces one row by one of another list.
    pub(super) fn replace(&mut self, place: usize, from: &Self, other: usize) {
        for (marks, others) in self.marks.iter_mut().zip(&from.marks) {
            marks[place] = others[other];
        }
        self.new[place] = from.new[other];
    }

    /// Sets the bit of each row for which a condition holds, in `words` from the lowest bit of the first word on. Rows
    /// beyond the end of `words` are left out.
    pub(super) fn find(&self, condition: Condition, words: &mut [u64]) {
        match condition.test {
            Test::Is(value) => {
                let wanted = mark(value);
                let marks = &self.marks[condition.attribute.index()];
                for (word, marks) in words.iter_mut().zip(marks.chunks(64)) {
                    *word = pack(marks, |mark| *mark == wanted);
                }
            }
            Test::New => {
                let bit = 1 << condition.attribute.index();
                for (word, new) in words.iter_mut().zip(self.new.chunks(64)) {
                    *word = pack(new, |new| new & bit != 0);
                }
            }
        }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let marks: usize = self.marks.iter().map(|marks| marks.capacity() * size_of::<u16>()).sum();
        marks + self.new.capacity() * size_of::<u32>() + self.marks.capacity() * size_of::<Vec<u16>>()
    }
}

/// One bit for each row of at most 64. Eight at a time, which the compiler turns into wide instructions.
fn pack<T>(rows: &[T], holds: impl Fn(&T) -> bool) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, row) in flags.iter_mut().zip(rows) {
        *flag = u8::from(holds(row));
    }
    let mut word = 0;
    for (place, eight) in flags.chunks_exact(8).enumerate() {
        let eight = eight.iter().rev().fold(0_u64, |all, flag| all << 8 | u64::from(*flag));
        word |= (eight.wrapping_mul(GATHER) >> 56) << (8 * place);
    }
    word
}

/// Multiplied with eight bytes of 0 or 1, it gathers them in the highest byte.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// What is left of a value: 0 of what is absent, something else of all others.
fn mark(value: u64) -> u16 {
    if value == 0 {
        return 0;
    }
    // The values are hashes already; the multiplication serves those of tests. 2⁶⁴ divided by the golden ratio.
    let mixed = value.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    u16::try_from(mixed).unwrap_or(u16::MAX).max(1)
}

/// Which values are new. What was never learnt counts as new here: a rule that asks for novelty then looks more harmful
/// than it is.
fn new_bits(values: &Values, calm: &Dictionary) -> u32 {
    Attribute::ALL.iter().fold(0, |bits, attribute| {
        let value = values.get(*attribute);
        let new = value != 0 && (calm.is_new(*attribute, value) || !calm.is_learnt(*attribute));
        bits | u32::from(new) << attribute.index()
    })
}

/// The attributes of which it may be held against a client of this tier that they are new.
fn concerning(tier: Tier) -> u32 {
    let each = Attribute::ALL.into_iter();
    let each = each.filter(|attribute| Condition { attribute: *attribute, test: Test::New }.concerns(tier));
    each.fold(0, |bits, attribute| bits | 1 << attribute.index())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_network_is_new_is_nothing_that_describes_who_signs_in() {
        let calm = Dictionary::new(vec![vec![1]; Attribute::COUNT]);
        let mut values = Values::default();
        Attribute::ALL.into_iter().for_each(|attribute| values.set(attribute, 2));
        let mut rows = Rows::default();
        for tier in [Tier::T3, Tier::T5] {
            rows.push_for(tier, &values, &calm);
        }
        for attribute in Attribute::ALL {
            let mut words = [0];
            rows.find(Condition { attribute, test: Test::New }, &mut words);
            let is_origin =
                matches!(attribute, Attribute::Network | Attribute::WideNetwork | Attribute::Country);
            assert_eq!(words[0], if is_origin { 0b10 } else { 0b11 }, "{attribute:?}");
            rows.find(Condition { attribute, test: Test::Is(2) }, &mut words);
            assert_eq!(words[0], 0b11, "the network itself may be named: {attribute:?}");
        }
    }

    #[test]
    fn a_bit_stands_for_each_row_that_a_condition_holds_for() {
        let mut known = vec![Vec::new(); Attribute::COUNT];
        known[Attribute::Path.index()] = vec![1, 2, 3];
        let calm = Dictionary::new(known);
        let mut rows = Rows::default();
        for i in 0..150_u64 {
            let mut values = Values::default();
            values.set(Attribute::Path, i % 5);
            rows.push(&values, &calm);
        }
        let mut words = [u64::MAX; 4];
        rows.find(Condition { attribute: Attribute::Path, test: Test::Is(3) }, &mut words);
        let expected = |wanted: u64| {
            let mut words = [0_u64; 3];
            (0..150_usize).filter(|i| *i as u64 % 5 == wanted).for_each(|i| words[i / 64] |= 1 << (i % 64));
            words
        };
        assert_eq!(words[..3], expected(3));
        assert_eq!(words[3], u64::MAX, "beyond the rows nothing is written");
        rows.find(Condition { attribute: Attribute::Path, test: Test::New }, &mut words);
        assert_eq!(words[..3], expected(4), "0 is absent, 1 to 3 were learnt");
        rows.find(Condition { attribute: Attribute::Path, test: Test::Is(0) }, &mut words);
        assert_eq!(words[..3], expected(0));
    }
}
