//! What one idle connection takes, plain, under TLS and over HTTP/2: at the gate, nginx and `HAProxy` as `bench edge` starts them.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::Duration;

use lab::clock::pause;
use lab::crowd::held_kib;
use lab::idle::{Idle, Kind};
use serde::Serialize;

use super::memory::{PER_NETWORK, source};
use super::subject::{
    Side, Subject, SubjectError, Task, present, start_haproxy, start_nginx, start_origin, start_portcullis,
};

/// Connections that are counted.
const CONNECTIONS: u32 = 400;
/// Connections before them: what the first ones bring once is no connection's.
const FIRST: u32 = 50;
/// The second byte from which their addresses begin.
const SOURCES_FROM: u8 = 20;
/// After so many, all of one network, comes a pause: many handshakes at once are not what is measured.
const OPENED_AT_ONCE: u32 = PER_NETWORK;
const PAUSE: Duration = Duration::from_millis(500);
/// Until a subject has put aside what it needed for the last answer.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// What connections of one kind take at one subject.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    kind: &'static str,
    subject: &'static str,
    /// Connections between the two looks.
    connections: u32,
    /// What its processes held before them, in KiB; pages held by several in shares.
    before_kib: u64,
    /// What they held with them.
    with_kib: u64,
    /// The difference, for each connection.
    kib_each: f64,
}

/// Why it was not measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdleError {
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error("nobody to measure: install nginx and haproxy with `cargo xtask test --install-peers`")]
    Nobody,
    #[error("connection {at} ({kind}) to {subject}: {error}")]
    Open { subject: &'static str, kind: &'static str, at: u32, error: io::Error },
    #[error("what {subject} holds cannot be read: {error}")]
    Held { subject: &'static str, error: io::Error },
    #[error("{subject} has closed {closed} connections ({kind}) meanwhile")]
    Closed { subject: &'static str, kind: &'static str, closed: usize },
}

/// Every kind at every subject, each at processes that have seen no other kind.
pub(super) fn measure(binary: &Path) -> Result<Vec<Cost>, IdleError> {
    let (_origin, _folder, origin) = start_origin()?;
    let mut costs = Vec::new();
    for kind in Kind::ALL {
        let started = [start_portcullis(binary, origin), start_nginx(origin), start_haproxy(origin)];
        let subjects: Vec<Subject> = started.into_iter().filter_map(present).collect();
        if subjects.is_empty() {
            return Err(IdleError::Nobody);
        }
        for subject in &subjects {
            eprintln!("idle connections: {} of {}", kind.name(), subject.name);
            costs.push(measure_one(kind, subject)?);
        }
    }
    Ok(costs)
}

fn measure_one(kind: Kind, subject: &Subject) -> Result<Cost, IdleError> {
    let name = subject.name;
    let side = subject.side(match kind {
        Kind::Plain => Task::Forward,
        Kind::Tls => Task::ForwardTls,
        Kind::Http2 => Task::Forward2,
    });
    let held = || held_kib(side.process).map_err(|error| IdleError::Held { subject: name, error });
    let mut open = Vec::new();
    open_up_to(FIRST, &mut open, kind, subject, side)?;
    let before_kib = held()?;
    open_up_to(FIRST + CONNECTIONS, &mut open, kind, subject, side)?;
    let with_kib = held()?;
    let closed = open.iter_mut().map(|idle| usize::from(!idle.is_open())).sum();
    if closed > 0 {
        return Err(IdleError::Closed { subject: name, kind: kind.name(), closed });
    }
    Ok(Cost::of(kind.name(), name, before_kib, with_kib))
}

/// Opens more, until there are so many, and lets the subject settle.
fn open_up_to(
    count: u32,
    open: &mut Vec<Idle>,
    kind: Kind,
    subject: &Subject,
    side: Side,
) -> Result<(), IdleError> {
    let begin = u32::try_from(open.len()).unwrap_or(u32::MAX);
    for at in begin..count {
        let idle = Idle::open(kind, source(SOURCES_FROM, at), side.address, &subject.authority);
        let failed = |error| IdleError::Open { subject: subject.name, kind: kind.name(), at, error };
        open.push(idle.map_err(failed)?);
        if (at + 1) % OPENED_AT_ONCE == 0 {
            pause(PAUSE);
        }
    }
    pause(SETTLED_AFTER);
    Ok(())
}

impl Cost {
    fn of(kind: &'static str, subject: &'static str, before_kib: u64, with_kib: u64) -> Self {
        // Of nothing but noise the difference may be below zero.
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 KiB")]
        let kib_each = (with_kib as f64 - before_kib as f64) / f64::from(CONNECTIONS);
        Self { kind, subject, connections: CONNECTIONS, before_kib, with_kib, kib_each }
    }
}

/// A table for people; nothing without any.
pub(super) fn to_text(costs: &[Cost]) -> String {
    let mut text = String::new();
    if !costs.is_empty() {
        let _infallible =
            writeln!(text, "idle   subject     KiB each  (KiB before {CONNECTIONS}, and with them)");
    }
    for Cost { kind, subject, before_kib, with_kib, kib_each, .. } in costs {
        let _infallible =
            writeln!(text, "{kind:<6} {subject:<11} {kib_each:8.1}  ({before_kib}, {with_kib})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_has_its_part_of_what_came_with_all_of_them() {
        let costs = [
            Cost::of("plain", "portcullis", 50_000, 60_400),
            Cost::of("h2", "haproxy", 21_000, 29_400),
            Cost::of("plain", "nginx", 9_000, 8_960),
        ];
        assert_eq!(
            to_text(&costs),
            concat!(
                "idle   subject     KiB each  (KiB before 400, and with them)\n",
                "plain  portcullis      26.0  (50000, 60400)\n",
                "h2     haproxy         21.0  (21000, 29400)\n",
                "plain  nginx           -0.1  (9000, 8960)\n",
            )
        );
        assert_eq!(to_text(&[]), "");
    }
}
