//! Tickets: small signed cookies of the gate, all of one form.
//!
//! ```text
//! second 4 │ word 4 │ MAC 16      (bytes, big endian)
//! ```
//! HMAC-SHA-256 over purpose, the eight bytes before it, the network and the user agent that the ticket is bound to, cut to
//! 128 bits; base64url without padding, after a digit that names the purpose. The MAC is the ticket's number.
//!
//! Nothing that the digit says is believed. It keeps a cookie that carries several kinds from costing a MAC for each of them, which was
//! three tenths of what a simulated flood of clients that answer challenges took (record 051).

use std::net::IpAddr;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use model::{Net, Timestamp};

/// Signs and verifies tickets.
pub(crate) struct TicketKey(hmac::Key);

/// What a ticket is for; part of what is signed, and its first digit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// The files and forms of a login page.
    Lane = 1,
    /// A place in the waiting room of the login lane.
    Place = 2,
    /// To show that the client keeps cookies.
    Cookie = 3,
    /// To show that the client can wait.
    Wait = 4,
    /// A challenge was passed.
    Passed = 5,
    /// An unknown client was let in.
    Visit = 6,
}

/// Whom a ticket is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound<'a> {
    net: u64,
    user_agent: &'a [u8],
}

/// A ticket that is to be given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sealed {
    purpose: Purpose,
    bytes: [u8; TICKET_BYTES],
}

/// A ticket that was verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    /// When it was given, in seconds of pass time.
    pub(crate) second: u32,
    /// What else was signed.
    pub(crate) word: u32,
    /// Its own number.
    pub(crate) number: u128,
}

impl Purpose {
    const fn digit(self) -> u8 {
        b'0' + self as u8
    }
}

impl<'a> Bound<'a> {
    /// One address (IPv4 /32, IPv6 /64) and user agent.
    pub(crate) fn to_address(address: IpAddr, user_agent: &'a [u8]) -> Self {
        Self { net: Net::address(address).bits(), user_agent }
    }

    /// One network (IPv4 /24, IPv6 /48) and user agent.
    pub(crate) fn to_network(address: IpAddr, user_agent: &'a [u8]) -> Self {
        Self { net: Net::network(address).bits(), user_agent }
    }

    /// A browser, wherever it is: a person's other address family is the same person.
    pub(crate) const fn to_browser(hash: &'a [u8; 8]) -> Self {
        Self { net: ANYWHERE, user_agent: hash }
    }
}

impl TicketKey {
    /// The key for tickets under one label, derived from the site's.
    pub(crate) fn new(key: &[u8; 32], label: &[u8]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label);
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// A ticket.
    pub(crate) fn seal(&self, purpose: Purpose, second: u32, word: u32, bound: Bound<'_>) -> Sealed {
        let head = (u64::from(second) << 32 | u64::from(word)).to_be_bytes();
        let mut bytes = [0; TICKET_BYTES];
        bytes[..HEAD_BYTES].copy_from_slice(&head);
        bytes[HEAD_BYTES..].copy_from_slice(&self.tag(purpose, &head, bound));
        Sealed { purpose, bytes }
    }

    /// What a text says, if it is a ticket for this purpose, bound like this. Its age is not looked at.
    pub(crate) fn open(&self, purpose: Purpose, text: &[u8], bound: Bound<'_>) -> Option<Ticket> {
        let mut bytes = [0; TICKET_BYTES];
        let text = text.strip_prefix(&[purpose.digit()])?;
        if text.len() != TEXT_BYTES {
            return None;
        }
        BASE64URL_NOPAD.decode_mut(text, &mut bytes).ok()?;
        let (head, sent) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let tag = self.tag(purpose, head, bound);
        constant_time::verify_slices_are_equal(&tag, sent).ok()?;
        let [a, b, c, d, e, f, g, h] = *head;
        Some(Ticket {
            second: u32::from_be_bytes([a, b, c, d]),
            word: u32::from_be_bytes([e, f, g, h]),
            number: u128::from_be_bytes(tag),
        })
    }

    fn tag(&self, purpose: Purpose, head: &[u8; HEAD_BYTES], bound: Bound<'_>) -> [u8; 16] {
        let mut signed = [purpose as u8; 1 + HEAD_BYTES + 8];
        signed[1..=HEAD_BYTES].copy_from_slice(head);
        signed[1 + HEAD_BYTES..].copy_from_slice(&bound.net.to_be_bytes());
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&signed);
        context.update(bound.user_agent);
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl Sealed {
    /// The value of a `Set-Cookie` header. `SameSite` is last: lynx takes it, and what follows, for another cookie.
    pub(crate) fn set_cookie(&self, name: &str, max_age_seconds: u32) -> String {
        let (purpose, text) = (char::from(self.purpose.digit()), BASE64URL_NOPAD.encode(&self.bytes));
        format!("{name}={purpose}{text}; Max-Age={max_age_seconds}; Path=/; HttpOnly; SameSite=Lax")
    }
}

impl Ticket {
    /// Seconds since it was given; `None` if that lies in the future.
    pub(crate) fn age(self, time: Timestamp) -> Option<u32> {
        second(time).checked_sub(self.second)
    }
}

/// A key for a hash, derived from a site's key.
pub(crate) fn derived_key(key: &[u8; 32], label: &[u8]) -> [u8; 16] {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), label);
    derived.as_ref().first_chunk().copied().unwrap_or_default()
}

/// Seconds of pass time, as tickets count them.
pub(crate) fn second(time: Timestamp) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// No network has this number (see [`Net`]).
const ANYWHERE: u64 = u64::MAX;
const HEAD_BYTES: usize = 8;
const TICKET_BYTES: usize = HEAD_BYTES + 16;
const TEXT_BYTES: usize = 32;
