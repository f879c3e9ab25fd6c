//! A gate without sockets: its controller steps, its memory writes, and another one begins from what is there.

use std::path::Path;
use std::time::Duration;

use admission::site::{Controller, Served, Site, Tick};
use model::{COHORTS, Level, Mode, Name, Tier, Traffic};

use super::*;
use crate::gate::{self, Plan};
use crate::recordings;
use crate::secrets::Secrets;

struct Gate {
    site: Arc<Site>,
    controller: Controller,
    scribe: Scribe,
    memory: Memory,
    now: Instant,
    clock: Clock,
    secrets: Secrets,
}

impl Gate {
    fn new(folder: &Path) -> Self {
        Self::before(folder, journal_io::recordings::RingSettings::default())
    }

    /// With other settings of what is recorded.
    fn before(folder: &Path, settings: journal_io::recordings::RingSettings) -> Self {
        let (clock, secrets) = (Clock::start(), Secrets::ephemeral().unwrap());
        let mut plan = Plan::new(Mode::Auto, vec![gate::origin("127.0.0.1:1")]);
        plan.connections_max = Some(1_000);
        let site = gate::site(&plan, &secrets);
        let controller = Controller::new(&site, Some(&gate::tests::learnt()), None, clock.wall()).recorded();
        let ring = Ring::open(folder, settings).unwrap();
        let place = Place::State { ring: Some(ring), folder: folder.to_owned() };
        let memory = Memory::start(Writer::new(&secrets, place, None, clock.wall())).unwrap();
        let scribe = memory.scribe(clock).unwrap();
        Self { site, controller, scribe, memory, now: clock.now(), clock, secrets }
    }

    /// Seconds in which strangers ask for so many slots.
    fn runs(&mut self, seconds: u64, strangers: u64) {
        let mut offered = vec![[0; COHORTS]; Tier::COUNT];
        offered[Tier::T5.index()].fill(strangers * 100_000 / COHORTS as u64);
        for step in 0..10 * seconds {
            // Time passes faster here than a disk writes.
            if step % 100 == 99 {
                assert!(self.memory.flush());
            }
            self.now = self.now + Duration::from_millis(100);
            let names = vec![Name { value: 5, text: "GET /account/ann".to_owned() }];
            let tick = Tick {
                now: self.now,
                wall: self.clock.wall(),
                millis: 100,
                classes: &[],
                offered_micros: offered.as_slice().try_into().unwrap(),
                removed_micros: &[0; Tier::COUNT],
                traffic: Traffic { names, ..Traffic::default() },
                served: Served { answers: 10, ..Served::default() },
                queue_wait_ms: 0,
                known_requests: 0,
                random: self.now.as_nanos(),
                secret: 9,
            };
            let turn = self.controller.step(&self.site, tick);
            self.scribe.turned(&turn, &self.controller, self.now);
        }
    }

    /// What is there when the process is killed now. Answers the site's pseudonym.
    fn dies(self) -> u64 {
        let Self { scribe, memory, secrets, .. } = self;
        assert!(memory.flush());
        drop(scribe);
        assert!(memory.stop());
        secrets.site_pseudonym()
    }
}

/// What another process would begin with, and what it would say.
fn begin(folder: &Path, site: u64) -> (Option<Level>, Option<Level>, String) {
    let (go_on, troubles) = Restored::read(folder).judged(site, Clock::start().wall());
    let levels =
        (go_on.learnt.map(|core| core.decision().level), go_on.in_force.map(|posture| posture.level()));
    (levels.0, levels.1, troubles.join("\n"))
}

#[test]
fn what_is_in_force_is_there_for_the_next_process_a_second_after_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(begin(folder.path(), 1), (None, None, String::new()));
    let mut gate = Gate::new(folder.path());
    gate.runs(2, 1);
    gate.runs(3, 500);
    assert_eq!(gate.site.level(), Level::CustomersFirst);
    let site = gate.dies();
    let (_, in_force, troubles) = begin(folder.path(), site);
    assert_eq!((in_force, troubles), (Some(Level::CustomersFirst), String::new()));
}

