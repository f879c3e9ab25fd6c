//! Partners: programs that must get through although they never sign in, each with a share of the app.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use model::Prefix;
use subtle::ConstantTimeEq;

use crate::site::Facts;

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
    /// The most that it may take of L outside calm, 0 to 1.
    pub share: f64,
}

/// All partners of a site, with what each has in service.
pub struct Partners {
    all: Box<[(Partner, AtomicU32)]>,
}

impl Partners {
    pub(crate) fn new(partners: &[Partner]) -> Self {
        Self { all: partners.iter().map(|partner| (partner.clone(), AtomicU32::new(0))).collect() }
    }

    /// The partner that sent a request, by its place.
    pub(crate) fn find(&self, facts: &Facts<'_>) -> Option<usize> {
        self.all.iter().position(|(partner, _)| partner.sent(facts))
    }

    /// Whether a partner may have one more request in service, of `limit` in all. One it may always have.
    pub(crate) fn has_room(&self, place: usize, limit: f64) -> bool {
        let Some((partner, inflight)) = self.all.get(place) else { return false };
        f64::from(inflight.load(Relaxed)) < (partner.share * limit).max(1.0)
    }

    /// One of its requests goes to the app.
    pub fn take(&self, place: usize) {
        if let Some((_, inflight)) = self.all.get(place) {
            inflight.fetch_add(1, Relaxed);
        }
    }

    /// It is done.
    pub fn give_back(&self, place: usize) {
        if let Some((_, inflight)) = self.all.get(place) {
            inflight.fetch_sub(1, Relaxed);
        }
    }
}

impl Partner {
    fn sent(&self, facts: &Facts<'_>) -> bool {
        let on_path = self.paths.is_empty() || self.paths.iter().any(|path| facts.path.starts_with(path));
        let from = |address: IpAddr| self.sources.iter().any(|source| source.contains(address));
        let by_source = facts.address.is_some_and(from);
        let by_secret =
            self.secret.as_ref().is_some_and(|(header, secret)| has_secret(facts, header, secret));
        on_path && (by_source || by_secret)
    }
}

/// Whether a header holds a secret, in a time that tells nothing of it.
pub(crate) fn has_secret(facts: &Facts<'_>, header: &str, secret: &[u8]) -> bool {
    facts.headers.value(header).is_some_and(|sent| sent.ct_eq(secret).into())
}
