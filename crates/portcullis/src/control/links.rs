//! Links that let a customer's browser in: where they lead, and how many may be made.

use std::time::Duration;

use admission::limits::{Charge, Rate, Table};
use admission::pass::Scheme;
use console_io::ctl::{ClientName, Reply};
use model::{Instant, PassId};
use serde_json::json;

use super::Control;
use crate::lines::span;
use crate::secrets;

/// Where clients reach the gate from outside, as far as the configuration tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LinkPlace {
    /// The address that an admin has written, without a slash at its end; all else does not matter then.
    pub(crate) public: Option<String>,
    /// The port, unless it is the usual one of the scheme, or another one's: that of a front or a load balancer.
    pub(crate) port: Option<u16>,
}

/// A listener, as far as it matters for links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// Whatever comes there comes from a load balancer, or is sent on to https.
    pub(crate) is_indirect: bool,
}

impl LinkPlace {
    /// From the listeners. Behind a front the port that people use is the front's.
    pub(crate) fn of(public: Option<String>, doors: &[Door], has_fronts: bool) -> Self {
        let https = doors.iter().any(|door| door.tls);
        let usual = if https { 443 } else { 80 };
        let direct: Vec<u16> = doors
            .iter()
            .filter(|door| door.tls == https && !door.is_indirect)
            .map(|door| door.port)
            .collect();
        let port = direct.first().copied().filter(|_| !has_fronts && !direct.contains(&usual));
        Self { public, port }
    }

    /// The whole address of a path; `None` where nobody has said what the site is called.
    pub(crate) fn whole(&self, scheme: &Scheme, host: Option<&str>, path: &str) -> Option<String> {
        let public = self.public.as_ref().map(|public| format!("{public}{path}"));
        public.or_else(|| host.map(|host| self.address(scheme, host, path)))
    }

    /// The whole address of a path on a host.
    fn address(&self, scheme: &Scheme, host: &str, path: &str) -> String {
        let scheme = if *scheme == Scheme::Http { "http" } else { "https" };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{host}{port}{path}")
    }
}

/// How many links may still be made. A restart forgets what was made before it.
pub(crate) struct LinkBudget(Table);

impl Default for LinkBudget {
    fn default() -> Self {
        // One cell, under a key that nobody chooses.
        Self(Table::new(1, [0; 16]))
    }
}

impl LinkBudget {
    /// Takes one link out of the budget.
    ///
    /// # Errors
    /// How long it takes until there is another one.
    fn take(&self, now: Instant) -> Result<(), Duration> {
        let rate = Rate::per_second(LINKS_PER_MINUTE / 60.0, LINKS_AT_ONCE);
        match self.0.charge(&"links", now, 1_000, rate) {
            Charge::Refused { retry_after } => Err(retry_after),
            Charge::Allowed | Charge::NoRoom => Ok(()),
        }
    }
}

impl Control {
    /// A link for an account: a whole address where the configuration names a host.
    pub(super) fn link(&self, client: &ClientName, minutes: u32) -> Reply {
        if let Err(wait) = self.links.take(self.clock.now()) {
            return Reply::failed(too_many(wait));
        }
        let random = match secrets::random32() {
            Ok(bytes) => bytes.first_chunk().copied().unwrap_or_default(),
            Err(error) => return Reply::failed(format!("{error}; ask again")),
        };
        let life = Duration::from_secs(60 * u64::from(minutes));
        let pass = PassId(u128::from_be_bytes(random));
        let path = self.site.pass_link(self.account(client), pass, life);
        let host = self.shared.settings.hosts.first().map(String::as_str);
        let whole = self.link_place.whole(&self.site.settings().scheme, host, &path);
        let note = if whole.is_some() {
            ""
        } else {
            "\nput the address of the site before it: the configuration names no host"
        };
        told(&whole.unwrap_or(path), pass, minutes, note)
    }
}

