//! Whether the link is full: what the machine counts against what probes elsewhere see.

use serde::{Deserialize, Serialize};

use crate::measure::{Measure, Rates};
use crate::shown::{bits, count, percent};

/// How fast a link is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// Bits a second.
    pub bits: u64,
    /// Who says so.
    pub from: SpeedFrom,
}

/// Who says how fast a link is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpeedFrom {
    /// The admin, who knows what is paid for.
    Configuration,
    /// The network card: what it can do, not what is paid for.
    Card,
}

/// What those see who look from elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outside {
    /// Nobody looks.
    Nobody,
    /// Nothing is known yet.
    Unknown,
    /// They reach the site.
    Reached,
    /// Not every time.
    Loses,
    /// They do not.
    Unreached,
    /// They cannot be heard: this machine asks them in vain.
    Silent,
}

/// Whether the site answers from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Inside {
    /// Nothing tries it.
    Unknown,
    /// It does.
    Good,
    /// It does not, so that what fails elsewhere may be the app.
    Fails,
}

/// What a finding rests on.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// `None`: how fast it is is not known.
    pub link: Option<Link>,
    /// The last ten seconds.
    pub seconds: &'a [Rates],
    /// What is seen from elsewhere.
    pub outside: Outside,
    /// What is seen from here.
    pub inside: Inside,
}

/// What is to be said of the link. The order is from what hurts least to what hurts most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is too little to say.
    NotKnown,
    /// It is not.
    NotFull,
    /// It is not, and still what comes is lost, before it gets to this machine.
    LostBefore,
    /// It is.
    Full,
}

/// How sure that is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sureness {
    /// Two measurements that have nothing to do with each other say the same.
    Sure,
    /// One says it, and nothing speaks against it.
    Likely,
    /// Nothing says it.
    Unknown,
}

/// What is said of the link, and why.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct Finding {
    /// What.
    pub verdict: Verdict,
    /// How sure.
    pub sureness: Sureness,
    /// A sentence each, without a full stop.
    pub because: Vec<String>,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NotKnown, Self::NotFull, Self::LostBefore, Self::Full];

    /// As in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotKnown => "not-known",
            Self::NotFull => "not-full",
            Self::LostBefore => "lost-before",
            Self::Full => "full",
        }
    }

    /// For people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Full => "link full: nothing on this machine can help",
            Self::LostBefore => {
                "link not full, but traffic is lost before this machine: nothing on this machine can help"
            }
            Self::NotFull => "link not full",
            Self::NotKnown => "not known whether the link is full",
        }
    }

    /// Whether only the provider can help.
    pub const fn needs_provider(self) -> bool {
        matches!(self, Self::Full | Self::LostBefore)
    }
}

impl Sureness {
    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Likely => "likely",
            Self::Unknown => "not known",
        }
    }
}

impl Finding {
    /// Nothing was counted.
    pub fn nothing(why: &str) -> Self {
        Self { verdict: Verdict::NotKnown, sureness: Sureness::Unknown, because: vec![why.to_owned()] }
    }

    /// What the grounds say.
    pub fn of(grounds: &Grounds<'_>) -> Self {
        if grounds.seconds.len() < SECONDS_TELL {
            return Self::nothing("this machine was counted for less than three seconds");
        }
        let load = Load::of(grounds);
        let (verdict, sureness) = judge(grounds, &load);
        Self { verdict, sureness, because: because(grounds, &load, verdict) }
    }
}

/// What the last seconds say of the link.
struct Load {
    /// Bits on the line in the second in the middle.
    bits: u64,
    /// In most seconds it was nearly full; `None`: how fast it is is not known.
    is_full: Option<bool>,
    /// Hundredths of the link.
    share: Option<u64>,
    /// In most seconds packets could not be taken: how many a second in the middle.
    missed: Option<u64>,
}

impl Load {
    fn of(grounds: &Grounds<'_>) -> Self {
        let middle = |of: &dyn Fn(&Rates) -> u64| {
            let mut sorted: Vec<u64> = grounds.seconds.iter().map(of).collect();
            sorted.sort_unstable();
            sorted.get(sorted.len() / 2).copied().unwrap_or(0)
        };
        let bits = middle(&Rates::line_bits);
        let missed = middle(&|rates| {
            let lost = lost(rates);
            if lost >= MISSED_TELL && lost.saturating_mul(MISSED_ONE_IN) >= rates.get(Measure::InPackets) {
                lost
            } else {
                0
            }
        });
        // Who limits a link may count without frames.
        let share = grounds.link.map(|link| percent(bits, link.bits).min(100));
        let is_full = share.map(|share| share >= FULL_PERCENT);
        Self { bits, is_full, share, missed: Some(missed).filter(|missed| *missed > 0) }
    }
}

