//! Blocks: a kind, two lengths, a checksum, and compressed bytes.

use std::hash::Hasher;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use siphasher::sip::SipHasher13;

use crate::RecordingError;

/// What a block holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    Header = 1,
    Snapshot = 2,
    Steps = 3,
    Posture = 4,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Header, Self::Snapshot, Self::Steps, Self::Posture];
}

/// A block that was read: its kind, its content, and how many bytes it took.
pub(crate) struct Block {
    pub(crate) kind: Kind,
    pub(crate) content: Vec<u8>,
    pub(crate) bytes: usize,
}

/// Adds a block to `to`. Content beyond [`BLOCK_BYTES_MAX`] is left out, and the result says so.
pub(crate) fn put(to: &mut Vec<u8>, kind: Kind, content: &[u8], level: u8) -> bool {
    if content.len() > BLOCK_BYTES_MAX {
        return false;
    }
    let packed = compress_to_vec(content, level);
    let (Ok(length), Ok(packed_length)) = (u32::try_from(content.len()), u32::try_from(packed.len())) else {
        return false;
    };
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(MAGIC);
    head[4] = kind as u8;
    head[5..9].copy_from_slice(&length.to_le_bytes());
    head[9..13].copy_from_slice(&packed_length.to_le_bytes());
    let check = check(&head[..13], &packed);
    head[13..].copy_from_slice(&check.to_le_bytes());
    to.extend_from_slice(&head);
    to.extend_from_slice(&packed);
    true
}

/// Reads the first block of `rest`, which begins at byte `at` of the whole; `None` at the end.
pub(crate) fn take(rest: &[u8], at: usize) -> Result<Option<Block>, RecordingError> {
    let Some((kind, length, packed)) = frame(rest, at)? else { return Ok(None) };
    let damaged = |what| RecordingError::Damaged { at, what };
    let content =
        decompress_to_vec_with_limit(packed, length).map_err(|_| damaged("it cannot be unpacked"))?;
    if content.len() != length {
        return Err(damaged("its length is another one"));
    }
    Ok(Some(Block { kind, content, bytes: HEAD_BYTES + packed.len() }))
}

/// How many bytes from the beginning are whole blocks: a file whose writer was killed may end in the middle of one.
pub fn whole(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Ok(Some((_, _, packed))) = frame(&bytes[at..], at) {
        at += HEAD_BYTES + packed.len();
    }
    at
}

/// Kind, length of the content, packed content.
type Packed<'a> = (Kind, usize, &'a [u8]);

/// The first block without unpacking it.
fn frame(rest: &[u8], at: usize) -> Result<Option<Packed<'_>>, RecordingError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let damaged = |what| RecordingError::Damaged { at, what };
    let begins = rest.len().min(MAGIC.len() - 1);
    if rest[..begins] != MAGIC[..begins] {
        return Err(if at == 0 { RecordingError::Foreign } else { damaged("no block begins here") });
    }
    let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() else {
        return Err(RecordingError::CutShort { at });
    };
    if head[3] != MAGIC[3] {
        return Err(RecordingError::Format { found: head[3].into(), known: MAGIC[3].into() });
    }
    let number = |from: usize| {
        let bytes = head[from..].first_chunk().copied().unwrap_or_default();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
    };
    let (length, packed_length) = (number(5), number(9));
    if length > BLOCK_BYTES_MAX || packed_length > PACKED_BYTES_MAX {
        return Err(damaged("a block is larger than any can be"));
    }
    let packed = after.get(..packed_length).ok_or(RecordingError::CutShort { at })?;
    if head[13..] != check(&head[..13], packed).to_le_bytes() {
        return Err(damaged("its checksum is another one"));
    }
    let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == head[4]);
    Ok(Some((kind.ok_or_else(|| damaged("its kind is unknown"))?, length, packed)))
}

/// Tells damage, not malice: who can write a recording can write its checksums.
fn check(head: &[u8], packed: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(head);
    hasher.write(packed);
    hasher.finish()
}

/// The last one is the version of the format.
const MAGIC: &[u8; 4] = b"prt1";
/// Magic, kind, length, packed length, checksum.
const HEAD_BYTES: usize = 21;
/// Bytes of the content of one block at most: what a core learns is below 24 MiB in memory.
pub const BLOCK_BYTES_MAX: usize = 48 << 20;
/// What cannot be compressed grows by less than a thousandth.
const PACKED_BYTES_MAX: usize = BLOCK_BYTES_MAX + (BLOCK_BYTES_MAX >> 8) + 64;
