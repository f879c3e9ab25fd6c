//! The site: hosts, origins, sign-in, routes.

use std::net::IpAddr;

use super::Desk;
use crate::kinds::{Grpc, Jwks};
use crate::settings::{Config, Login, Site};

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    for (index, site) in config.site.iter().enumerate() {
        let place = format!("site.{index}");
        hosts(site, &place, desk);
        origins(site, &place, desk);
        calls(config, site, &place, desk);
        if let Some(login) = &site.login {
            let confirms = site.origin.iter().any(|origin| origin.confirms_logins);
            sign_in(login, confirms || login.secret_source().is_some(), &format!("{place}.login"), desk);
        }
        session(site, &place, desk);
        tokens(site, &place, desk);
        strangers(site, &place, desk);
        let routes = site.route.iter().enumerate();
        let routes = routes.map(|(index, route)| (format!("{place}.route.{index}.path"), &route.path));
        desk.refuse_repeats(routes, "this path", "join both into one [[site.route]]");
    }
}

fn hosts(site: &Site, place: &str, desk: &mut Desk<'_>) {
    let hosts = site.hosts.iter().enumerate().map(|(index, host)| (format!("{place}.hosts.{index}"), host));
    desk.refuse_repeats(hosts, "this host", "leave it out here");
    if let Some(url) = &site.url {
        let named = url.authority().rsplit_once(':').map_or(url.authority(), |(host, _)| host);
        if !site.hosts.is_empty() && !site.hosts.iter().any(|host| host.eq_ignore_ascii_case(named)) {
            let what = format!("links would lead to `{named}`, which this gate does not serve");
            desk.error(&format!("{place}.url"), what, "write one of `hosts`, or add this one there");
        }
    }
    let Some(domain) = &site.cookie_domain else { return };
    let path = format!("{place}.cookie_domain");
    if site.hosts.is_empty() {
        let cure = "write `hosts`, or leave `cookie_domain` out";
        desk.error(&path, "a cookie for a whole domain needs to know which hosts are yours", cure);
    }
    let covers = |host: &str| {
        host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if let Some(host) = site.hosts.iter().find(|host| !covers(host)) {
        let what =
            format!("`{domain}` does not cover the host `{host}`, so its visitors would never be known");
        desk.error(&path, what, "write the domain that all hosts share, or leave it out");
    }
}

fn origins(site: &Site, place: &str, desk: &mut Desk<'_>) {
    let urls = site.origin.iter().enumerate();
    let urls = urls.map(|(index, origin)| (format!("{place}.origin.{index}.url"), &origin.url));
    desk.refuse_repeats(urls, "this server", "leave it out here, and give the first a larger `weight`");
    for (index, origin) in site.origin.iter().enumerate() {
        let path = |key: &str| format!("{place}.origin.{index}.health.{key}");
        let health = &origin.health;
        if health.timeout > health.interval && desk.are_sound(&[&path("timeout"), &path("interval")]) {
            // Whichever was written is to be changed; the other is a default.
            let key = if desk.is_written(&path("timeout")) { "timeout" } else { "interval" };
            let what = format!(
                "a check may take {:?} but the next one begins after {:?}",
                health.timeout, health.interval
            );
            desk.error(&path(key), what, "write a `timeout` that is not longer than `interval`");
        }
    }
}

/// gRPC.
fn calls(config: &Config, site: &Site, place: &str, desk: &mut Desk<'_>) {
    let Some(index) = site.origin.iter().position(|origin| origin.grpc != Grpc::Never) else { return };
    let path = format!("{place}.origin.{index}.grpc");
    if config.listen.iter().all(|listen| listen.tls.is_none()) {
        let cure = "write a [[listen]] with `tls`, or leave `grpc` out";
        desk.warning(
            &path,
            "no client reaches gRPC: it needs HTTP/2, which is spoken over https alone",
            cure,
        );
    }
    if site.origin.iter().all(|origin| origin.grpc == Grpc::Only) {
        let cure = "write \"also\" if it serves other requests too, or add the server that does";
        desk.warning(&path, "requests that are no gRPC are refused: every server takes it alone", cure);
    }
}

/// `is_told` is whether the app itself says who signed in.
fn sign_in(login: &Login, is_told: bool, place: &str, desk: &mut Desk<'_>) {
    let key = |key: &str| format!("{place}.{key}");
    if login.secret.is_some() && login.secret_file.is_some() {
        desk.error(&key("secret_file"), "`secret` is there too", "leave one of them out");
    }
    if login.submit.is_empty() && desk.are_sound(&[&key("submit"), &key("pages")]) {
        let cure = "write where it is sent, such as submit = [\"/login\"]";
        if !login.pages.is_empty() {
            desk.error(
                &key("pages"),
                "people would get the sign-in form but could not send it: there is no `submit`",
                cure,
            );
        } else if login.evidence && !is_told {
            let cure = format!("{cure}, or evidence = false");
            desk.error(&key("evidence"), "evidence of signing in needs to know where the form is sent", cure);
        }
    }
    if login.pages.is_empty() && !login.submit.is_empty() && desk.are_sound(&[&key("pages")]) {
        let cure = "write the page with the form, such as pages = [\"/login\"]";
        desk.warning(
            &key("submit"),
            "without `pages`, new addresses may wait for the form while others are served first",
            cure,
        );
    }
    for (index, path) in login.reset.iter().chain(&login.mfa).chain(&login.return_to).enumerate() {
        if path.as_str() == "/" {
            let (list, index) = locate(login, index);
            let what = "every path begins with `/`: the whole app would count as signing in";
            desk.error(&format!("{place}.{list}.{index}"), what, "write the path of that step only");
        }
    }
}

/// Which list an index into all three steps means.
fn locate(login: &Login, index: usize) -> (&'static str, usize) {
    let (reset, mfa) = (login.reset.len(), login.mfa.len());
    match index {
        _ if index < reset => ("reset", index),
        _ if index < reset + mfa => ("mfa", index - reset),
        _ => ("return", index - reset - mfa),
    }
}

fn session(site: &Site, place: &str, desk: &mut Desk<'_>) {
    let (Some(session), Some(login)) = (&site.known.session, &site.login) else { return };
    if login.pages.contains(&session.proof) || login.submit.contains(&session.proof) {
        let what = format!("everybody gets `{}`, the sign-in page: it proves nothing", session.proof);
        desk.error(
            &format!("{place}.known.session.proof"),
            what,
            "write a path that only signed-in people get, such as \"/account\"",
        );
    }
}

fn tokens(site: &Site, place: &str, desk: &mut Desk<'_>) {
    let Some(jwt) = &site.known.jwt else { return };
    let claim = jwt.account_claim.as_str();
    if ["iss", "aud", "exp", "nbf"].contains(&claim) {
        let what = format!("`{claim}` names no account: it is the same in the tokens of many people");
        desk.error(&format!("{place}.known.jwt.account_claim"), what, "write \"sub\", or leave it out");
    }
    if let Jwks::Url(url, _) = &jwt.jwks
        && !url.is_https()
        && let Ok(address) = url.host().trim_matches(['[', ']']).parse::<IpAddr>()
        && !is_private(address)
    {
        let what = format!("{address} is no private address: anybody on the way could replace the keys");
        let cure = "write an https:// address, or the path of a file";
        desk.error(&format!("{place}.known.jwt.jwks"), what, cure);
    }
}

/// This machine, a private network (RFC 1918, RFC 4193) or the own link. Names are looked at when they are resolved.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// A gate that knows nobody can only limit and shed.
fn strangers(site: &Site, place: &str, desk: &mut Desk<'_>) {
    let by_login = site.login.as_ref().is_some_and(|login| login.evidence && !login.submit.is_empty());
    let by_header = site.origin.iter().any(|origin| origin.confirms_logins);
    let known = &site.known;
    if by_login || by_header || known.session.is_some() || known.token.is_some() || known.jwt.is_some() {
        return;
    }
    desk.warning(
        place,
        "nobody ever becomes known here: under attack, customers are treated like everybody else",
        "write [site.login] with pages and submit, [site.known.session], [site.known.token] or [site.known.jwt]",
    );
}
