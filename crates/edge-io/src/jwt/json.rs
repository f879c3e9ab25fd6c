//! What both the keys and the tokens need of JSON and base64url: bounds, and no member twice.

use data_encoding::BASE64URL_NOPAD;

/// Levels of nesting in a token or a set of keys. Real ones have three or four.
pub(super) const DEPTH_MAX: usize = 16;

/// Whether objects and lists nest at most [`DEPTH_MAX`] deep; counted before anything is parsed.
pub(super) fn is_shallow(json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for &byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return false;
        }
    }
    true
}

/// Base64url without padding, the one spelling of each value (RFC 7515, section 2; stray trailing bits are refused).
pub(super) fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text).ok()
}
