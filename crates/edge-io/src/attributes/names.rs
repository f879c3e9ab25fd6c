//! What values are in words, for admins: nothing is decided by it.

use std::cell::RefCell;

use http::Version;
use http::header::USER_AGENT;
use model::{Attribute, Name, Values};

use super::{Looks, QUERY_NAMES_MAX, family, query_names};
use crate::subject::named_host;
use crate::template::template;

/// Which values one worker has named lately, so that what is sampled often is not named each time.
pub(crate) struct Named(RefCell<Box<[u64; PLACES]>>);

impl Default for Named {
    fn default() -> Self {
        Self(RefCell::new(Box::new([0; PLACES])))
    }
}

impl Named {
    /// Forgets; what comes again is named again.
    pub(crate) fn forget(&self) {
        self.0.borrow_mut().fill(0);
    }

    /// Puts a sampled request into words where that was not done lately, as far as there is room for `most` names.
    pub(crate) fn name(&self, looks: &Looks<'_>, values: &Values, most: usize, names: &mut Vec<Name>) {
        for attribute in NAMED {
            let value = values.get(attribute);
            if names.len() >= most || value == 0 {
                continue;
            }
            #[expect(clippy::cast_possible_truncation, reason = "the remainder is small")]
            let place = (value % PLACES as u64) as usize;
            let mut named = self.0.borrow_mut();
            if named[place] != value {
                named[place] = value;
                names.push(Name { value, text: words(looks, attribute) });
            }
        }
    }
}

fn words(looks: &Looks<'_>, attribute: Attribute) -> String {
    let uri = &looks.parts.uri;
    match attribute {
        Attribute::Path => {
            let segments = template(uri.path()).flat_map(|segment| ["/", segment]);
            cut(segments.flat_map(str::bytes))
        }
        Attribute::QueryKeys => {
            let mut names: Vec<&str> =
                query_names(uri.query().unwrap_or_default()).take(QUERY_NAMES_MAX).collect();
            names.sort_unstable();
            cut(names.into_iter().flat_map(|name| ["&", name]).skip(1).flat_map(str::bytes))
        }
        Attribute::Host => {
            cut(named_host(looks.parts).unwrap_or_default().iter().map(u8::to_ascii_lowercase))
        }
        Attribute::UserAgent => cut(looks.header(USER_AGENT).unwrap_or_default().iter().copied()),
        Attribute::UserAgentFamily => {
            let (product, major) = family(looks.header(USER_AGENT).unwrap_or_default());
            cut([product, b"/", major].into_iter().flatten().copied())
        }
        Attribute::Method => cut(looks.parts.method.as_str().bytes()),
        Attribute::Version => cut(version(looks.parts.version).bytes()),
        Attribute::Country => cut(looks.country.unwrap_or_default().into_iter()),
        Attribute::Query
        | Attribute::HeaderOrder
        | Attribute::HeaderSet
        | Attribute::Language
        | Attribute::Ja4A
        | Attribute::Ja4B
        | Attribute::Ja4C
        | Attribute::Network
        | Attribute::WideNetwork
        | Attribute::Cookies
        | Attribute::Referer
        | Attribute::BodySize
        | Attribute::Reuse => String::new(),
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "another",
    }
}

/// The first bytes as text, at most [`NAME_BYTES_MAX`] of it.
fn cut(bytes: impl Iterator<Item = u8>) -> String {
    let bytes: Vec<u8> = bytes.take(NAME_BYTES_MAX).collect();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let end = (0..=NAME_BYTES_MAX.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    text.truncate(end.unwrap_or(0));
    text
}

/// Those of few values first: the others may use up the room.
const NAMED: [Attribute; 8] = [
    Attribute::Method,
    Attribute::Version,
    Attribute::Country,
    Attribute::UserAgentFamily,
    Attribute::Path,
    Attribute::QueryKeys,
    Attribute::Host,
    Attribute::UserAgent,
];
const PLACES: usize = 256;
pub(super) const NAME_BYTES_MAX: usize = 80;
