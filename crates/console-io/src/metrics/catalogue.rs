//! Every metric of the gate.

use super::{Counter, Entry, Gauge, Histogram, Metric};

/// Requests by what became of them. Tier `t0` to `t6`; outcome as in `model::Outcome`.
pub const REQUESTS: Metric<Counter, 3> = Metric::new(
    "portcullis_requests_total",
    ["site", "tier", "outcome"],
    "Requests by kind of client and by what became of them.",
);

/// Requests that were let through although a step would have refused them, in `observe` or in calm.
pub const WOULD_REFUSE: Metric<Counter, 3> = Metric::new(
    "portcullis_would_refuse_total",
    ["site", "tier", "outcome"],
    "Requests that were served although a step would have refused them, because of the mode or of calm.",
);

/// Durations from a request's head to the last byte of its answer.
pub const REQUEST_SECONDS: Metric<Histogram, 1> = Metric::new(
    "portcullis_request_seconds",
    ["tier"],
    "Time from the head of a request to the last byte of its answer.",
)
.unit("seconds");

/// The level's number, 0 to 5.
pub const GATE_LEVEL: Metric<Gauge, 1> = Metric::new(
    "portcullis_gate_level",
    ["site"],
    "How far the gate has come down: 0 calm, 1 filtering, 2 limiting, 3 challenging, 4 customers-first, 5 reopening (milder than 4).",
);

/// The limit L.
pub const CONCURRENCY_LIMIT: Metric<Gauge, 1> = Metric::new(
    "portcullis_concurrency_limit",
    ["site"],
    "Requests that the app can work on at the same time, as measured; +Inf until it is measured.",
);

/// Requests at the origin now.
pub const INFLIGHT: Metric<Gauge, 2> =
    Metric::new("portcullis_inflight", ["site", "tier"], "Requests that the app is working on now.");

/// Client connections by state: `handshaking`, `idle`, `active`, `stream`.
pub const CONNECTIONS: Metric<Gauge, 1> =
    Metric::new("portcullis_connections", ["state"], "Open connections of clients by state.");

/// Connections that arrived.
pub const CONNECTIONS_ACCEPTED: Metric<Counter, 0> = Metric::new(
    "portcullis_connections_accepted_total",
    [],
    "Connections that arrived, those that were turned away at once among them.",
);

/// Connections closed at once.
pub const CONNECTIONS_TURNED_AWAY: Metric<Counter, 0> = Metric::new(
    "portcullis_connections_turned_away_total",
    [],
    "Connections closed at once because their address, their network or the whole gate had too many, because their address is denied (listeners with TLS), or because they come from no front (listeners with `proxy_protocol`).",
);

/// Connections closed to make room.
pub const CONNECTIONS_EVICTED: Metric<Counter, 0> = Metric::new(
    "portcullis_connections_evicted_total",
    [],
    "Connections of unknown clients that were closed to make room: idle ones first, then those without a whole request, last WebSockets and event streams.",
);

/// Whether an origin takes requests, by `host:port`.
pub const ORIGIN_UP: Metric<Gauge, 1> = Metric::new(
    "portcullis_origin_up",
    ["origin"],
    "Whether a server of the app is sent requests: 1, or 0 after failed health checks or failures in a row.",
);

/// Connections to an origin, by `host:port`.
pub const ORIGIN_CONNECTIONS: Metric<Gauge, 1> = Metric::new(
    "portcullis_origin_connections",
    ["origin"],
    "Connections to a server of the app, and calls of gRPC.",
);

/// Connections to the app taken back.
pub const ORIGIN_CONNECTIONS_TAKEN_BACK: Metric<Counter, 0> = Metric::new(
    "portcullis_origin_connections_taken_back_total",
    [],
    "Connections to the app taken from clients that kept it waiting, because others waited for one or for a slot: from unknown clients, and from passes that let more than their share wait.",
);

