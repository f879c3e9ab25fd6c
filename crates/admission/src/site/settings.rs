//! What a site is built from.

use model::{Mode, Prefix, SiteId};

use crate::caps::ConnectionSettings;
use crate::crawlers::Crawler;
use crate::lane::LanePaths;
use crate::limits::LadderSettings;
use crate::partners::Partner;
use crate::pass::Scheme;

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
    /// Passes in use within ten minutes for which there is room; beyond it theft goes unnoticed for a while.
    pub passes_in_use: usize,
    /// Passes that are remembered (contract: 1 M).
    pub known_max: usize,
    /// Bearer tokens for which there is room.
    pub tokens: usize,
    /// Networks with known clients for which there is room.
    pub networks: usize,
    /// Session proof, from `[site.known.session]`.
    pub session: Option<SessionProof>,
    /// Header of bearer tokens, lower case, from `[site.known.token]`.
    pub token_header: Option<String>,
    /// Paths of signing in.
    pub lane: LanePaths,
    /// The part of L that is kept for people who are signing in, from 0.08 to 0.20.
    pub login_share: f64,
    /// Whether a login and then a private page make a client known.
    pub login_evidence: bool,
    /// The secret that signs `Portcullis-Login`.
    pub login_secret: Option<Vec<u8>>,
    /// How passes travel.
    pub scheme: Scheme,
    /// Monitors that count as T0.
    pub monitors: Vec<Monitor>,
    /// Partners that count as T2.
    pub partners: Vec<Partner>,
    /// Crawlers that count as T4 once they are verified.
    pub crawlers: Vec<Crawler>,
    /// Keys that sign passes, with their ids, the newest last.
    pub pass_keys: Vec<(u8, [u8; 32])>,
    /// Key that hashes identities.
    pub site_key: [u8; 32],
    /// Key that seals references.
    pub reference_key: [u8; 32],
    /// Random bytes, drawn once per process, from which the keys of all hash tables are derived.
    pub table_seed: [u8; 32],
    /// Number of this node, shown in references.
    pub node: u8,
    /// How many gates share the app: each takes L/n.
    pub gates: u32,
    /// The operator's own bound for L, if any.
    pub limit_max: Option<f64>,
}

/// A path that only signed-in people get.
#[derive(Clone, Debug)]
pub struct SessionProof {
    /// Name of the session cookie.
    pub cookie: String,
    /// The path.
    pub path: String,
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
