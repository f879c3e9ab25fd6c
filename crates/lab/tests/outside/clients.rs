//! The three clients: their command lines, and what they saw.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::clock::pause;
use lab::{Missing, Peer, checkout};

use crate::lookalikes;

/// Between two requests of one client: a person who reads fast.
const PAUSE: Duration = Duration::from_millis(120);
/// A refusal is a page of at most this size, in bytes.
const REFUSAL_BYTES_MAX: usize = 10 * 1024;
/// The statuses of refusals.
const REFUSALS: [u16; 2] = [429, 503];
/// Characters that are quoted of an answer that is not as it should be.
const QUOTED: usize = 300;
/// Whom curl signs in as.
const CURL_ACCOUNT: &str = "curl@shop.example";

/// What came back: answers by status (0 if none came), and what was not as it should be.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    statuses: BTreeMap<u16, u32>,
    pub(crate) wrong: Vec<String>,
}

impl Seen {
    pub(crate) fn asked(&self) -> u32 {
        self.statuses.values().sum()
    }

    pub(crate) fn with_status(&self, status: u16) -> u32 {
        self.statuses.get(&status).copied().unwrap_or(0)
    }

    /// Those who were asked to come back: for want of room, or because their network asks for too much.
    pub(crate) fn refused(&self) -> u32 {
        REFUSALS.into_iter().map(|status| self.with_status(status)).sum()
    }

    fn count(&mut self, status: u16, times: u32) {
        *self.statuses.entry(status).or_default() += times;
    }

    /// The object that `shopper.py` prints.
    fn from_json(text: &str) -> Self {
        let said: serde_json::Value = serde_json::from_str(text).expect("Python prints JSON");
        let mut seen = Self::default();
        for (status, times) in said["seen"].as_object().expect("answers by status") {
            let times = times.as_u64().and_then(|times| times.try_into().ok()).expect("a small count");
            seen.count(status.parse().expect("a status"), times);
        }
        let wrong = said["wrong"].as_array().expect("a list");
        seen.wrong = wrong.iter().map(ToString::to_string).collect();
        seen
    }
}

/// The programs, before anybody knows where the gate is.
pub(crate) struct Programs {
    curl: Peer,
    wrk: Peer,
    python: Peer,
}

/// The programs with the gate's address and a folder for their cookies.
pub(crate) struct Clients {
    programs: Programs,
    gate: SocketAddr,
    folder: PathBuf,
}

impl Clients {
    /// All three, or which one is missing.
    pub(crate) fn find() -> Result<Programs, Missing> {
        let [curl, wrk, python] = ["curl", "wrk", "python3"].map(Peer::find);
        Ok(Programs { curl: curl?, wrk: wrk?, python: python? })
    }

    /// Both people sign in through the shop's form and keep the cookies that they get.
    pub(crate) fn sign_in(&self) {
        let form = format!("user={}&password=tickets", CURL_ACCOUNT.replace('@', "%40"));
        let mut command = self.curl("127.97.1.7");
        command.arg("--cookie-jar").arg(self.curl_jar()).args(["--data", &form]);
        let answer = said(command.arg(format!("http://{}/login", self.gate)));
        assert!(answer.starts_with("HTTP/1.1 303"), "curl could not sign in: {answer}");
        let signed_in = self.python(&["sign-in", "{gate}", "{jar}", "127.97.2.7"]);
        assert!(signed_in.wrong.is_empty() && signed_in.with_status(200) == 1, "{signed_in:?}");
    }

    /// Asks for the account page with the kept cookies, each time from another address: her phone is on a train.
    pub(crate) fn curl_customer(&self, asked: u32) -> Seen {
        let mut seen = Seen::default();
        for number in 0..asked {
            let mut command = self.curl(&format!("127.97.{}.7", 10 + number % 4));
            command.arg("--cookie").arg(self.curl_jar());
            let answer = said(command.arg(format!("http://{}/account", self.gate)));
            seen.count(status_of(&answer), 1);
            if !answer.contains(&format!("Signed in as {CURL_ACCOUNT}")) {
                seen.wrong.push(answer.chars().take(QUOTED).collect());
            }
            pause(PAUSE);
        }
        seen
    }

    /// Asks for the page, each time from an address of a network of its own, without cookies.
    pub(crate) fn curl_strangers(&self, path: &str, asked: u32) -> Seen {
        let mut seen = Seen::default();
        for number in 0..asked {
            let mut command = self.curl(&format!("127.99.{}.7", number % 250));
            let answer = said(command.arg(format!("http://{}{path}", self.gate)));
            seen.count(status_of(&answer), 1);
            if REFUSALS.contains(&status_of(&answer)) {
                seen.wrong.extend(wrong_refusal(&answer));
            }
            pause(PAUSE);
        }
        seen
    }

