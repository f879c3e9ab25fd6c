//! Known clients: shown, imported, revoked, forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use admission::pass;
use console_io::ctl::{ClientName, Hint, Reply};
use journal_io::journal::{Reader, Row};
use model::{AccountId, PassId, Prefix};
use serde_json::{Value, json};

use super::Control;
use crate::learn;
use crate::lines::when;
use crate::running::SITE;

impl Control {
    /// A page of known clients, in the order of their passes, with the networks that the journal remembers.
    pub(super) fn clients(&self, after: Option<&ClientName>, limit: u32) -> Reply {
        let behind = match after {
            Some(ClientName::Pass(pass)) => Some(*pass),
            // The console has refused other names.
            Some(ClientName::Account(_) | ClientName::Name(_)) | None => None,
        };
        let (rows, count) = {
            let registry = self.site.registry();
            (registry.rows_behind(behind).take(limit as usize).copied().collect::<Vec<_>>(), registry.count())
        };
        let networks = self.networks(behind, &rows);
        let shown = rows.iter().map(|row| describe(row, networks.get(&row.id).map_or(&[], Vec::as_slice)));
        let (lines, data): (Vec<String>, Vec<Value>) = shown.unzip();
        let more = match rows.last() {
            Some(last) if rows.len() == limit as usize => format!("\nmore: --after {:?}", last.id),
            Some(_) | None => String::new(),
        };
        Reply::done(format!("{count} known clients\n{}{more}", lines.join("\n")), json!(data))
    }

    /// Networks of the clients of a page. Without the journal the page is shown without them.
    fn networks(&self, behind: Option<PassId>, rows: &[pass::Row]) -> BTreeMap<PassId, Vec<Prefix>> {
        let mut networks = BTreeMap::new();
        let (Some(last), Ok(reader)) = (rows.last(), Reader::open(&self.state)) else { return networks };
        let mut after = behind;
        // The journal has revoked passes between those of the page: some more reading, but not without end.
        for _ in 0..JOURNAL_PAGES_MAX {
            let Ok(page) = reader.passes(SITE, after, JOURNAL_PAGE) else { break };
            after = page.last().map(|row| row.pass);
            let wanted = page.iter().filter(|row| row.pass <= last.id && row.revoked.is_none());
            networks
                .extend(wanted.map(|row| (row.pass, row.homes.into_iter().filter_map(network).collect())));
            if after.is_none_or(|after| after >= last.id) {
                break;
            }
        }
        networks
    }

    pub(super) fn import(&self, hints: &[Hint]) -> Reply {
        let taken = learn::seed(&self.site, hints);
        Reply::done(format!("{taken} of {} addresses were taken as hints", hints.len()), json!(taken))
    }

    /// Makes passes invalid at once and for good; their owners no longer count as known until they sign in again.
    pub(super) fn revoke(&self, client: &ClientName) -> Reply {
        let passes: Vec<PassId> = match client {
            ClientName::Pass(pass) => vec![*pass],
            ClientName::Account(_) | ClientName::Name(_) => {
                self.accounts(client).into_iter().flat_map(|account| self.passes_of(account)).collect()
            }
        };
        let known = passes.iter().filter(|pass| self.withdraw(**pass)).count();
        let text = match (client, passes.len(), known) {
            (ClientName::Pass(_), _, 0) => {
                "this pass is not accepted any more; it was not among the known clients".to_owned()
            }
            (_, 0, _) => "nothing was done: this account has no pass".to_owned(),
            (_, count, _) => {
                format!(
                    "{count} passes are not accepted any more; whoever held one is known again after signing in"
                )
            }
        };
        Reply::done(text, json!(passes.len()))
    }

    /// Takes a pass back in memory and in the journal, and says whether it was among the known clients.
    fn withdraw(&self, pass: PassId) -> bool {
        self.site.passes().revoke(pass);
        // Revocations are vital: a full queue drops everything else before one of them.
        let _queued = self.journal.record(Row::Revoked { site: SITE, pass, at: self.clock.wall() });
        self.site.registry().revoke(pass)
    }

