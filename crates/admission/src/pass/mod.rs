//! Passes: signed cookies that the app's own answers earned.

mod clock;
mod codec;
mod cookie;
mod incidents;
mod link;
mod registry;
mod revoked;
mod table;
#[cfg(test)]
mod tests;

pub use clock::PassClock;
pub use codec::{Pass, PassError, PassKeys, PassText};
pub use cookie::{HEADER, Scheme, is_pass_cookie};
pub use link::{LINK_LIFE_MAX, LINK_PATH, Link, LinkError, LinkKeys, link_token};
pub use registry::{Coverage, Minted, PASSES_PER_ACCOUNT, Registry, Row, Way};
pub use table::{PassTable, Standing};
