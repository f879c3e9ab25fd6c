//! Addresses of mail that strangers write.

use std::fmt;
use std::str::FromStr;

/// The address of a mailbox (RFC 5321, section 4.1.2): a local part of plain words and a domain name, in ASCII.
///
/// Quotes, comments, addresses of machines and letters beyond ASCII are refused: what is left can begin no header and end no line.
/// `Debug` does not show it.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub struct MailAddress(String);

/// The text is no address that mail can be sent to. Whoever wrote it is at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no address of mail; write one such as name@shop.example, in plain letters")]
pub struct NoAddress;

impl MailAddress {
    /// The longest address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
    pub const BYTES_MAX: usize = 254;

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Such as `n…@shop.example`, for lists and logs.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        format!("{}…@{domain}", local.chars().next().unwrap_or_default())
    }

    /// The same for all ways in which most servers let one mailbox be written: without case, and without what is behind a `+`.
    pub(super) fn mailbox(&self) -> String {
        let lower = self.0.to_ascii_lowercase();
        let (local, domain) = lower.split_once('@').unwrap_or_default();
        let (local, _) = local.split_once('+').unwrap_or((local, ""));
        format!("{local}@{domain}")
    }
}

impl FromStr for MailAddress {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let text = text.trim_matches(' ');
        let (local, domain) = text.rsplit_once('@').ok_or(NoAddress)?;
        let is_sound = text.len() <= Self::BYTES_MAX && is_local(local) && is_domain(domain);
        // Case counts before the sign, at least for whoever wants it to (RFC 5321, section 2.4).
        is_sound.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase()))).ok_or(NoAddress)
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A dot-atom (RFC 5322, section 3.2.3) of at most 64 bytes.
fn is_local(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= LOCAL_BYTES_MAX && local.split('.').all(is_atom)
}

/// At least two labels, the last of which is no number.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

const LOCAL_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_addresses_are_taken_and_shown_masked() {
        for text in ["a@b.example", " Ann.O'Neil+status@Shop.Example ", "x_y@a-b.c.example", "1@2.example"] {
            let address: MailAddress = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            let shown = format!("{address:?}");
            assert!(shown.contains('…') && !shown.contains("Neil"), "{shown}");
        }
        let address: MailAddress = "Ann.O'Neil+status@Shop.Example".parse().unwrap();
        assert_eq!(address.as_str(), "Ann.O'Neil+status@shop.example");
        assert_eq!(address.mailbox(), "ann.o'neil@shop.example");
    }

    /// What others use to write headers, further recipients or commands of their own.
    #[test]
    fn what_could_be_more_than_an_address_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b.example",
            "a@localhost",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\nSubject: x",
            "a\r\n@b.example",
            "a@b.example\0",
            "a@b.example, c@d.example",
            "a@b.example c@d.example",
            "<a@b.example>",
            "Ann <a@b.example>",
            "\"a b\"@b.example",
            "a(b)@c.example",
            "a@b.example> SIZE=1\r\nRCPT TO:<c@d.example",
            "a..b@c.example",
            ".a@c.example",
            "a@b..example",
            "a@-b.example",
            "ä@b.example",
            "a@bä.example",
            "a@b.example%0d%0aBcc:x@y.example",
            "=?utf-8?q?a?=@b@c.example",
        ] {
            assert_eq!(text.parse::<MailAddress>(), Err(NoAddress), "{text:?}");
        }
        assert!(format!("{}@b.example", "a".repeat(65)).parse::<MailAddress>().is_err());
        assert!(format!("a@{}.example", "b.".repeat(130)).parse::<MailAddress>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_one_line_and_one_address(text in "\\PC{0,40}|[a-z.+@<> \r\n\t,:;()\"-]{0,40}@[a-z.\r\n]{1,20}") {
            if let Ok(address) = text.parse::<MailAddress>() {
                let text = address.as_str();
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
                prop_assert_eq!(text.matches('@').count(), 1);
                prop_assert!(!text.contains(['<', '>', ',', ';', ':', '"', '(', ')', '\\']), "{}", text);
                prop_assert_eq!(text.parse::<MailAddress>().unwrap(), address.clone());
            }
        }
    }
}
