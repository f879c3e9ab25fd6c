//! What the library leaves open in the fields of an HTTP/2 request (RFC 9113, section 8.3.1).

use http::header::HOST;
use http::request::Parts;

use super::fault::Fault;
use super::head::{FIELDS_MAX, Framing, METHOD_BYTES_MAX, framing, is_length};
use super::text::{is_host, is_target};

/// Frames bound the body here, but the app gets it over HTTP/1.1: a length is told once and in digits, and nothing else looks like
/// one (RFC 9113, section 8.1.1; RFC 9110, section 8.6).
fn lengths(parts: &Parts) -> Result<(), Fault> {
    let mut told = false;
    for (name, value) in &parts.headers {
        match framing(name.as_str().as_bytes()) {
            None => {}
            Some(Framing::Length) if !told && is_length(value.as_bytes()) => told = true,
            Some(Framing::Length | Framing::Other) => return Err(Fault::Length),
        }
    }
    Ok(())
}

/// Whether a request names one host, and is no larger than one of HTTP/1 may be.
pub(crate) fn check(parts: &Parts) -> Result<(), Fault> {
    if parts.headers.len() > FIELDS_MAX {
        return Err(Fault::HeadTooLarge);
    }
    lengths(parts)?;
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = match (authority, hosts.next(), hosts.next()) {
        (_, _, Some(_)) | (None, None, None) => return Err(Fault::Host),
        (Some(authority), Some(host), None) if !authority.eq_ignore_ascii_case(host.as_bytes()) => {
            return Err(Fault::Host);
        }
        (Some(authority), _, None) => authority,
        (None, Some(host), None) => host.as_bytes(),
    };
    if !is_host(host) {
        return Err(Fault::Host);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if parts.method.as_str().len() > METHOD_BYTES_MAX || !(is_target(path.as_bytes())) {
        return Err(Fault::RequestLine);
    }
    Ok(())
}
