//! How a judged request is counted, and what is kept of those that are drawn.

use model::{Attributes, Net, Reason, RefusalKind, Sample, Tier};

use crate::attributes::Looks;
use crate::request::Way;
use crate::reservoir::{Crowd, Drawn};

impl Way {
    /// Counts a request that was judged; now and then one is drawn and looked at.
    pub(crate) fn count(&self, refused: Option<Reason>, cost_micros: u64) {
        let (identity, counters) = (&self.subject.identity, self.worker.counters());
        let tier = identity.tier_before_rules();
        counters.asked(tier);
        if refused.is_some_and(is_taken_away) {
            counters.removed(tier, cost_micros);
        } else {
            counters.offered(identity.tier(), identity.cohort(), cost_micros);
        }
        // Verified crawlers are alike and no attack, and nobody else is in T4 without a ticket.
        let is_crawler = tier == Tier::T4 && !identity.keeps_cookies();
        if !is_crawler && !self.worker.shared().site.is_bypassed() {
            let crowd = Crowd::of(tier);
            self.worker.sample(crowd, |named, names| {
                let looks = self.looks();
                let values = self.worker.shared().attributes.values(&looks, Attributes::ALL);
                named.name(&looks, &values, NAMES_PER_STEP, names);
                let sample = Sample {
                    weight: 1,
                    tier,
                    cohort: identity.cohort(),
                    cost_micros: u32::try_from(cost_micros).unwrap_or(u32::MAX),
                    navigation: self.subject.navigation,
                    keeps_cookies: identity.keeps_cookies(),
                    values,
                };
                Drawn { sample, is_from_seen_network: self.is_from_seen_network() }
            });
        }
    }

    fn looks(&self) -> Looks<'_> {
        let (subject, shared) = (&self.subject, self.worker.shared());
        let (front, session) = (shared.front_of(&self.connection), shared.site.session_cookie());
        Looks::new(&self.parts, &self.connection, front, subject.address, subject.length, session)
    }

    /// Known clients were seen in its network within a week, or it has a visit ticket.
    fn is_from_seen_network(&self) -> bool {
        let (subject, site) = (&self.subject, &self.worker.shared().site);
        let is_hinted = |address| site.nat().is_hinted(Net::network(address), site.pass_time());
        subject.identity.keeps_cookies() || subject.address.is_some_and(is_hinted)
    }
}

/// Whether rules, challenges or client limits took a request away; what is shed, or waits for its turn to sign in, still wants to
/// be served.
fn is_taken_away(reason: Reason) -> bool {
    match reason.kind() {
        RefusalKind::Shed => false,
        RefusalKind::Challenged => reason != Reason::LaneFull,
        RefusalKind::Limited | RefusalKind::Ruled | RefusalKind::Dropped => true,
    }
}

/// Those of five steps fit into one summary ([`model::NAMES_MAX`]).
pub(crate) const NAMES_PER_STEP: usize = 12;
