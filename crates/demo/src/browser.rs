//! What people's browsers send, and the attackers that copy it.

use http::Request;
use web_io::Bytes;

/// One of the browsers that people use; the same person always has the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Browser(usize);

impl Browser {
    /// The browser of a person; the common ones are common here, too.
    pub(crate) fn of(person: u32) -> Self {
        let draw = usize::try_from(person.wrapping_mul(2_654_435_761) >> 16).unwrap_or(0) % SHARES;
        let mut below = 0;
        let place = AGENTS.iter().position(|&(_, share)| {
            below += share;
            draw < below
        });
        Self(place.unwrap_or(0))
    }

    /// A page view with these cookies.
    pub(crate) fn get(self, path: &str, cookies: &str) -> Request<Bytes> {
        self.request("GET", path, cookies, Bytes::new())
    }

    /// A form that is sent.
    pub(crate) fn post(self, path: &str, cookies: &str, form: String) -> Request<Bytes> {
        self.request("POST", path, cookies, form.into())
    }

    fn request(self, method: &str, path: &str, cookies: &str, body: Bytes) -> Request<Bytes> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "shop.localhost")
            .header("user-agent", AGENTS[self.0].0)
            .header("accept", "text/html,*/*;q=0.8")
            .header("accept-language", "en");
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        request.body(body).expect("the parts are fixed texts of this crate")
    }
}

/// Browsers and how many of a hundred people have each.
const AGENTS: [(&str, usize); 6] = [
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
        34,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        27,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        22,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        8,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", 5),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", 4),
];
const SHARES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_as_common_as_their_shares_say() {
        assert_eq!(AGENTS.iter().map(|(_, share)| share).sum::<usize>(), SHARES);
        for (place, (agent, share)) in AGENTS.iter().enumerate() {
            let people = (0..40_000).filter(|&person| Browser::of(person) == Browser(place)).count();
            assert!(people.abs_diff(share * 400) < 400, "{agent}: {people} of 40,000");
        }
    }
}
