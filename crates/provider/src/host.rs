//! What the texts of `/proc` say (Linux, `Documentation/filesystems/proc.rst` and `networking/snmp_counter.rst`).
//!
//! Each is read as far as it makes sense: a field that is missing counts as 0, for kernels differ in what they count.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::measure::{Measure, Totals};

/// Texts of `/proc/net` at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostTexts<'a> {
    /// `dev`.
    pub dev: &'a str,
    /// `snmp`.
    pub snmp: &'a str,
    /// `snmp6`.
    pub snmp6: &'a str,
    /// `netstat`.
    pub netstat: &'a str,
    /// `softnet_stat`.
    pub softnet: &'a str,
}

impl HostTexts<'_> {
    /// What was counted of one interface, and of the whole machine.
    pub fn totals(&self, interface: &str) -> Totals {
        let mut totals = Totals::default();
        if let Some(row) = rows(self.dev).find(|row| row.name == interface) {
            totals.set(Measure::InBits, row.in_bytes.wrapping_mul(8));
            totals.set(Measure::InPackets, row.in_packets);
            totals.set(Measure::OutBits, row.out_bytes.wrapping_mul(8));
            totals.set(Measure::Missed, row.missed);
        }
        totals.set(Measure::Backlog, softnet_dropped(self.softnet));
        self.protocols(&mut totals);
        let of = |name| named(self.netstat, "TcpExt:", name);
        totals.set(Measure::Cookies, of("SyncookiesSent"));
        totals.set(Measure::Overflows, of("ListenDrops"));
        totals
    }

    fn protocols(&self, totals: &mut Totals) {
        let (four, six) = (|table, name| named(self.snmp, table, name), |name| plain(self.snmp6, name));
        let sum = |counts: &[u64]| counts.iter().fold(0_u64, |sum, count| sum.wrapping_add(*count));
        // TCP is counted for both families in one.
        let tcp = four("Tcp:", "InSegs");
        let udp = sum(&[
            sum(&["InDatagrams", "NoPorts", "InErrors"].map(|name| four("Udp:", name))),
            sum(&["Udp6InDatagrams", "Udp6NoPorts", "Udp6InErrors"].map(six)),
        ]);
        let icmp = sum(&[four("Icmp:", "InMsgs"), six("Icmp6InMsgs")]);
        let fragments = sum(&[four("Ip:", "ReasmReqds"), six("Ip6ReasmReqds")]);
        let forwarded = sum(&[four("Ip:", "ForwDatagrams"), six("Ip6OutForwDatagrams")]);
        let all = sum(&[four("Ip:", "InReceives"), six("Ip6InReceives")]);
        let explained = sum(&[tcp, udp, icmp, fragments, forwarded]);
        totals.set(Measure::Tcp, tcp);
        totals.set(Measure::Udp, udp);
        totals.set(Measure::Icmp, icmp);
        totals.set(Measure::Fragments, fragments);
        // What was not delivered as any of them. It may go back a little, when a reassembled packet is delivered.
        totals.set(Measure::Other, all.wrapping_sub(explained));
        totals.set(Measure::Opens, four("Tcp:", "PassiveOpens"));
    }
}

/// The interface whose link is watched: the one that an admin named, else that of the default route, else the one beside `lo` through
/// which most came. Texts of `/proc/net`: `dev`, `route`, `ipv6_route`.
pub fn choose(configured: Option<&str>, dev: &str, route: &str, route6: &str) -> Option<String> {
    let is_there = |name: &&str| rows(dev).any(|row| row.name == *name);
    if let Some(name) = configured {
        return Some(name).filter(is_there).map(str::to_owned);
    }
    let four = route.lines().skip(1).take(LINES_MAX).filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (name, destination) = (words.next()?, words.next()?);
        let mask = words.nth(5)?;
        (destination == "00000000" && mask == "00000000").then_some(name)
    });
    let six = route6.lines().take(LINES_MAX).filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_default = words.first()?.bytes().all(|byte| byte == b'0') && *words.get(1)? == "00";
        words.last().copied().filter(|name| is_default && *name != LOOPBACK)
    });
    let routed = four.chain(six).find(|name| rows(dev).any(|row| row.name == *name));
    let busiest = || rows(dev).filter(|row| row.name != LOOPBACK).max_by_key(|row| row.in_bytes);
    routed.or_else(|| busiest().map(|row| row.name)).map(str::to_owned)
}

