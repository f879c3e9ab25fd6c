//! Listeners, fronts and the console.

use std::net::{IpAddr, SocketAddr};

use super::Desk;
use crate::kinds::ClientAddress;
use crate::settings::{Config, Listen};

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    addresses(config, desk);
    fronts(config, desk);
    front_headers(config, desk);
    proxy_protocol(config, desk);
    https_redirect(config, desk);
    plain_http(config, desk);
    certificates(config, desk);
    acme(config, desk);
}

/// Two listeners on one address: the second could not start, or would take half of the connections.
fn addresses(config: &Config, desk: &mut Desk<'_>) {
    let mut taken: Vec<SocketAddr> = Vec::new();
    for (index, listen) in config.listen.iter().enumerate() {
        let path = format!("listen.{index}.address");
        if !desk.are_sound(&[&path]) {
            continue;
        }
        if let Some(other) = taken.iter().find(|other| overlap(listen.address, **other)) {
            let what = format!("{} and {other} are the same address to the operating system", listen.address);
            desk.error(&path, what, "choose another port, or leave one of them out");
        }
        if overlap(listen.address, config.console.address) {
            // The console's default stands in nobody's text.
            let is_written = desk.is_written("console.address");
            let at = if is_written { "console.address" } else { &path };
            let what = format!(
                "the console listens on {}, which {} takes already",
                config.console.address, listen.address
            );
            let cure = if is_written {
                "choose another port"
            } else {
                "choose another port, or write [console] with another address"
            };
            desk.error(at, what, cure);
        }
        taken.push(listen.address);
    }
}

/// [::] takes no IPv4 connections here: the gate's sockets are for one family each.
pub(super) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let is_any = |ip: IpAddr| ip.is_unspecified();
    a.port() == b.port()
        && (a.ip() == b.ip() || (a.is_ipv4() == b.is_ipv4() && (is_any(a.ip()) || is_any(b.ip()))))
}

fn fronts(config: &Config, desk: &mut Desk<'_>) {
    for (index, front) in config.front.iter().enumerate() {
        if front.sources.is_empty() {
            desk.error(
                &format!("front.{index}.sources"),
                "this front has no address",
                "write where it connects from, such as [\"192.0.2.10\"]",
            );
        }
    }
    let sources = config.front.iter().enumerate().flat_map(|(index, front)| {
        let paths = front.sources.iter().enumerate();
        paths.map(move |(source, prefix)| (format!("front.{index}.sources.{source}"), *prefix))
    });
    desk.refuse_repeats(sources, "this source", "leave it out here: an address can be only one front");
}

/// What a front says of its clients is believed, and removed where others say it: so it must be a header of the front's own.
fn front_headers(config: &Config, desk: &mut Desk<'_>) {
    for (index, front) in config.front.iter().enumerate() {
        let headers = [("ja4_header", &front.ja4_header), ("country_header", &front.country_header)];
        for (key, header) in headers {
            let Some(header) = header else { continue };
            let path = format!("front.{index}.{key}");
            if front.client_address == ClientAddress::ProxyProtocol {
                desk.error(
                    &path,
                    "who speaks the PROXY protocol writes no headers: this one would be the client's own",
                    "leave it out",
                );
            } else if CLIENTS_OWN.contains(&header.as_str()) || header.starts_with("x-forwarded-") {
                let what = format!("`{header}` is a header that clients or the gate write");
                desk.error(
                    &path,
                    what,
                    "write a header that this front alone writes, such as \"cf-ipcountry\"",
                );
            }
        }
        if front.ja4_header.is_some() && front.ja4_header == front.country_header {
            desk.error(
                &format!("front.{index}.country_header"),
                "this header holds the fingerprint already",
                "write the one that holds the country, or leave it out",
            );
        }
    }
}

