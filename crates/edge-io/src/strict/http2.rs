//! A meter of HTTP/2 frames, in both directions (RFC 9113). Pure: bytes and time in, excess out.
//!
//! The library checks each frame; what it does not count is how many of them make work for nothing. Only the nine bytes
//! of frame headers are looked at.

use std::time::Duration;

use model::Instant;

/// Why a connection is ended with GOAWAY and ENHANCE_YOUR_CALM.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Excess {
    /// SETTINGS, PING, PRIORITY, empty DATA, unknown frames, and updates of windows that nothing was sent through.
    #[error("too many frames that carry nothing")]
    Control,
    /// Streams that either side reset (CVE-2023-44487, CVE-2025-8671).
    #[error("too many streams were reset")]
    Resets,
    /// CONTINUATION frames in one header block (VU#421644).
    #[error("too many CONTINUATION frames")]
    Continuation,
}

/// Counts the frames of one connection.
#[derive(Debug)]
pub struct Meter {
    inbound: Frames,
    outbound: Frames,
    control: Bucket,
    resets: Bucket,
    /// Updates of windows that DATA of ours or new streams have called for.
    window_credit: u32,
    continuations: u32,
    /// A header block has begun and not ended.
    in_header_block: bool,
    last_stream: u32,
}

impl Meter {
    /// Of a connection that begins at `now` with the client's preface.
    pub fn new(now: Instant) -> Self {
        Self {
            inbound: Frames::after(PREFACE_BYTES),
            outbound: Frames::after(0),
            control: Bucket::new(CONTROL_BURST, CONTROL_PER_SECOND, now),
            resets: Bucket::new(RESETS_BURST, RESETS_PER_SECOND, now),
            window_credit: 0,
            continuations: 0,
            in_header_block: false,
            last_stream: 0,
        }
    }

    /// Takes what the client sent; `now` is asked for only when a frame is charged.
    ///
    /// # Errors
    /// When there are too many frames of some kind; the connection is to be ended.
    pub fn received(&mut self, bytes: &[u8], now: &dyn Fn() -> Instant) -> Result<(), Excess> {
        let mut at = 0;
        while let Some(frame) = self.inbound.next(bytes, &mut at) {
            self.take(&frame, now)?;
        }
        Ok(())
    }

