//! Ranges of crawlers: read at the start, files again every minute, addresses once a day.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admission::crawlers::RANGES_MAX;
use admission::site::Site;
use bytes::Bytes;
use http::{Request, StatusCode};
use model::Prefix;
use tokio::runtime::Runtime;

use super::{CrawlerNews, CrawlerSettings, RangeSource};

/// Why ranges cannot be had.
#[derive(Debug, thiserror::Error)]
enum RangesError {
    #[error("cannot read {path}: {error}")]
    File { path: String, error: io::Error },
    #[error(transparent)]
    Roots(#[from] web_io::RootsError),
    #[error(transparent)]
    Fetch(#[from] web_io::FetchError),
    #[error("{0} answers {1}; redirects are not followed")]
    Status(String, StatusCode),
    #[error("{0} holds no network")]
    None(RangeSource),
}

pub(super) struct RangesKeeper {
    site: Arc<Site>,
    crawlers: Vec<Kept>,
    news: Arc<Mutex<Vec<CrawlerNews>>>,
    runtime: Runtime,
}

struct Kept {
    settings: CrawlerSettings,
    said: Option<CrawlerNews>,
    /// Rounds until addresses are asked again.
    rounds: u32,
}

impl RangesKeeper {
    pub(super) fn new(
        site: Arc<Site>,
        crawlers: &[CrawlerSettings],
        news: Arc<Mutex<Vec<CrawlerNews>>>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let kept = |settings: &CrawlerSettings| Kept { settings: settings.clone(), said: None, rounds: 0 };
        Ok(Self { site, crawlers: crawlers.iter().map(kept).collect(), news, runtime })
    }

    pub(super) fn run(mut self, stopping: &AtomicBool) {
        while !stopping.load(Relaxed) {
            for place in 0..self.crawlers.len() {
                self.look(place);
            }
            std::thread::park_timeout(ROUND);
        }
    }

    fn look(&mut self, place: usize) {
        let Some(crawler) = self.crawlers.get_mut(place) else { return };
        let asks = crawler.settings.ranges.iter().any(|source| matches!(source, RangeSource::Https(_)));
        if crawler.settings.ranges.is_empty() || (asks && crawler.rounds > 0) {
            crawler.rounds = crawler.rounds.saturating_sub(1);
            return;
        }
        let name = crawler.settings.name.clone();
        let news = match self.runtime.block_on(read(&crawler.settings.ranges)) {
            Ok(ranges) => {
                crawler.rounds = ROUNDS_FRESH;
                self.site.crawlers().set_ranges(place, &ranges);
                CrawlerNews::Read { name, count: ranges.len() }
            }
            Err(error) => {
                crawler.rounds = ROUNDS_FAILED;
                CrawlerNews::Failed { name, why: error.to_string() }
            }
        };
        if crawler.said.as_ref() != Some(&news) {
            crawler.said = Some(news.clone());
            self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
        }
    }
}

async fn read(sources: &[RangeSource]) -> Result<Vec<Prefix>, RangesError> {
    let mut all = Vec::new();
    for source in sources {
        let text = match source {
            RangeSource::File(path) => {
                read_file(path).map_err(|error| RangesError::File { path: source.to_string(), error })?
            }
            RangeSource::Https(url) => fetch(url).await?,
        };
        let found = parse(&text);
        if found.is_empty() {
            return Err(RangesError::None(source.clone()));
        }
        all.extend(found);
    }
    all.truncate(RANGES_MAX);
    Ok(all)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(TEXT_BYTES_MAX as u64).read_to_end(&mut text)?;
    Ok(text)
}

async fn fetch(url: &str) -> Result<Vec<u8>, RangesError> {
    let client = web_io::Client::new(None, FETCH_WITHIN, TEXT_BYTES_MAX)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url.parse().unwrap_or_default();
    let answer = client.send(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(RangesError::Status(url.to_owned(), answer.status()));
    }
    Ok(answer.into_body().into())
}

/// `{"prefixes": [{"ipv4Prefix": "192.0.2.0/24"}, {"ipv6Prefix": "2001:db8::/32"}]}`, as the large search engines publish theirs,
/// or a network on each line, where `#` begins a remark. What is no network is left out.
fn parse(text: &[u8]) -> Vec<Prefix> {
    let of = |text: &str| text.parse::<Prefix>().ok();
    match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(json) => {
            let listed = json["prefixes"].as_array().into_iter().flatten();
            let texts =
                listed.filter_map(|entry| entry["ipv4Prefix"].as_str().or(entry["ipv6Prefix"].as_str()));
            texts.filter_map(of).take(RANGES_MAX).collect()
        }
        Err(_) => {
            let text = String::from_utf8_lossy(text);
            let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
            lines.filter_map(of).take(RANGES_MAX).collect()
        }
    }
}

const ROUND: Duration = Duration::from_secs(60);
/// A day, and ten minutes.
const ROUNDS_FRESH: u32 = 24 * 60;
const ROUNDS_FAILED: u32 = 10;
const FETCH_WITHIN: Duration = Duration::from_secs(20);
const TEXT_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        parse(text.as_bytes()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ranges_are_read_as_operators_publish_them() {
        let json = r#"{"creationTime": "2026-11-24T00:00:00", "prefixes":
            [{"ipv6Prefix": "2001:db8:4860::/48"}, {"ipv4Prefix": "192.0.2.0/27"}, {"ipv4Prefix": "192.0.2.1/27"}, {"x": 1}]}"#;
        assert_eq!(shown(json), ["2001:db8:4860::/48", "192.0.2.0/27"]);
        assert_eq!(
            shown("# ours\n198.51.100.0/24 # one\n\n203.0.113.7\nno network\n"),
            ["198.51.100.0/24", "203.0.113.7/32"]
        );
        assert_eq!(shown("[]"), [""; 0]);
        assert_eq!(shown("<html>"), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&text);
        }
    }
}
