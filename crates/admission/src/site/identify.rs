//! Who asks.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr};

use model::{AccountId, Cohort, Instant, Net, PassId, Tier, Timestamp};
use siphasher::sip::SipHasher13;

use super::Site;
use super::facts::{Door, Facts, Identity, Proof};
use crate::lane::{Holder, Standing};
use crate::limits::Charge;
use crate::partners::has_secret;
use crate::pass::{Pass, Scheme};

impl Site {
    /// Finds out who sent a request, from the best proof in it, and which rule acts on it.
    pub fn identify(&self, facts: &Facts<'_>, now: Instant) -> Identity {
        self.identify_many(facts, 1, now)
    }

    /// [`Site::identify`] for so many requests alike, of which each counts as a match of the rules that match it.
    pub fn identify_many(&self, facts: &Facts<'_>, requests: u32, now: Instant) -> Identity {
        let mut identity = self.who(facts, now);
        identity.rule = self.match_rules(facts, identity.tier, requests, now);
        identity
    }

    fn who(&self, facts: &Facts<'_>, now: Instant) -> Identity {
        let mut identity =
            Identity::unknown(facts.address, self.cohort_of(Some(facts.address.unwrap_or(facts.peer))));
        if let Some(address) = facts.address {
            identity.denied = self.denied.holds(address);
            identity.allowed = self.allowed.holds(address);
        }
        if self.is_monitor(facts) {
            identity.tier = Tier::T0;
            return identity;
        }
        if let Some((proof, cohort)) = self.proof_of(facts, now, &mut identity) {
            identity.proof = Some(proof);
            identity.tier = proof.tier;
            identity.cohort = cohort;
            return identity;
        }
        identity.partner = self.partners.find(facts).filter(|&place| self.has_room_for(place));
        if identity.partner.is_some() {
            identity.tier = Tier::T2;
        } else if let Some(door) = self.lane_door(facts, now) {
            identity.tier = Tier::T3;
            identity.door = door;
        } else if facts.address.is_some_and(|address| self.crawlers.verify(facts.user_agent, address, now)) {
            identity.tier = Tier::T4;
        } else {
            self.look_at_tickets(facts, now, &mut identity);
        }
        identity
    }

    /// While capacity is scarce a partner has its share of it; beyond, its requests are those of an unknown client.
    fn has_room_for(&self, partner: usize) -> bool {
        self.is_calm() || self.partners.has_room(partner, self.slots.limit())
    }

    /// The login lane: its paths, and with a ticket the files of its pages. `None` for what does not belong to it.
    fn lane_door(&self, facts: &Facts<'_>, now: Instant) -> Option<Door> {
        if !self.lane.is_configured() {
            return None;
        }
        let step = self.lane.step(facts.method, facts.path);
        let holder = Holder { address: facts.address.unwrap_or(facts.peer), user_agent: facts.user_agent };
        let standing = self.lane.standing(holder, facts.lane, self.pass_time());
        if !self.lane.admits(step, standing, now) {
            return None;
        }
        let knocks = self.lane.must_knock(step, standing);
        Some(if knocks { Door::Knock { has_waited: standing == Standing::Waiting } } else { Door::Open })
    }

    /// A pass, a JSON web token, a token, or what the same browser proved a moment ago.
    fn proof_of(&self, facts: &Facts<'_>, now: Instant, identity: &mut Identity) -> Option<(Proof, Cohort)> {
        let pass = self.best_pass(facts, now);
        if pass.is_some_and(|(proof, _)| proof.tier.is_known()) {
            return pass;
        }
        if let Some(found) = self.jwt(facts, identity) {
            return Some(found);
        }
        if pass.is_some() {
            return pass;
        }
        if let Some(found) = self.token(facts, identity) {
            return Some(found);
        }
        let (proof, cohort) = self.inherited(facts, now)?;
        identity.inherited = true;
        Some((proof, cohort))
    }

    /// The best of the valid passes in a request (contract: at most four are tried).
    fn best_pass(&self, facts: &Facts<'_>, now: Instant) -> Option<(Proof, Cohort)> {
        let mut best: Option<Proof> = None;
        for text in facts.pass_header.iter().chain(facts.passes.iter().flatten()) {
            let Ok(pass) = self.pass_keys.open(text) else { continue };
            if pass.site != self.id() {
                continue;
            }
            let Some(proof) = self.standing(&pass, facts) else { continue };
            if best.is_none_or(|there| proof.tier < there.tier) {
                best = Some(proof);
            }
        }
        let proof = best?;
        if let (Some(address), true) = (facts.address, proof.tier.is_known()) {
            self.inheritance.prove(address, facts.user_agent, &proof, now);
        }
        Some((proof, self.age_rank(&proof)))
    }

