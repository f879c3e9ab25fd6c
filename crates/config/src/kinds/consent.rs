//! Whether the gate publishes words by itself.

use std::fmt;
use std::time::Duration;

use super::measures::parse_duration;
use super::names::Choice;
use super::{Bad, Text, quoted};

/// Whether the gate publishes by itself what a stage of an incident begins with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Consent {
    /// At once.
    #[default]
    Auto,
    /// Unless somebody says no within this time.
    Hold(Duration),
    /// Only when a person says yes.
    Manual,
}

impl fmt::Display for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Hold(hold) => write!(f, "{}s", hold.as_secs()),
            Self::Manual => f.write_str("manual"),
        }
    }
}

/// Of a stage that may be held for some time.
pub(crate) const CONSENT: Text<Consent> = Text::new(
    "\"auto\", \"manual\", or how long somebody may say no",
    "^(auto|manual|[0-9]+ ?(s|min|m))$",
    "5m",
    parse_consent,
);

/// Of the first notice, whose time has a key of its own.
pub(crate) const FIRST_CONSENT: Choice<Consent> = Choice {
    words: &["auto", "manual"],
    choose: |word| match word {
        "auto" => Some(Consent::Auto),
        "manual" => Some(Consent::Manual),
        _ => None,
    },
    needless: &[],
};

fn parse_consent(text: &str) -> Result<Consent, Bad> {
    match text {
        "auto" => return Ok(Consent::Auto),
        "manual" => return Ok(Consent::Manual),
        _ => {}
    }
    let hold = parse_duration(text).ok().filter(|hold| (LEAST..=MOST).contains(hold));
    hold.map(Consent::Hold).ok_or_else(|| {
        let what = format!("{} is neither \"auto\" nor \"manual\" nor a time from 1s to 30m", quoted(text));
        Bad::new(what, "write such as \"5m\": what waits for longer is no news any more")
    })
}

const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(1_800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_published_at_once_after_a_time_or_by_a_person() {
        assert_eq!(parse_consent("auto").ok(), Some(Consent::Auto));
        assert_eq!(parse_consent("manual").ok(), Some(Consent::Manual));
        assert_eq!(parse_consent("5m").ok(), Some(Consent::Hold(Duration::from_secs(300))));
        for wrong in ["", "0s", "31m", "1h", "Auto", "-1s", "soon"] {
            assert!(parse_consent(wrong).is_err(), "{wrong}");
        }
        for consent in [Consent::Auto, Consent::Manual, Consent::Hold(MOST)] {
            assert_eq!(parse_consent(&consent.to_string()).ok(), Some(consent));
        }
    }
}
