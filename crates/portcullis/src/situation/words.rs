//! Single findings in words.

use guard::evidence::{Feature, Hurt, Maturity, Metric, Mix, Pain, Term, Upstream, Verdict, Volume};
use model::{Act, Comparison, Ground, Tier};

use crate::lines::{number, percent};

/// What hurts, with its figure and its bound.
pub(super) fn hurt(hurt: &Hurt) -> String {
    let (figure, bound) = (hurt.figure.get(), hurt.bound.get());
    let (share, most) = (percent(figure), percent(bound));
    match hurt.pain {
        Pain::Utilisation => format!("load is {share} of L; it hurts from {most} on"),
        Pain::QueueWait => {
            let (wait, most) = (number(figure), number(bound));
            format!("requests waited up to {wait} ms for a place; it hurts beyond {most} ms")
        }
        Pain::KnownSuccess => {
            format!("{share} of what known clients asked for was served; it hurts below {most}")
        }
        Pain::Connections => {
            format!("{share} of the places for connections are taken; it hurts beyond {most}")
        }
        Pain::Handshakes => {
            format!("{share} of the processor time for TLS handshakes is used; it hurts beyond {most}")
        }
        Pain::Disk => format!("{share} of the disk is free; it hurts below {most}"),
    }
}

/// What was done last, and the comparison that it rests on.
pub(super) fn ground(ground: &Ground) -> String {
    let held = if ground.hold.is_zero() {
        String::new()
    } else {
        format!(", for {} s", number(ground.lasted.as_secs_f64()))
    };
    format!("{}: {}{held}", act(ground.act).1, compared(ground).1)
}

/// What was done: a word for programs, and words for people.
pub(super) const fn act(act: Act) -> (&'static str, &'static str) {
    match act {
        Act::Close => ("close", "some were closed out"),
        Act::CloseMore => ("close-more", "more were closed out"),
        Act::Revert => ("revert", "a step was taken back"),
        Act::Open => ("open", "a part was let in again"),
        Act::Readmit => ("readmit", "known customers were let in again"),
        Act::AskForCookie => ("ask-for-cookie", "new visitors are asked for a cookie"),
        Act::AskToWait => ("ask-to-wait", "new visitors are asked to wait"),
        Act::CeaseAsking => ("cease-asking", "nothing is asked of new visitors any more"),
    }
}

/// What was compared with what: a word for programs, and words for people.
pub(super) fn compared(ground: &Ground) -> (&'static str, String) {
    let (figure, bound) = (number(ground.figure), number(ground.bound));
    match ground.comparison {
        Comparison::Over => {
            ("let-in-over", format!("{figure} requests at once were let in, more than {bound}"))
        }
        Comparison::FarOver => {
            ("let-in-far-over", format!("{figure} requests at once were let in, more than {bound}"))
        }
        Comparison::Unmistakable => (
            "let-in-unmistakable",
            format!("within one step {figure} requests at once were let in, more than {bound}"),
        ),
        Comparison::InVain => (
            "login-in-vain",
            format!("{figure} requests at once found no room for signing in, more than {bound}"),
        ),
        Comparison::Forecast => (
            "forecast",
            format!("with twice what was added it is {figure} requests at once, and {bound} fit"),
        ),
        Comparison::Settled => {
            ("settled", format!("all that comes is {figure} requests at once, and {bound} fit"))
        }
        Comparison::KnownFit => {
            ("known-fit", format!("they ask for {figure} requests at once, and {bound} fit"))
        }
        Comparison::Load => {
            ("load", format!("{figure} requests at once are asked for; it hurts from {bound} on"))
        }
        Comparison::Wait => {
            ("queue-wait-ms", format!("requests waited up to {figure} ms; it hurts beyond {bound} ms"))
        }
        Comparison::KnownSuccess => {
            let (figure, bound) = (percent(ground.figure), percent(ground.bound));
            let said = format!("{figure} of what known clients asked for was served; it hurts below {bound}");
            ("known-success", said)
        }
        Comparison::LooksMade => {
            ("looks-made", format!("score {:+.1}; an attack from {:+.0} on", ground.figure, ground.bound))
        }
        Comparison::Quiet => ("quiet", format!("{figure} requests at once would come, and {bound} fit")),
    }
}

/// One word for programs.
pub(super) const fn pain(pain: Pain) -> &'static str {
    match pain {
        Pain::Utilisation => "load",
        Pain::QueueWait => "queue-wait-ms",
        Pain::KnownSuccess => "known-success",
        Pain::Connections => "connections",
        Pain::Handshakes => "handshakes",
        Pain::Disk => "disk-free",
    }
}

