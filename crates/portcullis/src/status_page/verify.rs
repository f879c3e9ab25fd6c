//! Whether a copy of the page is to be believed: signed, whole, unchanged and not too old.

use std::path::PathBuf;
use std::time::Duration;

use edge_io::Clock;
use status::{CopyError, MANIFEST, Manifest, PublicKey, SIGNATURE};
use status_io::{CopyReadError, PageCopy};

/// A copy, and how to judge it.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Where the copy is: its address, or a folder.
    place: String,
    /// The key that signs the page: `portcullis status key` prints it on the gate's machine.
    #[arg(long)]
    key: PublicKey,
    /// The page that it must be a copy of, as [status] url has it; without it any page with that key will do.
    #[arg(long)]
    page: Option<String>,
    /// The number of a copy that was out before: an older one is refused.
    #[arg(long)]
    after: Option<u64>,
    /// A PEM file with the authority that the mirror's https is verified with, instead of those of the system.
    #[arg(long)]
    ca: Option<PathBuf>,
}

/// Why a copy must not be believed, or could not be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// What it is.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] CopyReadError),
    /// It changes faster than it can be read, or is read very slowly.
    #[error("the copy could not be read within {} s: the mirror, or the way to it, is too slow", .0.as_secs())]
    Late(Duration),
    /// The operating system gives no resources.
    #[error("cannot look at the copy: {0}")]
    Io(#[from] std::io::Error),
}

impl VerifyArgs {
    /// Looks at all of it; what is good about it.
    pub(super) fn run(&self) -> Result<String, VerifyError> {
        let copy = PageCopy::at(&self.place, self.ca.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let looked = runtime.block_on(async { tokio::time::timeout(WITHIN, self.look(&copy)).await });
        looked.unwrap_or(Err(VerifyError::Late(WITHIN)))
    }

    /// A mirror may be between two pages: what looks wrong then is looked at again.
    async fn look(&self, copy: &PageCopy) -> Result<String, VerifyError> {
        let mut before = None;
        loop {
            let bytes = copy.read(MANIFEST).await?;
            let looked = self.look_once(copy, &bytes).await;
            if looked.is_ok() || before.as_ref() == Some(&bytes) {
                return looked;
            }
            before = Some(bytes);
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn look_once(&self, copy: &PageCopy, bytes: &[u8]) -> Result<String, VerifyError> {
        let manifest = Manifest::open(bytes, &copy.read(SIGNATURE).await?, &self.key)?;
        manifest.check(self.page.as_deref(), Clock::start().wall(), self.after)?;
        let mut count = 0_usize;
        for path in manifest.paths() {
            manifest.check_file(path, &copy.read(path).await?)?;
            count += 1;
        }
        let successor = manifest.successor().map(|key| {
            format!("\nit is signed with the key that came after yours: check with --key {key} from now on")
        });
        Ok(format!(
            "the copy is good: {count} files as they were published; number {}, made {}, valid until {}{}",
            manifest.seq().unwrap_or_default(),
            manifest.generated_at(),
            manifest.valid_until(),
            successor.unwrap_or_default()
        ))
    }
}

/// For all of it.
const WITHIN: Duration = Duration::from_secs(300);
/// A mirror needs about so long from one page to the next.
const BETWEEN: Duration = Duration::from_secs(2);
