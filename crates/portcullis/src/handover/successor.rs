//! The new process's side.

use std::fs::File;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use admission::handover::Handover;
use admission::site::Site;
use model::{Instant, Mode};

use super::channel::{Channel, ChannelError, Kind, Message};
use super::{HELLO_WITHIN, INFLIGHT_EVERY, Inherited, STDIN, STEP_WITHIN, VARIABLE};

/// A predecessor that is to be succeeded.
#[derive(Debug)]
pub(crate) struct Takeover {
    channel: Channel,
    lock: Option<OwnedFd>,
    keys: Handover,
}

impl Takeover {
    /// The channel that a predecessor gave this process, if one did. Nothing is asked of it yet.
    pub(crate) fn offered() -> Option<Offer> {
        let offered = std::env::var_os(VARIABLE).is_some_and(|value| value == STDIN);
        let stdin = offered.then(|| std::io::stdin().as_fd().try_clone_to_owned().ok())??;
        Some(Offer(Channel::new(UnixStream::from(stdin))))
    }

    /// The lock on the state folder.
    pub(crate) fn take_lock(&mut self) -> Option<OwnedFd> {
        self.lock.take()
    }

    /// What the predecessor's tables are keyed with, and what its clock read.
    pub(crate) fn keys(&self) -> &Handover {
        &self.keys
    }

    /// What it knows, as late as possible: it goes on serving until this process does.
    pub(crate) fn estate(&self) -> Result<Handover, ChannelError> {
        self.channel.send(Kind::Take, b"", &[])?;
        Ok(Handover::decode(&self.channel.expect(Kind::Estate, STEP_WITHIN)?.bytes)?)
    }

    /// This process serves. From now on the predecessor tells what it still has at the app, until it ends.
    pub(crate) fn serves(self, site: Arc<Site>) -> Result<(), ChannelError> {
        self.channel.send(Kind::Serves, b"", &[])?;
        let listening = move || {
            while let Ok(Message { kind: Kind::Inflight, bytes, .. }) =
                self.channel.receive(INFLIGHT_EVERY * MISSED_MAX)
            {
                site.set_elsewhere(bytes.try_into().map_or(0, u32::from_be_bytes));
            }
            site.set_elsewhere(0);
        };
        std::thread::Builder::new().name("predecessor".into()).spawn(listening)?;
        Ok(())
    }
}

/// A predecessor that waits for this process to be ready.
#[derive(Debug)]
pub(crate) struct Offer(Channel);

impl Offer {
    /// Says that this process can serve, and gets the sockets.
    fn accept(self) -> Result<(Takeover, Inherited), ChannelError> {
        self.0.send(Kind::Hello, env!("CARGO_PKG_VERSION").as_bytes(), &[])?;
        let (mut sockets, mut lock) = (Vec::new(), None);
        loop {
            let message = self.0.receive(HELLO_WITHIN)?;
            for descriptor in message.descriptors {
                let is_file =
                    File::from(descriptor.try_clone()?).metadata().is_ok_and(|there| there.is_file());
                if is_file {
                    lock = Some(descriptor);
                } else {
                    sockets.push(TcpListener::from(descriptor));
                }
            }
            match message.kind {
                Kind::Sockets => {}
                Kind::Estate => {
                    let keys = Handover::decode(&message.bytes)?;
                    return Ok((Takeover { channel: self.0, lock, keys }, Inherited::new(sockets)));
                }
                Kind::Hello | Kind::Take | Kind::Serves | Kind::Fails | Kind::Inflight => {
                    return Err(ChannelError::Foreign);
                }
            }
        }
    }

    /// To be kept for the case that this process cannot serve.
    pub(crate) fn voice(&self) -> Option<Voice> {
        self.0.stopper().ok().map(|stream| Voice(Channel::new(stream)))
    }
}

/// Tells the predecessor why this process cannot take its place.
#[derive(Debug)]
pub(crate) struct Voice(Channel);

impl Voice {
    /// Says it; it sees the end of this process too.
    pub(crate) fn decline(&self, why: &str) {
        let _said = self.0.send(Kind::Fails, why.as_bytes(), &[]);
    }
}

/// What was there before this process began.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Sockets that are open already.
    pub(crate) inherited: Inherited,
    /// The process whose place this one takes.
    pub(crate) predecessor: Option<Takeover>,
}

impl Beginning {
    /// With a predecessor, or with systemd's sockets, or with nothing.
    pub(crate) fn new(offer: Option<Offer>) -> Result<Self, ChannelError> {
        let Some(offer) = offer else {
            return Ok(Self { inherited: Inherited::from_systemd(), predecessor: None });
        };
        let (predecessor, inherited) = offer.accept()?;
        Ok(Self { inherited, predecessor: Some(predecessor) })
    }
}

/// What the tables of a process are keyed with, and what its clock reads.
pub(super) fn keys(table_seed: &[u8; 32], now: Instant, configured: Mode) -> Handover {
    let mut keys = Handover::default();
    keys.put("seed", table_seed.as_chunks().0.iter().map(|word| u64::from_be_bytes(*word)));
    keys.put("clock", [now.as_nanos()]);
    keys.put("mode", [configured as u64]);
    keys
}

/// The seed of [`keys`].
pub(crate) fn table_seed(keys: &Handover) -> Option<[u8; 32]> {
    let words: [u64; 4] = keys.array("seed")?;
    let mut seed = [0; 32];
    for (bytes, word) in seed.as_chunks_mut().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    Some(seed)
}

/// The clock of [`keys`].
pub(crate) fn clock(keys: &Handover) -> Option<Instant> {
    keys.array("clock").map(|[nanos]| Instant::from_nanos(nanos))
}

/// The mode of [`keys`].
pub(crate) fn mode(keys: &Handover) -> Option<Mode> {
    let [mode] = keys.array("mode")?;
    [Mode::Observe, Mode::Assist, Mode::Auto].into_iter().find(|known| *known as u64 == mode)
}

/// Reports that may fail to come before the predecessor counts as gone: two seconds.
const MISSED_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_out_as_they_went_in() {
        let seed = *b"thirty-two bytes of some secret!";
        let keys = keys(&seed, Instant::from_secs(4_000), Mode::Assist);
        assert_eq!(table_seed(&keys), Some(seed));
        assert_eq!((clock(&keys), mode(&keys)), (Some(Instant::from_secs(4_000)), Some(Mode::Assist)));
        assert_eq!(table_seed(&Handover::default()), None);
    }
}
