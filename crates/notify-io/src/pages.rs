//! The thread that writes on pages elsewhere.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use incident::View;
use notify::{Answer, PageChange, PageFigures, PageKeeper, PageNext};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use web_io::Client;

use crate::courier::Clock;

/// A page elsewhere with what is needed to reach it.
#[derive(Clone, Debug)]
pub struct PagePlace {
    /// What it is called.
    pub name: String,
    /// Whether it is reached over plain http, for which no authorities are needed.
    pub is_plain: bool,
    /// Authorities that its server is verified with, PEM; without it, those of the system.
    pub authorities: Option<PathBuf>,
    /// Why it cannot be used as it is configured, in words for an admin: what is for it waits.
    pub unusable: Option<String>,
}

/// Why a page elsewhere cannot be reached.
#[derive(Clone, Debug, thiserror::Error)]
#[error("[[publish]] {name}: {error}")]
pub struct PlaceError {
    /// The page.
    pub name: String,
    /// What is wrong, in words.
    pub error: String,
}

/// Keeps what must outlive a crash, in the order in which it comes, and never waits long.
pub trait PageBook: Send + Sync {
    /// Keeps one, of the page of this name.
    fn keep(&self, page: &str, change: PageChange);

    /// Waits until it is kept, but never long: what is to be published leaves all the same.
    fn settle(&self);
}

/// Writes until it is stopped or dropped.
pub struct Pages {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread shares with those who bring news.
struct Desk {
    keepers: Mutex<Vec<PageKeeper>>,
    names: Vec<String>,
    book: Arc<dyn PageBook>,
    clock: Clock,
    /// One for each page: there may be news.
    news: Vec<Notify>,
    stop: Notify,
    /// An answer has come.
    answered: Condvar,
}

/// Whether a page can be reached as far as this machine can tell; nobody is asked.
///
/// # Errors
/// What is wrong with how it is configured.
pub fn check_page(place: &PagePlace) -> Result<(), PlaceError> {
    client(place).map(drop)
}

fn client(place: &PagePlace) -> Result<Client, PlaceError> {
    let failed = |error: String| PlaceError { name: place.name.clone(), error };
    match &place.unusable {
        Some(why) => Err(failed(why.clone())),
        None if place.is_plain => Ok(Client::without_tls(WITHIN, ANSWER_BYTES_MAX)),
        None => Client::new(place.authorities.as_deref(), WITHIN, ANSWER_BYTES_MAX)
            .map_err(|error| failed(error.to_string())),
    }
}

impl Pages {
    /// Writes from now on; `places` are those of the keepers, in their order.
    ///
    /// # Errors
    /// When the thread cannot be started. A page that cannot be reached as it is configured is no error here: see [`check_page`];
    /// what is for it waits.
    pub fn start(
        keepers: Vec<PageKeeper>,
        places: &[PagePlace],
        book: Arc<dyn PageBook>,
        clock: Clock,
    ) -> io::Result<Self> {
        let clients: Vec<_> = places.iter().map(client).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let desk = Arc::new(Desk {
            keepers: Mutex::new(keepers),
            names: places.iter().map(|place| place.name.clone()).collect(),
            book,
            clock,
            news: places.iter().map(|_| Notify::new()).collect(),
            stop: Notify::new(),
            answered: Condvar::new(),
        });
        let shared = desk.clone();
        let thread = std::thread::Builder::new()
            .name("pages".to_owned())
            .spawn(move || run(runtime, &shared, clients))?;
        Ok(Self { desk, thread: Mutex::new(Some(thread)) })
    }

    /// Takes what the public reads now; never waits for a page.
    pub fn want(&self, view: &View) {
        let moment = (self.desk.clock)();
        let mut keepers = self.desk.keepers();
        for (keeper, name) in keepers.iter_mut().zip(&self.desk.names) {
            for change in keeper.want(view, moment) {
                self.desk.book.keep(name, change);
            }
        }
        drop(keepers);
        self.desk.news.iter().for_each(Notify::notify_one);
    }

    /// Begins nothing more; [`Pages::rest`] waits for what is on its way.
    pub fn pause(&self) {
        self.desk.keepers().iter_mut().for_each(|keeper| keeper.pause(true));
    }

