//! What a receiver's answer means.

use std::time::{Duration, SystemTime};

use model::{Timestamp, Untrusted};
use serde::{Deserialize, Serialize};

/// What came of sending.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// A web server answered.
    Http {
        /// The status.
        status: u16,
        /// The value of `Retry-After`, if there was one.
        retry_after: Option<String>,
        /// The beginning of what it said.
        body: Vec<u8>,
    },
    /// A mail server took it.
    Taken,
    /// There was no answer, or a mail server said no.
    Failed {
        /// The same will fail again.
        is_permanent: bool,
        /// Why.
        words: String,
    },
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum State {
    /// It is tried again.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// The receiver does not take it, now or later.
    Refused,
    /// It was tried or kept too long.
    GivenUp,
}

impl State {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delivered, Self::Refused, Self::GivenUp];

    /// In metrics and in the journal's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "failed",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Done,
    /// After the receiver's own time, if it named one.
    Again {
        after: Option<Duration>,
        why: String,
    },
    Never {
        why: String,
    },
    /// Mostly no more helps, but what stands between us and the receiver says the same for a while when it is not well.
    Doubtful {
        why: String,
    },
}

impl Verdict {
    pub(crate) fn of(answer: &Answer, now: Timestamp) -> Self {
        match answer {
            Answer::Taken => Self::Done,
            Answer::Failed { is_permanent: true, words } => Self::Never { why: shown(words.as_bytes()) },
            Answer::Failed { is_permanent: false, words } => {
                Self::Again { after: None, why: shown(words.as_bytes()) }
            }
            Answer::Http { status, .. } if (200..300).contains(status) => Self::Done,
            Answer::Http { status: status @ 300..400, .. } => Self::Doubtful {
                why: format!("it answers {status} and sends us elsewhere: configure where that leads"),
            },
            Answer::Http { status, retry_after, body } => {
                let why = format!("it answers {status}: {}", shown(body));
                if matches!(status, 408 | 425 | 429 | 500..) {
                    Self::Again { after: retry_after.as_deref().and_then(|text| pause(text, now)), why }
                } else if matches!(status, 400 | 410 | 413) || SLACK_FINAL.contains(&body.trim_ascii()) {
                    Self::Never { why }
                } else {
                    Self::Doubtful { why }
                }
            }
        }
    }
}

/// Others wrote it.
fn shown(bytes: &[u8]) -> String {
    Untrusted::new(bytes.trim_ascii()).to_string()
}

/// Seconds or a date (RFC 9110, section 10.2.3), an hour at most: whoever asks for more is asked again sooner.
pub(crate) fn pause(text: &str, now: Timestamp) -> Option<Duration> {
    let pause = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = httpdate::parse_http_date(text.trim()).ok()?;
            let then = then.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            then.saturating_sub(Duration::from_millis(now.as_millis()))
        }
    };
    Some(pause.min(PAUSE_MAX))
}

/// What Slack answers where no more helps, with 403 or 404 (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
const SLACK_FINAL: [&[u8]; 8] = [
    b"action_prohibited",
    b"channel_not_found",
    b"invalid_token",
    b"no_active_hooks",
    b"no_service",
    b"no_team",
    b"posting_to_general_channel_denied",
    b"team_disabled",
];
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Verdict {
        let now = Timestamp::from_secs(784_111_777);
        let retry_after = retry_after.map(str::to_owned);
        Verdict::of(&Answer::Http { status, retry_after, body: b"no \x1b[31m".to_vec() }, now)
    }

    fn after(status: u16, retry_after: &str) -> Option<u64> {
        match answer(status, Some(retry_after)) {
            Verdict::Again { after, .. } => after.map(|after| after.as_secs()),
            verdict @ (Verdict::Done | Verdict::Never { .. } | Verdict::Doubtful { .. }) => {
                panic!("{verdict:?}")
            }
        }
    }

    #[test]
    fn what_may_help_is_tried_again_and_what_cannot_is_not() {
        for status in [200, 202, 204] {
            assert_eq!(answer(status, None), Verdict::Done);
        }
        for status in [408, 425, 429, 500, 503] {
            assert!(matches!(answer(status, None), Verdict::Again { after: None, .. }), "{status}");
        }
        for status in [301, 307, 401, 403, 404, 407] {
            assert!(matches!(answer(status, None), Verdict::Doubtful { .. }), "{status}");
        }
        let slack = Answer::Http { status: 403, retry_after: None, body: b"action_prohibited\n".to_vec() };
        assert!(matches!(Verdict::of(&slack, Timestamp::from_secs(0)), Verdict::Never { .. }));
        for status in [400, 410, 413] {
            assert!(matches!(answer(status, None), Verdict::Never { .. }), "{status}");
        }
    }

    #[test]
    fn a_receiver_is_left_alone_for_as_long_as_it_asks_but_no_longer_than_an_hour() {
        assert_eq!(after(429, "17"), Some(17));
        assert_eq!(after(503, " 100000 "), Some(3_600));
        assert_eq!(after(429, "Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(after(429, "Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(after(429, "soon"), None);
    }

    #[test]
    fn what_a_receiver_says_does_not_write_the_log() {
        let Verdict::Never { why } = answer(400, None) else { panic!("tried again") };
        assert_eq!(why, "it answers 400: no \\u{1b}[31m");
    }
}
