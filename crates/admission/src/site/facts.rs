//! What goes into a verdict and what comes out.

use std::net::IpAddr;
use std::time::Duration;

use model::{AccountId, Cohort, Instant, PassId, Reason, Tier, Timestamp, Values};

use super::rules::Matched;
use crate::challenge::{Browser, Kind};
use crate::ticket::Sealed;

/// Copies of the pass that are tried (contract: four).
pub const PASS_COPIES_MAX: usize = 4;

/// What the head of a request says about who asks.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The client's address; `None` when a front names nobody, and then nothing is judged by address.
    pub address: Option<IpAddr>,
    /// The socket's peer (after the PROXY protocol).
    pub peer: IpAddr,
    /// Values of cookies that may be passes, in the client's order.
    pub passes: [Option<&'a [u8]>; PASS_COPIES_MAX],
    /// `Portcullis-Pass`.
    pub pass_header: Option<&'a [u8]>,
    /// The lane ticket's cookie.
    pub lane: Option<&'a [u8]>,
    /// The cookie [`crate::challenge::TICKET_COOKIE`].
    pub ticket: Option<&'a [u8]>,
    /// The cookie [`crate::challenge::VISIT_COOKIE`].
    pub visit: Option<&'a [u8]>,
    /// The app's session cookie, where `[site.known.session]` names one.
    pub session: Option<&'a [u8]>,
    /// `User-Agent`, empty without one.
    pub user_agent: &'a [u8],
    /// The method in capitals.
    pub method: &'a str,
    /// The path without its query.
    pub path: &'a str,
    /// Whether a person looks at the answer: pages, not their files and calls.
    pub navigation: bool,
    /// The pass last proved on this connection, and when.
    pub inherited: Option<(Proof, Instant)>,
    /// The other headers, for what only some settings need.
    pub headers: &'a dyn Headers,
    /// What rules ask for: the [attributes](super::Site::asked_attributes) that those in force name, none without rules.
    pub values: Option<&'a Values>,
    /// Verifies the JSON web token, where `[site.known.jwt]` is set.
    pub jwt: Option<&'a dyn VerifyJwt>,
}

/// Verifies the JSON web token of a request when it is asked: signatures cost time, and a valid pass needs none.
pub trait VerifyJwt {
    /// Whose token it is ([`crate::account::SiteKey::jwt`]); `None` unless it is good in every respect.
    fn account(&self) -> Option<AccountId>;
}

/// The headers of a request, by name. Only asked for what the settings name.
pub trait Headers {
    /// The first header of this (lower-case) name.
    fn value(&self, name: &str) -> Option<&[u8]>;

    /// Calls `each` with name and value of every cookie.
    fn cookies(&self, each: &mut dyn FnMut(&[u8], &[u8]));
}

/// A client that the app confirmed, as proved by a pass or token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The pass, or for tokens the hash of the token, for JSON web tokens that of the account.
    pub pass: PassId,
    /// Whose it is.
    pub account: AccountId,
    /// T1 or T2.
    pub tier: Tier,
    /// The first confirmation of the account; the epoch for bearer tokens.
    pub issued: Timestamp,
    /// Minted during an incident.
    pub in_incident: bool,
    /// Its budget is halved: it was seen from too many networks.
    pub half_budget: bool,
}

/// Who asks, as far as the gate can tell.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    pub(crate) tier: Tier,
    pub(crate) cohort: Cohort,
    pub(crate) address: Option<IpAddr>,
    pub(crate) proof: Option<Proof>,
    /// The proof was inherited: it is charged to its pass, but proves nothing new.
    pub(crate) inherited: bool,
    /// Keyed hash of the token that was sent, known or not; for a good JSON web token, of its account.
    pub(crate) token: Option<u128>,
    pub(crate) denied: bool,
    /// Allowed by an admin's list: exempt from client limits.
    pub(crate) allowed: bool,
    /// The partner that it is, by its place.
    pub(crate) partner: Option<usize>,
    /// Signing in, while others wait for that.
    pub(crate) door: Door,
    /// The rule that acts on it; never on known clients.
    pub(crate) rule: Option<Matched>,
    /// Where it was judged before that rule put it last.
    pub(crate) demoted_from: Option<Tier>,
    /// What it shows of a challenge.
    pub(crate) shown: Shown,
    /// It has a visit ticket.
    pub(crate) has_visited: bool,
    /// The number of its visit ticket, where that says that it was here in calm, a while ago or before the attack that goes on.
    pub(crate) met_before: Option<u128>,
    /// It came with the cookie of a challenge.
    pub(crate) keeps_cookies: bool,
    /// A navigation that was let in without any ticket: its browser, for a visit ticket.
    pub(crate) visitor: Option<Browser>,
    /// The ticket that it has just earned and must be given with the answer, whatever that is.
    pub(crate) earned: Option<Sealed>,
}