fn judge(grounds: &Grounds<'_>, load: &Load) -> (Verdict, Sureness) {
    use Sureness::{Likely, Sure, Unknown};
    let (outside, inside) = (grounds.outside, grounds.inside);
    let is_cut = matches!(outside, Outside::Unreached | Outside::Silent | Outside::Loses);
    match load.is_full {
        Some(true) => match outside {
            Outside::Unreached | Outside::Silent if inside != Inside::Fails => (Verdict::Full, Sure),
            // It is as full as that, and still everybody gets through.
            Outside::Reached if load.missed.is_none() => (Verdict::NotFull, Likely),
            Outside::Nobody
            | Outside::Unknown
            | Outside::Reached
            | Outside::Loses
            | Outside::Unreached
            | Outside::Silent => (Verdict::Full, Likely),
        },
        _ if load.missed.is_some() && is_cut && inside == Inside::Good => (Verdict::Full, Likely),
        Some(false) if outside == Outside::Unreached && inside == Inside::Good => {
            let is_idle = load.share.is_some_and(|share| share < IDLE_PERCENT);
            (Verdict::LostBefore, if is_idle { Sure } else { Likely })
        }
        Some(false) => {
            let is_paid = grounds.link.is_some_and(|link| link.from == SpeedFrom::Configuration);
            let is_idle = load.share.is_some_and(|share| share < IDLE_PERCENT);
            (Verdict::NotFull, if is_paid && is_idle { Sure } else { Likely })
        }
        None if outside == Outside::Reached && load.missed.is_none() => (Verdict::NotFull, Likely),
        None => (Verdict::NotKnown, Unknown),
    }
}

fn because(grounds: &Grounds<'_>, load: &Load, verdict: Verdict) -> Vec<String> {
    let mut said = Vec::new();
    match (grounds.link, load.share) {
        (Some(link), Some(share)) => {
            let says = match link.from {
                SpeedFrom::Configuration => "as configured",
                SpeedFrom::Card => "as the network card says; what is paid for may be less",
            };
            let (used, all) = (bits(load.bits), bits(link.bits));
            said.push(format!("{share} % of the link is used inbound: {used} of {all}, {says}"));
        }
        _ => said.push(format!(
            "{} come in on the line, but how fast the link is is not known: write it into [host] link",
            bits(load.bits)
        )),
    }
    if let Some(missed) = load.missed {
        said.push(format!("{} packets/s are lost in this machine's network card or queue", count(missed)));
    }
    said.push(
        match grounds.outside {
            Outside::Nobody => "nobody looks from elsewhere: there is no outpost",
            Outside::Unknown => "what the outpost sees is not known",
            Outside::Reached => "from elsewhere the site is reached",
            Outside::Loses => "from elsewhere the site is reached, but not every time",
            Outside::Unreached => "from elsewhere the site is not reached",
            Outside::Silent => "the outpost does not answer this machine",
        }
        .to_owned(),
    );
    said.push(
        match grounds.inside {
            Inside::Unknown => "nothing tries the site from here",
            Inside::Good => "from here it answers",
            Inside::Fails => "from here it does not answer either: the app may be what fails",
        }
        .to_owned(),
    );
    if verdict == Verdict::NotFull && load.is_full == Some(true) {
        said.push("it is nearly full: ask for filtering before it is".to_owned());
    }
    said
}

/// Packets that came and were not taken.
fn lost(rates: &Rates) -> u64 {
    rates.get(Measure::Missed).saturating_add(rates.get(Measure::Backlog))
}

/// From so much on a link is full: queues before it drop.
const FULL_PERCENT: u64 = 90;
/// Below it is not, whoever says how fast it is.
const IDLE_PERCENT: u64 = 70;
/// One packet in so many that is lost tells.
const MISSED_ONE_IN: u64 = 100;
/// If it is so many a second: others are dropped all the time, for protocols that nobody here speaks.
const MISSED_TELL: u64 = 100;
const SECONDS_TELL: usize = 3;
