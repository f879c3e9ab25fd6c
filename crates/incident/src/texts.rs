//! What the gate says by itself.
//!
//! It says who is served and who is not, since when, and when there will be news. It never says what the gate does, nor that there is
//! an attack: that would tell an attacker whether it works (status-contracts, sections 0.2 and 0.3).

use std::time::Duration;

use model::Timestamp;

use crate::case::Lost;
use crate::civil::Civil;
use crate::sight::Services;
use crate::words::{Audience, Service, Stage};

/// What is known when something is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub(crate) stage: Stage,
    /// It is news within a stage.
    pub(crate) is_same_stage: bool,
    /// It had been called over, and is back since then.
    pub(crate) back_since: Option<Timestamp>,
    /// Names of the components that it concerns.
    pub(crate) what: &'a str,
    pub(crate) services: Services,
    /// Since when the public has been told the same of that.
    pub(crate) unchanged_since: Option<Timestamp>,
    /// Everybody is served, but not for long enough to say so of what came back before.
    pub(crate) may_be_well: bool,
    /// People who sign in now are served.
    pub(crate) serves_logins: bool,
    /// For how long each audience fared worse than usual.
    pub(crate) lost: [Lost; 2],
    pub(crate) since: Timestamp,
    pub(crate) now: Timestamp,
    /// When everybody was served again.
    pub(crate) until: Timestamp,
    pub(crate) next: Timestamp,
    /// Nobody outside can reach it.
    pub(crate) is_unreached: bool,
}

/// The name of an incident.
pub(crate) fn title(what: &str) -> String {
    format!("Disruption of {what}")
}

/// What is said on an occasion.
pub(crate) fn body(of: &Occasion<'_>) -> String {
    let next = format!("Next update by {}.", day_and_clock(of.next, of.now));
    match of.stage {
        // Who fares how is not said of a moment in which that is about to be something else, nor where nobody gets through.
        Stage::Investigating | Stage::Identified if of.may_be_well || of.is_unreached => {
            format!("{}\n\n{next}", opening(of))
        }
        Stage::Investigating | Stage::Identified => {
            format!("{}\n\n{}\n\n{next}", opening(of), fares(of))
        }
        Stage::Monitoring => format!(
            "Everybody has been served as usual since {}. We are watching whether that lasts.\n\n{next}",
            day_and_clock(of.until, of.now)
        ),
        Stage::Resolved | Stage::Postmortem => format!(
            "This is over. It began at {} and lasted {}; everybody has been served as usual since {}.\n\n{}",
            day_and_clock(of.since, of.now),
            length(minutes(of.since, of.until)),
            day_and_clock(of.until, of.now),
            losses(of.lost, minutes(of.since, of.until)).join("\n")
        ),
    }
}

fn opening(of: &Occasion<'_>) -> String {
    let Occasion { what, now, .. } = *of;
    let since = day_and_clock(of.since, now);
    if of.may_be_well {
        return format!(
            "Everybody seems to be served again since {}. It came back before, so we watch it for longer before we say more.",
            day_and_clock(of.until, now)
        );
    }
    if of.is_unreached && !of.is_same_stage {
        return format!(
            "Nobody outside has been able to reach {what} since {since}. We have noticed it and are working on it."
        );
    }
    if let Some(back) = of.back_since {
        return format!(
            "The disruption of {what} came back at {}. We are working on it.",
            day_and_clock(back, now)
        );
    }
    match (of.stage, of.is_same_stage) {
        (_, true) => goes_on(of, &since, "We are working on it."),
        (Stage::Investigating, _) => begins(of, &since),
        _ => goes_on(of, &since, "We believe that we know the cause, and are working on it."),
    }
}

/// The first that is said.
fn begins(of: &Occasion<'_>, since: &str) -> String {
    let what = of.what;
    let noticed = "We have noticed it and are looking for the cause.";
    if of.spares_customers() {
        let customers = Audience::Known.label();
        format!(
            "There has been a disruption of {what} for new visitors since {since}. {customers} are served as usual. {noticed}"
        )
    } else {
        format!("There has been a disruption of {what} since {since}. {noticed}")
    }
}

/// News: what has changed comes first, or that nothing has.
fn goes_on(of: &Occasion<'_>, since: &str, doing: &str) -> String {
    let what = of.what;
    let goes_on = format!("disruption of {what} that began at {since} goes on. {doing}");
    let same = of.unchanged_since.map(|at| format!("No change since {}", day_and_clock(at, of.now)));
    match same {
        _ if of.is_unreached => {
            let same = same.map_or_else(String::new, |same| same + ". ");
            format!("{same}Nobody outside has been able to reach {what} since {since}. {doing}")
        }
        // The lines below say who is served.
        Some(same) => format!("{same}: the {goes_on}"),
        None if of.spares_customers() => {
            format!("{} are served as usual. For new visitors the {goes_on}", Audience::Known.label())
        }
        None => format!("The {goes_on}"),
    }
}

