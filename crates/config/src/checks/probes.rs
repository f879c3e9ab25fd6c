//! Probes, the outpost of a gate, and the configuration of an outpost.

use super::Desk;
use super::listeners::overlap;
use crate::kinds::OriginUrl;
use crate::settings::{Config, OutpostConfig, Probe, ProbeShows, Watches};

/// Probes and outpost of a gate.
pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    probes(&config.probe, desk);
    for (index, probe) in config.probe.iter().enumerate() {
        if probe.shows == ProbeShows::Control {
            let what = "people tell a gate whether they reach it: only an outpost needs a control";
            desk.error(&format!("probe.{index}.shows"), what, "leave this probe out");
        }
    }
    if let Some(outpost) = &config.outpost {
        plain_http("outpost.url", &outpost.url, desk);
        if config.status.is_none() {
            desk.warning(
                "outpost",
                "there is no [status], so the outpost has no page to hold",
                "write [status] with url and name",
            );
        }
    }
}

/// All of an outpost's configuration.
pub(super) fn check_outpost(config: &OutpostConfig, desk: &mut Desk<'_>) {
    probes(&config.probe, desk);
    outpost_probes(config, desk);
    if let Some(gate) = &config.gate {
        plain_http("gate.url", &gate.url, desk);
        if gate.lost_after < gate.every * 2 && desk.are_sound(&["gate.every", "gate.lost_after"]) {
            let what = "contact would be lost whenever one answer is late";
            desk.error("gate.lost_after", what, "write at least twice `every`");
        }
    }
    let Some(page) = &config.page else {
        desk.error(
            "page",
            "there is no [page]: nobody would read what the outpost sees",
            "write [page] with url and name",
        );
        return;
    };
    let has_copies = !page.export.is_empty() || !page.ssh.is_empty() || !page.bucket.is_empty();
    if page.listen.is_none() && !has_copies && desk.are_sound(&["page.listen", "page.export"]) {
        desk.error(
            "page",
            "nobody can read this page: it is neither served nor exported",
            "write `listen` or `export`",
        );
    }
    if page.listen.is_some_and(|listen| overlap(listen, config.console.address))
        && desk.are_sound(&["console.address"])
    {
        let what = format!("the console listens on {} already", config.console.address);
        desk.error("page.listen", what, "choose another port");
    }
    for (index, component) in page.component.iter().enumerate() {
        if component.watches == Watches::Login {
            let what = "an outpost sees nothing of the sign-in";
            desk.error(&format!("page.component.{index}.watches"), what, "watch \"site\" or \"nothing\"");
        }
    }
}

/// What an outpost must try to be believed.
fn outpost_probes(config: &OutpostConfig, desk: &mut Desk<'_>) {
    for (index, probe) in config.probe.iter().enumerate() {
        if probe.shows == ProbeShows::App {
            let what = "an outpost is outside: what it reaches is what people reach";
            desk.error(&format!("probe.{index}.shows"), what, "leave it out, and probe the public name");
        }
        let host = probe.target.host();
        let is_of_site = |other: &Probe| other.shows != ProbeShows::Control && other.target.host() == host;
        let is_near = config.probe.iter().any(is_of_site)
            || config.gate.as_ref().is_some_and(|gate| gate.url.host() == host);
        if probe.shows == ProbeShows::Control && (is_near || probe.target.is_name()) {
            let what = "a control must answer when the site does not, by more than a name";
            desk.error(&format!("probe.{index}.target"), what, "write a server of somebody else");
        }
    }
    if !desk.are_sound(&["probe"]) {
        return;
    }
    let has = |shows| config.probe.iter().any(|probe| probe.shows == shows && !probe.target.is_name());
    if !has(ProbeShows::Public) {
        let what = "nothing tells whether the site answers: a name that leads somewhere does not";
        desk.error("probe", what, "write a [[probe]] with an https:// target");
    }
    if !has(ProbeShows::Control) {
        let what = "without a control, an outpost cannot tell that it is cut off itself from that the site is out of reach";
        let do_this = "write a [[probe]] with shows = \"control\" and a server that has nothing to do with the site, best two";
        desk.error("probe", what, do_this);
    }
}

fn probes(probes: &[Probe], desk: &mut Desk<'_>) {
    let path = |index: usize, key: &str| format!("probe.{index}.{key}");
    let names = probes.iter().enumerate().map(|(index, probe)| (path(index, "name"), &probe.name));
    desk.refuse_repeats(names, "this name", "write another: logs and metrics tell probes apart by it");
    for (index, probe) in probes.iter().enumerate() {
        let is_page = probe.target.is_page();
        if !desk.are_sound(&[&path(index, "target")]) {
            continue;
        }
        for (key, is_written) in
            [("status", !probe.status.is_empty()), ("contains", probe.contains.is_some())]
        {
            if is_written && !is_page {
                let what = format!("{} is no page, so it has none", probe.target);
                desk.error(&path(index, key), what, "leave it out, or write an https:// or http:// target");
            }
        }
        if !probe.leads_to.is_empty() && !probe.target.is_name() {
            let what = format!("{} is no dns:// target", probe.target);
            desk.error(&path(index, "leads_to"), what, "leave it out, or write another probe for the name");
        }
        if probe.within > probe.every * 6 && desk.are_sound(&[&path(index, "within"), &path(index, "every")])
        {
            let what = "attempts may take many times as long as they are apart: it would be known late that it is down";
            desk.warning(&path(index, "within"), what, "write less than `every`");
        }
    }
}

/// What anybody on the way could change.
fn plain_http(path: &str, url: &OriginUrl, desk: &mut Desk<'_>) {
    let host = url.host().trim_matches(['[', ']']);
    let is_near = host.parse::<std::net::IpAddr>().is_ok_and(|address| match address {
        std::net::IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        std::net::IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    });
    if !url.is_https() && !is_near {
        let what = "over plain http, anybody on the way can change what is read";
        desk.warning(path, what, "write an https:// address");
    }
}
