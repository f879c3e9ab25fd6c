//! The thread that writes to subscribers: behind alerts, over a connection of its own.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use incident::{Moment, View};
use model::Instant;
use notify::subscribers::{Change, Circle, CircleFigures, Letter, Outcome, Step};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::courier::Clock;
use crate::route::{MailServer, TlsFault};
use crate::wire::Wire;

/// Keeps what must outlive a crash, in the order in which it comes, and never waits.
pub trait MailBook: Send + Sync {
    /// Keeps one.
    fn keep(&self, change: Change);

    /// Waits until everything before is kept; false if that does not happen soon.
    fn settle(&self) -> bool;
}

/// Whether something more urgent waits to be sent.
pub type Ahead = Box<dyn Fn() -> bool + Send + Sync>;

/// Writes until it is stopped or dropped.
pub struct Mailing {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread shares with those who bring news and people.
struct Desk {
    circle: Mutex<Circle>,
    book: Arc<dyn MailBook>,
    clock: Clock,
    ahead: Ahead,
    news: Notify,
    stop: Notify,
    /// There is something that is perhaps not on the disk.
    is_fresh: AtomicBool,
    arrived: Condvar,
}

/// Whether this machine can verify a mail server; it is not asked.
///
/// # Errors
/// What is wrong with how it is configured.
pub fn check_mail_server(server: &MailServer, authorities: Option<&Path>) -> Result<(), TlsFault> {
    Wire::to(server.clone(), authorities).map(drop)
}

impl Mailing {
    /// Writes from now on. A server that cannot be used as it is configured is no error here: see [`check_mail_server`]; what is to be sent
    /// waits.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        circle: Circle,
        server: Result<(MailServer, Option<&Path>), String>,
        book: Arc<dyn MailBook>,
        clock: Clock,
        ahead: Ahead,
    ) -> io::Result<Self> {
        let wire = server.and_then(|(server, authorities)| {
            Wire::to(server, authorities).map_err(|fault| fault.to_string())
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let desk = Arc::new(Desk {
            circle: Mutex::new(circle),
            book,
            clock,
            ahead,
            news: Notify::new(),
            stop: Notify::new(),
            is_fresh: AtomicBool::new(true),
            arrived: Condvar::new(),
        });
        let shared = desk.clone();
        let thread = std::thread::Builder::new()
            .name("subscribers".to_owned())
            .spawn(move || run(runtime, &shared, wire))?;
        Ok(Self { desk, thread: Mutex::new(Some(thread)) })
    }

    /// Takes what may be published; what follows from it is given to the book before this returns.
    pub fn hear(&self, view: &View) {
        self.act(|circle, moment| ((), circle.hear(view, moment)));
    }

    /// Asks or tells the circle something; what follows from it is given to the book before this returns.
    pub fn act<T>(&self, act: impl FnOnce(&mut Circle, Moment) -> (T, Vec<Change>)) -> T {
        let moment = (self.desk.clock)();
        let mut circle = self.desk.circle();
        let queued = circle.queued();
        let (answer, changes) = act(&mut circle, moment);
        if !changes.is_empty() {
            self.desk.keep(changes);
            self.desk.is_fresh.store(true, Relaxed);
        }
        // Whoever only looks, and anybody may, does not wake the thread.
        if circle.queued() > queued {
            self.desk.news.notify_one();
        }
        drop(circle);
        answer
    }

    /// Waits until what was done is on the disk; false if that does not happen soon. Not for a thread that serves.
    pub fn settle(&self) -> bool {
        self.desk.book.settle()
    }

    /// Sends no more news; [`Mailing::rest`] waits for what is on its way. Nobody can join or leave meanwhile.
    pub fn pause(&self) {
        self.desk.circle().pause(true);
    }

    /// Waits until what is on its way has arrived, but no longer than that; mail servers may take minutes.
    pub fn rest(&self, within: Duration) {
        let (circle, _late) = self
            .desk
            .arrived
            .wait_timeout_while(self.desk.circle(), within, |circle| circle.is_sending())
            .unwrap_or_else(PoisonError::into_inner);
        drop(circle);
    }

    /// Sends again.
    pub fn go_on(&self) {
        self.desk.circle().pause(false);
    }

    /// How it is going.
    pub fn figures(&self) -> CircleFigures {
        self.desk.circle().figures()
    }

    /// Ends the thread; what was not sent waits for the next start.
    pub fn stop(&self) {
        self.desk.stop.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has said so already.
            let _ended = thread.join();
        }
    }
}

impl Drop for Mailing {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Desk {
    fn circle(&self) -> MutexGuard<'_, Circle> {
        self.circle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.book.keep(change));
    }

    /// Waits for the disk if there is something new; what is not on it then is new still.
    fn settle(&self) {
        if self.is_fresh.swap(false, Relaxed) && !self.book.settle() {
            self.is_fresh.store(true, Relaxed);
        }
    }

