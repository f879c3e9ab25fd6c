//! What the provider is asked to do, in words and, where that can be expressed, as FlowSpec.

use model::Prefix;

use crate::facts::{Destination, Facts, NetworkRow, is_public};
use crate::kind::{Kind, Seen};
use crate::link::Verdict;
use crate::shown::percent;

/// What is asked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asks {
    /// What to do now, most useful first.
    pub(crate) wanted: Vec<String>,
    /// The same as rules, in the notation of ExaBGP (RFC 8955 says what they mean); at most 32.
    pub(crate) flowspec: Vec<String>,
    /// What to tell us.
    pub(crate) questions: Vec<String>,
    /// What comes last of all, and what it costs.
    pub(crate) last_resort: String,
}

impl Asks {
    pub(crate) fn of(facts: &Facts, kinds: &[Seen], verdict: Verdict) -> Self {
        let mut asks = Self {
            questions: QUESTIONS.map(str::to_owned).to_vec(),
            last_resort: last_resort(&facts.destination),
            ..Self::default()
        };
        if verdict == Verdict::LostBefore {
            asks.wanted.push(
                "look at your network before our port: our traffic does not get to us, and our link has room"
                    .to_owned(),
            );
        }
        for seen in kinds {
            asks.wanted.extend(wanted(seen.kind, facts));
            asks.flowspec.extend(rules(seen.kind, &facts.destination));
        }
        let is_http = kinds.iter().any(|seen| !seen.kind.may_be_forged());
        if is_http {
            asks.sources(facts, verdict);
        }
        if verdict.needs_provider() {
            let first = if asks.wanted.is_empty() { "" } else { "if that is not enough: " };
            asks.wanted.push(format!(
                "{first}route our traffic through your DDoS filter (scrubbing), and tell us when it is on"
            ));
        }
        if asks.wanted.is_empty() {
            asks.wanted.push(
                "nothing is to be filtered now; have your DDoS filter ready, and tell us how it is switched on and how long that takes"
                    .to_owned(),
            );
        }
        asks.flowspec.truncate(RULES_MAX);
        asks
    }

    /// Source networks, of which only those may be dropped of which it is known that no customer signed in from there.
    fn sources(&mut self, facts: &Facts, verdict: Verdict) {
        let all = facts.networks.refused;
        let is_large = |row: &&NetworkRow| percent(row.refused, all) >= SHARE_PERCENT && row.refused >= FEW;
        let large = || facts.networks.rows.iter().take(SOURCES_MAX).filter(is_large);
        let strangers: Vec<Prefix> =
            large().filter(|row| row.sign_ins == Some(0)).map(|row| row.network).collect();
        let covered =
            large().filter(|row| row.sign_ins == Some(0)).map(|row| row.refused).fold(0, u64::saturating_add);
        if strangers.is_empty() {
            self.wanted.push(if verdict == Verdict::Full {
                "no few source networks bring most of the requests: they cannot be told apart by address; filter what you can by your own means"
                    .to_owned()
            } else {
                "requests: nothing to be dropped by address; this machine refuses them itself as long as the link has room".to_owned()
            });
            return;
        }
        self.wanted.push(format!(
            "drop TCP to us from these networks, which bring {} % of what we refuse and no sign-in of a customer: {}",
            percent(covered, all),
            list(&strangers)
        ));
        for target in targets(&facts.destination) {
            let same = strangers.iter().filter(|source| is_four(source.addr()) == target.is_four);
            self.flowspec.extend(same.map(|source| {
                format!(
                    "match {{ source {source}; destination {}; protocol tcp; }} then {{ discard; }}",
                    target.text
                )
            }));
        }
    }
}

