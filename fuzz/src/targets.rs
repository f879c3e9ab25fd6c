//! What each decoder promises about any input.

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use admission::core::Core;
use admission::known::LoginHeader;
use admission::pass::{LinkKeys, PassKeys, link_token};
use admission::reference::ReferenceKey;
use edge_io::{
    ClientAddress, Decoded, Front, Http1, JWKS_BYTES_MAX, JwtRules, KEYS_MAX, KeySet, Length, Messages,
    Meter, Piece, TOKEN_BYTES_MAX, Unproved, decode_client_hello, decode_proxy_protocol,
};
use guard::Guard;
use http::{HeaderMap, HeaderName, HeaderValue};
use incident::{ComponentSetting, Engine, Moment, Record, Settings, SignalSetting, Status, Watches};
use miniz_oxide::deflate::compress_to_vec;
use model::{Instant, Prefix, Timestamp};
use notify::ConsentKey;
use siphasher::sip::SipHasher13;
use status_io::is_unchanged;
use tickets::{Bound, Purpose, TicketKey};

// Decoders that are private to their crates are taken by their files.
#[path = "../../crates/portcullis/src/assess/line.rs"]
mod line;

#[path = "../../crates/edge-io/src/cookies.rs"]
mod cookie;

#[path = "../../crates/console-io/src/http/alertmanager.rs"]
mod webhook;

#[expect(dead_code, reason = "how old tickets are is the affair of who gave them")]
#[path = "../../crates/admission/src/ticket.rs"]
mod tickets;

// So is the comparison with the HTTP library, which edge-io's own tests make too.
#[path = "../../crates/edge-io/src/strict/http1/agreement.rs"]
mod agreement;

/// The key of passes and references in corpora.
const KEY: [u8; 32] = [7; 32];

/// What a recording begins with.
const RECORDING_HEADER: &[u8] = include_bytes!("../corpus/recording/header").split_at(1).1;

/// The public keys of the tokens in the corpus.
const JWKS: &[u8] = include_bytes!("../corpus/jwks/three-kinds");

/// The signature of a manifest, base64, before it in the corpus.
const MANIFEST_SIGNATURE_BYTES: usize = 88;

/// What is read of an alert's words: three pieces of foreign text, each byte of which may be written as ten, and ours.
const ALERT_TEXT_BYTES_MAX: usize = 3 * (model::Untrusted::BYTES_MAX * 10 + 3) + 32;

/// Longest PROXY protocol header that is read.
const PROXY_HEADER_BYTES_MAX: usize = 16 + 512;

/// What a copy of a status page says of itself. Without the key nobody signs anything that is believed.
pub fn manifest(data: &[u8]) {
    let (signature, bytes) = data.split_at(data.len().min(MANIFEST_SIGNATURE_BYTES));
    assert!(status::Manifest::open(bytes, signature, &status::PublicKey::new(KEY)).is_err());
}

/// A form, or the parameters of an address, that a stranger sends to the page.
pub fn form(data: &[u8]) {
    let fields = status::Fields::read(data);
    let address = fields.get("address").unwrap_or_default();
    assert!(address.len() <= data.len() * 3, "what is read is not longer than what was sent");
    assert!(fields.all("c").count() <= data.len());
}

/// What an Alertmanager posts: what is read of it is plain text, the engine heeds it within its limits and can read its record again,
/// and the public reads words of ours alone.
pub fn alertmanager(data: &[u8]) {
    let Ok(alerts) = webhook::alerts(data) else { return };
    for alert in &alerts {
        assert!(!alert.text.contains(char::is_control), "{:?}", alert.text);
        assert!(alert.text.len() <= ALERT_TEXT_BYTES_MAX && alert.fingerprint.len() <= 64);
    }
    let (mut engine, mut restored) = (attending(), attending());
    let moment = Moment { now: Instant::from_secs(1_000), wall: Timestamp::from_secs(1_800_000_000) };
    let (records, heeded) = engine.heed(&alerts, moment);
    assert!(heeded.signals + heeded.noted <= alerts.len() && records.len() <= alerts.len() + 3);
    for record in &records {
        assert!(record.bytes.len() <= Record::BYTES_MAX);
        restored.restore(&record.bytes, record.hash).expect("it has just been written");
    }
    let later = Moment { now: Instant::from_secs(1_000), wall: Timestamp::from_secs(1_800_000_060) };
    assert_eq!(engine.view(later.wall), restored.view(later.wall));
    let told = engine.view(later.wall).incidents;
    assert!(told.len() <= 1 && told.iter().all(|incident| incident.title == "Disruption of Phone"));
}

