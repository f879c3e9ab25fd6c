//! Who may come in: whoever has shown the console's token, for a few hours, in one browser.
//!
//! A session is its beginning and a signature, so that it outlives a takeover by a new process; another token ends all of them. What a
//! form sends must hold a value that only pages of the same session have.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use incident::Moment;
use model::{Instant, Timestamp};

/// Lets in and keeps out.
pub struct Door {
    token: Box<[u8]>,
    key: Key,
    /// Sessions that were ended before their time, oldest first.
    ended: VecDeque<Timestamp>,
    /// Who was wrong lately, the longest ago first.
    wrong: VecDeque<Wrong>,
    /// All together.
    all: Bucket,
}

/// One browser that is in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The value of its cookie.
    pub cookie: String,
    /// What each form must send along.
    pub form: String,
    began: Timestamp,
}

/// Why somebody stays outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Another token.
    #[error("This is not the token. It is in the file console.token of the gate's state folder.")]
    Wrong,
    /// Too many wrong ones; the seconds until the next is called wrong again. The right one is let in meanwhile.
    #[error(
        "This is not the token, and there were too many wrong ones: wait {0} s. The token is in the file console.token of the gate's state folder, and is let in meanwhile."
    )]
    TooMany(u64),
}

/// Wrong tokens from somewhere.
struct Wrong {
    from: IpAddr,
    bucket: Bucket,
}

/// Wrong tokens that are still counted; each is forgotten after a time.
#[derive(Clone, Copy, Default)]
struct Bucket {
    count: u32,
    at: Instant,
}

impl Bucket {
    /// How many count at a moment when one is forgotten every `each`.
    fn level(self, now: Instant, each: Duration) -> Self {
        let gone = now.since(self.at).as_millis() / each.as_millis().max(1);
        let gone = u32::try_from(gone).unwrap_or(u32::MAX);
        match self.count.checked_sub(gone) {
            None | Some(0) => Self { count: 0, at: now },
            Some(count) => Self { count, at: self.at + each * gone },
        }
    }

    /// Seconds until there is room for one more; 0 if there is.
    fn wait(self, now: Instant, most: u32, each: Duration) -> u64 {
        let over = (self.count + 1).saturating_sub(most);
        if over == 0 { 0 } else { (each * over).saturating_sub(now.since(self.at)).as_secs().max(1) }
    }
}

impl Door {
    /// How long a session lasts.
    pub const LASTS: Duration = Duration::from_hours(8);
    /// The longest token that is looked at.
    pub const TOKEN_BYTES_MAX: usize = 256;

    /// For one token; an empty one opens to nobody.
    pub fn new(token: &str) -> Self {
        // Another use of the token has another key.
        let own = hmac::sign(&Key::new(HMAC_SHA256, token.as_bytes()), b"portcullis console session 1");
        Self {
            token: token.as_bytes().into(),
            key: Key::new(HMAC_SHA256, own.as_ref()),
            ended: VecDeque::new(),
            wrong: VecDeque::new(),
            all: Bucket::default(),
        }
    }

    /// Begins a session for who has the token, however many others were wrong: strangers lock nobody out, and nobody guesses a token of
    /// 32 letters.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn log_in(&mut self, given: &str, from: IpAddr, moment: Moment) -> Result<Session, Refused> {
        let is_right = !self.token.is_empty()
            && given.len() <= Self::TOKEN_BYTES_MAX
            && verify_slices_are_equal(given.as_bytes(), &self.token).is_ok();
        if is_right {
            return Ok(self.session(moment.wall));
        }
        let (from, now) = (network(from), moment.now);
        self.all = self.all.level(now, ALL_EACH);
        let mut own = self.take_wrong(from, now);
        let wait = self.all.wait(now, ALL_MAX, ALL_EACH).max(own.wait(now, OWN_MAX, OWN_EACH));
        if wait == 0 {
            (own.count, self.all.count) = (own.count + 1, self.all.count + 1);
        }
        self.wrong.push_back(Wrong { from, bucket: own });
        if self.wrong.len() > WRONG_MAX {
            self.wrong.pop_front();
        }
        Err(if wait == 0 { Refused::Wrong } else { Refused::TooMany(wait) })
    }

    /// The session that a cookie belongs to, as long as it lasts.
    pub fn session_of(&self, cookie: &str, now: Timestamp) -> Option<Session> {
        let (began, signature) = cookie.split_once('.')?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        hmac::verify(&self.key, format!("session {began}").as_bytes(), &signature).ok()?;
        let began = Timestamp::from_millis(began.parse().ok()?);
        // A clock that was set back makes no session longer.
        let is_now = began <= now + CLOCKS_APART && now.since(began) < Self::LASTS;
        (is_now && !self.ended.contains(&began)).then(|| self.session(began))
    }

    /// Ends a session before its time.
    pub fn log_out(&mut self, session: &Session) {
        self.ended.push_back(session.began);
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
    }

    /// Takes what is known of somebody's wrong tokens out of the table.
    fn take_wrong(&mut self, from: IpAddr, now: Instant) -> Bucket {
        let place = self.wrong.iter().position(|wrong| wrong.from == from);
        let known = place.and_then(|place| self.wrong.remove(place)).map(|wrong| wrong.bucket);
        known.unwrap_or_default().level(now, OWN_EACH)
    }

    fn session(&self, began: Timestamp) -> Session {
        let millis = began.as_millis();
        let sign = |what: &str| hmac::sign(&self.key, format!("{what} {millis}").as_bytes());
        let cookie = format!("{millis}.{}", BASE64URL_NOPAD.encode(sign("session").as_ref()));
        Session { cookie, form: HEXLOWER.encode(sign("form").as_ref()), began }
    }
}

impl Session {
    /// Whether a form comes from a page of this session.
    pub fn sent(&self, form: &str) -> bool {
        verify_slices_are_equal(form.as_bytes(), self.form.as_bytes()).is_ok()
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door(secret)")
    }
}

/// Whoever has one IPv6 address has a /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6((six.to_bits() >> 64 << 64).into()),
        four @ IpAddr::V4(_) => four,
    }
}

/// Wrong tokens from one place before it has to wait.
const OWN_MAX: u32 = 5;
/// One of them is forgotten after so long.
const OWN_EACH: Duration = Duration::from_secs(10);
/// Wrong tokens from everywhere.
const ALL_MAX: u32 = 50;
/// One of them is forgotten after so long.
const ALL_EACH: Duration = Duration::from_secs(2);
/// Places that are remembered; who is forgotten is bounded by all together.
const WRONG_MAX: usize = 64;
/// Sessions that are remembered as ended.
const ENDED_MAX: usize = 256;
const CLOCKS_APART: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
