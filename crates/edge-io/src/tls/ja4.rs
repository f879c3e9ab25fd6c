//! JA4, the fingerprint of a TLS client (FoxIO, technical details of JA4, BSD 3-Clause): what it offers, whatever its address.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use tls_parser::{TlsClientHelloContents, TlsExtension, TlsVersion, parse_tls_client_hello_extensions};

/// A fingerprint such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Ja4([u8; LENGTH]);

/// What a client shows of itself with its first words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shown {
    /// Its fingerprint.
    pub ja4: Ja4,
    /// What it says is a ticket of an earlier session: anything, until it has been opened.
    pub ticket: Option<Vec<u8>>,
}

impl Ja4 {
    /// The fingerprint of a ClientHello, and what the client shows as a ticket of an earlier session. `None` when its extensions
    /// are malformed.
    pub(crate) fn of(hello: &TlsClientHelloContents<'_>) -> Option<Shown> {
        let offer = Offer::of(hello)?;
        Some(Shown { ja4: offer.fingerprint(), ticket: offer.ticket })
    }

    /// A fingerprint as somebody else writes it; `None` when it has not the form of one.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let bytes: [u8; LENGTH] = text.try_into().ok()?;
        let is_at = |at: usize, byte: u8| match at {
            0 => matches!(byte, b't' | b'q' | b'd'),
            1 | 2 => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            3 => matches!(byte, b'd' | b'i'),
            4..8 => byte.is_ascii_digit(),
            8 | 9 => byte.is_ascii_alphanumeric(),
            10 | 23 => byte == b'_',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        bytes.iter().enumerate().all(|(at, &byte)| is_at(at, byte)).then_some(Self(bytes))
    }

    /// As it is written: `t13d1516h2_…`, 36 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a client offers, without the values that it draws by chance (GREASE, RFC 8701).
#[derive(Debug, Default)]
struct Offer {
    version: u16,
    names_host: bool,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
    alpn: Vec<u8>,
    ticket: Option<Vec<u8>>,
}

impl Offer {
    fn of(hello: &TlsClientHelloContents<'_>) -> Option<Self> {
        let mut offer = Self { version: hello.version.0, ..Self::default() };
        offer.ciphers = hello.ciphers.iter().map(|cipher| cipher.0).filter(|&id| !is_grease(id)).collect();
        let Some(bytes) = hello.ext else { return Some(offer) };
        let (rest, extensions) = parse_tls_client_hello_extensions(bytes).ok()?;
        if !rest.is_empty() {
            return None;
        }
        for extension in &extensions {
            offer.take(extension);
        }
        Some(offer)
    }

    fn take(&mut self, extension: &TlsExtension<'_>) {
        let id = u16::from(tls_parser::TlsExtensionType::from(extension));
        if matches!(extension, TlsExtension::Grease(..)) || is_grease(id) {
            return;
        }
        self.extensions.push(id);
        #[expect(clippy::wildcard_enum_match_arm, reason = "of the others only the number counts")]
        match extension {
            TlsExtension::SNI(_) => self.names_host = true,
            TlsExtension::SignatureAlgorithms(ids) => {
                self.signatures = ids.iter().copied().filter(|&id| !is_grease(id)).collect();
            }
            TlsExtension::ALPN(protocols) => {
                self.alpn = protocols.first().map(|protocol| protocol.to_vec()).unwrap_or_default();
            }
            TlsExtension::SupportedVersions(versions) => {
                let known = versions.iter().map(|&TlsVersion(id)| id).filter(|&id| !is_grease(id));
                self.version = known.max().unwrap_or(self.version);
            }
            TlsExtension::SessionTicket(ticket) if !ticket.is_empty() => self.ticket = Some(ticket.to_vec()),
            TlsExtension::PreSharedKey(offered) => self.ticket = first_identity(offered).map(<[u8]>::to_vec),
            _ => {}
        }
    }

