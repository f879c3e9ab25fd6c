//! Parts of wide numbers, for tables of atomic words.

/// The high and the low half.
pub(crate) const fn halves(wide: u128) -> [u64; 2] {
    [low_u64(wide >> 64), low_u64(wide)]
}

/// The low 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low part is what is wanted")]
pub(crate) const fn low_u64(wide: u128) -> u64 {
    wide as u64
}

/// The low 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low part is what is wanted")]
pub(crate) const fn low_u32(wide: u64) -> u32 {
    wide as u32
}
