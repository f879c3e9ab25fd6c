//! Partners, monitors and networks.

use std::path::Path;

use super::Desk;
use crate::kinds::Secret;
use crate::settings::Config;

pub(super) fn check(config: &Config, desk: &mut Desk<'_>) {
    partners(config, desk);
    monitors(config, desk);
    networks(config, desk);
    crawlers(config, desk);
}

fn crawlers(config: &Config, desk: &mut Desk<'_>) {
    let names = config.crawler.iter().enumerate();
    let names = names.map(|(index, crawler)| (format!("crawler.{index}.name"), &crawler.name));
    desk.refuse_repeats(names, "this name", "write another");
    for (index, crawler) in config.crawler.iter().enumerate() {
        let path = format!("crawler.{index}.name");
        match crawler.proof() {
            None => desk.error(
                &path,
                "how this crawler calls itself is not known here",
                "write `user_agent`, and `domains` or `ranges`",
            ),
            Some((_, domains)) if domains.is_empty() && crawler.ranges.is_empty() => desk.error(
                &path,
                "anybody could be this crawler: there are neither domains nor ranges",
                "write `domains` or `ranges`",
            ),
            Some(_) => {}
        }
    }
}

fn partners(config: &Config, desk: &mut Desk<'_>) {
    let names = config.partner.iter().enumerate();
    let names = names.map(|(index, partner)| (format!("partner.{index}.name"), &partner.name));
    desk.refuse_repeats(names, "this name", "write another: reports tell partners apart by it");
    let mut sum = 0.0;
    for (index, partner) in config.partner.iter().enumerate() {
        let place = format!("partner.{index}");
        let credentials = Credentials::of(
            partner.secret_header.as_ref(),
            partner.secret.as_ref(),
            partner.secret_file.as_deref(),
        );
        credentials.check(&place, desk);
        if partner.sources.is_empty()
            && !credentials.any()
            && desk.are_sound(&[&format!("{place}.sources"), &format!("{place}.secret_header")])
        {
            let cure = "write `sources`, or `secret_header` with `secret`, or all of them";
            desk.error(
                &format!("{place}.sources"),
                "anybody could be this partner: it has neither sources nor a secret",
                cure,
            );
        }
        sum += partner.share.fraction();
        // A little more than half: 0.3 + 0.2 is not exactly a half in binary.
        if sum > SHARES_MAX && sum - partner.share.fraction() <= SHARES_MAX {
            let what = format!(
                "with this one, partners may take {:.1} % of the app: too little is left for its own customers",
                sum * 100.0
            );
            desk.error(
                &format!("{place}.share"),
                what,
                "lower their shares until they are at most 50 % together",
            );
        }
    }
}

fn monitors(config: &Config, desk: &mut Desk<'_>) {
    for (index, monitor) in config.monitor.iter().enumerate() {
        let place = format!("monitor.{index}");
        Credentials::of(
            Some(&monitor.secret_header),
            monitor.secret.as_ref(),
            monitor.secret_file.as_deref(),
        )
        .check(&place, desk);
    }
}

fn networks(config: &Config, desk: &mut Desk<'_>) {
    let names = config.network.iter().enumerate();
    let names = names.map(|(index, network)| (format!("network.{index}.name"), &network.name));
    desk.refuse_repeats(names, "this name", "write another: reports tell networks apart by it");
    let prefixes = config.network.iter().enumerate().flat_map(|(index, network)| {
        let paths = network.prefixes.iter().enumerate();
        paths.map(move |(prefix, value)| (format!("network.{index}.prefixes.{prefix}"), *value))
    });
    desk.refuse_repeats(prefixes, "this network", "leave it out here");
    for (index, _) in config.network.iter().enumerate().filter(|(_, network)| network.prefixes.is_empty()) {
        let cure = "write its networks, such as [\"192.0.2.0/24\"]";
        desk.error(&format!("network.{index}.prefixes"), "this network has no address", cure);
    }
}

/// A header and its secret, which are of no use alone.
#[derive(Clone, Copy)]
struct Credentials<'a> {
    header: Option<&'a String>,
    secret: Option<&'a Secret>,
    file: Option<&'a Path>,
}

impl<'a> Credentials<'a> {
    const fn of(header: Option<&'a String>, secret: Option<&'a Secret>, file: Option<&'a Path>) -> Self {
        Self { header, secret, file }
    }

    const fn any(self) -> bool {
        self.header.is_some() || self.secret.is_some() || self.file.is_some()
    }

    fn check(self, place: &str, desk: &mut Desk<'_>) {
        let key = |key: &str| format!("{place}.{key}");
        if self.secret.is_some() && self.file.is_some() {
            desk.error(&key("secret_file"), "`secret` is there too", "leave one of them out");
        }
        let has_secret = self.secret.is_some() || self.file.is_some();
        if self.header.is_some() && !has_secret && desk.are_sound(&[&key("secret"), &key("secret_file")]) {
            // Where neither stands, the table's own line is marked.
            let at =
                if desk.is_written(&key("secret_header")) { key("secret_header") } else { key("secret") };
            let cure = "write `secret_file` with the path of a file that holds it, or `secret`";
            desk.error(&at, "a header without its secret proves nothing", cure);
        }
        if self.header.is_none() && has_secret && desk.are_sound(&[&key("secret_header")]) {
            let at = if self.secret.is_some() { key("secret") } else { key("secret_file") };
            desk.error(
                &at,
                "this secret has no header that carries it",
                "write secret_header = \"x-partner-key\", or whatever the header is called",
            );
        }
    }
}

const SHARES_MAX: f64 = 0.500_000_1;
