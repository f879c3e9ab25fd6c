//! Why somebody is or was treated as they were.

use std::net::IpAddr;
use std::time::Duration;

use admission::pass::Row;
use console_io::ctl::{ClientName, Reply, Subject};
use journal_io::journal::{Dimension, LoginSeen, Reader, RefusedTotal, Window};
use model::{AccountId, Net, Prefix};
use serde_json::json;

use super::Control;
use crate::lines::when;
use crate::running::SITE;

impl Control {
    pub(super) fn why(&self, subject: &Subject) -> Reply {
        match subject {
            Subject::Code(code) => self.why_code(code),
            Subject::Account(client) => self.why_account(client),
            Subject::Address(address) => self.why_address(*address),
        }
    }

    fn why_code(&self, code: &str) -> Reply {
        match self.site.open_reference(code) {
            Ok(found) => {
                let text = format!(
                    "{}: a {} request from {} was refused by {} (decision {}).\nIf that was a mistake: {}",
                    when(found.time),
                    found.tier,
                    found.prefix,
                    found.reason,
                    found.decision,
                    found.reason.cure()
                );
                let data = json!({
                    "seconds": found.time.as_secs(),
                    "tier": found.tier.label(),
                    "network": found.prefix.to_string(),
                    "reason": found.reason.label(),
                });
                Reply::done(text, data)
            }
            Err(error) => Reply::failed(error.to_string()),
        }
    }

    fn why_account(&self, client: &ClientName) -> Reply {
        let accounts = self.accounts(client);
        let rows: Vec<Row> = {
            let registry = self.site.registry();
            accounts.iter().flat_map(|account| registry.of(*account)).copied().collect()
        };
        let by_token = accounts.iter().any(|account| self.site.tokens().is_known(account.0));
        let logins =
            |account: &AccountId| self.read(|reader| reader.logins_of(SITE, *account, LOGINS_SHOWN).ok());
        let logins: Vec<LoginSeen> = accounts.iter().filter_map(logins).flatten().collect();
        let names: Vec<String> = accounts.iter().map(|account| format!("{account:?}")).collect();
        let known = match (rows.len(), by_token) {
            (0, false) => NOT_KNOWN.to_owned(),
            (0, true) => "known by a token: served first".to_owned(),
            (1, _) => "known, on one device or browser".to_owned(),
            (count, _) => format!("known, on {count} devices or browsers"),
        };
        let mut lines = vec![format!("{}: {known}", names.join(", "))];
        lines.extend(rows.iter().map(|row| self.show_pass(row)));
        lines.extend(logins.iter().map(show_login));
        let data = json!({
            "accounts": names,
            "passes": rows.iter().map(|row| format!("{:?}", row.id)).collect::<Vec<_>>(),
            "logins": logins.iter().map(|login| when(login.at)).collect::<Vec<_>>(),
        });
        Reply::done(lines.join("\n"), data)
    }

    fn show_pass(&self, row: &Row) -> String {
        let served = if row.in_incident || self.site.pass_time().since(row.first_confirmed) < AGED {
            "newly known: served after customers who have been known for a day"
        } else {
            "known for more than a day: served first"
        };
        let (way, first, last) = (row.way.label(), when(row.first_confirmed), when(row.last_seen));
        format!("{:?}  by {way}, since {first}, last {last}; {served}", row.id)
    }

    fn why_address(&self, address: IpAddr) -> Reply {
        let (net, time) = (Net::network(address), self.site.pass_time());
        let network = Prefix::of(address, if address.to_canonical().is_ipv4() { 24 } else { 48 });
        let (denied, allowed) = (self.site.denied().holds(address), self.site.allowed().holds(address));
        let (people, customers) = (self.site.nat().factor(net, time), self.site.nat().is_hinted(net, time));
        let logins = self.read(|reader| reader.logins_from(SITE, network, LOGINS_SHOWN).ok());
        let refused = self.refused_in(network);
        let list = match (denied, allowed) {
            (true, _) => {
                "on the deny list: refused whatever it does (`ctl deny NETWORK --remove` takes it off)"
            }
            (false, true) => "on the allow list: exempt from client limits",
            (false, false) => "on no list",
        };
        let seen = if customers { "customers were seen there" } else { "no customer was seen there" };
        let mut lines = vec![
            format!("{address} is {list}"),
            format!("its network {network}: {seen} in the last week; its client limits count {people} times"),
        ];
        lines.extend(refused.iter().map(show_refused));
        lines.extend(logins.unwrap_or_default().iter().map(show_login));
        let total = |would_be| {
            refused.iter().filter(|row| row.would_be == would_be).map(|row| row.count).sum::<u64>()
        };
        let data = json!({
            "denied": denied,
            "allowed": allowed,
            "network": network.to_string(),
            "factor": people,
            "customers_seen": customers,
            "refused_last_day": total(false),
            "would_be_refused_last_day": total(true),
        });
        Reply::done(lines.join("\n"), data)
    }

    /// What was refused in a network during the last day.
    fn refused_in(&self, network: Prefix) -> Vec<RefusedTotal> {
        let until = self.clock.wall();
        let window = Window { since: until.before(DAY), until };
        let all = self.read(|reader| reader.refused(SITE, window, Dimension::Network, REFUSED_MAX).ok());
        let name = network.to_string();
        all.unwrap_or_default().into_iter().filter(|row| row.name == name).collect()
    }

    /// Asks the journal. Without it an explanation is shorter, not missing.
    fn read<T>(&self, ask: impl FnOnce(&Reader) -> Option<T>) -> Option<T> {
        ask(&Reader::open(&self.state).ok()?)
    }
}

fn show_login(login: &LoginSeen) -> String {
    let from = login.network.map(|network| format!(" from {network}")).unwrap_or_default();
    format!("signed in {}{from}", when(login.at))
}

fn show_refused(row: &RefusedTotal) -> String {
    let verb = if row.would_be { "would have been refused" } else { "were refused" };
    format!("{} requests {verb} there in the last day by {}; {}", row.count, row.reason, row.reason.cure())
}

const NOT_KNOWN: &str = "not known: no sign-in was confirmed lately, or its passes were taken back; it is known again after the next sign-in";
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// From this age on a client is served first (contracts, tiers).
const AGED: Duration = DAY;
const LOGINS_SHOWN: u32 = 10;
/// Sorts of refusals that are looked through, the most frequent first.
const REFUSED_MAX: u32 = 5_000;
