//! Files of `/proc` and `/sys`, each read as far as it is bounded.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use provider::HostTexts;

/// Texts of `/proc/net`, read again and again into the same memory.
#[derive(Debug, Default)]
pub(super) struct Files {
    dev: String,
    snmp: String,
    snmp6: String,
    netstat: String,
    softnet: String,
}

impl Files {
    /// Reads them; what cannot be read is empty.
    pub(super) fn read(&mut self) {
        read_into(&mut self.dev, "/proc/net/dev");
        read_into(&mut self.snmp, "/proc/net/snmp");
        read_into(&mut self.snmp6, "/proc/net/snmp6");
        read_into(&mut self.netstat, "/proc/net/netstat");
        read_into(&mut self.softnet, "/proc/net/softnet_stat");
    }

    /// As they were read last.
    pub(super) fn texts(&self) -> HostTexts<'_> {
        HostTexts {
            dev: &self.dev,
            snmp: &self.snmp,
            snmp6: &self.snmp6,
            netstat: &self.netstat,
            softnet: &self.softnet,
        }
    }

    /// The interface of the link.
    pub(super) fn choose(&self, configured: Option<&str>) -> Option<String> {
        provider::choose(configured, &self.dev, &read("/proc/net/route"), &read("/proc/net/ipv6_route"))
    }
}

/// The addresses of this machine that others may reach.
pub(super) fn addresses() -> Vec<IpAddr> {
    provider::addresses(&read("/proc/net/fib_trie"), &read("/proc/net/if_inet6"))
}

/// What a network card says of its link, in bits a second; `None` for one that is none: what a virtual one says means nothing.
pub(super) fn card_speed(interface: &str) -> Option<u64> {
    // A name without a slash is one entry of the folder.
    let card = Path::new("/sys/class/net").join(Path::new(interface).file_name()?);
    if !card.join("device").exists() {
        return None;
    }
    let mut text = String::new();
    read_into(&mut text, card.join("speed"));
    // Megabits a second; -1 is that it does not know.
    let megabits: u64 = text.trim().parse().ok()?;
    megabits.checked_mul(1_000_000).filter(|bits| *bits > 0)
}

fn read(path: &str) -> String {
    let mut text = String::new();
    read_into(&mut text, path);
    text
}

fn read_into(text: &mut String, path: impl AsRef<Path>) {
    text.clear();
    // What cannot be read, or is no text, counts as nothing.
    let is_read = File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(text)).is_ok();
    if !is_read {
        text.clear();
    }
}

/// More than a machine with a thousand processors or addresses has to say.
const BYTES_MAX: u64 = 512 * 1024;