    /// Takes what the gate sent.
    ///
    /// # Errors
    /// As [`Meter::received`].
    pub fn sent(&mut self, bytes: &[u8], now: &dyn Fn() -> Instant) -> Result<(), Excess> {
        let mut at = 0;
        while let Some(frame) = self.outbound.next(bytes, &mut at) {
            match frame.kind {
                DATA => {
                    self.window_credit = self.window_credit.saturating_add(CREDIT_FOR_DATA).min(CREDIT_MAX)
                }
                RST_STREAM => self.resets.charge(now())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the client is in the middle of a frame other than DATA, or of a header block.
    pub fn is_in_head(&self) -> bool {
        self.in_header_block || self.inbound.is_within_head()
    }

    /// The GOAWAY that ends the connection; `None` in the middle of a frame of ours.
    pub fn goaway(&self) -> Option<[u8; 17]> {
        if !self.outbound.is_between() {
            return None;
        }
        let mut frame = [0; 17];
        frame[2] = 8;
        frame[3] = GOAWAY;
        frame[9..13].copy_from_slice(&self.last_stream.to_be_bytes());
        frame[13..].copy_from_slice(&ENHANCE_YOUR_CALM.to_be_bytes());
        Some(frame)
    }

    fn take(&mut self, frame: &Frame, now: &dyn Fn() -> Instant) -> Result<(), Excess> {
        match frame.kind {
            HEADERS => {
                self.last_stream = self.last_stream.max(frame.stream);
                self.continuations = 0;
                self.in_header_block = frame.flags & END_HEADERS == 0;
                // Some browsers widen the window of each stream that they open.
                self.window_credit = self.window_credit.saturating_add(1).min(CREDIT_MAX);
                Ok(())
            }
            CONTINUATION => {
                self.continuations += 1;
                self.in_header_block = frame.flags & END_HEADERS == 0;
                if self.continuations > CONTINUATIONS_MAX { Err(Excess::Continuation) } else { Ok(()) }
            }
            DATA if frame.length > 0 || frame.flags & END_STREAM != 0 => Ok(()),
            RST_STREAM => self.resets.charge(now()),
            WINDOW_UPDATE if self.window_credit > 0 => {
                self.window_credit -= 1;
                Ok(())
            }
            GOAWAY => Ok(()),
            _ => self.control.charge(now()),
        }
    }
}

/// A frame's header (section 4.1).
struct Frame {
    length: u32,
    kind: u8,
    flags: u8,
    stream: u32,
}

/// Finds frame headers in one direction.
#[derive(Debug)]
struct Frames {
    header: [u8; 9],
    /// How many of its bytes are there.
    filled: usize,
    /// Bytes until the next header.
    skip: u64,
    /// Kind of the frame whose payload is skipped.
    kind: u8,
}

impl Frames {
    const fn after(skip: u64) -> Self {
        Self { header: [0; 9], filled: 0, skip, kind: DATA }
    }

    /// The next header that is complete within `bytes`, from `at` on.
    fn next(&mut self, bytes: &[u8], at: &mut usize) -> Option<Frame> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len() - *at);
        *at += skipped;
        self.skip -= skipped as u64;
        let wanted = (self.header.len() - self.filled).min(bytes.len() - *at);
        self.header[self.filled..self.filled + wanted].copy_from_slice(&bytes[*at..*at + wanted]);
        *at += wanted;
        self.filled += wanted;
        if self.filled < self.header.len() {
            return None;
        }
        self.filled = 0;
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = self.header;
        let length = u32::from_be_bytes([0, l2, l1, l0]);
        (self.skip, self.kind) = (length.into(), kind);
        Some(Frame { length, kind, flags, stream: u32::from_be_bytes([s3 & 0x7F, s2, s1, s0]) })
    }

    fn is_between(&self) -> bool {
        self.filled == 0 && self.skip == 0
    }

    fn is_within_head(&self) -> bool {
        self.filled > 0 || (self.skip > 0 && self.kind != DATA)
    }
}

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    /// Thousandths of tokens.
    tokens: u64,
    burst: u64,
    per_second: u64,
    at: Instant,
    excess: Excess,
}

impl Bucket {
    const fn new((burst, excess): (u64, Excess), per_second: u64, at: Instant) -> Self {
        Self { tokens: burst * 1_000, burst: burst * 1_000, per_second, at, excess }
    }

    fn charge(&mut self, now: Instant) -> Result<(), Excess> {
        let since = now.since(self.at).min(Duration::from_secs(3_600));
        let earned = u64::try_from(since.as_millis()).unwrap_or(0) * self.per_second;
        if earned > 0 {
            self.tokens = (self.tokens + earned).min(self.burst);
            self.at = now;
        }
        self.tokens = self.tokens.checked_sub(1_000).ok_or(self.excess)?;
        Ok(())
    }
}

