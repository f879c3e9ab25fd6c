//! What an earlier process left for this one.

use std::path::Path;
use std::time::Duration;

use admission::core::{ALGORITHM, Core, Posture};
use journal_io::Kept;
use journal_io::logs::Events;
use model::{Instant, Timestamp};
use recording::{Header, Piece, Pieces, RecordingError};

/// What was kept, as far as it can be read.
#[derive(Default)]
pub(crate) struct Restored {
    learnt: Option<(Header, Core)>,
    in_force: Option<(Header, Posture)>,
    /// What an admin should know.
    troubles: Vec<String>,
}

/// What a gate goes on with.
#[derive(Default)]
pub(crate) struct GoOn {
    pub(crate) learnt: Option<Core>,
    pub(crate) in_force: Option<Posture>,
    /// For how long nothing was kept.
    pub(crate) stopped: Duration,
}

/// Why what was kept is of no use.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Recording(#[from] RecordingError),
    #[error("it is of another version ({version}, algorithm {algorithm})")]
    Foreign { version: String, algorithm: u32 },
    #[error("it is not whole")]
    Empty,
}

impl Restored {
    /// Reads both files of a state folder.
    pub(crate) fn read(state: &Path) -> Self {
        let mut restored = Self::default();
        let learnt = pieces(state, Kept::Learnt, |piece| match piece {
            Piece::Snapshot(snapshot) => Some(snapshot.core()),
            Piece::Header(_) | Piece::Posture(_) | Piece::Steps(_) => None,
        });
        let in_force = pieces(state, Kept::InForce, |piece| match piece {
            Piece::Posture(posture) => Some(Ok(*posture)),
            Piece::Header(_) | Piece::Snapshot(_) | Piece::Steps(_) => None,
        });
        let trouble = |what: &str, error: Unfit| {
            format!("{what} before the stop cannot be used, and the gate begins without it: {error}")
        };
        match learnt {
            Ok(learnt) => restored.learnt = learnt,
            Err(error) => restored.troubles.push(trouble("what was learnt", error)),
        }
        match in_force {
            Ok(in_force) => restored.in_force = in_force,
            Err(error) => restored.troubles.push(trouble("what was in force", error)),
        }
        restored
    }

    /// Where the process's clock goes on, so that moments which were kept keep their meaning.
    pub(crate) fn now(&self, wall: Timestamp) -> Option<Instant> {
        let header = self.newest()?;
        Some(header.at + wall.since(header.begun()))
    }

    /// What is of this site, by its pseudonym; the log hears of the rest. Under other keys hashes mean other things.
    pub(crate) fn of_site(self, site: u64, wall: Timestamp, events: &Events) -> GoOn {
        let (go_on, troubles) = self.judged(site, wall);
        troubles.iter().for_each(|trouble| events.warning(format_args!("{trouble}")));
        go_on
    }

    pub(super) fn judged(mut self, site: u64, wall: Timestamp) -> (GoOn, Vec<String>) {
        let stopped = self.newest().map_or(Duration::ZERO, |header| wall.since(header.begun()));
        let Self { learnt, in_force, troubles } = &mut self;
        let is_other = |header: &Header| header.site != site;
        if learnt.take_if(|(header, _)| is_other(header)).is_some()
            | in_force.take_if(|(header, _)| is_other(header)).is_some()
        {
            troubles.push(
                "what was learnt before the stop is of other keys, and the gate begins without it".to_owned(),
            );
        }
        // What is in force is not older than what was learnt, or nothing of it is.
        if let (Some((core, _)), Some((posture, _))) = (learnt, &in_force)
            && posture.at < core.at
        {
            *in_force = None;
        }
        let go_on = GoOn {
            learnt: self.learnt.map(|(_, core)| core),
            in_force: self.in_force.map(|(_, posture)| posture),
            stopped,
        };
        (go_on, self.troubles)
    }

    fn newest(&self) -> Option<&Header> {
        let headers = [
            self.learnt.as_ref().map(|(header, _)| header),
            self.in_force.as_ref().map(|(header, _)| header),
        ];
        headers.into_iter().flatten().max_by_key(|header| header.at)
    }
}

/// The header of a file, and what it holds; `None` if there is no such file.
fn pieces<T>(
    state: &Path,
    kept: Kept,
    wanted: impl Fn(Piece) -> Option<Result<T, RecordingError>>,
) -> Result<Option<(Header, T)>, Unfit> {
    let Some(bytes) = kept.read(state)? else { return Ok(None) };
    let mut pieces = Pieces::new(&bytes);
    let Some(Piece::Header(header)) = pieces.next().transpose()? else { return Err(Unfit::Empty) };
    if header.algorithm != ALGORITHM {
        return Err(Unfit::Foreign { version: header.version, algorithm: header.algorithm });
    }
    let content = pieces.next().transpose()?.and_then(wanted).ok_or(Unfit::Empty)??;
    Ok(Some((header, content)))
}