    /// Waits until what is on its way has been answered, but no longer than that.
    pub fn rest(&self, within: Duration) {
        let keepers = self.desk.keepers();
        let is_sending = |keepers: &mut Vec<PageKeeper>| keepers.iter().any(PageKeeper::is_sending);
        let waited = self.desk.answered.wait_timeout_while(keepers, within, is_sending);
        let (keepers, _late) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(keepers);
    }

    /// Writes again.
    pub fn go_on(&self) {
        self.desk.keepers().iter_mut().for_each(|keeper| keeper.pause(false));
    }

    /// How pages are doing.
    pub fn figures(&self) -> Vec<PageFigures> {
        let now = (self.desk.clock)().now;
        self.desk.keepers().iter().map(|keeper| keeper.figures(now)).collect()
    }

    /// Ends the thread; what was not written waits for the next start.
    pub fn stop(&self) {
        self.desk.stop.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has said so already.
            let _ended = thread.join();
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Desk {
    fn keepers(&self) -> MutexGuard<'_, Vec<PageKeeper>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to one page, for ever.
    async fn serve(&self, place: usize, client: Result<Client, PlaceError>) {
        let (Some(name), Some(news)) = (self.names.get(place), self.news.get(place)) else { return };
        loop {
            let next = self.keepers().get_mut(place).map(|keeper| keeper.next((self.clock)()));
            match next {
                None => return,
                Some(PageNext::Send { request, keep }) => {
                    if let Some(bytes) = keep {
                        self.book.keep(name, PageChange::Kept(bytes));
                        self.book.settle();
                    }
                    let answer = match &client {
                        Ok(client) => ask(client, request).await,
                        Err(error) => failed(true, error.error.clone()),
                    };
                    self.settle(place, name, &answer);
                }
                Some(PageNext::Wait(pause)) => {
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = news.notified() => {}
                    }
                }
            }
        }
    }

    fn settle(&self, place: usize, name: &str, answer: &Answer) {
        let mut keepers = self.keepers();
        if let Some(keeper) = keepers.get_mut(place) {
            // The lock is held so that what follows is kept in order.
            for change in keeper.settle(answer, (self.clock)()) {
                self.book.keep(name, change);
            }
        }
        drop(keepers);
        self.answered.notify_all();
    }
}

async fn ask(client: &Client, request: notify::Request) -> Answer {
    match made(request) {
        // An address may be a secret, and is not repeated.
        Err(error) => failed(true, format!("it cannot be asked: {error}")),
        Ok(request) => match client.send(request).await {
            Ok(answer) => {
                let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                Answer::Http {
                    status: answer.status().as_u16(),
                    retry_after: retry_after.map(str::to_owned),
                    body: answer.body().to_vec(),
                }
            }
            Err(error) => failed(false, error.to_string()),
        },
    }
}

fn made(request: notify::Request) -> Result<http::Request<Bytes>, http::Error> {
    let mut made =
        http::Request::builder().method(request.method).uri(request.url).header(USER_AGENT, "Portcullis");
    for (name, value) in request.headers {
        let mut value = HeaderValue::from_str(value.expose())?;
        value.set_sensitive(true);
        made = made.header(HeaderName::from_bytes(name.as_bytes())?, value);
    }
    made.body(request.body.into())
}

const fn failed(is_permanent: bool, words: String) -> Answer {
    Answer::Failed { is_permanent, words }
}

fn run(runtime: Runtime, desk: &Arc<Desk>, clients: Vec<Result<Client, PlaceError>>) {
    let local = LocalSet::new();
    for (place, client) in clients.into_iter().enumerate() {
        let desk = desk.clone();
        let _until_the_end = local.spawn_local(async move { desk.serve(place, client).await });
    }
    runtime.block_on(local.run_until(desk.stop.notified()));
    drop(local);
    // A name that is being looked up must not hold the end up.
    runtime.shutdown_background();
}

/// A page must have answered by then.
const WITHIN: Duration = Duration::from_secs(15);
/// A list of incidents with all that was said of them.
const ANSWER_BYTES_MAX: usize = 8 << 20;
