//! The waiting room of the login lane.
//!
//! While more networks want to sign in than the app can serve, a network waits in one place, whatever it sends, and
//! places are drawn evenly: none is drawn twice before all who wait have had their turn. So the wait of a person is the
//! number of networks over the rate of the lane, however fast the others knock. Within a network the address whose
//! keyed hash is least holds the place: an even draw over its addresses, which knocking often does not bias.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use model::{Instant, Net};
use siphasher::sip::SipHasher13;

use crate::bits::low_u64;

/// A fixed table of places, shared by all workers without a lock.
pub(super) struct Room {
    hasher: SipHasher13,
    buckets: Box<[[Place; WAYS]]>,
    /// The turn that is being drawn.
    turn: AtomicU32,
}

/// One network's place.
#[derive(Default)]
struct Place {
    /// See [`Word`]; 0 is free.
    word: AtomicU64,
    /// Who holds it: hash of the address (40 bits) and when it last knocked (24 bits of seconds).
    holder: AtomicU64,
}

/// What a knock at the door leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Knock {
    /// Come in.
    Enter,
    /// The network has a place; come back soon.
    Wait,
    /// Every place that the network could take is taken.
    Full,
}

/// A place, unpacked: `print 28 │ state 2 │ turn 16 │ seconds 18`.
#[derive(Clone, Copy)]
struct Word {
    print: u64,
    state: State,
    /// The turn in which it may be drawn.
    turn: u16,
    /// The last knock, or when it was drawn or entered.
    seconds: u64,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Waiting,
    /// Its holder may enter, if it comes at once.
    Drawn,
    /// It entered in the turn before its own: remembered so that it does not count as a newcomer.
    Entered,
}

impl Room {
    /// A room of [`PLACES`] places.
    pub(super) fn new(key: [u8; 16]) -> Self {
        let buckets = std::iter::repeat_with(Default::default).take(PLACES / WAYS).collect();
        Self { hasher: SipHasher13::new_with_key(&key), buckets, turn: AtomicU32::new(0) }
    }

    /// Somebody of a network knocks. Only who `has_ticket`, and so was told to wait before, can enter.
    pub(super) fn knock(&self, network: Net, address: Net, has_ticket: bool, now: Instant) -> Knock {
        let hash = self.hash(network.bits(), 0);
        let bucket = &self.buckets[usize::try_from(hash & 0xFFFF).unwrap_or(0) % self.buckets.len()];
        let print = (hash >> (64 - PRINT_BITS)).max(1);
        let Some((place, word)) = find(bucket, print, now) else { return Knock::Full };
        let there = word.map_or(0, Word::pack);
        let next = self.next(word, print, now);
        if next.state == State::Drawn {
            let is_holder = place.holder.load(Relaxed) >> HOLDER_SHIFT == self.holder(address, next.turn);
            let entered =
                Word { state: State::Entered, turn: next.turn.wrapping_add(1), seconds: seconds(now), print };
            let enters = is_holder
                && has_ticket
                && place.word.compare_exchange(there, entered.pack(), Relaxed, Relaxed).is_ok();
            return if enters { Knock::Enter } else { Knock::Wait };
        }
        let is_new = word
            .is_none_or(|word| word.print != print || word.turn != next.turn || word.state != State::Waiting);
        if next.pack() != there && place.word.compare_exchange(there, next.pack(), Relaxed, Relaxed).is_err()
        {
            // Another client of this network, or another network, was quicker by a moment.
            return Knock::Wait;
        }
        place.keep_holder(self.holder(address, next.turn), is_new, now);
        Knock::Wait
    }

    /// Draws places whose holders may enter: at most `entries`, evenly, and none twice in a turn.
    pub(super) fn draw(&self, entries: u32, random: u64, now: Instant) {
        let mut entries = entries as usize;
        let mut random = Random(random);
        // The rest of this turn, and then, if there is room for more, the next.
        for _turn in 0..2 {
            let turn = self.turn();
            let mut ready = self.waiting_in(turn, now).count();
            if ready <= entries {
                self.turn.fetch_add(1, Relaxed);
            }
            for (place, word) in self.waiting_in(turn, now) {
                if entries == 0 || ready == 0 {
                    return;
                }
                if random.below(ready) < entries {
                    let drawn = Word { state: State::Drawn, seconds: seconds(now), ..word };
                    // If the network knocked this very moment, it is drawn another time.
                    entries -= usize::from(place.exchange(word, drawn));
                }
                ready -= 1;
            }
        }
    }

    /// How many networks wait.
    pub(super) fn waiting(&self, now: Instant) -> usize {
        let words = self.buckets.iter().flatten().filter_map(|place| Word::unpack(place.word.load(Relaxed)));
        words.filter(|word| word.state == State::Waiting && !word.is_stale(now)).count()
    }

    fn waiting_in(&self, turn: u16, now: Instant) -> impl Iterator<Item = (&Place, Word)> {
        self.buckets.iter().flatten().filter_map(move |place| {
            let word = Word::unpack(place.word.load(Relaxed))?;
            // Turns wrap; a place is at most a few turns ahead or behind.
            let is_due = turn.wrapping_sub(word.turn) < u16::MAX / 2;
            (word.state == State::Waiting && is_due && !word.is_stale(now)).then_some((place, word))
        })
    }