#[test]
fn the_clock_goes_on_where_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = Gate::new(folder.path());
    gate.runs(31, 1);
    let (now, wall) = (gate.now, gate.clock.wall());
    gate.dies();
    let restored = Restored::read(folder.path());
    let later = restored.now(wall + Duration::from_secs(40)).unwrap();
    assert!((39..60).contains(&later.since(now).as_secs().max(39)) && later > now, "{later:?} {now:?}");
    let back = restored.now(wall.before(Duration::from_secs(9_000))).unwrap();
    assert!(back.since(now) == Duration::ZERO && now.since(back) <= Duration::from_secs(11));
}

#[test]
fn what_is_damaged_or_of_other_keys_is_left_alone_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = Gate::new(folder.path());
    gate.runs(12, 1);
    let site = gate.dies();
    let (learnt, in_force, _) = begin(folder.path(), site);
    assert!(learnt.is_some() && in_force.is_some());
    let (learnt, in_force, said) = begin(folder.path(), site ^ 1);
    assert!(learnt.is_none() && in_force.is_none() && said.contains("of other keys"), "{said}");
    let path = journal_io::Kept::Learnt.path(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    std::fs::write(journal_io::Kept::InForce.path(folder.path()), b"").unwrap();
    let (learnt, in_force, said) = begin(folder.path(), site);
    assert!(learnt.is_none() && in_force.is_none());
    assert!(
        said.contains("what was learnt before the stop cannot be used") && said.contains("damaged"),
        "{said}"
    );
    assert!(said.contains("what was in force before the stop cannot be used"), "{said}");
}

#[test]
fn what_is_recorded_replays_identically_and_holds_no_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut gate = Gate::new(folder.path());
    gate.runs(5, 1);
    gate.runs(10, 500);
    gate.runs(310, 1);
    assert_eq!(gate.memory.steps_lost(), 0);
    gate.dies();
    let file = folder.path().join("bundle");
    let now = Clock::start().wall();
    recordings::export(folder.path(), recordings::Span::default(), &file, now).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let replay = recording::replay(&bytes, &mut |_| {}).unwrap();
    assert!(replay.is_identical());
    assert_eq!((replay.segments, replay.steps, replay.gaps.len()), (2, 650, 0));
    for piece in recording::Pieces::new(&bytes) {
        assert!(!format!("{:?}", piece.unwrap()).contains("ann"));
    }
    let segments = journal_io::recordings::list(folder.path()).unwrap();
    assert!(segments[0].is_pinned, "the incident keeps what was before it");
}

#[test]
fn a_writer_that_does_not_keep_up_leaves_a_gap_and_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (notes, queue) = sync_channel(NOTES_MAX);
    let counts = Arc::new(Counts::default());
    let mut gate = Gate::new(folder.path());
    gate.scribe = Scribe::new(notes, counts.clone(), gate.clock);
    // Nobody reads for so long that half of it does not fit.
    gate.runs(300, 1);
    let ring = Ring::open(folder.path(), journal_io::recordings::RingSettings::default()).unwrap();
    let place = Place::State { ring: Some(ring), folder: folder.path().to_owned() };
    let mut writer = Writer::new(&gate.secrets, place, None, gate.clock.wall());
    let mut drain = |queue: &Receiver<Note>| {
        while let Ok(note) = queue.try_recv() {
            counts.waiting.fetch_sub(1, Relaxed);
            writer.take(note);
        }
    };
    drain(&queue);
    gate.runs(20, 1);
    let (asker, _answer) = sync_channel(1);
    drain(&queue);
    writer.take(Note::Flush(asker));
    let file = folder.path().join("bundle");
    recordings::export(folder.path(), recordings::Span::default(), &file, gate.clock.wall()).unwrap();
    let replay = recording::replay(&std::fs::read(&file).unwrap(), &mut |_| {}).unwrap();
    assert!(replay.is_identical());
    assert_eq!(replay.gaps.len(), 1);
    assert_eq!(replay.steps + replay.gaps[0].steps, 640);
    assert!(replay.gaps[0].steps > 300, "{}", replay.gaps[0].steps);
    assert_eq!(counts.lost.load(Relaxed), replay.gaps[0].steps, "the metric tells what is missing");
}

#[test]
fn what_finds_no_room_on_the_disk_is_counted_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let settings = journal_io::recordings::RingSettings { quota_bytes: 1, ..Default::default() };
    let mut gate = Gate::before(folder.path(), settings);
    gate.runs(30, 1);
    assert!(gate.memory.flush());
    assert_eq!(gate.memory.steps_lost(), 60, "two steps a second");
    gate.dies();
}
