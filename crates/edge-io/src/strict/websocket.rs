//! The messages of a WebSocket, counted as they pass (RFC 6455, section 5.2). Nothing of their content is looked at.

/// Follows the frames of one direction of a WebSocket, however their bytes arrive.
#[derive(Debug, Default)]
pub struct Messages {
    /// Bytes of a frame's header that have arrived.
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    /// Bytes of the frame's payload that are still to come.
    payload_left: u64,
    /// Bytes of the message so far, all of its frames.
    message_bytes: u64,
    /// The frame under way is the last of its message.
    is_last: bool,
}

/// What some bytes held.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Passed {
    /// Messages that ended in them; pings, pongs and closes count as messages.
    pub messages: u32,
    /// The longest message that ended or is under way, as its frames announce it, in bytes.
    pub longest: u64,
}

impl Messages {
    /// Counts what these bytes bring.
    pub fn read(&mut self, mut bytes: &[u8]) -> Passed {
        let mut passed = Passed::default();
        while !bytes.is_empty() || (self.is_in_payload() && self.payload_left == 0) {
            if self.is_in_payload() {
                bytes = self.read_payload(bytes, &mut passed);
            } else {
                self.header[self.header_len] = bytes[0];
                self.header_len += 1;
                bytes = &bytes[1..];
                if self.is_in_payload() {
                    self.begin_payload();
                }
            }
            passed.longest = passed.longest.max(self.message_bytes);
        }
        passed
    }

    fn is_in_payload(&self) -> bool {
        self.header_len >= 2 && self.header_len == header_length(self.header[1])
    }

    /// The frame's header is complete.
    fn begin_payload(&mut self) {
        let extended = match self.header[1] & 0x7F {
            126 => &self.header[2..4],
            127 => &self.header[2..10],
            _ => &[],
        };
        let short = u64::from(self.header[1] & 0x7F);
        let announced = extended.iter().fold(0, |length, &byte| length << 8 | u64::from(byte));
        self.payload_left = if extended.is_empty() { short } else { announced };
        // A control frame may come between the frames of a message (section 5.4), and is never one of several.
        self.is_last = self.header[0] & FINAL != 0;
        if !self.is_control() {
            self.message_bytes = self.message_bytes.saturating_add(self.payload_left);
        }
    }

    fn is_control(&self) -> bool {
        self.header[0] & CONTROL != 0
    }

    fn read_payload<'a>(&mut self, bytes: &'a [u8], passed: &mut Passed) -> &'a [u8] {
        let here = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(bytes.len());
        self.payload_left -= here as u64;
        if self.payload_left == 0 {
            passed.longest = passed.longest.max(self.message_bytes);
            passed.messages = passed.messages.saturating_add(u32::from(self.is_last));
            if self.is_last && !self.is_control() {
                self.message_bytes = 0;
            }
            self.header_len = 0;
        }
        &bytes[here..]
    }
}

/// How long a frame's header is, by its second byte.
const fn header_length(second: u8) -> usize {
    let extended = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & MASKED == 0 { 0 } else { 4 }
}

const HEADER_BYTES_MAX: usize = 14;
const FINAL: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut bytes = match u16::try_from(length) {
            Ok(short @ 0..126) => vec![first, MASKED | u8::try_from(short).unwrap()],
            Ok(middle) => [vec![first, MASKED | 126], middle.to_be_bytes().to_vec()].concat(),
            Err(_) => [vec![first, MASKED | 127], (length as u64).to_be_bytes().to_vec()].concat(),
        };
        bytes.extend([1, 2, 3, 4]);
        bytes.resize(bytes.len() + length, 0x81);
        bytes
    }

    #[test]
    fn a_message_is_as_long_as_its_frames_together_and_pings_between_them_are_their_own() {
        let bytes = [frame(0x01, 100), frame(0x89, 7), frame(0x00, 70_000), frame(0x80, 0)].concat();
        assert_eq!(Messages::default().read(&bytes), Passed { messages: 2, longest: 70_100 });
    }

    #[test]
    fn a_length_counts_before_its_bytes_have_come() {
        let mut messages = Messages::default();
        assert_eq!(messages.read(&[0x82, 127, 0, 0, 0, 0, 0x7F]).longest, 0);
        assert_eq!(messages.read(&[0, 0, 0]).longest, 0x7F00_0000);
    }

    proptest! {
        #[test]
        fn however_the_bytes_arrive_the_count_is_the_same(
            frames in prop::collection::vec((any::<u8>(), prop_oneof![0_usize..200, 60_000_usize..70_000]), 0..6),
            size in 1_usize..5_000,
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|&(first, length)| frame(first, length)).collect();
            let whole = Messages::default().read(&bytes);
            let mut messages = Messages::default();
            let pieces = bytes.chunks(size).fold(Passed::default(), |sum, piece| {
                let passed = messages.read(piece);
                Passed { messages: sum.messages + passed.messages, longest: sum.longest.max(passed.longest) }
            });
            prop_assert_eq!(whole, pieces);
            let last = frames.iter().filter(|(first, _)| first & FINAL != 0).count();
            prop_assert_eq!(usize::try_from(whole.messages).unwrap(), last);
        }

        #[test]
        fn arbitrary_bytes_are_counted_without_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let passed = Messages::default().read(&bytes);
            prop_assert!(passed.messages as usize <= bytes.len());
        }
    }
}