fn wanted(kind: Kind, facts: &Facts) -> Option<String> {
    let ports = ports(&facts.destination);
    Some(match kind {
        Kind::Udp => {
            "drop UDP to our addresses: the site serves nothing over UDP. Let answers to our own name and time queries through \
             (source ports 53 and 123), if you can tell them apart"
                .to_owned()
        }
        Kind::Fragments => "drop IP fragments to our addresses".to_owned(),
        Kind::Icmp => "limit ICMP to our addresses to 1 Mbit/s; do not drop all of it, path MTU discovery needs it".to_owned(),
        Kind::Other => {
            "drop what is neither TCP, UDP nor ICMP to our addresses (if we have a tunnel with you, leave that out)".to_owned()
        }
        Kind::Syn => format!("switch your protection against SYN floods on for our addresses, TCP ports {ports}"),
        Kind::Tcp => format!("drop TCP packets to our addresses that belong to no connection (floods of ACK or RST), and TCP to other ports than {ports} as far as they are no answers to us"),
        Kind::Connections | Kind::Requests | Kind::Handshakes => return None,
    })
}

fn rules(kind: Kind, destination: &Destination) -> Vec<String> {
    let (of, action) = match kind {
        Kind::Udp => ("protocol udp;", "discard;"),
        Kind::Fragments => ("fragment is-fragment;", "discard;"),
        // Bytes a second.
        Kind::Icmp => ("protocol icmp;", "rate-limit 125000;"),
        Kind::Other | Kind::Syn | Kind::Tcp | Kind::Connections | Kind::Requests | Kind::Handshakes => {
            return Vec::new();
        }
    };
    let rule = |target: Target| {
        let of =
            if target.is_four { of.to_owned() } else { of.replace("protocol icmp", "protocol ipv6-icmp") };
        format!("match {{ destination {}; {of} }} then {{ {action} }}", target.text)
    };
    targets(destination).into_iter().map(rule).collect()
}

/// An address as a rule names it.
struct Target {
    text: String,
    is_four: bool,
}

/// The addresses as the provider sees them, at most eight; a word to be replaced where this machine does not know them.
fn targets(destination: &Destination) -> Vec<Target> {
    let known = destination.addresses.iter().filter(|of| destination.is_configured || is_public(of.addr()));
    let target = |of: &Prefix| Target { text: of.to_string(), is_four: is_four(of.addr()) };
    let known: Vec<Target> = known.take(TARGETS_MAX).map(target).collect();
    if known.is_empty() {
        return vec![Target { text: UNKNOWN_ADDRESS.to_owned(), is_four: true }];
    }
    known
}

fn last_resort(destination: &Destination) -> String {
    let targets: Vec<String> = targets(destination).into_iter().map(|target| target.text).collect();
    format!(
        "RTBH (drop everything to {}; RFC 7999, community 65535:666, or yours) only if we say so in this call: it takes the site away \
         from all customers, and does the attacker's work; it helps only others on the same link",
        targets.join(", ")
    )
}

/// As people say them: `80, 443`.
pub(crate) fn ports(destination: &Destination) -> String {
    let ports: Vec<String> = destination.ports.iter().take(PORTS_MAX).map(u16::to_string).collect();
    if ports.is_empty() { "(not known)".to_owned() } else { ports.join(", ") }
}

fn list(networks: &[Prefix]) -> String {
    networks.iter().map(Prefix::to_string).collect::<Vec<_>>().join(", ")
}

const fn is_four(address: std::net::IpAddr) -> bool {
    address.is_ipv4()
}

/// Stands where a public address is to be filled in.
pub(crate) const UNKNOWN_ADDRESS: &str = "OUR-PUBLIC-ADDRESS/32";
const QUESTIONS: [&str; 4] = [
    "what do you see at your edge: bit/s, packets/s, protocols, source networks, forged or not?",
    "is your filtering for us on, since when, and does it come on by itself or by hand?",
    "do all of your carriers filter, or does one need a person to switch it on?",
    "what is your reference for this call, and whom do we call back?",
];
/// A network brings a large part from so many hundredths on.
const SHARE_PERCENT: u64 = 5;
/// And from so many refusals on.
const FEW: u64 = 100;
const RULES_MAX: usize = 32;
const TARGETS_MAX: usize = 8;
const SOURCES_MAX: usize = 16;
const PORTS_MAX: usize = 16;
