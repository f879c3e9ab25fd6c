use std::sync::Mutex;

use model::Timestamp;
use proptest::prelude::*;

use super::*;

const RATE: u64 = 1 << 20;

#[test]
fn the_budget_bounds_what_is_written_and_every_line_is_accounted_for() {
    // Five seconds of four times the budget: a second's worth at once, then the rate.
    let mut desk = Desk::new();
    for tenth in 0..50 {
        for _ in 0..4 {
            desk.write(tenth * 100, 100 * 1_024);
        }
    }
    let counters = desk.counters();
    assert!(counters.bytes <= 6 * RATE && counters.bytes >= 5 * RATE, "{counters:?}");
    assert_eq!(counters.bytes, desk.paper().len() as u64);
    assert_eq!(counters.lines + counters.dropped_lines[Dropped::Budget as usize], 200);
    assert_eq!(counters.bytes + counters.dropped_bytes[Dropped::Budget as usize], 200 * 100 * 1_024);
}

#[test]
fn a_write_error_pauses_the_log_and_a_later_try_resumes_it() {
    check(
        "0ms write, 10ms fails, 20ms write, 30ms works, 4000ms write, 5100ms write",
        "0ms written, 20ms dropped by disk, 4000ms dropped by disk, 5100ms written",
    );
}

#[test]
fn a_disk_without_room_pauses_the_log_until_there_is_room_again() {
    check(
        "0ms write, 10ms full, 500ms write, 1100ms write, 9000ms write, 9500ms room, 10000ms write, 14500ms write",
        "0ms written, 500ms written, 1100ms dropped by disk, 9000ms dropped by disk, 10000ms dropped by disk, \
         14500ms written",
    );
}

#[test]
fn offers_never_wait_and_a_stopped_writer_writes_what_it_has() {
    let paper = Arc::new(Mutex::new(Paper::default()));
    let log = LogWriter::start("test", RATE, still_clock(), Page(paper.clone())).unwrap();
    assert!((0..100).all(|_| log.offer(*b"{\"a\":1}\n")));
    assert!(!log.offer(vec![b'\n'; LogWriter::BATCH_BYTES_MAX + 1]));
    drop(log);
    assert_eq!(paper.lock().unwrap().written, b"{\"a\":1}\n".repeat(100));
}

#[test]
fn a_writer_that_hangs_costs_lines_and_bounded_memory_but_no_wait() {
    let paper = Arc::new(Mutex::new(Paper::default()));
    let log = LogWriter::start("test", u64::MAX, still_clock(), Page(paper.clone())).unwrap();
    let waits_for = |ready: &dyn Fn() -> bool| {
        (0..10_000_000).any(|_| {
            thread::yield_now();
            ready()
        })
    };
    assert!(waits_for(&|| log.shared.is_asleep.load(Ordering::SeqCst)), "the thread has begun");
    let hanging = paper.lock().unwrap();
    assert!(log.offer(*b"a line\nand another\n"));
    assert!(waits_for(&|| log.shared.queue.is_empty()), "the thread takes it, and hangs with it");
    let taken = (0..1_500).filter(|_| log.offer(*b"a line\nand another\n")).count();
    assert_eq!(taken, LogWriter::QUEUE_BATCHES);
    let large = (0..20).filter(|_| log.offer(vec![b'\n'; LogWriter::BATCH_BYTES_MAX])).count();
    assert_eq!(large, 0);
    drop(hanging);
    let shared = log.shared.clone();
    drop(log);
    let counters = shared.counters();
    assert_eq!(counters.lines, (taken as u64 + 1) * 2);
    let lost = (1_500 - taken as u64) * 2 + 20 * LogWriter::BATCH_BYTES_MAX as u64;
    assert_eq!(counters.dropped_lines, [0, lost, 0, 0]);
}

