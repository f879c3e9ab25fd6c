//! The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`, 2020-03-05): who connected to the balancer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest header that is read: v2 with address block and TLVs. A longer one is refused.
pub(crate) const HEADER_BYTES_MAX: usize = 16 + 512;

/// What the header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proxied {
    /// The connection was made for this client.
    Client(IpAddr),
    /// The balancer speaks for itself (v2 `LOCAL`, v1 `UNKNOWN`): the socket's peer counts.
    Local,
}

/// Result of a look at the first bytes of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decoded {
    /// The header is complete and this many bytes long.
    Complete(Proxied, usize),
    /// More bytes are needed.
    Partial,
}

/// Why the first bytes are no PROXY header. It is the balancer's configuration that is at fault, or somebody
/// connected around it.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProxyProtocolError {
    /// Neither signature.
    #[error(
        "the connection does not begin with a PROXY protocol header; switch `send-proxy` on at the balancer, or `proxy_protocol` off here"
    )]
    NoSignature,
    /// A version 1 line that does not follow the grammar.
    #[error("the PROXY protocol version 1 line is malformed")]
    MalformedLine,
    /// A version 2 header with an unknown version, command or too short address block.
    #[error("the PROXY protocol version 2 header is malformed")]
    MalformedBinary,
    /// The header is longer than 528 bytes.
    #[error("the PROXY protocol header is longer than {HEADER_BYTES_MAX} bytes; send fewer TLVs")]
    TooLong,
}

/// Reads a header of either version from the beginning of `bytes`.
///
/// # Errors
/// [`ProxyProtocolError`] as soon as the bytes can no longer become a valid header.
pub fn decode(bytes: &[u8]) -> Result<Decoded, ProxyProtocolError> {
    if starts(bytes, SIGNATURE_V2) {
        return decode_v2(bytes);
    }
    if starts(bytes, SIGNATURE_V1) {
        return decode_v1(bytes);
    }
    Err(ProxyProtocolError::NoSignature)
}

/// Whether `bytes` begin with the signature, or with its beginning when there are too few of them.
fn starts(bytes: &[u8], signature: &[u8]) -> bool {
    let n = bytes.len().min(signature.len());
    bytes[..n] == signature[..n]
}

fn decode_v1(bytes: &[u8]) -> Result<Decoded, ProxyProtocolError> {
    let Some(end) = bytes.iter().take(LINE_BYTES_MAX).position(|&byte| byte == b'\n') else {
        return if bytes.len() >= LINE_BYTES_MAX {
            Err(ProxyProtocolError::MalformedLine)
        } else {
            Ok(Decoded::Partial)
        };
    };
    let line = bytes[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let line = line.ok_or(ProxyProtocolError::MalformedLine)?;
    let mut words = line.split(' ').skip(1);
    let proxied = match words.next() {
        Some("UNKNOWN") => Proxied::Local,
        Some("TCP4") => Proxied::Client(IpAddr::V4(addresses::<Ipv4Addr>(words)?)),
        Some("TCP6") => Proxied::Client(IpAddr::V6(addresses::<Ipv6Addr>(words)?)),
        Some(_) | None => return Err(ProxyProtocolError::MalformedLine),
    };
    Ok(Decoded::Complete(proxied, end + 1))
}

/// Source address of `SRC DST SPORT DPORT`; all four must be well formed.
fn addresses<'a, A: std::str::FromStr>(
    mut words: impl Iterator<Item = &'a str>,
) -> Result<A, ProxyProtocolError> {
    let mut next = || words.next().ok_or(ProxyProtocolError::MalformedLine);
    let (source, destination, from, to) = (next()?, next()?, next()?, next()?);
    let source = source.parse().map_err(|_| ProxyProtocolError::MalformedLine)?;
    let valid = destination.parse::<A>().is_ok() && from.parse::<u16>().is_ok() && to.parse::<u16>().is_ok();
    if valid && words.next().is_none() { Ok(source) } else { Err(ProxyProtocolError::MalformedLine) }
}

fn decode_v2(bytes: &[u8]) -> Result<Decoded, ProxyProtocolError> {
    let [_, _, _, _, _, _, _, _, _, _, _, _, version_command, family, high, low, block @ ..] = bytes else {
        return Ok(Decoded::Partial);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if 16 + length > HEADER_BYTES_MAX {
        return Err(ProxyProtocolError::TooLong);
    }
    let Some(block) = block.get(..length) else { return Ok(Decoded::Partial) };
    let proxied = match (version_command, family >> 4) {
        (0x20, _) => Proxied::Local,
        (0x21, 1) => {
            let source = block.first_chunk::<12>().and_then(|ports| ports.first_chunk::<4>());
            Proxied::Client(IpAddr::V4(Ipv4Addr::from(*source.ok_or(ProxyProtocolError::MalformedBinary)?)))
        }
        (0x21, 2) => {
            let source = block.first_chunk::<36>().and_then(|ports| ports.first_chunk::<16>());
            Proxied::Client(IpAddr::V6(Ipv6Addr::from(*source.ok_or(ProxyProtocolError::MalformedBinary)?)))
        }
        // AF_UNSPEC and AF_UNIX carry no address that could be judged.
        (0x21, 0 | 3) => Proxied::Local,
        _ => return Err(ProxyProtocolError::MalformedBinary),
    };
    Ok(Decoded::Complete(proxied, 16 + length))
}

const SIGNATURE_V1: &[u8] = b"PROXY ";
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Section 2.1: the longest line, CRLF included, is 107 bytes.
const LINE_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(format!("{:?}", decode(bytes)), expected);
    }

    #[test]
    fn both_versions_give_the_client() {
        check(b"PROXY TCP4 192.0.2.7 203.0.113.1 5000 443\r\nGET", "Ok(Complete(Client(192.0.2.7), 43))");
        check(b"PROXY TCP6 2001:db8::7 2001:db8::1 5000 443\r\n", "Ok(Complete(Client(2001:db8::7), 45))");
        check(b"PROXY UNKNOWN\r\n", "Ok(Complete(Local, 15))");
        let mut v2 = SIGNATURE_V2.to_vec();
        v2.extend([0x21, 0x11, 0, 12, 192, 0, 2, 9, 203, 0, 113, 1, 0x13, 0x88, 1, 0xBB, b'G']);
        check(&v2, "Ok(Complete(Client(192.0.2.9), 28))");
        check(&v2[..27], "Ok(Partial)");
    }

    #[test]
    fn anything_else_is_refused_with_the_cure() {
        check(b"GET / HTTP/1.1\r\n", "Err(NoSignature)");
        check(b"PROXY TCP4 192.0.2.7 203.0.113.1 5000\r\n", "Err(MalformedLine)");
        check(b"PROXY TCP4 192.0.2.7 203.0.113.1 5000 443 x\r\n", "Err(MalformedLine)");
        check(b"PROXY TCP4 192.0.2.7 203.0.113.1 5000 443\n", "Err(MalformedLine)");
        let mut v2 = SIGNATURE_V2.to_vec();
        v2.extend([0x21, 0x11, 0, 4, 1, 2, 3, 4]);
        check(&v2, "Err(MalformedBinary)");
        let mut v2 = SIGNATURE_V2.to_vec();
        v2.extend([0x21, 0x11, 0xFF, 0xFF]);
        check(&v2, "Err(TooLong)");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ignored = decode(&bytes);
            let mut v2 = SIGNATURE_V2.to_vec();
            v2.extend(&bytes);
            if let Ok(Decoded::Complete(_, used)) = decode(&v2) {
                prop_assert!(used <= v2.len() && used <= HEADER_BYTES_MAX);
            }
        }
    }
}
