//! Customers, visitors, and people who sign in at an address that they have never had.
//!
//! Each arrives by chance (Poisson), opens a page with its files over a connection of its own, tries again a few times
//! if it is refused, and gives up after four seconds. What became of every attempt is written down.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::header::{LOCATION, REFRESH, RETRY_AFTER, SET_COOKIE};
use http::{Request, Response, StatusCode};
use rand_distr::{Distribution, Exp};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use tokio::time::Instant as Moment;
use web_io::{Bytes, Connection};

use crate::dial::{DialError, Door, get, post};
use crate::live::Live;
use crate::places;
use crate::shop::{ASSETS, PASSWORD, session};

/// Attempts of each kind of people in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) customers: f64,
    pub(crate) visitors: f64,
    pub(crate) logins: f64,
}

/// Who made an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Customer,
    Visitor,
    Login,
}

/// One attempt: a page with its files, or a login, with all tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) kind: Kind,
    /// Seconds since the crowd began.
    pub(crate) begun: f64,
    pub(crate) seconds: f64,
    pub(crate) ok: bool,
}

/// Everything that a person needs.
struct World {
    door: Door,
    live: Arc<Live>,
    /// Passes of the customers, by number.
    passes: Vec<String>,
    random: RefCell<Pcg64>,
    began: Moment,
    attempts: RefCell<Vec<Attempt>>,
    visits: Cell<u32>,
}

/// Lets people come for a time, then waits until the last of them has gone.
pub(crate) async fn come(
    door: Door,
    live: Arc<Live>,
    passes: Vec<String>,
    rates: Rates,
    lasting: Duration,
    seed: u64,
) -> Vec<Attempt> {
    let world = Rc::new(World {
        door,
        live,
        passes,
        random: RefCell::new(Pcg64::seed_from_u64(seed)),
        began: Moment::now(),
        attempts: RefCell::new(Vec::new()),
        visits: Cell::new(0),
    });
    let streams =
        [(Kind::Customer, rates.customers), (Kind::Visitor, rates.visitors), (Kind::Login, rates.logins)];
    let arrivals =
        streams.map(|(kind, rate)| tokio::task::spawn_local(arrive(world.clone(), kind, rate, lasting)));
    for stream in arrivals {
        // A stream of arrivals ends by itself.
        let _ended = stream.await;
    }
    tokio::time::sleep(LOGIN_PATIENCE.min(lasting) + Duration::from_secs(1)).await;
    world.attempts.take()
}

async fn arrive(world: Rc<World>, kind: Kind, rate: f64, lasting: Duration) {
    let Ok(gaps) = Exp::new(rate) else { return };
    let mut next = world.began;
    loop {
        let gap: f64 = gaps.sample(&mut *world.random.borrow_mut());
        next += Duration::from_secs_f64(gap);
        if next.duration_since(world.began) >= lasting {
            return;
        }
        tokio::time::sleep_until(next).await;
        let world = world.clone();
        tokio::task::spawn_local(async move {
            let ok = match kind {
                Kind::Customer => world.customer(next).await,
                Kind::Visitor => world.visitor(next).await,
                Kind::Login => world.login(next).await,
            };
            world.note(kind, next, ok);
        });
    }
}

impl World {
    fn note(&self, kind: Kind, begun: Moment, ok: bool) {
        let seconds = begun.elapsed().as_secs_f64();
        self.attempts.borrow_mut().push(Attempt {
            kind,
            begun: (begun - self.began).as_secs_f64(),
            seconds,
            ok,
        });
        let live = &self.live;
        let cell: &AtomicU64 = match (kind, ok) {
            (Kind::Customer, true) => &live.customers_ok,
            (Kind::Customer, false) => &live.customers_failed,
            (Kind::Visitor, true) => &live.visitors_ok,
            (Kind::Visitor, false) => &live.visitors_failed,
            (Kind::Login, true) => &live.logins_ok,
            (Kind::Login, false) => &live.logins_failed,
        };
        cell.fetch_add(1, Relaxed);
    }

    fn draw(&self, below: u32) -> u32 {
        self.random.borrow_mut().next_u32() % below.max(1)
    }

    /// A customer opens a page; one in ten of them is travelling and comes from an address never seen before.
    async fn customer(&self, begun: Moment) -> bool {
        let who = self.draw(u32::try_from(self.passes.len()).unwrap_or(u32::MAX));
        let pass = self.passes.get(who as usize).map_or("", String::as_str);
        let cookies = if pass.is_empty() {
            format!("session={}", session(who))
        } else {
            format!("session={}; portcullis={pass}", session(who))
        };
        let from = if self.draw(10) == 0 { self.new_address() } else { places::home(who) };
        let page = match self.draw(10) {
            0 => "/account".to_owned(),
            n => format!("/event/{}", n % 4),
        };
        self.visit(begun, from, &page, &cookies).await
    }