impl Occasion<'_> {
    /// Whether only newcomers fare worse than usual.
    fn spares_customers(&self) -> bool {
        let [known, new] = Audience::ALL.map(|audience| self.services.of(audience));
        known == Service::Good && new > Service::Good
    }
}

fn fares(of: &Occasion<'_>) -> String {
    let services = of.services;
    let line = |audience: Audience| format!("{}: {}.", audience.label(), services.of(audience).label());
    let mut lines = vec!["At the moment:".to_owned()];
    lines.extend(Audience::ALL.map(line));
    if services.login != Service::Good {
        lines.push(format!("Signing in: {}.", services.login.label()));
    }
    // Whoever has another phone or browser than before is a new visitor until then.
    if of.spares_customers() && services.login == Service::Good && of.serves_logins {
        lines.push(
            "If you are a customer on a new device, sign in: from then on you are served like all customers."
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// For how long each audience fared worse than usual, a line each, and never longer than it lasted. Of those who were not served it says how
/// bad it was at the worst, and not for how long it was how bad: a trial to let newcomers in would show in that.
pub(crate) fn losses(lost: [Lost; 2], lasted: Duration) -> [String; 2] {
    let line = |audience: Audience| {
        let of = lost[audience.index()];
        let worst = if of.down.is_zero() { "" } else { "; at the worst hardly anybody was" };
        let [unserved, delayed] = [of.unserved(), of.delayed].map(|lost| lost.min(lasted));
        let what = match (unserved.is_zero(), delayed.is_zero()) {
            (true, true) => "served as usual all the time".to_owned(),
            (false, true) => format!("not all were served for {} in all{worst}", length(unserved)),
            (true, false) => format!("served, some had to wait, for {} in all", length(delayed)),
            (false, false) => format!(
                "not all were served for {} in all{worst}; some had to wait for another {}",
                length(unserved),
                length(delayed)
            ),
        };
        format!("{}: {what}.", audience.label())
    };
    Audience::ALL.map(line)
}

/// The same for those who may know how it went.
pub(crate) fn exact_losses(lost: [Lost; 2]) -> [String; 2] {
    let line = |audience: Audience| {
        let Lost { down, part, delayed } = lost[audience.index()];
        let times = [
            (down, "hardly anybody was served for"),
            (part, "some were not served for"),
            (delayed, "some had to wait for"),
        ];
        let times = times.into_iter().filter(|(lasted, _)| !lasted.is_zero());
        let parts: Vec<String> = times.map(|(lasted, what)| format!("{what} {}", exact(lasted))).collect();
        let what =
            if parts.is_empty() { "served as usual all the time".to_owned() } else { parts.join(", ") };
        format!("{}: {what}.", audience.label())
    };
    Audience::ALL.map(line)
}

/// What is said of a time in which nobody could reach it, when it is over.
pub(crate) fn unreached(what: &str, from: Timestamp, until: Timestamp, now: Timestamp) -> String {
    format!(
        "From {} to {}, {}, {what} could not be reached from outside. It can be reached again.",
        day_and_clock(from, now),
        day_and_clock(until, now),
        length(minutes(from, until))
    )
}

/// A time of today by its clock, another with its date.
pub(crate) fn day_and_clock(at: Timestamp, now: Timestamp) -> String {
    let (civil, today) = (Civil::of(at), Civil::of(now));
    if (civil.year, civil.month, civil.day) == (today.year, today.month, today.day) {
        civil.clock()
    } else {
        format!("{}, {}", civil.date(), civil.clock())
    }
}

/// From one minute of the clock to another, so that readers who subtract get the same; what was shorter is a minute.
fn minutes(from: Timestamp, until: Timestamp) -> Duration {
    let minutes = (until.as_secs() / 60).saturating_sub(from.as_secs() / 60);
    Duration::from_secs(60 * minutes.max(1))
}

/// `2 h 5 min 7 s`.
pub(crate) fn exact(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// `45 minutes`, `2 h 5 min`, to the next minute; what was shorter is a minute.
pub(crate) fn length(duration: Duration) -> String {
    let minutes = ((duration.as_secs() + 30) / 60).max(1);
    match (minutes / 60, minutes % 60) {
        (0, 1) => "1 minute".to_owned(),
        (0, minutes) => format!("{minutes} minutes"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