/// Who may say who the client is, and where it is said, belong together.
fn proxy_protocol(config: &Config, desk: &mut Desk<'_>) {
    let sends = config.front.iter().position(|front| front.client_address == ClientAddress::ProxyProtocol);
    let reads = config.listen.iter().position(|listen| listen.proxy_protocol);
    match (sends, reads) {
        (Some(front), None) => desk.error(
            &format!("front.{front}.client_address"),
            "no listener reads the PROXY protocol",
            "write proxy_protocol = true below the [[listen]] that this front connects to",
        ),
        (None, Some(listen)) => desk.error(
            &format!("listen.{listen}.proxy_protocol"),
            "no front sends the PROXY protocol, so anybody could claim any address",
            "name your balancer with [[front]] and client_address = \"proxy-protocol\"",
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
}

/// A redirect leads to a listener with TLS, and is none itself.
fn https_redirect(config: &Config, desk: &mut Desk<'_>) {
    let has_tls = config.listen.iter().any(|listen| listen.tls.is_some());
    for (index, listen) in config.listen.iter().enumerate().filter(|(_, listen)| listen.https_redirect) {
        let path = format!("listen.{index}.https_redirect");
        if listen.tls.is_some() {
            desk.error(
                &path,
                "this listener speaks https itself, so its redirect would lead in a circle",
                "write https_redirect below the listener for plain http",
            );
        } else if !has_tls {
            desk.error(
                &path,
                "no listener speaks https, so the redirect would lead nowhere",
                "write a [[listen]] with address = \"0.0.0.0:443\" and [[listen.tls.certificate]]",
            );
        }
    }
}

/// Whoever speaks TLS needs a certificate.
fn certificates(config: &Config, desk: &mut Desk<'_>) {
    for (index, listen) in config.listen.iter().enumerate() {
        let Some(tls) = &listen.tls else { continue };
        if tls.certificate.is_empty() && !tls.acme {
            desk.error(
                &format!("listen.{index}.tls"),
                "there is no certificate",
                "write [[listen.tls.certificate]] with chain and key, or acme = true",
            );
        }
        if tls.acme && config.acme.is_none() {
            desk.error(
                &format!("listen.{index}.tls.acme"),
                "there is no [acme] that says from whom",
                "write [acme] with agree_to_terms = true",
            );
        }
    }
}

fn acme(config: &Config, desk: &mut Desk<'_>) {
    let Some(acme) = &config.acme else { return };
    if !acme.agree_to_terms {
        desk.error(
            "acme.agree_to_terms",
            "the authority gives certificates only to those who agree to its terms",
            "read them and write agree_to_terms = true, or leave [acme] out",
        );
    }
    let uses = |listen: &Listen| listen.tls.as_ref().is_some_and(|tls| tls.acme);
    match config.listen.iter().position(uses) {
        None => desk.warning(
            "acme",
            "no listener uses it",
            "write acme = true below a [listen.tls], or leave [acme] out",
        ),
        Some(index) => names(config, &format!("listen.{index}.tls.acme"), desk),
    }
    if acme.proofs.is_empty() {
        desk.error("acme.proofs", "there is no way to prove a host", "leave it out, or write [\"http-01\"]");
    }
    if acme.external_id.is_some() != acme.external_key_file.is_some() {
        let at = if acme.external_id.is_some() { "acme.external_id" } else { "acme.external_key_file" };
        desk.error(at, "external_id and external_key_file belong together", "write both, or neither");
    }
}

/// Authorities that anybody trusts certify names, and the names must be told.
fn names(config: &Config, path: &str, desk: &mut Desk<'_>) {
    let mut hosts = config.site.iter().flat_map(|site| &site.hosts).peekable();
    if hosts.peek().is_none() {
        desk.error(path, "nobody says for which hosts", "write `hosts` below [[site]]");
    }
    if let Some(host) = hosts.find(|host| host.parse::<IpAddr>().is_ok() || host.starts_with('[')) {
        let what = format!("certificates are for names, and `{host}` in `hosts` is an address");
        desk.error(path, what, "write names in `hosts`");
    }
}

/// On the open network, whoever listens in can copy a pass or the console's token.
fn plain_http(config: &Config, desk: &mut Desk<'_>) {
    for (index, listen) in config.listen.iter().enumerate() {
        let is_plain = listen.tls.is_none() && !listen.https_redirect;
        if is_plain && !listen.address.ip().to_canonical().is_loopback() && config.front.is_empty() {
            desk.warning(
                &format!("listen.{index}.address"),
                "clients reach this listener without TLS: a pass could be copied, and counts as T2 at most",
                "write [[listen.tls.certificate]], or let a TLS server stand before the gate and name it with [[front]]",
            );
        }
    }
    if !config.console.address.ip().to_canonical().is_loopback() {
        desk.warning(
            "console.address",
            "the console's token travels without TLS",
            "listen on 127.0.0.1 and reach it through ssh, or on a private network only",
        );
    }
}

/// Headers that clients write for the app, and that it would miss.
const CLIENTS_OWN: [&str; 16] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "content-encoding",
    "content-type",
    "expect",
    "forwarded",
    "if-modified-since",
    "if-none-match",
    "origin",
    "range",
    "referer",
    "user-agent",
    "x-real-ip",
    "x-request-id",
];
