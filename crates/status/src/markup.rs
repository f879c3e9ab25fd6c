//! Markup in the making: what comes from people is escaped, and only constants are not.

use incident::{PublicId, visible};
use model::Timestamp;

use crate::dates;

/// HTML or XML. Whoever adds to it says what it is: constants as they are, or text, which is escaped.
#[derive(Clone, Debug, Default)]
pub struct Markup(String);

impl Markup {
    /// A part of the markup itself. It is a constant of the program, so nobody's text can be passed for one.
    pub fn raw(&mut self, constant: &'static str) -> &mut Self {
        self.0.push_str(constant);
        self
    }

    /// Text of people on one line, inside an element or a quoted value.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars().filter_map(visible) {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                letter => self.0.push(letter),
            }
        }
        self
    }

    /// A number, which needs no escaping.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.push_str(&number.to_string());
        self
    }

    /// An identity, which has only letters and digits.
    pub fn id(&mut self, id: PublicId) -> &mut Self {
        self.0.push_str(id.as_str());
        self
    }

    /// Markup that was made elsewhere.
    pub fn part(&mut self, part: &Self) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    /// A moment for people and machines.
    pub fn time(&mut self, at: Timestamp) -> &mut Self {
        self.time_as(at, &dates::moment(at))
    }

    /// A moment in other words, as far as they are clear from what is around.
    pub fn time_as(&mut self, at: Timestamp, words: &str) -> &mut Self {
        self.raw("<time datetime=\"").text(&dates::rfc3339(at)).raw("\">").text(words).raw("</time>")
    }

    /// A whole day.
    pub fn time_as_date(&mut self, at: Timestamp, words: &str) -> &mut Self {
        self.raw("<time datetime=\"").text(&dates::iso_date(at)).raw("\">").text(words).raw("</time>")
    }

    /// Text of people in paragraphs; `<br>` where they began a line.
    pub fn paragraphs(&mut self, body: &str) -> &mut Self {
        for lines in paragraphs(body) {
            self.raw("<p dir=\"auto\">");
            for (place, line) in lines.iter().enumerate() {
                if place > 0 {
                    self.raw("<br>");
                }
                self.text(line);
            }
            self.raw("</p>\n");
        }
        self
    }

    /// As it is so far.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is sent.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

/// Paragraphs are parted by empty lines; each is a list of lines, none of them empty.
pub(crate) fn paragraphs(body: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = body.lines().map(str::trim).collect();
    let parts = lines.split(|line| line.is_empty());
    parts.filter(|part| !part.is_empty()).map(<[&str]>::to_vec).collect()
}

/// Text without what is not seen and changes what is: other lines, other directions, letters that XML forbids.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().filter_map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        check("<script>\"'&amp;]]>", "&lt;script&gt;&quot;&#39;&amp;amp;]]&gt;");
    }

    #[test]
    fn letters_that_are_not_seen_are_left_out() {
        check("a\u{202E}b\u{2066}c\r\nd\0e\u{FFFF}\u{85}", "abc  d e\u{FFFD} ");
    }

    #[test]
    fn empty_lines_part_paragraphs() {
        assert_eq!(paragraphs("one\ntwo\n \n\nthree\r\n"), [vec!["one", "two"], vec!["three"]]);
        assert!(paragraphs(" \n\n").is_empty());
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut markup = Markup::default();
        markup.text(text);
        assert_eq!(markup.as_str(), expected);
    }
}
