//! How often strangers may have a mail sent that asks for a confirmation.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use model::{Instant, Net};

use crate::pace::Pace;

/// What became of somebody's wish to subscribe.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asked {
    /// A mail is sent. Whoever asked is not told this apart from [`Asked::Silent`].
    Sent,
    /// None is: this mailbox had one within a day.
    Silent,
}

/// Too many ask, in all or from one network; it depends on nothing that was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many people ask at the moment")]
pub struct Busy;

/// Who asked lately. Its size follows from the rates: what is refused leaves no trace.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    all: Pace,
    mailboxes: BTreeSet<[u8; 16]>,
    by_age: VecDeque<(Instant, [u8; 16])>,
    /// Of networks, how many asked within an hour.
    networks: BTreeMap<u64, u32>,
    networks_by_age: VecDeque<(Instant, u64)>,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            all: Pace::new(PER_MINUTE),
            mailboxes: BTreeSet::new(),
            by_age: VecDeque::new(),
            networks: BTreeMap::new(),
            networks_by_age: VecDeque::new(),
        }
    }
}

impl Asking {
    /// Whether a mail may be sent to this mailbox because somebody in this network asks; `None`: an admin asks.
    pub(super) fn ask(
        &mut self,
        mailbox: [u8; 16],
        network: Option<Net>,
        now: Instant,
    ) -> Result<Asked, Busy> {
        self.forget(now);
        let network = network.map(Net::bits);
        let asked = network.and_then(|network| self.networks.get(&network)).copied().unwrap_or_default();
        if asked >= PER_NETWORK_AND_HOUR || !self.all.wait(now).is_zero() {
            return Err(Busy);
        }
        // What is asked for again counts too: or it would tell whether somebody asked before.
        self.all.spend(now);
        if let Some(network) = network {
            *self.networks.entry(network).or_default() += 1;
            self.networks_by_age.push_back((now, network));
        }
        if !self.mailboxes.insert(mailbox) {
            return Ok(Asked::Silent);
        }
        self.by_age.push_back((now, mailbox));
        Ok(Asked::Sent)
    }

    /// A mailbox did not get its mail, and may be asked for again.
    pub(super) fn free(&mut self, mailbox: [u8; 16]) {
        if self.mailboxes.remove(&mailbox) {
            self.by_age.retain(|(_, other)| *other != mailbox);
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, mailbox)) = self.by_age.front()
            && now.since(*at) >= PER_MAILBOX
        {
            self.mailboxes.remove(mailbox);
            self.by_age.pop_front();
        }
        while let Some((at, network)) = self.networks_by_age.front()
            && now.since(*at) >= HOUR
        {
            if let Some(count) = self.networks.get_mut(network) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.networks.remove(network);
                }
            }
            self.networks_by_age.pop_front();
        }
    }
}

/// In all (the contract of the status page, section 0).
const PER_MINUTE: u32 = 60;
/// Of one network: an IPv4 /24 or an IPv6 /48.
const PER_NETWORK_AND_HOUR: u32 = 3;
const HOUR: Duration = Duration::from_secs(3_600);
/// One mailbox gets one mail within this time.
const PER_MAILBOX: Duration = Duration::from_secs(86_400);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(number: u8) -> Option<Net> {
        Some(Net::network(std::net::IpAddr::from([192, 0, number, 1])))
    }

    #[test]
    fn a_mailbox_gets_one_mail_a_day_and_a_network_three_an_hour() {
        let mut asking = Asking::default();
        let at = |hours: u64| Instant::from_secs(100 + hours * 3_600);
        assert_eq!(asking.ask([1; 16], network(1), at(0)), Ok(Asked::Sent));
        assert_eq!(asking.ask([1; 16], network(1), at(0)), Ok(Asked::Silent));
        assert_eq!(asking.ask([2; 16], network(1), at(0)), Ok(Asked::Sent));
        assert_eq!(asking.ask([3; 16], network(1), at(0)), Err(Busy));
        assert_eq!(asking.ask([3; 16], network(2), at(0)), Ok(Asked::Sent));
        assert_eq!(asking.ask([4; 16], network(1), at(1)), Ok(Asked::Sent));
        assert_eq!(asking.ask([1; 16], network(3), at(23)), Ok(Asked::Silent));
        assert_eq!(asking.ask([1; 16], network(3), at(24)), Ok(Asked::Sent));
        assert_eq!(asking.ask([5; 16], None, at(24)), Ok(Asked::Sent), "an admin is in no network");
    }

    proptest! {
        #[test]
        fn memory_follows_from_the_rates(asks in proptest::collection::vec((0_u8..60, 0_u8..9, 0_u64..40), 0..600)) {
            let (mut asking, mut now) = (Asking::default(), Instant::from_secs(100));
            let (mut sent, begun) = (0_u32, now);
            for (mailbox, net, pause) in asks {
                now = now + Duration::from_secs(pause);
                sent += u32::from(asking.ask([mailbox; 16], network(net), now) == Ok(Asked::Sent));
                prop_assert!(asking.mailboxes.len() == asking.by_age.len() && asking.mailboxes.len() <= 60);
                prop_assert!(asking.networks.values().all(|count| (1..=PER_NETWORK_AND_HOUR).contains(count)));
            }
            let minutes = now.since(begun).as_secs_f64() / 60.0;
            prop_assert!(f64::from(sent) <= 5.0 + minutes * f64::from(PER_MINUTE) + 1e-6);
        }
    }
}
