//! From many workers, without ever making one wait, to one sink within a budget.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use model::Instant;

use super::bucket::Bucket;
use super::ring::Sink;
use crate::clock::{Clock, Now};

/// Why lines did not reach a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dropped {
    /// The byte budget was used up.
    Budget,
    /// The writer was behind.
    Queue,
    /// The disk is nearly full, or writing failed.
    Disk,
    /// A batch was larger than [`LogWriter::BATCH_BYTES_MAX`].
    Oversize,
}

impl Dropped {
    /// All reasons in the order of the metric's label values.
    pub const ALL: [Self; 4] = [Self::Budget, Self::Queue, Self::Disk, Self::Oversize];

    /// The label in `portcullis_log_dropped_total`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Queue => "queue",
            Self::Disk => "disk",
            Self::Oversize => "oversize",
        }
    }
}

/// What a log has taken and lost since the start, exactly.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LogCounters {
    /// Bytes written (`portcullis_log_bytes_total`).
    pub bytes: u64,
    /// Lines written.
    pub lines: u64,
    /// Lines lost, by [`Dropped`] (`portcullis_log_dropped_total`).
    pub dropped_lines: [u64; 4],
    /// Bytes lost, by [`Dropped`].
    pub dropped_bytes: [u64; 4],
    /// Whether nothing is written at present because of the disk.
    pub is_paused: bool,
}

/// A log that many threads may hand lines to.
pub struct LogWriter {
    shared: Arc<Shared>,
    thread: Thread,
    /// Behind a lock only so that the whole can be shared between threads; looked at once, at the end.
    ended: Mutex<Receiver<()>>,
}

impl LogWriter {
    /// The largest batch in bytes.
    pub const BATCH_BYTES_MAX: usize = 256 * 1024;

    /// Batches that may wait.
    pub const QUEUE_BATCHES: usize = 1_024;

    /// Bytes that may wait.
    pub const QUEUE_BYTES_MAX: usize = 16 << 20;

    /// Starts the thread of a log.
    ///
    /// `bytes_per_second` is its budget; a second's worth (at least one batch) may come at once.
    pub fn start(
        name: &str,
        bytes_per_second: u64,
        clock: Clock,
        sink: impl Sink + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new());
        let pen = Pen::new(shared.clone(), bytes_per_second, Box::new(sink));
        let (end, ended) = sync_channel(1);
        let thread = thread::Builder::new().name(format!("log {name}")).spawn(move || {
            run(pen, &clock);
            // Whoever waited may have lost patience.
            end.try_send(()).ok();
        })?;
        Ok(Self { shared, thread: thread.thread().clone(), ended: Mutex::new(ended) })
    }

    /// Hands over whole lines, each with its newline. Never waits, never locks; false when they were dropped, which
    /// is counted.
    pub fn offer(&self, lines: impl Into<Box<[u8]>>) -> bool {
        let is_taken = self.shared.push(lines.into());
        // Pairs with the fence in `run`: either this sees the thread asleep, or it sees the lines.
        fence(Ordering::SeqCst);
        if self.shared.is_asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        is_taken
    }

    /// What was written and dropped so far.
    pub fn counters(&self) -> LogCounters {
        self.shared.counters()
    }

    fn wake(&self) {
        if self.shared.is_asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

impl Drop for LogWriter {
    /// Writes what waits, within the budget; a disk or stream that hangs is left behind after 2 s.
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
        self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(PARTING).ok();
    }
}

/// How often the sink is tended to, and how long writing rests after a failure.
const TEND_EVERY: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_secs(5);

/// How long the end of the process waits for the last lines.
const PARTING: Duration = Duration::from_secs(2);

/// Writes until it is stopped, and what waits by then.
fn run(mut pen: Pen, clock: &Clock) {
    let shared = pen.shared.clone();
    loop {
        let is_last = shared.is_stopped.load(Ordering::SeqCst);
        pen.tend(clock());
        while let Some(lines) = shared.pop() {
            pen.write(&lines, clock());
        }
        if is_last {
            return;
        }
        shared.is_asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if shared.queue.is_empty() && !shared.is_stopped.load(Ordering::SeqCst) {
            thread::park_timeout(TEND_EVERY);
        }
        shared.is_asleep.store(false, Ordering::SeqCst);
    }
}

