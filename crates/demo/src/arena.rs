//! The stage: who listens where, and the order of events.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::attack;
use crate::board::{Run, Scoreboard};
use crate::dial::{DialError, Door, get};
use crate::live::{Live, Moment};
use crate::people::{self, Rates};
use crate::places::BOTS;
use crate::shop::{self, ShopCounters};

/// How long and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Calm before each attack.
    pub calm: Duration,
    /// Each attack.
    pub attack: Duration,
    /// After the attack with the gate.
    pub aftermath: Duration,
    /// The attack's requests over what the shop can serve.
    pub factor: f64,
    /// Chance of this run.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            calm: Duration::from_secs(12),
            attack: Duration::from_secs(60),
            aftermath: Duration::from_secs(15),
            factor: 20.0,
            seed: 1,
        }
    }
}

/// Which way the people and the attack take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passage {
    /// Through the gate.
    Gate,
    /// Straight to the shop.
    Shop,
}

/// What is happening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Before the attack.
    Calm,
    /// While it runs.
    Attack,
    /// After it.
    Aftermath,
}

/// Why the stage cannot be set, or an act was broken off.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// Sockets, threads.
    #[error(
        "the sample world cannot be set up: {0}; it needs loopback addresses and about 12,000 open files (`ulimit -n`)"
    )]
    Io(#[from] std::io::Error),
    /// A listener did not echo the run's number, or gave no answer.
    #[error("the {0:?} was not found at its own listener ({1}); nothing was sent to it")]
    Stranger(Passage, String),
    /// A thread ended unexpectedly.
    #[error("a part of the sample world broke down")]
    Broken,
}

/// The shop, the listeners, and the people.
pub struct Arena {
    settings: Settings,
    gate_sockets: Vec<TcpListener>,
    shop_door: Door,
    gate_door: Door,
    counters: Arc<ShopCounters>,
    live: Arc<Live>,
    stop_shop: Option<oneshot::Sender<()>>,
    shop_thread: Option<JoinHandle<()>>,
    runs: [Option<Run>; 2],
    capacity: f64,
}

impl Arena {
    /// Customers of the built-in snapshot.
    pub const CUSTOMERS: u32 = 4_000;

    /// Opens all listeners (the gate's too, one socket for each of its workers) and starts the shop.
    ///
    /// # Errors
    /// [`ArenaError::Io`].
    pub fn open(settings: Settings, nonce: u64, workers: usize) -> Result<Self, ArenaError> {
        let shop_socket = listen(0)?;
        let first = listen(0)?;
        let port = first.local_addr()?.port();
        let mut gate_sockets = vec![first];
        for _ in 1..workers {
            gate_sockets.push(listen(port)?);
        }
        let shop_door = Door::of(&shop_socket, nonce)?;
        let gate_door = Door::of(&gate_sockets[0], nonce)?;
        let counters = Arc::new(ShopCounters::default());
        let (stop_shop, stopped) = oneshot::channel();
        let shop_counters = counters.clone();
        let shop_thread = std::thread::Builder::new().name("shop".to_owned()).spawn(move || {
            run_local(async move {
                let Ok(listener) = tokio::net::TcpListener::from_std(shop_socket) else { return };
                let stop = async { stopped.await.unwrap_or(()) };
                shop::serve(listener, nonce, Self::CUSTOMERS, shop_counters, stop).await;
            });
        })?;
        Ok(Self {
            settings,
            gate_sockets,
            shop_door,
            gate_door,
            counters,
            live: Arc::default(),
            stop_shop: Some(stop_shop),
            shop_thread: Some(shop_thread),
            runs: [None, None],
            capacity: 0.0,
        })
    }

    /// The gate's sockets, for the gate to serve; once.
    pub fn take_gate_sockets(&mut self) -> Vec<TcpListener> {
        std::mem::take(&mut self.gate_sockets)
    }

    /// Where the shop listens, for the gate to forward to and for people to look at.
    pub fn shop_address(&self) -> SocketAddr {
        self.shop_door.address()
    }

    /// Where the gate listens, for people to look at.
    pub fn gate_address(&self) -> SocketAddr {
        self.gate_door.address()
    }

    /// The account of a customer of the snapshot.
    pub fn account(customer: u32) -> String {
        shop::account(customer)
    }

    /// The counters of what happens now.
    pub fn live(&self) -> Arc<Live> {
        self.live.clone()
    }

    /// Measures what the shop can serve: pages a second, asked for closed-loop, directly at the shop.
    ///
    /// # Errors
    /// [`ArenaError::Stranger`], [`ArenaError::Broken`].
    pub fn measure_capacity(&mut self, lasting: Duration) -> Result<f64, ArenaError> {
        let door = self.shop_door;
        let pages = in_thread("capacity", move || {
            run_local(async move {
                door.verify(Ipv4Addr::LOCALHOST).await?;
                let clients: Vec<_> =
                    (0..shop::SERVERS * 2).map(|_| tokio::task::spawn_local(ask_on(door, lasting))).collect();
                let mut pages = 0;
                for client in clients {
                    pages += client.await.unwrap_or(0);
                }
                Ok::<_, DialError>(pages)
            })
        })?;
        let pages = pages.map_err(|error| ArenaError::Stranger(Passage::Shop, error.to_string()))?;
        self.capacity = f64::from(pages) / lasting.as_secs_f64();
        Ok(self.capacity)
    }

