//! The stage: who listens where.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::browser::Browser;
use crate::dial::{DialError, Door};
use crate::live::Live;
use crate::shop::{self, ShopCounters};

/// Which way the people and the attack take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passage {
    /// Through the gate.
    Gate,
    /// Straight to the shop.
    Shop,
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
    gate_sockets: Vec<TcpListener>,
    shop_door: Door,
    gate_door: Door,
    pub(crate) counters: Arc<ShopCounters>,
    pub(crate) live: Arc<Live>,
    /// The gate's listener has echoed the run's number. It stays open here, so that it is ours from then on, also when a gate that
    /// is closed no longer lets the question through.
    is_gate_ours: AtomicBool,
    stop_shop: Option<oneshot::Sender<()>>,
    shop_thread: Option<JoinHandle<()>>,
    pub(crate) capacity: f64,
}

impl Arena {
    /// Customers of the built-in snapshot.
    pub const CUSTOMERS: u32 = 4_000;

    /// Opens all listeners (the gate's too, one socket for each of its workers) and starts the shop.
    ///
    /// # Errors
    /// [`ArenaError::Io`].
    pub fn open(nonce: u64, workers: usize) -> Result<Self, ArenaError> {
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
            gate_sockets,
            shop_door,
            gate_door,
            counters,
            live: Arc::default(),
            is_gate_ours: AtomicBool::new(false),
            stop_shop: Some(stop_shop),
            shop_thread: Some(shop_thread),
            capacity: 0.0,
        })
    }

    /// The gate's sockets, for a gate to serve. They stay open here, so that no connection is lost between two gates.
    ///
    /// # Errors
    /// [`ArenaError::Io`].
    pub fn gate_sockets(&self) -> Result<Vec<TcpListener>, ArenaError> {
        Ok(self.gate_sockets.iter().map(TcpListener::try_clone).collect::<Result<_, _>>()?)
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

    /// Pages a second that the shop can serve, as measured.
    pub const fn capacity(&self) -> f64 {
        self.capacity
    }

    pub(crate) fn door(&self, passage: Passage) -> Door {
        match passage {
            Passage::Gate => self.gate_door,
            Passage::Shop => self.shop_door,
        }
    }

    /// Both generators connect only where the run's number is echoed.
    pub(crate) fn verify(&self, passage: Passage) -> Result<(), ArenaError> {
        if passage == Passage::Gate && self.is_gate_ours.load(Relaxed) {
            return Ok(());
        }
        let door = self.door(passage);
        let verified =
            in_thread("verify", move || run_local(async move { door.verify(Ipv4Addr::LOCALHOST).await }))?;
        verified.map_err(|error| ArenaError::Stranger(passage, error.to_string()))?;
        self.is_gate_ours.fetch_or(passage == Passage::Gate, Relaxed);
        Ok(())
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

/// One client that asks for a page as soon as it has the one before.
async fn ask_on(door: Door, lasting: Duration) -> u32 {
    let until = tokio::time::Instant::now() + lasting;
    let Ok(mut connection) = door.connect(Ipv4Addr::LOCALHOST).await else { return 0 };
    let mut pages = 0;
    while tokio::time::Instant::now() < until
        && connection.send(Browser::of(0).get("/", ""), 64 * 1024).await.is_ok()
    {
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

pub(crate) fn run_local<F: Future>(future: F) -> F::Output {
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
