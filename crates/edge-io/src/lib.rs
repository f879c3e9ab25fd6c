//! The data plane: listeners, HTTP and the origin pool.
//!
//! One thread per core accepts, asks `admission` about every request, and passes it to the app. This crate is *not*
//! where anything is decided, and nothing here writes to disk: lines of the access log and notes for the journal are
//! handed to whoever implements [`LogSink`] and [`Ledger`].
//! Its main types are [`Edge`], [`EdgeSettings`] and [`Origins`]; the way of a request is read in `request.rs`.

mod access_log;
mod accounts;
mod ahead;
mod answer;
mod attributes;
mod balance;
mod body;
mod call;
mod clock;
mod connection;
mod consent;
mod cookies;
mod counters;
mod crawlers;
mod declined;
mod edge;
mod escape;
mod exchange;
mod forwarded;
mod gauge;
mod grpc;
mod headers;
mod hours;
mod intake;
mod jwt;
mod ledger;
mod local;
mod origin;
mod own;
mod page;
mod pass_link;
mod probe;
mod proxy_protocol;
mod random;
mod ranges;
mod refusal;
mod remembered;
mod request;
mod reservoir;
mod routes;
mod sampling;
mod serve;
mod socket;
mod sockets;
mod strict;
mod subject;
mod template;
mod ticker;
mod tls;
mod traffic;
mod transport;
mod undeclared;
mod unsent;
mod upgrade;
mod uptime;
mod wait;
mod worker;

pub use access_log::LogSink;
pub use clock::Clock;
pub use consent::{CONSENT_PATH, ComingPage, ConsentPage, Consents, Decision};
pub use counters::{Counters, SECONDS_BUCKETS};
pub use crawlers::{CrawlerNews, CrawlerSettings, RangeSource};
pub use edge::{Edge, EdgeSettings, Listener, Manner, Parts, RETIRE_MAX, Shared, Streams};
pub use forwarded::{ClientAddress, Front};
pub use grpc::Grpc;
pub use jwt::{
    Algorithm, CHECKS_PER_NETWORK, CHECKS_PER_SECOND, Claims, Ignored, JWKS_BYTES_MAX, JwksError, JwksSource,
    JwtRules, JwtSettings, KEYS_MAX, KeySet, KeySetError, KeysNews, Proved, TOKEN_BYTES_MAX, TokenError,
    Unproved,
};
pub use ledger::{Ledger, Refused};
pub use origin::{
    CONNECTIONS_UNMEASURED, Connections, Origin, OriginSettings, OriginTls, OriginTlsError, Origins,
};
pub use proxy_protocol::{Decoded, Proxied, ProxyProtocolError, decode as decode_proxy_protocol};
pub use routes::{BODY_BYTES_DEFAULT, Route, Routes};
pub use socket::{connection_slots, listen, raise_open_files};
pub use strict::{Excess, Fault, Head, Http1, Length, Messages, Meter, Passed, Piece};
pub use template::template;
pub use ticker::{Listener as TurnListener, TICK_BUCKETS, Ticks};
pub use tls::{
    CertificateFiles, CertificateLife, CertificateNews, Challenges, HelloError, Ja4, Shown, TicketKeys, Tls,
    TlsError, TlsSettings, decode_client_hello,
};
pub use undeclared::UndeclaredFront;
pub use uptime::Uptime;
