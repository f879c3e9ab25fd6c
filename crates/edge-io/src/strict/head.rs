//! The head of a request: request line and fields (RFC 9112, sections 2 to 6).

use super::fault::Fault;
use super::http1::{Head, Length};
use super::text::{is_host, is_target, is_token, is_value, token_length, trim, value_length};

/// Reads a complete head, from its request line to the empty line that ends it.
pub(super) fn read(bytes: &[u8]) -> Result<Head, Fault> {
    let mut lines = Lines(bytes);
    let line = lines.next()?;
    let request = request_line(line)?;
    let (mut fields, mut rest) = (Fields::default(), lines.0);
    while !rest.starts_with(b"\r\n") {
        let (name, value, after) = next_field(rest)?;
        fields.count += 1;
        if rest.len() - after.len() > FIELD_BYTES_MAX + 2 || fields.count > FIELDS_MAX {
            return Err(Fault::HeadTooLarge);
        }
        fields.take(name, trim(value))?;
        rest = after;
    }
    fields.finish(&request)
}

/// A field line, read in one pass.
fn next_field(bytes: &[u8]) -> Result<FieldLine<'_>, Fault> {
    let (name, rest) = bytes.split_at(token_length(bytes));
    // A name that begins with a space is a folded line, one that ends with it is no token (sections 5.1 and 5.2).
    let rest = rest.strip_prefix(b":").filter(|_| !name.is_empty()).ok_or(Fault::Field)?;
    let (value, rest) = rest.split_at(value_length(rest));
    match rest {
        [b'\r', b'\n', after @ ..] => Ok((name, value, after)),
        [] | [b'\n', ..] => Err(Fault::Line),
        _ => Err(Fault::Field),
    }
}

/// A name, a value, and what follows the line.
type FieldLine<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// One field line, with its value trimmed.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let colon = memchr::memchr(b':', line).ok_or(Fault::Field)?;
    // A name that begins with a space is a folded line, one that ends with it is no token (sections 5.1 and 5.2).
    if !is_token(&line[..colon]) || !is_value(&line[colon + 1..]) {
        return Err(Fault::Field);
    }
    Ok((&line[..colon], trim(&line[colon + 1..])))
}

/// Lines that end with CR LF.
pub(super) struct Lines<'a>(pub(super) &'a [u8]);

impl<'a> Lines<'a> {
    pub(super) fn next(&mut self) -> Result<&'a [u8], Fault> {
        let end = memchr::memchr(b'\n', self.0).ok_or(Fault::Line)?;
        let (line, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        line.strip_suffix(b"\r\n").ok_or(Fault::Line)
    }
}

struct RequestLine {
    /// HTTP/1.1 and not 1.0.
    is_1_1: bool,
    is_connect: bool,
}

fn request_line(line: &[u8]) -> Result<RequestLine, Fault> {
    let bad = Fault::RequestLine;
    let method_end = memchr::memchr(b' ', line).ok_or(bad)?;
    let target_end = memchr::memrchr(b' ', line).filter(|&at| at > method_end).ok_or(bad)?;
    let (method, target) = (&line[..method_end], &line[method_end + 1..target_end]);
    if !is_token(method) || method.len() > METHOD_BYTES_MAX {
        return Err(bad);
    }
    if target.len() > TARGET_BYTES_MAX {
        return Err(Fault::TargetTooLong);
    }
    let is_1_1 = match &line[target_end + 1..] {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(Fault::Version);
        }
        _ => return Err(bad),
    };
    if !is_target(target) {
        return Err(bad);
    }
    let is_connect = method == b"CONNECT";
    match target {
        _ if is_connect => {
            if !is_host(target) {
                return Err(bad);
            }
        }
        [b'/', ..] => {}
        b"*" if method == b"OPTIONS" => {}
        _ => {
            let rest = strip_scheme(target).ok_or(bad)?;
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
            if !is_host(&rest[..end]) {
                return Err(bad);
            }
        }
    }
    Ok(RequestLine { is_1_1, is_connect })
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let (begin, rest) = target.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// What the fields say of framing.
#[derive(Default)]
struct Fields {
    count: usize,
    cookie_bytes: usize,
    host: bool,
    length: Option<u64>,
    chunked: bool,
    closes: bool,
    keeps_alive: bool,
    upgrades: bool,
    names_upgrade: bool,
}