    async fn visitor(&self, begun: Moment) -> bool {
        let from = places::home(100_000 + self.draw(40_000));
        let page = if self.draw(3) == 0 { "/".to_owned() } else { format!("/event/{}", self.draw(4)) };
        self.visit(begun, from, &page, "").await
    }

    fn new_address(&self) -> Ipv4Addr {
        self.visits.set(self.visits.get() + 1);
        places::elsewhere(self.visits.get())
    }

    /// A page with its files; up to three further tries; four seconds in all.
    async fn visit(&self, begun: Moment, from: Ipv4Addr, page: &str, cookies: &str) -> bool {
        let trying = async {
            for _ in 0..=RETRIES {
                match self.load(from, page, cookies).await {
                    Ok(None) => return true,
                    Ok(Some(wait)) => tokio::time::sleep(wait).await,
                    Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
                }
            }
            false
        };
        tokio::time::timeout_at(begun + PATIENCE, trying).await.unwrap_or(false)
    }

    /// Nothing when the page and all its files came; otherwise how long to wait before another try.
    async fn load(&self, from: Ipv4Addr, page: &str, cookies: &str) -> Result<Option<Duration>, DialError> {
        let mut connection = self.door.connect(from).await?;
        let answer = connection.send(get(page, cookies), PAGE_BYTES_MAX).await?;
        if answer.status() != StatusCode::OK {
            return Ok(Some(wait_of(&answer)));
        }
        for file in ASSETS {
            let answer = connection.send(get(file, cookies), PAGE_BYTES_MAX).await?;
            if answer.status() != StatusCode::OK {
                return Ok(Some(wait_of(&answer)));
            }
        }
        Ok(None)
    }

    /// Somebody signs in at an address that nobody has seen before; patient for 30 s, as the promise has it.
    async fn login(&self, begun: Moment) -> bool {
        let (from, name) = (self.new_address(), self.draw(1 << 30));
        let mut jar = String::new();
        let trying = async {
            loop {
                match self.sign_in(from, name, &mut jar).await {
                    Ok(None) => return true,
                    Ok(Some(wait)) => tokio::time::sleep(wait).await,
                    Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
                }
            }
        };
        tokio::time::timeout_at(begun + LOGIN_PATIENCE, trying).await.unwrap_or(false)
    }

    async fn sign_in(
        &self,
        from: Ipv4Addr,
        name: u32,
        jar: &mut String,
    ) -> Result<Option<Duration>, DialError> {
        let mut connection = self.door.connect(from).await?;
        let form = ask(&mut connection, get("/login", jar), jar).await?;
        if form.status() != StatusCode::OK {
            return Ok(Some(wait_of(&form)));
        }
        for file in ASSETS {
            ask(&mut connection, get(file, jar), jar).await?;
        }
        let sent = post("/login", jar, format!("user=guest-{name}%40shop.example&password={PASSWORD}"));
        let answer = ask(&mut connection, sent, jar).await?;
        if answer.status() != StatusCode::SEE_OTHER
            || answer.headers().get(LOCATION).is_none_or(|to| to != "/account")
        {
            return Ok(Some(wait_of(&answer)));
        }
        let account = ask(&mut connection, get("/account", jar), jar).await?;
        Ok(if account.status() == StatusCode::OK { None } else { Some(wait_of(&account)) })
    }
}

/// Sends a request and keeps the cookies that come back.
async fn ask(
    connection: &mut Connection,
    request: Request<Bytes>,
    jar: &mut String,
) -> Result<Response<Bytes>, DialError> {
    let answer = connection.send(request, PAGE_BYTES_MAX).await?;
    for cookie in answer.headers().get_all(SET_COOKIE) {
        let pair = cookie.to_str().unwrap_or("").split(';').next().unwrap_or("").to_owned();
        let name = pair.split('=').next().unwrap_or("");
        let kept: Vec<&str> = jar
            .split("; ")
            .filter(|there| !there.is_empty() && there.split('=').next() != Some(name))
            .collect();
        *jar = [kept.as_slice(), &[pair.as_str()]].concat().join("; ");
    }
    Ok(answer)
}

/// What a polite client does with `Retry-After` or `Refresh`: waits, but not longer than two seconds.
fn wait_of(answer: &Response<Bytes>) -> Duration {
    let header = answer.headers().get(RETRY_AFTER).or_else(|| answer.headers().get(REFRESH));
    let seconds =
        header.and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds).min(RETRY_WAIT_MAX)
}

/// Customers and visitors give up after this.
const PATIENCE: Duration = Duration::from_secs(4);
const LOGIN_PATIENCE: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(300);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);
const PAGE_BYTES_MAX: usize = 64 * 1024;
