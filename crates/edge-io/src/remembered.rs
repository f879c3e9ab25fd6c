//! What the gate remembers of the app's calm answers, to speak for it while it must refuse: how it answers other
//! origins (CORS), preflights, and a few small public files.
//!
//! Everything is bounded, read without a lock, and replaced as a whole when something new is worth keeping.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, SET_COOKIE, VARY,
};
use http::response::Parts;
use http::{Response, StatusCode};
use model::Instant;

use crate::body::AnswerBody;

/// Answers worth repeating.
#[derive(Default)]
pub(crate) struct Remembered {
    cross_origin: ArcSwap<BTreeMap<CorsKey, Cors>>,
    preflights: ArcSwap<BTreeMap<PreflightKey, Preflight>>,
    files: ArcSwap<BTreeMap<String, File>>,
    changed: AtomicU64,
}

/// First path segment, and the page's origin.
type CorsKey = (String, Vec<u8>);
/// First two path segments, the page's origin, and the method it asks for.
type PreflightKey = (String, Vec<u8>, Vec<u8>);

type Cors = Vec<(HeaderName, HeaderValue)>;

#[derive(Clone)]
struct Preflight {
    status: StatusCode,
    headers: Cors,
    at: Instant,
}

#[derive(Clone)]
struct File {
    headers: Cors,
    body: Bytes,
}

impl Remembered {
    /// Headers that let a page of this origin read an answer of the gate's, as the app would have let it.
    pub(crate) fn cors_for(&self, path: &str, origin: &HeaderValue) -> Option<Cors> {
        let remembered = self.cross_origin.load();
        let segment = leading(path, 1);
        let exact = remembered.get(&(segment.to_owned(), origin.as_bytes().to_vec()));
        exact.or_else(|| remembered.get(&(segment.to_owned(), b"*".to_vec()))).cloned()
    }

    /// The app's own calm answer to a preflight, if the same was asked before within a day.
    pub(crate) fn preflight(
        &self,
        path: &str,
        headers: &HeaderMap,
        now: Instant,
    ) -> Option<Response<AnswerBody>> {
        let key = preflight_key(path, headers)?;
        let remembered = self.preflights.load();
        let found = remembered.get(&key).filter(|found| now.since(found.at) <= PREFLIGHT_MAX_AGE)?;
        Some(rebuild(found.status, &found.headers, Bytes::new()))
    }

    /// A small public file as the app last served it.
    pub(crate) fn copy_of(&self, path: &str) -> Option<Response<AnswerBody>> {
        if !is_small_public_file(path) {
            return None;
        }
        let files = self.files.load();
        files.get(path).map(|file| rebuild(StatusCode::OK, &file.headers, file.body.clone()))
    }

    /// Looks at a calm answer of the app to a cross-origin request. `asked` are the request's own headers of interest.
    pub(crate) fn note_cors(&self, path: &str, asked: &AskedCors, answer: &Parts, now: Instant) {
        let Some(allowed) = answer.headers.get(ACCESS_CONTROL_ALLOW_ORIGIN) else { return };
        // An origin is only ever echoed to a page of that origin.
        if allowed.as_bytes() != b"*" && allowed.as_bytes() != asked.origin.as_bytes() {
            return;
        }
        if let Some(method) = &asked.method {
            let key =
                (leading(path, 2).to_owned(), asked.origin.as_bytes().to_vec(), method.as_bytes().to_vec());
            let preflight =
                Preflight { status: answer.status, headers: pick(answer, &PREFLIGHT_HEADERS), at: now };
            self.keep(&self.preflights, PREFLIGHTS_MAX, key, preflight, now, |a, b| a.headers == b.headers);
        } else {
            let origin = if allowed.as_bytes() == b"*" { &b"*"[..] } else { asked.origin.as_bytes() };
            let key = (leading(path, 1).to_owned(), origin.to_vec());
            self.keep(&self.cross_origin, CORS_MAX, key, pick(answer, &CORS_HEADERS), now, |a, b| a == b);
        }
    }

