//! What is tried, how, and what it tells of.

use std::time::Duration;

use model::Prefix;

/// Targets of one machine at most: a few are enough to know, and it is no tool to attack others with.
pub const TARGETS_MAX: usize = 32;

/// Something that is tried regularly.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// For logs and metrics.
    pub name: String,
    /// Where and how.
    pub aim: Aim,
    /// What it tells of.
    pub shows: Shows,
    /// From one attempt to the next; never less than [`crate::Schedule::APART`].
    pub every: Duration,
    /// An attempt has failed after so long, whatever it was doing.
    pub within: Duration,
    /// A certificate that ends sooner than in so long is a reason to warn.
    pub certificate_left: Duration,
}

/// Where and how something is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Aim {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port; without meaning for [`How::Dns`].
    pub port: u16,
    /// What is asked there.
    pub how: How,
}

/// What is asked of a target, and what is a good answer.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// A page, by GET.
    Http {
        /// Over TLS, with a certificate that is in order.
        is_https: bool,
        /// Path and query.
        path: String,
        /// Good ones; empty: 200 to 399.
        statuses: Vec<u16>,
        /// A text that the first 64 KiB of the answer hold.
        contains: Option<String>,
    },
    /// That a connection is taken.
    Tcp,
    /// A TLS handshake with a certificate that is in order.
    Tls,
    /// That the name has an address, as this machine resolves it.
    Dns {
        /// Networks that every address lies in; empty: any will do.
        leads_to: Vec<Prefix>,
    },
}

impl Target {
    /// It tells whether a name leads somewhere, and not whether anything answers there.
    pub(crate) const fn is_name_only(&self) -> bool {
        matches!(self.aim.how, How::Dns { .. })
    }
}

/// What a target tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shows {
    /// The app itself, around the gate.
    App,
    /// The site as people reach it, by its public name.
    Public,
    /// The way out of this machine: something that has nothing to do with the site and always answers.
    Control,
}
