//! What the data plane tells the journal: who was confirmed, and samples of what was refused.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use admission::site::Confirmed;
use edge_io::{Clock, Ledger, Refused};
use journal_io::journal::{Journal, LoginRow, PassRow, RefusedRow, Row, SampleRow, TokenRow};
use model::{Net, Prefix, SiteId};
use siphasher::sip::SipHasher13;

/// Hands notes to the journal's queue, which never waits and drops history first when it is full.
pub(crate) struct JournalLedger {
    journal: Arc<Journal>,
    site: SiteId,
    pseudonym_key: [u8; 16],
    clock: Clock,
}

impl JournalLedger {
    pub(crate) fn new(journal: Arc<Journal>, site: SiteId, pseudonym_key: [u8; 32], clock: Clock) -> Self {
        let pseudonym_key = *pseudonym_key.first_chunk().unwrap_or(&[0; 16]);
        Self { journal, site, pseudonym_key, clock }
    }

    /// An address as a keyed hash: enough to tell that it is the same one again.
    fn pseudonym(&self, address: IpAddr) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.pseudonym_key);
        hasher.write_u64(Net::address(address).bits());
        hasher.finish()
    }

    fn record(&self, row: Row) {
        // What does not fit is counted by the journal itself.
        let _queued = self.journal.record(row);
    }

    fn pass(&self, row: &admission::pass::Row, network: Option<IpAddr>) -> PassRow {
        let home = network.map_or(0, |address| Net::network(address).bits());
        PassRow {
            site: self.site,
            pass: row.id,
            account: row.account,
            first_confirmed: row.first_confirmed,
            issued: row.minted,
            last_seen: row.last_seen,
            way: row.way as u8,
            budget_class: 0,
            minted_in_incident: row.in_incident,
            revoked: None,
            homes: [home, 0, 0, 0],
        }
    }
}

impl Ledger for JournalLedger {
    fn confirmed(&self, confirmed: &Confirmed, address: Option<IpAddr>) {
        let at = self.clock.wall();
        match confirmed {
            Confirmed::Pass { row, replaced, minted } => {
                self.record(Row::Pass(self.pass(row, address)));
                if let Some(pass) = *replaced {
                    self.record(Row::Revoked { site: self.site, pass, at });
                }
                if let (true, Some(address)) = (*minted, address) {
                    self.record(Row::Login(LoginRow {
                        site: self.site,
                        at,
                        account: row.account,
                        address_hash: self.pseudonym(address),
                        network: network(address),
                    }));
                }
            }
            Confirmed::Token(token) => self.record(Row::Token(TokenRow {
                site: self.site,
                hash: token.hash,
                first: token.first,
                last: token.last,
                answers: u32::try_from(token.good).unwrap_or(u32::MAX),
            })),
        }
    }

    fn refused(&self, refused: &Refused<'_>) {
        let (at, path) = (self.clock.wall(), template(refused.path));
        let network = network(refused.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        self.record(Row::Refused(RefusedRow {
            site: self.site,
            at,
            reason: refused.reason,
            tier: refused.tier,
            path: path.clone(),
            network: refused.address.map(|_| network),
            would_be: !refused.enforced,
            count: refused.weight.into(),
        }));
        if let Some(address) = refused.address {
            self.record(Row::Sample(SampleRow {
                site: self.site,
                at,
                reason: refused.reason,
                tier: refused.tier,
                path,
                network,
                address_hash: self.pseudonym(address),
                would_be: !refused.enforced,
                weight: refused.weight,
            }));
        }
    }
}

/// The client's network as records may keep it: IPv4 /24, IPv6 /48.
fn network(address: IpAddr) -> Prefix {
    let address = address.to_canonical();
    Prefix::of(address, if address.is_ipv4() { 24 } else { 48 })
}

/// The first two segments of a path, identifiers as `*`: bounded, the same for all pages of a kind, and without
/// what may tell a person (contracts, "Privacy").
fn template(path: &str) -> Box<str> {
    edge_io::template(path).take(SEGMENTS).fold(String::new(), |all, segment| all + "/" + segment).into()
}

const SEGMENTS: usize = 2;

#[cfg(test)]
mod tests;
