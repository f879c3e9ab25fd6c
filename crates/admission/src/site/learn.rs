//! What the app's answers teach: who has just been confirmed.

use model::{AccountId, Instant, Net, PassId, Timestamp};

use super::Site;
use super::facts::{Demand, Headers, Identity};
use crate::account::Trace;
use crate::challenge::{Challenges, Stranger};
use crate::known::{PathVerdict, TokenRow};
use crate::lane::{Holder, Step};
use crate::pass::{Minted, Pass, Row, Way};

/// What must be remembered of a request until its answer comes.
#[derive(Debug)]
pub struct Watch {
    path: String,
    what: What,
    user_agent: Vec<u8>,
}

#[derive(Debug)]
enum What {
    /// A page of the login: its answer carries a lane ticket.
    LanePage,
    /// A login's form, and the cookies that came with it.
    Submit(Vec<Trace>),
    /// A request with a session cookie whose login waits for proof.
    Pending(Trace, AccountId),
    /// A request of the proof path, with the identity of its session.
    Session(AccountId),
    /// A request with a token.
    Token(u128),
}

/// The cookies that an answer sets.
pub trait SetCookies {
    /// Calls `each` with name and value of every cookie.
    fn each(&self, each: &mut dyn FnMut(&[u8], &[u8]));
}

/// What the app answered.
#[derive(Clone, Copy)]
pub struct Answered<'a> {
    /// The status.
    pub status: u16,
    /// `Portcullis-Login`, from an origin that is believed.
    pub login: Option<&'a [u8]>,
    /// The `X-Request-Id` that the app was told.
    pub request_id: &'a [u8],
    /// `Location`.
    pub location: Option<&'a [u8]>,
    /// The cookies that it sets.
    pub cookies: &'a dyn SetCookies,
    /// A shared cache may store it: it is neither `private` nor `no-store`.
    pub is_shared: bool,
}

/// What follows from an answer.
#[derive(Debug, Default)]
pub struct Lesson {
    /// A client was confirmed.
    pub confirmed: Option<Confirmed>,
    /// Cookies for the client.
    pub set_cookies: Vec<String>,
    /// A path to ask for once without any cookie; report with [`Site::probed`].
    pub probe: Option<String>,
}

/// A confirmation, as the journal wants it.
#[derive(Clone, Copy, Debug)]
pub enum Confirmed {
    /// A pass was minted, or confirmed again.
    Pass {
        /// Its row.
        row: Row,
        /// A pass that had to leave for it.
        replaced: Option<PassId>,
        /// Whether the pass is new.
        minted: bool,
    },
    /// A token has come of age, or is still in use.
    Token(TokenRow),
}

impl Site {
    /// What must be remembered of an admitted request; nothing for nearly all of them.
    pub fn watch(
        &self,
        identity: &Identity,
        demand: &Demand<'_>,
        headers: &dyn Headers,
        now: Instant,
    ) -> Option<Box<Watch>> {
        let what = self.what_to_watch(identity, demand, headers, now)?;
        let user_agent = headers.value("user-agent").unwrap_or_default().to_vec();
        Some(Box::new(Watch { path: demand.path.to_owned(), what, user_agent }))
    }

    fn what_to_watch(
        &self,
        identity: &Identity,
        demand: &Demand<'_>,
        headers: &dyn Headers,
        now: Instant,
    ) -> Option<What> {
        let step = if self.lane.is_configured() {
            self.lane.step(demand.method, demand.path)
        } else {
            Step::Elsewhere
        };
        match step {
            Step::Page | Step::Later if demand.method == "GET" && !identity.tier.is_known() => {
                return Some(What::LanePage);
            }
            Step::Submit if self.settings.login_evidence => return Some(What::Submit(self.traces(headers))),
            Step::Page | Step::Submit | Step::Later | Step::Asset | Step::Elsewhere => {}
        }
        if let Some(token) = identity.token {
            return Some(What::Token(token));
        }
        if identity.proof().is_some() {
            return None;
        }
        if let Some(session) = self.settings.session.as_ref().filter(|session| session.path == demand.path) {
            let mut identity = None;
            headers.cookies(&mut |name, value| {
                if name == session.cookie.as_bytes() && !value.is_empty() {
                    identity = Some(self.site_key.session(value));
                }
            });
            return identity.map(What::Session);
        }
        if !self.settings.login_evidence || self.pending.is_idle() {
            return None;
        }
        let traces = self.traces(headers);
        traces.into_iter().find_map(|trace| Some(What::Pending(trace, self.pending.find(trace, now)?)))
    }

