//! Which bytes may stand where (RFC 9110, section 5.6; RFC 3986).

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const VALUE: u8 = 4;
const HOST: u8 = 8;

/// What each byte may be part of.
static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let byte = at as u8;
        let mut kind = 0;
        if byte.is_ascii_alphanumeric() || is_one_of(byte, b"!#$%&'*+-.^_`|~") {
            kind |= TOKEN;
        }
        if byte.is_ascii_graphic() && !is_one_of(byte, b"#<>") {
            kind |= TARGET;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7F) {
            kind |= VALUE;
        }
        if byte.is_ascii_alphanumeric() || is_one_of(byte, b"-._~!$&'()*+;=%") {
            kind |= HOST;
        }
        kinds[at] = kind;
        at += 1;
    }
    kinds
}

const fn is_one_of(byte: u8, of: &[u8]) -> bool {
    let mut at = 0;
    while at < of.len() {
        if of[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

fn are(bytes: &[u8], kind: u8) -> bool {
    bytes.iter().all(|&byte| KINDS[usize::from(byte)] & kind != 0)
}

/// How many bytes at the begin are of a kind.
fn span(bytes: &[u8], kind: u8) -> usize {
    bytes.iter().position(|&byte| KINDS[usize::from(byte)] & kind == 0).unwrap_or(bytes.len())
}

/// How many bytes at the begin may be part of a token.
pub(super) fn token_length(bytes: &[u8]) -> usize {
    span(bytes, TOKEN)
}

/// How many bytes at the begin may be part of a field's value.
pub(super) fn value_length(bytes: &[u8]) -> usize {
    span(bytes, VALUE)
}

/// A token: a method, the name of a field.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && are(bytes, TOKEN)
}

/// The characters of a request target. Browsers send some that RFC 3986 does not allow; a fragment never is one.
pub(super) fn is_target(bytes: &[u8]) -> bool {
    let query = memchr::memchr(b'?', bytes).unwrap_or(bytes.len());
    let (path, query) = bytes.split_at(query);
    let odd = memchr::memchr(b'`', path).is_some() || memchr::memchr(b'"', query).is_some();
    !bytes.is_empty() && are(bytes, TARGET) && !odd
}

/// The value of a field.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    are(bytes, VALUE)
}

/// `host`, `host:port`, `[IPv6]` or `[IPv6]:port` (RFC 3986, section 3.2, without a user).
pub(super) fn is_host(bytes: &[u8]) -> bool {
    let (host_ok, rest) = if let Some(inside) = bytes.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', inside) else { return false };
        let literal = std::str::from_utf8(&inside[..end]).unwrap_or_default();
        (literal.parse::<std::net::Ipv6Addr>().is_ok(), &inside[end + 1..])
    } else {
        let end = memchr::memchr(b':', bytes).unwrap_or(bytes.len());
        (end > 0 && are(&bytes[..end], HOST), &bytes[end..])
    };
    let port_ok = match rest.split_first() {
        None => true,
        Some((b':', port)) => port.len() <= 5 && port.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    };
    host_ok && port_ok
}

/// Without spaces and tabs at its ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in ["a", "shop.example:80", "[::1]", "[2001:db8::1]:443", "127.0.0.1:", "a_b.c"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a/b", "a@b", "a b", "a,b", "a:b", "a:123456", "[::1", "[::1]x", "[zz]", "a\\b",
            "a?b", "a#b",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
