//! The status page.

use super::Desk;
use super::listeners::overlap;
use crate::settings::{Config, MailTls, Status, Watches};

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    let Some(status) = &config.status else { return };
    address(config, status, desk);
    host(config, status, desk);
    folders(status, desk);
    components(config, status, desk);
    mirrors(status, desk);
    subscribers(status, desk);
    let readable = desk.are_sound(&["status.listen", "status.export", "status.ssh", "status.bucket"]);
    let has_mirrors = !status.ssh.is_empty() || !status.bucket.is_empty();
    // Readers may have another page.
    let is_told = has_mirrors || !config.publish.is_empty();
    if readable && status.listen.is_none() && status.export.is_empty() && !is_told {
        desk.warning(
            "status",
            "nobody can read this page: it is neither served nor exported",
            "write `listen`, or `export` with the folder of a web server, best both",
        );
    }
}

fn mirrors(status: &Status, desk: &mut Desk<'_>) {
    let ssh = status.ssh.iter().enumerate();
    let ssh = ssh.map(|(index, mirror)| {
        (format!("status.ssh.{index}.to"), (mirror.to.host(), mirror.to.port(), mirror.to.folder()))
    });
    desk.refuse_repeats(ssh, "this folder", "leave it out here: two writers would undo each other's work");
    let buckets = status.bucket.iter().enumerate();
    let buckets = buckets.map(|(index, mirror)| {
        (format!("status.bucket.{index}.bucket"), (&mirror.endpoint, &mirror.bucket, &mirror.prefix))
    });
    desk.refuse_repeats(buckets, "this bucket", "leave it out here, or write another `prefix`");
}

/// Whoever asks, confirms and leaves needs somebody who answers, and nobody who reads along.
fn subscribers(status: &Status, desk: &mut Desk<'_>) {
    let Some(subscribers) = &status.subscribers else { return };
    if status.listen.is_none() && desk.are_sound(&["status.listen"]) {
        desk.error(
            "status.listen",
            "nobody answers those who ask: the page is only exported",
            "write `listen` in [status], and `url` here if that of [status] leads to a mirror",
        );
    }
    if subscribers.user.is_some() != subscribers.secret_file.is_some() {
        let at = if subscribers.user.is_some() { "user" } else { "secret_file" };
        let cure = "write both, or neither for a server that asks nobody";
        desk.error(&format!("status.subscribers.{at}"), "a user and its password are of no use alone", cure);
    }
    if subscribers.tls == MailTls::None && !subscribers.server.is_this_machine() {
        desk.error(
            "status.subscribers.tls",
            "without TLS anybody on the way can read mail, addresses and password",
            "write tls = \"starttls\" or tls = \"implicit\"",
        );
    }
}

fn address(config: &Config, status: &Status, desk: &mut Desk<'_>) {
    let Some(listen) = status.listen else { return };
    for (index, other) in config.listen.iter().enumerate() {
        if overlap(listen, other.address) && desk.are_sound(&[&format!("listen.{index}.address")]) {
            let what = format!("the gate listens on {} for clients of the app", other.address);
            desk.error("status.listen", what, "choose another port");
        }
    }
    if overlap(listen, config.console.address) && desk.are_sound(&["console.address"]) {
        let what = format!("the console listens on {} already", config.console.address);
        desk.error("status.listen", what, "choose another port");
    }
}

/// A page on a host of the site is asked for through the gate, which passes it to the app.
fn host(config: &Config, status: &Status, desk: &mut Desk<'_>) {
    let authority = status.url.authority();
    if config.site.iter().flat_map(|site| &site.hosts).any(|host| host == authority) {
        desk.error(
            "status.url",
            format!("`{authority}` is a host of the site: while the site is down, so is this page"),
            "give the page a host name of its own, which leads to `listen` or to a mirror",
        );
    }
}

fn folders(status: &Status, desk: &mut Desk<'_>) {
    let path = |index: usize| format!("status.export.{index}");
    let folders = status.export.iter().enumerate().map(|(index, folder)| (path(index), folder));
    desk.refuse_repeats(folders, "this folder", "leave it out here");
    for (index, inner) in status.export.iter().enumerate() {
        if status.export.iter().any(|outer| outer != inner && inner.starts_with(outer)) {
            let what = "this folder lies within another of the list, and exports tidy up after themselves";
            desk.error(&path(index), what, "write folders that lie beside one another");
        }
    }
}

fn components(config: &Config, status: &Status, desk: &mut Desk<'_>) {
    let named = status.component.iter().enumerate().map(|(index, component)| {
        (format!("status.component.{index}.name"), (&component.group, &component.name))
    });
    let cure = "write another name, or another `group`: readers could not tell them apart";
    desk.refuse_repeats(named, "this name", cure);
    let has_lane = config.site.iter().any(|site| site.login.is_some());
    for (index, component) in status.component.iter().enumerate() {
        if component.watches == Watches::Login && !has_lane {
            desk.error(
                &format!("status.component.{index}.watches"),
                "there is no [site.login], so nothing is seen of the sign-in",
                "write [site.login] with pages and submit, or watch \"site\" or \"nothing\"",
            );
        }
    }
}