const PREFACE_BYTES: u64 = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const ENHANCE_YOUR_CALM: u32 = 0xB;
// decision-science, section 9.
const CONTROL_BURST: (u64, Excess) = (200, Excess::Control);
const CONTROL_PER_SECOND: u64 = 20;
const RESETS_BURST: (u64, Excess) = (100, Excess::Resets);
const RESETS_PER_SECOND: u64 = 10;
/// With header lists of 16 KiB.
const CONTINUATIONS_MAX: u32 = 5;
/// For a frame of DATA a client may widen the window of its stream and that of the connection.
const CREDIT_FOR_DATA: u32 = 2;
const CREDIT_MAX: u32 = 4_096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        frame.resize(9 + payload, 0);
        frame
    }

    fn meter() -> Meter {
        let mut meter = Meter::new(NOW);
        meter.received(&[0; 24], &|| NOW).unwrap();
        meter
    }

    /// How many frames of a kind are taken within one moment, up to a thousand.
    fn taken(kind: u8, flags: u8, payload: usize) -> usize {
        let mut meter = meter();
        (0..1_000).take_while(|_| meter.received(&frame(kind, flags, 1, payload), &|| NOW).is_ok()).count()
    }

    const NOW: Instant = Instant::from_secs(100);

    #[test]
    fn frames_that_carry_nothing_are_counted_and_others_are_not() {
        let (settings, ping, priority, unknown) = (4, 6, 2, 77);
        for kind in [settings, ping, priority, unknown, WINDOW_UPDATE, DATA] {
            assert_eq!(taken(kind, 0, 0), 200, "kind {kind}");
        }
        assert_eq!(taken(RST_STREAM, 0, 4), 100);
        assert_eq!(taken(CONTINUATION, 0, 10), 5);
        for (kind, flags, payload) in [(DATA, 0, 100), (DATA, END_STREAM, 0), (HEADERS, END_HEADERS, 50)] {
            assert_eq!(taken(kind, flags, payload), 1_000, "kind {kind}");
        }
    }

    #[test]
    fn a_client_that_reads_a_long_answer_may_widen_its_windows() {
        let mut meter = meter();
        for _ in 0..10_000 {
            meter.sent(&frame(DATA, 0, 1, 16_384), &|| NOW).unwrap();
            meter.received(&frame(WINDOW_UPDATE, 0, 1, 4), &|| NOW).unwrap();
            meter.received(&frame(WINDOW_UPDATE, 0, 0, 4), &|| NOW).unwrap();
        }
    }

    #[test]
    fn resets_of_both_sides_share_one_budget_that_time_fills_again() {
        let mut meter = meter();
        for _ in 0..50 {
            meter.received(&frame(RST_STREAM, 0, 1, 4), &|| NOW).unwrap();
            meter.sent(&frame(RST_STREAM, 0, 1, 4), &|| NOW).unwrap();
        }
        assert_eq!(meter.sent(&frame(RST_STREAM, 0, 1, 4), &|| NOW), Err(Excess::Resets));
        let later = NOW + Duration::from_secs(1);
        let more =
            (0..100).take_while(|_| meter.received(&frame(RST_STREAM, 0, 1, 4), &|| later).is_ok()).count();
        assert_eq!(more, 10);
    }

    #[test]
    fn goaway_names_the_last_stream_and_never_cuts_a_frame() {
        let mut meter = meter();
        meter.received(&frame(HEADERS, END_HEADERS, 7, 10), &|| NOW).unwrap();
        let goaway = meter.goaway().unwrap();
        assert_eq!(goaway, [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 11]);
        meter.sent(&frame(DATA, 0, 7, 100)[..50], &|| NOW).unwrap();
        assert_eq!(meter.goaway(), None);
    }

    proptest! {
        #[test]
        fn however_the_bytes_arrive_the_count_is_the_same(
            kinds in prop::collection::vec((0_u8..12, any::<bool>(), 0_usize..40), 1..300),
            cuts in prop::collection::vec(1_usize..64, 1..20),
        ) {
            let stream: Vec<u8> = kinds.iter().flat_map(|&(kind, ends, payload)| {
                frame(kind, if ends { END_HEADERS } else { 0 }, 1, payload)
            }).collect();
            let (mut whole, mut cut) = (meter(), meter());
            let expected = whole.received(&stream, &|| NOW);
            let mut rest = stream.as_slice();
            let mut seen = Ok(());
            for length in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*length).min(rest.len()));
                seen = seen.and(cut.received(piece, &|| NOW));
                rest = after;
                if rest.is_empty() || seen.is_err() {
                    break;
                }
            }
            prop_assert_eq!(seen, expected);
        }
    }
}