/// An engine that believes what alerts called `PhoneDead` say of the phone, and tells it at once.
fn attending() -> Engine {
    let phone = ComponentSetting {
        name: "Phone".to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Nothing,
    };
    let signal = SignalSetting {
        labels: vec![("alertname".to_owned(), "PhoneDead".to_owned())],
        component: phone.name.clone(),
        status: Status::PartialOutage,
    };
    Engine::new(Settings::new(vec![phone], Duration::ZERO)).attending(vec![signal])
}

/// A recording, without its checksums: the first byte says which kind of block the rest is the content of, 0 that it is a whole
/// recording. What can be read of steps can be decided upon.
pub fn recording(data: &[u8]) {
    let Some((&kind, content)) = data.split_first() else { return };
    let whole = recording::whole(content);
    assert!(whole <= content.len());
    let bytes = match kind {
        0 => content.to_vec(),
        kind => block(kind, content),
    };
    let mut core = Core::new(Guard::new(1));
    let mut steps = 0;
    for piece in recording::Pieces::new(&bytes) {
        match piece {
            Ok(recording::Piece::Steps(frames)) => {
                for frame in &frames {
                    core.step(&frame.summary, &frame.circumstances, frame.random);
                    assert!(frame.summary.traffic.names.is_empty());
                    steps += 1;
                }
            }
            Ok(recording::Piece::Snapshot(snapshot)) => drop(snapshot.core()),
            Ok(recording::Piece::Header(_) | recording::Piece::Posture(_)) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!(steps <= bytes.len(), "{steps} steps of {} bytes", bytes.len());
}

/// A block of a recording with its lengths and checksum, behind a header.
fn block(kind: u8, content: &[u8]) -> Vec<u8> {
    let packed = compress_to_vec(content, 0);
    let lengths =
        [content.len(), packed.len()].map(|length| u32::try_from(length).unwrap_or(0).to_le_bytes());
    let head = [&b"prt1"[..], &[kind], &lengths[0], &lengths[1]].concat();
    let mut hasher = SipHasher13::new();
    hasher.write(&head);
    hasher.write(&packed);
    let check = hasher.finish().to_le_bytes();
    let begins = if kind == 1 { &[][..] } else { RECORDING_HEADER };
    [begins, &head, &check, &packed].concat()
}

/// A line of an access log: what is read has a path without a query.
pub fn access_log(data: &[u8]) {
    if let Ok(entry) = line::parse(&String::from_utf8_lossy(data)) {
        assert!(!entry.path.contains(['?', '#']), "a query in `{}`", entry.path);
        assert!(entry.user.is_none_or(|user| user != "-"));
    }
}

/// A ClientHello: what is read of it is printable, and read as soon as it is there and not before.
pub fn client_hello(data: &[u8]) {
    let Ok(Some(shown)) = decode_client_hello(data) else { return };
    let text = shown.ja4.as_str();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    let begin = (0..=data.len()).find(|&end| !matches!(decode_client_hello(&data[..end]), Ok(None)));
    let begin = begin.expect("the whole of it is enough");
    let again = decode_client_hello(&data[..begin]).ok().flatten();
    assert_eq!(again, Some(shown));
}

/// Frames of a WebSocket: the count is the same however the bytes arrive. The first byte says in what pieces they do.
pub fn websocket_frames(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = Messages::default().read(stream);
    let mut messages = Messages::default();
    let pieces = stream.chunks(usize::from(size).max(1)).map(|piece| messages.read(piece));
    let (count, longest) = pieces
        .fold((0, 0), |(count, longest), passed| (count + passed.messages, passed.longest.max(longest)));
    assert_eq!((whole.messages, whole.longest), (count, longest), "in pieces of {size} bytes");
}

/// HTTP/1 framing: what is passed on the HTTP library takes for the same messages, or it ends the connection.
pub fn http1_agreement(data: &[u8]) {
    agreement::check(data);
}

/// HTTP/1 framing: requests have the same borders however their bytes arrive. The first byte says in what pieces they do.
pub fn http1_borders(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let (whole, piecemeal) = (borders(stream, stream.len()), borders(stream, usize::from(size).max(1)));
    assert_eq!(whole, piecemeal, "in pieces of {size} bytes");
}

/// Where heads and bodies end, and whether the stream is refused.
fn borders(stream: &[u8], size: usize) -> (Vec<usize>, bool) {
    let (mut http1, mut at, mut arrived, mut ends) = (Http1::default(), 0, 0, Vec::new());
    loop {
        assert!(at <= arrived, "more was read than had arrived");
        match http1.read(&stream[at..arrived]) {
            Ok(Piece::Skip(length)) => at += length,
            Ok(Piece::Head(length, _)) => {
                at += length;
                ends.push(at);
            }
            Ok(Piece::Body(length, has_ended)) => {
                at += length;
                if has_ended {
                    ends.push(at);
                }
            }
            Ok(Piece::Incomplete) if arrived < stream.len() => arrived = stream.len().min(arrived + size),
            Ok(Piece::Incomplete | Piece::Nothing) => return (ends, false),
            Err(_) => return (ends, true),
        }
    }
}

/// HTTP/2 frames: the same frames are too many however their bytes arrive, and no GOAWAY falls into the middle of a frame.
pub fn http2_frames(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let now = || Instant::from_secs(1_000);
    let count = |size: usize| {
        let mut meter = Meter::new(now());
        let outcome = stream.chunks(size.max(1)).try_for_each(|piece| meter.received(piece, &now));
        (outcome.is_err(), meter.is_in_head(), meter.goaway())
    };
    let (whole, piecemeal) = (count(stream.len()), count(usize::from(size)));
    assert_eq!(whole.0, piecemeal.0, "in pieces of {size} bytes");
    assert!(whole.0 || whole == piecemeal, "in pieces of {size} bytes");
}

/// A configuration: errors can be shown, and each says something.
pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(errors) = config::Config::parse("fuzz.toml", &text) {
        assert!(!errors.findings().is_empty(), "refused without a word");
        assert!(errors.findings().iter().all(|finding| !finding.what().is_empty()));
        assert!(errors.to_string().contains("fuzz.toml:"));
    }
}

/// `Cookie` headers: after removal none of the gate's is left, and the app's own is as before.
pub fn cookies(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n').take(8) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(http::header::COOKIE, value);
        }
    }
    let before = headers.clone();
    let found = cookie::find(before.get_all(http::header::COOKIE).iter(), Some("sid"));
    cookie::remove_gate_cookies(&mut headers);
    let left = cookie::find(headers.get_all(http::header::COOKIE).iter(), Some("sid"));
    assert!(!left.gate, "a cookie of the gate would reach the app");
    assert_eq!(left.session, found.session, "the app's cookie was harmed");
}

