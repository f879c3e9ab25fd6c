//! Bytes of answers on connections of HTTP/2, counted for as long as they are in memory.
//!
//! What the library drops with a stream that is reset never reaches the socket, so there the socket's count would be wrong for ever.

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Clock;
use crate::gauge::Gauge;

/// A piece of an answer.
struct Unsent {
    piece: Bytes,
    charged: usize,
    gauge: Arc<Gauge>,
    clock: Clock,
}

/// The same bytes, which count as unsent until the last reference to them is gone.
pub(crate) fn counted(piece: Bytes, gauge: &Arc<Gauge>, clock: Clock) -> Bytes {
    if piece.is_empty() {
        return piece;
    }
    // A small piece would keep the whole buffer that it was read into.
    let piece = if piece.len() < PIECE_BYTES { Bytes::copy_from_slice(&piece) } else { piece };
    let charged = piece.len().max(PIECE_COST);
    gauge.queue_bytes(charged);
    Bytes::from_owner(Unsent { piece, charged, gauge: gauge.clone(), clock })
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.gauge.let_go(self.charged, &self.clock);
    }
}

/// Pieces from here on keep what they were read into: 64 KiB at most.
const PIECE_BYTES: usize = 32 * 1024;
/// What a piece costs however short it is: its own memory, its frame's, and their accounts.
const PIECE_COST: usize = 256;

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use model::Instant;

    use super::*;

    #[test]
    fn what_is_dropped_unsent_is_given_back() {
        let clock = Clock::start();
        let gauge = Arc::new(Gauge::new(Instant::from_secs(0)));
        gauge.multiplex();
        let large = counted(Bytes::from(vec![7; 10_000]), &gauge, clock);
        let small = counted(Bytes::from_static(b"data: 1\n\n"), &gauge, clock);
        assert_eq!(gauge.unsent(), 10_000 + 256);
        gauge.stall_at(clock.now());
        let half = large.slice(..5_000);
        drop(large);
        assert_eq!(gauge.unsent(), 10_000 + 256, "half of it is in use");
        drop(half);
        assert!(gauge.is_stalled() && gauge.unsent() == 256);
        drop(small);
        assert!(gauge.is_stalled() && gauge.unsent() == 0, "the socket has not taken what it was given");
        gauge.keeps(300);
        assert_eq!(gauge.unsent(), 300, "frames count until they are written");
        gauge.keeps(0);
        gauge.drained(&clock);
        assert!(!gauge.is_stalled() && gauge.unsent() == 0);
    }

    #[test]
    fn a_small_piece_does_not_keep_the_buffer_that_it_was_read_into() {
        let read = Bytes::from(vec![7; 8_192]);
        let gauge = Arc::new(Gauge::new(Instant::from_secs(0)));
        let piece = counted(read.slice(..10), &gauge, Clock::start());
        assert!(read.is_unique(), "the piece still refers to it");
        assert_eq!(piece, [7; 10][..]);
    }

    #[test]
    fn whoever_waits_for_room_is_woken_once_there_is_some() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let gauge = Arc::new(Gauge::new(Instant::from_secs(0)));
        let pieces: Vec<_> =
            (0..5).map(|_| counted(Bytes::from(vec![7; 10_000]), &gauge, Clock::start())).collect();
        gauge.wait_for_room(&Context::from_waker(&waker));
        let told: Vec<_> = pieces
            .into_iter()
            .map(|piece| {
                drop(piece);
                woken.0.load(std::sync::atomic::Ordering::Relaxed)
            })
            .collect();
        assert_eq!(told, [0, 0, 0, 1, 1], "10,000 bytes are room enough");
    }

    #[test]
    fn streams_that_are_reset_while_they_wait_leave_no_more_than_can_be_open() {
        let gauge = Gauge::new(Instant::from_secs(0));
        let woken: Vec<_> = (0..10_000).map(|_| Arc::new(Woken::default())).collect();
        for one in &woken {
            gauge.wait_for_room(&Context::from_waker(&Waker::from(one.clone())));
        }
        assert!(woken.iter().filter(|one| Arc::strong_count(one) > 1).count() <= 100);
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicU32);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
