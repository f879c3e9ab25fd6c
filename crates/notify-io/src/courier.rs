//! The thread that carries.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use incident::{Moment, Record};
use model::Instant;
use notify::{Change, Figures, Next, Post};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::route::{Outlet, Route};

/// Both clocks at one moment. The binary gives its one clock.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Keeps what must outlive a crash, in the order in which it comes, and never waits.
pub trait Book: Send + Sync {
    /// Keeps one.
    fn keep(&self, change: Change);

    /// Waits until what news follows from is kept, and the news too, but never long: alerts leave all the same.
    fn settle(&self);
}

/// Carries until it is stopped or dropped.
pub struct Courier {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread shares with those who bring news.
struct Desk {
    post: Mutex<Post>,
    book: Arc<dyn Book>,
    clock: Clock,
    /// One for each receiver: there may be news.
    news: Vec<Notify>,
    stop: Notify,
    /// There may be news that a crash would lose.
    is_fresh: AtomicBool,
    /// Something has arrived.
    arrived: Condvar,
}

impl Courier {
    /// Carries from now on; `outlets` are the receivers of the post, in its order.
    ///
    /// # Errors
    /// When the thread cannot be started. A receiver that cannot be reached as it is configured is no error here: see
    /// [`crate::check`]; what is for it waits.
    pub fn start(post: Post, outlets: &[Outlet], book: Arc<dyn Book>, clock: Clock) -> io::Result<Self> {
        let routes = outlets.iter().map(Route::to);
        let routes: Vec<_> =
            routes.map(|route| route.unwrap_or_else(|error| Route::None(error.to_string()))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let news = routes.iter().map(|_| Notify::new()).collect();
        let desk = Arc::new(Desk {
            post: Mutex::new(post),
            book,
            clock,
            news,
            stop: Notify::new(),
            is_fresh: AtomicBool::new(true),
            arrived: Condvar::new(),
        });
        let shared = desk.clone();
        let thread = std::thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || run(runtime, &shared, routes))?;
        Ok(Self { desk, thread: Mutex::new(Some(thread)) })
    }

    /// Takes the next entries of the record; what follows from them is given to the book before this returns.
    pub fn hear(&self, records: &[Record]) {
        let moment = (self.desk.clock)();
        // The lock is held so that nothing is tried before it is in the book.
        let mut post = self.desk.post();
        for change in post.hear(records, moment) {
            self.desk.book.keep(change);
        }
        self.desk.is_fresh.store(true, Relaxed);
        drop(post);
        self.desk.news.iter().for_each(Notify::notify_one);
    }

    /// Tells everybody of an incident that is none.
    pub fn test(&self) {
        let moment = (self.desk.clock)();
        let mut post = self.desk.post();
        for change in post.test(moment) {
            self.desk.book.keep(change);
        }
        self.desk.is_fresh.store(true, Relaxed);
        drop(post);
        self.desk.news.iter().for_each(Notify::notify_one);
    }

    /// The gate works.
    pub fn beat(&self, now: Instant) {
        self.desk.post().beat(now);
    }

    /// Begins nothing more; [`Courier::rest`] waits for what is on its way.
    pub fn pause(&self) {
        self.desk.post().pause(true);
    }

    /// Waits until what is on its way has arrived, and its end is given to the book, but no longer than that; mail servers may take
    /// minutes.
    pub fn rest(&self, within: Duration) {
        let (post, _late) = self
            .desk
            .arrived
            .wait_timeout_while(self.desk.post(), within, |post| post.is_sending())
            .unwrap_or_else(PoisonError::into_inner);
        drop(post);
    }

    /// Sends again.
    pub fn go_on(&self) {
        self.desk.post().pause(false);
    }

    /// Whether an alert waits that was not tried yet.
    pub fn has_untried(&self) -> bool {
        self.desk.post().has_untried()
    }

    /// How receivers are doing.
    pub fn figures(&self) -> Vec<Figures> {
        self.desk.post().figures().collect()
    }

    /// Ends the thread; what was not delivered waits for the next start.
    pub fn stop(&self) {
        self.desk.stop.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has said so already.
            let _ended = thread.join();
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Desk {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to one receiver, for ever.
    async fn serve(&self, place: usize, route: &Route) {
        loop {
            let next = self.post().next(place, (self.clock)());
            match next {
                Next::Send(parcel) => {
                    // Whoever hears of an incident that a crash takes from the record hears of it twice, under two names.
                    if self.is_fresh.swap(false, Relaxed) {
                        self.book.settle();
                    }
                    let answer = route.carry(parcel).await;
                    let mut post = self.post();
                    if let Some(change) = post.settle(place, &answer, (self.clock)()) {
                        self.book.keep(change);
                    }
                    drop(post);
                    self.arrived.notify_all();
                }
                Next::Over(change) => self.book.keep(change),
                Next::Wait(pause) => {
                    let Some(news) = self.news.get(place) else { return };
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = news.notified() => {}
                    }
                }
            }
        }
    }
}

fn run(runtime: Runtime, desk: &Arc<Desk>, routes: Vec<Route>) {
    let local = LocalSet::new();
    for (place, route) in routes.into_iter().enumerate() {
        let desk = desk.clone();
        let _until_the_end = local.spawn_local(async move { desk.serve(place, &route).await });
    }
    runtime.block_on(local.run_until(desk.stop.notified()));
    drop(local);
    // A name that is being looked up must not hold the end up.
    runtime.shutdown_background();
}

#[cfg(test)]
mod tests;
