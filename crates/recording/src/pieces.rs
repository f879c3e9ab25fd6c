//! Reading.

use admission::core::{ALGORITHM, Core, Posture};
use model::{Instant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::RecordingError;
use crate::block::{self, Kind};
use crate::recorder::{STEPS_PER_BLOCK_MAX, Steps, VERSION_BYTES_MAX};
use crate::step::Frame;

/// What a segment begins with.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Header {
    /// See [`admission::core::ALGORITHM`].
    pub algorithm: u32,
    /// The product's version, in printable ASCII.
    pub version: String,
    /// Which site, by a pseudonym.
    pub site: u64,
    /// Which process, by a random number: another one counts its steps anew.
    pub run: u64,
    /// When the segment began, in milliseconds since 1970.
    pub begun: u64,
    /// The same by the process's own clock.
    pub at: Instant,
    /// The number of the first step.
    pub next: u64,
}

/// A core that was written down.
#[derive(Clone, Debug)]
pub struct Snapshot {
    bytes: Vec<u8>,
    algorithm: u32,
    version: String,
    /// Where its block begins.
    at: usize,
}

/// A part of a recording.
#[derive(Debug)]
pub enum Piece {
    /// A segment begins.
    Header(Header),
    /// The core as it was then.
    Snapshot(Snapshot),
    /// What was in force then; not in recordings, but beside them, for the next start.
    Posture(Box<Posture>),
    /// Steps that followed.
    Steps(Vec<Frame>),
}

/// Reads a recording piece by piece. Memory is bounded by that of one block, whatever the bytes say; after an error there is
/// nothing more.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
    /// That of the segment which is being read.
    header: Option<Header>,
}

impl<'a> Pieces<'a> {
    /// Nothing is read yet.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, header: None }
    }

    fn read(&mut self) -> Result<Option<Piece>, RecordingError> {
        let at = self.at;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let Some(block) = block::take(rest, at)? else {
            return if at == 0 { Err(RecordingError::Foreign) } else { Ok(None) };
        };
        self.at = at + block.bytes;
        let damaged = |what| RecordingError::Damaged { at, what };
        let content = &block.content[..];
        if block.kind == Kind::Header {
            let header = header(content).map_err(damaged)?;
            self.header = Some(header.clone());
            return Ok(Some(Piece::Header(header)));
        }
        let header = self.header.as_ref().ok_or_else(|| damaged("it does not begin with a header"))?;
        let foreign = || RecordingError::Algorithm {
            theirs: header.algorithm,
            ours: ALGORITHM,
            version: header.version.clone(),
        };
        let unreadable = |what| if header.algorithm == ALGORITHM { damaged(what) } else { foreign() };
        let piece = match block.kind {
            Kind::Header | Kind::Snapshot => Piece::Snapshot(Snapshot {
                bytes: block.content,
                algorithm: header.algorithm,
                version: header.version.clone(),
                at,
            }),
            Kind::Posture => {
                let posture = exactly(content);
                Piece::Posture(posture.ok_or_else(|| unreadable("what was in force cannot be read"))?)
            }
            Kind::Steps => Piece::Steps(steps(content).ok_or_else(|| unreadable("steps cannot be read"))?),
        };
        Ok(Some(piece))
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<Piece, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() && self.at > 0 {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.at = self.bytes.len().max(1);
        }
        read.transpose()
    }
}

impl Header {
    /// When the segment began.
    pub const fn begun(&self) -> Timestamp {
        Timestamp::from_millis(self.begun)
    }
}

impl Snapshot {
    /// The core.
    ///
    /// # Errors
    /// [`RecordingError::Algorithm`] if it was written by a core that keeps other things, else [`RecordingError::Damaged`].
    pub fn core(&self) -> Result<Core, RecordingError> {
        exactly(&self.bytes).ok_or_else(|| {
            if self.algorithm == ALGORITHM {
                RecordingError::Damaged { at: self.at, what: "the snapshot cannot be read" }
            } else {
                let (theirs, version) = (self.algorithm, self.version.clone());
                RecordingError::Algorithm { theirs, ours: ALGORITHM, version }
            }
        })
    }

    /// Whether a core is the one that was written, to the last bit.
    pub fn is_of(&self, core: &Core) -> bool {
        postcard::to_allocvec(core).is_ok_and(|bytes| bytes == self.bytes)
    }
}

/// A header, or what is wrong with it.
fn header(content: &[u8]) -> Result<Header, &'static str> {
    let header: Header = exactly(content).ok_or("its header cannot be read")?;
    if header.version.len() > VERSION_BYTES_MAX {
        return Err("its header is larger than any can be");
    }
    // It is shown to people: what a stranger has written there must not steer a terminal.
    if !header.version.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("its header names no version");
    }
    Ok(header)
}

fn steps(content: &[u8]) -> Option<Vec<Frame>> {
    if content.len() > STEPS_BYTES_MAX {
        return None;
    }
    let Steps { table, steps } = exactly(content)?;
    let (values, rest) = table.as_chunks::<8>();
    let fits = rest.is_empty() && steps.len() <= STEPS_PER_BLOCK_MAX;
    fits.then_some(())?;
    let values: Vec<u64> = values.iter().map(|value| u64::from_le_bytes(*value)).collect();
    steps.into_iter().map(|step| step.frame(&values)).collect()
}

/// A value that takes all the bytes.
fn exactly<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

/// Content of a block of steps at most: twenty steps with 512 samples, none of which share a value.
const STEPS_BYTES_MAX: usize = 8 << 20;