    /// Keeps a small public file that has passed completely.
    pub(crate) fn keep_file(&self, recording: Recording, now: Instant) {
        let file = File { headers: recording.headers, body: recording.body.freeze() };
        self.keep(&self.files, FILES_MAX, recording.path, file, now, |a, b| a.body == b.body);
    }

    /// Adds to a map unless it is full, at most once a second over all maps.
    fn keep<K: Ord + Clone, V: Clone>(
        &self,
        map: &ArcSwap<BTreeMap<K, V>>,
        entries_max: usize,
        key: K,
        value: V,
        now: Instant,
        same: impl Fn(&V, &V) -> bool,
    ) {
        let there = map.load();
        if there.get(&key).is_some_and(|old| same(old, &value))
            || (there.len() >= entries_max && !there.contains_key(&key))
        {
            return;
        }
        let last = self.changed.load(Relaxed);
        let due = now.as_nanos().saturating_sub(last) >= CHANGE_NANOS_MIN || last == 0;
        if due && self.changed.compare_exchange(last, now.as_nanos().max(1), Relaxed, Relaxed).is_ok() {
            let mut next = BTreeMap::clone(&there);
            next.insert(key, value);
            map.store(Arc::new(next));
        }
    }
}

/// What a cross-origin request asked.
#[derive(Clone)]
pub(crate) struct AskedCors {
    origin: HeaderValue,
    /// `Access-Control-Request-Method` of a preflight.
    method: Option<HeaderValue>,
}

impl AskedCors {
    /// The page's origin.
    pub(crate) fn origin(&self) -> &HeaderValue {
        &self.origin
    }

    /// `None` for a request that names no origin.
    pub(crate) fn of(origin: Option<&HeaderValue>, is_options: bool, headers: &HeaderMap) -> Option<Self> {
        let origin = origin.filter(|origin| origin.len() <= ORIGIN_BYTES_MAX)?.clone();
        let method = if is_options { headers.get(ACCESS_CONTROL_REQUEST_METHOD).cloned() } else { None };
        Some(Self { origin, method })
    }
}

/// A small public file on its way to a client, being kept.
pub(crate) struct Recording {
    path: String,
    headers: Cors,
    body: BytesMut,
}

impl Recording {
    /// Begins one if the answer is a small public file that anybody may have.
    pub(crate) fn begin(path: &str, answer: &Parts) -> Option<Self> {
        let private = answer.headers.get(CACHE_CONTROL).is_some_and(|value| {
            [&b"private"[..], b"no-store"]
                .iter()
                .any(|word| memchr::memmem::find(value.as_bytes(), word).is_some())
        });
        let encoded = answer.headers.contains_key(CONTENT_ENCODING);
        let fits = is_small_public_file(path) && path.len() <= PATH_BYTES_MAX;
        if !fits
            || private
            || encoded
            || answer.status != StatusCode::OK
            || answer.headers.contains_key(SET_COOKIE)
        {
            return None;
        }
        Some(Self { path: path.to_owned(), headers: pick(answer, &[CONTENT_TYPE]), body: BytesMut::new() })
    }

    /// Adds bytes; `false` when the file is too large to keep.
    pub(crate) fn push(&mut self, data: &[u8]) -> bool {
        self.body.extend_from_slice(data);
        self.body.len() <= FILE_BYTES_MAX
    }
}

/// Paths that pass at every level: proofs for certificates (RFC 8555 section 8.3).
pub(crate) fn always_passes(path: &str) -> bool {
    path.starts_with("/.well-known/acme-challenge/")
}

/// Files that crawlers and browsers ask for and that are the same for everybody (contract).
pub(crate) fn is_small_public_file(path: &str) -> bool {
    path == "/robots.txt"
        || path == "/favicon.ico"
        || path.starts_with("/sitemap")
        || (path.starts_with("/.well-known/") && !always_passes(path))
}

fn preflight_key(path: &str, headers: &HeaderMap) -> Option<PreflightKey> {
    let (origin, method) = (headers.get(ORIGIN)?, headers.get(ACCESS_CONTROL_REQUEST_METHOD)?);
    Some((leading(path, 2).to_owned(), origin.as_bytes().to_vec(), method.as_bytes().to_vec()))
}