    /// Learns from the answer to a request. `random` is fresh for each call: it becomes the id of a new pass.
    pub fn learn(
        &self,
        identity: &Identity,
        watch: Option<&Watch>,
        answered: &Answered<'_>,
        random: PassId,
        now: Instant,
    ) -> Lesson {
        let mut lesson = Lesson::default();
        if let Some(account) = self.named_by_app(answered) {
            self.confirm(identity, account, Way::Header, random, &mut lesson);
            return lesson;
        }
        let good = (200..300).contains(&answered.status);
        self.give_tickets(identity, good && !answered.is_shared, now, &mut lesson);
        let Some(watch) = watch else { return lesson };
        match &watch.what {
            What::LanePage if good => {
                if let Some(address) = identity.address {
                    let holder = Holder { address, user_agent: &watch.user_agent };
                    lesson.set_cookies.push(self.lane.ticket(holder, self.pass_time()));
                }
            }
            What::Submit(sent) => self.judge_login(sent, answered, now),
            What::Pending(trace, account) => {
                self.follow(*trace, *account, watch, identity, answered, random, now, &mut lesson)
            }
            What::Session(account) if good => match self.paths.look(&watch.path, now) {
                PathVerdict::Private => self.confirm(identity, *account, Way::Session, random, &mut lesson),
                PathVerdict::Ask => lesson.probe = Some(watch.path.clone()),
                PathVerdict::Unknown | PathVerdict::Public => {}
            },
            What::Token(token) => self.judge_token(*token, watch, answered, now, &mut lesson),
            What::LanePage | What::Session(_) => {}
        }
        lesson
    }

    /// The app's answer to a path without any cookie: 401, 403 or a redirect to the login make it private.
    pub fn probed(&self, path: &str, status: u16, location: Option<&[u8]>, now: Instant) {
        let to_login = (300..400).contains(&status)
            && location.is_some_and(|location| !self.lane.is_configured() || self.lane.is_page(location));
        self.paths.settle(path, matches!(status, 401 | 403) || to_login, now);
    }

    fn named_by_app(&self, answered: &Answered<'_>) -> Option<AccountId> {
        let account = self.login_header.account(answered.login?, answered.request_id).ok()?;
        Some(self.site_key.account(account))
    }

    /// A login succeeded if it was answered 2xx or 3xx, set a cookie that was not sent, and does not lead back to the
    /// login. That alone proves nothing yet: the cookie must open a private page.
    fn judge_login(&self, sent: &[Trace], answered: &Answered<'_>, now: Instant) {
        use std::sync::atomic::Ordering::Relaxed;
        self.logins[0].fetch_add(1, Relaxed);
        let back = answered.location.is_some_and(|location| self.lane.is_page(location));
        if !(200..400).contains(&answered.status) || back {
            return;
        }
        let mut new = 0;
        answered.cookies.each(&mut |name, value| {
            let trace = self.site_key.cookie(name, value);
            if value.len() >= SESSION_BYTES_MIN && !sent.contains(&trace) && new < COOKIES_PER_LOGIN {
                new += 1;
                self.pending.wait(trace, self.site_key.session(value), now);
            }
        });
        self.logins[1].fetch_add(u64::from(new > 0), Relaxed);
    }

