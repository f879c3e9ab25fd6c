//! What is needed to write on a page elsewhere.

use super::names::Choice;
use super::{Bad, Text, quoted};
use crate::settings::PublishKind;

/// See [`PublishKind`].
pub(crate) const PUBLISH_KIND: Choice<PublishKind> = Choice {
    words: &["statuspage", "instatus", "template"],
    choose: |word| match word {
        "statuspage" => Some(PublishKind::Statuspage),
        "instatus" => Some(PublishKind::Instatus),
        "template" => Some(PublishKind::Template),
        _ => None,
    },
    needless: &[],
};

/// The method of a request that changes something.
pub(crate) const METHOD: Choice<String> = Choice {
    words: &["POST", "PUT", "PATCH"],
    choose: |word| ["POST", "PUT", "PATCH"].contains(&word).then(|| word.to_owned()),
    needless: &[],
};

/// The id of a page or component elsewhere: it stands in addresses.
pub(crate) const REMOTE_ID: Text<String> =
    Text::new("an id", "^[A-Za-z0-9_-]{1,64}$", "kctbh9vrtdwd", parse_id);

/// A component with its groups before it.
pub(crate) const FULL_NAME: Text<String> =
    Text::new("a name, perhaps with groups before it", "^.{1,412}$", "Shop / Website", parse_full_name);

/// A header, which may hold a secret.
pub(crate) const HEADER_LINE: Text<String> =
    Text::new("a header", "^[!-9;-~]+:.*$", "Authorization: Bearer {{secret}}", parse_header)
        .hiding(|_| true);

/// The body of a request.
pub(crate) const BODY: Text<String> =
    Text::new("a text of JSON", r"^[\s\S]{1,16384}$", "{}", parse_body).hiding(|_| true);

fn parse_id(text: &str) -> Result<String, Bad> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_id) {
        return Ok(text.to_owned());
    }
    Err(Bad::new(
        format!("{} is no id", quoted(text)),
        "write letters and digits, as the page shows them in its settings",
    ))
}

fn parse_full_name(text: &str) -> Result<String, Bad> {
    if (1..=FULL_NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Bad::new(
        format!("{} is no component", quoted(text)),
        "write its name as `portcullis ctl component list` shows it",
    ))
}

/// The text is not quoted: it may be a secret.
fn parse_header(text: &str) -> Result<String, Bad> {
    let is_line = text.contains(':') && text.len() <= HEADER_BYTES_MAX && !text.chars().any(char::is_control);
    is_line.then(|| text.to_owned()).ok_or_else(|| {
        Bad::new("this is no header", "write \"Name: value\", such as \"Authorization: Bearer {{secret}}\"")
    })
}

fn parse_body(text: &str) -> Result<String, Bad> {
    if (1..=BODY_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(Bad::new("this is no body of a request", format!("write JSON, {BODY_BYTES_MAX} bytes at most")))
}

const ID_BYTES_MAX: usize = 64;
/// Four groups and a name.
const FULL_NAME_BYTES_MAX: usize = 5 * 80 + 4 * 3;
const HEADER_BYTES_MAX: usize = 1_024;
const BODY_BYTES_MAX: usize = 16 * 1_024;
