//! Text that a client chose.

use std::fmt;

/// Text from a client, printable only in escaped form and never longer than [`Untrusted::BYTES_MAX`] bytes of it.
///
/// C0 and C1 controls, DEL, quotes, backslashes, bidirectional and other invisible format characters, line and
/// paragraph separators and invalid UTF-8 are written as `\xNN` or `\u{…}`, so that a line of a log, a terminal and
/// an alert hold what they seem to hold.
#[derive(Clone, Copy)]
pub struct Untrusted<'a>(&'a [u8]);

impl<'a> Untrusted<'a> {
    /// Bytes of the input that are shown; the rest is replaced by `…`.
    pub const BYTES_MAX: usize = 256;

    /// Wraps what a client sent.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> From<&'a str> for Untrusted<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = cut(self.0);
        for chunk in cut.utf8_chunks() {
            for c in chunk.valid().chars() {
                if is_plain(c) {
                    fmt::Write::write_char(f, c)?
                } else {
                    write!(f, "\\u{{{:x}}}", u32::from(c))?
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        if cut.len() < self.0.len() { f.write_str("…") } else { Ok(()) }
    }
}

impl fmt::Debug for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// At most `BYTES_MAX` bytes, not ending inside a character.
fn cut(bytes: &[u8]) -> &[u8] {
    if bytes.len() <= Untrusted::BYTES_MAX {
        return bytes;
    }
    let is_continuation = |byte: u8| byte & 0xC0 == 0x80;
    let start =
        (Untrusted::BYTES_MAX - 3..=Untrusted::BYTES_MAX).rev().find(|&at| !is_continuation(bytes[at]));
    &bytes[..start.unwrap_or(Untrusted::BYTES_MAX)]
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '"' | '\\' | '`')
        && !matches!(u32::from(c),
            0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_bidi_and_bad_utf8_are_escaped() {
        assert_eq!(Untrusted::new(b"a\x1b[31m\xff\"").to_string(), "a\\u{1b}[31m\\xff\\u{22}");
        assert_eq!(Untrusted::from("x\u{202e}y\u{85}").to_string(), "x\\u{202e}y\\u{85}");
        assert_eq!(Untrusted::from("grün").to_string(), "grün");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let long = "é".repeat(200);
        let shown = Untrusted::from(long.as_str()).to_string();
        assert_eq!(shown, format!("{}…", "é".repeat(128)));
        let odd = format!("a{long}");
        assert_eq!(Untrusted::from(odd.as_str()).to_string(), format!("a{}…", "é".repeat(127)));
    }

    proptest! {
        #[test]
        fn nothing_dangerous_survives(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let shown = Untrusted::new(&bytes).to_string();
            prop_assert!(shown.chars().all(|c| !c.is_control() && c != '"'));
            prop_assert!(shown.len() <= Untrusted::BYTES_MAX * 10 + 3);
        }
    }
}
