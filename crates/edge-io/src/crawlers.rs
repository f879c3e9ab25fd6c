//! What verifies crawlers: ranges that their operators publish, and names that lead back to the address that they are for.

mod ranges;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;
use std::{fmt, io};

use admission::site::Site;
use dns_lookup::{LookupError, LookupErrorKind};

use crate::clock::Clock;
use ranges::RangesKeeper;

/// How one crawler is verified; in the order of [`admission::crawlers::Crawlers`].
#[derive(Clone, Debug)]
pub struct CrawlerSettings {
    /// What it is called.
    pub name: String,
    /// Domains of its operator, lower case, in which the names of its addresses lie.
    pub domains: Vec<String>,
    /// Where its operator publishes its networks.
    pub ranges: Vec<RangeSource>,
}

/// Where networks are published: JSON as search engines have it, or one network on each line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RangeSource {
    /// A file.
    File(PathBuf),
    /// An https address.
    Https(String),
}

impl fmt::Display for RangeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Https(url) => f.write_str(url),
        }
    }
}

/// What became of a crawler's ranges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CrawlerNews {
    /// They were read and are in use.
    Read {
        /// Whose.
        name: String,
        /// How many networks.
        count: usize,
    },
    /// They cannot be had; those before stay in use.
    Failed {
        /// Whose.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// The threads that look names up and read ranges. They end by themselves soon after [`Crawling::stop`]: a name server may
/// keep one waiting.
pub(crate) struct Crawling {
    stopping: Arc<AtomicBool>,
    news: Arc<Mutex<Vec<CrawlerNews>>>,
    threads: Vec<Thread>,
}

impl Crawling {
    pub(crate) fn start(site: &Arc<Site>, clock: Clock, crawlers: &[CrawlerSettings]) -> io::Result<Self> {
        let mut crawling = Self { stopping: Arc::default(), news: Arc::default(), threads: Vec::new() };
        if crawlers.iter().any(|crawler| !crawler.domains.is_empty()) {
            let domains: Arc<[Vec<String>]> =
                crawlers.iter().map(|crawler| crawler.domains.clone()).collect();
            for _ in 0..NAME_THREADS {
                let (site, domains, stopping) = (site.clone(), domains.clone(), crawling.stopping.clone());
                let names = Names { site, clock, domains };
                crawling.spawn(move || names.run(&stopping))?;
            }
        }
        if crawlers.iter().any(|crawler| !crawler.ranges.is_empty()) {
            let keeper = RangesKeeper::new(site.clone(), crawlers, crawling.news.clone())?;
            let stopping = crawling.stopping.clone();
            crawling.spawn(move || keeper.run(&stopping))?;
        }
        Ok(crawling)
    }

    /// What happened since the last call.
    pub(crate) fn news(&self) -> Vec<CrawlerNews> {
        std::mem::take(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
        self.threads.iter().for_each(Thread::unpark);
    }

    fn spawn(&mut self, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let handle = std::thread::Builder::new().name("crawlers".into()).spawn(run)?;
        self.threads.push(handle.thread().clone());
        Ok(())
    }
}

struct Names {
    site: Arc<Site>,
    clock: Clock,
    /// Of each crawler.
    domains: Arc<[Vec<String>]>,
}

impl Names {
    fn run(&self, stopping: &AtomicBool) {
        while !stopping.load(Relaxed) {
            let Some((place, address)) = self.site.crawlers().wanted() else {
                std::thread::park_timeout(LOOK_EVERY);
                continue;
            };
            let domains = self.domains.get(place).map_or(&[][..], Vec::as_slice);
            let verified = verify(address, domains, dns_lookup::lookup_addr, |name| {
                Ok(dns_lookup::lookup_host(name)?.take(ADDRESSES_MAX).collect())
            });
            self.site.crawlers().learn(place, address, verified, self.clock.now());
        }
    }
}

/// Whether the name of an address lies in one of these domains and leads back to the address; `None` when the name server does
/// not say.
fn verify(
    address: IpAddr,
    domains: &[String],
    reverse: impl FnOnce(&IpAddr) -> Result<String, LookupError>,
    forward: impl FnOnce(&str) -> Result<Vec<IpAddr>, LookupError>,
) -> Option<bool> {
    let name = match reverse(&address) {
        Ok(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        Err(error) => return knows_no_such(&error).then_some(false),
    };
    if !domains.iter().any(|domain| lies_in(&name, domain)) {
        return Some(false);
    }
    match forward(&name) {
        Ok(found) => Some(found.iter().any(|found| found.to_canonical() == address.to_canonical())),
        Err(error) => knows_no_such(&error).then_some(false),
    }
}

fn lies_in(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn knows_no_such(error: &LookupError) -> bool {
    matches!(error.kind(), LookupErrorKind::NoName | LookupErrorKind::NoData)
}

/// A name server that does not answer holds one of them up for many seconds.
const NAME_THREADS: usize = 4;
const LOOK_EVERY: Duration = Duration::from_millis(250);
const ADDRESSES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const EAI_NONAME: i32 = -2;
    const EAI_AGAIN: i32 = -3;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// What is made of a name, and of the addresses that it leads to.
    fn check(name: Result<&str, i32>, leads_to: Result<&[&str], i32>) -> Option<bool> {
        verify(
            ip("192.0.2.1"),
            &["bots.example".to_owned()],
            |_| name.map(str::to_owned).map_err(LookupError::new),
            |_| leads_to.map(|found| found.iter().map(|text| ip(text)).collect()).map_err(LookupError::new),
        )
    }

    #[test]
    fn a_name_must_lie_in_the_domain_and_lead_back() {
        let back: Result<&[&str], i32> = Ok(&["192.0.2.9", "192.0.2.1"]);
        assert_eq!(check(Ok("one.bots.example"), back), Some(true));
        assert_eq!(check(Ok("One.BOTS.example."), back), Some(true));
        assert_eq!(check(Ok("bots.example"), back), Some(true));
        assert_eq!(
            check(Ok("one.bots.example"), Ok(&["192.0.2.9"])),
            Some(false),
            "anybody can claim a name"
        );
        assert_eq!(check(Ok("evilbots.example"), back), Some(false));
        assert_eq!(check(Ok("bots.example.evil.example"), back), Some(false));
        assert_eq!(check(Err(EAI_NONAME), back), Some(false));
        assert_eq!(check(Ok("one.bots.example"), Err(EAI_NONAME)), Some(false));
    }

    #[test]
    fn a_name_server_that_does_not_answer_proves_nothing() {
        assert_eq!(check(Err(EAI_AGAIN), Ok(&[])), None);
        assert_eq!(check(Ok("one.bots.example"), Err(EAI_AGAIN)), None);
    }
}
