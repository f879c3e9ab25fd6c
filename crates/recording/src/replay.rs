//! Every step once more.

use admission::core::{ALGORITHM, Core, Outcome};
use model::Timestamp;

use crate::RecordingError;
use crate::digest::{Digester, Shown};
use crate::pieces::{Header, Piece, Pieces};
use crate::step::Frame;

/// What came of all steps.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The header of the first segment.
    pub header: Header,
    /// How many segments there were.
    pub segments: u64,
    /// How many steps were taken again.
    pub steps: u64,
    /// The wall clock at the first step and at the last; `None` without a step.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Steps that were decided otherwise.
    pub differing: u64,
    /// The first of them.
    pub first: Option<Difference>,
    /// When a segment first began with another core than the steps before it lead to.
    pub other_core: Option<Timestamp>,
    /// Times that are missing; at most [`GAPS_MAX`].
    pub gaps: Vec<Gap>,
}

/// A step that was decided otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its number.
    pub number: u64,
    /// When it was.
    pub wall: Timestamp,
    /// What was decided then.
    pub recorded: Shown,
    /// What is decided now. What people read may be the same where the digests differ.
    pub now: Shown,
}

/// Time that is missing between two segments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// The last step before it.
    pub after: Timestamp,
    /// The beginning of the segment after it.
    pub until: Timestamp,
    /// Steps that are missing; 0 when another process began.
    pub steps: u64,
}

/// A step that was just taken again.
#[derive(Debug)]
pub struct Played<'a> {
    /// As it was recorded.
    pub frame: &'a Frame,
    /// What is decided now.
    pub outcome: &'a Outcome,
    /// Whether that is something else.
    pub differs: bool,
}

impl Replay {
    /// Whether everything was decided as it was then.
    pub const fn is_identical(&self) -> bool {
        self.differing == 0 && self.other_core.is_none()
    }

    /// Whether the core promises that it is: other algorithms may decide otherwise.
    pub const fn is_promised(&self) -> bool {
        self.header.algorithm == ALGORITHM
    }
}

/// Takes every step of a recording again with the real core, and calls `watch` with each.
///
/// # Errors
/// See [`RecordingError`]; what was watched before one still counts.
pub fn replay(bytes: &[u8], watch: &mut dyn FnMut(&Played<'_>)) -> Result<Replay, RecordingError> {
    let mut player = Player::default();
    for piece in Pieces::new(bytes) {
        match piece? {
            Piece::Header(header) => player.begin(header),
            Piece::Snapshot(snapshot) => {
                if player.core.as_ref().is_some_and(|core| !snapshot.is_of(core)) {
                    player.finds_other_core();
                }
                player.core = Some(snapshot.core()?);
            }
            Piece::Posture(_) => {}
            Piece::Steps(frames) => {
                for frame in &frames {
                    player.step(frame, watch)?;
                }
            }
        }
    }
    player.replay.ok_or(RecordingError::Foreign)
}

#[derive(Default)]
struct Player {
    core: Option<Core>,
    digester: Digester,
    replay: Option<Replay>,
    /// The process whose segment is being read.
    run: u64,
    /// The number that the next step has unless something is missing.
    next: u64,
    begun: Timestamp,
}

impl Player {
    /// A segment begins: with the core that goes on, unless something is missing before it.
    fn begin(&mut self, header: Header) {
        self.begun = header.begun();
        let is_same_run = std::mem::replace(&mut self.run, header.run) == header.run;
        let follows = self.core.is_some() && is_same_run && header.next == self.next;
        if let Some(replay) = &mut self.replay {
            replay.segments += 1;
            if !follows && replay.gaps.len() < GAPS_MAX {
                let after = replay.span.map_or(self.begun, |(_, last)| last);
                replay.gaps.push(Gap {
                    after,
                    until: self.begun,
                    steps: if is_same_run { header.next.saturating_sub(self.next) } else { 0 },
                });
            }
        }
        if !follows {
            self.core = None;
        }
        self.next = header.next;
        self.replay.get_or_insert_with(|| Replay {
            header,
            segments: 1,
            steps: 0,
            span: None,
            differing: 0,
            first: None,
            other_core: None,
            gaps: Vec::new(),
        });
    }

    fn finds_other_core(&mut self) {
        if let Some(replay) = &mut self.replay {
            replay.other_core.get_or_insert(self.begun);
        }
    }

    fn step(&mut self, frame: &Frame, watch: &mut dyn FnMut(&Played<'_>)) -> Result<(), RecordingError> {
        let (Some(core), Some(replay)) = (&mut self.core, &mut self.replay) else {
            return Err(RecordingError::Damaged { at: 0, what: "steps come before any snapshot" });
        };
        if frame.number != self.next {
            return Err(RecordingError::Damaged { at: 0, what: "a step is missing within a segment" });
        }
        self.next = self.next.saturating_add(1);
        let outcome = core.step(&frame.summary, &frame.circumstances, frame.random);
        let differs = self.digester.digest(&outcome) != frame.digest;
        replay.steps += 1;
        replay.span = Some((replay.span.map_or(frame.wall, |(first, _)| first), frame.wall));
        if differs {
            replay.differing += 1;
            replay.first.get_or_insert_with(|| Difference {
                number: frame.number,
                wall: frame.wall,
                recorded: frame.shown.clone(),
                now: Shown::of(&outcome.decision),
            });
        }
        watch(&Played { frame, outcome: &outcome, differs });
        Ok(())
    }
}

/// Gaps that are named.
pub const GAPS_MAX: usize = 1_000;
