//! Where the page is brought to, as a configuration says.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use status_io::{BucketAccess, BucketMirror, BucketPlace, Mirror, SshMirror, SshProgram};

/// Why a mirror cannot be written to as it is configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// The file with its secret.
    #[error("cannot read the secret of a bucket in {}: {error}", path.display())]
    Secret {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// What verifies it.
    #[error("[[status.bucket]]: {0}")]
    Bucket(String),
}

/// Folders first, then the mirrors that are reached over ssh, then buckets.
pub(crate) fn mirrors(status: &config::Status, state: &Path) -> Result<Vec<Mirror>, MirrorError> {
    let folders = status.export.iter().cloned().map(Mirror::Folder).map(Ok);
    let ssh = status.ssh.iter().map(|mirror| Ok(Mirror::Ssh(over_ssh(mirror, state))));
    let buckets = status.bucket.iter().map(|mirror| bucket(mirror, state).map(Mirror::Bucket));
    folders.chain(ssh).chain(buckets).collect()
}

fn over_ssh(mirror: &config::StatusSsh, state: &Path) -> SshMirror {
    let to = &mirror.to;
    SshMirror {
        program: if to.is_rsync() { SshProgram::Rsync } else { SshProgram::Sftp },
        user: to.user().to_owned(),
        host: to.host().to_owned(),
        port: to.port(),
        folder: to.folder().to_owned(),
        host_key: mirror.host_key.clone(),
        key_file: mirror.key_file.clone(),
        work: work(state, &to.to_string()),
    }
}

fn bucket(mirror: &config::StatusBucket, state: &Path) -> Result<BucketMirror, MirrorError> {
    let path = &mirror.secret_file;
    let secret =
        std::fs::read_to_string(path).map_err(|error| MirrorError::Secret { path: path.clone(), error })?;
    let prefix = mirror.prefix.clone().unwrap_or_default();
    let name = format!("{}/{}/{prefix}", mirror.endpoint, mirror.bucket);
    let place = BucketPlace {
        endpoint: mirror.endpoint.clone(),
        region: mirror.region.clone(),
        bucket: mirror.bucket.clone(),
        prefix,
        authorities: mirror.ca.clone(),
    };
    let access = BucketAccess { access_key: mirror.access_key.clone(), secret: secret.trim().to_owned() };
    BucketMirror::new(place, access, work(state, &name))
        .map_err(|error| MirrorError::Bucket(error.to_string()))
}

/// The folder where pages for a mirror are made ready: another for another address, whatever the order of the configuration.
fn work(state: &Path, name: &str) -> PathBuf {
    let hash = digest(&SHA256, name.as_bytes());
    let letters: String = hash.as_ref().iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect();
    state.join(FOLDER).join(letters)
}

const FOLDER: &str = "mirrors";
const NAME_BYTES: usize = 8;
