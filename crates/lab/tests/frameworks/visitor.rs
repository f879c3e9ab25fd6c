//! A person with a cookie jar, or a program with a token.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use lab::Gate;
use lab::clock::wait_for;
use lab::web::{self, Answer, Request};

use crate::SOON;

/// The gate's cookie over plain HTTP.
const PASS: &str = "portcullis";

pub(crate) const PASSWORD: &str = "correct horse";

/// Keeps the cookies that it is given, as a browser does.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) server: SocketAddr,
    pub(crate) from: Ipv4Addr,
    /// Further header lines of each request.
    pub(crate) headers: Vec<String>,
    jar: BTreeMap<String, String>,
}

impl Visitor {
    /// From a network of its own: what one browser proves, others of the same address and name inherit for a minute.
    pub(crate) fn new(server: SocketAddr, network: u8) -> Self {
        let from = Ipv4Addr::new(127, 60, network, 1);
        Self { server, from, headers: Vec::new(), jar: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    /// Sends the login form as the app's own page would.
    pub(crate) fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        assert_eq!(self.get("/login").status, 200);
        let token = self.jar.get("csrftoken").map(String::as_str).unwrap_or_default();
        let password = password.replace(' ', "+");
        let form = format!("username={name}&password={password}&csrfmiddlewaretoken={token}");
        self.send("POST", "/login", &form)
    }

    pub(crate) fn has_pass(&self) -> bool {
        self.jar.contains_key(PASS)
    }

    pub(crate) fn cookie(&mut self, name: &str, value: &str) {
        self.jar.insert(name.to_owned(), value.to_owned());
    }

    /// Asks for a page again and again until a pass comes with it, as it does once the gate has asked for that page
    /// without a cookie.
    pub(crate) fn earn_pass(&mut self, path: &str, gate: &Gate) {
        let earned = wait_for(SOON, || {
            let answer = self.get(path);
            assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.head, gate.log());
            self.has_pass().then_some(answer)
        });
        let answer = earned.unwrap_or_else(|| panic!("{path} earns no pass; the gate said:\n{}", gate.log()));
        // Nobody else may get this answer from a cache (contracts, "The app, and who is known").
        assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{}", answer.head);
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let pairs: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = format!("Cookie: {}", pairs.join("; "));
        let mut headers: Vec<&str> = self.headers.iter().map(String::as_str).collect();
        headers.extend((!pairs.is_empty()).then_some(cookies.as_str()));
        headers.extend((!body.is_empty()).then_some("Content-Type: application/x-www-form-urlencoded"));
        let request =
            Request { method, headers: &headers, body, from: self.from, within: SOON, ..Request::get(path) };
        let answer = web::send(self.server, &request)
            .unwrap_or_else(|error| panic!("{method} {path} from {}: {error}", self.from));
        for line in answer.headers("set-cookie") {
            let pair = line.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The tier that the gate told the app.
pub(crate) fn tier(answer: &Answer) -> &str {
    answer.header("seen").and_then(|seen| seen.strip_prefix("tier=")).unwrap_or("(never reached the app)")
}
