//! Signing in to one account: how often it may be tried (decision-science, section 4; contracts, "Login lane").

use std::time::Duration;

use model::{Instant, Net, Reason, Tier};

use super::Site;
use super::facts::{Identity, Refusal};
use crate::limits::Trier;

/// An attempt that may go on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt {
    /// Would have been refused, but limits only count now.
    pub would: Option<Reason>,
    /// Wait this long first: the account is tried from many networks.
    pub delay: Duration,
}

impl Site {
    /// Whether a request tries to sign in, so that it may name accounts.
    pub fn tries_accounts(&self, method: &str, path: &str) -> bool {
        self.lane.is_submit(method, path)
    }

    /// Whether this client's attempts to sign in are limited now, and not only counted.
    pub fn limits_attempts(&self, identity: &Identity, now: Instant) -> bool {
        is_limited(identity) && self.enforces(identity, Reason::AccountLoginLimit, now)
    }

    /// Judges an attempt to sign in to an account, by the name that the form has: five a minute by strangers from one network, and those
    /// of strangers beyond twenty a minute from everywhere wait up to two seconds. Whoever is known has five a minute for itself, and is
    /// not counted where the pass names that very account. Addresses, networks and passes are charged elsewhere ([`Site::admit`]).
    ///
    /// Names count without regard to spaces around them and to case, as most apps take them; an empty one names nobody. They are not kept.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn try_account(
        &self,
        identity: &Identity,
        name: &[u8],
        scatter: u64,
        now: Instant,
    ) -> Result<Attempt, Refusal> {
        let name = name.trim_ascii();
        let Some(address) = identity.address.filter(|_| is_limited(identity) && !name.is_empty()) else {
            return Ok(Attempt::default());
        };
        let folded = self.site_key.account(String::from_utf8_lossy(name).to_lowercase().as_bytes());
        let own = identity.account().filter(|_| identity.tier.is_known());
        if own.is_some_and(|own| own == folded || own == self.site_key.account(name)) {
            return Ok(Attempt::default());
        }
        let by = own.map_or(Trier::Network(Net::network(address)), Trier::Known);
        let acts = self.limits_attempts(identity, now);
        if let Err(limited) = self.ladder.login_account(by, folded, now) {
            if acts {
                let refusal = self.refusal(identity, limited.reason, scatter);
                return Err(Refusal { retry_after: limited.retry_after, ..refusal });
            }
            return Ok(Attempt { would: Some(limited.reason), ..Attempt::default() });
        }
        if own.is_some() {
            return Ok(Attempt::default());
        }
        let delay = self.ladder.login_delay(folded, now);
        Ok(Attempt { would: None, delay: if acts { delay } else { Duration::ZERO } })
    }
}

fn is_limited(identity: &Identity) -> bool {
    identity.tier != Tier::T0 && !identity.allowed
}