    fn fingerprint(&self) -> Ja4 {
        let version = match self.version {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            _ => "00",
        };
        let host = if self.names_host { 'd' } else { 'i' };
        let (ciphers, extensions) = (self.ciphers.len().min(99), self.extensions.len().min(99));
        let [first, last] = ends(&self.alpn);
        let mut sorted = self.ciphers.clone();
        sorted.sort_unstable();
        let cipher_hash = hash(&hex_list(&sorted));
        let extension_hash = hash(&self.extension_text());
        let text = format!(
            "t{version}{host}{ciphers:02}{extensions:02}{first}{last}_{cipher_hash}_{extension_hash}"
        );
        let mut bytes = [b'0'; LENGTH];
        bytes.copy_from_slice(&text.as_bytes()[..LENGTH]);
        Ja4(bytes)
    }

    /// Sorted extensions without host name and ALPN, then the signature algorithms as they came.
    fn extension_text(&self) -> String {
        let mut sorted: Vec<u16> =
            self.extensions.iter().copied().filter(|&id| id != SNI && id != ALPN).collect();
        sorted.sort_unstable();
        let mut text = hex_list(&sorted);
        if !self.signatures.is_empty() {
            text.push('_');
            text.push_str(&hex_list(&self.signatures));
        }
        text
    }
}

/// The first identity of a `pre_shared_key` extension (RFC 8446, section 4.2.11): a list of them with its length, each with its own.
/// Clients show the ticket they would most like to use first.
fn first_identity(offered: &[u8]) -> Option<&[u8]> {
    let (_length_of_all, rest) = offered.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// The first and last character of an ALPN identifier, of its hexadecimal form if they are no letters or digits.
fn ends(alpn: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (alpn.first(), alpn.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first.into(), last.into()];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 15)]
}

fn hex_list(ids: &[u16]) -> String {
    ids.iter().map(|id| format!("{id:04x}")).collect::<Vec<_>>().join(",")
}

/// The first twelve hexadecimal digits of SHA-256; zeros for nothing.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(HASH_DIGITS);
    }
    let hashed = digest(&SHA256, text.as_bytes());
    hashed.as_ref().iter().take(HASH_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 8701: 0x0A0A, 0x1A1A, up to 0xFAFA.
const fn is_grease(id: u16) -> bool {
    id & 0x0F0F == 0x0A0A && id >> 8 == id & 0xFF
}

const LENGTH: usize = 36;
const HASH_DIGITS: usize = 12;
const SNI: u16 = 0;
const ALPN: u16 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<u16> {
        text.split(',').map(|id| u16::from_str_radix(id, 16).unwrap()).collect()
    }

    /// The worked example of the technical details of JA4.
    #[test]
    fn the_published_example_has_its_published_fingerprint() {
        let offer = Offer {
            version: 0x0304,
            names_host: true,
            ciphers: ids("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"),
            extensions: ids(
                "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015",
            ),
            signatures: ids("0403,0804,0401,0503,0805,0501,0806,0601"),
            alpn: b"h2".to_vec(),
            ticket: None,
        };
        assert_eq!(offer.fingerprint().as_str(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn the_first_of_the_tickets_that_a_client_shows_is_read() {
        let offered = [0, 18, 0, 3, 7, 8, 9, 0, 0, 0, 1, 0, 3, 1, 2, 3, 0, 0, 0, 1, 0, 33];
        assert_eq!(first_identity(&offered), Some(&[7, 8, 9][..]));
        for cut in 0..7 {
            assert_eq!(first_identity(&offered[..cut]), None, "{cut} bytes");
        }
    }

    #[test]
    fn a_client_that_offers_nothing_has_a_fingerprint_too() {
        assert_eq!(Offer::default().fingerprint().as_str(), "t00i000000_000000000000_000000000000");
        assert_eq!(ends(b"\xABxy\xCD"), ['a', 'd']);
        assert_eq!(ends(b"http/1.1"), ['h', '1']);
    }
}
