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

impl Attempt {
    /// When it began, for durations.
    pub(crate) fn begun(&self) -> Instant {
        let took = u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX);
        Instant::from_nanos(self.ended.as_nanos().saturating_sub(took))
    }
}

/// A good answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// When the certificate ends that was shown, if any was.
    pub certificate_ends: Option<Timestamp>,
}

/// What answers where a target is down. The order is from nothing to all.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Answers {
    /// Nothing does.
    #[default]
    Nothing,
    /// Somebody before the site, who perhaps cannot reach it either.
    Before,
    /// The site itself, only not as it should: it can be reached.
    Site,
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
    /// Nothing was sent: this machine has no way out, no room for another connection, or no leave to make one.
    #[error("this machine cannot try: {0}")]
    Here(String),
    /// No TLS.
    #[error("TLS fails: {0}")]
    Tls(String),
    /// A certificate that is not in order; or the clock of this machine is not.
    #[error("the certificate is not in order: {0}")]
    Certificate(String),
    /// No answer that can be read.
    #[error("no answer: {0}")]
    Answer(String),
    /// An answer with a status that is not wanted.
    #[error("the answer has status {0}")]
    Status(u16),
    /// Whoever stands before the site answers that it cannot reach it.
    #[error("whoever stands before it cannot reach it: the answer has status {0}")]
    Gateway(u16),
    /// An answer without the text that it should hold.
    #[error("the answer does not hold the text that it should")]
    Text,
    /// Nothing in time.
    #[error("nothing within {} ms", .0.as_millis())]
    Late(Duration),
}

impl Failure {
    /// What answered, only not as it should.
    pub const fn answers(&self) -> Answers {
        match self {
            Self::Status(_) | Self::Text | Self::Certificate(_) => Answers::Site,
            Self::Gateway(_) | Self::Tls(_) => Answers::Before,
            Self::Name(_)
            | Self::Elsewhere(_)
            | Self::Connection(_)
            | Self::Here(_)
            | Self::Answer(_)
            | Self::Late(_) => Answers::Nothing,
        }
    }

    /// Whether the machine that tried may be at fault: then it says nothing of the site.
    pub const fn may_be_here(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Here(_))
    }

    /// Words of other programs and machines, made fit for a log.
    pub fn words(error: impl std::fmt::Display) -> String {
        Untrusted::from(error.to_string().as_str()).to_string()
    }
}
