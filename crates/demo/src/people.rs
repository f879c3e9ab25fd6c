//! Customers, visitors, and people who sign in at an address that they have never had.
//!
//! Each arrives by chance (Poisson), opens a page with its files over a connection of its own, tries again a few times
//! if it is refused, and gives up after four seconds. Some visitors are patient: they wait as long as they are told, and give
//! up after a minute. All have browsers that keep cookies. What became of every attempt is written down.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http::header::{LOCATION, REFRESH, RETRY_AFTER, SET_COOKIE};
use http::{Request, Response, StatusCode};
use rand_distr::{Distribution, Exp};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use tokio::time::Instant as Moment;
use web_io::{Bytes, Connection};

use crate::arena::Arena;
use crate::browser::Browser;
use crate::dial::{DialError, Door};
use crate::live::{Kind, Live};
use crate::places;
use crate::shop::{ASSETS, PASSWORD, session};

/// Attempts of each kind of people in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) customers: f64,
    pub(crate) visitors: f64,
    pub(crate) patient: f64,
    pub(crate) logins: f64,
}

/// When people come.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    /// At most for so long.
    pub(crate) lasting: Duration,
    /// Set when it is enough.
    pub(crate) over: Arc<AtomicBool>,
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
    /// People who are there now.
    there: Cell<u32>,
    hours: Hours,
}

/// Lets people come for a time, then waits until the last of them has gone.
pub(crate) async fn come(
    door: Door,
    live: Arc<Live>,
    passes: Vec<String>,
    rates: Rates,
    hours: Hours,
    seed: u64,
) -> Vec<Attempt> {
    let world = Rc::new(World::new(door, live, passes, hours, seed));
    let streams = [
        (Kind::Customer, rates.customers),
        (Kind::Visitor, rates.visitors),
        (Kind::Patient, rates.patient),
        (Kind::Login, rates.logins),
    ];
    let arrivals = streams.map(|(kind, rate)| tokio::task::spawn_local(arrive(world.clone(), kind, rate)));
    for stream in arrivals {
        // A stream of arrivals ends by itself.
        let _ended = stream.await;
    }
    // Everybody has a patience of their own, so that the last of them goes.
    while world.there.get() > 0 {
        tokio::time::sleep(GLANCE).await;
    }
    world.attempts.take()
}

async fn arrive(world: Rc<World>, kind: Kind, rate: f64) {
    let Ok(gaps) = Exp::new(rate) else { return };
    let mut next = world.began;
    loop {
        let gap: f64 = gaps.sample(&mut *world.random.borrow_mut());
        next += Duration::from_secs_f64(gap);
        if next.duration_since(world.began) >= world.hours.lasting {
            return;
        }
        tokio::time::sleep_until(next).await;
        if world.hours.over.load(Relaxed) {
            return;
        }
        world.there.set(world.there.get() + 1);
        let world = world.clone();
        tokio::task::spawn_local(async move {
            let ok = match kind {
                Kind::Customer => world.customer(next).await,
                Kind::Visitor => world.visitor(next).await,
                Kind::Patient => world.patient(next).await,
                Kind::Login => world.login(next).await,
            };
            world.note(kind, next, ok);
        });
    }
}

impl World {
    fn new(door: Door, live: Arc<Live>, passes: Vec<String>, hours: Hours, seed: u64) -> Self {
        Self {
            door,
            live,
            passes,
            random: RefCell::new(Pcg64::seed_from_u64(seed)),
            began: Moment::now(),
            attempts: RefCell::new(Vec::new()),
            visits: Cell::new(0),
            there: Cell::new(0),
            hours,
        }
    }

    fn note(&self, kind: Kind, begun: Moment, ok: bool) {
        let seconds = begun.elapsed().as_secs_f64();
        self.attempts.borrow_mut().push(Attempt {
            kind,
            begun: (begun - self.began).as_secs_f64(),
            seconds,
            ok,
        });
        self.live.count(kind, ok);
        self.there.set(self.there.get() - 1);
    }

    fn draw(&self, below: u32) -> u32 {
        self.random.borrow_mut().next_u32() % below.max(1)
    }

    /// One of the customers, also where there is no gate that gave them passes.
    fn who(&self) -> u32 {
        self.draw(Arena::CUSTOMERS)
    }

    /// A customer opens a page; one in ten of them is travelling and comes from an address never seen before.
    async fn customer(&self, begun: Moment) -> bool {
        let who = self.who();
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
        self.visit(begun, (from, Browser::of(who)), &page, &cookies).await
    }

    async fn visitor(&self, begun: Moment) -> bool {
        let who = self.draw(VISITORS);
        let page = page_of(self.draw(12));
        self.visit(begun, (places::visitor(who), Browser::of(who)), &page, "").await
    }