struct Shared {
    queue: ArrayQueue<Box<[u8]>>,
    queued_bytes: AtomicUsize,
    bytes: AtomicU64,
    lines: AtomicU64,
    dropped_lines: [AtomicU64; 4],
    dropped_bytes: [AtomicU64; 4],
    is_paused: AtomicBool,
    is_asleep: AtomicBool,
    is_stopped: AtomicBool,
}

impl Shared {
    fn new() -> Self {
        Self {
            queue: ArrayQueue::new(LogWriter::QUEUE_BATCHES),
            queued_bytes: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            dropped_lines: Default::default(),
            dropped_bytes: Default::default(),
            is_paused: AtomicBool::new(false),
            is_asleep: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
        }
    }

    fn push(&self, lines: Box<[u8]>) -> bool {
        let bytes = lines.len();
        if bytes > LogWriter::BATCH_BYTES_MAX {
            self.count_dropped(Dropped::Oversize, &lines);
            return false;
        }
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let refused = if queued + bytes > LogWriter::QUEUE_BYTES_MAX {
            Some(lines)
        } else {
            self.queue.push(lines).err()
        };
        if let Some(lines) = &refused {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.count_dropped(Dropped::Queue, lines);
        }
        refused.is_none()
    }

    fn pop(&self) -> Option<Box<[u8]>> {
        let lines = self.queue.pop()?;
        self.queued_bytes.fetch_sub(lines.len(), Ordering::Relaxed);
        Some(lines)
    }

    fn count_written(&self, lines: &[u8]) {
        self.bytes.fetch_add(lines.len() as u64, Ordering::Relaxed);
        self.lines.fetch_add(count_lines(lines), Ordering::Relaxed);
    }

    fn count_dropped(&self, why: Dropped, lines: &[u8]) {
        self.dropped_bytes[why as usize].fetch_add(lines.len() as u64, Ordering::Relaxed);
        self.dropped_lines[why as usize].fetch_add(count_lines(lines), Ordering::Relaxed);
    }

    fn counters(&self) -> LogCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LogCounters {
            bytes: read(&self.bytes),
            lines: read(&self.lines),
            dropped_lines: self.dropped_lines.each_ref().map(read),
            dropped_bytes: self.dropped_bytes.each_ref().map(read),
            is_paused: self.is_paused.load(Ordering::Relaxed),
        }
    }
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Decides for each batch whether it is written; the thread around it only waits.
///
/// ```text
///             write error or no room             5 s over, and there is room
///   Writing ──────────────────────────▶ Paused ──────────────────────────────▶ Writing
/// ```
struct Pen {
    shared: Arc<Shared>,
    bucket: Bucket,
    sink: Box<dyn Sink>,
    tended: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Pen {
    fn new(shared: Arc<Shared>, bytes_per_second: u64, sink: Box<dyn Sink>) -> Self {
        let burst = bytes_per_second.max(LogWriter::BATCH_BYTES_MAX as u64);
        Self { shared, bucket: Bucket::new(bytes_per_second, burst), sink, tended: None, paused_until: None }
    }

    fn write(&mut self, lines: &[u8], now: Now) {
        self.tend(now);
        if self.paused_until.is_some() {
            self.shared.count_dropped(Dropped::Disk, lines);
        } else if !self.bucket.take(lines.len(), now.instant) {
            self.shared.count_dropped(Dropped::Budget, lines);
        } else if self.sink.append(lines, now.wall).is_ok() {
            self.shared.count_written(lines);
        } else {
            self.shared.count_dropped(Dropped::Disk, lines);
            self.pause(now.instant);
        }
    }

    fn tend(&mut self, now: Now) {
        if self.tended.is_some_and(|tended| now.instant.since(tended) < TEND_EVERY) {
            return;
        }
        self.tended = Some(now.instant);
        let has_room = self.sink.tend(now.wall).is_ok();
        if !has_room {
            self.pause(now.instant);
        } else if self.paused_until.is_some_and(|until| now.instant >= until) {
            self.paused_until = None;
            self.shared.is_paused.store(false, Ordering::Relaxed);
        }
    }

    fn pause(&mut self, now: Instant) {
        self.paused_until = Some(now + PAUSE);
        self.shared.is_paused.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
