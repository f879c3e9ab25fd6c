//! The key that status pages are signed with.

use std::fmt;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::HEXLOWER_PERMISSIVE;
use model::Timestamp;

use super::{KeyError, Secret, load_or_create};
use crate::disk;

/// Signs status pages (Ed25519, RFC 8032), so that a copy of one can be checked by whoever knows the public half. It signs nothing
/// else but the next key, and is no part of the other secrets: whoever has to replace it loses no passes.
pub struct PageKey {
    pair: Ed25519KeyPair,
    vouched: Option<Vouched>,
}

/// What the key before said of this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Vouched {
    /// Until when its word is good.
    pub until: Timestamp,
    /// Its signature of the words that [`PageKey::renew`] was given.
    pub signature: [u8; 64],
}

impl PageKey {
    /// The name of its file in the state folder.
    pub const FILE: &'static str = "status.key";

    /// Reads the file in a folder, or makes folder and file with a new key, mode 0600.
    ///
    /// # Errors
    /// See [`KeyError`]; a file that is no key is left alone.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyError> {
        load_or_create(&folder.join(Self::FILE), || Ok(render(&Secret::random()?.0, None)), parse)
    }

    /// Puts a new key in the place of the one in a folder, which signs some words about its public half first and is gone then. Its
    /// word is good until a moment.
    ///
    /// # Errors
    /// See [`KeyError`]; the old key is there then.
    pub fn renew(
        folder: &Path,
        until: Timestamp,
        words: impl FnOnce([u8; 32]) -> Vec<u8>,
    ) -> Result<Self, KeyError> {
        let path = folder.join(Self::FILE);
        let old = Self::load_or_create(folder)?;
        let seed = Secret::random()?.0;
        let mut new = parse(&path, &render(&seed, None))?;
        // The word is for whole seconds, as it is kept.
        let until = Timestamp::from_secs(until.as_secs());
        new.vouched = Some(Vouched { until, signature: old.sign(&words(new.public())) });
        let written = disk::replace(&path, render(&seed, new.vouched).as_bytes());
        written.map_err(|source| KeyError::Write { path, source })?;
        Ok(new)
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.pair.public_key().as_ref().try_into().expect("a public key has 32 bytes")
    }

    /// The signature of some bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.pair.sign(bytes).as_ref().try_into().expect("a signature has 64 bytes")
    }

    /// What the key before said of this one; `None`: it is the first.
    pub const fn vouched(&self) -> Option<Vouched> {
        self.vouched
    }
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageKey(secret)")
    }
}

fn render(seed: &[u8; 32], vouched: Option<Vouched>) -> String {
    let vouched = vouched.map(|Vouched { until, signature }| {
        format!("{VOUCHED} {} {}\n", until.as_secs(), HEXLOWER_PERMISSIVE.encode(&signature))
    });
    let seed = HEXLOWER_PERMISSIVE.encode(seed);
    format!("{FIRST_LINE}\n{COMMENT}{seed}\n{}", vouched.unwrap_or_default())
}

fn parse(path: &Path, text: &str) -> Result<PageKey, KeyError> {
    read(text).ok_or_else(|| KeyError::PageKey { path: path.to_owned() })
}

fn read(text: &str) -> Option<PageKey> {
    let mut lines = text.lines().map(str::trim);
    if lines.next() != Some(FIRST_LINE) {
        return None;
    }
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let seed = HEXLOWER_PERMISSIVE.decode(lines.next()?.as_bytes()).ok()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
    let vouched = match lines.next() {
        Some(line) => Some(read_vouched(line)?),
        None => None,
    };
    lines.next().is_none().then_some(PageKey { pair, vouched })
}

fn read_vouched(line: &str) -> Option<Vouched> {
    let (until, signature) = line.strip_prefix(VOUCHED)?.trim().split_once(' ')?;
    let signature = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).ok()?.try_into().ok()?;
    Some(Vouched { until: Timestamp::from_secs(until.parse().ok()?), signature })
}

const FIRST_LINE: &str = "portcullis-status-key 1";
/// Before the word of the key before.
const VOUCHED: &str = "vouched";

const COMMENT: &str = "\
# What the status page and its copies are signed with. Keep this file to its owner (mode 600), and a copy where it is safe.
# Without it a new one is made, and everybody who checks copies has to be told (`portcullis status key`, which can renew it, too).
";
