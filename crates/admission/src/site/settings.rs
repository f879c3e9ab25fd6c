//! What a site is built from.

use model::{Mode, Prefix, SiteId};

use crate::caps::ConnectionSettings;
use crate::limits::LadderSettings;

/// Everything that admission needs to know of one site before it starts. Memory is fixed by it.
pub struct SiteSettings {
    /// Which site.
    pub id: SiteId,
    /// The mode at the start.
    pub mode: Mode,
    /// Client limits and their tables.
    pub ladder: LadderSettings,
    /// Connection slots.
    pub connections: ConnectionSettings,
    /// Places to wait for a slot.
    pub waiting_places: usize,
    /// Name of the app's session cookie, from `[site.known.session]`.
    pub session_cookie: Option<String>,
    /// Monitors that count as T0.
    pub monitors: Vec<Monitor>,
    /// Partners that count as T2.
    pub partners: Vec<Partner>,
    /// Random bytes, drawn once per process, from which the keys of all hash tables are derived.
    pub table_seed: [u8; 32],
    /// Number of this node, shown in references.
    pub node: u8,
    /// How many gates share the app: each takes L/n.
    pub gates: u32,
    /// The operator's own bound for L, if any.
    pub limit_max: Option<f64>,
}

/// A monitor: its source *and* its secret.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// Where it connects from.
    pub source: Prefix,
    /// The header that carries the secret, lower case.
    pub header: String,
    /// The secret.
    pub secret: Vec<u8>,
}

/// A partner: its sources, or its secret, on its paths.
#[derive(Clone, Debug)]
pub struct Partner {
    /// What it is called.
    pub name: String,
    /// Paths that begin with one of these; empty means all.
    pub paths: Vec<String>,
    /// Where it connects from.
    pub sources: Vec<Prefix>,
    /// The header that carries the secret, lower case, and the secret.
    pub secret: Option<(String, Vec<u8>)>,
}
