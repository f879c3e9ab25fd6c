//! The gate's side of the control socket.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use model::Untrusted;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Command, GROUP, LINE_BYTES_MAX, REPLY_BYTES_MAX, Reply, Socket};
use crate::desk::Desk;

/// Takes connections until the future is dropped. Must run inside a `LocalSet`.
pub(crate) async fn listen(listener: UnixListener, socket: Rc<Socket>, desk: Rc<Desk>) {
    let open = Rc::new(Cell::new(0_usize));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if open.get() >= CONNECTIONS_MAX {
            continue;
        }
        open.set(open.get() + 1);
        let seat = Seat(open.clone());
        let (socket, desk) = (socket.clone(), desk.clone());
        tokio::task::spawn_local(async move {
            serve(stream, &socket, &desk).await;
            drop(seat);
        });
    }
}

pub(super) async fn serve(stream: UnixStream, socket: &Socket, desk: &Desk) {
    // Who is not known may not command.
    let Ok(peer) = stream.peer_cred() else { return };
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(LINE_BYTES_MAX as u64);
        let reading = limited.read_until(b'\n', &mut line);
        let Ok(Ok(1..)) = tokio::time::timeout(REQUEST_PATIENCE, reading).await else { return };
        let is_whole = line.ends_with(b"\n");
        let reply = if !is_whole && line.len() >= LINE_BYTES_MAX {
            Reply::failed(format!("a request has at most {LINE_BYTES_MAX} bytes, with its line end"))
        } else if socket.admits(peer.uid()) {
            carry_out(&line, peer.uid(), desk).await
        } else {
            Reply::failed(not_admitted())
        };
        let bytes = encode(&reply);
        let writing = writer.write_all(&bytes);
        let is_written = matches!(tokio::time::timeout(REPLY_PATIENCE, writing).await, Ok(Ok(())));
        if !is_written || !is_whole {
            return;
        }
    }
}

async fn carry_out(line: &[u8], uid: u32, desk: &Desk) -> Reply {
    let command = match parse(line) {
        Ok(command) => command,
        Err(text) => return Reply::failed(text),
    };
    desk.command(Some(uid), command).await.unwrap_or_else(|undone| Reply::failed(undone.to_string()))
}

/// A request as it came over the socket or in the body of `POST /api/v1/ctl`.
pub(crate) fn parse(text: &[u8]) -> Result<Command, String> {
    serde_json::from_slice(text).map_err(|error| {
        let shown = Untrusted::new(text.trim_ascii());
        format!("the request {shown:?} is not a command: {error}; `portcullis ctl --help` lists them")
    })
}

/// One line of JSON, at most [`REPLY_BYTES_MAX`] long: too much is left without its data, then cut.
pub(super) fn encode(reply: &Reply) -> Vec<u8> {
    let whole = line(reply);
    if whole.len() <= REPLY_BYTES_MAX {
        return whole;
    }
    let mut reply = Reply { data: serde_json::Value::Null, ..reply.clone() };
    let mut bytes = line(&reply);
    while bytes.len() > REPLY_BYTES_MAX {
        let half = reply.text.len() / 2;
        reply.text.truncate(reply.text.floor_char_boundary(half));
        reply.text.push_str(CUT);
        bytes = line(&reply);
    }
    bytes
}

fn line(reply: &Reply) -> Vec<u8> {
    let mut line = serde_json::to_vec(reply).expect("a reply has only texts as keys");
    line.push(b'\n');
    line
}

fn not_admitted() -> String {
    format!(
        "this socket is open only to the user that runs the gate and to root, because the group `{GROUP}` cannot be used here; create it with `sudo groupadd --system {GROUP}`, add the gate's user and yours to it and start the gate again"
    )
}

/// One of the connections that are allowed at once.
struct Seat(Rc<Cell<usize>>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Connections at once; each costs a descriptor and at most a request and a reply of memory.
pub(super) const CONNECTIONS_MAX: usize = 32;
const CUT: &str = "…\nThe answer was too long and is cut here.";
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// From the reply before to the end of the next request.
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
const REPLY_PATIENCE: Duration = Duration::from_secs(10);
