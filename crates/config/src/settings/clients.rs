//! `[[partner]]`, `[[monitor]]` and `[[network]]`.

use std::path::PathBuf;

use model::Prefix;

use super::SecretSource;
use crate::entry::{default, optional, required, settings};
use crate::kinds::{
    FILE, HEADER, MONITOR_AS, NAME, PATH, PREFIX, RequestPath, SECRET, Secret, Share, list, share, whole,
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
