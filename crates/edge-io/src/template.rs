//! What kind of page a path is for: its segments, with a placeholder for what tells single things or persons apart.

/// The segments of a path, at most 16 of them; numbers, hashes, UUIDs, tokens, mail addresses and whatever is too long for
/// the name of a page are `*` (contracts, "Privacy").
pub fn template(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1).take(SEGMENTS_MAX).map(|segment| {
        // What follows a semicolon is a parameter, often a session (RFC 3986, section 3.3).
        let segment = segment.split(';').next().unwrap_or_default();
        if is_identifier(segment) { "*" } else { segment }
    })
}

fn is_identifier(segment: &str) -> bool {
    if segment.len() > SEGMENT_BYTES_MAX {
        return true;
    }
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_mostly_digits = digits * 2 > segment.len();
    let is_long_with_digits = digits > 0 && segment.len() >= TOKEN_BYTES_MIN;
    let is_hexadecimal =
        digits > 0 && segment.len() >= HASH_BYTES_MIN && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_mail = segment.contains('@') || segment.contains("%40");
    is_mostly_digits || is_long_with_digits || is_hexadecimal || is_mail
}

/// Deeper pages are taken for the same.
const SEGMENTS_MAX: usize = 16;
/// Two segments with their slashes stay below what a row of the journal holds (128 bytes).
const SEGMENT_BYTES_MAX: usize = 48;
/// Names of pages are shorter than this, or have no digits.
const TOKEN_BYTES_MIN: usize = 16;
/// Hexadecimal digits of the shortest hash.
const HASH_BYTES_MIN: usize = 8;
