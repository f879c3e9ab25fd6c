//! What two processes say to each other over a socket pair: a kind, a length, that many bytes, perhaps descriptors.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

/// What a message is about; see the picture in the module above.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Kind {
    Hello = 1,
    Sockets = 2,
    Take = 3,
    Estate = 4,
    Serves = 5,
    Fails = 6,
    Inflight = 7,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Hello, Self::Sockets, Self::Take, Self::Estate, Self::Serves, Self::Fails, Self::Inflight];
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Why two processes cannot come to terms.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    /// The other one has ended.
    #[error("the other process has ended")]
    Ended,
    /// It says nothing.
    #[error("the other process does not answer in time")]
    Late,
    /// It is another program, or another version of this one that cannot talk to it.
    #[error("the other process says what this one does not understand")]
    Foreign,
    /// It says why it cannot.
    #[error("{0}")]
    Refused(String),
    /// The operating system.
    #[error("the channel between the two processes broke: {0}")]
    Broken(io::Error),
    /// What it left cannot be read.
    #[error(transparent)]
    Estate(#[from] admission::handover::HandoverError),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        let kind = error.kind();
        if [WouldBlock, TimedOut].contains(&kind) {
            Self::Late
        } else if [UnexpectedEof, BrokenPipe, ConnectionReset].contains(&kind) {
            Self::Ended
        } else {
            Self::Broken(error)
        }
    }
}

/// One end.
#[derive(Debug)]
pub(super) struct Channel(UnixStream);

impl Channel {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// Ends it for both, from another thread.
    pub(super) fn stopper(&self) -> io::Result<UnixStream> {
        self.0.try_clone()
    }

    /// Sends a message, with at most [`DESCRIPTORS_MAX`] descriptors.
    pub(super) fn send(
        &self,
        kind: Kind,
        bytes: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        self.0.set_write_timeout(Some(super::STEP_WITHIN))?;
        let mut head = [kind as u8; HEAD_BYTES];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(ChannelError::Foreign);
        }
        // The descriptors travel with the first byte; a head of nine bytes is never split on a fresh socket buffer, and if
        // it were, what is left follows.
        let sent = rustix::net::sendmsg(&self.0, &[IoSlice::new(&head)], &mut control, SendFlags::NOSIGNAL)
            .map_err(io::Error::from)?;
        let mut stream = &self.0;
        stream.write_all(&head[sent..])?;
        Ok(stream.write_all(bytes)?)
    }

    /// Waits for the next message.
    pub(super) fn receive(&self, within: Duration) -> Result<Message, ChannelError> {
        self.0.set_read_timeout(Some(within))?;
        let mut head = [0; HEAD_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::net::recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut head)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let received = received.map_err(io::Error::from)?.bytes;
        if received == 0 {
            return Err(ChannelError::Ended);
        }
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        let mut stream = &self.0;
        stream.read_exact(&mut head[received..])?;
        let (kind, length) = (head[0], u64::from_be_bytes(*head.last_chunk().unwrap_or(&[0; 8])));
        let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind).ok_or(ChannelError::Foreign)?;
        if length > BYTES_MAX {
            return Err(ChannelError::Foreign);
        }
        let mut bytes = Vec::new();
        stream.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(ChannelError::Ended);
        }
        Ok(Message { kind, bytes, descriptors })
    }

    /// Waits for a message of one kind.
    pub(super) fn expect(&self, kind: Kind, within: Duration) -> Result<Message, ChannelError> {
        let message = self.receive(within)?;
        match message.kind {
            there if there == kind => Ok(message),
            Kind::Fails => Err(ChannelError::Refused(String::from_utf8_lossy(&message.bytes).into_owned())),
            Kind::Hello | Kind::Sockets | Kind::Take | Kind::Estate | Kind::Serves | Kind::Inflight => {
                Err(ChannelError::Foreign)
            }
        }
    }
}

const HEAD_BYTES: usize = 9;
/// Tables of the largest configuration, full: some 100 MB.
const BYTES_MAX: u64 = 1 << 30;
/// The kernel's own limit is 253.
pub(super) const DESCRIPTORS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn pair() -> (Channel, Channel) {
        let (one, other) = UnixStream::pair().unwrap();
        (Channel::new(one), Channel::new(other))
    }

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn messages_and_descriptors_arrive_in_order() {
        let (old, new) = pair();
        let file = std::fs::File::open("/dev/null").unwrap();
        new.send(Kind::Hello, b"1", &[]).unwrap();
        old.send(Kind::Sockets, b"", &vec![file.as_fd(); DESCRIPTORS_MAX]).unwrap();
        old.send(Kind::Estate, &[7; 70_000], &[]).unwrap();
        assert_eq!(old.expect(Kind::Hello, SOON).unwrap().bytes, b"1");
        assert_eq!(new.expect(Kind::Sockets, SOON).unwrap().descriptors.len(), DESCRIPTORS_MAX);
        assert_eq!(new.expect(Kind::Estate, SOON).unwrap().bytes, vec![7; 70_000]);
    }

    #[test]
    fn a_process_that_ends_refuses_or_says_nothing_is_told_apart() {
        let (old, new) = pair();
        assert!(matches!(old.receive(Duration::from_millis(1)), Err(ChannelError::Late)));
        new.send(Kind::Fails, b"no certificate", &[]).unwrap();
        assert_eq!(old.expect(Kind::Hello, SOON).unwrap_err().to_string(), "no certificate");
        (&new.0).write_all(&[99; HEAD_BYTES]).unwrap();
        assert!(matches!(old.receive(SOON), Err(ChannelError::Foreign)));
        drop(new);
        assert!(matches!(old.receive(SOON), Err(ChannelError::Ended)));
    }
}
