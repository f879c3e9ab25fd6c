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

/// Folders first, then the mirrors that are reached over ssh, then buckets. One that cannot be used as it is configured is among them
/// and says why: a gate that protects a shop does not stay down because of a mirror.
pub(crate) fn mirrors(status: &config::Status, state: &Path) -> Vec<Mirror> {
    let folders = status.export.iter().cloned().map(Mirror::Folder);
    let ssh = status.ssh.iter().map(|mirror| Mirror::Ssh(over_ssh(mirror, state)));
    let buckets = status.bucket.iter().map(|mirror| match bucket(mirror, state) {
        Ok(bucket) => Mirror::Bucket(bucket),
        Err(error) => Mirror::Unusable { name: bucket_name(mirror), why: error.to_string() },
    });
    folders.chain(ssh).chain(buckets).collect()
}

/// Why a bucket cannot be used, for `check`, which is strict.
pub(crate) fn check_buckets(status: &config::Status, state: &Path) -> Result<(), MirrorError> {
    status.bucket.iter().try_for_each(|mirror| bucket(mirror, state).map(drop))
}

fn bucket_name(mirror: &config::StatusBucket) -> String {
    format!("{}/{}/{}", mirror.endpoint, mirror.bucket, mirror.prefix.as_deref().unwrap_or_default())
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
    let name = bucket_name(mirror);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_without_its_secret_is_said_and_stops_nothing() {
        let text = "[[listen]]\naddress = \"127.0.0.1:8080\"\n[[site]]\n[[site.origin]]\nurl = \"http://127.0.0.1:3000\"\n[status]\n\
                    url = \"https://status.shop.example\"\nname = \"Shop\"\n[[status.bucket]]\nendpoint = \"https://s3.example\"\n\
                    bucket = \"page\"\naccess_key = \"who\"\nsecret_file = \"/nonexistent/secret\"\n";
        let (config, _warnings) = config::Config::parse("portcullis.toml", text).unwrap();
        let (status, state) = (config.status.unwrap(), Path::new("/nonexistent"));
        let [Mirror::Unusable { name, why }] = &mirrors(&status, state)[..] else {
            panic!("one that is said")
        };
        assert!(name.contains("s3.example") && why.contains("/nonexistent/secret"), "{name}: {why}");
        assert!(check_buckets(&status, state).is_err());
    }
}
