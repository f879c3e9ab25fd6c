use std::sync::{Arc, Mutex};

use super::super::ring::Sink;
use super::*;

#[test]
fn a_line_is_text_for_people_and_json_for_machines() {
    let desk = Desk::new();
    desk.events.warning(format_args!("the origin at `{}` refused", "127.0.0.1:3000\u{1b}[31m\n\"quoted\""));
    insta::assert_snapshot!(desk.finish(), @r#"
    {"time":"2026-03-31T23:33:20.000Z","severity":"warning","message":"the origin at `127.0.0.1:3000 [31m \"quoted\"` refused"}
    2026-03-31T23:33:20.000Z warning: the origin at `127.0.0.1:3000 [31m "quoted"` refused
    "#);
}

#[test]
fn one_place_in_the_code_cannot_drown_the_others() {
    let mut desk = Desk::new();
    for second in 0..100 {
        desk.at(second);
        (0..1_000).for_each(|_| desk.events.error(format_args!("the same again")));
        if second == 50 {
            desk.events.info(format_args!("something else"));
        }
    }
    assert_eq!(desk.events.left_out(), 100_000 - 29);
    let text = desk.finish();
    assert_eq!(text.matches("error: the same again").count(), 29, "20 at once, then one every 10 s");
    assert_eq!(text.matches("something else").count(), 2);
    assert!(text.contains("(9980 lines like this were left out)"), "{text}");
}

#[test]
fn a_long_message_is_cut_at_a_character() {
    let desk = Desk::new();
    desk.events.info(format_args!("x{}", "é".repeat(2_000)));
    let text = desk.finish();
    assert!(text.contains(&format!("x{}…\n", "é".repeat(511))), "{text}");
}

#[test]
fn places_without_a_cell_share_one() {
    let desk = Desk::new();
    for key in 1..2_000 {
        desk.events.sites[..CALL_SITES - 1].iter().find(|site| site.is_of(key));
    }
    let [first, second] = [Location::caller(), place()];
    assert!(std::ptr::eq(desk.events.site(first), desk.events.site(second)));
}

#[track_caller]
fn place() -> &'static Location<'static> {
    Location::caller()
}

#[test]
fn a_moment_beyond_the_calendar_shows_as_a_number() {
    assert_eq!(time(Timestamp::from_secs(1_775_000_000)), "2026-03-31T23:33:20.000Z");
    assert_eq!(time(Timestamp::from_millis(u64::MAX)), "@9223372036854775807");
}

/// The log with both of its streams in memory, at a moment that the test sets.
struct Desk {
    events: Events,
    seconds: Arc<AtomicU64>,
    streams: [Arc<Mutex<Vec<u8>>>; 2],
}

impl Desk {
    fn new() -> Self {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock: Clock = {
            let seconds = seconds.clone();
            Arc::new(move || {
                let seconds = seconds.load(Ordering::SeqCst);
                let wall = Timestamp::from_secs(1_775_000_000 + seconds);
                Now { instant: Instant::from_secs(1_000 + seconds), wall }
            })
        };
        let streams = [Arc::default(), Arc::default()];
        let start = |stream: &Arc<Mutex<Vec<u8>>>| {
            LogWriter::start("test", 1 << 20, clock.clone(), Stream(stream.clone())).unwrap()
        };
        let events = Events::new(Some(start(&streams[0])), start(&streams[1]), clock.clone());
        Self { events, seconds, streams }
    }

    fn at(&mut self, seconds: u64) {
        self.seconds.store(seconds, Ordering::SeqCst);
    }

    /// Everything that was written, the file first.
    fn finish(self) -> String {
        drop(self.events);
        let texts = self.streams.map(|stream| String::from_utf8(stream.lock().unwrap().clone()).unwrap());
        texts.concat()
    }
}

struct Stream(Arc<Mutex<Vec<u8>>>);

impl Sink for Stream {
    fn append(&mut self, lines: &[u8], _: Timestamp) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(())
    }

    fn tend(&mut self, _: Timestamp) -> io::Result<()> {
        Ok(())
    }
}
