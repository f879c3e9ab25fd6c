//! How much came, and whether it is what was sent.

use std::fmt;

/// A count of bytes, and a sum in which the place of each byte counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checksum {
    bytes: u64,
    sum: u64,
    /// Less than a word.
    rest: Vec<u8>,
}

impl Checksum {
    /// Takes the next bytes, in pieces of any length.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.rest.extend_from_slice(bytes);
        // By words: a build for tests takes seconds for so many bytes one by one.
        let (words, rest) = self.rest.as_chunks::<8>();
        self.sum = words.iter().fold(self.sum, |sum, word| mix(sum, u64::from_le_bytes(*word)));
        self.rest = rest.to_vec();
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = self.rest.iter().fold(self.sum, |sum, byte| mix(sum, u64::from(*byte)));
        write!(out, "{} bytes, sum {sum:016x}", self.bytes)
    }
}

/// As FNV-1a does it with bytes.
fn mix(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(0x0000_0100_0000_01B3)
}

#[test]
fn a_sum_is_the_same_for_all_pieces_and_another_for_another_order() {
    let of = |pieces: &[&[u8]]| {
        let mut sum = Checksum::default();
        pieces.iter().for_each(|piece| sum.add(piece));
        sum.to_string()
    };
    let whole = of(&[b"twenty-one bytes here"]);
    assert!(whole.starts_with("21 bytes, sum "), "{whole}");
    assert_eq!(of(&[b"twe", b"", b"nty-one bytes h", b"ere"]), whole);
    assert_ne!(of(&[b"twenty-one bytes hree"]), whole);
    assert_ne!(of(&[b"one bytetwenty-s here"]), whole);
}
