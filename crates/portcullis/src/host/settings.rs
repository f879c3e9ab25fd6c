//! What a configuration says of this machine.

use std::net::SocketAddr;

use config::{Config, LinkSpeed};
use model::Prefix;
use provider::Destination;

use super::files;

/// This machine as its provider sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostSettings {
    /// The speed of its link in bits a second.
    pub(crate) link: Option<u64>,
    pub(crate) interface: Option<String>,
    pub(crate) addresses: Vec<Prefix>,
    /// What the provider calls this customer.
    pub(crate) reference: Option<String>,
    /// Where the gate listens.
    pub(crate) listens: Vec<SocketAddr>,
}

impl HostSettings {
    /// As the configuration of a gate says.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            link: config.host.link.map(LinkSpeed::bits),
            interface: config.host.interface.clone(),
            addresses: config.host.addresses.clone(),
            reference: config.host.reference.clone(),
            listens: config.listen.iter().map(|listen| listen.address).collect(),
        }
    }

    /// Where people reach the site, as far as this machine knows.
    pub(crate) fn destination(&self) -> Destination {
        let mut ports: Vec<u16> = self.listens.iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        if !self.addresses.is_empty() {
            return Destination { addresses: self.addresses.clone(), is_configured: true, ports };
        }
        let named = || self.listens.iter().map(SocketAddr::ip);
        let mut addresses: Vec<_> = named().filter(|address| !address.is_unspecified()).collect();
        if named().any(|address| address.is_unspecified()) {
            addresses.extend(files::addresses());
        }
        addresses.sort_unstable();
        addresses.dedup();
        let addresses = addresses.into_iter().map(|address| Prefix::of(address, u8::MAX)).collect();
        Destination { addresses, is_configured: false, ports }
    }
}
