//! `[log]`, `[state]`, `[privacy]` and `[console]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use model::Prefix;

use crate::entry::{default, optional, settings};
use crate::kinds::{ADDRESS, FILE, FLAG, HOST, PREFIX, Size, duration, list, size, whole};

settings! {
    /// Logs, which can never fill the disk: a budget of bytes and a fixed ring of files. What is left out is
    /// counted exactly.
    pub struct Log {
        /// The folder of all logs. Without it, `log` in the state folder.
        dir: Option<PathBuf> = optional("/var/log/portcullis", FILE);
        /// Budget of the access log in bytes per second.
        bytes_per_second: Size = default("2 MiB", size("1 KiB", "1 GiB"));
        /// All logs together.
        total: Size = default("1 GiB", size("8 MiB", "1 TiB"));
        /// One log line for so many refusals; 1 writes them all, within the budget.
        sample_refusals: u32 = default("100", whole(1, 1_000_000));
        /// Whether answered requests are logged, as JSON lines.
        access: bool = default("true", FLAG);
    }
}

settings! {
    /// What the gate keeps between two starts: keys, known customers, what it measured, what was refused.
    pub struct State {
        /// The folder. Only the gate's user may read it.
        dir: PathBuf = default("/var/lib/portcullis", FILE);
        /// How many gates stand before the app; each takes its part of the app's capacity.
        gates: u32 = default("1", whole(1, 64));
        /// The journal is never larger. When it is full, history leaves first, sign-ins and admins' acts
        /// last.
        journal: Size = default("256 MiB", size("16 MiB", "64 GiB"));
        /// Recordings of what the gate decided and why are never larger, compressed. They reach back six hours, those
        /// of incidents further; with 0 nothing is recorded.
        recordings: Size = default("512 MiB", size("0 B", "1 TiB"));
    }
}

settings! {
    /// How long the gate remembers. These times can be shortened, not lengthened. Accounts are only ever kept
    /// as keyed hashes; `portcullis ctl clients forget` erases within a minute.
    pub struct Privacy {
        /// Whole addresses; afterwards they are cut to /24 or /48. With less than a day nobody can tell who of those that were refused
        /// signed in later: `portcullis report` then never says that `auto` is safe.
        addresses: Duration = default("24h", duration("0s", "24h"));
        /// Networks, and what was refused.
        history: Duration = default("30d", duration("2d", "30d"));
        /// The access log.
        access_log: Duration = default("14d", duration("1h", "14d"));
    }
}

settings! {
    /// The listener for admins and metrics. All but `/healthz` needs the token, on loopback too.
    pub struct Console {
        /// Address and port.
        address: SocketAddr = default("127.0.0.1:8081", ADDRESS);
        /// The file that holds the bearer token. Without it, `console.token` in the state folder, made at the
        /// first start.
        token_file: Option<PathBuf> = optional("/etc/portcullis/console.token", FILE);
        /// A file with a second token, for the app's mailer: it makes links for customers (`ctl clients link`) and does nothing
        /// else. Made at the start if it is not there. Without it there is no such token.
        mailer_token_file: Option<PathBuf> = optional("/etc/portcullis/mailer.token", FILE);
        /// Host names under which it may be asked, besides its own address and localhost.
        hosts: Vec<String> = default("", list(HOST, 64));
        /// Networks or addresses that may read `/metrics` without the token.
        metrics_allow: Vec<Prefix> = default("", list(PREFIX, 64));
    }
}
