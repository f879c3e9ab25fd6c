//! The report as it is read out on the phone.

use std::fmt::{self, Formatter, Write};

use crate::facts::Zone;
use crate::link::Sureness;
use crate::measure::Measure;
use crate::report::{LinkSaid, MeasureSaid, Report};
use crate::shown::{bits, clock, count, moment, rate, span};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.verdict(f)?;
        self.happening(f)?;
        self.where_to(f)?;
        self.measured(f)?;
        self.kinds(f)?;
        self.sources(f)?;
        self.evidence(f)?;
        self.asked(f)?;
        self.blanks(f)
    }
}

impl Report {
    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "For our carrier or hosting provider: {}", self.site())?;
        writeln!(f, "Written {}", moment(self.people.at, &self.people.zone))
    }

    fn verdict(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let then = match self.people.link_at {
            Some(at) => format!(", when it was worst, at {}", moment(at, &self.people.zone)),
            None => String::new(),
        };
        writeln!(f, "\nThe link{then}: {}", said(&self.link))?;
        because(f, &self.link)?;
        if let (Some(worst), Some(at)) = (&self.worst, self.people.worst_at) {
            writeln!(f, "  It was worse at {}: {}", moment(at, &self.people.zone), said(worst))?;
            because(f, worst)?;
        }
        Ok(())
    }

    fn happening(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (Some(incident), Some(since)) = (&self.incident, self.people.since) else {
            let why = if self.record_silent {
                "the record of incidents did not answer, so that nobody knows here since when"
            } else {
                "no incident is open"
            };
            return writeln!(f, "\nWhen: {why}; figures are of the last quarter of an hour");
        };
        let People { zone, at, until, .. } = self.times();
        writeln!(f, "\nWhen: since {}", moment(since, zone))?;
        match until {
            Some(until) => {
                let lasted = span(until.since(since).as_secs());
                writeln!(f, "  until {}, {lasted}", moment(until, zone))?;
            }
            None if incident.is_over => writeln!(f, "  it is over; when it ended is not known any more")?,
            None => writeln!(f, "  it goes on, for {} so far", span(at.since(since).as_secs()))?,
        }
        writeln!(f, "  our incident {}: {}", incident.id, incident.title)
    }

    fn where_to(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let addresses = &self.destination.addresses;
        let shown: Vec<&str> = addresses.iter().map(|address| address.address.as_str()).collect();
        let shown = if shown.is_empty() { "not known to this machine".to_owned() } else { shown.join(", ") };
        writeln!(f, "\nWhat is attacked: {shown}")?;
        if addresses.iter().all(|address| address.is_private && address.from == "interface") {
            writeln!(f, "  the address that you see is another one: ______________________")?;
        }
        let ports: Vec<String> = self.destination.ports.iter().map(u16::to_string).collect();
        let ports = if ports.is_empty() { "not known".to_owned() } else { ports.join(", ") };
        let word = if self.destination.ports.len() == 1 { "port" } else { "ports" };
        writeln!(f, "  the site is served at TCP {word} {ports}, and nothing of it over UDP")?;
        match &self.interface {
            Some(interface) => {
                let speed = match (interface.bits_per_second, interface.from) {
                    (Some(speed), Some("card")) => format!("{} as its card says", bits(speed)),
                    (Some(speed), _) => bits(speed),
                    (None, _) => "of a speed that is not known".to_owned(),
                };
                writeln!(f, "  by interface {}, {speed}", interface.name)
            }
            None => writeln!(f, "  by which interface is not known"),
        }
    }

    fn measured(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nWhat this machine counts   {:>14} {:>14}  {:<8} {:>14}",
            "most", "now", "at", "usual"
        )?;
        for said in self.measures.iter().filter(|said| said.is_worth_a_line()) {
            let Some(measure) = said.measure else { continue };
            let known = |value: Option<u64>| {
                value.map_or_else(|| "not known".to_owned(), |value| rate(measure, value))
            };
            let now = if said.now.is_none() && self.is_over() { "-".to_owned() } else { known(said.now) };
            let at = said.at.map_or_else(|| "-".to_owned(), clock);
            let (label, peak) = (measure.label(), rate(measure, said.peak));
            writeln!(f, "  {label:<25}{peak:>14} {now:>14}  {at:<8} {:>14}", known(said.usual))?;
        }
        match self.people.counted_since {
            Some(since) => writeln!(
                f,
                "  counted since {}; times of day are UTC; usual is the hour before it began",
                moment(since, &self.people.zone)
            ),
            None => writeln!(f, "  nothing was counted: what came before this process began is not known"),
        }
    }

    fn kinds(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nWhat kind of traffic")?;
        if self.kinds.is_empty() {
            writeln!(f, "  not known: nothing that this machine counts is far above what is usual")?;
        }
        for kind in &self.kinds {
            let usual = match kind.seen.usual {
                Some(usual) => format!("usual are {}/s", count(usual)),
                None => "what is usual is not known".to_owned(),
            };
            let forged = if kind.sources_may_be_forged { "; sources may be forged" } else { "" };
            writeln!(f, "  {}: up to {}/s, {usual}{forged}", kind.seen.kind.label(), count(kind.seen.peak))?;
        }
        for alike in &self.alike {
            writeln!(f, "  alike in them, as our rules found: {alike}")?;
        }
        Ok(())
    }

    fn sources(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let networks = &self.networks;
        if networks.rows.is_empty() {
            return writeln!(
                f,
                "\nFrom where: not known; this machine knows sources of requests that it refused, and there were none"
            );
        }
        writeln!(
            f,
            "\nFrom where: of about {} requests that were refused or would have been, in {} networks",
            count(networks.refused),
            count(networks.networks)
        )?;
        for row in &networks.rows {
            let sign_ins = match row.sign_ins {
                None => "whether customers sign in from there cannot be read now: do not drop".to_owned(),
                Some(0) => "no customer signed in from there".to_owned(),
                Some(1) => "1 sign-in of a customer: do not drop".to_owned(),
                Some(many) => format!("{} sign-ins of customers: do not drop", count(many)),
            };
            let share = match row.share {
                share if share > 0.0 => format!("{:.1} %", share * 100.0),
                _ => "< 0.1 %".to_owned(),
            };
            writeln!(f, "  {:<24} {share:>7} {:>12}  {sign_ins}", row.network, count(row.refused))?;
        }
        writeln!(f, "  sources of packets that are no requests are not known here: you see them")
    }

    fn evidence(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.evidence.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nEvidence, second by second (UTC)")?;
        let heads = ["inbound", "packets/s", "TCP/s", "UDP/s", "lost/s", "connections/s", "requests/s"];
        let mut line = "          ".to_owned();
        heads.iter().try_for_each(|head| write!(line, " {head:>13}"))?;
        writeln!(f, "{line}")?;
        for second in &self.evidence {
            let counts = [
                second.in_packets,
                second.tcp_packets,
                second.udp_packets,
                second.missed_packets,
                second.gate_connections,
                second.requests,
            ];
            write!(f, "  {} {:>13}", clock(second.when), bits(second.in_bits))?;
            counts.iter().try_for_each(|value| write!(f, " {:>13}", count(*value)))?;
            writeln!(f)?;
        }
        Ok(())
    }

    fn asked(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_urgent = self.link.only_provider_can_help;
        let head = if is_urgent { "What we ask you to do, now" } else { "What we ask you to do" };
        writeln!(f, "\n{head}")?;
        for (number, wanted) in (1..).zip(&self.asked) {
            writeln!(f, "  {number}. {wanted}")?;
        }
        if !self.flowspec.is_empty() {
            writeln!(f, "  as FlowSpec (RFC 8955, in the notation of ExaBGP):")?;
            self.flowspec.iter().try_for_each(|rule| writeln!(f, "    {rule}"))?;
        }
        writeln!(f, "  last of all: {}", self.last_resort)?;
        writeln!(f, "\nWhat we ask you to tell us")?;
        self.questions.iter().try_for_each(|question| writeln!(f, "  - {question}"))
    }

    fn blanks(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let blank = "______________________";
        writeln!(f, "\nOur number with you:  {}", self.reference().unwrap_or(blank))?;
        writeln!(f, "We can be reached at: {blank}")?;
        writeln!(f, "Your reference:       {blank}")?;
        writeln!(f, "Spoken with, at:      {blank}")
    }

    fn is_over(&self) -> bool {
        self.incident.as_ref().is_some_and(|incident| incident.is_over)
    }

    fn times(&self) -> People<'_> {
        People { zone: &self.people.zone, at: self.people.at, until: self.people.until }
    }
}

/// Times that a section reads.
struct People<'a> {
    zone: &'a Zone,
    at: model::Timestamp,
    until: Option<model::Timestamp>,
}

impl MeasureSaid {
    /// What never moved is left out; what a link carries is always there.
    fn is_worth_a_line(&self) -> bool {
        self.peak > 0
            || matches!(self.measure, Some(Measure::InBits | Measure::InPackets | Measure::Requests))
    }
}

/// The verdict, and how sure it is.
fn said(link: &LinkSaid) -> String {
    match link.sure {
        Sureness::Unknown => link.sentence.to_owned(),
        sure @ (Sureness::Sure | Sureness::Likely) => format!("{} ({})", link.sentence, sure.label()),
    }
}

fn because(f: &mut Formatter<'_>, link: &LinkSaid) -> fmt::Result {
    link.because.iter().try_for_each(|because| writeln!(f, "  - {because}"))
}