impl Fields {
    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        // Most names are told apart by their length alone.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                if self.host || !is_host(value) {
                    return Err(Fault::Host);
                }
                self.host = true;
            }
            6 if name.eq_ignore_ascii_case(b"cookie") => {
                self.cookie_bytes += value.len();
                if self.cookie_bytes > COOKIE_BYTES_MAX {
                    return Err(Fault::HeadTooLarge);
                }
            }
            6 if name.eq_ignore_ascii_case(b"expect") && !value.eq_ignore_ascii_case(b"100-continue") => {
                return Err(Fault::Expectation);
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrades |= value.eq_ignore_ascii_case(b"websocket");
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.connection(value),
            14 => self.content_length(name, value)?,
            17 => self.transfer_encoding(name, value)?,
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for word in value.split(|&byte| byte == b',').map(trim) {
            self.closes |= word.eq_ignore_ascii_case(b"close");
            self.keeps_alive |= word.eq_ignore_ascii_case(b"keep-alive");
            self.names_upgrade |= word.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn content_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if !folds_to(name, b"content-length") {
            return Ok(());
        }
        if name[7] == b'_' || self.length.is_some() || !is_length(value) {
            return Err(Fault::Length);
        }
        self.length = Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    fn transfer_encoding(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if !folds_to(name, b"transfer-encoding") {
            return Ok(());
        }
        if name[8] == b'_' || self.chunked {
            return Err(Fault::Length);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            // A coding that is well named and not understood is 501; anything else is an attempt at being read twice.
            let mut codings = value.split(|&byte| byte == b',').map(trim);
            let names_another = codings.clone().any(|coding| !coding.eq_ignore_ascii_case(b"chunked"));
            let is_list = codings.all(is_token);
            return Err(if is_list && names_another { Fault::TransferCoding } else { Fault::Length });
        }
        self.chunked = true;
        Ok(())
    }

    fn finish(self, request: &RequestLine) -> Result<Head, Fault> {
        if request.is_1_1 && !self.host {
            return Err(Fault::Host);
        }
        let length = match (self.chunked, self.length) {
            (true, Some(_)) => return Err(Fault::Length),
            (true, None) if !request.is_1_1 => return Err(Fault::Length),
            (true, None) => Length::Chunked,
            (false, Some(0) | None) => Length::None,
            (false, Some(bytes)) => Length::Bytes(bytes),
        };
        let websocket = self.upgrades && self.names_upgrade;
        if websocket && length != Length::None {
            return Err(Fault::Length);
        }
        let closes = self.closes || request.is_connect || !(request.is_1_1 || self.keeps_alive);
        Ok(Head { length, closes, websocket })
    }
}

/// Whether a name is another one when `_` is read as `-`, as CGI and its heirs do.
fn folds_to(name: &[u8], wanted: &[u8]) -> bool {
    name.iter().zip(wanted).all(|(&a, &b)| a.to_ascii_lowercase() == b || (a == b'_' && b == b'-'))
}

/// A length in digits, and no more of them than anybody can count with.
pub(super) fn is_length(value: &[u8]) -> bool {
    !value.is_empty() && value.len() <= LENGTH_DIGITS_MAX && value.iter().all(u8::is_ascii_digit)
}

/// What a field of HTTP/2 would say about framing, to whoever reads it as HTTP/1.1.
pub(super) enum Framing {
    /// `Content-Length`.
    Length,
    /// What is none here, or only looks like a length.
    Other,
}

/// See [`Framing`].
pub(super) fn framing(name: &[u8]) -> Option<Framing> {
    match name.len() {
        14 if name.eq_ignore_ascii_case(b"content-length") => Some(Framing::Length),
        14 if folds_to(name, b"content-length") => Some(Framing::Other),
        17 if folds_to(name, b"transfer-encoding") => Some(Framing::Other),
        _ => None,
    }
}

/// Whether a field would decide on framing; refused among trailers.
pub(super) fn is_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"host")
        || (name.len() == 14 && folds_to(name, b"content-length"))
        || (name.len() == 17 && folds_to(name, b"transfer-encoding"))
}

pub(super) const METHOD_BYTES_MAX: usize = 32;
const TARGET_BYTES_MAX: usize = 8 * 1024;
pub(super) const FIELD_BYTES_MAX: usize = 16 * 1024;
pub(super) const FIELDS_MAX: usize = 100;
/// All cookies of a request. A browser sends one field (RFC 6265, section 5.4), and over HTTP/2 the list bounds them alike.
const COOKIE_BYTES_MAX: usize = FIELD_BYTES_MAX;
/// Below 2⁶³, whatever the reader counts with.
const LENGTH_DIGITS_MAX: usize = 18;
