//! `[status]`, its components and its mirrors.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::StatusSubscribers;
use crate::entry::{Section, default, optional, optional_table, required, settings, tables};
use crate::kinds::{
    ADDRESS, BUCKET, COMPONENT, CONSENT, Consent, ENDPOINT, FILE, FIRST_CONSENT, FLAG, FOLDER, GROUP,
    GroupPath, HOST_KEY, NAME, PAGE_URL, PREFIX_IN_BUCKET, PageUrl, SSH_KEY, SSH_URL, SshUrl, TEXT, WATCHES,
    WORD, duration, list,
};

settings! {
    /// The page that tells customers how the site is. It tells what the gate measures and what people write, never how
    /// an attack is fought while it lasts.
    pub struct Status {
        /// Address and port that the page is served from, over plain http: a CDN or TLS server stands before it. Without it
        /// nothing is served, only exported.
        listen: Option<SocketAddr> = optional("127.0.0.1:8082", ADDRESS);
        /// The public address of the page: its links and feeds are made of it. It has a host name of its own, best
        /// in a domain that does not fail with the site's.
        url: PageUrl = required("https://status.shop.example", PAGE_URL);
        /// The name of the page, mostly that of the company or product.
        name: String = required("Shop", NAME);
        /// How long the first notice of an incident is held before it is published, so that a person can veto it. With 0s
        /// it is published at once.
        first_notice: Duration = default("2m", duration("0s", "30m"));
        /// Whether the gate publishes by itself what each stage begins with.
        stages: Option<StatusStages> = optional_table();
        /// Whether the page tells for how much of their time customers, and visitors who had been here before, were served: in
        /// coarse bands and late while an incident is open, exact half an hour after it. Without it only you are told.
        audience_figures: bool = default("false", FLAG);
        /// Folders that the page is also written to, for web servers and mirrors elsewhere. Each is new, empty or holds
        /// an earlier export; readers never see a half of one.
        export: Vec<PathBuf> = default("", list(FOLDER, 8));
        /// A line that tells readers where to get help, plain text.
        support: Option<String> = optional("Write to help@shop.example or call 555 0100.", TEXT);
        /// What the page tells the state of. Without any there is one: "Website", which watches the site.
        component: Vec<StatusComponent> = tables(0, 64, "write at most 64 of them: readers look for one line");
        /// Copies on machines that are reached over ssh.
        ssh: Vec<StatusSsh> = tables(0, 8, "write at most 8 of them: two in two networks are enough");
        /// Copies in stores that speak S3.
        bucket: Vec<StatusBucket> = tables(0, 8, "write at most 8 of them: two in two networks are enough");
        /// Mail to readers of the page.
        subscribers: Option<StatusSubscribers> = optional_table();
    }
}

settings! {
    /// Whether the gate publishes by itself what each stage of an incident begins with. What waits is said at once to you
    /// (`[[notify]]`, the log, the console), with what it would say.
    pub struct StatusStages {
        /// "auto": the first notice is published `first_notice` after it could be, unless somebody says no. "manual": only
        /// when a person says yes, as in all stages (`ctl incident publish`).
        investigating: Consent = default("auto", FIRST_CONSENT);
        /// That the cause is known, or that what was over is back. "auto": at once. A time such as "5m": after it, unless
        /// somebody says no.
        identified: Consent = default("auto", CONSENT);
        /// That everybody is served again.
        monitoring: Consent = default("auto", CONSENT);
        /// That it is over.
        resolved: Consent = default("auto", CONSENT);
    }
}

settings! {
    /// A copy of the page on another machine, best in another network, written over ssh with each change and every five
    /// minutes. The key opens that machine for nothing else: its user may write to that one folder.
    pub struct StatusSsh {
        /// The folder there, which exists: rsync://USER@HOST/FOLDER, written by rsync, which both machines have; or sftp://…,
        /// which needs nothing there but an ssh server, and longer.
        to: SshUrl = required("rsync://status@mirror.example/srv/status", SSH_URL);
        /// The public key of that machine, as its /etc/ssh/ssh_host_ed25519_key.pub has it. Another one is not believed.
        host_key: String = required(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDXH4k9cGEcdNv6QsdbxWk4IaeRz4R3xVqbGWq0Wbkxs", HOST_KEY
        );
        /// The file with the private key that opens it (`ssh-keygen -t ed25519`, no passphrase), which only the gate's user reads.
        key_file: PathBuf = required("/etc/portcullis/mirror.key", SSH_KEY);
    }
}

settings! {
    /// A copy of the page in a bucket of a store that speaks S3, Amazon's or another, written with each change and every five
    /// minutes. The key may write and remove below `prefix` and need not be able to do anything else.
    pub struct StatusBucket {
        /// The store.
        endpoint: String = required("https://s3.eu-central-1.amazonaws.com", ENDPOINT);
        /// Its region.
        region: String = default("us-east-1", WORD);
        /// The bucket.
        bucket: String = required("status-shop-example", BUCKET);
        /// What all names in the bucket begin with.
        prefix: Option<String> = optional("status/shop", PREFIX_IN_BUCKET);
        /// The name of the key.
        access_key: String = required("AKIAIOSFODNN7EXAMPLE", WORD);
        /// The file with the key itself, which only the gate's user reads.
        secret_file: PathBuf = required("/etc/portcullis/bucket.secret", FILE);
        /// The authority that the store's https is verified with, as PEM, for a store in your own network. Without it, those
        /// of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
    }
}

impl Status {
    /// The components that the page shows: those that are written, or the one that stands for all.
    pub fn components(&self) -> Vec<StatusComponent> {
        if self.component.is_empty() { vec![StatusComponent::example()] } else { self.component.clone() }
    }
}

settings! {
    /// A part of the service that readers know by its name.
    pub struct StatusComponent {
        /// What readers call it; no other of its group is called so.
        name: String = required("Website", COMPONENT);
        /// The group that it stands in. Groups within groups are written with ` / ` between their names, at most four.
        group: Option<GroupPath> = optional("Shop / Checkout", GROUP);
        /// A line about what it is.
        description: Option<String> = optional("Pages and search", TEXT);
        /// What its state follows: "site", what the gate sees of the whole site; "login", only of the sign-in lane;
        /// "nothing": people set it.
        watches: Watches = default("site", WATCHES);
    }
}

/// What the state of a component follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Watches {
    /// What the gate sees of the whole site.
    Site,
    /// What it sees of the sign-in lane.
    Login,
    /// Nothing: people set it.
    Nothing,
}