    /// Erases an account: at once in memory, and in the journal now or as soon as it can be written.
    pub(super) fn forget(&self, client: &ClientName) -> Reply {
        let (mut passes, mut erased) = (0, true);
        for account in self.accounts(client) {
            let forgotten = self.passes_of(account);
            self.site.registry().forget(account);
            // A pass is valid without a row: what stays of it is that it is revoked, without whose it was.
            forgotten.iter().for_each(|&pass| {
                self.withdraw(pass);
            });
            self.site.tokens().forget(account.0);
            erased &= self.erasures.erase(account);
            passes += forgotten.len();
        }
        let text = if erased {
            "everything about this account has been erased"
        } else {
            "the account is forgotten; the journal is busy and erases it within a minute"
        };
        Reply::done(text, json!({ "passes": passes, "erased": erased }))
    }

    /// Passes of an account, those too that found no room in the registry.
    fn passes_of(&self, account: AccountId) -> BTreeSet<PassId> {
        let kept = Reader::open(&self.state).and_then(|reader| reader.passes_of(SITE, account));
        let kept =
            kept.unwrap_or_default().into_iter().filter(|row| row.revoked.is_none()).map(|row| row.pass);
        kept.chain(self.site.registry().of(account).map(|row| row.id)).collect()
    }

    /// What a client is known by: an account's name may stand in a JSON web token too.
    pub(super) fn accounts(&self, client: &ClientName) -> Vec<AccountId> {
        let by_token = match client {
            ClientName::Name(name) => self.shared.token_account(name),
            ClientName::Account(_) | ClientName::Pass(_) => None,
        };
        std::iter::once(self.account(client)).chain(by_token).collect()
    }

    pub(super) fn account(&self, client: &ClientName) -> AccountId {
        match client {
            ClientName::Account(account) => *account,
            ClientName::Name(name) => self.site.site_key().account(name.as_bytes()),
            // The console has refused a pass where an account is meant.
            ClientName::Pass(pass) => AccountId(pass.0),
        }
    }
}

/// A client for people and for programs.
fn describe(row: &pass::Row, networks: &[Prefix]) -> (String, Value) {
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    let text = format!(
        "{:?}  {:?}  by {}, since {}, last {}{}",
        row.id,
        row.account,
        row.way.label(),
        when(row.first_confirmed),
        when(row.last_seen),
        if networks.is_empty() { String::new() } else { format!(", from {}", networks.join(" ")) }
    );
    let data = json!({
        "pass": format!("{:?}", row.id),
        "account": format!("{:?}", row.account),
        "way": row.way.label(),
        "first_confirmed": when(row.first_confirmed),
        "last_confirmed": when(row.last_seen),
        "networks": networks,
    });
    (text, data)
}

/// The network that the journal keeps as [`model::Net::bits`] of [`model::Net::network`]; 0 is none.
fn network(bits: u64) -> Option<Prefix> {
    match (bits, bits >> 48) {
        (0, _) => None,
        (_, 0x00FF) => {
            let low = u32::try_from(bits & u64::from(u32::MAX)).ok()?;
            Some(Prefix::of(IpAddr::V4(Ipv4Addr::from_bits(low)), 24))
        }
        _ => Some(Prefix::of(IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 64)), 48)),
    }
}

const JOURNAL_PAGE: u32 = 500;
const JOURNAL_PAGES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use model::{Net, Prefix};

    #[test]
    fn a_kept_network_is_the_one_that_was_seen() {
        for (address, expected) in [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:7:9::1", "2001:db8:7::/48")] {
            let bits = Net::network(address.parse().unwrap()).bits();
            assert_eq!(super::network(bits).as_ref().map(Prefix::to_string).as_deref(), Some(expected));
        }
        assert_eq!(super::network(0), None);
    }
}
