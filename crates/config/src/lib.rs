//! Text in; typed configuration, or *all* of its errors, out.
//!
//! One table of keys per section (`settings/`) is the source of the parser, the commented default
//! configuration, the JSON schema and the reference page, so they cannot disagree. This crate reads no file:
//! keys that name one are paths to whoever starts the gate. It is *not* the place where settings take effect.
//! Its main types are [`Config`], [`Errors`] and [`Warning`].
//!
//! ```
//! use config::Config;
//! let text = r#"
//! [[listen]]
//! address = "127.0.0.1:8080"
//! [[site]]
//! [[site.origin]]
//! url = "http://127.0.0.1:3000"
//! [limits]
//! idle_timout = "15s"
//! "#;
//! let errors = Config::parse("portcullis.toml", text).unwrap_err().to_string();
//! assert!(errors.contains("portcullis.toml:8:1"), "{errors}");
//! assert!(errors.contains("write `idle_timeout`"), "{errors}");
//! ```

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "the settings' doc comments are the manual: they write TOML tables in brackets"
)]

mod checks;
mod entry;
mod finding;
mod kinds;
mod nearest;
mod parse;
mod protect;
mod reference;
mod schema;
mod settings;
mod source;
mod walk;

pub use finding::{Errors, Finding, Warning};
pub use kinds::{
    ClientAddress, Consent, GroupPath, Grpc, Jwks, LinkSpeed, MailServer, OriginUrl, OriginUrlError, PageUrl,
    ParsePathError, ProbeTarget, Proof, Rate, RequestPath, Secret, Share, SignalLabel, Size, SshUrl,
    TlsVersion, WebUrl, WebUrlError,
};
pub use protect::ProtectArgs;
pub use schema::schema;
pub use settings::{
    Acme, Certificate, Config, Console, Crawler, Front, Gate, Health, Host, Jwt, Known, Limits, Listen, Log,
    Login, MailTls, Monitor, MonitorAs, Network, Notify, NotifyKind, Origin, Outpost, OutpostConfig,
    OutpostPage, Partner, Privacy, Probe, ProbeShows, Publish, PublishComponent, PublishKind, PublishRequest,
    Route, SecretSource, Session, Severity, Signal, SignalStatus, Site, State, Status, StatusBucket,
    StatusComponent, StatusSsh, StatusStages, StatusSubscribers, Tls, Token, Watches,
};

#[cfg(test)]
mod tests;
