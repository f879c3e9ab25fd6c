//! What lies on a mirror as far as it was put there from here: so that what has ended is removed, and nothing else ever is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::files::{Files, is_place};

use super::PushError;

/// The places of a mirror with what was put there.
pub(super) struct Known {
    file: PathBuf,
    /// `None`: something is there, or may be, and what cannot be told.
    places: BTreeMap<String, Option<String>>,
    /// Pages since all of one was sent.
    since_whole: u32,
}

impl Known {
    /// As an earlier process left it in this file. A file that cannot be read or is damaged costs nothing but that some files
    /// that ended stay on the mirror.
    pub(super) fn read(file: PathBuf) -> Self {
        let mut text = String::new();
        if let Ok(file) = fs::File::open(&file) {
            // What cannot be read says nothing.
            let _read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
        }
        let places = text.lines().filter(|line| is_place(line)).map(|line| (line.to_owned(), None)).collect();
        Self { file, places, since_whole: 0 }
    }

    /// Notes, before it is so, that the files of a page will be there.
    pub(super) fn expect(&mut self, files: &Files) -> Result<(), PushError> {
        let before = self.places.len();
        for (place, _) in files.placed() {
            self.places.entry(place.to_owned()).or_default();
        }
        if self.places.len() == before { Ok(()) } else { self.write() }
    }

    /// Whether exactly this is there already.
    pub(super) fn has(&self, place: &str, etag: &str) -> bool {
        self.places.get(place).is_some_and(|there| there.as_deref() == Some(etag))
    }

    /// What is there and belongs to the page no more.
    pub(super) fn ended(&self, files: &Files) -> Vec<String> {
        let new: BTreeMap<&str, _> = files.placed().collect();
        self.places.keys().filter(|place| !new.contains_key(place.as_str())).cloned().collect()
    }

    /// Notes that the page is there, and nothing else. Now and then that is not relied on, and all of the next one is sent: a mirror
    /// may lose what it had.
    pub(super) fn settle(&mut self, files: &Files) -> Result<(), PushError> {
        let before = self.places.len();
        self.since_whole = (self.since_whole + 1) % WHOLE_EVERY;
        let is_relied_on = self.since_whole != 0;
        let there = |etag: &String| is_relied_on.then(|| etag.clone());
        self.places = files.placed().map(|(place, file)| (place.to_owned(), there(&file.etag))).collect();
        if self.places.len() == before { Ok(()) } else { self.write() }
    }

    fn write(&self) -> Result<(), PushError> {
        let text: String = self.places.keys().map(|place| format!("{place}\n")).collect();
        replace(&self.file, text.as_bytes())
    }
}

/// Replaces a file of the work folder; its folder is made if it is not there.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), PushError> {
    let failed = |source: io::Error| PushError::Work { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, content).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

/// Pages of which one is sent whole: about one an hour, while nothing happens.
const WHOLE_EVERY: u32 = 12;
/// More than the places of two pages need.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Served;

    #[test]
    fn only_what_was_put_there_is_ever_removed_and_only_what_changed_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mirrors/one/places");
        let mut known = Known::read(file.clone());
        known.expect(&page(&["/", "/i/a.html"])).unwrap();
        assert!(!known.has("index.html", "\"/\""), "it is only expected");
        // The process ends in the middle: the next one knows what may be there.
        let mut known = Known::read(file.clone());
        assert_eq!(known.ended(&page(&["/"])), ["i/a.html"]);
        known.settle(&page(&["/"])).unwrap();
        assert!(known.has("index.html", "\"/\"") && !known.has("index.html", "\"other\""));
        assert_eq!(known.ended(&page(&["/"])), Vec::<String>::new());
        assert_eq!(fs::read_to_string(&file).unwrap(), "index.html\n");
    }

    #[test]
    fn a_mirror_that_lost_what_it_had_gets_it_again_within_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let mut known = Known::read(folder.path().join("places"));
        let page = page(&["/"]);
        let whole = (0..24).filter(|_| {
            known.settle(&page).unwrap();
            !known.has("index.html", "\"/\"")
        });
        assert_eq!(whole.collect::<Vec<_>>(), [11, 23]);
    }

    #[test]
    fn a_damaged_note_names_no_place_outside_the_mirror() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("places");
        fs::write(&file, "../etc/passwd\n/etc/passwd\n\n.hidden\nb/7\nold.html\n").unwrap();
        assert_eq!(Known::read(file.clone()).ended(&page(&[])), ["old.html"]);
        fs::write(&file, b"\xFF\xFE").unwrap();
        assert_eq!(Known::read(file).ended(&page(&[])), Vec::<String>::new());
    }

    fn page(paths: &[&str]) -> Files {
        let mut files = Files::new(1);
        for path in paths {
            files.insert(path, Served::new("x", "text/html", format!("\"{path}\""))).unwrap();
        }
        files
    }
}
