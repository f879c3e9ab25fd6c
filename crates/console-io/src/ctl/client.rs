//! The side of `portcullis ctl`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Untrusted;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::{Command, CommandError, GROUP, LINE_BYTES_MAX, REPLY_BYTES_MAX, Reply};

/// Why a command got no reply.
#[derive(Debug, thiserror::Error)]
pub enum CtlError {
    /// The command cannot be meant.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Nothing listens there.
    #[error(
        "no gate runs here: nobody answers at `{0}`. Start it with `portcullis run` or `portcullis protect URL`, or name the state folder of the one that runs with `--state`"
    )]
    NoGate(PathBuf),
    /// The socket is not for this user.
    #[error(
        "you may not use `{0}`: join its group with `sudo usermod -aG {GROUP} $USER` and sign in again, or put `sudo` before the command"
    )]
    NotAllowed(PathBuf),
    /// The gate is there but says nothing.
    #[error(
        "the gate at `{0}` does not answer within {seconds} s. It may still carry the command out; look with `portcullis ctl status`",
        seconds = PATIENCE.as_secs()
    )]
    Late(PathBuf),
    /// The gate hung up.
    #[error(
        "the gate at `{0}` closed the connection without a reply; it may be stopping, or answer too many at once. Try again"
    )]
    Closed(PathBuf),
    /// The command does not fit into a line.
    #[error("the command has {0} bytes; at most {LINE_BYTES_MAX} can be sent at once")]
    TooLong(usize),
    /// The gate answers something else.
    #[error(
        "the answer from `{path}` cannot be read; is this program of the same version as the gate? {source}"
    )]
    Garbled {
        /// The socket.
        path: PathBuf,
        /// What was wrong.
        source: serde_json::Error,
    },
    /// The operating system failed.
    #[error("cannot talk to `{path}`: {source}")]
    System {
        /// The socket.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

/// Sends one command over the socket at `path` and waits for the reply, for at most about a minute.
///
/// Nothing in the text of the reply can steer a terminal.
///
/// # Errors
/// [`CtlError`]. A command that the gate does not carry out is no error here but a reply that is not `ok`.
pub fn call(path: &Path, command: &Command) -> Result<Reply, CtlError> {
    command.check()?;
    let failed = |source| CtlError::of(path, source);
    let mut request = serde_json::to_vec(command).expect("a command has only texts as keys");
    request.push(b'\n');
    if request.len() > LINE_BYTES_MAX {
        return Err(CtlError::TooLong(request.len()));
    }
    let mut stream = open(path).map_err(failed)?;
    stream.write_all(&request).map_err(failed)?;
    let mut line = Vec::new();
    let mut limited = BufReader::new(stream).take(REPLY_BYTES_MAX as u64);
    limited.read_until(b'\n', &mut line).map_err(failed)?;
    if line.is_empty() {
        return Err(CtlError::Closed(path.to_owned()));
    }
    let mut reply: Reply = serde_json::from_slice(&line)
        .map_err(|source| CtlError::Garbled { path: path.to_owned(), source })?;
    reply.text = printable(&reply.text);
    Ok(reply)
}

impl CtlError {
    fn of(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionRefused, ConnectionReset, NotADirectory, NotFound, PermissionDenied,
            TimedOut, UnexpectedEof, WouldBlock,
        };
        let path = path.to_owned();
        let is = |kinds: &[io::ErrorKind]| kinds.contains(&source.kind());
        if is(&[NotFound, ConnectionRefused, NotADirectory]) {
            Self::NoGate(path)
        } else if is(&[PermissionDenied]) {
            Self::NotAllowed(path)
        } else if is(&[WouldBlock, TimedOut]) {
            Self::Late(path)
        } else if is(&[BrokenPipe, ConnectionReset, UnexpectedEof]) {
            Self::Closed(path)
        } else {
            Self::System { path, source }
        }
    }
}

/// Connects with the time limit already set: the standard library waits forever when the gate's backlog is full.
fn open(path: &Path) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket.into())
}

/// Escapes what [`Untrusted`] escapes, but for quotes and line ends: sentences of our own hold them.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '"' | '`' | '\\') {
            shown.push(c);
        } else {
            shown.push_str(&Untrusted::from(&*c.encode_utf8(&mut [0; 4])).to_string());
        }
    }
    shown
}

/// For each of connecting, sending and receiving; longer than the gate takes to give up.
const PATIENCE: Duration = Duration::from_secs(60);
