//! Listeners, fronts and the console.

use std::net::SocketAddr;

use super::Desk;
use crate::kinds::ClientAddress;
use crate::settings::Config;

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    addresses(config, desk);
    fronts(config, desk);
    proxy_protocol(config, desk);
    plain_http(config, desk);
}

/// Two listeners on one address: the second could not start, or would take half of the connections.
fn addresses(config: &Config, desk: &mut Desk<'_>) {
    let listens = config.listen.iter().enumerate();
    let mut taken: Vec<(String, SocketAddr)> = Vec::new();
    let all = listens.map(|(index, listen)| (format!("listen.{index}.address"), listen.address));
    for (path, address) in all.chain([("console.address".to_owned(), config.console.address)]) {
        if !desk.are_sound(&[&path]) {
            continue;
        }
        if let Some((first, other)) = taken.iter().find(|(_, other)| overlap(address, *other)) {
            // The default of the console is in nobody's text: the listener must move, or the console be given an address.
            let path = if desk.is_written(&path) { &path } else { first };
            let what = format!("{address} and {other} are the same address to the operating system");
            desk.error(path, what, "choose another port, or leave one of them out");
        }
        taken.push((path, address));
    }
}

fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let is_same = a.ip().to_canonical() == b.ip().to_canonical();
    // [::] takes IPv4 connections too, unless the machine is set otherwise.
    let is_any =
        |any: SocketAddr, other: SocketAddr| any.ip().is_unspecified() && (any.is_ipv6() || other.is_ipv4());
    a.port() == b.port() && (is_same || is_any(a, b) || is_any(b, a))
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

/// On the open network, whoever listens in can copy a pass or the console's token.
fn plain_http(config: &Config, desk: &mut Desk<'_>) {
    for (index, listen) in config.listen.iter().enumerate() {
        if !listen.address.ip().to_canonical().is_loopback() && config.front.is_empty() {
            desk.warning(
                &format!("listen.{index}.address"),
                "clients reach this listener without TLS, so a pass could be copied on its way and counts as newly known at most (T2)",
                "until TLS comes with part 2, let your present TLS server stand before the gate and name it with [[front]]",
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
