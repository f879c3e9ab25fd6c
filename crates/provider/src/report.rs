//! The report for programs; people read the same by `Display`.

use model::Timestamp;
use serde::Serialize;

use crate::ask::Asks;
use crate::facts::{Facts, Networks, Zone, is_public};
use crate::kind::Seen;
use crate::link::{Finding, SpeedFrom, Verdict};
use crate::measure::Measure;
use crate::shown::{iso, line};

/// What a carrier or hosting provider is told. Nothing in it is longer than a few hundred bytes, and no list longer than 32.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    format: u32,
    at: String,
    site: String,
    /// What the provider calls this customer.
    reference: Option<String>,
    /// What is to be said of the link: now, or of what is over when it was worst.
    pub(crate) link: LinkSaid,
    /// The worst since it began, where that is worse than now.
    pub(crate) worst: Option<LinkSaid>,
    pub(crate) incident: Option<IncidentSaid>,
    /// Only where it did not answer: then there may be an incident.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) record_silent: bool,
    pub(crate) destination: DestinationSaid,
    pub(crate) interface: Option<InterfaceSaid>,
    /// Since when this machine is counted.
    counted_since: Option<String>,
    pub(crate) measures: Vec<MeasureSaid>,
    pub(crate) kinds: Vec<KindSaid>,
    pub(crate) networks: NetworksSaid,
    pub(crate) alike: Vec<String>,
    pub(crate) evidence: Vec<EvidenceSaid>,
    pub(crate) asked: Vec<String>,
    pub(crate) flowspec: Vec<String>,
    pub(crate) questions: Vec<String>,
    pub(crate) last_resort: String,
    #[serde(skip)]
    pub(crate) people: People,
}

