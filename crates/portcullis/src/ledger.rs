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
    let segments = path.split('/').skip(1).take(SEGMENTS).map(|segment| {
        // What follows a semicolon is a parameter, often a session (RFC 3986, section 3.3).
        let segment = segment.split(';').next().unwrap_or_default();
        if is_identifier(segment) { "*" } else { segment }
    });
    segments.fold(String::new(), |all, segment| all + "/" + segment).into()
}

/// Numbers, hashes, UUIDs, tokens, mail addresses and whatever is too long for the name of a page.
fn is_identifier(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_mostly_digits = digits * 2 > segment.len();
    let is_long_with_digits = digits > 0 && segment.len() >= TOKEN_BYTES_MIN;
    let is_hexadecimal =
        digits > 0 && segment.len() >= HASH_BYTES_MIN && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_mail = segment.contains('@') || segment.contains("%40");
    is_mostly_digits || is_long_with_digits || is_hexadecimal || is_mail || segment.len() > SEGMENT_BYTES_MAX
}

const SEGMENTS: usize = 2;
/// Two segments with their slashes stay below what a row holds (128 bytes).
const SEGMENT_BYTES_MAX: usize = 48;
/// Names of pages are shorter than this, or have no digits.
const TOKEN_BYTES_MIN: usize = 16;
/// Hexadecimal digits of the shortest hash.
const HASH_BYTES_MIN: usize = 8;

#[cfg(test)]
mod tests;
