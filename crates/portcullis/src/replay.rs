//! `portcullis replay`: every step of a recording once more, with the gate's own core.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use admission::core::ALGORITHM;
use model::{Challenge, Level, Tier, Timestamp};
use recording::{Difference, Gap, Played, RecordingError, Replay, Shown};
use serde_json::{Value, json};

use crate::lines::when;
use crate::ruling::Ruling;
use crate::situation::meaning;

/// The arguments of `portcullis replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// A file that `portcullis ctl recordings export` wrote.
    bundle: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The file.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// It does not fit into memory with certainty.
    #[error(
        "{} has more than the {} MiB that can be replayed at once; export a shorter time with `--last` or `--from` and `--to`",
        .0.display(),
        BUNDLE_BYTES_MAX >> 20
    )]
    TooLarge(PathBuf),
    /// What is in it.
    #[error("{}: {error}", path.display())]
    Recording {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: RecordingError,
    },
    /// The core broke down over it.
    #[error(
        "{}: its snapshot is whole and makes no sense; it was not written by this program, or by another version of it",
        .0.display()
    )]
    Senseless(PathBuf),
}

impl ReplayArgs {
    /// Replays, prints, and says whether everything was decided as it was then.
    pub(crate) fn run(&self) -> Result<bool, ReplayError> {
        let mut story = Story { prints: !self.json, ..Story::default() };
        let replay = self.replay(&mut story)?;
        if self.json {
            show_line!("{}", document(&replay, &story.events));
        } else {
            show!("{}", verdict(&replay));
        }
        Ok(replay.is_identical())
    }

    fn replay(&self, story: &mut Story) -> Result<Replay, ReplayError> {
        let bytes = self.read()?;
        // A checksum tells damage, not malice: what somebody made by hand must end in an error, too.
        let replayed =
            catch_unwind(AssertUnwindSafe(|| recording::replay(&bytes, &mut |step| story.follow(step))));
        replayed
            .map_err(|_| ReplayError::Senseless(self.bundle.clone()))?
            .map_err(|error| ReplayError::Recording { path: self.bundle.clone(), error })
    }

    fn read(&self) -> Result<Vec<u8>, ReplayError> {
        let failed = |error| ReplayError::Read { path: self.bundle.clone(), error };
        let mut bytes = Vec::new();
        let file = File::open(&self.bundle).map_err(failed)?;
        // Asked first, so that nobody waits for a GiB to be read; what is no file has no size before it was read.
        let mut size = file.metadata().map_err(failed)?.len();
        if size <= BUNDLE_BYTES_MAX {
            file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
            size = bytes.len() as u64;
        }
        if size > BUNDLE_BYTES_MAX { Err(ReplayError::TooLarge(self.bundle.clone())) } else { Ok(bytes) }
    }
}

/// What was decided when, in words.
#[derive(Default)]
struct Story {
    ruling: Ruling,
    level: Level,
    prints: bool,
    has_differed: bool,
    /// At most [`EVENTS_MAX`].
    events: Vec<(Timestamp, String)>,
}

impl Story {
    fn follow(&mut self, step: &Played<'_>) {
        let (wall, decision) = (step.frame.wall, &step.outcome.decision);
        self.ruling.counted(&step.frame.summary.traffic);
        if decision.level != self.level {
            self.tell(
                wall,
                format!("level {} -> {}: {}", self.level, decision.level, meaning(decision.level)),
            );
            self.level = decision.level;
        }
        if let Some(advice) = &step.outcome.advice {
            for line in self.ruling.advised(advice) {
                self.tell(wall, line);
            }
        }
        if step.differs && !std::mem::replace(&mut self.has_differed, true) {
            self.tell(wall, "from here on it is decided otherwise than it was then".to_owned());
        }
    }

    fn tell(&mut self, wall: Timestamp, text: String) {
        if self.prints {
            show_line!("{}  {text}", when(wall));
        }
        if self.events.len() < EVENTS_MAX {
            self.events.push((wall, text));
        }
    }
}