/// TLS handshakes.
pub const TLS_HANDSHAKES: Metric<Counter, 1> = Metric::new(
    "portcullis_tls_handshakes_total",
    ["outcome"],
    "TLS handshakes of clients: completed, or failed, which counts those that were refused or broken off too.",
);

/// When certificates end.
pub const CERTIFICATE_EXPIRY: Metric<Gauge, 1> = Metric::new(
    "portcullis_certificate_expiry_timestamp_seconds",
    ["name"],
    "When a certificate in use ends, in seconds since 1970, by the first host that it is for.",
)
.unit("seconds");

/// Requests that break a rule of framing.
pub const MALFORMED: Metric<Counter, 1> = Metric::new(
    "portcullis_malformed_requests_total",
    ["fault"],
    "Requests refused because their bytes break a rule of docs/framing.md, by what is wrong with them.",
);

/// The share of recent customers who would get in.
pub const KNOWN_COVERAGE: Metric<Gauge, 1> = Metric::new(
    "portcullis_known_coverage_ratio",
    ["site"],
    "Of the clients that the app confirmed in the last 7 days, the share that would be admitted now.",
)
.unit("ratio");

/// Passes given out.
pub const PASSES_MINTED: Metric<Counter, 1> = Metric::new(
    "portcullis_passes_minted_total",
    ["site"],
    "Passes given to clients that the app confirmed.",
);

/// Clients that found no room in a limiter table and were charged at the next wider level.
pub const LIMITER_OVERFLOW: Metric<Counter, 1> = Metric::new(
    "portcullis_limiter_overflow_total",
    ["table"],
    "Clients that found no room in a table of client limits and were charged with their wider network.",
);

/// Unknown clients whose challenge or ticket did not count for want of room: tickets that were `used`, addresses `waiting`,
/// `budgets` of tickets, and `mints`, the rates at which addresses and networks get them.
pub const CHALLENGE_OVERFLOW: Metric<Counter, 1> = Metric::new(
    "portcullis_challenge_overflow_total",
    ["table"],
    "Unknown clients whose challenge or ticket did not count because a table of these had no room for it.",
);

/// Bytes written to logs.
pub const LOG_BYTES: Metric<Counter, 0> =
    Metric::new("portcullis_log_bytes_total", [], "Bytes written to log files.").unit("bytes");

/// Log lines lost, by reason: `budget`, `queue`, `disk`, `oversize`.
pub const LOG_DROPPED: Metric<Counter, 1> = Metric::new(
    "portcullis_log_dropped_total",
    ["reason"],
    "Log lines that were not written, because of the byte budget, a slow disk, a full disk or their size.",
);

/// Steps that are missing from recordings.
pub const RECORDING_STEPS_LOST: Metric<Counter, 0> = Metric::new(
    "portcullis_recording_steps_lost_total",
    [],
    "Steps of the gate's decision that are missing from its recordings, because the disk was too slow, too full or failed.",
);

/// Incidents that go on.
pub const INCIDENT_OPEN: Metric<Gauge, 1> = Metric::new(
    "portcullis_incident_open",
    ["site"],
    "Incidents that go on, also those that the public is not told of.",
);

/// How much of their time an audience was served.
pub const AVAILABILITY: Metric<Gauge, 2> = Metric::new(
    "portcullis_audience_availability_ratio",
    ["audience", "window"],
    "Share of their time in which customers who had signed in (known), or visitors who had been here before (returning), were served; none while too few were there to say.",
)
.unit("ratio");

/// How late the status page is on a mirror.
pub const PUBLISH_LAG: Metric<Gauge, 1> = Metric::new(
    "portcullis_publish_lag_seconds",
    ["target"],
    "For how long a newer status page has been waiting to reach a folder or mirror; 0 while it holds the newest.",
);

/// How old the status page is on a mirror.
pub const PUBLISH_AGE: Metric<Gauge, 1> = Metric::new(
    "portcullis_publish_target_age_seconds",
    ["target"],
    "Time since a status page last reached a folder or mirror; none before the first.",
);

