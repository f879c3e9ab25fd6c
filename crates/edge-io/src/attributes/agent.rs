//! The kind of a user agent: what people would call it, and its major version.

/// What a user agent is, such as `Chrome` and `141`; a program by the product that it names first.
///
/// Every browser calls itself `Mozilla/5.0`, most of them `Safari`, half of them `Chrome`: the most telling of the names counts.
pub(super) fn family(agent: &[u8]) -> (&[u8], &[u8]) {
    let agent = &agent[..agent.len().min(AGENT_BYTES_MAX)];
    let first = Product::read(agent.split(|byte| SEPARATORS.contains(byte)).next().unwrap_or_default());
    if first.name != b"Mozilla" {
        return first.parts();
    }
    let mut best = (usize::MAX, first);
    let mut before: &[u8] = b"";
    for word in agent.split(|byte| SEPARATORS.contains(byte)).filter(|word| !word.is_empty()) {
        let (product, previous) = (Product::read(word), std::mem::replace(&mut before, word));
        let rank = rank(product.name, previous);
        if let Some(rank) = rank.filter(|&rank| rank < best.0) {
            best = (rank, product);
        } else if previous == b"MSIE" && best.1.name == previous {
            // A version that follows its product after a space.
            best.1.version = word;
        } else if product.name == b"Version" && !product.version.is_empty() && best.0 >= SAFARI {
            // Safari's own version stands before its engine's.
            best = (SAFARI, Product { name: b"Safari", version: product.version });
        }
    }
    let (name, version) = best.1.parts();
    let known = BROWSERS.iter().find(|(token, _)| token.as_bytes() == name);
    (known.map_or(name, |(_, name)| name.as_bytes()), version)
}

/// How telling a name is, the most telling first; programs that say what they are come before all browsers.
fn rank(name: &[u8], before: &[u8]) -> Option<usize> {
    let is_program = PROGRAMS.iter().any(|end| {
        name.len().checked_sub(end.len()).is_some_and(|at| name[at..].eq_ignore_ascii_case(end.as_bytes()))
    });
    if is_program || (before == b"compatible" && name != b"MSIE") {
        return Some(0);
    }
    let place = BROWSERS.iter().position(|(token, _)| token.as_bytes() == name)?;
    Some(place + 1)
}

/// A name and a version, such as `Firefox/143.0`.
#[derive(Clone, Copy)]
struct Product<'a> {
    name: &'a [u8],
    version: &'a [u8],
}

impl<'a> Product<'a> {
    fn read(word: &'a [u8]) -> Self {
        match memchr::memchr(b'/', word) {
            Some(slash) => Self { name: &word[..slash], version: &word[slash + 1..] },
            None => Self { name: word, version: b"" },
        }
    }

    /// The name, and the major version in digits.
    fn parts(self) -> (&'a [u8], &'a [u8]) {
        let digits = self.version.iter().take(DIGITS_MAX).take_while(|byte| byte.is_ascii_digit()).count();
        (&self.name[..self.name.len().min(NAME_BYTES_MAX)], &self.version[..digits])
    }
}

/// Names in user agents and what people call these browsers, the most telling first.
const BROWSERS: [(&str, &str); 22] = [
    ("Edg", "Edge"),
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("YaBrowser", "Yandex Browser"),
    ("Vivaldi", "Vivaldi"),
    ("UCBrowser", "UC Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("HeadlessChrome", "Headless Chrome"),
    ("Electron", "Electron"),
    ("CriOS", "Chrome"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("MSIE", "Internet Explorer"),
    ("Trident", "Internet Explorer, engine"),
    ("Safari", "Safari"),
    ("AppleWebKit", "WebKit"),
    ("Gecko", "Gecko"),
    ("KHTML", "KHTML"),
];
/// The rank of Safari.
const SAFARI: usize = 19;
/// How names end of programs that say what they are.
const PROGRAMS: [&str; 4] = ["bot", "spider", "crawler", "externalhit"];
const SEPARATORS: &[u8] = b" \t();,";
/// Longer user agents are judged by their beginning.
const AGENT_BYTES_MAX: usize = 512;
/// Longer names are cut.
const NAME_BYTES_MAX: usize = 40;
const DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(agent: &str) -> String {
        let (name, major) = family(agent.as_bytes());
        format!("{}/{}", String::from_utf8_lossy(name), String::from_utf8_lossy(major))
    }

    #[test]
    fn a_user_agent_is_called_what_people_call_it() {
        assert_eq!(BROWSERS[SAFARI - 1].0, "Safari");
        for (agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                "Chrome/141",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/125.0.6422.80 Mobile/15E148 Safari/604.1",
                "Chrome/125",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox/143"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
                "Safari/17",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.3485.54",
                "Edge/140",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-A546B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
                "Samsung Internet/26",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0",
                "Opera/110",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
                "Headless Chrome/141",
            ),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot/2"),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
                "bingbot/2",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
                "Applebot/0",
            ),
            ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1)", "Internet Explorer/9"),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                "Internet Explorer, engine/7",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
                "WebKit/605",
            ),
            ("Mozilla/5.0", "Mozilla/5"),
            ("curl/8.5.0", "curl/8"),
            ("python-requests/2.32.3", "python-requests/2"),
            ("Go-http-client/1.1", "Go-http-client/1"),
            ("ShopApp/7.2 (iPhone; iOS 18.1) CFNetwork/1568", "ShopApp/7"),
            (
                "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
                "facebookexternalhit/1",
            ),
            ("Wget", "Wget/"),
            ("", "/"),
        ] {
            assert_eq!(shown(agent), expected, "{agent}");
        }
    }

    #[test]
    fn a_kind_is_short_however_long_the_user_agent_is() {
        let long = format!("Mozilla/5.0 ({}bot/{})", "a".repeat(400), "7".repeat(400));
        assert_eq!(shown(&long).len(), NAME_BYTES_MAX + 1 + DIGITS_MAX, "{}", shown(&long));
        assert_eq!(
            shown(&format!("{} Firefox/143", "Mozilla/5.0 ".repeat(60))),
            "Mozilla/5",
            "only its beginning"
        );
    }
}
