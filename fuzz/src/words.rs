//! Words of people and of attackers, and everything that is made of them: whatever they are, they stay words.

use std::time::Duration;

use data_encoding::BASE64;
use incident::{
    Act, ComponentSetting, Draft, Engine, Maintenance, Moment, Progress, PublicId, Record, Settings, Stage,
    Status, View, Watches,
};
use model::{Instant, Timestamp, Untrusted};
use notify::subscribers::{Circle, CircleSettings, Kept, LinkKey, MailAddress, Outcome, Step};
use notify::{Answer, Hidden, Next, Parcel, Post, Receiver, Sender, Severity, SigningKey, Way};
use serde_json::Value;
use status::{Bundle, Page};

// What edge-io writes into its log is private to it.
#[path = "../../crates/edge-io/src/escape.rs"]
mod escape;

/// The component of the page.
const COMPONENT: &str = "Phone";

/// Saturday, 28 November 2026, 17:24:01 UTC.
const AT: Timestamp = Timestamp::from_secs(1_795_886_641);

/// Longest line of a mail to admins, without its end (RFC 5322, 2.1.1: "should").
const MAIL_COLUMNS: usize = 78;

/// Most bytes of a body that is posted to those who are alerted.
const ALERT_BYTES_MAX: usize = 16 * 1024;

/// What is said of an incident: its title, an empty line, and its text. Pages, feed, reports and mails have the markup that they have of
/// harmless words, and alerts and mail headers have the parts that they always have.
pub fn spoken_words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (title, body) = text.split_once("\n\n").unwrap_or((&text, &text));
    let Some((engine, records)) = told(title, body) else { return };
    check_alerts(&records);
    let view = engine.view(AT + Duration::from_secs(5));
    let [words, harmless] = [[title, body].map(str::to_owned), [title, body].map(harmless)];
    let [spoken, other] = [&words, &harmless].map(|[title, body]| spoken(view.clone(), title, body));
    check_files(&files(&spoken, title), &files(&other, &harmless[0]), title);
    let reports = [body, &harmless[1]].map(|text| Draft { text: text.to_owned(), charts: Vec::new() });
    let [report, other_report] = reports.map(|draft| text_of(status::report(&draft, AT)));
    assert!(!report.contains(is_hidden), "the report has letters that nobody sees");
    assert!(unmarked(&report) == unmarked(&other_report), "the report has other markup");
    let [letters, others] = [&spoken, &other].map(letters);
    assert_eq!((letters.len(), others.len()), (2, 2), "of an incident and of work");
    letters.iter().zip(&others).for_each(|(letter, other)| check_letter(letter, other));
}

/// What a client sends, in a line of the access log and in one of the gate's own log or an alert: it ends no line and no text.
pub fn logged_words(data: &[u8]) {
    let shown = Untrusted::new(data).to_string();
    let is_odd = |c: char| is_turning(c) || c.is_control() || matches!(c, '"' | '`');
    assert!(!shown.contains(is_odd), "{shown:?}");
    let mut line = b"{\"path\":\"".to_vec();
    escape::untrusted(&mut line, data);
    line.extend(b"\"}");
    assert!(!line.contains(&b'\n'));
    let read: Value = serde_json::from_slice(&line).expect("a line is JSON");
    assert_eq!(read, serde_json::json!({ "path": shown }), "the path is all that it says");
}

/// A gate that was told of an incident, and its record; `None` if it does not take these words.
fn told(title: &str, body: &str) -> Option<(Engine, Vec<Record>)> {
    let phone = ComponentSetting {
        name: COMPONENT.to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Nothing,
    };
    let mut engine = Engine::new(Settings::new(vec![phone], Duration::ZERO));
    let act = Act::Open {
        title: title.to_owned(),
        stage: Stage::Investigating,
        body: body.to_owned(),
        components: vec![(COMPONENT.to_owned(), Status::PartialOutage)],
    };
    let records = engine.act(act, None, "user 1000", moment()).ok()?;
    Some((engine, records))
}