    /// A session cookie that waits for proof was used: is the page private? If the app gave it a new value, that one
    /// waits on.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything is about one answer; a struct would only rename it"
    )]
    fn follow(
        &self,
        trace: Trace,
        account: AccountId,
        watch: &Watch,
        identity: &Identity,
        answered: &Answered<'_>,
        random: PassId,
        now: Instant,
        lesson: &mut Lesson,
    ) {
        if (200..300).contains(&answered.status) {
            match self.paths.look(&watch.path, now) {
                PathVerdict::Private => {
                    self.pending.done(trace);
                    return self.confirm(identity, account, Way::Login, random, lesson);
                }
                PathVerdict::Ask => lesson.probe = Some(watch.path.clone()),
                PathVerdict::Unknown | PathVerdict::Public => {}
            }
        }
        let mut renewed = 0;
        answered.cookies.each(&mut |name, value| {
            if value.len() >= SESSION_BYTES_MIN && renewed < COOKIES_PER_LOGIN {
                renewed += 1;
                self.pending.wait(self.site_key.cookie(name, value), account, now);
            }
        });
    }

    fn judge_token(
        &self,
        token: u128,
        watch: &Watch,
        answered: &Answered<'_>,
        now: Instant,
        lesson: &mut Lesson,
    ) {
        if answered.status == 401 {
            return self.tokens.refused(token);
        }
        if !(200..300).contains(&answered.status) {
            return;
        }
        match self.paths.look(&watch.path, now) {
            PathVerdict::Private => {
                lesson.confirmed = self.tokens.good(token, self.pass_time()).map(Confirmed::Token)
            }
            PathVerdict::Ask => lesson.probe = Some(watch.path.clone()),
            PathVerdict::Unknown | PathVerdict::Public => {}
        }
    }

    /// The app confirmed an account: the client's own pass if it has one of this account, else a new one.
    fn confirm(
        &self,
        identity: &Identity,
        account: AccountId,
        way: Way,
        random: PassId,
        lesson: &mut Lesson,
    ) {
        let time = self.pass_time();
        let network = identity.address.map(Net::network);
        if let Some(proof) =
            identity.proof().filter(|proof| proof.account == account && proof.tier.is_known())
        {
            if self.passes.is_confirmation_due(proof.pass, time) {
                let pass = Pass {
                    site: self.id(),
                    id: proof.pass,
                    issued: proof.issued,
                    account,
                    in_incident: proof.in_incident,
                };
                let row = self.registry().confirm(&pass, way, time);
                lesson.confirmed = Some(Confirmed::Pass { row, replaced: None, minted: false });
                self.note_network(network, proof.pass, time);
            }
            return;
        }
        let in_incident = self.level().severity() >= 3;
        let minted = self.registry().mint(self.id(), account, random, way, in_incident, time);
        self.hand_out(&minted, network, lesson);
    }

    /// Gives a new pass to its owner.
    pub(super) fn hand_out(&self, minted: &Minted, network: Option<Net>, lesson: &mut Lesson) {
        let time = self.pass_time();
        if let Some(replaced) = minted.replaced {
            self.passes.revoke(replaced);
        }
        self.passes.relogin(minted.pass.id, network, time);
        self.passes.is_confirmation_due(minted.pass.id, time);
        self.note_network(network, minted.pass.id, time);
        lesson.set_cookies.push(self.settings.scheme.set_cookie(&self.pass_keys.seal(&minted.pass)));
        lesson.confirmed = Some(Confirmed::Pass { row: minted.row, replaced: minted.replaced, minted: true });
    }

    /// The ticket that was earned with a challenge, or one for a stranger who was let in.
    fn give_tickets(&self, identity: &Identity, may_visit: bool, now: Instant, lesson: &mut Lesson) {
        lesson.set_cookies.extend(identity.earned.map(Challenges::cookie));
        let (Some(browser), Some(address)) = (identity.visitor.filter(|_| may_visit), identity.address)
        else {
            return;
        };
        let stranger = Stranger {
            address,
            browser,
            cohort: identity.cohort,
            draw: self.cohort_draw(),
            in_calm: self.learns(now),
        };
        let time = self.pass_time();
        let factor = self.nat.factor(Net::network(address), time);
        lesson.set_cookies.extend(self.challenges.welcome(&stranger, factor, time, now));
    }

    fn note_network(&self, network: Option<Net>, pass: PassId, time: Timestamp) {
        if let Some(network) = network {
            self.nat.saw(network, pass, time);
        }
    }

    /// Keyed hashes of the cookies that came with a request, at most [`COOKIES_MAX`].
    fn traces(&self, headers: &dyn Headers) -> Vec<Trace> {
        let mut traces = Vec::new();
        headers.cookies(&mut |name, value| {
            if traces.len() < COOKIES_MAX {
                traces.push(self.site_key.cookie(name, value));
            }
        });
        traces
    }
}

/// A session cookie is at least this long; shorter ones are flags and languages.
const SESSION_BYTES_MIN: usize = 8;
const COOKIES_PER_LOGIN: u32 = 4;
/// Cookies of one request that are looked at.
const COOKIES_MAX: usize = 32;
