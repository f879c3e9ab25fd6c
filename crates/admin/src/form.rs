//! What a form says (URL Standard, 5.1: `application/x-www-form-urlencoded`).

/// Names and values of a form, as they were sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Form(Vec<(String, String)>);

/// Why something is no form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FormError {
    /// It has more parts than any form of ours.
    #[error("the form has more than {} parts", Form::PARTS_MAX)]
    Parts,
    /// It is no text.
    #[error("the form is no UTF-8")]
    Text,
}

impl Form {
    /// Parts of the longest form: two for each component, and what is around them.
    pub const PARTS_MAX: usize = 2 * incident::Settings::COMPONENTS_MAX + 16;

    /// Reads one. Its length is bounded by whoever reads the request; a per cent sign without two digits is one.
    ///
    /// # Errors
    ///
    /// [`FormError`].
    pub fn read(bytes: &[u8]) -> Result<Self, FormError> {
        let mut parts = Vec::new();
        for part in bytes.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            if parts.len() >= Self::PARTS_MAX {
                return Err(FormError::Parts);
            }
            let at = part.iter().position(|byte| *byte == b'=');
            let (name, value) = part.split_at(at.unwrap_or(part.len()));
            parts.push((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?));
        }
        Ok(Self(parts))
    }

    /// The first value of that name; empty without one.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// All values of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Names that begin so, without that beginning, and their values.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

fn decoded(bytes: &[u8]) -> Result<String, FormError> {
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let code = digits.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => out.push(code),
            None => out.push(if byte == b'+' { b' ' } else { byte }),
        }
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(out).map_err(|_| FormError::Text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_send_it() {
        let form =
            Form::read(b"text=a+b%0D%0Ac%26%C3%BC&of%3AShop+%2F+Website=x&empty=&alone&100%=%zz%4").unwrap();
        assert_eq!(form.get("text"), "a b\r\nc&ü");
        assert_eq!((form.get("empty"), form.get("alone"), form.get("absent")), ("", "", ""));
        assert_eq!(form.below("of:").collect::<Vec<_>>(), [("Shop / Website", "x")]);
        assert_eq!(form.get("100%"), "%zz%4");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert_eq!(Form::read(b"a=%FF"), Err(FormError::Text));
        assert_eq!(Form::read(&b"a&".repeat(Form::PARTS_MAX + 1)), Err(FormError::Parts));
        assert!(Form::read(&b"a&".repeat(Form::PARTS_MAX)).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_form_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _whatever = Form::read(&bytes);
        }

        #[test]
        fn what_is_escaped_is_what_is_read(text in "\\PC{0,40}") {
            let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let form = Form::read(format!("text={escaped}").as_bytes()).unwrap();
            prop_assert_eq!(form.get("text"), text);
        }
    }
}
