//! Whether readers of the status page find it when the gate is out of reach.

use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use config::Config;

/// Why the public name of the status page cannot stay as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusNameError {
    /// It leads to this machine.
    #[error(
        "[status] url: {host} leads to {address}, which is this machine: while the gate is out of reach, so is its status page; let \
         the name lead to an outpost or to a mirror in another network (docs/outpost.md)"
    )]
    Here {
        /// The page's host.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// It leads where the site is.
    #[error(
        "[status] url: {host} leads to {address}, as {site} does: while the site is out of reach, so is its status page; let the \
         name lead to an outpost or to a mirror in another network (docs/outpost.md)"
    )]
    WithSite {
        /// The page's host.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// A host of the site.
        site: String,
    },
}

/// Looks where the public name of the status page leads, as this machine resolves it; the sentence is for people.
///
/// Behind a CDN, page and site may have its addresses in common, and neither is this machine.
pub(crate) fn check(config: &Config) -> Result<Option<String>, StatusNameError> {
    let Some(status) = &config.status else { return Ok(None) };
    let host = host_of(status.url.authority()).to_owned();
    let addresses = look_up(&host).unwrap_or_default();
    if addresses.is_empty() {
        return Ok(Some(format!(
            "status page: {host} has no address yet, so nobody can read the page by its name"
        )));
    }
    if let Some(&address) = addresses.iter().find(|address| is_here(**address)) {
        return Err(StatusNameError::Here { host, address });
    }
    for site in config.only_site().hosts.iter().take(HOSTS_MAX).filter(|_| config.front.is_empty()) {
        // A resolver that is dead is not waited for again and again.
        let Some(found) = look_up(site) else { break };
        if let Some(address) = found.into_iter().find(|address| addresses.contains(address)) {
            return Err(StatusNameError::WithSite { host, address, site: site.clone() });
        }
    }
    Ok(Some(format!(
        "status page: {host} leads elsewhere, so that it can be read while the gate is out of reach"
    )))
}

/// Without the port.
fn host_of(authority: &str) -> &str {
    let bare = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    bare.map_or(authority, |(host, _)| host).trim_start_matches('[').trim_end_matches(']')
}

/// Whether an address is one of this machine's: only then can it be bound.
fn is_here(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// The addresses of a host, none if it has none; `None`: the system's resolver takes too long. It cannot be told to stop, so that it is
/// left behind.
fn look_up(host: &str) -> Option<Vec<IpAddr>> {
    let (sender, receiver) = sync_channel(1);
    let host = host.to_owned();
    let looking = move || {
        let found = (host.as_str(), 0).to_socket_addrs();
        let found: Vec<IpAddr> =
            found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default();
        // Whoever asked may have lost patience.
        let _heard = sender.try_send(found);
    };
    let started = std::thread::Builder::new().name("look-up".to_owned()).spawn(looking);
    started.ok().and_then(|_left_behind| receiver.recv_timeout(PATIENCE).ok())
}

/// Hosts of the site that are looked at.
const HOSTS_MAX: usize = 8;

const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str, host: &str) -> String {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\nhosts = [\"{host}\"]\n[[site.origin]]\nurl = \"http://127.0.0.1:3000\"\n\
             [status]\nlisten = \"127.0.0.1:8082\"\nurl = \"{url}\"\nname = \"Shop\"\n"
        );
        let (config, _warnings) = Config::parse("portcullis.toml", &text).unwrap();
        match check(&config) {
            Ok(sentence) => sentence.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_page_on_the_gates_own_machine_or_beside_the_site_is_refused() {
        assert!(checked("https://127.0.0.1:8443", "192.0.2.7").contains("is this machine"));
        assert!(checked("https://[::1]", "192.0.2.7").contains("is this machine"));
        assert!(checked("https://192.0.2.7:8443", "192.0.2.7").contains("as 192.0.2.7 does"));
        assert!(checked("https://198.51.100.7", "192.0.2.7").contains("leads elsewhere"));
    }
}
