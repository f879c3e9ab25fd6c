//! The notation of `corpus/http2.toml`: one frame a line.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct File {
    case: Vec<Case>,
}

/// One case of the corpus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) rule: u8,
    pub(crate) rfc: String,
    pub(crate) frames: Vec<String>,
    pub(crate) expect: String,
    pub(crate) origin: Vec<String>,
    /// Whether the connection begins as it should.
    #[serde(default = "yes")]
    pub(crate) preface: bool,
}

const fn yes() -> bool {
    true
}

/// What a line of the notation does.
pub(crate) enum Step {
    Send(Vec<u8>),
    Pause,
}

impl Case {
    pub(crate) fn all() -> Vec<Self> {
        let file: File =
            toml::from_str(include_str!("../../../corpus/http2.toml")).expect("the corpus is TOML");
        file.case
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.frames.iter().map(|line| step(line)).collect()
    }
}

fn step(line: &str) -> Step {
    if line == "PAUSE" {
        return Step::Pause;
    }
    if let Some(raw) = line.strip_prefix("RAW ") {
        return Step::Send(payload(raw));
    }
    let (line, times, by) = repetition(line);
    let (line, length) = match line.rsplit_once(" LENGTH=") {
        Some((line, length)) => (line, Some(length.parse().expect("a length"))),
        None => (line, None),
    };
    let mut words = line.splitn(2, ' ');
    let kind = kind(words.next().unwrap_or_default());
    let mut rest = words.next().unwrap_or_default();
    let mut stream = 0;
    if rest.starts_with(|char: char| char.is_ascii_digit()) && !rest.starts_with("0x") {
        let (number, after) = rest.split_once(' ').unwrap_or((rest, ""));
        (stream, rest) = (number.parse().expect("a stream"), after);
    }
    let is_payload =
        |text: &str| ["{", "hex:", "text:", "zeros:"].iter().any(|begin| text.starts_with(begin));
    let (flags, rest) =
        if is_payload(rest) { ("-", rest) } else { rest.split_once(' ').unwrap_or((rest, "")) };
    let payload = payload(rest);
    let length = length.unwrap_or(payload.len());
    let mut bytes = Vec::new();
    for at in 0..times {
        let stream: u32 = stream + at * by;
        let length = u32::try_from(length).expect("a length").to_be_bytes();
        bytes.extend_from_slice(&length[1..]);
        bytes.extend_from_slice(&[kind, bits(kind, flags)]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(&payload);
    }
    Step::Send(bytes)
}

/// ` x100` or ` x100 step 2` at the end of a line.
fn repetition(line: &str) -> (&str, u32, u32) {
    let (before, by) = match line.rsplit_once(" step ") {
        Some((before, by)) if by.parse::<u32>().is_ok() => (before, by.parse().expect("a number")),
        _ => (line, 0),
    };
    match before.rsplit_once(" x") {
        Some((frame, times)) if times.parse::<u32>().is_ok() => (frame, times.parse().expect("a number"), by),
        _ => (line, 1, 0),
    }
}

fn kind(word: &str) -> u8 {
    const NAMES: [&str; 10] = [
        "DATA",
        "HEADERS",
        "PRIORITY",
        "RST_STREAM",
        "SETTINGS",
        "PUSH_PROMISE",
        "PING",
        "GOAWAY",
        "WINDOW_UPDATE",
        "CONTINUATION",
    ];
    match word.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).expect("a kind"),
        None => {
            let at = NAMES.iter().position(|name| *name == word);
            u8::try_from(at.unwrap_or_else(|| panic!("`{word}` is no kind of frame"))).expect("small")
        }
    }
}

fn bits(kind: u8, flags: &str) -> u8 {
    flags
        .split('|')
        .map(|flag| match flag {
            "" | "-" => 0,
            "END_STREAM" | "ACK" => 1,
            "END_HEADERS" => 4,
            "PADDED" => 8,
            "PRIORITY" => 0x20,
            hex => u8::from_str_radix(hex.trim_start_matches("0x"), 16)
                .unwrap_or_else(|_| panic!("`{hex}` is no flag of kind {kind}")),
        })
        .fold(0, |all, bit| all | bit)
}

fn payload(text: &str) -> Vec<u8> {
    if let Some(list) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return header_block(list);
    }
    match text.split_once(':') {
        Some(("hex", digits)) => hex(digits),
        Some(("text", text)) => latin1(text),
        Some(("zeros", count)) => vec![0; count.parse().expect("a count")],
        _ => Vec::new(),
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digit: u8| u8::try_from(char::from(digit).to_digit(16).expect("a digit")).expect("small");
    digits.chunks(2).map(|pair| value(pair[0]) << 4 | pair.get(1).map_or(0, |digit| value(*digit))).collect()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).expect("bytes are written as Latin-1")).collect()
}

/// HPACK literals without indexing and without Huffman coding (RFC 7541, section 6.2.2).
fn header_block(list: &str) -> Vec<u8> {
    let mut block = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let (value, after) = match after.strip_prefix('\'') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('\'').expect("a closing quote");
                (value, after.trim_start_matches(','))
            }
            None => after.split_once(", ").unwrap_or((after, "")),
        };
        block.push(0);
        for text in [name, value] {
            let bytes = latin1(text);
            integer(&mut block, bytes.len());
            block.extend(bytes);
        }
        rest = after.trim_start_matches(' ');
    }
    block
}

/// An integer with a prefix of seven bits (section 5.1).
fn integer(out: &mut Vec<u8>, mut value: usize) {
    let low = |value: usize| u8::try_from(value & 0x7F).expect("seven bits");
    if value < 127 {
        out.push(low(value));
        return;
    }
    out.push(127);
    value -= 127;
    while value >= 128 {
        out.push(low(value) | 128);
        value >>= 7;
    }
    out.push(low(value));
}
