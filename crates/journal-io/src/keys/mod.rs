//! Secrets: one key file, the key of the status page, one console token, all readable by their owner alone and never in the journal.

mod error;
mod page;
#[cfg(test)]
mod tests;
mod text;
mod token;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use model::{SiteId, Timestamp};

pub use error::KeyError;
pub use page::{PageKey, Vouched};
pub use token::ConsoleToken;

use crate::disk;

/// How long one pass key seals, in days (contracts, "Privacy, quotas, keys").
pub const PASS_KEY_DAYS: u64 = 30;

/// How many pass keys are valid at one time.
pub const PASS_KEYS: usize = 4;

/// The gate's secrets: four independent 256-bit roots, each for one purpose, and everything derived from them.
///
/// Derivation is HMAC-SHA-256(root, label ‖ 0 ‖ number): who learns one derived key learns no other. Pass keys are
/// derived from the month, so two gates that were given the same file rotate together without talking to each other.
pub struct Keys {
    pass: Secret,
    account: Secret,
    reference: Secret,
    tables: Secret,
}

/// A key that seals or proves passes, with the number that the pass names it by.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct PassKey {
    /// The month that the key belongs to, counted from 1970 in steps of [`PASS_KEY_DAYS`], modulo 256.
    pub id: u8,
    /// The key.
    pub secret: [u8; 32],
}

impl Keys {
    /// The name of the key file in its folder.
    pub const FILE: &'static str = "keys";

    /// Reads `keys` in a folder, or makes folder and file with new secrets, mode 0600.
    ///
    /// Two gates that start at once in one folder agree on one file. A file that group or others may open is refused.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(Self::FILE);
        load_or_create(&path, || Ok(text::render(&Self::generate()?)), text::parse)
    }

    /// The pass keys at a moment, the sealing one last. Before it come those of the two months before, and that of the
    /// next month, for passes of a gate whose clock is ahead.
    ///
    /// Asking again is all there is to rotation; do it at least daily. `now` is the pass clock, which a jump of the
    /// wall clock does not advance (decision-science, section 0, 14): else a jump would seal with a key that the
    /// other gates do not accept yet.
    pub fn pass_keys(&self, now: Timestamp) -> [PassKey; PASS_KEYS] {
        let month = now.as_secs() / (PASS_KEY_DAYS * SECONDS_A_DAY);
        let months = [month + 1, month.saturating_sub(2), month.saturating_sub(1), month];
        months.map(|month| PassKey {
            id: u8::try_from(month % 256).expect("a remainder of 256 is less than 256"),
            secret: self.pass.derive("pass", month),
        })
    }

    /// The key that seals TLS session tickets on a day, counted from 1970.
    pub fn ticket_key(&self, day: u64) -> [u8; 32] {
        self.pass.derive("ticket", day)
    }

    /// The key of a site for account names: an account is only ever kept as a keyed hash (contracts, "Privacy").
    pub fn account_key(&self, site: SiteId) -> [u8; 32] {
        self.account.derive("account", site.0.into())
    }

    /// The key for identities that are no account names: session cookies and tokens.
    pub fn identity_key(&self, site: SiteId) -> [u8; 32] {
        self.account.derive("identity", site.0.into())
    }

    /// The key that pseudonyms of addresses in samples, logins and recordings are made with.
    pub fn pseudonym_key(&self, site: SiteId) -> [u8; 32] {
        self.account.derive("pseudonym", site.0.into())
    }

    /// The key that seals the reference on a refusal.
    pub fn reference_key(&self) -> [u8; 32] {
        self.reference.derive("reference", 0)
    }

    /// The key that links in mails to subscribers of a site's page are signed with.
    pub fn subscriber_key(&self, site: SiteId) -> [u8; 32] {
        self.reference.derive("subscriber", site.0.into())
    }

    /// The key that links in alerts about words that wait are signed with.
    pub fn consent_key(&self, site: SiteId) -> [u8; 32] {
        self.reference.derive("consent", site.0.into())
    }

    /// The secret that places unknown clients into cohorts during the `closing`-th closing of a site.
    ///
    /// Each closing has another, so that what an attacker learnt in the last one is worth nothing in this one.
    pub fn cohort_secret(&self, site: SiteId, closing: u64) -> [u8; 16] {
        let seed = self.tables.derive("cohort", site.0.into());
        half(Secret(seed).derive("closing", closing))
    }

    /// The SipHash key of a fixed table, by the table's name.
    pub fn table_key(&self, table: &str) -> [u8; 16] {
        half(self.tables.derive(table, 0))
    }

    fn generate() -> Result<Self, KeyError> {
        Ok(Self {
            pass: Secret::random()?,
            account: Secret::random()?,
            reference: Secret::random()?,
            tables: Secret::random()?,
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(secret)")
    }
}

impl fmt::Debug for PassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PassKey({}, secret)", self.id)
    }
}

/// Sixteen random bytes of the operating system, for what must differ in each process (a nonce, a pass, a request).
pub fn random_bytes() -> Result<[u8; 16], KeyError> {
    Secret::random().map(|secret| half(secret.0))
}

/// 256 bits that nobody else knows.
#[derive(Eq, PartialEq)]
struct Secret([u8; 32]);

impl Secret {
    #[expect(clippy::disallowed_methods, reason = "the one place where secrets are made")]
    fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
        Ok(Self(bytes))
    }

    fn derive(&self, label: &str, number: u64) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(label.as_bytes());
        context.update(&[0]);
        context.update(&number.to_be_bytes());
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

fn half(bytes: [u8; 32]) -> [u8; 16] {
    let [first, _] = bytes.as_chunks::<16>().0 else { unreachable!("32 bytes are two halves") };
    *first
}

/// Reads a secret file, or makes it under a lock, so that of two processes that start at once one makes it.
fn load_or_create<T>(
    path: &Path,
    create: impl FnOnce() -> Result<String, KeyError>,
    parse: impl Fn(&Path, &str) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    disk::make_folder(folder).map_err(|source| KeyError::Folder { path: folder.to_owned(), source })?;
    if let Some(text) = read_private(path)? {
        return parse(path, &text);
    }
    let cannot_write = |source| KeyError::Write { path: path.to_owned(), source };
    let _lock = disk::lock(&beside(path, ".lock"), true).map_err(cannot_write)?;
    if let Some(text) = read_private(path)? {
        return parse(path, &text);
    }
    let text = create()?;
    disk::replace(path, text.as_bytes()).map_err(cannot_write)?;
    parse(path, &text)
}

/// The text of a file that only its owner may open; nothing when there is no such file.
fn read_private(path: &Path) -> Result<Option<String>, KeyError> {
    let cannot_read = |source| KeyError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_read(error)),
    };
    let mode = file.metadata().map_err(cannot_read)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::OpenToOthers { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(cannot_read)?;
    Ok(Some(text))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

const SECONDS_A_DAY: u64 = 86_400;

/// More than any secret file needs; the rest of a larger file is not read.
const FILE_BYTES_MAX: u64 = 16 * 1024;
