//! `[[probe]]`, and `[outpost]` of a gate.

use std::path::PathBuf;
use std::time::Duration;

use model::Prefix;

use crate::entry::{default, optional, required, settings};
use crate::kinds::{
    FILE, NAME, OriginUrl, PREFIX, PROBE_SHOWS, PROBE_TARGET, ProbeTarget, SERVER_URL, TEXT, duration, list,
    whole,
};

settings! {
    /// Something that is tried regularly from this machine: the app itself, or the site by its public name. One failure means
    /// little; three in a row mean down, two good answers in a row end that. Each host is tried at most once a second, and says
    /// who asks: `User-Agent: portcullis-probe`.
    pub struct Probe {
        /// What it is called in logs and metrics; no other is called so.
        name: String = required("Front page", NAME);
        /// Where: a page (`https://` or `http://`), a port that takes connections (`tcp://HOST:PORT`), a port with TLS
        /// (`tls://HOST:PORT`), or a name that must have an address (`dns://HOST`).
        target: ProbeTarget = required("https://shop.example/", PROBE_TARGET);
        /// What it tells of: "public", the site as people reach it; "app", the app itself, around the gate: where they disagree, the
        /// gate says what that means; or, for an outpost, "control": a server that has nothing to do with the site and always answers.
        /// An outpost that reaches neither is cut off itself, and says nothing.
        shows: ProbeShows = default("public", PROBE_SHOWS);
        /// From one attempt to the next. After a failure it is tried again after a second, until it is sure.
        every: Duration = default("5s", duration("1s", "1h"));
        /// An attempt has failed after so long.
        within: Duration = default("3s", duration("100ms", "30s"));
        /// Good statuses of a page. Without any, 200 to 399.
        status: Vec<u32> = default("", list(whole(100, 599), 16));
        /// A text that the first 64 KiB of a page must hold.
        contains: Option<String> = optional("Add to basket", TEXT);
        /// Networks that every address of a `dns://` name must lie in.
        leads_to: Vec<Prefix> = default("", list(PREFIX, 16));
        /// A certificate that ends sooner than in so long is a warning.
        certificate_left: Duration = default("14d", duration("0s", "365d"));
        /// The authority that the certificate is verified with, as PEM, for one of your own. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
    }
}

settings! {
    /// A machine elsewhere that runs `portcullis outpost` and watches this gate. What it saw while this gate was out of reach goes
    /// into the record of incidents, and what it sees now counts as what people outside see.
    pub struct Outpost {
        /// Where its page is read, `https://HOST`: the machine itself, not a name that may lead elsewhere.
        url: OriginUrl = required("https://outpost.shop.example", SERVER_URL);
        /// How often it is asked.
        every: Duration = default("5s", duration("1s", "10min"));
        /// The authority that its certificate is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
    }
}

/// What a probe tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProbeShows {
    /// The app itself, around the gate.
    App,
    /// The site as people reach it.
    Public,
    /// The way out of the machine that tries.
    Control,
}
