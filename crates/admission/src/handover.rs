//! What a process leaves to the one that takes its place: named rows of 64-bit words.
//!
//! One plain format for tables, switches and numbers alike, so that a newer process may leave out what it does not know
//! and begin anew with what it does not find. Nothing in it is secret from the successor, and nobody else reads it.

use std::collections::BTreeMap;

/// The estate of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handover {
    parts: BTreeMap<String, Vec<u64>>,
}

/// The bytes are no estate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HandoverError {
    /// Another format.
    #[error("what the earlier process left has a format that this one does not know")]
    Format,
    /// It ends too early, or counts more than there is.
    #[error("what the earlier process left is damaged")]
    Damaged,
}

impl Handover {
    /// Adds a part; one of the same name is replaced.
    pub fn put(&mut self, name: &str, words: impl IntoIterator<Item = u64>) {
        self.parts.insert(name.to_owned(), words.into_iter().collect());
    }

    /// Adds a part of bytes: their number, then eight to a word.
    pub fn put_bytes(&mut self, name: &str, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let words = words.iter().chain([&last]).map(|word| u64::from_be_bytes(*word));
        self.put(name, [bytes.len() as u64].into_iter().chain(words));
    }

    /// A part of bytes; `None` if there is none, or it is something else.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let (&length, words) = self.words(name).split_first()?;
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let length = usize::try_from(length).ok().filter(|&length| length <= bytes.len())?;
        bytes.truncate(length);
        Some(bytes)
    }

    /// The words of a part; none if there is no such part.
    pub fn words(&self, name: &str) -> &[u64] {
        self.parts.get(name).map_or(&[], Vec::as_slice)
    }

    /// A part of exactly `N` words.
    pub fn array<const N: usize>(&self, name: &str) -> Option<[u64; N]> {
        self.words(name).try_into().ok()
    }

    /// A part that is rows of `N` words; an incomplete last row is left out.
    pub fn rows<const N: usize>(&self, name: &str) -> &[[u64; N]] {
        self.words(name).as_chunks().0
    }

    /// As bytes: magic, then for each part its name's length and name, its number of words, and the words.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, words) in &self.parts {
            let name = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(&(words.len() as u64).to_be_bytes());
            words.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
        }
        bytes
    }

    /// From bytes. Memory is bounded by their number.
    ///
    /// # Errors
    /// See [`HandoverError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HandoverError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(HandoverError::Format)?;
        let mut parts = BTreeMap::new();
        while let Some((&length, after)) = rest.split_first() {
            let (name, after) = after.split_at_checked(length.into()).ok_or(HandoverError::Damaged)?;
            let (count, after) = after.split_first_chunk().ok_or(HandoverError::Damaged)?;
            let length = usize::try_from(u64::from_be_bytes(*count)).ok().and_then(|n| n.checked_mul(8));
            let (words, after) =
                length.and_then(|n| after.split_at_checked(n)).ok_or(HandoverError::Damaged)?;
            let words = words.as_chunks().0.iter().map(|word| u64::from_be_bytes(*word)).collect();
            parts.insert(String::from_utf8_lossy(name).into_owned(), words);
            rest = after;
        }
        Ok(Self { parts })
    }
}

const MAGIC: &[u8] = b"portcullis handover 1\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(parts in proptest::collection::btree_map("[a-z.]{0,20}", proptest::collection::vec(any::<u64>(), 0..20), 0..8)) {
            let handover = Handover { parts };
            prop_assert_eq!(Handover::decode(&handover.encode()), Ok(handover));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
            let _result = Handover::decode(&bytes);
            let with_magic: Vec<u8> = MAGIC.iter().chain(&bytes).copied().take(MAGIC.len() + cut).collect();
            let _result = Handover::decode(&with_magic);
        }
    }

    #[test]
    fn a_count_beyond_the_bytes_is_damage() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(b"\x01a");
        bytes.extend_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(Handover::decode(&bytes), Err(HandoverError::Damaged));
        assert_eq!(Handover::decode(b"something else"), Err(HandoverError::Format));
    }

    #[test]
    fn bytes_come_back_as_they_were() {
        let mut estate = Handover::default();
        for length in 0..20_u8 {
            let bytes: Vec<u8> = (0..length).collect();
            estate.put_bytes("part", &bytes);
            assert_eq!(estate.bytes("part"), Some(bytes));
        }
        estate.put("part", [900, 1]);
        assert_eq!(estate.bytes("part"), None, "it counts more than there is");
        assert_eq!(estate.bytes("nothing"), None);
    }
}