/// The names of all interfaces, at most 256, from `/proc/net/dev`.
pub fn interfaces(dev: &str) -> Vec<String> {
    rows(dev).map(|row| row.name.to_owned()).collect()
}

/// The addresses of this machine that others may reach: all but loopback and link-local ones, at most 32, from `/proc/net/fib_trie` and
/// `/proc/net/if_inet6`.
pub fn addresses(fib_trie: &str, if_inet6: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let mut last = None;
    for line in fib_trie.lines().take(FIB_LINES_MAX) {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last.take().map(IpAddr::V4));
        }
    }
    let six = if_inet6.lines().take(LINES_MAX).filter_map(|line| {
        let digits = line.split_ascii_whitespace().next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
    });
    found.extend(six);
    found.retain(|address| is_reachable(*address));
    found.sort_unstable();
    found.dedup();
    found.truncate(ADDRESSES_MAX);
    found
}

fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => !four.is_loopback() && !four.is_link_local() && !four.is_unspecified(),
        IpAddr::V6(six) => !six.is_loopback() && !six.is_unicast_link_local() && !six.is_unspecified(),
    }
}

/// One interface.
struct Row<'a> {
    name: &'a str,
    in_bytes: u64,
    in_packets: u64,
    missed: u64,
    out_bytes: u64,
}

/// The lines of `/proc/net/dev` below its two heads: bytes, packets, errs, drop, fifo, frame, compressed, multicast; then those sent.
fn rows(dev: &str) -> impl Iterator<Item = Row<'_>> {
    dev.lines().skip(2).take(LINES_MAX).filter_map(|line| {
        let (name, counts) = line.split_once(':')?;
        let counts: Vec<u64> = counts.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        let [in_bytes, in_packets, _, dropped, fifo, _, _, _, out_bytes, ..] = counts[..] else {
            return None;
        };
        let missed = dropped.wrapping_add(fifo);
        let name = name.trim();
        is_name(name).then_some(Row { name, in_bytes, in_packets, missed, out_bytes })
    })
}

/// Names of interfaces have at most 15 bytes; one that would not print well is left out.
fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

