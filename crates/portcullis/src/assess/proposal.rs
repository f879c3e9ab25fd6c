//! What follows from a log: the findings as a person reads them, and a configuration to begin with.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use model::Untrusted;
use serde::Serialize;

use super::reading::{Client, Kind, Reading, is_login};

/// The findings.
#[derive(Debug, Serialize)]
pub(crate) struct Assessment {
    lines: u64,
    requests: u64,
    skipped: BTreeMap<&'static str, u64>,
    hours: f64,
    requests_per_second_peak: u32,
    clients: u64,
    browsers: u64,
    crawlers: u64,
    programs: u64,
    /// Clients seen on at least two days.
    returning: u64,
    returning_request_share: f64,
    /// Clients that signed in, as far as the log shows.
    signed_in: u64,
    login_paths: Vec<String>,
    api_paths: Vec<String>,
    fronts: Vec<String>,
    partners: Vec<String>,
    networks: Vec<(String, usize)>,
    /// P99.5 over clients of the most requests within ten seconds.
    busiest_clients_ten_seconds: u32,
    /// Requests that the default limits would refuse while limits refuse, by kind of client.
    over_limit: BTreeMap<&'static str, u64>,
    over_limit_returning: u64,
    warnings: Vec<String>,
}

impl Assessment {
    pub(crate) fn of(reading: &Reading) -> Self {
        let clients: Vec<_> = reading.clients.iter().collect();
        let count = |kind| clients.iter().filter(|(_, client)| client.kind == kind).count() as u64;
        let returning: Vec<&Client> =
            clients.iter().map(|(_, client)| *client).filter(|client| client.days.len() > 1).collect();
        let from_returning: u64 = returning.iter().map(|client| client.requests).sum();
        let mut over_limit = BTreeMap::new();
        for (_, client) in &clients {
            *over_limit.entry(kind_word(client.kind)).or_default() += client.over_limit;
        }
        let mut assessment = Self {
            lines: reading.lines(),
            requests: reading.requests(),
            skipped: reading.skipped().clone(),
            hours: seconds(reading) / 3_600.0,
            requests_per_second_peak: reading.seconds.values().copied().max().unwrap_or(0),
            clients: clients.len() as u64,
            browsers: count(Kind::Browser),
            crawlers: count(Kind::Crawler),
            programs: count(Kind::Program),
            returning: returning.len() as u64,
            returning_request_share: share(from_returning, reading.requests()),
            signed_in: clients.iter().filter(|(_, c)| c.logins > 0 || !c.users.is_empty()).count() as u64,
            login_paths: login_paths(reading),
            api_paths: api_paths(reading),
            fronts: fronts(reading),
            partners: partners(reading),
            networks: networks(reading),
            busiest_clients_ten_seconds: busiest(reading),
            over_limit_returning: returning.iter().map(|client| client.over_limit).sum(),
            over_limit,
            warnings: Vec::new(),
        };
        assessment.warnings = assessment.warn();
        assessment
    }

    /// The proposed configuration.
    pub(crate) fn configuration(&self) -> String {
        let mut out = String::from(
            "# Proposed from the access log; read it, change what is wrong, then `portcullis check`.\n\n[[listen]]\naddress = \"0.0.0.0:80\"\n\n[[site]]\nmode = \"observe\"\n\n[[site.origin]]\nurl = \"http://127.0.0.1:3000\" # the app\n",
        );
        if let Some(login) = self.login_paths.first() {
            let _infallible = write!(
                out,
                "\n[site.login]\npages = [\"{login}\"]\nsubmit = [\"{login}\"]\nevidence = true\n"
            );
        }
        if !self.api_paths.is_empty() {
            out.push_str("\n[site.known.token]\nheader = \"authorization\" # if API clients send a token\n");
        }
        if !self.fronts.is_empty() {
            let sources: Vec<String> = self.fronts.iter().map(|front| format!("\"{front}\"")).collect();
            let _infallible = write!(
                out,
                "\n[[front]]\nsources = [{}]\nclient_address = \"x-forwarded-for\" # see its documentation\n",
                sources.join(", ")
            );
        }
        for (network, people) in &self.networks {
            let _infallible = write!(
                out,
                "\n[[network]]\nname = \"many people behind {network}\"\nprefixes = [\"{network}\"]\npeople = {people}\n"
            );
        }
        let rate = self.address_rate();
        let _infallible = write!(out, "\n[limits]\naddress_rate = \"{rate}/s burst {}\"\n", rate * 8);
        out
    }

    /// max(floor, 4 × P99.5) (decision-science, section 4).
    fn address_rate(&self) -> u32 {
        (self.busiest_clients_ten_seconds * 4 / 10).max(5)
    }