/// The first segments of a path, cut to a bounded length.
fn leading(path: &str, segments: usize) -> &str {
    let end = path.match_indices('/').nth(segments).map_or(path.len(), |(at, _)| at);
    let mut end = end.min(PATH_BYTES_MAX);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    &path[..end]
}

fn pick(answer: &Parts, names: &[HeaderName]) -> Cors {
    let found = |name: &HeaderName| answer.headers.get(name).map(|value| (name.clone(), value.clone()));
    names.iter().filter_map(found).collect()
}

fn rebuild(status: StatusCode, headers: &Cors, body: Bytes) -> Response<AnswerBody> {
    let mut answer = Response::new(AnswerBody::whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().extend(headers.iter().cloned());
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

const CORS_HEADERS: [HeaderName; 4] =
    [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_EXPOSE_HEADERS, VARY];
const PREFLIGHT_HEADERS: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    VARY,
];
const CORS_MAX: usize = 64;
const PREFLIGHTS_MAX: usize = 256;
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);
const FILES_MAX: usize = 24;
const FILE_BYTES_MAX: usize = 64 * 1024;
const PATH_BYTES_MAX: usize = 256;
const ORIGIN_BYTES_MAX: usize = 256;
const CHANGE_NANOS_MIN: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(HeaderName, &str)]) -> Parts {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn asked(origin: &'static str, method: Option<&'static str>) -> AskedCors {
        AskedCors { origin: HeaderValue::from_static(origin), method: method.map(HeaderValue::from_static) }
    }

    #[test]
    fn an_origin_is_never_echoed_to_another() {
        let remembered = Remembered::default();
        let echo = answer(200, &[(ACCESS_CONTROL_ALLOW_ORIGIN, "https://a.example")]);
        remembered.note_cors("/api/x", &asked("https://a.example", None), &echo, Instant::from_secs(1));
        let cors = |origin| remembered.cors_for("/api/other", &HeaderValue::from_static(origin));
        assert!(cors("https://a.example").is_some());
        assert!(cors("https://b.example").is_none());
    }

    #[test]
    fn a_preflight_is_answered_as_the_app_did_within_a_day() {
        let remembered = Remembered::default();
        let allow = answer(204, &[(ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (ACCESS_CONTROL_ALLOW_METHODS, "PUT")]);
        remembered.note_cors(
            "/api/x/1",
            &asked("https://a.example", Some("PUT")),
            &allow,
            Instant::from_secs(1),
        );
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("https://a.example"));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        let day = PREFLIGHT_MAX_AGE.as_secs();
        let found = remembered.preflight("/api/x/2", &headers, Instant::from_secs(day)).unwrap();
        assert_eq!(
            (found.status(), &found.headers()[ACCESS_CONTROL_ALLOW_METHODS]),
            (StatusCode::NO_CONTENT, &"PUT".parse().unwrap())
        );
        assert!(remembered.preflight("/api/x/2", &headers, Instant::from_secs(day + 2)).is_none());
        assert!(remembered.preflight("/other/x", &headers, Instant::from_secs(2)).is_none());
    }

    #[test]
    fn only_small_public_files_are_kept() {
        let robots = answer(200, &[(CONTENT_TYPE, "text/plain")]);
        let mut recording = Recording::begin("/robots.txt", &robots).unwrap();
        assert!(recording.push(b"User-agent: *"));
        let remembered = Remembered::default();
        remembered.keep_file(recording, Instant::from_secs(1));
        assert!(remembered.copy_of("/robots.txt").is_some());
        assert!(Recording::begin("/robots.txt", &answer(200, &[(SET_COOKIE, "a=1")])).is_none());
        assert!(Recording::begin("/robots.txt", &answer(200, &[(CACHE_CONTROL, "private")])).is_none());
        assert!(Recording::begin("/account", &robots).is_none());
        assert!(!Recording::begin("/favicon.ico", &robots).unwrap().push(&[0; FILE_BYTES_MAX + 1]));
    }
}
