//! The sample shop: a small ticket shop that behaves like a real app server under load.
//!
//! Sixteen requests are in service at once, each takes 40 ms on average (log-normal); further ones queue in the shop,
//! first come first served; what a client asked for is done even when the client has gone.

mod pages;

pub(crate) use pages::ASSETS;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use rand_distr::{Distribution, LogNormal};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::SeedableRng;
use tokio::sync::Semaphore;
use web_io::{Bytes, ServerLimits};

use crate::dial::nonce_text;

/// Requests in service at once.
pub(crate) const SERVERS: usize = 16;
/// Mean service time of a page, in milliseconds.
pub(crate) const SERVICE_MILLIS: f64 = 40.0;
/// Spread of the service time's logarithm.
const SERVICE_SIGMA: f64 = 0.4;
/// Requests that may queue in the shop; further ones get 503.
const BACKLOG: usize = 2_048;
/// What a search and a login cost, in pages.
const SEARCH_PAGES: u32 = 20;
const LOGIN_PAGES: u32 = 4;
const SESSIONS_MAX: usize = 100_000;

/// What is seen of the shop from outside.
#[derive(Debug, Default)]
pub(crate) struct ShopCounters {
    /// Requests that came to the slots.
    pub(crate) arrived: AtomicU64,
    /// Requests that were served on a slot.
    pub(crate) served: AtomicU64,
}

struct Shop {
    nonce: u64,
    slots: Rc<Semaphore>,
    queued: Cell<usize>,
    random: RefCell<Pcg64>,
    service: LogNormal<f64>,
    sessions: RefCell<BTreeMap<String, String>>,
    logins: Cell<u64>,
    counters: Arc<ShopCounters>,
}

/// The account of a customer of the snapshot.
pub(crate) fn account(customer: u32) -> String {
    format!("customer-{customer}@shop.example")
}

/// The session that a customer of the snapshot has had for weeks.
pub(crate) fn session(customer: u32) -> String {
    format!("old-session-{customer}")
}

/// The password of every demo account.
pub(crate) const PASSWORD: &str = "tickets";

/// Serves the shop until `stop` resolves.
pub(crate) async fn serve(
    listener: tokio::net::TcpListener,
    nonce: u64,
    customers: u32,
    counters: Arc<ShopCounters>,
    stop: impl Future<Output = ()>,
) {
    let mean_of_log = SERVICE_MILLIS.ln() - SERVICE_SIGMA * SERVICE_SIGMA / 2.0;
    let shop = Rc::new(Shop {
        nonce,
        slots: Rc::new(Semaphore::new(SERVERS)),
        queued: Cell::new(0),
        random: RefCell::new(Pcg64::seed_from_u64(nonce)),
        service: LogNormal::new(mean_of_log, SERVICE_SIGMA).expect("the spread is a positive constant"),
        sessions: RefCell::new(
            (0..customers).map(|customer| (session(customer), account(customer))).collect(),
        ),
        logins: Cell::new(0),
        counters,
    });
    let limits =
        ServerLimits { connections: 12_000, body_bytes: 64 * 1024, header_seconds: 30, idle_seconds: 120 };
    let handler = move |request: Request<Bytes>, _peer| {
        let shop = shop.clone();
        async move { shop.answer(request).await }
    };
    web_io::serve(listener, limits, handler, stop).await;
}