    /// Plays one act: calm, attack, and with the gate an aftermath. `passes` are the customers' passes, by number.
    /// `each_second` is called with the phase, the seconds in it, and what happened in the last second.
    ///
    /// # Errors
    /// [`ArenaError::Stranger`], [`ArenaError::Broken`].
    pub fn play(
        &mut self,
        passage: Passage,
        passes: Vec<String>,
        mut each_second: impl FnMut(Phase, u64, Moment),
    ) -> Result<(), ArenaError> {
        let Settings { calm, attack, aftermath, factor, seed } = self.settings;
        let aftermath = if passage == Passage::Gate { aftermath } else { Duration::ZERO };
        let door = self.door(passage);
        let rates = Rates { customers: self.capacity * 0.28, visitors: self.capacity * 0.10, logins: 2.0 };
        let before = self.live.moment();
        self.verify(passage)?;
        let (live, lasting) = (self.live.clone(), calm + attack + aftermath);
        let crowd = std::thread::Builder::new()
            .name("people".to_owned())
            .spawn(move || run_local(people::come(door, live, passes, rates, lasting, seed)))?;
        let began = clock();
        let (live, per_second) = (self.live.clone(), self.capacity * factor);
        let mut attackers = None;
        let (mut arrived, mut last) = (vec![self.counters.arrived.load(Relaxed)], before);
        let mut attack_begun = 0.0;
        for second in 1..=lasting.as_secs() {
            wait_until(began, Duration::from_secs(second - 1));
            if attackers.is_none() && second > calm.as_secs() {
                attack_begun = clock().duration_since(began).as_secs_f64();
                let live = live.clone();
                attackers = Some(std::thread::Builder::new().name("attack".to_owned()).spawn(move || {
                    run_local(attack::attack(door, live, per_second, attack));
                })?);
            }
            wait_until(began, Duration::from_secs(second));
            arrived.push(self.counters.arrived.load(Relaxed));
            let now = self.live.moment();
            let (phase, since) = phase(second, calm, attack);
            each_second(phase, since, now.since(last));
            last = now;
        }
        attackers.map(JoinHandle::join).transpose().map_err(|_| ArenaError::Broken)?;
        let attempts = crowd.join().map_err(|_| ArenaError::Broken)?;
        let run = Run {
            attempts,
            attack: self.live.moment().since(before),
            attack_begun,
            attack_seconds: attack.as_secs_f64(),
            arrived: arrived.windows(2).map(|two| two[1] - two[0]).collect(),
            capacity: self.capacity,
        };
        self.runs[usize::from(passage == Passage::Shop)] = Some(run);
        Ok(())
    }

    /// The scoreboard of both acts.
    pub fn scoreboard(&self, log_bytes: u64, steal: f64) -> Option<Scoreboard> {
        let [Some(with), Some(without)] = &self.runs else { return None };
        let mut board = Scoreboard {
            with_gate: with.figures(),
            without_gate: without.figures(),
            seconds_to_protect: with.seconds_to_protect(),
            login_new_address_success: with.login_success(),
            attack_seconds: self.settings.attack.as_secs(),
            attack_addresses: BOTS,
            capacity: self.capacity,
            log_bytes,
            steal,
            promises: Vec::new(),
        };
        board.promises();
        Some(board)
    }

    fn door(&self, passage: Passage) -> Door {
        match passage {
            Passage::Gate => self.gate_door,
            Passage::Shop => self.shop_door,
        }
    }

    /// Both generators connect only where the run's number is echoed.
    fn verify(&self, passage: Passage) -> Result<(), ArenaError> {
        let door = self.door(passage);
        let verified =
            in_thread("verify", move || run_local(async move { door.verify(Ipv4Addr::LOCALHOST).await }))?;
        verified.map_err(|error| ArenaError::Stranger(passage, error.to_string()))
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        drop(self.stop_shop.take());
        if let Some(thread) = self.shop_thread.take() {
            let _ended = thread.join();
        }
    }
}

fn phase(second: u64, calm: Duration, attack: Duration) -> (Phase, u64) {
    let (calm, attack) = (calm.as_secs(), attack.as_secs());
    if second <= calm {
        (Phase::Calm, second)
    } else if second <= calm + attack {
        (Phase::Attack, second - calm)
    } else {
        (Phase::Aftermath, second - calm - attack)
    }
}

/// One client that asks for a page as soon as it has the one before.
async fn ask_on(door: Door, lasting: Duration) -> u32 {
    let until = tokio::time::Instant::now() + lasting;
    let Ok(mut connection) = door.connect(Ipv4Addr::LOCALHOST).await else { return 0 };
    let mut pages = 0;
    while tokio::time::Instant::now() < until && connection.send(get("/", ""), 64 * 1024).await.is_ok() {
        pages += 1;
    }
    pages
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port).into())?;
    socket.listen(4_096)?;
    Ok(socket.into())
}

fn run_local<F: Future>(future: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    LocalSet::new().block_on(&runtime, future)
}

fn in_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ArenaError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
    thread.join().map_err(|_| ArenaError::Broken)
}

#[expect(clippy::disallowed_methods, reason = "the sample world's own clock")]
fn clock() -> Instant {
    Instant::now()
}

fn wait_until(began: Instant, after: Duration) {
    let rest = (began + after).saturating_duration_since(clock());
    std::thread::park_timeout(rest);
    // A thread may wake early without a reason.
    while clock() < began + after {
        std::thread::park_timeout((began + after).saturating_duration_since(clock()));
    }
}