/// What is said of a link that was made; the first line is the link. Its pass has a name already, and revoking that takes the
/// link back.
fn told(link: &str, pass: PassId, minutes: u32, note: &str) -> Reply {
    let pass = ClientName::Pass(pass);
    let text = format!(
        "{link}\nwhoever opens it first and presses its button is let in; it is good for {}{note}\n`ctl clients revoke {pass}` takes it back, used or not",
        span(Duration::from_secs(60 * u64::from(minutes)))
    );
    Reply::done(text, json!({ "link": link, "minutes": minutes, "pass": pass }))
}

fn too_many(wait: Duration) -> String {
    // Rounded up: who comes back then finds one.
    let wait = Duration::from_secs(wait.as_secs() + 1);
    format!(
        "too many links: {LINKS_AT_ONCE} can be made at once and {LINKS_PER_MINUTE} a minute, so that whoever gets hold of the console cannot make everybody known; the next one in {}",
        span(wait)
    )
}

/// Links at once, and then so many a minute: 15,400 on the first day, less than the 16,384 of which admission remembers that
/// they were used.
const LINKS_AT_ONCE: f64 = 1_000.0;
/// See [`LINKS_AT_ONCE`].
const LINKS_PER_MINUTE: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(doors: &[(u16, bool, bool)], has_fronts: bool) -> String {
        let scheme = if doors.iter().any(|(_, tls, _)| *tls) { Scheme::Https } else { Scheme::Http };
        let doors: Vec<Door> =
            doors.iter().map(|&(port, tls, is_indirect)| Door { port, tls, is_indirect }).collect();
        LinkPlace::of(None, &doors, has_fronts).whole(&scheme, Some("shop.example"), "/p").unwrap()
    }

    #[test]
    fn what_an_admin_has_written_is_the_address_and_without_any_name_there_is_none() {
        let place = LinkPlace::of(Some("https://shop.example:8443".to_owned()), &[], true);
        let whole = place.whole(&Scheme::Http, Some("a.example"), "/p");
        assert_eq!(whole.as_deref(), Some("https://shop.example:8443/p"));
        assert_eq!(LinkPlace::default().whole(&Scheme::Https, None, "/p"), None);
    }

    #[test]
    fn a_link_names_the_port_unless_it_is_the_usual_one_or_anothers() {
        let (http, https) = ("http://shop.example/p", "https://shop.example/p");
        assert_eq!(place(&[(80, false, false)], false), http);
        assert_eq!(place(&[(8080, false, false)], false), "http://shop.example:8080/p");
        assert_eq!(place(&[(80, false, true), (8443, true, false)], false), "https://shop.example:8443/p");
        assert_eq!(place(&[(8443, true, false), (443, true, false)], false), https);
        assert_eq!(place(&[(443, false, false)], false), "http://shop.example:443/p", "odd, but so it is");
        assert_eq!(place(&[(8443, true, true)], false), https, "a load balancer stands before it");
        assert_eq!(place(&[(8080, false, false)], true), http, "a front stands before it");
    }

    #[test]
    fn a_link_is_told_with_the_name_by_which_it_is_taken_back() {
        let id = PassId(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF);
        let reply = told("https://shop.example/p", id, 60, "\nput the address of the site before it");
        let named: Result<ClientName, _> = reply.data["pass"].as_str().unwrap().parse();
        assert_eq!(named, Ok(ClientName::Pass(id)), "`clients revoke` takes it");
        insta::assert_snapshot!(format!("{}\n\n{}", reply.text, reply.data));
    }

    #[test]
    fn links_are_made_at_the_named_rate_and_no_faster() {
        let (budget, mut now) = (LinkBudget::default(), Instant::from_secs(1_000));
        let made = (0..2_000).filter(|_| budget.take(now).is_ok()).count();
        assert_eq!(made, 1_000);
        let wait = budget.take(now).unwrap_err();
        assert!(wait <= Duration::from_secs(6), "{wait:?}");
        insta::assert_snapshot!(too_many(wait));
        now = now + wait;
        assert_eq!((budget.take(now), budget.take(now).is_err()), (Ok(()), true));
        now = now + Duration::from_secs(86_400);
        assert_eq!((0..2_000).filter(|_| budget.take(now).is_ok()).count(), 1_000);
    }
}
