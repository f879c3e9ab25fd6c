//! How a test says that it could not run: one line that the test command counts.

use crate::peer::Missing;

/// Begins each line that reports a skipped test: `SKIPPED name: reason`.
pub const SKIPPED: &str = "SKIPPED ";

/// With this variable set to `1` a missing peer is a failure.
pub const REQUIRE_PEERS: &str = "PORTCULLIS_REQUIRE_PEERS";

/// Gives the peer, or says that the test is skipped and returns from it.
///
/// With `PORTCULLIS_REQUIRE_PEERS=1` a missing peer panics instead.
///
/// ```no_run
/// use lab::{Peer, need};
/// let nginx = need!(Peer::find("nginx"));
/// println!("{}", nginx.path().display());
/// ```
#[macro_export]
macro_rules! need {
    ($found:expr) => {
        match $found {
            Ok(found) => found,
            Err(missing) => {
                $crate::skipped(&missing);
                return;
            }
        }
    };
}

/// Reports that the running test is skipped. Use it through [`need!`](crate::need).
///
/// # Panics
/// With `PORTCULLIS_REQUIRE_PEERS=1`, unless what is missing may always be missing.
pub fn skipped(missing: &Missing) {
    let required = std::env::var_os(REQUIRE_PEERS).is_some_and(|value| value == "1");
    assert!(!required || missing.may_always_skip(), "{missing}");
    let thread = std::thread::current();
    let line = format!("{SKIPPED}{}: {missing}\n", thread.name().unwrap_or("test"));
    // Written to the stream itself: the test harness captures only the printing macros.
    let _unheard = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
