//! `portcullis check`: all errors of a configuration, then what it can and cannot protect on this machine.

use std::path::Path;

use admission::pass::{Coverage, Registry, Row, Way};
use config::{Config, NotifyKind, PublishKind};
use edge_io::{Clock, JwtSettings};
use journal_io::journal::Reader;
use model::{Mode, Timestamp};

use crate::configured::{self, ConfigureError};
use crate::folders;
use crate::listeners;
use crate::probing::Probing;
use crate::running::SITE;
use crate::status_name;
use crate::subscribing::Subscribing;
use crate::truth;

/// Reads and judges a configuration; the text is for people.
pub(crate) fn check(path: &Path) -> Result<String, ConfigureError> {
    let (config, warnings) = configured::read(path)?;
    let plan = configured::plan(&config)?;
    let mut out = String::new();
    let mut say = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    let certificates = listeners::check(&config)?;
    plan.alerts.check()?;
    plan.elsewhere.check()?;
    plan.subscribing.iter().try_for_each(Subscribing::check)?;
    config.status.iter().try_for_each(|status| truth::check_buckets(status, &config.state.dir))?;
    Probing::check(&plan.probing, Clock::start())?;
    let status_name = status_name::check(&config)?;
    say(&format!("{} is in order.", path.display()));
    warnings.iter().for_each(|warning| say(warning));
    folders::of_gate(&config).iter().for_each(|warning| say(warning));
    say("");
    say("What this can and cannot protect:");
    for sentence in connections(plan.memory_bytes, plan.connections_max) {
        say(&format!("  {sentence}"));
    }
    if !certificates.is_empty() {
        say(&format!("  https: {} certificate(s) can be read and fit their keys", certificates.len()));
    }
    let now = Clock::start().wall();
    certificates
        .iter()
        .filter_map(|life| listeners::ends_soon(life, now))
        .for_each(|line| say(&format!("  https: {line}")));
    if let Some(acme) = &plan.acme {
        say(&format!("  https: certificates for {} are had from {}", acme.hosts.join(", "), acme.directory));
    }
    say(&format!("  {}", alerts(&config, plan.consent_place.as_deref())));
    if let Some(line) = subscribers(&config) {
        say(&format!("  {line}"));
    }
    say(&format!("  mode: {}", mode_means(config.site[0].mode)));
    for sentence in known_ways(&config) {
        say(&format!("  {sentence}"));
    }
    if let Some(jwt) = &plan.jwt {
        for sentence in keys(jwt) {
            say(&format!("  {sentence}"));
        }
    }
    for sentence in behind_nobody(&config)
        .map(str::to_owned)
        .into_iter()
        .chain(around_the_gate(&config))
        .chain(status_name)
    {
        say(&format!("  {sentence}"));
    }
    say(&format!("  {}", elsewhere(&config)));
    for sentence in page(&config) {
        say(&format!("  status page: {sentence}"));
    }
    say(&format!("  {}", coverage_sentence(&coverage(&config.state.dir, Clock::start().wall()))));
    say(
        "  a flood that fills the link before this machine cannot be stopped here: only the carrier or hosting provider can",
    );
    say(&format!("  {}", link(&config)));
    Ok(out)
}

/// How many connections this machine holds, and what keeps them from being made.
fn connections(memory_bytes: u64, most: Option<u32>) -> Vec<String> {
    let files = edge_io::raise_open_files();
    let slots = edge_io::connection_slots(files, memory_bytes);
    let room = format!("{files} open files and {} MiB of memory", memory_bytes >> 20);
    let mut said = vec![match most.filter(|&most| most < slots) {
        Some(most) => {
            format!("connections: {most} at once, as limits.connections says ({room} hold {slots})")
        }
        None => format!("connections: {slots} at once (from {room})"),
    }];
    if files < FILES_FEW {
        said.push("a flood fills these quickly: raise the limit of open files (LimitNOFILE= in the service, or ulimit -n)".to_owned());
    }
    // What cannot be read is not this machine's to change, or not there.
    let setting = std::fs::read_to_string(SYN_COOKIES).unwrap_or_default();
    said.extend(without_syn_cookies(&setting).map(str::to_owned));
    said
}

/// A flood of connections that are only begun fills the kernel's queue before the gate sees any of them (decision-science,
/// section 9). `setting` is what the kernel says: 0 is never, 1 when the queue is full, 2 always.
fn without_syn_cookies(setting: &str) -> Option<&'static str> {
    (setting.trim() == "0").then_some(
        "SYN cookies are off: a flood of connections that are only begun keeps everybody out before the gate sees it; set \
         net.ipv4.tcp_syncookies = 1 (sysctl), which is for IPv6 too",
    )
}

