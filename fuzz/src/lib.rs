//! Fuzz targets: one function from bytes for every decoder that a stranger can reach, and for everything that words are put into.
//!
//! Each panics when its decoder panics or breaks its promise (what is written can be read again, nothing is read
//! beyond the input). This crate is *not* linked into the product.
//! [`TARGETS`] names them all; `fuzz_targets/` holds a program for each, and `tests/replay.rs` replays the corpora.

mod targets;
mod words;

pub use targets::{
    access_log, alertmanager, client_hello, configuration, consent_link, cookies, form, forwarded,
    http1_agreement, http1_borders, http2_frames, if_none_match, jwks, jwt, login_header, manifest,
    opens_ticket, pass, pass_link, prefix, proxy_protocol, recording, reference, ticket, websocket_frames,
};
pub use words::{logged_words, spoken_words};

/// A target: it returns when all is well.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also the folder of its corpus.
pub const TARGETS: [(&str, Target); 26] = [
    ("access_log", access_log),
    ("alertmanager", alertmanager),
    ("client_hello", client_hello),
    ("configuration", configuration),
    ("consent_link", consent_link),
    ("cookies", cookies),
    ("form", form),
    ("forwarded", forwarded),
    ("http1_agreement", http1_agreement),
    ("http1_borders", http1_borders),
    ("http2_frames", http2_frames),
    ("if_none_match", if_none_match),
    ("jwks", jwks),
    ("jwt", jwt),
    ("logged_words", logged_words),
    ("login_header", login_header),
    ("manifest", manifest),
    ("pass", pass),
    ("pass_link", pass_link),
    ("prefix", prefix),
    ("proxy_protocol", proxy_protocol),
    ("recording", recording),
    ("reference", reference),
    ("spoken_words", spoken_words),
    ("ticket", ticket),
    ("websocket_frames", websocket_frames),
];
