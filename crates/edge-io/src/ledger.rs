//! What the data plane tells the rest of the gate so that it is kept.

use std::net::IpAddr;

use admission::site::Confirmed;
use model::{Mode, Reason, Tier};

/// Takes notes from the workers. Never blocks and never allocates without bound: implementations queue, or count what
/// they must drop.
pub trait Ledger: Send + Sync {
    /// The app confirmed a client: a pass was minted or a token has come of age.
    fn confirmed(&self, confirmed: &Confirmed, address: Option<IpAddr>);

    /// A request was refused, or would have been; a sample, see `weight`.
    fn refused(&self, refused: &Refused<'_>);
}

/// A refusal, as reports want it.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// Which step.
    pub reason: Reason,
    /// Whose request.
    pub tier: Tier,
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// The path without its query.
    pub path: &'a str,
    /// Whether it was really refused; otherwise the gate or that layer only observes.
    pub enforced: bool,
    /// The mode in force.
    pub mode: Mode,
    /// How many refusals this one stands for.
    pub weight: u32,
}
