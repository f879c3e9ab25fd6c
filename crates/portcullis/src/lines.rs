//! Lines of text as a terminal of 80 columns shows them.

use std::time::Duration;

use model::{Instant, Timestamp};

/// Columns of a line.
pub(crate) const COLUMNS: usize = 80;

/// Sections of a text, each with a word in front.
#[derive(Debug, Default)]
pub(crate) struct Sections(String);

impl Sections {
    /// Adds a section: the word, and behind it what is said, each on a line of its own and on as many as it takes.
    pub(crate) fn add<S: AsRef<str>>(&mut self, word: &str, said: impl IntoIterator<Item = S>) -> &mut Self {
        let mut front = format!("{word:<SECTION$}");
        for said in said {
            self.0.push_str(&wrapped(&front, SECTION, said.as_ref()));
            front = " ".repeat(SECTION);
        }
        self
    }

    /// The whole text, without a line end after the last line.
    pub(crate) fn finish(&self) -> String {
        self.0.trim_end().to_owned()
    }
}

/// Breaks a text at its spaces: the first line begins with `front`, all others with so many spaces. A word that is wider than
/// a line stays whole, so that it can be copied. Each line has its end.
pub(crate) fn wrapped(front: &str, indent: usize, text: &str) -> String {
    let mut lines = String::new();
    let (mut line, mut is_empty) = (front.to_owned(), true);
    for word in text.split(' ') {
        if !is_empty && width(&line) + 1 + width(word) > COLUMNS {
            lines.push_str(line.trim_end());
            lines.push('\n');
            (line, is_empty) = (" ".repeat(indent), true);
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

/// Parts with commas between them, as many on a line as fit: a line ends between two parts, never in the middle of one.
pub(crate) fn together(front: &str, indent: usize, parts: &[String]) -> String {
    let whole: Vec<String> = parts.iter().map(|part| part.replace(' ', BOUND)).collect();
    wrapped(front, indent, &whole.join(", ")).replace(BOUND, " ")
}

/// What a terminal needs for most texts.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// Both clocks at one moment, so that what happened on the one can be told on the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The monotonic clock.
    pub(crate) now: Instant,
    /// The wall clock.
    pub(crate) wall: Timestamp,
}

impl Moment {
    /// When something was, or will be, by the wall clock as it goes now.
    pub(crate) fn of(self, at: Instant) -> Timestamp {
        if at > self.now { self.wall + at.since(self.now) } else { self.wall.before(self.now.since(at)) }
    }

    /// A moment that is over, and how long ago it was.
    pub(crate) fn since(self, at: Instant) -> String {
        format!("{} ({} ago)", when(self.of(at)), span(self.now.since(at)))
    }

    /// A moment that is to come, and how long that takes.
    pub(crate) fn until(self, at: Timestamp) -> String {
        format!("{} (in {})", when(at), span(at.since(self.wall)))
    }
}

/// A moment as people write it, to the second.
pub(crate) fn when(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).ok();
    let moment = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string())
}

/// A duration in its two largest units.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        86_400.. => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// A share in percent, with as many digits as say something.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        0.0 => "0 %".to_owned(),
        10.0.. => format!("{percent:.0} %"),
        1.0.. => format!("{percent:.1} %"),
        _ => format!("{percent:.2} %"),
    }
}

/// A number for people: three digits that count, thousands apart.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => thousands(value),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A count with its thousands apart, such as 12,003.
pub(crate) fn count(count: u64) -> String {
    apart(&count.to_string())
}

fn thousands(value: f64) -> String {
    let text = format!("{:.0}", value.abs());
    format!("{}{}", if value < 0.0 { "-" } else { "" }, apart(&text))
}

fn apart(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A space at which no line ends.
const BOUND: &str = "\u{a0}";
/// Columns of the word in front of a section.
const SECTION: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal_unless_one_word_is() {
        let mut sections = Sections::default();
        let long = "a".repeat(90);
        let said = ["one two three four ".repeat(9), format!("see {long} there"), String::new()];
        sections.add("why", said.iter().map(|said| said.trim_end())).add("mode", ["auto"]);
        let text = sections.finish();
        assert!(text.lines().all(|line| width(line) <= COLUMNS || line.contains(&long)), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("why       one two"), "{text}");
        assert!(lines[1].starts_with("          ") && lines.last() == Some(&"mode      auto"), "{text}");
        assert!(lines.iter().any(|line| line.trim_start() == long), "it can be copied whole: {text}");
    }

    #[test]
    fn a_line_ends_between_two_parts() {
        let parts =
            ["customers 12345/12345", "visitors 12345/12345", "logins 99/99", "attack 78000 (got 12345)"];
        let text = together("  60 s: ", 8, &parts.map(str::to_owned));
        let expected = "  60 s: customers 12345/12345, visitors 12345/12345, logins 99/99,\n        attack 78000 (got 12345)\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn times_and_numbers_are_short() {
        let spans = [0, 59, 60, 3_599, 3_600, 86_399, 90_000, 172_800].map(Duration::from_secs).map(span);
        assert_eq!(spans.join(", "), "0 s, 59 s, 1 min, 59 min 59 s, 1 h, 23 h 59 min, 1 d 1 h, 2 d");
        let numbers = [0.0, 0.126, 12.34, 999.4, 1_234.4, 1e6, -1_500.0].map(number);
        assert_eq!(numbers.join(" "), "0.00 0.13 12.3 999 1,234 1,000,000 -1,500");
        assert_eq!([0.0, 0.0004, 0.017, 0.5, 2.4].map(percent).join(" "), "0 % 0.04 % 1.7 % 50 % 240 %");
        assert_eq!([0, 999, 1_000, 1_234_567].map(count).join(" "), "0 999 1,000 1,234,567");
    }
}