fn moment() -> Moment {
    Moment { now: Instant::from_secs(1_000), wall: AT }
}

/// The same with a letter of no meaning in the place of each that markup knows. It is none that our Markdown knows either.
fn harmless(text: &str) -> String {
    text.replace(['<', '>', '"', '\'', '&'], "z")
}

/// Whether a letter changes what is seen and is not seen: other directions, other lines, what XML forbids.
fn is_hidden(c: char) -> bool {
    is_turning(c) || matches!(c, '\u{FFFE}' | '\u{FFFF}') || (c.is_control() && c != '\n')
}

/// Whether a letter gives text another direction or begins another line.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Every text of a page is one of these.
fn spoken(mut view: View, title: &str, body: &str) -> View {
    for component in &mut view.components {
        title.clone_into(&mut component.name);
        body.clone_into(&mut component.description);
    }
    for incident in &mut view.incidents {
        title.clone_into(&mut incident.title);
        body.clone_into(&mut incident.postmortem);
        incident.updates.iter_mut().for_each(|update| body.clone_into(&mut update.body));
    }
    view.maintenances.push(Maintenance {
        id: PublicId::of(&[9; 32]),
        title: title.to_owned(),
        body: body.to_owned(),
        created_at: AT,
        updated_at: AT,
        from: AT + Duration::from_secs(600),
        until: AT + Duration::from_secs(1_200),
        progress: Progress::Scheduled,
        components: vec![0],
    });
    view
}

fn files(view: &View, name: &str) -> Bundle {
    let page = Page::new(&format!("Shop {name}"), "https://status.shop.example");
    let page = page.and_then(|page| page.with_support(name, None)).expect("any words may be a name");
    status::render(view, &page, AT + Duration::from_secs(10))
}

fn check_files(bundle: &Bundle, harmless: &Bundle, title: &str) {
    for (path, file) in bundle.files().filter(|(path, _)| *path != "manifest.json") {
        let other = harmless.get(path).expect("the same files are made of other words");
        let [file, other] = [file, other].map(|file| text_of(file.bytes.clone()));
        if path.ends_with(".json") {
            let [file, other] =
                [file, other].map(|file| serde_json::from_str::<Value>(&file).expect("it is JSON"));
            assert!(same_json(&file, &other), "{path} has other parts than with harmless words");
            continue;
        }
        assert!(!file.contains(is_hidden), "{path} has letters that nobody sees");
        let is_same = match path {
            "history.atom" => seen(&file) == seen(&other),
            "status.txt" => self::harmless(&file) == self::harmless(&other),
            _ => unmarked(&file) == unmarked(&other),
        };
        assert!(is_same, "{path} is otherwise than with harmless words");
    }
    check_plain(&text_of(bundle.get("status.txt").expect("there is a text").bytes.clone()));
    let summary = text_of(bundle.get("api/v2/summary.json").expect("there is a summary").bytes.clone());
    let summary: Value = serde_json::from_str(&summary).expect("it is JSON");
    assert_eq!(summary["incidents"][0]["name"], title);
}

/// Lines that are not indented are ours: a verdict of the page and a sentence, when that is of, and what stands there.
fn check_plain(plain: &str) {
    let ours = plain.lines().skip(2).filter(|line| !line.is_empty() && !line.starts_with(' '));
    let kinds: Vec<&str> = ours.filter_map(|line| line.split([':', ' ', '/']).next()).collect();
    assert_eq!(kinds.join(" "), "As Incident Announced Components https", "{plain}");
}

/// The same parts with the same names, and texts that differ by harmless letters; the page's own id is made of its name.
fn same_json(one: &Value, other: &Value) -> bool {
    let is_id = |text: &str| text.parse::<PublicId>().is_ok();
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            harmless(one) == harmless(other) || (is_id(one) && is_id(other))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_json(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same_json(one, other)))
        }
        _ => one == other,
    }
}