/// What a client shows of a challenge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shown {
    /// Nothing that counts.
    Nothing,
    /// It has a ticket, with room in its budget.
    Ticket,
    /// It waits for so many seconds more.
    Early(u32),
    /// It came back as it was asked to; the number of its ticket.
    Back(Kind, u128),
}

/// Whether somebody who signs in must wait for a turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Door {
    /// No.
    Open,
    /// Yes.
    Knock {
        /// It was told so before, and came back.
        has_waited: bool,
    },
}

impl Identity {
    /// Somebody whom nobody judges: while the gate is bypassed.
    pub const fn unjudged() -> Self {
        Self::unknown(None, Cohort::new(0))
    }

    pub(crate) const fn unknown(address: Option<IpAddr>, cohort: Cohort) -> Self {
        Self {
            tier: Tier::T5,
            cohort,
            address,
            proof: None,
            inherited: false,
            token: None,
            denied: false,
            allowed: false,
            partner: None,
            door: Door::Open,
            rule: None,
            demoted_from: None,
            shown: Shown::Nothing,
            has_visited: false,
            met_before: None,
            keeps_cookies: false,
            visitor: None,
            earned: None,
        }
    }

    /// The tier.
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// The tier before a rule put it last.
    pub fn tier_before_rules(&self) -> Tier {
        self.demoted_from.unwrap_or(self.tier)
    }

    /// Whether it came with a ticket that the gate gave: it keeps cookies.
    pub const fn keeps_cookies(&self) -> bool {
        self.has_visited || self.keeps_cookies
    }

    /// A visitor who was here in calm, ten minutes ago or longer, and as long before the attack that goes on if there is one: a keyed
    /// hash that stands for the browser. `None` for whoever is judged otherwise now: a rule acts on it, it asks for more than its ticket allows, or its network
    /// has more guests than there are seats. So a swarm that came by beforehand counts for little, and one that did not for nothing.
    pub fn met_before(&self) -> Option<u128> {
        self.met_before.filter(|_| matches!(self.tier, Tier::T4 | Tier::T5) && self.rule.is_none())
    }

    /// The rule that acts on it, by its id.
    pub fn rule(&self) -> Option<u16> {
        self.rule.map(|rule| rule.id)
    }

    /// The cohort in the tier.
    pub const fn cohort(&self) -> Cohort {
        self.cohort
    }

    /// What the request itself proved; `None` for an inherited proof.
    pub const fn proof(&self) -> Option<Proof> {
        if self.inherited { None } else { self.proof }
    }

    /// Whether it proved to be a customer's, and is beyond what that one may ask for.
    pub fn is_over_budget(&self) -> bool {
        self.proof.is_some() && !self.tier.is_known()
    }

    /// The partner that it is, by its place; it counts in [`crate::partners::Partners`] while it is in service.
    pub const fn partner(&self) -> Option<usize> {
        self.partner
    }

    /// Whether the answer may have to carry a ticket: then it is to be learnt from.
    pub const fn may_get_ticket(&self) -> bool {
        self.visitor.is_some() || self.earned.is_some()
    }

    /// An unknown client that has no visit ticket yet.
    pub(crate) fn is_unmet_stranger(&self) -> bool {
        self.tier == Tier::T5 && self.proof.is_none() && !self.has_visited && self.address.is_some()
    }

    /// The pass of a known client, its own or inherited; `None` for whoever is known otherwise, or not.
    pub fn pass_of_known(&self) -> Option<PassId> {
        self.proof.filter(|_| self.tier.is_known()).map(|proof| proof.pass)
    }

    /// The account, if it is known.
    pub fn account(&self) -> Option<AccountId> {
        self.proof.map(|proof| proof.account)
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// Its route class.
    pub class: u8,
    /// The method in capitals.
    pub method: &'a str,
    /// The path without its query.
    pub path: &'a str,
    /// A browser navigates: it can be shown a page.
    pub navigation: bool,
    /// The user agent, empty without one.
    pub user_agent: &'a [u8],
    /// A number unlike the one of the request before, for draws and jitter.
    pub scatter: u64,
}

/// What is to be done with a request.
#[derive(Debug)]
pub struct Verdict {
    /// Who was judged; a pass over its budget is unknown for this request.
    pub identity: Identity,
    /// Refused, and why.
    pub refuse: Option<Refusal>,
    /// Would have been refused, by a step that only observes now.
    pub would: Option<Reason>,
    /// What it was counted as: the expected service time of its route class, in microseconds.
    pub cost_micros: u64,
}

/// A refusal.
#[derive(Debug)]
pub struct Refusal {
    /// Which step.
    pub reason: Reason,
    /// When it makes sense to try again; the answer adds jitter.
    pub retry_after: Duration,
    /// A place in the login lane's waiting room, or a challenge; or a ticket that was just earned.
    pub waiting: Option<Waiting>,
}

/// A page that asks again by itself.
#[derive(Debug)]
pub struct Waiting {
    /// The cookie to set, if any.
    pub set_cookie: Option<String>,
    /// When the page is to ask again, in seconds.
    pub refresh_secs: u64,
}