/// `X-Forwarded-For` and `Forwarded`: what a client writes before the front's own entry does not move the answer.
pub fn forwarded(data: &[u8]) {
    let sources = vec![Prefix::of([192, 0, 2, 0].into(), 24)];
    let (client, invented) = (IpAddr::from([203, 0, 113, 9]), String::from_utf8_lossy(data));
    for (name, entry, client_address) in [
        ("x-forwarded-for", "203.0.113.9", ClientAddress::XForwardedFor),
        ("forwarded", "for=203.0.113.9", ClientAddress::Forwarded),
    ] {
        let front =
            Front { sources: sources.clone(), client_address, ja4_header: None, country_header: None };
        let lines =
            [vec![format!("{invented}, {entry}, {entry}")], vec![invented.to_string(), entry.to_owned()]];
        for lines in lines {
            // A line that is no text names nobody.
            let values: Option<Vec<_>> = lines.iter().map(|line| visible(line)).collect();
            let Some(values) = values else { continue };
            let headers: HeaderMap =
                values.into_iter().map(|value| (HeaderName::from_static(name), value)).collect();
            assert_eq!(front.client(&headers), Some(client), "{headers:?}");
        }
    }
}

fn visible(line: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(line).ok().filter(|value| value.to_str().is_ok())
}

/// A set of keys: what is used and what is not are told apart, within the limits.
pub fn jwks(data: &[u8]) {
    match KeySet::parse(data) {
        Ok(keys) => assert!((1..=KEYS_MAX).contains(&keys.count()) && data.len() <= JWKS_BYTES_MAX),
        Err(error) => assert!(!error.to_string().is_empty(), "refused without a word"),
    }
}

/// A JSON web token: nobody forges one, so what is believed names the account of the corpus.
pub fn jwt(data: &[u8]) {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySet::parse(JWKS).expect("the key is whole"));
    static RULES: LazyLock<JwtRules> = LazyLock::new(|| JwtRules {
        issuer: "https://login.example".to_owned(),
        audience: "shop".to_owned(),
        account_claim: "sub".to_owned(),
    });
    let wall = Timestamp::from_secs(1_800_000_000);
    let Ok(unproved) = Unproved::read(data, &KEYS, &RULES, wall) else { return };
    if let Ok(proved) = unproved.prove(&KEYS) {
        assert!(data.len() <= TOKEN_BYTES_MAX);
        assert_eq!((proved.claims.account.as_str(), proved.claims.until.as_secs()), ("ann", 4_102_444_860));
    }
}

/// `Portcullis-Login`: an account is part of the header, and with a secret nothing unsigned is believed.
pub fn login_header(data: &[u8]) {
    if let Ok(account) = LoginHeader::new(None).account(data, b"id") {
        assert!(!account.is_empty() && account.len() <= 256);
        assert!(data.windows(account.len()).any(|window| window == account));
    }
    let (request_id, value) = data.split_at(data.len().min(8));
    // Nobody guesses an HMAC: whatever is believed here would be a forgery, but for the one of the corpus.
    if let Ok(account) = LoginHeader::new(Some(&KEY)).account(value, request_id) {
        assert_eq!(account, b"ann", "an unsigned account was believed");
    }
}