/// A feed as a reader takes it: what is in its entries is HTML once the XML has been read.
fn seen(feed: &str) -> String {
    let read = |xml: &str| {
        let escaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        escaped.iter().fold(xml.to_owned(), |xml, (escaped, letter)| xml.replace(escaped, letter))
    };
    let mut parts = feed.split("<content type=\"html\">");
    let mut out = unmarked(parts.next().unwrap_or_default());
    for (html, rest) in parts.filter_map(|part| part.split_once("</content>")) {
        out.extend([unmarked(&read(html)), unmarked(rest)]);
    }
    out
}

/// With a letter of no meaning for each that is escaped: one that is not stays where it is.
fn unmarked(file: &str) -> String {
    let escaped = ["&lt;", "&gt;", "&quot;", "&#39;", "&amp;"];
    escaped.iter().fold(file.to_owned(), |file, escaped| file.replace(escaped, "z"))
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it is text")
}

/// What everybody who is alerted gets.
fn check_alerts(records: &[Record]) {
    let receivers = receivers();
    let sender =
        Sender { site: "shop".into(), page: Some("https://status.shop.example".into()), consent: None };
    let mut post = Post::new(sender, receivers.clone());
    post.hear(records, moment());
    for place in 0..receivers.len() {
        for number in 0..=records.len() {
            let Next::Send(parcel) = post.next(place, moment()) else {
                assert!(number > 0, "everybody is told");
                break;
            };
            match parcel {
                Parcel::Mail { bytes, .. } => check_mail(&text_of(bytes)),
                Parcel::Http { headers, body, .. } => check_request(&headers, &body),
            }
            post.settle(place, &Answer::Http { status: 202, retry_after: None, body: Vec::new() }, moment());
        }
    }
}

fn receivers() -> Vec<Receiver> {
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("the key is whole");
    let ways = [
        Way::PagerDuty { url: "https://events.example".into(), key: Hidden::new("k".repeat(32)) },
        Way::Alertmanager { url: "http://alerts.example:9093/".into(), bearer: None },
        Way::Slack { url: Hidden::new("https://hooks.example/secret".into()) },
        Way::Webhook { url: Hidden::new("https://hook.example/a?b=c".into()), key },
        Way::Mail { from: "gate@shop.example".into(), to: "ops@shop.example".into() },
    ];
    let receiver = |(number, way): (usize, Way)| Receiver {
        name: number.to_string(),
        least: Severity::Info,
        remind: None,
        per_minute: 30,
        way,
    };
    ways.into_iter().enumerate().map(receiver).collect()
}

