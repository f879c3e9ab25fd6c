//! Mail to admins (RFC 5322): plain text, and one thread for each incident.

use data_encoding::BASE64;
use incident::{Civil, visible};
use model::Timestamp;

use super::Parcel;
use crate::notice::{DECIDE, Notice, What};
use crate::receiver::Sender;

/// A mail about an incident.
pub(super) fn parcel(from: &str, to: &str, sender: &Sender, notice: &Notice, now: Timestamp) -> Parcel {
    let domain = from.rsplit('@').next().unwrap_or("localhost");
    let thread = format!("<portcullis.{}@{domain}>", notice.incident);
    let is_first = notice.what == What::Opened;
    // The first is what the others refer to.
    let id = if is_first { thread.clone() } else { format!("<portcullis.{}@{domain}>", notice.key()) };
    let subject = format!("[{}] [{}] {}", sender.site, notice.severity.name(), notice.headline());
    let mut head = vec![
        format!("From: Portcullis <{from}>"),
        format!("To: {}", to),
        format!("Subject: {}", encoded(&subject)),
        format!("Date: {}", date(now)),
        format!("Message-ID: {id}"),
    ];
    if !is_first {
        head.push(format!("In-Reply-To: {thread}"));
        head.push(format!("References: {thread}"));
    }
    head.extend(FIXED.map(str::to_owned));
    let bytes = format!(
        "{}\r\n\r\n{}\r\n",
        head.join("\r\n"),
        folded(&BASE64.encode(body(sender, notice).as_bytes()))
    );
    Parcel::Mail { from: from.to_owned(), to: to.to_owned(), bytes: bytes.into_bytes() }
}

fn body(sender: &Sender, notice: &Notice) -> String {
    let mut lines = vec![notice.headline(), String::new()];
    if !notice.text.is_empty() {
        lines.extend([notice.text.clone(), String::new()]);
    }
    if let Some(link) = sender.link(notice) {
        lines.extend([format!("To {DECIDE}:"), link, String::new()]);
    }
    lines.extend(notice.details().iter().map(|(name, text)| format!("{name}: {text}")));
    lines.push(format!("site: {}", sender.site));
    lines.extend(sender.page.iter().map(|page| format!("status page: {page}")));
    plain(&lines.join("\n"))
}

/// Text as it is in a mail: nobody sees another than was written, and lines end in CR LF.
pub(crate) fn plain(text: &str) -> String {
    let lines = text.lines().map(|line| line.chars().filter_map(visible).collect::<String>() + "\r\n");
    lines.collect()
}

/// A header's text, folded where it is plain, and else as encoded words (RFC 2047), so that no byte of it can begin another header.
pub(crate) fn encoded(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) && !text.contains("=?");
    let is_foldable =
        text.trim() == text && !text.contains("  ") && text.split(' ').all(|word| word.len() < LINE_MAX);
    if is_plain && is_foldable {
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) if line.len() + 1 + word.len() <= LINE_MAX => *line += &format!(" {word}"),
                _ => lines.push(word.to_owned()),
            }
        }
        return lines.join("\r\n ");
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars().filter_map(visible) {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= WORD_BYTES => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word.as_bytes())));
    words.collect::<Vec<_>>().join("\r\n ")
}

/// `Sat, 28 Nov 2026 17:24:01 +0000`.
pub(crate) fn date(at: Timestamp) -> String {
    let (civil, days) = (Civil::of(at), at.as_secs() / 86_400);
    // The first of January 1970 was a Thursday.
    let weekday = WEEKDAYS[usize::try_from((days + 4) % 7).unwrap_or_default()];
    let Civil { year, day, hour, minute, second, .. } = civil;
    format!("{weekday}, {day} {} {year} {hour:02}:{minute:02}:{second:02} +0000", civil.month_name())
}

/// Lines of 76 characters (RFC 2045, section 6.8).
pub(crate) fn folded(text: &str) -> String {
    let lines = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\r\n")
}

const FIXED: [&str; 5] = [
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/// An encoded word has 75 characters at most; so many bytes make 56, with 12 around them and the name before them.
const WORD_BYTES: usize = 42;
/// A line should have no more than 78 characters; the first has the header's name.
const LINE_MAX: usize = 68;
