//! Text from clients inside lines of JSON.

use model::Untrusted;

/// Text from a client, escaped for JSON and for terminals. Plain ASCII, nearly all of it, is copied.
pub(crate) fn untrusted(out: &mut Vec<u8>, bytes: &[u8]) {
    let plain = |&byte: &u8| matches!(byte, 0x20..=0x7E) && !matches!(byte, b'"' | b'\\' | b'`');
    // Without an early end the compiler looks at 16 bytes at once.
    let all_plain = || bytes.iter().fold(true, |all, byte| all & plain(byte));
    if bytes.len() <= Untrusted::BYTES_MAX && all_plain() {
        out.extend_from_slice(bytes);
    } else {
        // The escapes begin with a backslash, which JSON wants doubled.
        out.extend_from_slice(Untrusted::new(bytes).to_string().replace('\\', "\\\\").as_bytes());
    }
}
