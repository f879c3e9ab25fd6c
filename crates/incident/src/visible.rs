//! Letters of people's words that are shown.

/// The letter that is shown for one on a line; `None`: none.
pub fn visible(letter: char) -> Option<char> {
    match letter {
        // Overrides could turn "not resolved" round; text of other scripts needs none of them.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => None,
        '\u{2028}' | '\u{2029}' => Some(' '),
        // XML 1.0, 2.2: not even as references.
        '\u{FFFE}' | '\u{FFFF}' => Some('\u{FFFD}'),
        letter if letter.is_control() => Some(' '),
        letter => Some(letter),
    }
}