/// Who hears of it when something is wrong. Nobody is asked: a receiver that is down now is tried again. A heartbeat tells nobody
/// of anything: whoever gets it alarms when it stays away.
fn alerts(config: &Config, consent: Option<&str>) -> String {
    let told = |notify: &&config::Notify| notify.kind != NotifyKind::Heartbeat;
    let names: Vec<_> = config.notify.iter().filter(told).map(|notify| notify.name.as_str()).collect();
    if names.is_empty() {
        let silence = match config.notify.first() {
            None => "",
            Some(_) => ", and only the silence of the heartbeat alarms",
        };
        return format!(
            "alerts: nobody is told when something is wrong{silence}; write [[notify]] for a pager, a chat or mail"
        );
    }
    let place = match consent {
        Some(place) => format!("; words that wait are published or held back at {place}…"),
        None if config.status.is_some() => {
            "; write `url` of [[site]], so that words that wait can be published or held back from a telephone"
                .to_owned()
        }
        None => String::new(),
    };
    format!(
        "alerts: told when something is wrong: {}{place}; try it with `portcullis ctl alerts test`",
        names.join(", ")
    )
}

/// Pages that say what the status page says; nobody is asked.
fn elsewhere(config: &Config) -> String {
    let page = |publish: &config::Publish| match publish.kind {
        PublishKind::Template => format!("{} (by requests of your own)", publish.name),
        PublishKind::Statuspage | PublishKind::Instatus => {
            let (there, all) = (
                publish.component.len(),
                config.status.iter().map(|of| of.components().len()).sum::<usize>(),
            );
            format!("{} (with {there} of {all} components)", publish.name)
        }
    };
    let names: Vec<_> = config.publish.iter().map(page).collect();
    if names.is_empty() {
        return "pages elsewhere: none; write [[publish]] if readers have one already".to_owned();
    }
    format!(
        "pages elsewhere: told what the status page tells: {}; `portcullis ctl publish` shows whether they say so",
        names.join(", ")
    )
}

/// Who may read the page by mail. The mail server is not asked.
fn subscribers(config: &Config) -> Option<String> {
    let table = config.status.as_ref()?.subscribers.as_ref()?;
    Some(format!(
        "subscribers: {} at most, {} mails a second over {}:{}; all have heard within {} min",
        table.most,
        table.per_second,
        table.server.host,
        table.server.port,
        table.most.div_ceil(table.per_second.max(1)).div_ceil(60)
    ))
}

fn mode_means(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => {
            "observe - it only watches and reports; set mode = \"auto\" when `portcullis report` says that it is safe"
        }
        Mode::Assist => "assist - it limits by itself, but asks before it serves known customers first",
        Mode::Auto => "auto - nobody needs to be there",
    }
}

fn known_ways(config: &Config) -> Vec<String> {
    let site = &config.site[0];
    let mut ways = Vec::new();
    if site.origin.iter().any(|origin| origin.confirms_logins) {
        ways.push("the app's Portcullis-Login header");
    }
    if site.known.session.is_some() {
        ways.push("sessions that open the proof path");
    }
    if site.login.as_ref().is_some_and(|login| login.evidence) {
        ways.push("logins followed by a private page");
    }
    if site.known.token.is_some() {
        ways.push("bearer tokens in use for a day");
    }
    if site.known.jwt.is_some() {
        ways.push("JSON web tokens with a good signature");
    }
    if ways.is_empty() {
        return vec!["customers: nobody becomes known, so nobody can be served first; set [site.login], [site.known.session], [site.known.token] or [site.known.jwt]".to_owned()];
    }
    vec![format!("customers become known by {}", ways.join(", "))]
}

/// Whether the keys of JSON web tokens can be had now. That they cannot is no error: the gate tries again.
fn keys(jwt: &JwtSettings) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return vec!["tokens: their keys were not read: out of resources".to_owned()];
    };
    let read = runtime.block_on(jwt.jwks.read());
    runtime.shutdown_background();
    match read {
        Ok(keys) => {
            let found = format!("tokens: keys in {} that can verify them: {}", jwt.jwks, keys.count());
            let ignored = keys.ignored().iter().map(|ignored| format!("tokens: {ignored}"));
            std::iter::once(found).chain(ignored.take(IGNORED_SHOWN)).collect()
        }
        Err(error) => vec![format!("tokens: none can be verified now: {error}")],
    }
}

/// The gate protects only what comes through it.
fn around_the_gate(config: &Config) -> Vec<String> {
    let outside = |origin: &&config::Origin| {
        let host = origin.url.host().trim_matches(['[', ']']);
        host.parse::<std::net::IpAddr>().is_ok_and(|address| !address.is_loopback())
    };
    let reachable = config.site[0].origin.iter().filter(outside);
    reachable
        .map(|origin| {
            format!(
                "{}: make sure that only this machine can reach it, or an attacker goes around the gate",
                origin.url
            )
        })
        .collect()
}

/// Everything comes from programs on this machine, and none of them is said to be a proxy.
fn behind_nobody(config: &Config) -> Option<&'static str> {
    let is_here =
        config.listen.iter().all(|listen| listen.address.ip().is_loopback() && !listen.proxy_protocol);
    (is_here && config.front.is_empty()).then_some(
        "only programs on this machine reach the gate: a proxy or balancer before it must be named by a [[front]], or those behind it cannot be told apart by address",
    )
}

