use http::StatusCode;

/// Why bytes are no request that the gate takes. Each names its rule of `docs/framing.md`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Rule 1: a bare LF or CR, or a control character.
    #[error("a line must end with CR LF, and hold no control characters")]
    Line,
    /// Rule 2: no request line.
    #[error("the request line is malformed")]
    RequestLine,
    /// Rule 2: another version than HTTP/1.0 and HTTP/1.1.
    #[error("only HTTP/1.0 and HTTP/1.1 are spoken here")]
    Version,
    /// Rule 2: a target of more than 8 KiB.
    #[error("the target is too long")]
    TargetTooLong,
    /// Rule 3: a head that is too large.
    #[error("the head is too large")]
    HeadTooLarge,
    /// Rule 4: no field line.
    #[error("a field is malformed")]
    Field,
    /// Rule 5: no Host, two, or no host in it.
    #[error("there must be one Host")]
    Host,
    /// Rules 6 to 8: the length of the body is in doubt.
    #[error("the length of the body is in doubt")]
    Length,
    /// Rule 7: a transfer coding other than chunked.
    #[error("only the transfer coding chunked is understood")]
    TransferCoding,
    /// Rule 9: an expectation other than 100-continue.
    #[error("only 100-continue can be expected")]
    Expectation,
    /// Rule 10: no chunk.
    #[error("a chunk is malformed")]
    Chunk,
}

impl Fault {
    /// How many there are.
    pub const COUNT: usize = 11;

    /// All of them, in the order of [`Fault::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::Line,
        Self::RequestLine,
        Self::Version,
        Self::TargetTooLong,
        Self::HeadTooLarge,
        Self::Field,
        Self::Host,
        Self::Length,
        Self::TransferCoding,
        Self::Expectation,
        Self::Chunk,
    ];

    /// Its place, 0 to 10.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::RequestLine => "request_line",
            Self::Version => "version",
            Self::TargetTooLong => "target_too_long",
            Self::HeadTooLarge => "head_too_large",
            Self::Field => "field",
            Self::Host => "host",
            Self::Length => "length",
            Self::TransferCoding => "transfer_coding",
            Self::Expectation => "expectation",
            Self::Chunk => "chunk",
        }
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TransferCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Line | Self::RequestLine | Self::Field | Self::Host | Self::Length | Self::Chunk => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// The whole answer, after which the connection ends.
    pub(crate) fn answer(self) -> Vec<u8> {
        let status = self.status();
        let body = format!(
            "{{\"type\":\"about:blank\",\"title\":\"{}\",\"status\":{},\"detail\":\"{self}\"}}\n",
            status.canonical_reason().unwrap_or("Bad Request"),
            status.as_u16()
        );
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}
