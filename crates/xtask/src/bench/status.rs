//! Seconds from an app that fails to everybody who hears of it, in one run in `auto`: the record, the page, two copies of it, the
//! first call of a pager and the first mail to an admin, while thousands of subscribers still wait for mail about something else.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use lab::clock::{Stopwatch, pause, wait_for};
use lab::mail::{MailError, MailServer, waiting_and_subscribed, with_readers};
use lab::origin::{Origin, plain};
use lab::{Gate, GateError, Missing, Peer, Placement, free_address, web};

use crate::release;

use super::result::{Benchmark, Row};

/// What `--only` calls it.
pub(super) const TASK: &str = "news";

/// Where news arrives, in the order of the table.
const PLACES: [&str; 6] = ["record", "page", "copy-1", "copy-2", "pager", "admins-mail"];

/// Who have subscribed, each of whom is told of another incident before the app fails.
const SUBSCRIBERS: u32 = 10_000;
/// Of them, so many must not have had that mail yet when all news has arrived; at 100 a second they wait for 100 seconds.
const STILL_WAIT: u64 = 5_000;

/// How long a start and an incident may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks, and between two visitors.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Of the gate's life before the app fails.
const CALM: Duration = Duration::from_secs(5);

const WORDS: &str = "Disruption of Website";
const SUBJECT: &str = "portcullis";
const ADMINS: &str = "ops@shop.example";

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatusError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error("cannot prepare the run: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error("{0} mails wait; a run needs a queue of at least {STILL_WAIT}")]
    Queue(u64),
    #[error("nothing arrived at the {place} within a minute; the gate said:\n{log}")]
    Never { place: &'static str, log: String },
}

/// So many runs, each with a gate of its own.
pub(super) fn measure(rounds: u32) -> Result<Benchmark, StatusError> {
    let mut figures: [Vec<f64>; PLACES.len()] = std::array::from_fn(|_| Vec::new());
    let mut waiting = Vec::new();
    for round in 0..rounds {
        let (arrived, left) = run_once()?;
        figures.iter_mut().zip(arrived).for_each(|(figures, seconds)| figures.push(seconds));
        waiting.push(left);
        eprintln!("news round {} of {rounds}", round + 1);
    }
    let after = |place: usize| -> Vec<f64> {
        figures[place].iter().zip(&figures[0]).map(|(at, detected)| (at - detected).max(0.0)).collect()
    };
    let mut benchmark = Benchmark::default();
    benchmark.rows.push(Row::of("mails-that-wait", SUBJECT, "mails_at_the_end", &waiting));
    benchmark.rows.push(Row::of(PLACES[0], SUBJECT, "s_after_the_first_failure", &figures[0]));
    for (place, name) in PLACES.iter().enumerate().skip(1) {
        benchmark.rows.push(Row::of(name, SUBJECT, "s_after_detection", &after(place)));
    }
    Ok(benchmark)
}

/// Seconds from the app's first failure until news is at each place, and how many other mails waited all the while.
fn run_once() -> Result<([f64; PLACES.len()], f64), StatusError> {
    let world = World::start()?;
    world.calm();
    world.tell_subscribers()?;
    let watch = world.fail();
    let is_over = AtomicBool::new(false);
    let (world, is_over) = (&world, &is_over);
    let arrived = std::thread::scope(|scope| {
        scope.spawn(|| world.visit(is_over));
        let looks: [ScopedJoinHandle<'_, Option<Duration>>; PLACES.len()] =
            std::array::from_fn(|place| scope.spawn(move || world.until_at(place, watch)));
        let arrived = looks.map(|look| look.join().ok().flatten());
        is_over.store(true, Relaxed);
        arrived
    });
    let mut seconds = [0.0; PLACES.len()];
    for ((place, at), seconds) in PLACES.into_iter().zip(arrived).zip(&mut seconds) {
        let at = at.ok_or_else(|| StatusError::Never { place, log: world.gate.log() })?;
        *seconds = at.as_secs_f64();
    }
    Ok((seconds, f64::from(world.queue()?)))
}

fn shows(folder: &Path) -> bool {
    // The index comes last.
    std::fs::read_to_string(folder.join("index.html")).is_ok_and(|page| page.contains(WORDS))
}

/// A gate with a page, two folders, a pager, a mail server and subscribers, before an app that fails when it is told to.
struct World {
    gate: Gate,
    page: SocketAddr,
    copies: [tempfile::TempDir; 2],
    pager: Pager,
    mail: MailServer,
    fails: Arc<AtomicBool>,
    _app: Origin,
}

impl World {
    fn start() -> Result<Self, StatusError> {
        let binary = release::binary();
        if !binary.is_file() {
            return Err(Missing::Gate { path: binary }.into());
        }
        let fails = Arc::new(AtomicBool::new(false));
        let told = fails.clone();
        let app = Origin::start(move |_| {
            plain(if told.load(Relaxed) { "500 Internal Server Error" } else { "200 OK" }, "", "")
        })?;
        let mail = MailServer::start(&Peer::alerts()?)?;
        let (page, copies, pager) =
            (free_address(), [tempfile::tempdir()?, tempfile::tempdir()?], Pager::start()?);
        let key = copies[0].path().with_extension("routing");
        std::fs::write(&key, "k".repeat(32))?;
        let config = format!(
            "{}[status]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Shop\"\nfirst_notice = \"0s\"\nexport = [\"{}\", \"{}\"]\n\
             [[status.component]]\nname = \"Website\"\n[[status.component]]\nname = \"Phone support\"\nwatches = \"nothing\"\n\
             [status.subscribers]\n{keys}from = \"status@shop.example\"\nper_second = 100\n\
             [[notify]]\nname = \"pager\"\nkind = \"pagerduty\"\nurl = \"http://{}\"\nsecret_file = \"{}\"\n\
             [[notify]]\nname = \"ops\"\nkind = \"mail\"\n{keys}from = \"gate@shop.example\"\nto = [\"{ADMINS}\"]\n",
            Gate::CONFIG.replace("{origin}", &app.url()),
            copies[0].path().display(),
            copies[1].path().display(),
            pager.listen,
            key.display(),
            keys = mail.keys(),
        );
        let started = Gate::start_placed(&config, &Placement { binary: Some(binary), core: None });
        let started = started.map_err(StatusError::from).and_then(|mut gate| {
            with_readers(&mut gate, SUBSCRIBERS)?;
            Ok(gate)
        });
        // It is read at each start.
        std::fs::remove_file(&key)?;
        Ok(Self { gate: started?, page, copies, pager, mail, fails, _app: app })
    }

    /// Somebody opens an incident of something that the gate does not watch, and the queue of mails to subscribers fills.
    fn tell_subscribers(&self) -> Result<(), StatusError> {
        let words = ["incident", "open", "Nobody answers the phone", "--text", "We look into it."];
        self.gate.tell(&[&words[..], &["--component", "Phone support=partial-outage"]].concat())?;
        let queued = || (waiting_and_subscribed(&self.gate).0 > STILL_WAIT).then_some(());
        wait_for(PATIENCE, queued).map_or_else(|| self.queue().map(drop), Ok)
    }

    /// How many mails to subscribers wait.
    fn queue(&self) -> Result<u32, StatusError> {
        let (waiting, _) = waiting_and_subscribed(&self.gate);
        match u32::try_from(waiting) {
            Ok(mails) if waiting >= STILL_WAIT => Ok(mails),
            _ => Err(StatusError::Queue(waiting)),
        }
    }

    /// When news was at a place; nothing if it was not within a minute.
    fn until_at(&self, place: usize, watch: Stopwatch) -> Option<Duration> {
        while watch.elapsed() < PATIENCE {
            let is_there = match place {
                0 => self.gate.control(&["incident"]).is_ok_and(|(_, text)| text.contains(WORDS)),
                1 => web::get(self.page, "/", &[]).is_ok_and(|answer| answer.body.contains(WORDS)),
                2 | 3 => shows(self.copies[place - 2].path()),
                4 => self.pager.is_called.load(Relaxed),
                _ => self
                    .mail
                    .mails_to(ADMINS)
                    .iter()
                    .any(|mail| mail["headers"]["subject"].to_string().contains(WORDS)),
            };
            if is_there {
                return Some(watch.elapsed());
            }
            pause(LOOK_EVERY);
        }
        None
    }

    /// Some calm, with people.
    fn calm(&self) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| self.visit(&is_over));
            pause(CALM);
            is_over.store(true, Relaxed);
        });
    }

    /// The app fails from now on.
    fn fail(&self) -> Stopwatch {
        self.fails.store(true, Relaxed);
        Stopwatch::start()
    }

    /// People ask for pages.
    fn visit(&self, is_over: &AtomicBool) {
        while !is_over.load(Relaxed) {
            let _whatever = web::get(self.gate.listen(), "/", &[]);
            pause(LOOK_EVERY);
        }
    }
}

/// Takes calls as PagerDuty's Events API v2 does.
struct Pager {
    listen: SocketAddr,
    is_called: Arc<AtomicBool>,
}

impl Pager {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (listen, is_called) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let called = is_called.clone();
        // Ends with the program.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if take(stream).is_ok_and(|body| body.contains(WORDS)) {
                    called.store(true, Relaxed);
                }
            }
        });
        Ok(Self { listen, is_called })
    }
}

/// Reads a call, says that it was taken, and hangs up.
fn take(stream: TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(&stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    let said = r#"{"status":"success","message":"Event processed","dedup_key":"x"}"#;
    write!(
        &stream,
        "HTTP/1.1 202 Accepted\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    )?;
    Ok(body)
}