/// Seconds that the record of incidents was not told of.
pub const INCIDENT_SECONDS_LOST: Metric<Counter, 0> = Metric::new(
    "portcullis_incident_seconds_lost_total",
    [],
    "Seconds that the record of incidents was not told of, because the disk or the making of pages was too slow.",
);

/// Alerts that were sent, by what became of them: `delivered`, `failed` (tried again), `refused`, `given_up`.
pub const NOTIFICATIONS: Metric<Counter, 2> = Metric::new(
    "portcullis_notifications_total",
    ["receiver", "outcome"],
    "Tries to alert somebody: delivered, failed and tried again, refused for good, or given up after a day.",
);

/// Alerts that wait.
pub const NOTIFICATIONS_WAITING: Metric<Gauge, 1> = Metric::new(
    "portcullis_notifications_waiting",
    ["receiver"],
    "Alerts that a receiver has not taken yet.",
);

/// What was written to pages elsewhere, by what became of it, as [`NOTIFICATIONS`].
pub const PUBLICATIONS: Metric<Counter, 2> = Metric::new(
    "portcullis_publications_total",
    ["page", "outcome"],
    "Tries to write on a page elsewhere: delivered, failed and tried again, refused and left out, or given up.",
);

/// What is still to be written.
pub const PUBLICATIONS_WAITING: Metric<Gauge, 1> = Metric::new(
    "portcullis_publications_waiting",
    ["page"],
    "Updates, announcements and states of components that a page elsewhere does not show yet.",
);

/// For how long something has been waiting.
pub const PUBLICATION_LAG: Metric<Gauge, 1> = Metric::new(
    "portcullis_publication_lag_seconds",
    ["page"],
    "For how long a page elsewhere has not shown all that the own page shows.",
);

/// Subscribers.
pub const SUBSCRIBERS: Metric<Gauge, 0> =
    Metric::new("portcullis_subscribers", [], "Readers of the status page who get mail.");

/// Mails to them that wait.
pub const SUBSCRIBER_MAILS_WAITING: Metric<Gauge, 0> = Metric::new(
    "portcullis_subscriber_mails_waiting",
    [],
    "Mails with news that readers of the status page have still to get.",
);

/// Tries to write to them, by outcome as in `notify::State`.
pub const SUBSCRIBER_MAILS: Metric<Counter, 1> = Metric::new(
    "portcullis_subscriber_mails_total",
    ["outcome"],
    "Tries to write to readers of the status page: delivered, failed and tried again, refused for good, or given up.",
);

/// Mails that asked for a confirmation.
pub const SUBSCRIBER_INVITATIONS: Metric<Counter, 0> = Metric::new(
    "portcullis_subscriber_invitations_total",
    [],
    "Mails that asked readers of the status page to confirm, and were taken.",
);

/// Whether probes reach their targets, by the probe's name.
pub const PROBE_UP: Metric<Gauge, 1> = Metric::new(
    "portcullis_probe_up",
    ["probe"],
    "Whether a probe's target answers: 1, also where it does not always, or 0. Without a sample it is not known.",
);

/// How long the last attempt of a probe took.
pub const PROBE_SECONDS: Metric<Gauge, 1> =
    Metric::new("portcullis_probe_seconds", ["probe"], "How long the last attempt at a probe's target took.")
        .unit("seconds");

/// Whether the other of gate and outpost is heard of.
pub const OUTPOST_CONTACT: Metric<Gauge, 0> = Metric::new(
    "portcullis_outpost_contact",
    [],
    "On a gate, whether its outpost is heard of; on an outpost, whether its gate is: 1 or 0. Without a sample there is none.",
);

/// Whether the site can be reached from outside.
pub const OUTSIDE_REACHED: Metric<Gauge, 0> = Metric::new(
    "portcullis_outside_reached",
    [],
    "Whether the site can be reached from outside, as an outpost sees it: 1 or 0. Without a sample it is not known.",
);

