//! `outpost.toml`: what `portcullis outpost` is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::entry::{default, optional, optional_table, required, settings, table, tables};
use crate::kinds::{
    ADDRESS, FILE, FOLDER, NAME, OriginUrl, PAGE_KEY, PAGE_URL, PageUrl, SERVER_URL, TEXT, duration, list,
};
use crate::settings::{Console, Log, Notify, Probe, State, Status, StatusBucket, StatusComponent, StatusSsh};

settings! {
    /// Everything that an outpost is told: what it tries, whose page it holds, and where it serves that.
    pub struct OutpostConfig {
        /// The gate whose page it holds. Without it, the outpost makes a page from its probes alone.
        gate: Option<Gate> = optional_table();
        /// The page that it serves.
        page: Option<OutpostPage> = optional_table();
        /// What it tries; all of it is the site as people reach it.
        probe: Vec<Probe> = tables(1, 32, "write at most 32 of them: a few tell whether the site can be reached");
        /// Who is alerted when the outpost speaks.
        notify: Vec<Notify> = tables(0, 32, "write at most 32 of them; a receiver can tell others");
        /// What is kept between two starts.
        state: State = table();
        /// Logs.
        log: Log = table();
        /// The listener for metrics.
        console: Console = table();
    }
}

settings! {
    /// The gate that this outpost stands in for.
    pub struct Gate {
        /// Where the gate serves its own status page, `https://HOST`: the gate itself, not the public name of the page, which leads
        /// to this outpost or to a mirror.
        url: OriginUrl = required("https://status-origin.shop.example", SERVER_URL);
        /// How often it is asked.
        every: Duration = default("5s", duration("1s", "10min"));
        /// Contact is lost when it was not heard of for so long.
        lost_after: Duration = default("12s", duration("2s", "1h"));
        /// The key that signs the gate's page, as `portcullis status key` prints it there. With it, nothing else is believed to be
        /// the gate's page, whoever else may answer in its place; without it, https alone says whose page it is.
        key: Option<String> = optional("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", PAGE_KEY);
        /// The authority that its certificate is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
    }
}

settings! {
    /// The page that the outpost serves: the gate's, and while contact is lost and the site is out of reach, that it is.
    pub struct OutpostPage {
        /// Address and port that it is served from, over plain http: a CDN or TLS server stands before it. Without it nothing is
        /// served, only exported.
        listen: Option<SocketAddr> = optional("0.0.0.0:8082", ADDRESS);
        /// The public address of the page. While the gate's page is held, that page says its own.
        url: PageUrl = required("https://status.shop.example", PAGE_URL);
        /// The name of the page, mostly that of the company or product.
        name: String = required("Shop", NAME);
        /// Folders that the page is also written to, as in [status] of the gate.
        export: Vec<PathBuf> = default("", list(FOLDER, 8));
        /// A line that tells readers where to get help, plain text.
        support: Option<String> = optional("Write to help@shop.example or call 555 0100.", TEXT);
        /// The site must have been out of reach for so long before that is said.
        after: Duration = default("10s", duration("1s", "1h"));
        /// Names for what is out of reach, as in [status] of the gate. Without any there is one: "Website".
        component: Vec<StatusComponent> = tables(0, 64, "write at most 64 of them: readers look for one line");
        /// Copies on machines that are reached over ssh.
        ssh: Vec<StatusSsh> = tables(0, 8, "write at most 8 of them: two in two networks are enough");
        /// Copies in stores that speak S3.
        bucket: Vec<StatusBucket> = tables(0, 8, "write at most 8 of them: two in two networks are enough");
    }
}

impl OutpostPage {
    /// As the table of a gate. Nobody is there to say no, so that the first notice is not held.
    pub fn as_status(&self) -> Status {
        Status {
            listen: self.listen,
            url: self.url.clone(),
            name: self.name.clone(),
            first_notice: Duration::ZERO,
            stages: None,
            // The gate's page, which is shown while it is heard of, has its figures; probes feel nothing of the kind.
            audience_figures: false,
            export: self.export.clone(),
            support: self.support.clone(),
            component: self.component.clone(),
            ssh: self.ssh.clone(),
            bucket: self.bucket.clone(),
            // Those of the gate belong to the gate.
            subscribers: None,
        }
    }
}