impl Shop {
    async fn answer(self: Rc<Self>, request: Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        if path == "/run-nonce" {
            return text(StatusCode::OK, "text/plain", nonce_text(self.nonce));
        }
        if let Some(file) = pages::asset(&path) {
            return file;
        }
        let Some(pages) = cost(request.method().as_str(), &path) else {
            return text(StatusCode::NOT_FOUND, "text/html; charset=utf-8", pages::not_found());
        };
        let shop = self.clone();
        // On a task of its own: the work is done even when the client has gone.
        let work = tokio::task::spawn_local(async move { shop.on_a_slot(request, pages).await });
        work.await.unwrap_or_else(|_| text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "error".into()))
    }

    async fn on_a_slot(&self, request: Request<Bytes>, pages: u32) -> Response<Bytes> {
        self.counters.arrived.fetch_add(1, Relaxed);
        if self.queued.get() >= BACKLOG {
            return text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "the shop is overloaded".into());
        }
        self.queued.set(self.queued.get() + 1);
        let slot = self.slots.acquire().await;
        self.queued.set(self.queued.get() - 1);
        let millis = self.service.sample(&mut *self.random.borrow_mut()) * f64::from(pages);
        tokio::time::sleep(Duration::from_secs_f64(millis / 1_000.0)).await;
        drop(slot);
        self.counters.served.fetch_add(1, Relaxed);
        self.page(&request)
    }

    fn page(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let account = self.account_of(request);
        let (method, path) = (request.method().as_str(), request.uri().path());
        let mut answer = match (method, path) {
            ("POST", "/login") => return self.login(request),
            (_, "/account" | "/checkout") if account.is_none() => redirect("/login"),
            ("GET", "/login") => html(pages::login()),
            ("GET", "/account") => html(pages::account(account.as_deref().unwrap_or(""))),
            ("POST", "/checkout") => redirect("/account"),
            ("GET", "/search") => html(pages::search(request.uri().query().unwrap_or(""))),
            ("GET", "/api/events") => text(StatusCode::OK, "application/json", pages::events_json()),
            ("GET", _) if path.starts_with("/event/") => html(pages::event(path)),
            _ => html(pages::home()),
        };
        if let Some(name) = account.and_then(|account| HeaderValue::from_str(&account).ok()) {
            answer.headers_mut().insert("portcullis-login", name);
        }
        answer
    }

    fn login(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let form = String::from_utf8_lossy(request.body());
        let field = |name: &str| {
            form.split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|(_, value)| value.to_owned())
        };
        let (Some(user), Some(password)) = (field("user"), field("password")) else {
            return redirect("/login?failed");
        };
        if password != PASSWORD
            || user.is_empty()
            || user.len() > 100
            || self.sessions.borrow().len() >= SESSIONS_MAX
        {
            return redirect("/login?failed");
        }
        let account = user.replace("%40", "@");
        self.logins.set(self.logins.get() + 1);
        let session = format!(
            "s{:x}-{:016x}",
            self.logins.get(),
            self.nonce.rotate_left(9) ^ self.logins.get().wrapping_mul(0x9E37_79B9_7F4A_7C15)
        );
        self.sessions.borrow_mut().insert(session.clone(), account.clone());
        let mut answer = redirect("/account");
        let cookie = HeaderValue::from_str(&format!("session={session}; Path=/; HttpOnly; SameSite=Lax"));
        if let (Ok(cookie), Ok(account)) = (cookie, HeaderValue::from_str(&account)) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
            answer.headers_mut().insert("portcullis-login", account);
        }
        answer
    }

    fn account_of(&self, request: &Request<Bytes>) -> Option<String> {
        let cookies = request.headers().get(COOKIE)?.to_str().ok()?;
        let session = cookies.split(';').find_map(|pair| pair.trim().strip_prefix("session="))?;
        self.sessions.borrow().get(session).cloned()
    }
}

/// What a request costs, in pages; nothing for paths that do not exist.
fn cost(method: &str, path: &str) -> Option<u32> {
    match (method, path) {
        ("POST", "/login") => Some(LOGIN_PAGES),
        ("GET", "/search") => Some(SEARCH_PAGES),
        ("GET", "/" | "/login" | "/account" | "/api/events") | ("POST", "/checkout") => Some(1),
        ("GET", _) if path.starts_with("/event/") => Some(1),
        _ => None,
    }
}

fn html(page: String) -> Response<Bytes> {
    text(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn redirect(to: &'static str) -> Response<Bytes> {
    let mut answer = text(StatusCode::SEE_OTHER, "text/plain", String::new());
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    answer
}
