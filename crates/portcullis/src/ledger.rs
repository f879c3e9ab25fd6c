//! Being written.
use admission::site::Confirmed;
use edge_io::{Clock, Ledger, Refused};
use journal_io::journal::Journal;
use model::{SiteId, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;
pub(crate) struct JournalLedger {
    _j: Arc<Journal>,
}
impl JournalLedger {
    pub(crate) fn new(j: Arc<Journal>, _s: SiteId, _k: [u8; 32], _c: Clock) -> Self {
        Self { _j: j }
    }
    pub(crate) fn flush(&self, _now: Timestamp) {}
}
impl Ledger for JournalLedger {
    fn confirmed(&self, _c: &Confirmed, _a: Option<IpAddr>) {}
    fn refused(&self, _r: &Refused<'_>) {}
}
