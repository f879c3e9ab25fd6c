//! Visitors and customers of a shop with the browsers that people use, and what floods look like beside them.

use std::collections::BTreeMap;

use model::{Attribute, Cohort, Sample, Tier, Values};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// Draws requests. The salt names all values anew; what is drawn doesn't depend on it.
pub(super) struct World {
    dice: Pcg32,
    salt: u64,
    /// What values are in words.
    words: BTreeMap<u64, String>,
    unique: u64,
}

impl World {
    pub(super) fn new(seed: u64, salt: u64) -> Self {
        Self { dice: Pcg32::seed_from_u64(seed), salt, words: BTreeMap::new(), unique: 0 }
    }

    /// What a value is in words.
    pub(super) fn word(&self, value: u64) -> &str {
        if value == 0 { "absent" } else { self.words.get(&value).map_or("something", String::as_str) }
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.dice.next_u64() % end
    }

    fn is(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of so many, the first twice as likely as the second.
    fn popular(&mut self, of: u64) -> u64 {
        let wide = self.below(1 << 20) as f64 / f64::from(1 << 20);
        let place = (of as f64 + 1.0).powf(wide) - 1.0;
        (0..of).rev().find(|i| *i as f64 <= place).unwrap_or(0)
    }

    pub(super) fn set(&mut self, values: &mut Values, attribute: Attribute, word: &str) {
        let hash = word.bytes().fold(self.salt ^ attribute.index() as u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31)
        });
        let value = hash.wrapping_mul(0xD6E8_FEB8_6659_FD93) | 1;
        self.words.entry(value).or_insert_with(|| word.to_owned());
        values.set(attribute, value);
    }

    /// A value that nobody else has.
    pub(super) fn set_unique(&mut self, values: &mut Values, attribute: Attribute) {
        self.unique += 1;
        let word = format!("one of many {}", self.unique);
        self.set(values, attribute, &word);
    }

    /// A request of a customer.
    pub(super) fn customer(&mut self) -> Values {
        let mut values = self.person();
        self.set(&mut values, Attribute::Cookies, "session");
        let network = self.popular(300);
        self.network(&mut values, network);
        self.headers(&mut values, "session");
        values
    }

    /// A request of somebody who is not known.
    pub(super) fn visitor(&mut self) -> Values {
        let mut values = self.person();
        let cookies = ["none", "others", "others", "session"][usize::try_from(self.popular(4)).unwrap()];
        self.set(&mut values, Attribute::Cookies, cookies);
        match self.below(10) {
            0..6 => {
                let network = 1_000 + self.below(3_000);
                self.network(&mut values, network);
            }
            6..9 => self.new_network(&mut values),
            _ => {
                let network = self.popular(300);
                self.network(&mut values, network);
            }
        }
        self.headers(&mut values, cookies);
        values
    }

    pub(super) fn network(&mut self, values: &mut Values, number: u64) {
        self.set(values, Attribute::Network, &format!("network {number}"));
        self.set(values, Attribute::WideNetwork, &format!("wide network {}", number / 16));
    }

    /// A network from which nobody came before.
    pub(super) fn new_network(&mut self, values: &mut Values) {
        self.set_unique(values, Attribute::Network);
        let wide = self.below(2_000);
        self.set(values, Attribute::WideNetwork, &format!("wide network {wide}"));
    }

    fn person(&mut self) -> Values {
        let mut values = Values::default();
        let browser =
            ["chrome", "android", "safari", "firefox", "edge"][usize::try_from(self.popular(5)).unwrap()];
        self.browser(&mut values, browser);
        let version = self.popular(6);
        let agent = if self.is(1) { "rare".to_owned() } else { format!("{browser} {version}") };
        if agent == "rare" {
            self.set_unique(&mut values, Attribute::UserAgent);
        } else {
            self.set(&mut values, Attribute::UserAgent, &agent);
        }
        let language = ["de", "en", "fr", "it"][usize::try_from(self.popular(4)).unwrap()];
        self.set(&mut values, Attribute::Language, language);
        let country = ["CH", "DE", "AT", "FR", "US"][usize::try_from(self.popular(5)).unwrap()];
        self.set(&mut values, Attribute::Country, country);
        self.set(&mut values, Attribute::Host, "shop");
        let referer = ["own", "own", "nowhere", "elsewhere"][usize::try_from(self.popular(4)).unwrap()];
        self.set(&mut values, Attribute::Referer, referer);
        let reuse = self.popular(4);
        self.set(&mut values, Attribute::Reuse, &format!("4^{reuse}"));
        self.errand(&mut values);
        values
    }

    /// What all requests of a browser have in common.
    pub(super) fn browser(&mut self, values: &mut Values, browser: &str) {
        self.set(values, Attribute::UserAgentFamily, browser);
        self.set(values, Attribute::Version, "2");
        self.set(values, Attribute::Ja4A, if browser == "safari" { "t13 safari" } else { "t13" });
        self.set(
            values,
            Attribute::Ja4B,
            if matches!(browser, "chrome" | "edge" | "android") { "chromium" } else { browser },
        );
        self.set(values, Attribute::Ja4C, browser);
    }

    /// The header fields follow from the browser and from what it has to say.
    fn headers(&mut self, values: &mut Values, cookies: &str) {
        let browser = self.word(values.get(Attribute::Ja4C)).to_owned();
        let referer = self.word(values.get(Attribute::Referer)) != "nowhere";
        let order = format!("{browser} {} {referer}", cookies != "none");
        self.set(values, Attribute::HeaderOrder, &order);
        self.set(values, Attribute::HeaderSet, &order);
    }

    fn errand(&mut self, values: &mut Values) {
        let path = self.popular(40);
        let path = ["/", "/product", "/list", "/search", "/cart", "/login"]
            .get(usize::try_from(path).unwrap())
            .map_or_else(|| format!("/page-{path}"), |path| (*path).to_owned());
        self.set(values, Attribute::Path, &path);
        let is_post = path == "/login" && self.is(50);
        self.set(values, Attribute::Method, if is_post { "POST" } else { "GET" });
        if is_post {
            self.set(values, Attribute::BodySize, "64 bytes");
        }
        if path == "/search" {
            self.set(values, Attribute::QueryKeys, "q");
            if self.is(30) {
                self.set_unique(values, Attribute::Query);
            } else {
                let term = self.popular(200);
                self.set(values, Attribute::Query, &format!("q={term}"));
            }
        } else if self.is(10) {
            self.set(values, Attribute::QueryKeys, "campaign");
            let campaign = self.popular(8);
            self.set(values, Attribute::Query, &format!("campaign={campaign}"));
        }
    }
}

/// The samples of one second: at most 256 requests, evenly drawn by taking every so many-th.
pub(super) fn sampled(tier: Tier, requests: &[Values]) -> Vec<Sample> {
    let every = requests.len().div_ceil(256).max(1);
    let sample = |(place, values): (usize, &Values)| Sample {
        weight: u32::try_from(every.min(requests.len() - place)).unwrap(),
        tier,
        cohort: Cohort::new(0),
        cost_micros: 1_000,
        navigation: true,
        keeps_cookies: false,
        values: *values,
    };
    requests.iter().enumerate().step_by(every).map(sample).collect()
}
