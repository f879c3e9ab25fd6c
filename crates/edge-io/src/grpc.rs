//! gRPC over HTTP/2, as far as a gate must know it ("gRPC over HTTP2" and "GRPC Health Checking Protocol" of the gRPC project).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE};
use http::{Method, Request, Response, StatusCode};

use crate::body::{AnswerBody, RequestBody};

/// Whether an origin takes gRPC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Grpc {
    /// It does not: what calls itself gRPC goes to it like everything else, over HTTP/1.1.
    #[default]
    Never,
    /// It takes gRPC over HTTP/2, and everything else over HTTP/1.1.
    Also,
    /// It takes gRPC alone, over HTTP/2.
    Only,
}

/// Whether a request's `Content-Type` is that of gRPC; gRPC-Web, which goes over any HTTP, is another.
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| rest.is_empty() || matches!(rest[0], b'+' | b';' | b' '))
}

/// Turns an answer of the gate's own into one that a gRPC client understands ("Trailers-Only"): its status and words become
/// `grpc-status` and `grpc-message`, and `Retry-After` what tells it when to try again.
pub(crate) fn in_its_words(mut answer: Response<AnswerBody>) -> Response<AnswerBody> {
    let (code, message) = meaning(answer.status());
    *answer.status_mut() = StatusCode::OK;
    *answer.body_mut() = AnswerBody::Whole(None);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.remove(CONTENT_LENGTH);
    headers.insert(GRPC_STATUS, HeaderValue::from_static(code));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    if let Some(seconds) = seconds {
        headers.insert(GRPC_RETRY_PUSHBACK_MS, (u64::from(seconds) * 1_000).into());
    }
    answer
}

/// The gRPC status of an HTTP status ("HTTP to gRPC Status Code Mapping"), and what it says; both are known beforehand, so that
/// nothing needs to be escaped.
fn meaning(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::FORBIDDEN => (PERMISSION_DENIED, "this request was not let through"),
        StatusCode::PAYLOAD_TOO_LARGE => (RESOURCE_EXHAUSTED, "the message is too large"),
        StatusCode::TOO_MANY_REQUESTS => (UNAVAILABLE, "too many requests; try again later"),
        StatusCode::SERVICE_UNAVAILABLE => (UNAVAILABLE, "the service is very busy; try again later"),
        StatusCode::BAD_GATEWAY => (UNAVAILABLE, "the service cannot be reached"),
        StatusCode::GATEWAY_TIMEOUT => (UNAVAILABLE, "the service did not answer in time"),
        _ => (INTERNAL, "the request cannot be served"),
    }
}

/// Asks the origin's health service about the server as a whole.
pub(crate) fn health_check(path: &str) -> Option<Request<RequestBody>> {
    let no_name = Bytes::from_static(&[0; PREFIX_BYTES]);
    let mut request = Request::new(RequestBody::whole(no_name, None));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().ok()?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    Some(request)
}

/// Whether the health service answered SERVING: `status`, the first field, is 1.
pub(crate) fn is_serving(message: &[u8], trailers: Option<&HeaderMap>) -> bool {
    let succeeded =
        trailers.and_then(|trailers| trailers.get(GRPC_STATUS)).is_some_and(|status| status == OK);
    succeeded && message == [0, 0, 0, 0, 2, 0x08, 1]
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_RETRY_PUSHBACK_MS: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const OK: &str = "0";
const PERMISSION_DENIED: &str = "7";
const RESOURCE_EXHAUSTED: &str = "8";
const INTERNAL: &str = "13";
const UNAVAILABLE: &str = "14";
/// Whether a message is compressed, and its length.
const PREFIX_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_told_from_what_only_begins_like_it() {
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;v=1"] {
            assert!(is_grpc(kind.as_bytes()), "{kind}");
        }
        for kind in ["application/grpc-web", "application/grpc-web+proto", "application/json", "grpc", ""] {
            assert!(!is_grpc(kind.as_bytes()), "{kind}");
        }
    }

    #[test]
    fn a_refusal_is_said_in_headers_alone() {
        let mut answer = Response::new(AnswerBody::whole("{}"));
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
        let answer = in_its_words(answer);
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(matches!(answer.body(), AnswerBody::Whole(None)));
        let said = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(said("content-type"), "application/grpc");
        assert_eq!(said("grpc-status"), "14");
        assert_eq!(said("grpc-message"), "the service is very busy; try again later");
        assert_eq!((said("retry-after"), said("grpc-retry-pushback-ms")), ("30".into(), "30000".into()));
    }

    #[test]
    fn only_serving_is_healthy() {
        let trailers =
            |status: &'static str| HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(status))]);
        let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
        assert!(is_serving(serving, Some(&trailers("0"))));
        assert!(!is_serving(serving, Some(&trailers("14"))));
        assert!(!is_serving(serving, None));
        assert!(!is_serving(&[0, 0, 0, 0, 2, 8, 2], Some(&trailers("0"))), "NOT_SERVING");
        assert!(!is_serving(&[0, 0, 0, 0, 0], Some(&trailers("0"))), "unknown");
        assert!(!is_serving(b"", Some(&trailers("5"))), "no such service");
    }
}
