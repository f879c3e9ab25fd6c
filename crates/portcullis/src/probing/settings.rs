//! What a configuration says of probes and of the outpost.

use std::path::PathBuf;
use std::time::Duration;

use config::{Config, Probe, ProbeShows};
use probe::{Aim, How, Shows, Target};
use probe_io::Job;

/// What is tried, and who is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProbingSettings {
    pub(crate) jobs: Vec<Job>,
    /// How probes call themselves.
    pub(crate) agent: String,
    pub(crate) outpost: Option<OutpostPlace>,
}

/// Where the outpost is asked.
#[derive(Clone, Debug)]
pub(crate) struct OutpostPlace {
    /// `https://HOST:PORT`.
    pub(crate) url: String,
    pub(crate) every: Duration,
    pub(crate) authorities: Option<PathBuf>,
}

impl ProbingSettings {
    /// As the configuration of a gate says.
    pub(crate) fn of(config: &Config) -> Self {
        let outpost = config.outpost.as_ref().map(|outpost| OutpostPlace {
            url: outpost.url.to_string(),
            every: outpost.every,
            authorities: outpost.ca.clone(),
        });
        let page = config.status.as_ref().map(|status| status.url.as_str());
        Self { jobs: jobs(&config.probe), agent: agent(page), outpost }
    }

    /// Nothing is tried and nobody is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.outpost.is_none()
    }
}

/// The name by which others see who asks, with a page that says what for.
pub(crate) fn agent(page: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    page.map_or_else(
        || format!("portcullis-probe/{version}"),
        |page| format!("portcullis-probe/{version} (+{page})"),
    )
}

/// What is to be tried.
pub(crate) fn jobs(probes: &[Probe]) -> Vec<Job> {
    probes.iter().map(|probe| Job { target: target(probe), authorities: probe.ca.clone() }).collect()
}

fn target(probe: &Probe) -> Target {
    let how = match probe.target.scheme() {
        "dns" => How::Dns { leads_to: probe.leads_to.clone() },
        "tls" => How::Tls,
        "tcp" => How::Tcp,
        scheme => How::Http {
            is_https: scheme == "https",
            path: probe.target.path().to_owned(),
            // The configuration takes none above 599.
            statuses: probe.status.iter().filter_map(|status| u16::try_from(*status).ok()).collect(),
            contains: probe.contains.clone(),
        },
    };
    Target {
        name: probe.name.clone(),
        aim: Aim { host: probe.target.host().to_owned(), port: probe.target.port(), how },
        shows: match probe.shows {
            ProbeShows::App => Shows::App,
            ProbeShows::Public => Shows::Public,
            ProbeShows::Control => Shows::Control,
        },
        every: probe.every,
        within: probe.within,
        certificate_left: probe.certificate_left,
    }
}
