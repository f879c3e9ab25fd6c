//! The files of one page, by the path at which they are asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::HeaderValue;
use web_io::Bytes;

use crate::unchanged::is_etag;

/// How long caches may keep a file unless it says otherwise: the page outlives its server by a day.
pub const DEFAULT_CACHE_CONTROL: &str = "public, max-age=10, stale-while-revalidate=60, stale-if-error=86400";

/// One file, ready to be served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Served {
    /// Its content.
    pub bytes: Bytes,
    /// The value of `Content-Type`.
    pub content_type: Cow<'static, str>,
    /// The value of `ETag` (RFC 9110, section 8.8.3), in quotes.
    pub etag: String,
    /// The value of `Cache-Control`.
    pub cache_control: Cow<'static, str>,
}

impl Served {
    /// A file that caches may keep as [`DEFAULT_CACHE_CONTROL`] says.
    pub fn new(
        bytes: impl Into<Bytes>,
        content_type: impl Into<Cow<'static, str>>,
        etag: impl Into<String>,
    ) -> Self {
        let cache_control = Cow::Borrowed(DEFAULT_CACHE_CONTROL);
        Self { bytes: bytes.into(), content_type: content_type.into(), etag: etag.into(), cache_control }
    }
}

/// All files of a page at one moment, in the order of their paths.
///
/// A path is `/` or begins with it and has up to eight names of letters, digits, `.`, `_`, `~` and `-`. In a folder, `/` is
/// `index.html`, and a path whose last name has no `.` is a folder with an `index.html`. `/b` belongs to exports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    seq: u64,
    bytes: usize,
    served: BTreeMap<String, Served>,
    /// The path of each by its place in a folder.
    places: BTreeMap<String, String>,
}

/// Why a file cannot be part of a page. Whoever makes the page is at fault, not its readers.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FileError {
    /// The path cannot be served and exported alike.
    #[error(
        "`{path}` is no path of a page; write `/` and up to eight names of letters, digits, `.`, `_`, `~`, `-`, none of them \
         beginning with `.` and the first not `b`"
    )]
    Path {
        /// The path, cut to what is shown.
        path: String,
    },
    /// In a folder, two files would have one place, or one would lie within the other.
    #[error("`{path}` and `{other}` cannot lie in one folder; give one of them another path")]
    Clash {
        /// The path.
        path: String,
        /// The one that is there.
        other: String,
    },
    /// A header's value is none.
    #[error("the {header} of `{path}` is no value of that header; an ETag needs its quotes")]
    Header {
        /// The path.
        path: String,
        /// The header.
        header: &'static str,
    },
    /// The page has too many files.
    #[error("a page has at most {} files; leave the oldest out", Files::FILES_MAX)]
    TooMany,
    /// The page is too large.
    #[error("a page has at most {} bytes; leave the oldest files out", Files::BYTES_MAX)]
    TooLarge,
}

impl Files {
    /// Files of a page at most.
    pub const FILES_MAX: usize = 4_096;
    /// Bytes of a page at most.
    pub const BYTES_MAX: usize = 64 << 20;
    /// Bytes of a path at most.
    pub const PATH_BYTES_MAX: usize = 256;

    /// No files yet, of the page with this number; each change of a page has a larger one.
    pub const fn new(seq: u64) -> Self {
        Self { seq, bytes: 0, served: BTreeMap::new(), places: BTreeMap::new() }
    }

    /// The number of the page.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Adds a file.
    ///
    /// # Errors
    /// See [`FileError`]; the page is as before then.
    pub fn insert(&mut self, path: &str, file: Served) -> Result<(), FileError> {
        let place = place_of(path)
            .ok_or_else(|| FileError::Path { path: path.chars().take(SHOWN_CHARS).collect() })?;
        if let Some(other) = self.clash(&place) {
            return Err(FileError::Clash { path: path.to_owned(), other: other.to_owned() });
        }
        let is_value = |value: &str| !value.is_empty() && HeaderValue::from_str(value).is_ok();
        let headers = [
            ("Content-Type", is_value(&file.content_type)),
            ("ETag", is_etag(file.etag.as_bytes())),
            ("Cache-Control", is_value(&file.cache_control)),
        ];
        if let Some((header, _)) = headers.into_iter().find(|(_, sound)| !sound) {
            return Err(FileError::Header { path: path.to_owned(), header });
        }
        if self.served.len() >= Self::FILES_MAX {
            return Err(FileError::TooMany);
        }
        if file.bytes.len() > Self::BYTES_MAX - self.bytes {
            return Err(FileError::TooLarge);
        }
        self.bytes += file.bytes.len();
        self.places.insert(place, path.to_owned());
        self.served.insert(path.to_owned(), file);
        Ok(())
    }

    /// The file at a path.
    pub fn get(&self, path: &str) -> Option<&Served> {
        self.served.get(path)
    }

    /// All paths with their files, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Served)> {
        self.served.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Every file with its place in a folder, such as `api/v2/status.json`.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.placed().map(|(place, file)| (place, &file.bytes))
    }

    /// The same, with all that is said of each.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (&str, &Served)> {
        self.places.iter().map(|(place, path)| (place.as_str(), &self.served[path]))
    }

    /// The path of a file that has this place, lies within it, or around it.
    fn clash(&self, place: &str) -> Option<&str> {
        let around = place.match_indices('/').map(|(at, _)| &place[..at]).chain([place]);
        let within = format!("{place}/");
        let taken = around.filter_map(|outer| self.places.get(outer)).next();
        let inner =
            self.places.range(within.clone()..).next().filter(|(inner, _)| inner.starts_with(&within));
        taken.or(inner.map(|(_, path)| path)).map(String::as_str)
    }
}

/// Where a path lies in a folder; nothing for what is no path of a page.
fn place_of(path: &str) -> Option<String> {
    let inner = path.strip_prefix('/')?;
    if path.len() > Files::PATH_BYTES_MAX {
        return None;
    }
    let place = match inner.rsplit('/').next().unwrap_or_default() {
        "" => format!("{inner}index.html"),
        last if last.contains('.') => inner.to_owned(),
        _ => format!("{inner}/index.html"),
    };
    is_place(&place).then_some(place)
}

/// Whether this is a place in a folder that a page may have.
pub(crate) fn is_place(place: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
    };
    let names = || place.split('/');
    place.len() <= Files::PATH_BYTES_MAX + INDEX_BYTES
        && names().count() <= NAMES_MAX
        && names().all(is_name)
        && names().next() != Some("b")
}

/// In which order files change hands where they cannot all at once: data, pages, the manifest and its signature, the index.
pub(crate) fn turn(place: &str) -> u8 {
    match place {
        INDEX => 3,
        manifest if manifest.starts_with("manifest.json") => 2,
        page if page.ends_with(".html") => 1,
        _ => 0,
    }
}

pub(crate) const INDEX: &str = "index.html";

const SHOWN_CHARS: usize = 80;
const NAMES_MAX: usize = 9;
/// `/index.html`.
const INDEX_BYTES: usize = 11;

#[cfg(test)]
mod tests;
