//! The situation for programs.

use model::{Challenge, Ground, Level, Tier, Timestamp};
use serde_json::{Map, Value, json};

use super::told::admitted;
use super::{Report, Sight, meaning, words};
use crate::lines::when;

impl Report<'_> {
    /// What `ctl level --json` and the console give.
    pub(crate) fn value(&self) -> Value {
        let (situation, decision) = (self.situation, &self.situation.decision);
        let at = |at: Option<model::Instant>| at.map(|at| when(self.moment.of(at)));
        let open: Map<String, Value> = Tier::ALL
            .into_iter()
            .map(|tier| (tier.label().to_owned(), rounded(100.0 * admitted(self, tier))))
            .collect();
        let (armed, trial) = self.rules;
        json!({
            "level": decision.level.label(),
            "number": decision.level.number(),
            "meaning": meaning(decision.level),
            "silent_seconds": self.silent_for.map(|time| time.as_secs()),
            "since": at(situation.since),
            "not_calm_since": at(situation.unrest),
            "mode": self.mode.label(),
            "assist": { "asks": situation.asks, "allowed": situation.is_allowed },
            "bypass": self.is_bypassed,
            "undeclared_front": self.undeclared_front,
            "enforced_percent": self.enforced,
            "pins": self.pins_value(),
            "load": self.load_value(),
            "open_percent": open,
            "rules": { "armed": armed, "trial": trial },
            "challenge": challenge(decision.challenge),
            "limits_refuse": decision.limits_refuse,
            "grounds": situation.grounds.iter().map(ground).collect::<Vec<_>>(),
            "findings": self.sight().map(findings),
        })
    }

    fn pins_value(&self) -> Value {
        let pins = self.pins.live(self.moment.wall);
        let pin = |pin: Option<(Level, Timestamp)>| {
            pin.map(|(level, until)| {
                let left = until.since(self.moment.wall).as_secs();
                json!({ "level": level.label(), "until": when(until), "seconds_left": left })
            })
        };
        json!({ "floor": pin(pins.floor), "ceiling": pin(pins.ceiling) })
    }

    fn load_value(&self) -> Value {
        let (demand, (limit, measured)) = (self.situation.demand, self.situation.limit);
        let limit = Some(limit).filter(|limit| limit.is_finite() && *limit > 0.0);
        json!({
            "limit": limit.map(rounded),
            "measured": measured,
            "asked": rounded(demand.all()),
            "share_of_limit": limit.map(|limit| rounded(demand.all() / limit)),
            "let_in": rounded(demand.admitted),
            "closed_out": rounded(demand.refused),
            "taken_away": rounded(demand.removed),
            "opens_below": self.room().map(rounded),
            "holds": self.sight().is_some_and(|sight| sight.holds),
        })
    }
}

fn ground(ground: &Ground) -> Value {
    json!({
        "act": words::act(ground.act).0,
        "compared": words::compared(ground).0,
        "figure": rounded(ground.figure),
        "bound": rounded(ground.bound),
        "seconds": rounded(ground.lasted.as_secs_f64()),
        "seconds_needed": rounded(ground.hold.as_secs_f64()),
        "text": words::ground(ground),
    })
}

fn findings(sight: &Sight) -> Value {
    let found = &sight.findings;
    let number = |finite: model::Finite| rounded(finite.get());
    let hurts = found.pain.iter().map(|hurt| {
        json!({ "what": words::pain(hurt.pain), "figure": number(hurt.figure), "bound": number(hurt.bound), "text": words::hurt(hurt) })
    });
    let volumes = found.volume.iter().filter(|volume| volume.is_anomalous()).map(|volume| {
        json!({ "what": volume.metric.label(), "value": number(volume.value), "expected": number(volume.expected) })
    });
    let mixes = found.mix.iter().filter(|mix| mix.is_anomalous).zip(&sight.tops).map(|(mix, top)| {
        json!({
            "attribute": mix.attribute.label(),
            "value": top,
            "share": number(mix.top_share),
            "share_in_calm": number(mix.top_calm),
            "rare": number(mix.rare),
            "rare_in_calm": number(mix.rare_calm),
            "distance": number(mix.distance),
            "distance_bound": number(mix.distance_bound),
            "text": words::mix(mix, top.as_deref()),
        })
    });
    let terms = found.malice.terms.iter().map(|term| {
        json!({
            "what": words::feature(term.feature),
            "figure": number(term.figure),
            "calm": number(term.calm),
            "weight": number(term.weight),
            "text": words::term(term),
        })
    });
    json!({
        "hurts": hurts.collect::<Vec<_>>(),
        "volumes": volumes.collect::<Vec<_>>(),
        "mixes": mixes.collect::<Vec<_>>(),
        "malice": {
            "verdict": words::verdict(found.malice.verdict).0,
            "score": number(found.malice.score),
            "terms": terms.collect::<Vec<_>>(),
        },
        "learnt": words::maturity(found.maturity).0,
        "traffic_missing": found.upstream.is_suspected,
        "blind": found.blind,
    })
}

const fn challenge(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Off => "off",
        Challenge::Cookie => "cookie",
        Challenge::Waiting => "waiting",
    }
}

/// Four digits behind the point are more than any of these figures is worth.
fn rounded(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}
