//! The addresses of customers that a log shows, and how many people share each.

use console_io::ctl::Hint;

use super::reading::{Client, Kind, Reading};

/// Addresses that signed in, or came back with a browser on another day. Whether one looks like somebody who tries
/// passwords is for [`Hint::is_plausible`] to say.
pub(crate) fn of(reading: &Reading) -> Vec<Hint> {
    // An app that redirects whoever has signed in answers a wrong password with the form again.
    let redirects = reading.clients.values().any(|client| client.sign_ins.redirects > 0);
    let clients =
        reading.clients.iter().map(|(address, client)| (*address, client, tried(client, redirects)));
    clients
        .filter(|(_, client, (signed_in, _))| *signed_in > 0 || comes_back(client))
        .map(|(address, client, (_, failures))| Hint { address, accounts: accounts(client), failures })
        .collect()
}

/// How often it signed in, and how often that failed.
fn tried(client: &Client, redirects: bool) -> (u64, u32) {
    let tried = client.sign_ins;
    let (good, bad) =
        if redirects { (tried.redirects, tried.pages + tried.denied) } else { (tried.pages, tried.denied) };
    (good, u32::try_from(bad).unwrap_or(u32::MAX))
}

fn comes_back(client: &Client) -> bool {
    !client.users.is_empty() || client.kind == Kind::Browser && client.days.len() > 1
}

/// The accounts that the log names; where it names none, different browsers stand for them.
fn accounts(client: &Client) -> u32 {
    let count = if client.users.is_empty() { client.agents.len() } else { client.users.len() };
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}
