//! The text of a configuration, and how a place in it is shown.

use std::ops::Range;

use model::Untrusted;

use crate::nearest::nearest;

/// The text with its file's name and the places that are never shown.
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    /// Byte ranges of secrets.
    pub(crate) secrets: Vec<Range<usize>>,
}

/// A place in a text, as people count: lines and columns begin at 1, a column is one character.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// One line of the text with marks below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Excerpt {
    pub(crate) line: String,
    pub(crate) marks: String,
}

impl Source<'_> {
    /// Where a byte of the text is; beyond the end is the end.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = &self.text[..self.boundary(offset)];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Position { line, column: before[start..].chars().count() + 1 }
    }

    /// The line that a range begins in, with marks below the range.
    ///
    /// Secrets and what could redraw a terminal are replaced, character by character; of a long line a window
    /// is shown.
    pub(crate) fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let begin = self.boundary(span.start);
        let start = self.text[..begin].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let line = self.text[start..end].trim_end_matches('\r');
        let hidden_from = start + secret_value(line).unwrap_or(line.len());
        let shown =
            line.char_indices().map(|(at, c)| self.shown(start + at, c, hidden_from)).collect::<Vec<_>>();
        let first = self.text[start..begin].chars().count().min(shown.len());
        let stop = self.boundary(span.end).clamp(begin, end.max(begin));
        let length = self.text[begin..stop].trim_end().chars().count().max(1);
        window(&shown, first, length)
    }

    fn shown(&self, at: usize, c: char, hidden_from: usize) -> char {
        let secret = at >= hidden_from || self.secrets.iter().any(|span| span.contains(&at));
        match c {
            _ if secret => '*',
            '\t' => ' ',
            _ if is_drawable(c) => c,
            _ => '\u{fffd}',
        }
    }

    /// The nearest character border at or before `offset`.
    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// At most [`COLUMNS_MAX`] characters of a line, among them the first that is marked.
fn window(line: &[char], first: usize, length: usize) -> Excerpt {
    let from = if line.len() <= COLUMNS_MAX || first < COLUMNS_MAX / 2 { 0 } else { first - COLUMNS_MAX / 2 };
    let to = line.len().min(from + COLUMNS_MAX);
    let mut shown = String::new();
    if from > 0 {
        shown.push('…');
    }
    shown.extend(&line[from..to]);
    if to < line.len() {
        shown.push('…');
    }
    let pad = first - from + usize::from(from > 0);
    let length = length.min(to.saturating_sub(first).max(1));
    Excerpt { line: shown, marks: " ".repeat(pad) + &"^".repeat(length) }
}

/// Where the value begins on a line whose key looks like one that holds a secret, mistyped or not.
///
/// The parser tells where secrets are, but not on lines that it could not read.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices('=').find_map(|(at, _)| {
        let key = line[..at].trim_end().rsplit(|c: char| !is_key(c)).find(|word| !word.is_empty())?;
        nearest(key, SECRET_KEYS).filter(|near| !near.contains('_')).map(|_| at + 1)
    })
}

fn is_key(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_drawable(c: char) -> bool {
    let escaped = Untrusted::new(c.encode_utf8(&mut [0; 4]).as_bytes()).to_string();
    escaped.chars().eq([c]) || matches!(c, '"' | '\\' | '`')
}

/// Keys that hold secrets, the words that people may write instead, and harmless keys that look alike.
const SECRET_KEYS: [&str; 6] = ["secret", "password", "passwd", "token", "secret_file", "secret_header"];
const COLUMNS_MAX: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, span: Range<usize>, line: &str, marks: &str) {
        let source = Source { name: "x", text, secrets: Vec::new() };
        let excerpt = source.excerpt(&span);
        assert_eq!((excerpt.line.as_str(), excerpt.marks.as_str()), (line, marks));
    }

    #[test]
    fn marks_stand_below_the_characters_they_mean() {
        check("a = 1\nbö = 2\n", 6..9, "bö = 2", "^^");
        check("a = 1\nbö = 2\n", 12..13, "bö = 2", "     ^");
        check("", 0..0, "", "^");
        check("a\r\nb", 1..4, "a", " ^");
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source { name: "x", text: "a = 1\nbö = 2\n", secrets: Vec::new() };
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(10), Position { line: 2, column: 4 });
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
    }

    #[test]
    fn secrets_and_controls_are_not_shown() {
        check("secret = \"hunter2", 9..10, "secret =*********", "         ^");
        check("secert = \"x\"", 0..6, "secert =****", "^^^^^^");
        check("{ path = 1, secret = 2 }", 0..1, "{ path = 1, secret =****", "^");
        check("secret_file = \"/a\"", 0..1, "secret_file = \"/a\"", "^");
        check("a = \"\u{202e}\u{7}\"", 0..1, "a = \"\u{fffd}\u{fffd}\"", "^");
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}!{}", "a".repeat(400), "b".repeat(400));
        let source = Source { name: "x", text: &text, secrets: Vec::new() };
        let excerpt = source.excerpt(&(400..401));
        assert_eq!(excerpt.line.chars().nth(excerpt.marks.len() - 1), Some('!'));
        assert_eq!(excerpt.line.chars().count(), COLUMNS_MAX + 2);
    }
}
