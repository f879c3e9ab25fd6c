//! Links in mails: what they hold is signed, so that nothing has to be kept for them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use incident::PublicId;
use model::Timestamp;

use super::{MailAddress, Subscriber};

/// Names a subscriber: a keyed hash of the address, so that nobody without the key can tell whose it is.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriberId(pub [u8; 16]);

/// The text is no [`SubscriberId`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a subscriber is named by 32 hexadecimal digits, as `ctl subscriber list` shows them")]
pub struct NoSubscriberId;

/// What links are signed with.
#[derive(Clone)]
pub struct LinkKey(Box<hmac::Key>);

/// What somebody asked for, as the link in the mail to them says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Invitation {
    pub(super) address: MailAddress,
    pub(super) chosen: Vec<PublicId>,
    /// It is good until then.
    pub(super) until: Timestamp,
}

impl LinkKey {
    /// Of 256 bits that nobody else knows.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Who has this address. Case does not count: two spellings are one person.
    pub fn id(&self, address: &MailAddress) -> SubscriberId {
        SubscriberId(self.tag(b"subscriber", address.as_str().to_ascii_lowercase().as_bytes()))
    }

    /// The part of a link that lets its holder change or end a subscription. It never expires: leaving must always be possible.
    pub fn handle(&self, id: SubscriberId) -> String {
        let tag = self.tag(b"handle", &id.0);
        BASE64URL_NOPAD.encode(&[id.0, tag].concat())
    }

    /// Whose handle this is; `None`: nobody's.
    pub fn whose(&self, handle: &str) -> Option<SubscriberId> {
        if handle.len() > HANDLE_CHARS {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(handle.as_bytes()).ok()?;
        let (id, tag) = bytes.split_first_chunk::<16>()?;
        verify_slices_are_equal(&self.tag(b"handle", id), tag).ok()?;
        Some(SubscriberId(*id))
    }

    pub(super) fn mailbox(&self, address: &MailAddress) -> [u8; 16] {
        self.tag(b"mailbox", address.mailbox().as_bytes())
    }

    /// The part of a link that confirms.
    pub(super) fn invite(&self, invitation: &Invitation) -> String {
        let Invitation { address, chosen, until } = invitation;
        let count = u8::try_from(chosen.len()).unwrap_or(u8::MAX);
        let mut bytes = until.as_secs().to_be_bytes().to_vec();
        bytes.push(count);
        bytes.extend(chosen.iter().take(count.into()).flat_map(|id| id.as_str().bytes()));
        bytes.extend(address.as_str().bytes());
        let tag = self.tag(b"invitation", &bytes);
        bytes.extend(tag);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// What a link asks to be confirmed, whether or not that is still possible; `None`: it was not made with this key.
    pub(super) fn open(&self, text: &str) -> Option<Invitation> {
        if text.len() > INVITATION_CHARS_MAX {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (body, tag) = bytes.split_last_chunk::<16>()?;
        verify_slices_are_equal(&self.tag(b"invitation", body), tag).ok()?;
        let (until, rest) = body.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first()?;
        let (ids, address) = rest.split_at_checked(usize::from(*count) * ID_BYTES)?;
        let id = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
        Some(Invitation {
            until: Timestamp::from_secs(u64::from_be_bytes(*until)),
            chosen: ids.chunks(ID_BYTES).map(id).collect::<Option<_>>()?,
            address: std::str::from_utf8(address).ok()?.parse().ok()?,
        })
    }

    /// 128 bits of an HMAC; what is signed for one purpose is worth nothing for another.
    fn tag(&self, purpose: &[u8], bytes: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context.update(&[0]);
        context.update(bytes);
        // HMAC-SHA-256 has 32 bytes.
        context.sign().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl fmt::Display for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for SubscriberId {
    type Err = NoSubscriberId;

    fn from_str(text: &str) -> Result<Self, NoSubscriberId> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NoSubscriberId)?;
        bytes.try_into().map(Self).map_err(|_| NoSubscriberId)
    }
}

const ID_BYTES: usize = 12;
const HANDLE_CHARS: usize = 43;
/// Until, count, components, address and tag, in base64.
const INVITATION_CHARS_MAX: usize =
    (8 + 1 + Subscriber::CHOSEN_MAX * ID_BYTES + MailAddress::BYTES_MAX + 16) * 4 / 3 + 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            address: "ann@shop.example".parse().unwrap(),
            chosen: vec!["inc1b5t8y3ef".parse().unwrap(), "cmp7r2w9k0cd".parse().unwrap()],
            until: Timestamp::from_secs(1_795_876_200),
        }
    }

    #[test]
    fn a_link_says_what_was_put_into_it_and_only_to_its_own_key() {
        let (key, other) = (LinkKey::new(&[7; 32]), LinkKey::new(&[8; 32]));
        let link = key.invite(&invitation());
        assert_eq!(key.open(&link), Some(invitation()));
        assert_eq!(other.open(&link), None);
        let id = key.id(&invitation().address);
        assert_eq!(key.whose(&key.handle(id)), Some(id));
        assert_eq!(other.whose(&key.handle(id)), None);
        assert_eq!(key.open(&key.handle(id)), None, "a handle confirms nothing");
        assert_eq!(key.whose(&link), None);
        assert_eq!(key.id(&"ANN@shop.example".parse().unwrap()), id);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn the_longest_link_can_be_read() {
        let address = format!(
            "{}@{}.example",
            "a".repeat(64),
            ["b".repeat(60), "c".repeat(60), "d".repeat(57)].join(".")
        );
        let chosen = vec!["inc1b5t8y3ef".parse().unwrap(); Subscriber::CHOSEN_MAX];
        let long = Invitation { address: address.parse().unwrap(), chosen, until: Timestamp::from_secs(1) };
        let key = LinkKey::new(&[7; 32]);
        assert_eq!(key.open(&key.invite(&long)), Some(long));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_none_is_taken_for_a_link(text in "[A-Za-z0-9_-]{0,200}|\\PC{0,60}") {
            let key = LinkKey::new(&[7; 32]);
            prop_assert_eq!(key.open(&text), None);
            prop_assert_eq!(key.whose(&text), None);
        }

        #[test]
        fn a_changed_letter_makes_it_worthless(at in 0_usize..43, letter in "[A-Za-z0-9_-]") {
            let key = LinkKey::new(&[7; 32]);
            let id = key.id(&"ann@shop.example".parse().unwrap());
            let good = key.handle(id);
            let mut bad = good.clone();
            bad.replace_range(at..=at, &letter);
            prop_assert!(bad == good || key.whose(&bad).is_none());
        }
    }
}
