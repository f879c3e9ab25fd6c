//! The edge over real sockets: a scripted app behind it, raw bytes before it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod accounts;
mod consent;
mod forwarding;
mod holding;
mod hostile;
mod jwt;
mod links;
mod retiring;
mod ruling;
#[expect(dead_code, reason = "tests inside the crate use more of it")]
#[path = "../../src/jwt/tests/signer.rs"]
mod signer;
mod silent;
mod world;