/// What came of it, for people.
fn verdict(replay: &Replay) -> String {
    let mut text = String::new();
    let header = &replay.header;
    let mut line = |line: String| {
        let _written = writeln!(text, "{line}");
    };
    let span =
        replay.span.map_or_else(String::new, |(first, last)| format!(", {} to {}", when(first), when(last)));
    line(format!(
        "\n{} steps in {} pieces{span}, recorded by version {} (algorithm {}) on site {:016x}.",
        replay.steps, replay.segments, header.version, header.algorithm, header.site
    ));
    for gap in &replay.gaps {
        line(format!("Missing: {}.", missing(gap)));
    }
    if !replay.is_promised() {
        line(format!(
            "This version has algorithm {ALGORITHM}: it may decide otherwise, and differences are expected."
        ));
    }
    if let Some(at) = replay.other_core {
        line(format!(
            "The steps before {} lead to another state than the one that was recorded then.",
            when(at)
        ));
    }
    match &replay.first {
        None if replay.is_identical() => line("Every step was decided as it was then.".to_owned()),
        None => {}
        Some(Difference { number, wall, recorded, now }) => {
            line(format!(
                "{} of {} steps are decided otherwise now. The first is step {number}, {}:",
                replay.differing,
                replay.steps,
                when(*wall)
            ));
            line(format!("  then  {}", shown(recorded)));
            line(format!("  now   {}", shown(now)));
            if recorded == now {
                line("  What is shown here is the same; numbers behind it are not.".to_owned());
            }
        }
    }
    text
}

fn missing(gap: &Gap) -> String {
    let steps = match gap.steps {
        0 => "another process began".to_owned(),
        steps => format!("{steps} steps"),
    };
    format!("{} to {} ({steps})", when(gap.after), when(gap.until))
}

/// Such as "level customers-first, load 312 %, admitted of T5 0, of T6 0 of 128 parts; challenge off; no rules".
fn shown(decision: &Shown) -> String {
    let closed: Vec<String> = Tier::ALL
        .into_iter()
        .filter(|tier| decision.admitted[tier.index()] < 128)
        .map(|tier| format!("{tier} {}", decision.admitted[tier.index()]))
        .collect();
    let closed = if closed.is_empty() {
        "everybody admitted".to_owned()
    } else {
        format!("parts of 128 admitted: {}", closed.join(", "))
    };
    let rules: Vec<String> = decision
        .rules
        .iter()
        .map(|rule| {
            format!("{} {}{}", rule.id, rule.action.label(), if rule.armed { "" } else { " (on trial)" })
        })
        .collect();
    let rules = if rules.is_empty() { "no rules".to_owned() } else { format!("rules {}", rules.join(", ")) };
    format!(
        "decision {}, level {}, load {:.1} %, {closed}, challenge {}, {rules}",
        decision.seq,
        decision.level,
        decision.offered * 100.0,
        challenge(decision.challenge),
    )
}

const fn challenge(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Off => "off",
        Challenge::Cookie => "cookie",
        Challenge::Waiting => "waiting",
    }
}

/// The same for programs.
fn document(replay: &Replay, events: &[(Timestamp, String)]) -> Value {
    let decision = |shown: &Shown| {
        json!({
            "decision": shown.seq,
            "level": shown.level.label(),
            "offered": shown.offered,
            "admitted": shown.admitted,
            "challenge": challenge(shown.challenge),
            "rules": shown.rules.iter().map(|rule| json!({
                "rule": rule.id, "action": rule.action.label(), "armed": rule.armed,
            })).collect::<Vec<_>>(),
        })
    };
    let gap = |gap: &Gap| json!({ "after": when(gap.after), "until": when(gap.until), "steps": gap.steps });
    json!({
        "site": format!("{:016x}", replay.header.site),
        "version": replay.header.version,
        "algorithm": replay.header.algorithm,
        "algorithm_now": ALGORITHM,
        "begun": replay.span.map(|(first, _)| when(first)),
        "ended": replay.span.map(|(_, last)| when(last)),
        "segments": replay.segments,
        "steps": replay.steps,
        "gaps": replay.gaps.iter().map(gap).collect::<Vec<_>>(),
        "identical": replay.is_identical(),
        "differing": replay.differing,
        "first_difference": replay.first.as_ref().map(|first| json!({
            "step": first.number,
            "at": when(first.wall),
            "then": decision(&first.recorded),
            "now": decision(&first.now),
        })),
        "other_state_from": replay.other_core.map(when),
        "events": events.iter().map(|(at, text)| json!({ "at": when(*at), "text": text })).collect::<Vec<_>>(),
    })
}

/// Twice the default quota of all recordings. Where `[state] recordings` is more, an export can have more, too: it is all in memory
/// while it is replayed.
const BUNDLE_BYTES_MAX: u64 = 1 << 30;
/// Events in the JSON object.
const EVENTS_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
