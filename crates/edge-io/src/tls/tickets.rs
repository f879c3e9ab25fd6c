//! Session tickets (RFC 5077, RFC 8446 section 4.6.1): what a returning client shows to save the costly half of a handshake.
//!
//! Keys come from outside by the day, so every worker, the next process, and a second gate with the same key file accept
//! what this one gave out. Whoever steals that file within two days can read what was resumed over TLS 1.2 then; TLS 1.3
//! exchanges new keys all the same.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use rustls::server::ProducesTickets;

use crate::clock::Clock;

/// Gives the 256-bit key of a day, counted from 1970.
pub type TicketKeys = Arc<dyn Fn(u64) -> [u8; 32] + Send + Sync>;

/// Seals and opens tickets: the day (32 bits), a nonce, and the session under AES-256-GCM.
pub(crate) struct Tickets {
    keys: TicketKeys,
    clock: Clock,
    /// The keys of the days that were last asked for, newest first.
    recent: [ArcSwapOption<DayKey>; 2],
}

struct DayKey {
    day: u64,
    key: RandomizedNonceKey,
}

impl Tickets {
    pub(crate) fn new(keys: TicketKeys, clock: Clock) -> Self {
        Self { keys, clock, recent: [ArcSwapOption::empty(), ArcSwapOption::empty()] }
    }

    fn today(&self) -> u64 {
        self.clock.wall().as_secs() / DAY_SECONDS
    }

    fn key(&self, day: u64) -> Option<Arc<DayKey>> {
        let place = &self.recent[usize::from(!day.is_multiple_of(2))];
        if let Some(kept) = place.load_full().filter(|kept| kept.day == day) {
            return Some(kept);
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &(self.keys)(day)).ok()?;
        let made = Arc::new(DayKey { day, key });
        place.store(Some(made.clone()));
        Some(made)
    }

    fn open(&self, ticket: &[u8], today: u64) -> Option<Vec<u8>> {
        let (day, rest) = ticket.split_first_chunk::<4>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let day_number = u64::from(u32::from_be_bytes(*day));
        // Tomorrow's key: that of a gate whose clock is ahead.
        if !(today.saturating_sub(1)..=today + 1).contains(&day_number) {
            return None;
        }
        let mut bytes = sealed.to_vec();
        let key = self.key(day_number)?;
        let plain =
            key.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(day), &mut bytes).ok()?;
        let length = plain.len();
        bytes.truncate(length);
        Some(bytes)
    }

    fn seal(&self, session: &[u8], today: u64) -> Option<Vec<u8>> {
        let day = u32::try_from(today).ok()?.to_be_bytes();
        let mut sealed = session.to_vec();
        let nonce = self.key(today)?.key.seal_in_place_append_tag(Aad::from(&day), &mut sealed).ok()?;
        Some([&day[..], nonce.as_ref(), &sealed].concat())
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME_SECONDS
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, self.today())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher, self.today())
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets(secret)")
    }
}

const DAY_SECONDS: u64 = 86_400;
/// A ticket of this day is good until the end of the next.
const LIFETIME_SECONDS: u32 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(secret: u8) -> Tickets {
        let keys: TicketKeys = Arc::new(move |day| [secret ^ day.to_le_bytes()[0]; 32]);
        Tickets::new(keys, Clock::start())
    }

    #[test]
    fn another_process_with_the_same_keys_opens_a_ticket_until_the_end_of_the_next_day() {
        let (one, other, stranger) = (tickets(7), tickets(7), tickets(8));
        let ticket = one.seal(b"session", 20_000).unwrap();
        let opened = |by: &Tickets, day| by.open(&ticket, day).is_some_and(|plain| plain == b"session");
        assert!(opened(&other, 20_000) && opened(&other, 20_001) && opened(&other, 19_999));
        assert!(!opened(&other, 20_002) && !opened(&other, 19_998));
        assert!(!opened(&stranger, 20_000));
    }

    #[test]
    fn a_changed_or_cut_ticket_opens_nothing() {
        let tickets = tickets(7);
        let ticket = tickets.seal(b"session", 20_000).unwrap();
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert_eq!(tickets.open(&changed, 20_000), None);
            assert_eq!(tickets.open(&ticket[..at], 20_000), None);
        }
    }
}