fn check_request(headers: &[(&str, String)], body: &[u8]) {
    let json: Value = serde_json::from_slice(body).expect("it is JSON");
    assert!(body.len() < ALERT_BYTES_MAX, "{} bytes", body.len());
    assert!(headers.iter().all(|(_, value)| value.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
    // In a chat these would begin a link or call everybody.
    let is_chat = json.get("blocks").is_some();
    assert!(!is_chat || !json.to_string().contains(['<', '>']), "{json}");
}

fn check_mail(mail: &str) {
    let (head, body) = mail.split_once("\r\n\r\n").expect("a head ends");
    let names = names(head);
    let thread = if names.contains("In-Reply-To") { "In-Reply-To References " } else { "" };
    assert_eq!(
        names,
        format!(
            "From To Subject Date Message-ID {thread}Auto-Submitted X-Auto-Response-Suppress MIME-Version \
             Content-Type Content-Transfer-Encoding"
        )
    );
    assert!(head.split("\r\n").chain(body.split("\r\n")).all(|line| line.len() <= MAIL_COLUMNS), "{head}");
    check_shown(head, &decoded(body));
}

/// As a reader sees them: the subject is one line, and no letter hides.
fn check_shown(head: &str, text: &str) {
    let unfolded = head.replace("\r\n ", " ");
    let line = unfolded.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("it has a subject");
    for word in line.split(' ').filter(|word| word.contains("=?")) {
        let coded = word.strip_prefix("=?utf-8?B?").and_then(|word| word.strip_suffix("?="));
        let shown = decoded(coded.expect("nobody's words are encoded words"));
        assert!(!shown.contains(|c| is_hidden(c) || c == '\n'), "{shown:?}");
    }
    assert!(!text.replace("\r\n", "\n").contains(is_hidden), "{text:?}");
}

/// The names of a mail's headers (RFC 5322, 2.2); nothing else ends a line, and no line is of spaces alone.
fn names(head: &str) -> String {
    assert!(!head.replace("\r\n", "").contains(|c: char| c.is_control() || !c.is_ascii()), "{head:?}");
    let lines = head.split("\r\n");
    assert!(lines.clone().all(|line| !line.trim().is_empty()), "{head:?}");
    let named = lines.filter(|line| !line.starts_with(' '));
    let names: Vec<_> = named.map(|line| line.split_once(": ").expect("a header has a name").0).collect();
    names.join(" ")
}

/// What somebody gets who reads of this page by mail.
fn letters(view: &View) -> Vec<String> {
    let settings = CircleSettings {
        name: "Example Shop".to_owned(),
        url: "https://status.shop.example".to_owned(),
        base: "https://status.shop.example".to_owned(),
        from: "status@shop.example".to_owned(),
        per_second: 10,
        most: 1,
        key: LinkKey::new(&[7; 32]),
    };
    let mut circle = Circle::new(settings, Kept::default(), moment());
    let address: MailAddress = "reader@shop.example".parse().expect("it is an address");
    circle.admit(address, Vec::new(), moment()).expect("there is room for one");
    let earlier = View { incidents: Vec::new(), maintenances: Vec::new(), ..view.clone() };
    circle.hear(&earlier, moment());
    let mut later = Moment { now: moment().now + Duration::from_secs(5), wall: AT + Duration::from_secs(5) };
    circle.hear(view, later);
    let mut letters = Vec::new();
    // Keeping, sending and waiting for each, and some.
    for _ in 0..20 {
        match circle.next(later) {
            Step::Keep(_) => {}
            Step::Send(letter) => {
                circle.settle(Outcome::Taken, later);
                letters.push(text_of(letter.bytes));
            }
            Step::Wait(time) => later = Moment { now: later.now + time, wall: later.wall + time },
        }
    }
    letters
}

fn check_letter(letter: &str, harmless: &str) {
    let [(head, parts), (_, other_parts)] =
        [letter, harmless].map(|letter| letter.split_once("\r\n\r\n").expect("a head ends"));
    assert_eq!(
        names(head),
        "From To Date Subject Message-ID In-Reply-To References List-Id List-Unsubscribe List-Unsubscribe-Post \
         Auto-Submitted X-Auto-Response-Suppress MIME-Version Content-Type"
    );
    let [plain, html] = parts_of(parts);
    let [other_plain, other_html] = parts_of(other_parts);
    check_shown(head, &plain);
    check_shown(head, &html);
    assert!(self::harmless(&plain) == self::harmless(&other_plain), "{plain}");
    // Its values stand in double quotes, so that a single one means nothing there.
    let html = [html, other_html].map(|html| unmarked(&html).replace('\'', "z"));
    assert!(html[0] == html[1], "the mail has other markup: {}", html[0]);
}

/// The two parts of a mail.
fn parts_of(parts: &str) -> [String; 2] {
    let bodies: Vec<&str> = parts.split("base64\r\n\r\n").skip(1).collect();
    let bodies: [&str; 2] = bodies.try_into().expect("there are two parts");
    bodies.map(|body| decoded(body.split("\r\n--").next().unwrap_or_default()))
}

fn decoded(coded: &str) -> String {
    text_of(BASE64.decode(coded.replace("\r\n", "").as_bytes()).expect("it is base64"))
}
