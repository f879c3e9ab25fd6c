//! Makes the files of the page and puts them where people read them: into memory, from where they are served, and into folders.

use std::sync::Arc;
use std::time::Duration;

use incident::View;
use model::Timestamp;
use status_io::{FileError, Files, Publisher, Served};

use super::Press;

/// The page that is made again with every change.
pub(crate) struct Printer {
    pub(crate) page: status::Page,
    pub(crate) site: status_io::Site,
    pub(crate) publisher: Arc<Publisher>,
    /// Of the last page.
    pub(crate) seq: u64,
    /// When folders were given one.
    pub(crate) exported: Timestamp,
}

impl Press for Printer {
    fn publish(&mut self, mut view: View, now: Timestamp, has_changed: bool) -> Result<(), FileError> {
        // Larger than any of an earlier process, unless the wall clock was set back; then at least larger than the last.
        self.seq = now.as_millis().max(self.seq + 1);
        let files = loop {
            match files(&view, &self.page, now, self.seq) {
                // Rather the newest alone than none.
                Err(FileError::TooLarge | FileError::TooMany) if view.incidents.len() > 1 => {
                    view.incidents.truncate(view.incidents.len() / 2);
                }
                made => break Arc::new(made?),
            }
        };
        self.site.publish(&files);
        // Folders hold what has changed, and something fresh now and then: each export is written through to the disk.
        if has_changed || now.since(self.exported) >= EXPORT_EVERY || now < self.exported {
            self.exported = now;
            self.publisher.publish(files);
        }
        Ok(())
    }
}

/// The files of a page by the paths at which they are asked for.
pub(crate) fn files(view: &View, page: &status::Page, now: Timestamp, seq: u64) -> Result<Files, FileError> {
    let mut files = Files::new(seq);
    for (path, file) in status::render(view, page, now).files() {
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
    use super::*;

    #[test]
    fn an_empty_record_is_a_whole_page() {
        let page = status::Page::new("Example Shop", "https://status.shop.example").unwrap();
        let files = files(&View::default(), &page, Timestamp::from_secs(1_795_824_000), 7).unwrap();
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
    }
}
