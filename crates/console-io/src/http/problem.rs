//! Errors as `application/problem+json` (RFC 9457).

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use web_io::Bytes;

use crate::desk::Undone;

/// An error with its explanation.
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// Seldom there, and so not in every answer.
    data: Option<Box<Value>>,
}

impl Problem {
    /// `detail` says what is wrong and what to do.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), header: None, data: None }
    }

    /// With a header that its status asks for.
    pub(crate) fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// With more for programs (RFC 9457, 3.2).
    pub(crate) fn with_data(self, data: Value) -> Self {
        Self { data: Some(Box::new(data)), ..self }
    }

    /// Its status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// RFC 9457, 4.2.1 lets us leave out the type `about:blank`.
    pub(crate) fn answer(self) -> Response<Bytes> {
        let mut body = json!({
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(data) = self.data {
            body["data"] = *data;
        }
        let mut answer = Response::new(Bytes::from(body.to_string()));
        *answer.status_mut() = self.status;
        let kind = HeaderValue::from_static("application/problem+json");
        answer.headers_mut().insert(CONTENT_TYPE, kind);
        answer.headers_mut().extend(self.header);
        answer
    }
}

impl From<Undone> for Problem {
    fn from(undone: Undone) -> Self {
        let status = match undone {
            Undone::Invalid(_) => StatusCode::BAD_REQUEST,
            Undone::Late => StatusCode::SERVICE_UNAVAILABLE,
            Undone::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, undone.to_string())
    }
}