    /// Floods with the requests of [`Clients::curl_strangers`]; returns how many were answered with the page, of how many.
    pub(crate) fn lookalikes(&self, path: &str, seconds: u64) -> (u32, u32) {
        let version = said(self.programs.curl.command().arg("--version"));
        let number = version.split(' ').nth(1).expect("curl says its version");
        lookalikes::flood(self.gate, path, &format!("curl/{number}"), seconds)
    }

    /// The customer of Python, from the address that she signed in at.
    pub(crate) fn python_customer(&self, asked: u32) -> Seen {
        self.python(&["customer", "{gate}", "{jar}", "127.97.2.7", &asked.to_string()])
    }

    /// As [`Clients::curl_strangers`], as a browser's navigation.
    pub(crate) fn python_strangers(&self, asked: u32) -> Seen {
        self.python(&["strangers", "{gate}", &asked.to_string()])
    }

    /// The customer of curl once more, at a modest rate through `wrk`, from the very address that floods and with the
    /// same user agent, none: so the flood inherits her pass as her browser's requests without cookies would.
    pub(crate) fn wrk_customer(&self, seconds: u64) -> Seen {
        let jar = std::fs::read_to_string(self.curl_jar()).expect("curl kept its cookies");
        let mut command = self.programs.wrk.command();
        command
            .args(["--threads=1", "--connections=2", "--timeout=4s"])
            .arg(format!("--duration={seconds}s"));
        command.arg(format!("--script={}", tests().join("customer.lua").display()));
        command.arg(format!("--header=Cookie: {}", cookies_in(&jar)));
        let text = said(command.arg(format!("http://{}/account", self.gate)));
        let line =
            text.lines().find_map(|line| line.strip_prefix("CUSTOMER ")).unwrap_or_else(|| panic!("{text}"));
        let numbers: Vec<u32> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [answers, refused, broken] = numbers[..] else { panic!("three figures: {line}") };
        let mut seen = Seen::default();
        seen.count(200, answers - refused);
        seen.count(503, refused);
        seen.count(0, broken);
        seen
    }

    /// curl that prints head and body, from this address.
    fn curl(&self, from: &str) -> Command {
        let mut command = self.programs.curl.command();
        command.args(["--disable", "--silent", "--show-error", "--include", "--noproxy", "*"]);
        command.args(["--max-time", "4", "--interface", from, "--header", "Connection: close"]);
        command
    }

    fn python(&self, words: &[&str]) -> Seen {
        let mut command = self.programs.python.command();
        command.arg("-B").arg(tests().join("shopper.py"));
        for word in words {
            match *word {
                "{gate}" => command.arg(self.gate.to_string()),
                "{jar}" => command.arg(self.folder.join("python.jar")),
                word => command.arg(word),
            };
        }
        Seen::from_json(&said(&mut command))
    }

    fn curl_jar(&self) -> PathBuf {
        self.folder.join("curl.jar")
    }
}

impl Programs {
    /// Tells them where the gate is and where cookies go.
    pub(crate) fn of(self, gate: SocketAddr, folder: &Path) -> Clients {
        Clients { programs: self, gate, folder: folder.to_path_buf() }
    }
}

/// What a refusal that is no navigation lacks of what the manual says about it.
fn wrong_refusal(answer: &str) -> Vec<String> {
    let head = answer.to_ascii_lowercase();
    let wanted = [
        "\r\nretry-after: ",
        "\r\nportcullis-reference: ",
        "\r\ncache-control: no-store\r\n",
        "\r\ncontent-type: application/problem+json",
    ];
    let mut wrong: Vec<String> =
        wanted.iter().filter(|line| !head.contains(**line)).map(|line| format!("no {line:?}")).collect();
    if answer.len() > REFUSAL_BYTES_MAX {
        wrong.push(format!("{} bytes", answer.len()));
    }
    wrong
}

/// The `Cookie` header of a Netscape cookie file as curl writes it: seven fields, the last two name and value.
fn cookies_in(jar: &str) -> String {
    let fields = jar.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let pairs: Vec<String> =
        fields.filter(|line| line.len() == 7).map(|line| format!("{}={}", line[5], line[6])).collect();
    pairs.join("; ")
}

/// Everything that a program printed; what it complained about if that is all.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("an installed program starts");
    let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
    String::from_utf8_lossy(text).into_owned()
}

/// The status of an answer; 0 for what is none.
fn status_of(answer: &str) -> u16 {
    let line = answer.strip_prefix("HTTP/1.1 ");
    line.and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn tests() -> PathBuf {
    checkout().join("crates/lab/tests/outside")
}