/// A volume that is unusual.
pub(super) fn volume(volume: &Volume) -> String {
    let (value, expected) = (volume.value.get(), volume.expected.get());
    if volume.metric == Metric::Connections {
        // Counted in thousandths.
        let (taken, expected) = (percent(value / 1_000.0), percent(expected / 1_000.0));
        return format!("{taken} of the places for connections are taken; {expected} are expected");
    }
    format!("{} {}; {} are expected", number(value), volume.metric.label(), number(expected))
}

/// A mix that is unusual; `top` is the value that grew most, escaped, if it was named.
pub(super) fn mix(mix: &Mix, top: Option<&str>) -> String {
    let label = mix.attribute.label();
    if mix.rare - mix.rare_calm > mix.top_share - mix.top_calm {
        let (now, calm) = (percent(mix.rare.get()), percent(mix.rare_calm.get()));
        return format!("{label}: values that are rare in calm make {now} of requests, in calm {calm}");
    }
    let what = match (mix.top, top) {
        (0, _) => "none at all".to_owned(),
        (_, Some(word)) => format!("`{word}`"),
        (_, None) => "one value".to_owned(),
    };
    let (now, calm) = (percent(mix.top_share.get()), percent(mix.top_calm.get()));
    format!("{label}: {what} makes {now} of requests, in calm {calm}")
}

/// A piece of evidence for or against an attack.
pub(super) fn term(term: &Term) -> String {
    let (share, calm) = (percent(term.figure.get()), percent(term.calm.get()));
    // Figures of growth are logarithms.
    let times = number(term.figure.exp().get());
    match term.feature {
        Feature::SeenNetworks => {
            format!("{share} of the new requests come from networks seen before, in calm {calm}")
        }
        Feature::Ramp => format!("it grew to {times} times as much within ten seconds"),
        Feature::Pace => format!("a network asks {times} times as often as in calm"),
        Feature::Likeness => {
            format!("{share} of the new requests are alike in what their program makes of itself")
        }
        Feature::Navigation => format!("the share of pages among requests changed by {share}"),
        Feature::Cookies => format!("{share} of the new requests bring a ticket, in calm {calm}"),
        Feature::Challenges => format!("{share} of challenges are answered"),
        Feature::Cost => format!("a new request costs {times} times as much as in calm"),
        Feature::Logins => format!("the app confirms {share} of login attempts, in calm {calm}"),
        Feature::SilentConnections => format!("{share} of new connections ask for nothing"),
        Feature::FailedHandshakes => format!("{share} of handshakes fail, in calm {calm}"),
    }
}

/// One word for programs.
pub(super) const fn feature(feature: Feature) -> &'static str {
    match feature {
        Feature::SeenNetworks => "seen-networks",
        Feature::Ramp => "ramp",
        Feature::Pace => "pace",
        Feature::Likeness => "likeness",
        Feature::Navigation => "navigation",
        Feature::Cookies => "cookies",
        Feature::Challenges => "challenges",
        Feature::Cost => "cost",
        Feature::Logins => "logins",
        Feature::SilentConnections => "silent-connections",
        Feature::FailedHandshakes => "failed-handshakes",
    }
}

/// What the evidence says in all: a word for programs, and words for people.
pub(super) const fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Crowd => ("crowd", "no: it looks like people"),
        Verdict::Undecided => ("undecided", "undecided"),
        Verdict::Attack => ("attack", "yes"),
    }
}

/// How much calm was learnt: a word for programs, and what that means while it is little.
pub(super) const fn maturity(maturity: Maturity) -> (&'static str, Option<&'static str>) {
    match maturity {
        Maturity::Absent => ("none", Some("what is usual is not known yet: that takes ten minutes of calm")),
        Maturity::Provisional => {
            ("ten-minutes", Some("what is usual is known from less than a day: rules refuse nothing yet"))
        }
        Maturity::Full => ("a-day", None),
    }
}

/// Traffic that is missing.
pub(super) fn upstream(upstream: &Upstream) -> String {
    let [failed, all] = upstream.probes;
    if upstream.has_vanished {
        format!(
            "traffic is missing that should be there: {} requests/s come, {} are expected",
            number(upstream.value.get()),
            number(upstream.expected.get())
        )
    } else {
        format!("traffic may be missing: {failed} of {all} probes from outside failed")
    }
}

/// Who is in a tier.
pub(super) const fn people(tier: Tier) -> &'static str {
    match tier {
        Tier::T0 => "admins and monitors",
        Tier::T1 => "customers known for a day",
        Tier::T2 => "newly known customers",
        Tier::T3 => "who signs in",
        Tier::T4 => "visitors with a ticket",
        Tier::T5 => "unknown visitors",
        Tier::T6 => "whom rules put last",
    }
}