/// A count from lines in pairs, names above numbers, both after the same word.
fn named(text: &str, table: &str, name: &str) -> u64 {
    let mut lines = text.lines().take(LINES_MAX).filter_map(|line| line.strip_prefix(table));
    let (Some(names), Some(counts)) = (lines.next(), lines.next()) else { return 0 };
    let place = names.split_ascii_whitespace().position(|found| found == name);
    let count = place.and_then(|place| counts.split_ascii_whitespace().nth(place));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// A count from lines with a name and a number.
fn plain(text: &str, name: &str) -> u64 {
    let lines = text.lines().take(LINES_MAX);
    let mut counts = lines.filter_map(|line| line.strip_prefix(name)?.split_once(char::is_whitespace));
    counts.find_map(|(rest, count)| rest.is_empty().then(|| count.trim().parse().ok())?).unwrap_or(0)
}

/// The second column of each processor's line, hexadecimal.
fn softnet_dropped(text: &str) -> u64 {
    let lines = text.lines().take(PROCESSORS_MAX);
    let dropped =
        lines.filter_map(|line| u64::from_str_radix(line.split_ascii_whitespace().nth(1)?, 16).ok());
    dropped.fold(0, u64::wrapping_add)
}

const LOOPBACK: &str = "lo";
const NAME_BYTES_MAX: usize = 15;
const LINES_MAX: usize = 256;
/// A machine with the routes of the whole internet has more; then its own addresses may be missing and are to be configured.
const FIB_LINES_MAX: usize = 20_000;
const ADDRESSES_MAX: usize = 32;
const PROCESSORS_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DEV: &str = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9000000  100    0    0    0     0          0         0  9000000  100    0    0    0     0       0          0
  eth0: 1000     10    0    3    4     0          0         0      500     5    0    0    0     0       0          0
docker0: 2000     10    0    0    0     0          0         0      500     5    0    0    0     0       0          0
";
    const SNMP: &str = "Ip: Forwarding InReceives ForwDatagrams ReasmReqds\nIp: 1 1000 100 30\n\
                        Icmp: InMsgs InErrors\nIcmp: 20 0\nTcp: PassiveOpens InSegs\nTcp: 7 400\n\
                        Udp: InDatagrams NoPorts InErrors\nUdp: 40 300 10\nUdpLite: InDatagrams NoPorts InErrors\nUdpLite: 9 9 9\n";
    const SNMP6: &str = "Ip6InReceives                   \t50\nUdp6InDatagrams                 \t5\nUdp6InDatagramsX 9\nIcmp6InMsgs 3\n";
    const NETSTAT: &str =
        "TcpExt: SyncookiesSent SyncookiesRecv ListenDrops\nTcpExt: 11 2 12\nIpExt: InOctets\nIpExt: 5\n";

    #[test]
    fn every_counter_is_found_where_the_kernel_writes_it() {
        let texts =
            HostTexts { dev: DEV, snmp: SNMP, snmp6: SNMP6, netstat: NETSTAT, softnet: "0a 02 0\n0b 10 0\n" };
        let rates = texts.totals("eth0").rates(&Totals::default(), Duration::from_secs(1)).unwrap();
        let found = Measure::ALL.map(|measure| format!("{} {}", measure.name(), rates.get(measure)));
        let expected = "in_bits 8000, in_packets 10, out_bits 4000, missed_packets 7, backlog_drops 18, tcp_packets 400, \
                        udp_packets 355, icmp_packets 23, other_packets 142, fragments 30, tcp_opens 7, syn_cookies 11, \
                        listen_drops 12, requests 0, refused_requests 0, gate_connections 0, failed_handshakes 0";
        assert_eq!(found.join(", "), expected);
    }

    #[test]
    fn the_link_is_that_of_the_admin_or_of_the_default_route_or_the_busiest() {
        let route = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                     docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n\
                     eth0 00000000 010011AC 0003 0 0 0 00000000 0 0 0\n";
        let route6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 \
                      00000400 00000001 00000000 00000003 eth0\n";
        assert_eq!(choose(None, DEV, route, "").as_deref(), Some("eth0"));
        assert_eq!(choose(None, DEV, "", route6).as_deref(), Some("eth0"));
        assert_eq!(choose(None, DEV, "", "").as_deref(), Some("docker0"));
        assert_eq!(choose(Some("eth0"), DEV, "", "").as_deref(), Some("eth0"));
        assert_eq!(choose(Some("eth7"), DEV, route, ""), None);
        assert_eq!(choose(None, "", "", ""), None);
        assert_eq!(interfaces(DEV), ["lo", "eth0", "docker0"]);
    }

    #[test]
    fn addresses_are_those_that_others_may_reach() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 203.0.113.10\n        /32 host LOCAL\n     |-- 203.0.113.255\n        \
                    /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\nLocal:\n     |-- 203.0.113.10\n        /32 host LOCAL\n";
        let six = "fe8000000000000000000000000000aa 02 40 20 80 eth0\n20010db8000000000000000000000001 02 40 00 80 eth0\n";
        let found: Vec<String> = addresses(trie, six).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["203.0.113.10", "2001:db8::1"]);
    }
}