    /// What becomes of a place when its network knocks.
    fn next(&self, word: Option<Word>, print: u64, now: Instant) -> Word {
        let newcomer = Word { print, state: State::Waiting, turn: self.turn(), seconds: seconds(now) };
        let Some(word) = word.filter(|word| word.print == print) else { return newcomer };
        match word.state {
            State::Drawn if !word.is_stale(now) => word,
            // It had its turn and did not come.
            State::Drawn => Word { turn: word.turn.wrapping_add(1), ..newcomer },
            State::Waiting | State::Entered if word.is_stale(now) => newcomer,
            State::Waiting | State::Entered => Word { turn: word.turn, ..newcomer },
        }
    }

    fn turn(&self) -> u16 {
        (self.turn.load(Relaxed) & 0xFFFF) as u16
    }

    /// Who among a network's addresses: the least hash of a turn holds the place.
    fn holder(&self, address: Net, turn: u16) -> u64 {
        self.hash(address.bits(), turn.into()) >> HOLDER_SHIFT
    }

    fn hash(&self, bits: u64, salt: u64) -> u64 {
        let mut hasher = self.hasher;
        hasher.write_u64(bits);
        hasher.write_u64(salt);
        hasher.finish()
    }
}

/// The place of a network, or one that it may take: free, left, or that of the longest gone who entered.
fn find(bucket: &[Place; WAYS], print: u64, now: Instant) -> Option<(&Place, Option<Word>)> {
    let places = || bucket.iter().map(|place| (place, Word::unpack(place.word.load(Relaxed))));
    let mine = places().find(|(_, word)| word.is_some_and(|word| word.print == print));
    let left = || places().find(|(_, word)| word.is_none_or(|word| word.is_stale(now)));
    let entered = || {
        let gone = |word: Word| word.state == State::Entered;
        places()
            .filter(|(_, word)| word.is_some_and(gone))
            .max_by_key(|(_, word)| word.map(|word| word.age(now)))
    };
    mine.or_else(left).or_else(entered)
}

impl Place {
    fn exchange(&self, from: Word, to: Word) -> bool {
        self.word.compare_exchange(from.pack(), to.pack(), Relaxed, Relaxed).is_ok()
    }

    /// Holds the place for the least hash among those who still knock.
    fn keep_holder(&self, hash: u64, is_new: bool, now: Instant) {
        let there = self.holder.load(Relaxed);
        let moment = now.as_secs() & HOLDER_SECONDS_MASK;
        let silent = moment.wrapping_sub(there) & HOLDER_SECONDS_MASK;
        if is_new || hash <= there >> HOLDER_SHIFT || silent > HOLDER_SILENT_SECONDS {
            self.holder.store(hash << HOLDER_SHIFT | moment, Relaxed);
        }
    }
}

impl Word {
    fn pack(self) -> u64 {
        let state = match self.state {
            State::Waiting => 1,
            State::Drawn => 2,
            State::Entered => 3,
        };
        self.print << 36 | state << 34 | u64::from(self.turn) << 18 | self.seconds
    }

    fn unpack(word: u64) -> Option<Self> {
        let state = match word >> 34 & 3 {
            1 => State::Waiting,
            2 => State::Drawn,
            3 => State::Entered,
            _ => return None,
        };
        Some(Self {
            print: word >> 36,
            state,
            turn: (word >> 18 & 0xFFFF) as u16,
            seconds: word & SECONDS_MASK,
        })
    }

    fn age(self, now: Instant) -> u64 {
        seconds(now).wrapping_sub(self.seconds) & SECONDS_MASK
    }

    fn is_stale(self, now: Instant) -> bool {
        let keep = match self.state {
            State::Waiting => WAITING_SECONDS,
            State::Drawn => DRAWN_SECONDS,
            State::Entered => ENTERED_SECONDS,
        };
        self.age(now) > keep
    }
}

fn seconds(now: Instant) -> u64 {
    now.as_secs() & SECONDS_MASK
}

/// SplitMix64: evenly spread numbers from one random seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let scaled = low_u64((u128::from(mixed ^ mixed >> 31) * (bound as u128)) >> 64);
        usize::try_from(scaled).unwrap_or(0)
    }
}

/// Places in the room (contract).
pub(super) const PLACES: usize = 4_096;
/// Places in a bucket: with 16 the first network is turned away when the room is four fifths full.
const WAYS: usize = 16;
const PRINT_BITS: u32 = 28;
const SECONDS_MASK: u64 = (1 << 18) - 1;
const HOLDER_SHIFT: u32 = 24;
const HOLDER_SECONDS_MASK: u64 = (1 << HOLDER_SHIFT) - 1;
/// Who has not knocked for so long holds no place.
const HOLDER_SILENT_SECONDS: u64 = 20;
/// A place in which nobody knocks for so long is left.
const WAITING_SECONDS: u64 = 30;
/// A drawn place is kept for its holder for so long.
const DRAWN_SECONDS: u64 = 15;
/// Who entered is no newcomer for so long.
const ENTERED_SECONDS: u64 = 120;

#[cfg(test)]
mod tests;