/// A pass: what opens seals to the same text.
pub fn pass(data: &[u8]) {
    let keys = PassKeys::new(&[(1, KEY)]);
    if let Ok(pass) = keys.open(data) {
        assert_eq!(keys.seal(&pass).as_str().as_bytes(), data);
    }
}

/// A link about words that wait: what opens seals to the same text.
pub fn consent_link(data: &[u8]) {
    let token = String::from_utf8_lossy(data);
    let key = ConsentKey::new(&KEY);
    if let Some(asked) = key.open(&token) {
        assert_eq!(key.seal(&asked), token);
    }
}

/// The path of a link for a customer: what opens seals to the same path.
pub fn pass_link(data: &[u8]) {
    let path = String::from_utf8_lossy(data);
    let Some(token) = link_token(&path) else { return };
    let keys = LinkKeys::new(&[(1, KEY)]);
    match keys.open(token, Timestamp::from_secs(1_800_000_000)) {
        Ok(link) => assert_eq!(keys.seal(&link), path),
        Err(error) => assert!(!error.to_string().is_empty(), "refused without a word"),
    }
}

/// A ticket: what opens seals to the same text, and opens for one purpose and one holder alone. The first byte says for which
/// purpose it is read.
pub fn ticket(data: &[u8]) {
    opens_ticket(data);
}

/// As [`ticket`], and whether it opened.
pub fn opens_ticket(data: &[u8]) -> bool {
    let Some((&number, text)) = data.split_first() else { return false };
    let key = TicketKey::new(&KEY, b"visitor ticket");
    let [here, elsewhere] = [1, 2].map(|net| Bound::to_network([192, 0, net, 9].into(), b"browser"));
    let purpose = PURPOSES[usize::from(number) % PURPOSES.len()];
    let Some(ticket) = key.open(purpose, text, here) else { return false };
    let cookie = key.seal(purpose, ticket.second, ticket.word, here).set_cookie("ticket", 600);
    let sealed = cookie.strip_prefix("ticket=").and_then(|rest| rest.split(';').next());
    assert_eq!(sealed.map(str::as_bytes), Some(text), "two texts are one ticket");
    assert!(key.open(purpose, text, elsewhere).is_none(), "it opens for somebody else");
    for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
        assert!(key.open(other, text, here).is_none(), "it opens for {other:?} too");
    }
    true
}

/// What tickets are for.
const PURPOSES: [Purpose; 6] =
    [Purpose::Lane, Purpose::Place, Purpose::Cookie, Purpose::Wait, Purpose::Passed, Purpose::Visit];

/// The tag of a file, a line end, and a value of `If-None-Match`: it names the file only if the tag stands in it.
pub fn if_none_match(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (tag, value) = (String::from_utf8_lossy(&data[..end]), &data[end + 1..]);
    if !tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
        return;
    }
    let (strong, weak) = (format!("\"{tag}\""), format!("W/\"{tag}\""));
    let is_named = is_unchanged(value, &strong);
    assert_eq!(is_named, is_unchanged(value, &weak), "tags are compared weakly");
    let stands_there = value.windows(strong.len()).any(|window| window == strong.as_bytes());
    assert!(!is_named || stands_there || value.trim_ascii() == b"*");
    assert!(is_unchanged(strong.as_bytes(), &weak) && is_unchanged(weak.as_bytes(), &strong));
}

/// A network in text: what is read is written in a form that is read as the same.
pub fn prefix(data: &[u8]) {
    if let Ok(prefix) = String::from_utf8_lossy(data).parse::<Prefix>() {
        assert_eq!(prefix.to_string().parse(), Ok(prefix));
        assert!(prefix.contains(prefix.addr()));
    }
}

/// The PROXY protocol: a header ends within the input and within the limit, and needs all of its bytes.
pub fn proxy_protocol(data: &[u8]) {
    if let Ok(Decoded::Complete(proxied, length)) = decode_proxy_protocol(data) {
        assert!(length <= data.len() && length <= PROXY_HEADER_BYTES_MAX);
        assert_eq!(decode_proxy_protocol(&data[..length]), Ok(Decoded::Complete(proxied, length)));
        for shorter in 0..length {
            assert_eq!(decode_proxy_protocol(&data[..shorter]), Ok(Decoded::Partial), "at {shorter} bytes");
        }
    }
}

/// A reference: what opens seals to a text that opens to the same.
pub fn reference(data: &[u8]) {
    let key = ReferenceKey::new(&KEY);
    if let Ok(reference) = key.open(&String::from_utf8_lossy(data)) {
        assert_eq!(key.open(key.seal(&reference).as_str()), Ok(reference));
    }
}
