//! Signing in to one account: how often it may be tried (decision-science, section 4; contracts, "Login lane").

use std::time::Duration;

use model::{Instant, Reason, Tier};

use super::Site;
use super::facts::{Identity, Refusal};

/// An attempt that may go on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt {
    /// Would have been refused, but limits only count now.
    pub would: Option<Reason>,
    /// Wait this long first: the account is tried from many networks.
    pub delay: Duration,
}

impl Site {
    /// Whether a request tries to sign in, so that its body may name accounts.
    pub fn tries_accounts(&self, method: &str, path: &str) -> bool {
        self.lane.is_submit(method, path)
    }

    /// Judges an attempt to sign in to an account, by the name that the form has: five a minute from one network, and those beyond
    /// twenty a minute from everywhere wait up to two seconds. Whoever holds a pass of the account is not counted, so nobody can
    /// lock another person out of a device that is known. Address and network are charged elsewhere ([`Site::admit`]).
    ///
    /// Names count without regard to spaces around them and to case, as most apps take them; they are not kept.
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
        let Some(address) = identity.address.filter(|_| identity.tier != Tier::T0 && !identity.allowed)
        else {
            return Ok(Attempt::default());
        };
        let name = name.trim_ascii();
        let folded = self.site_key.account(String::from_utf8_lossy(name).to_lowercase().as_bytes());
        if identity.account().is_some_and(|own| own == folded || own == self.site_key.account(name)) {
            return Ok(Attempt::default());
        }
        let acts = self.enforces(identity, Reason::AccountLoginLimit, now);
        if let Err(limited) = self.ladder.login_account(address, folded, now) {
            if acts {
                let refusal = self.refusal(identity, limited.reason, scatter);
                return Err(Refusal { retry_after: limited.retry_after, ..refusal });
            }
            return Ok(Attempt { would: Some(limited.reason), ..Attempt::default() });
        }
        let delay = self.ladder.login_delay(folded, now);
        Ok(Attempt { would: None, delay: if acts { delay } else { Duration::ZERO } })
    }
}