/// Whether it can be said that the link is full.
fn link(config: &Config) -> String {
    let speed = match config.host.link {
        Some(link) => format!("its speed is configured, {} Mbit/s", link.bits() / 1_000_000),
        None => "its speed is only what the network card says, if that says it: write [host] link".to_owned(),
    };
    let outside = match config.outpost {
        Some(_) => "an outpost looks from elsewhere",
        None => "nobody looks from elsewhere ([outpost])",
    };
    format!(
        "whether the link is full: {speed}; {outside}. `portcullis provider-report` says what to tell the provider"
    )
}

/// A page in the site's own network is gone with it.
fn page(config: &Config) -> Vec<String> {
    let Some(status) = &config.status else { return Vec::new() };
    let files = status.ssh.iter().map(|mirror| ("key_file", &mirror.key_file));
    let files = files.chain(status.bucket.iter().map(|mirror| ("secret_file", &mirror.secret_file)));
    let unreadable = files.filter_map(|(key, path)| {
        let error = std::fs::File::open(path).err()?;
        Some(format!("cannot read the {key} {}: {error}", path.display()))
    });
    // An outpost holds a copy, too.
    let elsewhere = match status.ssh.len() + status.bucket.len() + usize::from(config.outpost.is_some()) {
        0 => "no copy in another network: when this one is dead, so is the page; write [outpost], [[status.ssh]] or [[status.bucket]]".to_owned(),
        1 => "one copy elsewhere; a second, in a third network, survives what takes the first".to_owned(),
        count => format!("{count} copies elsewhere"),
    };
    std::iter::once(elsewhere).chain(unreadable).collect()
}

/// Who would get in if an attack began now, from the journal; nothing when the gate has not run yet.
pub(crate) fn coverage(state: &Path, now: Timestamp) -> Option<Coverage> {
    let reader = Reader::open(state).ok()?;
    let mut registry = Registry::new(1_000_000);
    let mut after = None;
    loop {
        let rows = reader.passes(SITE, after, PAGE).ok()?;
        let Some(last) = rows.last() else { break };
        after = Some(last.pass);
        registry.restore(rows.iter().filter(|row| row.revoked.is_none()).map(|row| Row {
            id: row.pass,
            account: row.account,
            first_confirmed: row.first_confirmed,
            minted: row.issued,
            last_seen: row.last_seen,
            way: Way::Header,
            in_incident: row.minted_in_incident,
        }));
    }
    Some(registry.coverage(now))
}

/// "If an attack began now, …"
pub(crate) fn coverage_sentence(coverage: &Option<Coverage>) -> String {
    match coverage {
        None => {
            "if an attack began now: nobody is known yet, because the gate has not run with this state folder"
                .to_owned()
        }
        Some(coverage) if coverage.confirmed == 0 => {
            "if an attack began now: nobody signed in during the last week, so nobody would be served first"
                .to_owned()
        }
        Some(coverage) => {
            let percent = |count: u64| (count * 100 + coverage.confirmed / 2) / coverage.confirmed;
            let inside = percent(coverage.aged + coverage.young).min(100);
            let mut text =
                format!("If an attack began now, {inside} % of last week's customers would get in");
            if inside < 100 {
                text.push_str(&format!("; the other {} %: their passes had to leave (max_known, or more than eight devices of an account)", 100 - inside));
            }
            if coverage.young > 0 {
                text.push_str(&format!(
                    "; {} % are known for less than a day and come after the others",
                    percent(coverage.young)
                ));
            }
            text + "."
        }
    }
}

const FILES_FEW: u64 = 8_192;
const SYN_COOKIES: &str = "/proc/sys/net/ipv4/tcp_syncookies";
/// Keys of a set that are not used are named one by one up to here.
const IGNORED_SHOWN: usize = 8;
const PAGE: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coverage_sentence_says_who_would_get_in_and_why_not() {
        let sentence = |confirmed, aged, young| coverage_sentence(&Some(Coverage { confirmed, aged, young }));
        assert_eq!(
            sentence(100, 100, 0),
            "If an attack began now, 100 % of last week's customers would get in."
        );
        insta::assert_snapshot!(sentence(100, 90, 4));
        assert!(coverage_sentence(&None).contains("has not run"));
        assert!(sentence(0, 0, 0).contains("nobody signed in"));
    }

    #[test]
    fn a_machine_without_syn_cookies_is_told_and_no_other() {
        let said = without_syn_cookies("0\n").unwrap();
        assert!(said.contains("net.ipv4.tcp_syncookies = 1"), "{said}");
        for fine in ["1\n", "2\n", "", "10\n"] {
            assert_eq!(without_syn_cookies(fine), None, "{fine:?}");
        }
    }

    #[test]
    fn a_heartbeat_tells_nobody() {
        let of = |kinds: &[&str]| {
            let tables = kinds.iter().enumerate().map(|(n, kind)| {
                format!("[[notify]]\nname = \"n{n}\"\nkind = \"{kind}\"\nurl = \"https://n.example/\"\n")
            });
            let text = Config::default_commented() + &tables.collect::<String>();
            alerts(&Config::parse("portcullis.toml", &text).unwrap().0, None)
        };
        insta::assert_snapshot!([of(&[]), of(&["heartbeat"]), of(&["heartbeat", "alertmanager"])].join("\n"));
    }
}
