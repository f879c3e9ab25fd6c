//! One attempt and how it ended.

use std::time::Duration;

use model::{Instant, Timestamp, Untrusted};

/// One attempt at a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// When it began, for people.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Instant,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: Result<Answer, Failure>,
}

/// A good answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// When the certificate ends that was shown, if any was.
    pub certificate_ends: Option<Timestamp>,
}

/// Why an attempt failed, for people; what others wrote in it is escaped and short.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The name has no address here.
    #[error("the name cannot be resolved: {0}")]
    Name(String),
    /// The name has an address that it should not have.
    #[error("the name leads to {0}, which is not where it should lead")]
    Elsewhere(String),
    /// No connection.
    #[error("no connection: {0}")]
    Connection(String),
    /// No TLS, or a certificate that is not in order.
    #[error("TLS fails: {0}")]
    Tls(String),
    /// No answer that can be read.
    #[error("no answer: {0}")]
    Answer(String),
    /// An answer with a status that is not wanted.
    #[error("the answer has status {0}")]
    Status(u16),
    /// An answer without the text that it should hold.
    #[error("the answer does not hold the text that it should")]
    Text,
    /// Nothing in time.
    #[error("nothing within {} ms", .0.as_millis())]
    Late(Duration),
}

impl Failure {
    /// Whether something answered, only not as it should.
    pub const fn is_answer(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Text)
    }

    /// Words of other programs and machines, made fit for a log.
    pub fn words(error: impl std::fmt::Display) -> String {
        Untrusted::from(error.to_string().as_str()).to_string()
    }
}
