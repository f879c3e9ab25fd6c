//! What it means when some reach the site and others do not.

use crate::board::Verdict;

/// What disagreement tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding {
    /// Reachable from inside, not from outside.
    Network,
    /// The app does not answer.
    App,
    /// The app answers, and its public name does not work even from here.
    Name,
    /// Reachable from outside, not from here.
    OnlyHere,
}

impl Finding {
    /// `app`: the app itself, around the gate; `here`: the public name, from the gate's machine; `outside`: the public name, from
    /// elsewhere. What is not known says nothing.
    pub fn of(app: Verdict, here: Verdict, outside: Verdict) -> Option<Self> {
        let answers = |verdict| matches!(verdict, Verdict::Up | Verdict::Degraded);
        match (app, here, outside) {
            (Verdict::Down, _, _) => Some(Self::App),
            (app, here, Verdict::Down) if answers(here) || (answers(app) && here == Verdict::Unknown) => {
                Some(Self::Network)
            }
            (app, Verdict::Down, outside) if answers(app) && !answers(outside) => Some(Self::Name),
            (_, Verdict::Down, outside) if answers(outside) => Some(Self::OnlyHere),
            _ => None,
        }
    }

    /// For logs and admins.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Network => {
                "the site can be reached from inside, not from outside: it is the network, not the app; call the carrier or \
                 hosting provider"
            }
            Self::App => {
                "the app does not answer, even straight from here: look at the app, not at the network"
            }
            Self::Name => {
                "the app answers, but not by the site's public name: look at DNS, certificates, the gate's listeners and what \
                 stands before it"
            }
            Self::OnlyHere => {
                "the site can be reached from outside, only not from this machine: look at its name resolution and firewall"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Degraded, Down, Unknown, Up};

    #[test]
    fn disagreement_is_a_finding_and_agreement_is_none() {
        let cases = [
            ((Up, Up, Up), None),
            ((Unknown, Unknown, Unknown), None),
            ((Up, Up, Down), Some(Finding::Network)),
            ((Degraded, Unknown, Down), Some(Finding::Network)),
            ((Unknown, Up, Down), Some(Finding::Network)),
            ((Down, Up, Up), Some(Finding::App)),
            ((Down, Down, Down), Some(Finding::App)),
            ((Up, Down, Unknown), Some(Finding::Name)),
            ((Up, Down, Down), Some(Finding::Name)),
            ((Up, Down, Up), Some(Finding::OnlyHere)),
            ((Unknown, Unknown, Down), None),
            ((Unknown, Down, Down), None),
        ];
        for ((app, here, outside), expected) in cases {
            assert_eq!(Finding::of(app, here, outside), expected, "{app:?} {here:?} {outside:?}");
        }
    }
}
