//! `[[partner]]`, `[[monitor]]` and `[[network]]`.

use std::path::PathBuf;

use model::Prefix;

use super::SecretSource;
use crate::entry::{default, optional, required, settings};
use crate::kinds::{
    FILE, HEADER, HOST, Jwks, MONITOR_AS, NAME, PATH, PREFIX, RANGES, RequestPath, SECRET, Secret, Share,
    TEXT, list, share, whole,
};

settings! {
    /// A program of a partner, such as a payment provider that calls back, which must get through though it
    /// never signs in. Its sources or its secret prove it; on its paths it counts as newly known.
    pub struct Partner {
        /// What it is called in logs and reports.
        name: String = required("payments", NAME);
        /// Paths that begin with one of these; without any, all.
        paths: Vec<RequestPath> = default("", list(PATH, 64));
        /// Where it connects from.
        sources: Vec<Prefix> = default("", list(PREFIX, 256));
        /// The header that carries its secret.
        secret_header: Option<String> = optional("x-partner-key", HEADER);
        /// The secret.
        secret: Option<Secret> = optional("write-the-output-of-openssl-rand-hex-32", SECRET);
        /// The file that holds the secret, instead of `secret`.
        secret_file: Option<PathBuf> = optional("/etc/portcullis/partner.secret", FILE);
        /// The most that it may take of the app's capacity while capacity is scarce. All partners together:
        /// 50 % at most.
        share: Share = default("5 %", share("0.1 %", "50 %"));
    }
}

impl Partner {
    /// Where its secret is.
    pub fn secret_source(&self) -> Option<SecretSource<'_>> {
        SecretSource::of(self.secret.as_ref(), self.secret_file.as_deref())
    }
}

settings! {
    /// A monitor that reaches the app at every level. It is proved by its address *and* its secret.
    pub struct Monitor {
        /// Where it connects from: a network or a single address.
        source: Prefix = required("192.0.2.20", PREFIX);
        /// The header that carries its secret.
        secret_header: String = required("x-monitor-key", HEADER);
        /// The secret.
        secret: Option<Secret> = optional("write-the-output-of-openssl-rand-hex-32", SECRET);
        /// The file that holds the secret, instead of `secret`.
        secret_file: Option<PathBuf> = optional("/etc/portcullis/monitor.secret", FILE);
        /// Whom it counts as. "admin" is never refused.
        counts_as ("as"): MonitorAs = default("admin", MONITOR_AS);
    }
}

/// Whom a monitor counts as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MonitorAs {
    /// An admin: never refused.
    Admin,
}

impl Monitor {
    /// Where its secret is. A configuration that was read has one.
    pub fn secret_source(&self) -> Option<SecretSource<'_>> {
        SecretSource::of(self.secret.as_ref(), self.secret_file.as_deref())
    }
}

settings! {
    /// A crawler that is let in before unknown clients, once its address proves it: it lies in networks that the operator
    /// publishes, or its name lies in the operator's domain and leads back to it. Nobody is let in for a name in `User-Agent`
    /// alone. robots.txt and sitemaps are answered to everybody.
    pub struct Crawler {
        /// What it is called. For "googlebot", "bingbot", "applebot", "yandexbot" and "baiduspider" the rest is known.
        name: String = required("googlebot", NAME);
        /// What its `User-Agent` contains, whatever the case.
        user_agent: Option<String> = optional("Examplebot", TEXT);
        /// Domains of its operator. Names of addresses are looked up with the system's resolver, and remembered for a day.
        domains: Vec<String> = default("", list(HOST, 16));
        /// Where its operator publishes its networks: files, or https addresses that are asked once a day. JSON as search
        /// engines have it, or a network on each line.
        ranges: Vec<Jwks> = default("", list(RANGES, 8));
    }
}

impl Crawler {
    /// What its `User-Agent` contains, and the domains of its operator, written or known.
    pub fn proof(&self) -> Option<(String, Vec<String>)> {
        let known = KNOWN_CRAWLERS.iter().find(|(name, ..)| self.name.eq_ignore_ascii_case(name));
        let agent = self.user_agent.clone().or_else(|| known.map(|(_, agent, _)| (*agent).to_owned()))?;
        let written = !self.domains.is_empty() || !self.ranges.is_empty();
        let domains = known.filter(|_| !written).map(|(_, _, domains)| *domains).unwrap_or_default();
        let written = self.domains.iter().map(|domain| domain.trim_start_matches('.').to_owned());
        Some((agent, written.chain(domains.iter().map(|domain| (*domain).to_owned())).collect()))
    }
}

/// Name, word in `User-Agent` and domains, as the operators document them. None of them gives names in its domain to others:
/// the customers of a cloud must not pass for its crawler.
const KNOWN_CRAWLERS: [(&str, &str, &[&str]); 5] = [
    ("googlebot", "Googlebot", &["googlebot.com", "google.com"]),
    ("bingbot", "bingbot", &["search.msn.com"]),
    ("applebot", "Applebot", &["applebot.apple.com"]),
    ("yandexbot", "YandexBot", &["yandex.ru", "yandex.net", "yandex.com"]),
    ("baiduspider", "Baiduspider", &["baidu.com", "baidu.jp"]),
];

settings! {
    /// A network with many people behind few addresses, such as an office or a university. Its client limits
    /// grow with the number of its people.
    pub struct Network {
        /// What it is called in logs and reports.
        name: String = required("head office", NAME);
        /// Its networks or single addresses.
        prefixes: Vec<Prefix> = required("192.0.2.0/24", list(PREFIX, 256));
        /// About how many people use the app from there. Client limits grow by half of it, 64-fold at most.
        people: u32 = required("200", whole(1, 1_000_000));
    }
}
