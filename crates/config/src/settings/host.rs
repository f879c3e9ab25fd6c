//! `[host]`.

use model::Prefix;

use crate::entry::{default, optional, settings};
use crate::kinds::{LINK_SPEED, LinkSpeed, PREFIX, TEXT, WORD, list};

settings! {
    /// This machine as its carrier or hosting provider sees it: `portcullis provider-report` tells them what they need on the phone.
    pub struct Host {
        /// How fast the link to the internet is, as it is paid for: "1 Gbit/s", "500 Mbit/s". Without it the network card is asked,
        /// which says what it can do, and on most rented machines says nothing; then the link is called full only when packets are lost
        /// in the card or its queue and the site is not reached from elsewhere.
        link: Option<LinkSpeed> = optional("1 Gbit/s", LINK_SPEED);
        /// The network interface of that link. Without it, the one of the default route.
        interface: Option<String> = optional("eth0", WORD);
        /// The addresses or networks by which the internet reaches this gate, as the provider sees them. Without them, those of the
        /// network interfaces.
        addresses: Vec<Prefix> = default("", list(PREFIX, 16));
        /// What the provider calls you: a customer's or contract's number, a circuit.
        reference: Option<String> = optional("customer 4711, circuit A-17", TEXT);
    }
}
