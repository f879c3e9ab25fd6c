//! What is seen of single requests: a few of them, with their attributes as keyed hashes.

use serde::{Deserialize, Serialize};

use crate::{Cohort, Tier};

/// A property of a request that rules may ask for (decision-science, section 6).
///
/// Values are keyed hashes, so that neither a sample nor a recording holds what a client sent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[repr(u8)]
pub enum Attribute {
    /// The method.
    Method,
    /// The path with numbers and identifiers replaced by placeholders.
    Path,
    /// The names in the query, in alphabetical order.
    QueryKeys,
    /// The whole query, values included.
    Query,
    /// The host.
    Host,
    /// HTTP/1.0, 1.1 or 2.
    Version,
    /// The names of the header fields in the order in which they came.
    HeaderOrder,
    /// The names of the header fields in alphabetical order.
    HeaderSet,
    /// What people call the user agent, and its major version: a browser, a bot, a program's first product.
    UserAgentFamily,
    /// The whole user agent.
    UserAgent,
    /// `Accept-Language`.
    Language,
    /// The first part of JA4: protocol, version, SNI, counts, ALPN.
    Ja4A,
    /// The second part of JA4: cipher suites.
    Ja4B,
    /// The third part of JA4: extensions and signature algorithms.
    Ja4C,
    /// The country that a front names.
    Country,
    /// The IPv4 /24 or IPv6 /48.
    Network,
    /// The IPv4 /16 or IPv6 /32.
    WideNetwork,
    /// Which kinds of cookie are there: none, the app's session, others.
    Cookies,
    /// Where it was referred from: nowhere, this site, elsewhere.
    Referer,
    /// The size of the body in powers of four.
    BodySize,
    /// How many requests came before it on its connection, in powers of four.
    Reuse,
}

impl Attribute {
    /// How many attributes there are.
    pub const COUNT: usize = 21;

    /// All attributes by their number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Method,
        Self::Path,
        Self::QueryKeys,
        Self::Query,
        Self::Host,
        Self::Version,
        Self::HeaderOrder,
        Self::HeaderSet,
        Self::UserAgentFamily,
        Self::UserAgent,
        Self::Language,
        Self::Ja4A,
        Self::Ja4B,
        Self::Ja4C,
        Self::Country,
        Self::Network,
        Self::WideNetwork,
        Self::Cookies,
        Self::Referer,
        Self::BodySize,
        Self::Reuse,
    ];

    /// The attribute's place, 0 to 20.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word that an admin reads.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Path => "path",
            Self::QueryKeys => "query names",
            Self::Query => "query",
            Self::Host => "host",
            Self::Version => "version of HTTP",
            Self::HeaderOrder => "order of header fields",
            Self::HeaderSet => "set of header fields",
            Self::UserAgentFamily => "kind of user agent",
            Self::UserAgent => "user agent",
            Self::Language => "language",
            Self::Ja4A => "JA4, first part",
            Self::Ja4B => "JA4, second part",
            Self::Ja4C => "JA4, third part",
            Self::Country => "country",
            Self::Network => "network",
            Self::WideNetwork => "wide network",
            Self::Cookies => "cookies",
            Self::Referer => "referer",
            Self::BodySize => "size of the body",
            Self::Reuse => "requests before on the connection",
        }
    }
}

/// Some of the attributes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attributes(u32);

impl Attributes {
    /// All of them.
    pub const ALL: Self = Self((1 << Attribute::COUNT) - 1);

    /// These and another one.
    #[must_use]
    pub const fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | 1 << attribute.index())
    }

    /// Whether an attribute is among them.
    pub const fn holds(self, attribute: Attribute) -> bool {
        self.0 >> attribute.index() & 1 == 1
    }

    /// Each of them, by its number.
    pub fn each(self) -> impl Iterator<Item = Attribute> {
        Attribute::ALL.into_iter().filter(move |attribute| self.holds(*attribute))
    }
}

/// The value of each attribute of one request, as a keyed hash; 0 is "absent or not looked at".
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct Values([u64; Attribute::COUNT]);

impl Values {
    /// The value of an attribute; 0 if it has none.
    pub const fn get(&self, attribute: Attribute) -> u64 {
        self.0[attribute.index()]
    }

    /// Sets the value of an attribute.
    pub const fn set(&mut self, attribute: Attribute, value: u64) {
        self.0[attribute.index()] = value;
    }
}

/// One request that stands for several.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Sample {
    /// For how many requests it stands, at least 1.
    pub weight: u32,
    /// The tier it was judged in, before a rule demoted it.
    pub tier: Tier,
    /// Its cohort.
    pub cohort: Cohort,
    /// What it was counted as, in microseconds of service.
    pub cost_micros: u32,
    /// A browser's navigation or something that follows one; what can be shown a page.
    pub navigation: bool,
    /// It came with a ticket that the gate gave: it keeps cookies.
    pub keeps_cookies: bool,
    /// Its attributes.
    pub values: Values,
}

/// How many samples one [`crate::Summary`] holds at most, of known and of other clients each (decision-science, section 11:
/// 512 a second in all).
pub const SAMPLES_MAX: usize = 256;