    /// Sends what is due, for ever.
    async fn serve(&self, mut wire: Result<Wire, String>) {
        let (is_tired, mut last) = (Cell::new(false), (self.clock)().now);
        loop {
            self.let_pass(&is_tired).await;
            let step = self.circle().next((self.clock)());
            match step {
                Step::Send(letter) => {
                    self.send(&letter, &mut wire).await;
                    last = (self.clock)().now;
                }
                Step::Keep(changes) => self.keep(changes),
                Step::Wait(pause) => {
                    // What found no place in the book gets one although nothing follows it.
                    self.settle();
                    if is_idle(last, (self.clock)().now)
                        && let Ok(wire) = &mut wire
                    {
                        wire.close().await;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.news.notified() => {}
                    }
                }
            }
        }
    }

    async fn send(&self, letter: &Letter, wire: &mut Result<Wire, String>) {
        // What is sent before it is kept is sent again after a crash.
        self.settle();
        let is_wanted = self.circle().is_wanted();
        let outcome = match wire {
            // Somebody left in the last moment.
            Ok(_) if !is_wanted => Outcome::Later(String::new()),
            Ok(wire) => wire.send(letter).await,
            Err(why) => Outcome::Unreachable(why.clone()),
        };
        let mut circle = self.circle();
        let changes = circle.settle(outcome, (self.clock)());
        self.is_fresh.fetch_or(!changes.is_empty(), Relaxed);
        self.keep(changes);
        drop(circle);
        self.arrived.notify_all();
    }

    /// Lets alerts leave first, but not for ever.
    async fn let_pass(&self, is_tired: &Cell<bool>) {
        for _ in 0..LOOKS_MAX {
            if !(self.ahead)() {
                is_tired.set(false);
                return;
            }
            if is_tired.get() {
                return;
            }
            tokio::time::sleep(LOOK_APART).await;
        }
        is_tired.set(true);
    }
}

/// By the clock, however often something else woke the thread meanwhile.
fn is_idle(last: Instant, now: Instant) -> bool {
    now.since(last) >= IDLE
}

fn run(runtime: Runtime, desk: &Arc<Desk>, wire: Result<Wire, String>) {
    runtime.block_on(async {
        tokio::select! {
            () = desk.serve(wire) => {}
            () = desk.stop.notified() => {}
        }
    });
    // A name that is being looked up must not hold the end up.
    runtime.shutdown_background();
}

/// A connection is not kept while nothing is to be sent for so long.
const IDLE: Duration = Duration::from_secs(10);
/// How often it is looked whether alerts wait, and how many times: ten seconds.
const LOOK_APART: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 200;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use model::{Net, Timestamp};
    use notify::subscribers::{CircleSettings, Kept, LinkKey};

    use super::*;

    /// Has no room at first.
    #[derive(Default)]
    struct Full(AtomicU32);

    impl MailBook for Full {
        fn keep(&self, _: Change) {}

        fn settle(&self) -> bool {
            self.0.fetch_add(1, Relaxed) > 0
        }
    }

    fn moment() -> Moment {
        Moment { now: Instant::from_secs(1_000), wall: Timestamp::from_secs(1_795_876_200) }
    }

    /// Without its thread.
    fn mailing(book: Arc<Full>) -> Mailing {
        let settings = CircleSettings {
            name: "Example Shop".to_owned(),
            url: "https://status.shop.example".to_owned(),
            base: "https://status.shop.example".to_owned(),
            from: "status@shop.example".to_owned(),
            per_second: 2,
            most: 20,
            key: LinkKey::new(&[7; 32]),
        };
        let desk = Arc::new(Desk {
            circle: Mutex::new(Circle::new(settings, Kept::default(), moment())),
            book,
            clock: Arc::new(moment),
            ahead: Box::new(|| false),
            news: Notify::new(),
            stop: Notify::new(),
            is_fresh: AtomicBool::new(true),
            arrived: Condvar::new(),
        });
        Mailing { desk, thread: Mutex::new(None) }
    }

    fn is_woken(mailing: &Mailing) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = mailing.desk.news.notified() => true,
                () = std::future::ready(()) => false,
            }
        })
    }

    #[test]
    fn whoever_looks_does_not_wake_the_thread_and_whoever_asks_does() {
        let mailing = mailing(Arc::default());
        mailing.act(|circle, moment| (circle.is_invited("x", moment.wall), Vec::new()));
        assert!(!is_woken(&mailing));
        let network = Some(Net::network(std::net::IpAddr::from([192, 0, 2, 1])));
        let mut ask = |name: &str| {
            let address = format!("{name}@shop.example").parse().unwrap();
            let asked =
                mailing.act(|circle, moment| (circle.ask(address, vec![], network, moment), Vec::new()));
            (asked.is_ok(), is_woken(&mailing))
        };
        assert_eq!(
            ["ann", "ann", "bob", "eve"].map(&mut ask),
            [(true, true), (true, false), (true, true), (false, false)]
        );
    }

    #[test]
    fn a_connection_is_idle_by_the_clock() {
        let last = Instant::from_secs(1_000);
        assert!(!is_idle(last, last) && !is_idle(last, last + IDLE / 2) && is_idle(last, last + IDLE));
    }

    #[test]
    fn what_the_disk_did_not_take_is_waited_for_again() {
        let book = Arc::<Full>::default();
        let mailing = mailing(book.clone());
        for settled in [1, 2, 2] {
            mailing.desk.settle();
            assert_eq!(book.0.load(Relaxed), settled);
        }
    }
}