    fn warn(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.login_paths.is_empty() {
            warnings.push("No sign-in was found in this log (POSTs to a path like /login). Without logins, tokens or a session cookie that the gate is told about, nobody becomes known, and an attack would be met with limits and the threshold alone.".to_owned());
        }
        if !self.fronts.is_empty() {
            warnings.push("A few addresses bring most requests: a CDN or load balancer stands before the app. Name it with [[front]], or nobody can be judged by address.".to_owned());
        }
        if self.hours < 24.0 {
            warnings.push(format!(
                "The log covers {:.1} hours; a week tells more about who comes back.",
                self.hours
            ));
        }
        if self.clients >= super::reading::CLIENTS_MAX as u64 {
            warnings.push(
                "The log has more clients than are told apart; figures about clients are lower bounds."
                    .to_owned(),
            );
        }
        warnings
    }
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests of {} clients in {:.1} hours; at most {} in one second.",
            self.requests, self.clients, self.hours, self.requests_per_second_peak
        )?;
        for (why, count) in &self.skipped {
            writeln!(f, "  {count} lines were left out: {why}.")?;
        }
        writeln!(f, "\nWho comes")?;
        writeln!(
            f,
            "  browsers {}, crawlers {}, other programs {}",
            self.browsers, self.crawlers, self.programs
        )?;
        writeln!(
            f,
            "  {} came back on another day; they sent {:.0} % of all requests",
            self.returning,
            self.returning_request_share * 100.0
        )?;
        writeln!(f, "  {} signed in, as far as this log shows", self.signed_in)?;
        list(f, "  sign-in", &self.login_paths)?;
        list(f, "  paths used by programs (API)", &self.api_paths)?;
        list(f, "  fronts (CDN, load balancer)", &self.fronts)?;
        list(f, "  programs that come daily (partners?)", &self.partners)?;
        for (network, people) in &self.networks {
            writeln!(f, "  about {people} people share {network}")?;
        }
        writeln!(f, "\nWhat would have been refused")?;
        writeln!(f, "  in calm: nobody; limits only count")?;
        let total: u64 = self.over_limit.values().sum();
        writeln!(
            f,
            "  had limits been refusing all the time: {total} requests ({:.2} %)",
            share(total, self.requests) * 100.0
        )?;
        for (kind, count) in self.over_limit.iter().filter(|(_, count)| **count > 0) {
            writeln!(f, "    {count} of {kind}")?;
        }
        writeln!(f, "    {} of clients that came back on another day", self.over_limit_returning)?;
        for warning in &self.warnings {
            writeln!(f, "\nNote: {warning}")?;
        }
        writeln!(f, "\nProposed configuration\n")?;
        for line in self.configuration().lines() {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, entries: &[String]) -> fmt::Result {
    if entries.is_empty() { Ok(()) } else { writeln!(f, "{title}: {}", entries.join(", ")) }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Browser => "browsers",
        Kind::Crawler => "crawlers",
        Kind::Program => "programs",
    }
}

/// Paths that look like a sign-in and take POSTs, the busiest first.
fn login_paths(reading: &Reading) -> Vec<String> {
    let mut found: Vec<_> =
        reading.paths.iter().filter(|(path, counts)| is_login(path) && counts.posts > 0).collect();
    found.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.posts));
    found.into_iter().take(LIST_MAX).map(|(path, _)| shown(path)).collect()
}

/// Paths of which programs make nine requests out of ten, or that say so by name.
fn api_paths(reading: &Reading) -> Vec<String> {
    let is_api = |path: &str, programs: u64, all: u64| {
        path.starts_with("/api") || (all >= 50 && programs * 10 >= all * 9)
    };
    let found =
        reading.paths.iter().filter(|(path, c)| is_api(path, c.by_programs, c.requests) && c.requests >= 10);
    found.take(LIST_MAX).map(|(path, _)| shown(path)).collect()
}

/// At most 16 addresses that bring more than half of all requests with many user agents each (contract).
fn fronts(reading: &Reading) -> Vec<String> {
    let mut busiest: Vec<_> = reading.clients.iter().collect();
    busiest.sort_by_key(|(_, client)| std::cmp::Reverse(client.requests));
    let top: Vec<_> = busiest.into_iter().take(16).filter(|(_, client)| client.agents.len() >= 16).collect();
    let brought: u64 = top.iter().map(|(_, client)| client.requests).sum();
    if brought * 2 > reading.requests() {
        top.iter().map(|(address, _)| address.to_string()).collect()
    } else {
        Vec::new()
    }
}

/// Programs that came on at least half of the days, at least three, and mostly succeed.
fn partners(reading: &Reading) -> Vec<String> {
    let days = ((reading.last - reading.first) / 86_400 + 1).max(1);
    let steady = |client: &Client| {
        client.kind == Kind::Program
            && client.days.len() >= 3
            && client.days.len() as i64 * 2 >= days
            && client.requests >= 30
            && client.failures * 5 < client.requests
    };
    reading
        .clients
        .iter()
        .filter(|(_, client)| steady(client))
        .take(LIST_MAX)
        .map(|(address, _)| address.to_string())
        .collect()
}

/// Addresses behind which at least eight different browsers were seen.
fn networks(reading: &Reading) -> Vec<(String, usize)> {
    let shared = |client: &Client| client.agents.len() >= 8 && client.kind == Kind::Browser;
    let found = reading.clients.iter().filter(|(_, client)| shared(client));
    found
        .take(LIST_MAX)
        .map(|(address, client)| (model::Prefix::of(*address, 128).to_string(), client.agents.len()))
        .collect()
}

fn busiest(reading: &Reading) -> u32 {
    let mut peaks: Vec<u32> =
        reading.clients.values().filter(|c| c.kind == Kind::Browser).map(|c| c.peak_ten_seconds).collect();
    peaks.sort_unstable();
    // Of a few clients the busiest 0.5 % is a single one, and that may be an attacker.
    let thousandth = if peaks.len() >= 400 { 995 } else { 900 };
    peaks.get(peaks.len() * thousandth / 1_000).copied().unwrap_or(0)
}

fn seconds(reading: &Reading) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a log's length in seconds is far below 2^53")]
    let seconds = (reading.last - reading.first) as f64;
    seconds
}

fn share(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of log lines are far below 2^53")]
    let share = part as f64 / whole.max(1) as f64;
    share
}

/// A path from a log was chosen by a client.
fn shown(path: &str) -> String {
    Untrusted::from(path).to_string()
}

const LIST_MAX: usize = 12;