#[test]
fn waiting_bytes_are_bounded() {
    let shared = Shared::new();
    let batch = || vec![b'\n'; LogWriter::BATCH_BYTES_MAX].into_boxed_slice();
    let taken = (0..70).filter(|_| shared.push(batch())).count();
    assert_eq!(taken * LogWriter::BATCH_BYTES_MAX, LogWriter::QUEUE_BYTES_MAX);
    shared.pop().unwrap();
    assert!(shared.push(batch()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_offered_is_either_written_or_counted_as_lost(
        offers in proptest::collection::vec((0_u64..3_000, 0_usize..70_000, any::<bool>(), any::<bool>()), 1..40),
    ) {
        let mut desk = Desk::new();
        let (mut now, mut bytes) = (0, 0);
        for (pause, length, has_room, works) in &offers {
            now += pause;
            desk.paper.lock().unwrap().has_room = *has_room;
            desk.paper.lock().unwrap().works = *works;
            desk.write(now, length + 1);
            bytes += *length as u64 + 1;
        }
        let counters = desk.counters();
        prop_assert_eq!(counters.bytes, desk.paper().len() as u64);
        prop_assert_eq!(counters.bytes + counters.dropped_bytes.iter().sum::<u64>(), bytes);
        prop_assert_eq!(counters.lines + counters.dropped_lines.iter().sum::<u64>(), offers.len() as u64);
        prop_assert!(counters.bytes <= RATE + now * RATE / 1_000 + 1);
    }
}

/// Plays a script against a pen; the only test code that knows how it is driven.
#[track_caller]
fn check(script: &str, expected: &str) {
    let mut desk = Desk::new();
    let mut became = Vec::new();
    for line in script.split(", ") {
        let (at, word) = line.split_once("ms ").expect("a line is `<milliseconds>ms <word>`");
        let paper = desk.paper.clone();
        let mut paper = paper.lock().unwrap();
        match word {
            "fails" => paper.works = false,
            "works" => paper.works = true,
            "full" => paper.has_room = false,
            "room" => paper.has_room = true,
            "write" => {
                drop(paper);
                let before = desk.counters();
                desk.write(at.parse().unwrap(), 100);
                let after = desk.counters();
                let dropped = Dropped::ALL
                    .into_iter()
                    .find(|why| after.dropped_lines[*why as usize] > before.dropped_lines[*why as usize]);
                became.push(match dropped {
                    Some(why) => format!("{at}ms dropped by {}", why.label()),
                    None => format!("{at}ms written"),
                });
            }
            other => panic!("no word is called `{other}`"),
        }
    }
    assert_eq!(became.join(", "), expected);
}

struct Desk {
    pen: Pen,
    paper: Arc<Mutex<Paper>>,
}

impl Desk {
    fn new() -> Self {
        let paper = Arc::new(Mutex::new(Paper::default()));
        let pen = Pen::new(Arc::new(Shared::new()), RATE, Box::new(Page(paper.clone())));
        Self { pen, paper }
    }

    fn write(&mut self, millis: u64, bytes: usize) {
        let mut line = vec![b'x'; bytes];
        line[bytes - 1] = b'\n';
        let (instant, wall) = (Instant::from_millis(millis), Timestamp::from_millis(millis));
        self.pen.write(&line, Now { instant, wall });
    }

    fn counters(&self) -> LogCounters {
        self.pen.shared.counters()
    }

    fn paper(&self) -> Vec<u8> {
        self.paper.lock().unwrap().written.clone()
    }
}

/// A sink in memory that fails when it is told to.
struct Paper {
    written: Vec<u8>,
    works: bool,
    has_room: bool,
}

impl Default for Paper {
    fn default() -> Self {
        Self { written: Vec::new(), works: true, has_room: true }
    }
}

struct Page(Arc<Mutex<Paper>>);

impl Sink for Page {
    fn append(&mut self, lines: &[u8], _: Timestamp) -> io::Result<()> {
        let mut paper = self.0.lock().unwrap();
        if !paper.works {
            return Err(io::ErrorKind::StorageFull.into());
        }
        paper.written.extend_from_slice(lines);
        Ok(())
    }

    fn tend(&mut self, _: Timestamp) -> io::Result<()> {
        if self.0.lock().unwrap().has_room { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }
}

fn still_clock() -> Clock {
    Arc::new(Now::default)
}
