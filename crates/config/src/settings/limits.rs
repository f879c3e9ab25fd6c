//! `[limits]`.

use std::time::Duration;

use crate::entry::{default, optional, settings};
use crate::kinds::{RATE, Rate, Share, Size, duration, share, size, whole};

settings! {
    /// How much a client may ask, and how much of the machine the gate may use. In calm, client limits count
    /// and report but refuse nobody, unless the app or the connections are 70 % busy. Connections are bounded
    /// always, in mode `observe` and under `ctl bypass` too: 100 of one address (IPv6: /64), 500 of a /24 or /48,
    /// more where many people are known to share it (`[[network]]`): half their number times as many, 64-fold at
    /// most. Those beyond are closed at once; a proxy that is no `[[front]]` meets this. Three tenths of all
    /// connections are kept for networks of customers.
    pub struct Limits {
        /// Requests of one unknown address (IPv4 /32, IPv6 /64). Its networks get 4, 16 and 64 times as much. Where calm shows that
        /// this site's visitors ask for more, each of these limits rises to four times what 99.5 % of them need, 16-fold at most.
        /// A request that costs the app more than an ordinary one counts up to eight times.
        address_rate: Rate = default("5/s burst 40", RATE);
        /// Requests of one known client; all clients of an account together get four times as much. Both are meant in ordinary
        /// requests: one that costs the app more counts up to eight times.
        pass_rate: Rate = default("20/s burst 200", RATE);
        /// Sign-in attempts of one address; its network gets ten times as much.
        login_rate: Rate = default("6/min", RATE);
        /// The part of the app's capacity that is kept for people who are signing in.
        login_share: Share = default("8 %", share("8 %", "20 %"));
        /// Known clients that are remembered. When full, the youngest that has been known for less than a day
        /// leaves.
        max_known: u32 = default("1_000_000", whole(1_000, 1_000_000));
        /// Requests in service at the app at once, whatever is measured. Without it, only measurement
        /// decides.
        max_inflight: Option<u32> = optional("200", whole(8, 65_535));
        /// Memory for connections and what they carry. It also bounds how many connections there can be, at
        /// 64 KiB each.
        memory: Size = default("1 GiB", size("64 MiB", "1 TiB"));
        /// Connections at once. Without it, as many as memory and the limit of open files allow.
        connections: Option<u32> = optional("20_000", whole(64, 10_000_000));
        /// Bytes of request bodies and answers that may wait in the gate at once; not more than `memory`. Of one answer 256 KiB wait, the rest at the app.
        buffers: Size = default("128 MiB", size("1 MiB", "1 TiB"));
        /// Streams of unknown clients (long downloads, event streams, WebSockets) from which they may open no
        /// further WebSocket while capacity is scarce.
        streams: u32 = default("1_000", whole(1, 1_000_000));
        /// How long a client may take to send the head of a request. While some unknown clients are closed out
        /// (the levels customers-first and reopening) it is 5 s at most.
        head_timeout: Duration = default("10s", duration("1s", "5min"));
        /// How long an unknown client may take to send a whole body while capacity is scarce; always at least
        /// 500 bytes a second after 10 s.
        body_timeout: Duration = default("60s", duration("1s", "1h"));
        /// How long a connection may be idle between two requests. While some unknown clients are closed out it is
        /// 2 s at most for unknown ones. Known clients get at least 60 s, and connections of a `[[front]]` at least 75 s.
        idle_timeout: Duration = default("15s", duration("1s", "1h"));
        /// How long open requests may take to end when the gate stops.
        drain: Duration = default("10s", duration("0s", "10min"));
        /// Threads that serve. Without it, one for each processor.
        workers: Option<u32> = optional("2", whole(1, 256));
    }
}
