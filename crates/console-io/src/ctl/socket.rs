//! The side of the gate.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Command, LINE_BYTES_MAX, Reply};
use crate::ControlPlane;

/// Opens the socket: its folder 0750, itself 0660 (contract). A socket that a dead gate left is replaced.
///
/// # Errors
/// The operating system's; [`io::ErrorKind::AddrInUse`] when another gate answers there.
pub(crate) fn open(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o750))?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers commands until the console stops; a few callers at a time.
pub(crate) async fn serve(listener: std::os::unix::net::UnixListener, plane: Arc<dyn ControlPlane>) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    let seats = Arc::new(tokio::sync::Semaphore::new(CALLERS_MAX));
    loop {
        let (Ok((stream, _)), Ok(seat)) = (listener.accept().await, seats.clone().acquire_owned().await)
        else {
            return;
        };
        let plane = plane.clone();
        tokio::task::spawn_local(async move {
            // A caller that goes away takes its reply with it.
            let _gone = tokio::time::timeout(CALL_MAX, answer(stream, &*plane)).await;
            drop(seat);
        });
    }
}

async fn answer(mut stream: UnixStream, plane: &dyn ControlPlane) -> io::Result<()> {
    let uid = stream.peer_cred().ok().map(|peer| peer.uid());
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    BufReader::new(reading.take(LINE_BYTES_MAX as u64)).read_line(&mut line).await?;
    let reply = match serde_json::from_str::<Command>(&line) {
        Ok(command) => match command.check() {
            Ok(()) => plane.command(uid, command),
            Err(error) => Reply::failed(error.to_string()),
        },
        Err(error) => Reply::failed(format!("this is no command: {error}")),
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.truncate(LINE_BYTES_MAX - 1);
    line.push(b'\n');
    writing.write_all(&line).await
}

const CALLERS_MAX: usize = 8;
const CALL_MAX: Duration = Duration::from_secs(60);
