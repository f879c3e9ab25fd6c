//! The side of `portcullis ctl`.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Command, LINE_BYTES_MAX, Reply};

/// Why the gate could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// Nobody listens.
    #[error("no gate runs with the control socket {}; start one, or name its state folder with --state", .0.display())]
    Absent(PathBuf),
    /// The socket may not be opened.
    #[error("the control socket {} may not be opened by this user; become a member of the group `portcullis`, or use sudo", .0.display())]
    Permission(PathBuf),
    /// It broke, or took too long.
    #[error("the gate did not answer: {0}")]
    Broken(#[from] std::io::Error),
    /// What came is no reply.
    #[error("the gate's answer cannot be read: {0}; are gate and command of the same version?")]
    Reply(#[from] serde_json::Error),
}

/// Sends one command and waits for its reply, at most a minute.
///
/// # Errors
/// [`CtlError`].
pub fn call(socket: &Path, command: &Command) -> Result<Reply, CtlError> {
    let stream = UnixStream::connect(socket).map_err(|error| {
        let kind = error.kind();
        if kind == ErrorKind::PermissionDenied {
            CtlError::Permission(socket.to_owned())
        } else if matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused) {
            CtlError::Absent(socket.to_owned())
        } else {
            CtlError::Broken(error)
        }
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    (&stream).write_all(&line)?;
    let mut reply = String::new();
    BufReader::new((&stream).take(LINE_BYTES_MAX as u64)).read_line(&mut reply)?;
    Ok(serde_json::from_str(&reply)?)
}

const PATIENCE: Duration = Duration::from_secs(60);
