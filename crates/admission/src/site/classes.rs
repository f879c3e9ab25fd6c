//! Route classes: requests that cost the app alike.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use siphasher::sip::SipHasher13;

/// Route classes that are told apart (decision-science, section 11). Class 0 is everything else.
pub const CLASSES: usize = 256;

/// A fixed table of route classes and what a request of each costs.
///
/// A class is a method and the first two segments of a path, numbers and long identifiers taken as one. Only calm,
/// successful answers of the app found a class: invented paths share class 0, and an attack cannot fill the table.
pub struct Classes {
    key: u64,
    hashes: Box<[AtomicU64]>,
    cost_micros: Box<[AtomicU32]>,
}

impl Classes {
    /// An empty table.
    pub fn new(key: u64) -> Self {
        Self {
            key,
            hashes: (0..CLASSES).map(|_| AtomicU64::new(0)).collect(),
            cost_micros: (0..CLASSES).map(|_| AtomicU32::new(COST_UNKNOWN_MICROS)).collect(),
        }
    }

    /// The class of a request; 0 if it has none of its own.
    pub fn of(&self, method: &str, path: &str) -> u8 {
        let hash = self.hash(method, path);
        self.places(hash).find(|&place| self.hashes[place].load(Relaxed) == hash).map_or(0, to_class)
    }

    /// Founds the class of a request that the app served well in calm, if there is room.
    pub fn found(&self, method: &str, path: &str) -> u8 {
        let hash = self.hash(method, path);
        for place in self.places(hash) {
            match self.hashes[place].compare_exchange(0, hash, Relaxed, Relaxed) {
                Ok(_) => return to_class(place),
                Err(there) if there == hash => return to_class(place),
                Err(_) => {}
            }
        }
        0
    }

    /// What a request of a class costs the app, in microseconds of service.
    pub fn cost_micros(&self, class: u8) -> u64 {
        self.cost_micros[usize::from(class)].load(Relaxed).into()
    }

    /// [`Classes::cost_micros`], if it was measured.
    pub fn known_cost_micros(&self, class: u8) -> Option<u64> {
        let micros = self.cost_micros[usize::from(class)].load(Relaxed);
        (class != 0 && micros != COST_UNKNOWN_MICROS).then_some(micros.into())
    }

    /// Sets what a request of a class costs, in milliseconds, from calm answers.
    pub fn set_cost(&self, class: usize, millis: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to an hour")]
        let micros = (millis.clamp(0.05, 3_600_000.0) * 1_000.0) as u32;
        self.cost_micros[class].store(micros, Relaxed);
    }

    /// The classes, for a successor: place, hash, cost.
    pub(super) fn rows(&self) -> Vec<u64> {
        let row = |place: usize| {
            [place as u64, self.hashes[place].load(Relaxed), self.cost_micros[place].load(Relaxed).into()]
        };
        (0..CLASSES).flat_map(row).collect()
    }

    /// Goes on with the classes of a predecessor with the same key.
    pub(super) fn take_over(&self, rows: &[[u64; 3]]) {
        for &[place, hash, micros] in rows {
            if let Some(place) = usize::try_from(place).ok().filter(|&place| place < CLASSES) {
                self.hashes[place].store(hash, Relaxed);
                self.cost_micros[place].store(u32::try_from(micros).unwrap_or(COST_UNKNOWN_MICROS), Relaxed);
            }
        }
    }

    /// The places that a hash may take: a few neighbours, never place 0.
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> {
        (0..PROBES).map(move |step| 1 + (usize::try_from(hash & 0xFFFF).unwrap_or(0) + step) % (CLASSES - 1))
    }

    fn hash(&self, method: &str, path: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key, !self.key);
        hasher.write(method.as_bytes());
        let mut segments = path.split('/').skip(1);
        for segment in segments.by_ref().take(SEGMENTS) {
            hasher.write_u8(b'/');
            if is_identifier(segment) { hasher.write_u8(b'*') } else { hasher.write(segment.as_bytes()) }
        }
        hasher.write_u8(u8::from(segments.next().is_some()));
        hasher.finish().max(1)
    }
}

/// Numbers, hexadecimal identifiers and long words stand for one of many things of a kind.
fn is_identifier(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    !bytes.is_empty()
        && (digits == bytes.len() || bytes.len() > 32 || (bytes.len() >= 8 && digits * 4 >= bytes.len()))
}

fn to_class(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(0)
}

/// What an unknown class costs until 100 answers are known (decision-science, section 0.6): 100 ms.
const COST_UNKNOWN_MICROS: u32 = 100_000;
const SEGMENTS: usize = 2;
const PROBES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_of_a_kind_share_a_class() {
        let classes = Classes::new(7);
        let event = classes.found("GET", "/event/123");
        assert_ne!(event, 0);
        assert_eq!(classes.of("GET", "/event/98765"), event);
        assert_eq!(classes.of("GET", "/event/7f9c24e8a1b2"), event);
        assert_ne!(classes.of("POST", "/event/123"), event);
        assert_eq!(classes.of("GET", "/never/seen"), 0);
    }

    #[test]
    fn a_full_table_puts_the_rest_into_class_zero() {
        let classes = Classes::new(7);
        let founded = (0..10_000).filter(|n| classes.found("GET", &format!("/p{n}x/y")) != 0).count();
        assert!(founded < CLASSES);
        assert!(founded > CLASSES / 2);
    }
}
