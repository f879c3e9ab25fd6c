//! The secrets of one gate, from its key file or, for `try`, drawn for one run.

use std::hash::Hasher;

use journal_io::keys::{Keys, random_bytes};
use model::{SiteId, Timestamp};
use siphasher::sip::SipHasher13;

/// Everything secret that the data plane needs.
pub(crate) struct Secrets {
    pub(crate) pass_keys: Vec<(u8, [u8; 32])>,
    pub(crate) site_key: [u8; 32],
    pub(crate) reference_key: [u8; 32],
    pub(crate) pseudonym_key: [u8; 32],
    /// Drawn for this process alone.
    pub(crate) table_seed: [u8; 32],
    pub(crate) run_id: u64,
}

/// A secret cannot be had.
pub(crate) type SecretError = journal_io::keys::KeyError;

impl Secrets {
    /// From the key file; tables are keyed as those of the process whose place this one takes.
    pub(crate) fn of(
        keys: &Keys,
        site: SiteId,
        time: Timestamp,
        table_seed: Option<[u8; 32]>,
    ) -> Result<Self, SecretError> {
        Ok(Self {
            pass_keys: keys.pass_keys(time).iter().map(|key| (key.id, key.secret)).collect(),
            site_key: keys.account_key(site),
            reference_key: keys.reference_key(),
            pseudonym_key: keys.pseudonym_key(site),
            table_seed: table_seed.map_or_else(random32, Ok)?,
            run_id: run_id()?,
        })
    }

    /// What recordings call the site. Whoever has other keys, whose hashes mean other things, has another.
    pub(crate) fn site_pseudonym(&self) -> u64 {
        let mut hasher = SipHasher13::new_with_key(self.pseudonym_key.first_chunk().unwrap_or(&[0; 16]));
        hasher.write(b"recordings");
        hasher.finish()
    }

    /// For one run: nothing is kept.
    pub(crate) fn ephemeral() -> Result<Self, SecretError> {
        Ok(Self {
            pass_keys: vec![(1, random32()?)],
            site_key: random32()?,
            reference_key: random32()?,
            pseudonym_key: random32()?,
            table_seed: random32()?,
            run_id: run_id()?,
        })
    }
}

/// Fresh random bytes of the operating system.
pub(crate) fn random32() -> Result<[u8; 32], SecretError> {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&random_bytes()?);
    bytes[16..].copy_from_slice(&random_bytes()?);
    Ok(bytes)
}

fn run_id() -> Result<u64, SecretError> {
    let bytes = random_bytes()?;
    Ok(u64::from_be_bytes(*bytes.first_chunk().unwrap_or(&[0; 8])))
}