/// What only people read otherwise than programs.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) zone: Zone,
    pub(crate) at: Timestamp,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) counted_since: Option<Timestamp>,
    pub(crate) worst_at: Option<Timestamp>,
    /// Of what is over: when the link was worst.
    pub(crate) link_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct LinkSaid {
    pub(crate) at: String,
    pub(crate) verdict: Verdict,
    pub(crate) sure: crate::link::Sureness,
    pub(crate) sentence: &'static str,
    pub(crate) only_provider_can_help: bool,
    pub(crate) because: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct IncidentSaid {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) since: String,
    pub(crate) until: Option<String>,
    pub(crate) is_over: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct DestinationSaid {
    pub(crate) addresses: Vec<AddressSaid>,
    pub(crate) protocol: &'static str,
    pub(crate) ports: Vec<u16>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddressSaid {
    pub(crate) address: String,
    /// `configuration` or `interface`.
    pub(crate) from: &'static str,
    /// The provider sees another one.
    pub(crate) is_private: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct InterfaceSaid {
    pub(crate) name: String,
    pub(crate) bits_per_second: Option<u64>,
    /// `configuration` or `card`.
    pub(crate) from: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct MeasureSaid {
    pub(crate) name: &'static str,
    #[serde(skip)]
    pub(crate) measure: Option<Measure>,
    pub(crate) unit: &'static str,
    pub(crate) now: Option<u64>,
    pub(crate) peak: u64,
    pub(crate) peak_at: Option<String>,
    #[serde(skip)]
    pub(crate) at: Option<Timestamp>,
    pub(crate) usual: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct KindSaid {
    #[serde(flatten)]
    pub(crate) seen: Seen,
    pub(crate) sources_may_be_forged: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct NetworksSaid {
    /// Refusals from which shares are told, from samples.
    pub(crate) refused: u64,
    pub(crate) networks: u64,
    pub(crate) rows: Vec<NetworkSaid>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct NetworkSaid {
    pub(crate) network: String,
    pub(crate) refused: u64,
    /// Of all refusals, 0 to 1.
    pub(crate) share: f64,
    /// `null`: it is not known.
    pub(crate) sign_ins: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct EvidenceSaid {
    pub(crate) at: String,
    #[serde(skip)]
    pub(crate) when: Timestamp,
    pub(crate) in_bits: u64,
    pub(crate) in_packets: u64,
    pub(crate) tcp_packets: u64,
    pub(crate) udp_packets: u64,
    pub(crate) missed_packets: u64,
    pub(crate) gate_connections: u64,
    pub(crate) requests: u64,
}

impl Report {
    /// What is to be told.
    pub fn of(facts: &Facts) -> Self {
        let is_over = facts.happening.as_ref().is_some_and(|happening| happening.is_over);
        // What is over has no now.
        let then = facts.worst.as_ref().filter(|_| is_over);
        let finding = then.map_or(&facts.finding, |(finding, _)| finding);
        let worst = facts.worst.as_ref().filter(|(worst, _)| worst.verdict > finding.verdict);
        let verdict = worst.map_or(finding.verdict, |(worst, _)| worst.verdict);
        let kinds = Seen::all(&facts.peaks, facts.usual.as_ref(), verdict == Verdict::Full);
        let Asks { wanted, flowspec, questions, last_resort } = Asks::of(facts, &kinds, verdict);
        let happening = facts.happening.as_ref();
        Self {
            format: 1,
            at: iso(facts.at),
            site: line(&facts.site),
            reference: facts.reference.as_deref().map(line),
            link: LinkSaid::of(finding, then.map_or(facts.at, |(_, at)| *at)),
            worst: worst.map(|(finding, at)| LinkSaid::of(finding, *at)),
            incident: happening.map(|happening| IncidentSaid {
                id: line(&happening.id),
                title: line(&happening.title),
                since: iso(happening.since),
                until: happening.until.map(iso),
                is_over: happening.is_over,
            }),
            record_silent: facts.is_record_silent,
            destination: destination(facts),
            interface: interface(facts),
            counted_since: facts.counted_since.map(iso),
            measures: Measure::ALL.into_iter().map(|measure| measured(facts, measure)).collect(),
            kinds: kinds
                .into_iter()
                .map(|seen| KindSaid { seen, sources_may_be_forged: seen.kind.may_be_forged() })
                .collect(),
            networks: networks(&facts.networks),
            alike: facts.alike.iter().take(ALIKE_MAX).map(|alike| line(alike)).collect(),
            evidence: facts.seconds.iter().rev().take(SECONDS_MAX).rev().map(EvidenceSaid::of).collect(),
            asked: wanted,
            flowspec,
            questions,
            last_resort,
            people: People {
                zone: facts.zone,
                at: facts.at,
                since: happening.map(|happening| happening.since),
                until: happening.and_then(|happening| happening.until),
                counted_since: facts.counted_since,
                worst_at: worst.map(|(_, at)| *at),
                link_at: then.map(|(_, at)| *at),
            },
        }
    }

    pub(crate) fn site(&self) -> &str {
        &self.site
    }

    pub(crate) fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }
}

impl LinkSaid {
    fn of(finding: &Finding, at: Timestamp) -> Self {
        Self {
            at: iso(at),
            verdict: finding.verdict,
            sure: finding.sureness,
            sentence: finding.verdict.sentence(),
            only_provider_can_help: finding.verdict.needs_provider(),
            because: finding.because.iter().take(BECAUSE_MAX).map(|because| line(because)).collect(),
        }
    }
}

impl EvidenceSaid {
    fn of(second: &crate::ring::Second) -> Self {
        let of = |measure| second.rates.get(measure);
        Self {
            at: iso(second.at),
            when: second.at,
            in_bits: of(Measure::InBits),
            in_packets: of(Measure::InPackets),
            tcp_packets: of(Measure::Tcp),
            udp_packets: of(Measure::Udp),
            missed_packets: of(Measure::Missed).saturating_add(of(Measure::Backlog)),
            gate_connections: of(Measure::Connections),
            requests: of(Measure::Requests),
        }
    }
}

fn destination(facts: &Facts) -> DestinationSaid {
    let destination = &facts.destination;
    let address = |of: &model::Prefix| {
        let is_one = of.length() == if of.addr().is_ipv4() { 32 } else { 128 };
        AddressSaid {
            address: if is_one { of.addr().to_string() } else { of.to_string() },
            from: if destination.is_configured { "configuration" } else { "interface" },
            is_private: !is_public(of.addr()),
        }
    };
    DestinationSaid {
        addresses: destination.addresses.iter().take(ADDRESSES_MAX).map(address).collect(),
        protocol: "tcp",
        ports: destination.ports.iter().copied().take(ADDRESSES_MAX).collect(),
    }
}

fn interface(facts: &Facts) -> Option<InterfaceSaid> {
    let name = line(facts.interface.as_deref()?);
    let from = facts.link.map(|link| match link.from {
        SpeedFrom::Configuration => "configuration",
        SpeedFrom::Card => "card",
    });
    Some(InterfaceSaid { name, bits_per_second: facts.link.map(|link| link.bits), from })
}

fn measured(facts: &Facts, measure: Measure) -> MeasureSaid {
    let peak = facts.peaks.get(measure);
    let at = (peak.rate > 0).then(|| Timestamp::from_millis(peak.at));
    MeasureSaid {
        name: measure.name(),
        measure: Some(measure),
        unit: if measure.is_bits() { "bit/s" } else { "1/s" },
        now: facts.now.map(|now| now.get(measure)),
        peak: peak.rate,
        peak_at: at.map(iso),
        at,
        usual: facts.usual.map(|usual| usual.get(measure)),
    }
}

fn networks(networks: &Networks) -> NetworksSaid {
    let all = networks.refused.max(networks.rows.iter().map(|row| row.refused).fold(0, u64::saturating_add));
    let row = |row: &crate::facts::NetworkRow| NetworkSaid {
        network: row.network.to_string(),
        refused: row.refused,
        share: share(row.refused, all),
        sign_ins: row.sign_ins,
    };
    let rows = networks.rows.iter().take(NETWORKS_MAX).map(row).collect();
    NetworksSaid { refused: all, networks: networks.count, rows }
}

/// In thousandths, rounded down: 0 to 1.
fn share(part: u64, whole: u64) -> f64 {
    let thousandths = u128::from(part) * 1_000 / u128::from(whole.max(1));
    f64::from(u32::try_from(thousandths).unwrap_or(1_000).min(1_000)) / 1_000.0
}

const BECAUSE_MAX: usize = 8;
const ALIKE_MAX: usize = 4;
const ADDRESSES_MAX: usize = 16;
const NETWORKS_MAX: usize = 16;
const SECONDS_MAX: usize = 10;