/// How much of the link is used inbound.
pub const LINK_INBOUND: Metric<Gauge, 0> = Metric::new(
    "portcullis_link_inbound_bits_per_second",
    [],
    "Bits that come in over the link in a second, with what Ethernet adds to each frame.",
);

/// What is said of the link.
pub const LINK_VERDICT: Metric<Gauge, 1> = Metric::new(
    "portcullis_link_verdict",
    ["verdict"],
    "1 for what is said of the link now (`full`, `lost-before`, `not-full`, `not-known`), 0 for the others; see `portcullis provider-report`.",
);

/// How long one step of the decision took.
pub const TICK_SECONDS: Metric<Histogram, 0> =
    Metric::new("portcullis_tick_seconds", [], "Time that one step of the gate's decision took.")
        .unit("seconds");

/// How long ago the gate last decided.
pub const DECISION_AGE: Metric<Gauge, 1> = Metric::new(
    "portcullis_decision_age_seconds",
    ["site"],
    "Time since the gate last decided, which it does twice a second; beyond 10 s nobody is closed out or challenged, and client limits refuse.",
)
.unit("seconds");

/// 1 while the gate only forwards.
pub const BYPASS: Metric<Gauge, 0> =
    Metric::new("portcullis_bypass", [], "1 while the gate is told to forward everything, else 0.");

/// The share of unknown clients to whom refusals apply.
pub const ENFORCED: Metric<Gauge, 1> = Metric::new(
    "portcullis_enforced_ratio",
    ["site"],
    "Share of unknown clients to whom refusals apply; the rest are only observed.",
)
.unit("ratio");

/// All of the above, in the order of the manual.
pub const ENTRIES: &[Entry] = &[
    REQUESTS.entry(),
    WOULD_REFUSE.entry(),
    REQUEST_SECONDS.entry(),
    GATE_LEVEL.entry(),
    CONCURRENCY_LIMIT.entry(),
    INFLIGHT.entry(),
    CONNECTIONS.entry(),
    CONNECTIONS_ACCEPTED.entry(),
    CONNECTIONS_TURNED_AWAY.entry(),
    CONNECTIONS_EVICTED.entry(),
    ORIGIN_UP.entry(),
    ORIGIN_CONNECTIONS.entry(),
    ORIGIN_CONNECTIONS_TAKEN_BACK.entry(),
    TLS_HANDSHAKES.entry(),
    CERTIFICATE_EXPIRY.entry(),
    MALFORMED.entry(),
    KNOWN_COVERAGE.entry(),
    PASSES_MINTED.entry(),
    LIMITER_OVERFLOW.entry(),
    CHALLENGE_OVERFLOW.entry(),
    LOG_BYTES.entry(),
    LOG_DROPPED.entry(),
    RECORDING_STEPS_LOST.entry(),
    INCIDENT_OPEN.entry(),
    INCIDENT_SECONDS_LOST.entry(),
    PROBE_UP.entry(),
    PROBE_SECONDS.entry(),
    OUTPOST_CONTACT.entry(),
    OUTSIDE_REACHED.entry(),
    LINK_INBOUND.entry(),
    LINK_VERDICT.entry(),
    AVAILABILITY.entry(),
    PUBLISH_LAG.entry(),
    PUBLISH_AGE.entry(),
    NOTIFICATIONS.entry(),
    NOTIFICATIONS_WAITING.entry(),
    PUBLICATIONS.entry(),
    PUBLICATIONS_WAITING.entry(),
    PUBLICATION_LAG.entry(),
    SUBSCRIBERS.entry(),
    SUBSCRIBER_MAILS_WAITING.entry(),
    SUBSCRIBER_MAILS.entry(),
    SUBSCRIBER_INVITATIONS.entry(),
    TICK_SECONDS.entry(),
    DECISION_AGE.entry(),
    BYPASS.entry(),
    ENFORCED.entry(),
];
