//! Makes the files of the page, signs them, and puts them where people read them: into memory, from where they are served, and onto
//! mirrors.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use incident::View;
use journal_io::keys::PageKey;
use model::Timestamp;
use status::{Bundle, Edition, Forms, PublicKey, Successor};
use status_io::{FileError, Files, Publisher, Served};

use super::Press;
use crate::subscribing::FormsSlot;

/// The page that is made again with every change.
pub(crate) struct Printer {
    pub(crate) page: status::Page,
    pub(crate) seal: Seal,
    pub(crate) site: status_io::Site,
    pub(crate) publisher: Arc<Publisher>,
    /// Of the last page.
    pub(crate) seq: u64,
    /// When mirrors were given one.
    pub(crate) exported: Timestamp,
    /// What readers who ask for mail are shown.
    pub(crate) forms: FormsSlot,
}

/// Signs one page after the other.
pub(crate) struct Seal {
    key: PageKey,
    /// SHA-256 of the manifest before.
    previous: Option<[u8; 32]>,
}

impl Seal {
    /// With a key, beginning a new chain.
    pub(crate) fn new(key: PageKey) -> Self {
        Self { key, previous: None }
    }

    /// What others check signatures with.
    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::new(self.key.public())
    }

    /// The word of the key before.
    fn successor(&self) -> Option<Successor> {
        let vouched = self.key.vouched()?;
        Some(Successor::new(&self.public(), vouched.until, &vouched.signature))
    }
}

impl Press for Printer {
    fn publish(&mut self, mut view: View, now: Timestamp, has_changed: bool) -> Result<(), FileError> {
        // Larger than any of an earlier process, unless the wall clock was set back; then at least larger than the last.
        self.seq = now.as_millis().max(self.seq + 1);
        let files = loop {
            match files(&view, &self.page, now, self.seq, &mut self.seal) {
                // Rather the newest alone than none.
                Err(FileError::TooLarge | FileError::TooMany) if view.incidents.len() > 1 => {
                    view.incidents.truncate(view.incidents.len() / 2);
                }
                made => break Arc::new(made?),
            }
        };
        self.site.publish(&files);
        *self.forms.lock().unwrap_or_else(PoisonError::into_inner) =
            Forms::of(&view, &self.page, now).map(Arc::new);
        // Mirrors hold what has changed, and something fresh now and then: each export costs a disk or a network something.
        if has_changed || now.since(self.exported) >= EXPORT_EVERY || now < self.exported {
            self.exported = now;
            self.publisher.publish(files);
        }
        Ok(())
    }
}

/// The files of a page, signed, by the paths at which they are asked for.
pub(crate) fn files(
    view: &View,
    page: &status::Page,
    now: Timestamp,
    seq: u64,
    seal: &mut Seal,
) -> Result<Files, FileError> {
    let mut bundle = status::render(view, page, now);
    sign(&mut bundle, page, now, seq, seal);
    collected(&bundle, seq)
}

/// Signs the files of a page.
pub(crate) fn sign(bundle: &mut Bundle, page: &status::Page, now: Timestamp, seq: u64, seal: &mut Seal) {
    let edition = Edition {
        seq: Some(seq),
        previous: seal.previous,
        key: Some(seal.public().id()),
        successor: seal.successor(),
        ..Edition::at(now, page.stale_after())
    };
    seal.previous = Some(bundle.sign(page, &edition, |bytes| seal.key.sign(bytes)));
}

/// Files by the paths at which they are asked for.
pub(crate) fn collected(bundle: &Bundle, seq: u64) -> Result<Files, FileError> {
    let mut files = Files::new(seq);
    for (path, file) in bundle.files() {
        let served = Served {
            bytes: file.bytes.clone().into(),
            content_type: file.content_type.into(),
            etag: file.etag.clone(),
            cache_control: file.cache_control.into(),
        };
        files.insert(&address(path), served)?;
    }
    Ok(files)
}

/// `index.html` is `/`.
fn address(path: &str) -> String {
    format!("/{}", if path == "index.html" { "" } else { path })
}

/// A copy is called old after 15 minutes.
const EXPORT_EVERY: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use status::Manifest;

    use super::*;

    #[test]
    fn an_empty_record_is_a_whole_page() {
        let page = status::Page::new("Example Shop", "https://status.shop.example").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut seal = Seal::new(PageKey::load_or_create(folder.path()).unwrap());
        let now = Timestamp::from_secs(1_795_824_000);
        let files = files(&View::default(), &page, now, 7, &mut seal).unwrap();
        for path in [
            "/",
            "/history.html",
            "/404.html",
            "/api/v2/summary.json",
            "/history.atom",
            "/status.txt",
            "/badge.svg",
        ] {
            assert!(files.get(path).is_some(), "{path}");
        }
        let bytes = |path| &files.get(path).unwrap().bytes[..];
        let manifest = Manifest::open(bytes("/manifest.json"), bytes("/manifest.json.sig"), &seal.public());
        manifest.unwrap().check(Some("https://status.shop.example"), now, Some(7)).unwrap();
        let next = super::files(&View::default(), &page, now, 8, &mut seal).unwrap();
        let text = String::from_utf8_lossy(&next.get("/manifest.json").unwrap().bytes).into_owned();
        assert!(text.contains("\"previous\":\""), "each names the one before: {text}");
    }
}
