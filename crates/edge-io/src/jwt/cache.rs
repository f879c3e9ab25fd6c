//! What one worker remembers of tokens, and what it may still spend on signatures.
//!
//! A flood of invented tokens costs at most [`CHECKS_PER_SECOND`] signatures a second and drives no good token out.

use std::hash::Hasher;

use model::{AccountId, Instant, Net, Timestamp};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::keys::KeySet;
use super::token::{JwtRules, Token, TokenError};
use super::verify::{Proved, Unproved};

/// Signatures that one worker may find wrong in a second: some 2 to 5 % of a core, 15 % with ES384. Good ones are not
/// counted: they are kept, and their clients are bounded by their accounts' budgets.
pub const CHECKS_PER_SECOND: u32 = 500;

/// Of these, for clients of one network, so that a few networks cannot use them all up.
pub const CHECKS_PER_NETWORK: u32 = 50;

/// Tokens that have been checked, of one worker.
pub(super) struct Checked {
    hasher: SipHasher13,
    good: Box<[[Good; WAYS]]>,
    /// Hashes of tokens whose signature was wrong; 0 is free.
    bad: Box<[u128]>,
    /// The set of keys to which `bad` belongs.
    generation: u64,
    budget: Budget,
}

#[derive(Clone, Copy, Default)]
struct Good {
    /// Keyed hash of the whole token; 0 is free.
    hash: u128,
    account: AccountId,
    until: Timestamp,
    key_mark: u64,
    /// The second in which it was last used.
    used: u64,
}

/// All that a check depends on.
pub(super) struct Circumstances<'a> {
    pub(super) keys: &'a KeySet,
    /// Another number for each set of keys.
    pub(super) generation: u64,
    pub(super) rules: &'a JwtRules,
    /// The client's network; `None` when a front names nobody.
    pub(super) network: Option<Net>,
    pub(super) now: Instant,
    pub(super) wall: Timestamp,
}

impl Checked {
    /// An empty memory for so many good tokens, rounded up to eight. The key is random, so that nobody can choose
    /// tokens that share a place.
    pub(super) fn new(key: &[u8; 16], good_max: usize) -> Self {
        Self {
            hasher: SipHasher13::new_with_key(key),
            good: vec![[Good::default(); WAYS]; good_max.div_ceil(WAYS).max(1)].into(),
            bad: vec![0; BAD_MAX].into(),
            generation: 0,
            budget: Budget { second: 0, used: 0, networks: [0; NETWORKS] },
        }
    }

    /// Whose token it is. `identify` turns issuer and account into an identity.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub(super) fn account(
        &mut self,
        text: &[u8],
        around: &Circumstances<'_>,
        identify: impl FnOnce(&str) -> AccountId,
    ) -> Result<AccountId, TokenError> {
        if !Token::is_likely(text) {
            return Err(TokenError::Shape);
        }
        if self.generation != around.generation {
            // What was wrong may be right with other keys.
            self.generation = around.generation;
            self.bad.fill(0);
        }
        let hash = self.hash(text);
        if let Some(account) = self.recall(hash, around) {
            return Ok(account);
        }
        if self.bad[place(hash, BAD_MAX)] == hash {
            return Err(TokenError::Signature);
        }
        let unproved = Unproved::read(text, around.keys, around.rules, around.wall)?;
        let network = around.network.map(|network| self.network_place(network));
        if !self.budget.take(network, around.now.as_secs()) {
            return Err(TokenError::Busy);
        }
        match unproved.prove(around.keys) {
            Ok(proved) => {
                self.budget.give_back(network);
                let account = identify(&proved.claims.account);
                self.keep(hash, account, &proved, around);
                Ok(account)
            }
            Err(error) => {
                self.bad[place(hash, BAD_MAX)] = hash;
                Err(error)
            }
        }
    }

    /// A token that was good before is good as long as it has not expired and its key is in the set.
    fn recall(&mut self, hash: u128, around: &Circumstances<'_>) -> Option<AccountId> {
        let bucket = &mut self.good[place(hash, self.good.len())];
        let good = bucket.iter_mut().find(|good| good.hash == hash)?;
        if good.until <= around.wall || !around.keys.holds(good.key_mark) {
            *good = Good::default();
            return None;
        }
        good.used = around.now.as_secs();
        Some(good.account)
    }

    /// Takes a free place or that of the token that was used least lately.
    fn keep(&mut self, hash: u128, account: AccountId, proved: &Proved, around: &Circumstances<'_>) {
        let bucket = &mut self.good[place(hash, self.good.len())];
        if let Some(good) = bucket.iter_mut().min_by_key(|good| (good.hash != 0, good.used)) {
            let (until, key_mark) = (proved.claims.until, proved.key_mark);
            *good = Good { hash, account, until, key_mark, used: around.now.as_secs() };
        }
    }

    fn hash(&self, text: &[u8]) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(text);
        hasher.finish128().as_u128().max(1)
    }

    fn network_place(&self, network: Net) -> usize {
        let mut hasher = self.hasher;
        hasher.write_u64(network.bits());
        place(hasher.finish128().as_u128(), NETWORKS)
    }
}

fn place(hash: u128, places: usize) -> usize {
    usize::try_from(hash & 0xFFFF_FFFF).unwrap_or(0) % places
}

/// Signatures in this second, in all and by network.
struct Budget {
    second: u64,
    used: u32,
    networks: [u32; NETWORKS],
}

impl Budget {
    fn take(&mut self, network: Option<usize>, second: u64) -> bool {
        if second != self.second {
            *self = Self { second, used: 0, networks: [0; NETWORKS] };
        }
        let of_network = network.map_or(0, |network| self.networks[network]);
        if self.used >= CHECKS_PER_SECOND || of_network >= CHECKS_PER_NETWORK {
            return false;
        }
        self.used += 1;
        if let Some(network) = network {
            self.networks[network] += 1;
        }
        true
    }

    /// The signature was good.
    fn give_back(&mut self, network: Option<usize>) {
        self.used -= 1;
        if let Some(network) = network {
            self.networks[network] -= 1;
        }
    }
}

const WAYS: usize = 8;
/// Wrong tokens: one that is sent again and again costs one signature.
const BAD_MAX: usize = 1_024;
/// Cells for networks; two that share one share its checks for as long as the process runs.
const NETWORKS: usize = 1_024;
