//! What the carrier or hosting provider is told.

use std::time::Duration;

use console_io::ctl::Reply;
use incident::{Inside as Incident, PublicId};
use journal_io::journal::{Reader, Window};
use model::{Prefix, Timestamp};
use provider::{Facts, Finding, Happening, NetworkRow, Networks, Report, Zone};

use super::Control;
use super::page::late;
use crate::host::ended;
use crate::running::SITE;

impl Control {
    /// The report about an incident: the one with this id, or the newest that goes on; without any, about the last minutes.
    pub(super) fn provider_report(&self, id: Option<PublicId>) -> Reply {
        // A record that does not answer keeps nobody from the phone, but whoever wants a certain incident.
        let asked = self.truth.ask();
        if id.is_some() && asked.is_none() {
            return late();
        }
        let is_record_silent = asked.is_none();
        let known = asked.unwrap_or_default();
        let found = known.incidents.iter().find(|incident| match id {
            Some(id) => incident.id == id,
            None => incident.is_open,
        });
        if id.is_some() && found.is_none() {
            return Reply::failed("there is no such incident; `portcullis ctl incident` lists them");
        }
        let report = Report::of(&Facts { is_record_silent, ..self.facts(found) });
        match serde_json::to_value(&report) {
            Ok(data) => Reply::done(report.to_string().trim_end(), data),
            Err(error) => Reply::failed(format!("the report cannot be written as JSON: {error}")),
        }
    }

    fn facts(&self, incident: Option<&Incident>) -> Facts {
        let at = self.clock.wall();
        let happening = incident.map(happening);
        let is_over = happening.as_ref().is_some_and(|happening| happening.is_over);
        let from = incident.map_or_else(|| at.before(NO_INCIDENT), |incident| incident.since);
        let until = happening.as_ref().and_then(|happening| happening.until).unwrap_or(at);
        let id = incident.map(|incident| incident.id.as_str());
        let sighting = self.host.sighting(from, until, id, &self.probing);
        let settings = self.host.settings();
        let facts = Facts {
            at,
            zone: zone(at),
            site: self.site_name.clone(),
            reference: settings.reference.clone(),
            happening,
            is_record_silent: false,
            destination: settings.destination(),
            interface: sighting.interface,
            link: sighting.link,
            finding: if is_over { Finding::nothing(NOT_KEPT) } else { sighting.finding },
            worst: sighting.worst.filter(|_| !is_over && incident.is_some()),
            now: sighting.now.filter(|_| !is_over),
            peaks: sighting.peaks,
            usual: sighting.usual,
            counted_since: sighting.counted_since,
            seconds: sighting.seconds,
            networks: self
                .refused_by_network(Window { since: from, until: until.max(at.min(until + SAMPLES_LATE)) }),
            // Rules are about what comes now.
            alike: if is_over { Vec::new() } else { self.desk.rules().phrases() },
        };
        match sighting.kept {
            Some(kept) => facts.with_kept(&kept),
            None => facts,
        }
    }

    /// Where what was refused came from, and whether customers live there; nothing where the journal cannot be read now.
    fn refused_by_network(&self, window: Window) -> Networks {
        let read = || {
            let reader = Reader::open(&self.state).ok()?;
            let sampled = reader.sampled_networks(SITE, window, NETWORKS_SHOWN).ok()?;
            Some((reader, sampled))
        };
        let Some((reader, sampled)) = read() else { return Networks::default() };
        // What cannot be read is not known: customers may live there.
        let sign_ins = |network| {
            let seen = reader.logins_from(SITE, network, SIGN_INS_READ).ok()?;
            Some(seen.len() as u64)
        };
        let row = |(name, refused): (String, u64)| {
            let network: Prefix = name.parse().ok()?;
            Some(NetworkRow { network, refused, sign_ins: sign_ins(network) })
        };
        let rows = sampled.most.into_iter().filter_map(row).collect();
        Networks { rows, refused: sampled.refused, count: sampled.networks }
    }
}

fn happening(incident: &Incident) -> Happening {
    let until = (!incident.is_open).then(|| ended(incident));
    Happening {
        id: incident.id.as_str().to_owned(),
        title: incident.title.clone(),
        since: incident.since,
        until,
        is_over: !incident.is_open,
    }
}

/// The machine's own zone, as it was or will be at a moment.
fn zone(at: Timestamp) -> Zone {
    let seconds = i64::try_from(at.as_secs()).unwrap_or_default();
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    Zone { offset_seconds: jiff::tz::TimeZone::system().to_offset(at).seconds() }
}

const NOT_KEPT: &str = "what was counted of the link at that time was not kept";
/// What is told where no incident goes on.
const NO_INCIDENT: Duration = Duration::from_secs(900);
/// Samples of the last seconds are on their way to the journal.
const SAMPLES_LATE: Duration = Duration::from_secs(2);
const NETWORKS_SHOWN: u32 = 16;
const SIGN_INS_READ: u32 = 1_000;
