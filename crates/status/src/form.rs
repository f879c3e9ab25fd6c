//! What a form sends (the URL Standard, "application/x-www-form-urlencoded").

/// The fields of a form, or the parameters of an address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields(Vec<(String, String)>);

/// A longer text is no form of ours: an address of mail, and a box for each of the components that a page can have.
pub const FORM_BYTES_MAX: usize = 8 * 1_024;

impl Fields {
    /// Reads them. What is too long, or has more fields than a form of ours, has none; letters that are no UTF-8 are replaced.
    pub fn read(text: &[u8]) -> Self {
        if text.len() > FORM_BYTES_MAX {
            return Self::default();
        }
        let parts: Vec<&[u8]> = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).collect();
        if parts.len() > FIELDS_MAX {
            return Self::default();
        }
        Self(parts.into_iter().map(field).collect())
    }

    /// The first of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// All of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

fn field(part: &[u8]) -> (String, String) {
    let border = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
    let (name, value) = part.split_at(border);
    (decoded(name), decoded(value.get(1..).unwrap_or_default()))
}

fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = (*first == b'%').then(|| rest.split_first_chunk::<2>()).flatten();
        match (first, escaped.and_then(|(digits, behind)| Some((hex(digits)?, behind)))) {
            (_, Some((byte, behind))) => {
                bytes.push(byte);
                rest = behind;
            }
            (b'+', None) => bytes.push(b' '),
            (byte, None) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex([high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? * 16 + digit(*low)?)
}

/// A box for each component and group, and a few more.
const FIELDS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields = Fields::read(b"address=ann%2Bstatus%40shop.example&c=a&c=b+c&&x&%3D=%zz%4");
        assert_eq!(fields.get("address"), Some("ann+status@shop.example"));
        assert_eq!(fields.all("c").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!((fields.get("x"), fields.get("="), fields.get("y")), (Some(""), Some("%zz%4"), None));
        assert_eq!(Fields::read(b"List-Unsubscribe=One-Click").get("List-Unsubscribe"), Some("One-Click"));
    }

    #[test]
    fn what_is_longer_than_a_form_has_no_fields() {
        assert_eq!(Fields::read(&b"a=1&".repeat(401)), Fields::default());
        assert_eq!(Fields::read(&vec![b'a'; FORM_BYTES_MAX + 1]), Fields::default());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_what_is_read_is_not_longer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let Fields(read) = Fields::read(&bytes);
            // A byte that is no UTF-8 becomes a letter of three.
            let length: usize = read.iter().map(|(name, value)| name.len() + value.len()).sum();
            prop_assert!(length <= bytes.len() * 3);
        }
    }
}