    /// What a valid pass of this site proves; nothing when it is revoked.
    fn standing(&self, pass: &Pass, facts: &Facts<'_>) -> Option<Proof> {
        let trusted_way = self.settings.scheme != Scheme::Http || facts.peer.is_loopback();
        let network = facts.address.map(Net::network);
        let standing = self.passes.use_pass(pass, network, self.pass_time(), trusted_way)?;
        Some(Proof {
            pass: pass.id,
            account: pass.account,
            tier: standing.tier,
            issued: pass.issued,
            in_incident: pass.in_incident,
            half_budget: standing.half_budget,
        })
    }

    /// A verified JSON web token is known at once (contract): newly known until its account has come of age as a
    /// bearer token would. An account that the app has just answered with 401 loses its age only: the signature holds.
    fn jwt(&self, facts: &Facts<'_>, identity: &mut Identity) -> Option<(Proof, Cohort)> {
        let account = facts.jwt?.account()?;
        identity.token = Some(account.0);
        let tier = if self.tokens.is_known(account.0) { Tier::T1 } else { Tier::T2 };
        let proof = Proof {
            pass: PassId(account.0),
            account,
            tier,
            issued: self.tokens.first(account.0).unwrap_or_else(|| self.pass_time()),
            in_incident: false,
            half_budget: false,
        };
        Some((proof, self.age_rank(&proof)))
    }

    /// A bearer token that has come of age. Notes the hash of any token, so that its age can begin.
    fn token(&self, facts: &Facts<'_>, identity: &mut Identity) -> Option<(Proof, Cohort)> {
        let header = self.settings.token_header.as_deref()?;
        let token = facts.headers.value(header).filter(|token| token.len() >= TOKEN_BYTES_MIN)?;
        let hash = self.site_key.token(token);
        identity.token = Some(hash);
        self.tokens.is_known(hash).then(|| {
            let proof = Proof {
                pass: PassId(hash),
                account: AccountId(hash),
                tier: Tier::T1,
                issued: Timestamp::default(),
                in_incident: false,
                half_budget: false,
            };
            (proof, Cohort::new(64))
        })
    }

    /// The rank of a pass by the age of its account: 0 is the oldest, so that the youngest are shed first.
    fn age_rank(&self, proof: &Proof) -> Cohort {
        let hours = self.pass_time().since(proof.issued).as_secs() / 3_600;
        // Whole days up to 64, then weeks: a year is rank 0.
        let days = hours / 24;
        let steps = if days < 64 { days } else { 64 + (days - 64) / 5 };
        Cohort::new(127 - u8::try_from(steps.min(127)).unwrap_or(127))
    }

    /// A GET or HEAD without a pass inherits the one last proved on its connection, or by the same address and user
    /// agent, within 60 s and at most 40 times a minute (contract). Pages do not: browsers send cookies with them.
    fn inherited(&self, facts: &Facts<'_>, now: Instant) -> Option<(Proof, Cohort)> {
        if facts.navigation || !matches!(facts.method, "GET" | "HEAD") {
            return None;
        }
        let on_connection = facts
            .inherited
            .filter(|(_, at)| now.since(*at) <= super::inherit::INHERIT_FOR)
            .map(|(proof, _)| proof);
        let proof = on_connection.or_else(|| self.inheritance.find(facts.address?, facts.user_agent, now))?;
        if self.passes.is_revoked(proof.pass) {
            return None;
        }
        // Forty files a minute, or few dear pages: a stranger who shares address and browser with a customer must not
        // spend L in the customers' name.
        let class = self.classes.of(facts.method, facts.path);
        let cost = self.charge_milli(self.classes.known_cost_micros(class).unwrap_or(0));
        let heir = self.heirs.charge(&proof.pass.0, now, cost, super::heir_rate());
        // The cohort of a known tier only matters when known clients themselves exceed L; the middle is fair.
        matches!(heir, Charge::Allowed).then_some((proof, Cohort::new(64)))
    }

    /// Cohort of a client without proof: a keyed hash of its IPv4 /32 or IPv6 /48, never of anything it chooses.
    pub(super) fn cohort_of(&self, address: Option<IpAddr>) -> Cohort {
        let net = Net::cohort(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let mut hasher = SipHasher13::new_with_keys(self.cohort_key(), 0);
        hasher.write_u64(net.bits());
        Cohort::from_hash(hasher.finish())
    }

    /// A monitor is its source *and* its secret, never a path or header alone.
    fn is_monitor(&self, facts: &Facts<'_>) -> bool {
        let Some(address) = facts.address else { return false };
        self.settings.monitors.iter().any(|monitor| {
            monitor.source.contains(address) && has_secret(facts, &monitor.header, &monitor.secret)
        })
    }
}

/// Shorter headers are no tokens.
const TOKEN_BYTES_MIN: usize = 16;
