//! Writing.

use admission::core::{ALGORITHM, Core, Posture, Taken};
use model::{Instant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::block::{self, Kind};
use crate::digest::Digester;
use crate::pieces::Header;
use crate::samples::Table;
use crate::step::Wire;

/// Makes the bytes of segments. Memory is that of one block.
#[derive(Debug)]
pub struct Recorder {
    version: String,
    site: u64,
    run: u64,
    digester: Digester,
    table: Table,
    waiting: Vec<Wire>,
}

/// The content of a block of steps.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Steps {
    /// Eight bytes for each value.
    pub(crate) table: Vec<u8>,
    pub(crate) steps: Vec<Wire>,
}

impl Recorder {
    /// For a site, by a pseudonym, and a process, by a random number. Of the product's version 64 bytes are written; only one in
    /// printable ASCII without blanks is read again.
    pub fn new(version: &str, site: u64, run: u64) -> Self {
        let version = version[..version.floor_char_boundary(VERSION_BYTES_MAX)].to_owned();
        let (digester, table) = (Digester::default(), Table::default());
        Self { version, site, run, digester, table, waiting: Vec::new() }
    }

    /// The beginning of a segment: header and snapshot. The next step has number `next`; steps between it and the last one that
    /// was given are lost. `None` if the core is larger than it can be.
    ///
    /// What still waits belongs to the segment before: ask for it with [`Recorder::flush`] first.
    pub fn begin(&self, core: &Core, next: u64, at: Instant, wall: Timestamp) -> Option<Vec<u8>> {
        let mut bytes = self.header(next, at, wall)?;
        let snapshot = postcard::to_allocvec(core).ok()?;
        block::put(&mut bytes, Kind::Snapshot, &snapshot, SNAPSHOT_LEVEL).then_some(bytes)
    }

    /// What is in force at a moment, as a file of its own; see [`crate::Piece::Posture`].
    pub fn posture(&self, posture: &Posture, at: Instant, wall: Timestamp) -> Option<Vec<u8>> {
        let mut bytes = self.header(0, at, wall)?;
        let posture = postcard::to_allocvec(posture).ok()?;
        block::put(&mut bytes, Kind::Posture, &posture, LEVEL).then_some(bytes)
    }

    fn header(&self, next: u64, at: Instant, wall: Timestamp) -> Option<Vec<u8>> {
        let header = Header {
            algorithm: ALGORITHM,
            version: self.version.clone(),
            site: self.site,
            run: self.run,
            begun: wall.as_millis(),
            at,
            next,
        };
        let mut bytes = Vec::new();
        block::put(&mut bytes, Kind::Header, &postcard::to_allocvec(&header).ok()?, LEVEL).then_some(bytes)
    }

    /// Adds a step; answers a block when enough of them wait.
    pub fn step(&mut self, number: u64, taken: &Taken) -> Option<Vec<u8>> {
        let digest = self.digester.digest(&taken.outcome);
        self.waiting.push(Wire::new(number, taken, digest, &mut self.table));
        if self.waiting.len() >= STEPS_PER_BLOCK_MAX { self.flush() } else { None }
    }

    /// A block of the steps that wait.
    pub fn flush(&mut self) -> Option<Vec<u8>> {
        let (steps, values) = (std::mem::take(&mut self.waiting), self.table.take());
        if steps.is_empty() {
            return None;
        }
        let table = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let content = postcard::to_allocvec(&Steps { table, steps }).ok()?;
        let mut bytes = Vec::new();
        block::put(&mut bytes, Kind::Steps, &content, LEVEL).then_some(bytes)
    }
}

/// Steps in one block at most: ten seconds, which is what a crash takes along.
pub const STEPS_PER_BLOCK_MAX: usize = 20;
/// Longest text of the product's version, in bytes.
pub(crate) const VERSION_BYTES_MAX: usize = 64;
/// How hard to compress, 0 to 10. Snapshots are large.
const LEVEL: u8 = 6;
const SNAPSHOT_LEVEL: u8 = 3;
