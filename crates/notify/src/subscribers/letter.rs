//! The mails that subscribers get (RFC 5322): text and the same as HTML, one thread for each incident.

use data_encoding::BASE64;
use incident::{Civil, visible};
use model::Timestamp;

use super::news::News;
use super::words::CircleSettings;
use super::{MailAddress, Subscriber};
use crate::bodies::mail::{self, date, encoded, folded};

/// A mail, ready to be sent to one address.
#[derive(Clone, Eq, PartialEq)]
pub struct Letter {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipient.
    pub to: MailAddress,
    /// All of it, in ASCII.
    pub bytes: Vec<u8>,
}

/// The address and the links in it are nobody else's business.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter to {:?}, {} bytes", self.to, self.bytes.len())
    }
}

/// Asks whether somebody wants to hear of the page, and says nothing else.
pub(super) fn invitation(settings: &CircleSettings, to: &MailAddress, link: &str, now: Timestamp) -> Letter {
    let (name, base) = (&settings.name, &settings.base);
    let lines = vec![
        Line::Text(format!(
            "Somebody, probably you, asked {base} to send mail about {name} to this address."
        )),
        Line::Text("To agree, open this page within 24 hours and press the button there:".to_owned()),
        Line::Link(format!("{base}/subscribe/confirm?t={link}")),
        Line::Text("If it was not you, do nothing: this is the only mail.".to_owned()),
    ];
    let head = vec![
        format!("Subject: {}", encoded(&format!("[{name}] Confirm that you want mail about {name}"))),
        format!("Message-ID: <portcullis.invitation.{}@{}>", short(link), domain(settings)),
    ];
    letter(settings, to, head, &lines, now)
}

/// Says what the page says.
pub(super) fn news(settings: &CircleSettings, to: &Subscriber, news: &News, now: Timestamp) -> Letter {
    let handle = settings.key.handle(to.id);
    let (base, domain) = (&settings.base, domain(settings));
    let leave = format!("{base}/unsubscribe?t={handle}");
    let thread = format!("<portcullis.{}@{domain}>", news.subject);
    let head = vec![
        format!("Subject: {}", encoded(&format!("[{}] {}: {}", settings.name, news.label, news.title))),
        // The same whenever it is sent again: mail programs then show it once.
        format!("Message-ID: <portcullis.{}.{}@{domain}>", news.key, to.id),
        format!("In-Reply-To: {thread}"),
        format!("References: {thread}"),
        format!("List-Id: <status.{domain}>"),
        // RFC 2369 and RFC 8058.
        format!("List-Unsubscribe: <{leave}>"),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned(),
    ];
    let mut lines = vec![Line::Heading(format!("{}: {}", news.label, news.title))];
    lines.extend(paragraphs(&news.body).map(Line::Text));
    lines.extend(news.named.iter().cloned().map(Line::Soft));
    lines.push(Line::Soft(format!("Said at {} on the page:", moment(news.at))));
    lines.push(Line::Link(format!("{}/i/{}", settings.url, news.subject)));
    lines.push(Line::Soft("To hear of other components, or of nothing any more:".to_owned()));
    lines.push(Line::Link(format!("{base}/subscription?t={handle}")));
    letter(settings, &to.address, head, &lines, now)
}

/// A paragraph of a mail.
enum Line {
    Heading(String),
    Text(String),
    Soft(String),
    Link(String),
}

fn letter(
    settings: &CircleSettings,
    to: &MailAddress,
    head: Vec<String>,
    lines: &[Line],
    now: Timestamp,
) -> Letter {
    let from = &settings.from;
    let mut all = vec![
        format!("From: {} <{from}>", phrase(&format!("{} status", settings.name))),
        format!("To: {}", to.as_str()),
        format!("Date: {}", date(now)),
    ];
    all.extend(head);
    all.extend(FIXED.map(str::to_owned));
    let part = |kind: &str, text: &str| {
        format!(
            "--{BOUNDARY}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            folded(&BASE64.encode(text.as_bytes()))
        )
    };
    let bytes = format!(
        "{}\r\n\r\n{}{}--{BOUNDARY}--\r\n",
        all.join("\r\n"),
        part("plain", &plain(lines)),
        part("html", &html(lines))
    );
    Letter { from: from.clone(), to: to.clone(), bytes: bytes.into_bytes() }
}

fn plain(lines: &[Line]) -> String {
    let text = |line: &Line| match line {
        Line::Heading(text) | Line::Text(text) | Line::Soft(text) | Line::Link(text) => text.clone(),
    };
    mail::plain(&lines.iter().map(text).collect::<Vec<_>>().join("\n\n"))
}

fn html(lines: &[Line]) -> String {
    let of = |line: &Line| match line {
        Line::Heading(text) => format!("<h1 style=\"font-size:1.2em\">{}</h1>", escaped(text)),
        Line::Text(text) => format!("<p>{}</p>", escaped(text).replace('\n', "<br>\n")),
        Line::Soft(text) => format!("<p style=\"color:#595f69\">{}</p>", escaped(text)),
        Line::Link(url) => format!("<p><a href=\"{0}\">{0}</a></p>", escaped(url)),
    };
    let lines: Vec<String> = lines.iter().map(of).collect();
    let text = format!("<!DOCTYPE html>\n<html lang=\"en\"><body>\n{}\n</body></html>\n", lines.join("\n"));
    text.replace('\n', "\r\n")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push(c),
            c => out.extend(visible(c)),
        }
    }
    out
}

/// Parted by empty lines.
fn paragraphs(body: &str) -> impl Iterator<Item = String> {
    let body = body.replace("\r\n", "\n");
    let parts: Vec<String> = body.split("\n\n").map(|part| part.trim().to_owned()).collect();
    parts.into_iter().filter(|part| !part.is_empty())
}

/// A display name: as it is where it needs no quotes, else in quotes or as encoded words.
fn phrase(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    if is_plain && name.len() <= PHRASE_PLAIN_MAX {
        return name.to_owned();
    }
    if name.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    encoded(name)
}

fn domain(settings: &CircleSettings) -> &str {
    settings.from.rsplit('@').next().unwrap_or("localhost")
}

/// The end of a link: it differs with every link, and tells nothing.
fn short(link: &str) -> &str {
    link.get(link.len().saturating_sub(16)..).unwrap_or(link)
}

/// `2026-11-28 17:24 UTC`.
fn moment(at: Timestamp) -> String {
    let text = Civil::of(at).rfc3339();
    format!("{} {} UTC", &text[..10], &text[11..16])
}

const FIXED: [&str; 4] = [
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    // No text in base64 has a line like the border.
    "Content-Type: multipart/alternative; boundary=\"portcullis-part\"",
];
const BOUNDARY: &str = "portcullis-part";
const PHRASE_PLAIN_MAX: usize = 60;
