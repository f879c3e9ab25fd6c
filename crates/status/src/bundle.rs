//! The files of a status page, with all that a server says about them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};
use incident::View;
use model::Timestamp;
use serde::Serialize;

use crate::data::PageData;
use crate::page::Page;
use crate::signed::{MANIFEST, SIGNATURE};
use crate::successor::Successor;
use crate::{badge, dates, feed, json, pages, plain};

/// One file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// All of it.
    pub bytes: Vec<u8>,
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `ETag`, in its quotes (RFC 9110, 8.8.3). The same bytes have the same.
    pub etag: String,
    /// For `Cache-Control`: fresh for a few seconds, and better old than none while its server cannot be reached.
    pub cache_control: &'static str,
}

/// All files of a status page by their paths, which have no slash at the beginning.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bundle {
    files: BTreeMap<String, File>,
}

/// Which of the bundles that were made one after another this one is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Edition {
    /// When it was made.
    pub generated_at: Timestamp,
    /// Until when it may be taken for the present state.
    pub valid_until: Timestamp,
    /// Counts up with every bundle that is published; `None`: this one is not.
    pub seq: Option<u64>,
    /// SHA-256 of the manifest before.
    pub previous: Option<[u8; 32]>,
    /// Names the key that signs it.
    pub key: Option<String>,
    /// That key, with the word of the one before it.
    pub successor: Option<Successor>,
}

/// The files that show a view at a moment. The same arguments give the same bytes.
pub fn render(view: &View, page: &Page, at: Timestamp) -> Bundle {
    let mut bundle = Bundle::default();
    for (path, bytes) in json::files(view, page) {
        bundle.put(path.to_owned(), bytes);
    }
    for (path, markup) in pages::files(view, page, at) {
        bundle.put(path, markup.into_bytes());
    }
    bundle.put("history.atom".to_owned(), feed::atom(view, page));
    bundle.put("badge.svg".to_owned(), badge::badge(view));
    for component in &view.components {
        bundle.put(format!("c/{}.svg", component.id), badge::badge_of(component));
    }
    bundle.put("favicon.svg".to_owned(), badge::favicon(view));
    bundle.put("status.txt".to_owned(), plain::text(view, page, at));
    bundle.put(PageData::PATH.to_owned(), PageData::to_bytes(view, page, at));
    let manifest = bundle.manifest(page, &Edition::at(at, page.stale_after()));
    bundle.put(MANIFEST.to_owned(), manifest);
    bundle
}

impl Edition {
    /// A bundle that is not published yet, made at a moment and valid for a while.
    pub fn at(at: Timestamp, valid_for: Duration) -> Self {
        Self {
            generated_at: at,
            valid_until: at + valid_for,
            seq: None,
            previous: None,
            key: None,
            successor: None,
        }
    }
}

impl Bundle {
    /// The file that a path of a request means: `/`, `/history`, `/i/ID`, `/c/ID`, or a file's exact path. `None`: answer 404.
    ///
    /// The path is without query, and nothing of it is decoded: no file's path needs it.
    pub fn find(&self, url_path: &str) -> Option<&File> {
        let path = url_path.strip_prefix('/')?;
        match path {
            "" => self.get("index.html"),
            "history" => self.get("history.html"),
            _ => self.get(path).or_else(|| {
                let is_page = path.starts_with("i/") || path.starts_with("c/");
                is_page.then(|| self.get(&format!("{path}.html"))).flatten()
            }),
        }
    }

    /// A file by its exact path.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// What to answer with 404 to a path that there is not.
    pub fn not_found(&self) -> Option<&File> {
        self.get("404.html")
    }

    /// All files in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Puts in a file; one of the same path goes.
    fn put(&mut self, path: String, bytes: Vec<u8>) {
        let etag = format!("\"{}\"", &HEXLOWER.encode(&sha256(&bytes))[..ETAG_LETTERS]);
        let content_type = content_type(&path);
        self.files.insert(path, File { bytes, content_type, etag, cache_control: CACHE_CONTROL });
    }

    /// Writes `manifest.json` anew, for an edition that is published, with its signature beside it; `sign` gives that of the bytes
    /// that it gets. What comes back is what the next edition calls `previous`.
    pub fn sign(&mut self, page: &Page, edition: &Edition, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> [u8; 32] {
        let bytes = self.manifest(page, edition);
        let signature = format!("{}\n", BASE64.encode(&sign(&bytes)));
        let hash = sha256(&bytes);
        self.put(MANIFEST.to_owned(), bytes);
        self.put(SIGNATURE.to_owned(), signature.into_bytes());
        hash
    }

    /// Puts in a manifest and its signature that were made elsewhere for the same files.
    pub fn put_signed(&mut self, manifest: &[u8], signature: &[u8]) {
        self.put(MANIFEST.to_owned(), manifest.to_vec());
        self.put(SIGNATURE.to_owned(), signature.to_vec());
    }

    /// What `manifest.json` says of all other files. A signature is over these bytes; it is not one of the files listed.
    fn manifest(&self, page: &Page, edition: &Edition) -> Vec<u8> {
        let others = self.files.iter().filter(|(path, _)| !path.starts_with(MANIFEST));
        let manifest = Manifest {
            site: page.url(),
            page_id: page.id().to_string(),
            seq: edition.seq,
            generated_at: dates::rfc3339(edition.generated_at),
            valid_until: dates::rfc3339(edition.valid_until),
            previous: edition.previous.map(|hash| HEXLOWER.encode(&hash)),
            key: edition.key.as_deref(),
            successor: edition.successor.as_ref(),
            files: others
                .map(|(path, file)| (path.as_str(), HEXLOWER.encode(&sha256(&file.bytes))))
                .collect(),
        };
        json::bytes(&manifest)
    }
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    // The length is that of the algorithm.
    digest(&SHA256, bytes).as_ref().try_into().unwrap_or_default()
}

#[derive(Serialize)]
struct Manifest<'a> {
    site: &'a str,
    page_id: String,
    seq: Option<u64>,
    generated_at: String,
    valid_until: String,
    previous: Option<String>,
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<&'a Successor>,
    files: BTreeMap<&'a str, String>,
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json; charset=utf-8",
        Some("atom") => "application/atom+xml; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt" | "sig") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}

const CACHE_CONTROL: &str = "public, max-age=10, stale-while-revalidate=60, stale-if-error=86400";

/// 128 bits of the hash.
const ETAG_LETTERS: usize = 32;