    /// A visitor who does what the page says: keeps its cookie, waits, asks again.
    async fn patient(&self, begun: Moment) -> bool {
        let who = self.draw(VISITORS);
        let (from, browser, page) = (places::visitor(who), Browser::of(who), page_of(self.draw(12)));
        let mut jar = String::new();
        let trying = async {
            loop {
                match self.load(from, browser, &page, &mut jar).await {
                    Ok(None) => return true,
                    Ok(Some(wait)) => tokio::time::sleep(wait).await,
                    Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
                }
            }
        };
        tokio::time::timeout_at(begun + PATIENT_FOR, trying).await.unwrap_or(false)
    }

    fn new_address(&self) -> Ipv4Addr {
        self.visits.set(self.visits.get() + 1);
        places::elsewhere(self.visits.get())
    }

    /// A page with its files; up to three further tries; four seconds in all.
    async fn visit(&self, begun: Moment, who: (Ipv4Addr, Browser), page: &str, cookies: &str) -> bool {
        let (from, browser) = who;
        let mut jar = cookies.to_owned();
        let trying = async {
            for _ in 0..=RETRIES {
                match self.load(from, browser, page, &mut jar).await {
                    Ok(None) => return true,
                    Ok(Some(wait)) => tokio::time::sleep(wait.min(RETRY_WAIT_MAX)).await,
                    Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
                }
            }
            false
        };
        tokio::time::timeout_at(begun + PATIENCE, trying).await.unwrap_or(false)
    }

    /// Nothing when the page and all its files came; otherwise how long to wait before another try.
    async fn load(
        &self,
        from: Ipv4Addr,
        browser: Browser,
        page: &str,
        jar: &mut String,
    ) -> Result<Option<Duration>, DialError> {
        let mut connection = self.door.connect(from).await?;
        let answer = ask(&mut connection, browser.get(page, jar), jar).await?;
        if answer.status() != StatusCode::OK {
            return Ok(Some(wait_of(&answer)));
        }
        for file in ASSETS {
            let answer = ask(&mut connection, browser.get(file, jar), jar).await?;
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
                    Ok(Some(wait)) => tokio::time::sleep(wait.min(RETRY_WAIT_MAX)).await,
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
        let browser = Browser::of(name);
        let form = ask(&mut connection, browser.get("/login", jar), jar).await?;
        if form.status() != StatusCode::OK {
            return Ok(Some(wait_of(&form)));
        }
        for file in ASSETS {
            ask(&mut connection, browser.get(file, jar), jar).await?;
        }
        let form = format!("user=guest-{name}%40shop.example&password={PASSWORD}");
        let sent = browser.post("/login", jar, form);
        let answer = ask(&mut connection, sent, jar).await?;
        if answer.status() != StatusCode::SEE_OTHER
            || answer.headers().get(LOCATION).is_none_or(|to| to != "/account")
        {
            return Ok(Some(wait_of(&answer)));
        }
        let account = ask(&mut connection, browser.get("/account", jar), jar).await?;
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

/// A page that a visitor asks for; attackers who copy visitors ask for the same.
pub(crate) fn page_of(draw: u32) -> String {
    if draw.is_multiple_of(3) { "/".to_owned() } else { format!("/event/{}", draw / 3 % 4) }
}

/// What a polite client does with `Refresh` or `Retry-After`: waits.
fn wait_of(answer: &Response<Bytes>) -> Duration {
    let header = answer.headers().get(REFRESH).or_else(|| answer.headers().get(RETRY_AFTER));
    let text = header.and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    Duration::from_secs(text.and_then(|text| text.trim().parse().ok()).unwrap_or(1)).min(WAIT_MAX)
}

/// Visitors that there are.
const VISITORS: u32 = 7_680;
/// Customers and visitors give up after this.
const PATIENCE: Duration = Duration::from_secs(4);
const LOGIN_PATIENCE: Duration = Duration::from_secs(30);
const PATIENT_FOR: Duration = Duration::from_secs(60);
const RETRIES: u32 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(300);
/// Who is in a hurry waits no longer than this, whatever they are told.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);
/// Nor do the patient wait longer than this.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether people are still there.
const GLANCE: Duration = Duration::from_millis(100);
const PAGE_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn without_the_gate_they_are_as_many_customers_as_with_it() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let hours = Hours { lasting: Duration::ZERO, over: Arc::default() };
        let who = |passes: Vec<String>| {
            let door = Door::of(&listener, 0).unwrap();
            let world = World::new(door, Arc::default(), passes, hours.clone(), 7);
            (0..1_000).map(|_| world.who()).collect::<BTreeSet<_>>()
        };
        let without = who(Vec::new());
        assert!(without.len() > 800, "only {} of them came", without.len());
        assert_eq!(without, who(vec![String::new(); Arena::CUSTOMERS as usize]));
    }
}
