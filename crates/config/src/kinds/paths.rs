//! Paths: of requests, and of files.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::networks::has_credentials;
use super::{Bad, OriginUrl, Text, quoted};

/// The path of a request: begins with `/`, has neither query nor fragment.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RequestPath(String);

impl RequestPath {
    /// The longest path, in bytes.
    pub const BYTES_MAX: usize = 1_024;

    /// The path.
    pub const fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`RequestPath`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}; {cure}")]
pub struct ParsePathError {
    what: String,
    cure: String,
}

impl FromStr for RequestPath {
    type Err = ParsePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_path(text).map_err(|Bad { what, cure }| ParsePathError { what, cure })
    }
}

/// Where the keys are that verify JSON web tokens (RFC 7517).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Jwks {
    /// A file.
    File(PathBuf),
    /// An address: the server to ask, and the path.
    Url(OriginUrl, RequestPath),
}

/// The path of a request.
pub(crate) const PATH: Text<RequestPath> = Text::new("a path", r"^/[^?#\s]*$", "/account", parse_path);

/// The path of a file or folder.
pub(crate) const FILE: Text<PathBuf> =
    Text::new("a path of a file or folder", "^[^\\u0000]+$", "/etc/portcullis/secret", parse_file);

/// Where verification keys are.
pub(crate) const JWKS: Text<Jwks> = Text::new(
    "the path of a file, or an https:// or http:// address",
    "^(/|https?://|[^:]+$)",
    "/etc/portcullis/jwks.json",
    parse_jwks,
)
.hiding(has_credentials);

/// Where networks are published.
pub(crate) const RANGES: Text<Jwks> = Text::new(
    "the path of a file, or an https:// address",
    "^(/|https://|[^:]+$)",
    "/etc/portcullis/examplebot.json",
    parse_ranges,
)
.hiding(has_credentials);

fn parse_ranges(text: &str) -> Result<Jwks, Bad> {
    match parse_jwks(text)? {
        Jwks::Url(url, _) if !url.is_https() => {
            let what = format!("{}: over plain http anybody on the way could let himself in", quoted(text));
            Err(Bad::new(what, "write an https:// address, or the path of a file"))
        }
        found @ (Jwks::File(_) | Jwks::Url(..)) => Ok(found),
    }
}

fn parse_path(text: &str) -> Result<RequestPath, Bad> {
    let shown = quoted(text);
    if !text.starts_with('/') {
        let path =
            text.split_once("://").map_or(text, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let path = path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
        return Err(Bad::new(
            format!("{shown} is no path: it does not begin with `/`"),
            format!("write {}", quoted(&format!("/{path}"))),
        ));
    }
    if let Some(at) = text.find(['?', '#']) {
        let cure = format!("write {}", quoted(&text[..at]));
        return Err(Bad::new(format!("{shown} is more than a path"), cure));
    }
    if let Some(at) = text.find('*') {
        let cure = format!(
            "write {}: where paths are compared by their beginning, the reference says so",
            quoted(&text[..at])
        );
        return Err(Bad::new(format!("{shown} has a `*`, which would be taken literally"), cure));
    }
    if text.len() > RequestPath::BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let cure = format!(
            "write printable ASCII without spaces, other bytes as %XX, {} bytes at most",
            RequestPath::BYTES_MAX
        );
        return Err(Bad::new(format!("{shown} cannot be the path of a request"), cure));
    }
    Ok(RequestPath(text.to_owned()))
}

pub(super) fn parse_file(text: &str) -> Result<PathBuf, Bad> {
    if text.is_empty() || text.contains('\0') || text.len() > FILE_BYTES_MAX {
        return Err(Bad::new(
            format!("{} is no path of a file or folder", quoted(text)),
            "write one such as \"/etc/portcullis/secret\"",
        ));
    }
    Ok(PathBuf::from(text))
}

fn parse_jwks(text: &str) -> Result<Jwks, Bad> {
    let known =
        ["https://", "http://"].into_iter().find_map(|scheme| Some((scheme, text.strip_prefix(scheme)?)));
    let Some((scheme, rest)) = known else {
        return parse_file(text).map(Jwks::File);
    };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let url = format!("{scheme}{authority}").parse::<OriginUrl>();
    let url = url.map_err(|_| {
        Bad::new(
            format!("{} is no address", quoted(text)),
            "write one such as \"https://login.example/.well-known/jwks.json\"",
        )
    })?;
    Ok(Jwks::Url(url, parse_path(path)?))
}

/// What Linux allows (PATH_MAX).
const FILE_BYTES_MAX: usize = 4_096;
