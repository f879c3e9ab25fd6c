//! Whether words may be published by the gate itself: at once, unless a person says no, or only when one says yes.

use model::Instant;

use crate::act::ActError;
use crate::case::Case;
use crate::engine::{Engine, Moment, Pen};
use crate::record::Entry;
use crate::settings::Consent;
use crate::signals;
use crate::speaking::{case, first_notice, go_to};
use crate::words::Stage;

/// Whether what a stage begins with may be published now; plans it where somebody is asked first.
pub(crate) fn lets(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) -> bool {
    let Some(case) = case(engine, number) else { return false };
    let (waits, planned, is_by_alert) = (case.waits, case.planned, case.is_by_alert);
    let hold = match engine.settings.consent(stage, case.said.is_empty()) {
        Consent::Auto => return true,
        Consent::Hold(hold) => Some(hold),
        Consent::Manual => None,
    };
    // What an earlier process planned may be asked for otherwise by now.
    if waits != Some(stage) || planned.is_some() != hold.is_some() {
        *due(engine, is_by_alert) = hold.map(|hold| moment.now + hold);
        let due = hold.map(|hold| (moment.wall + hold).as_millis());
        engine.write(pen, Entry::Planned { incident: number, due, stage });
        return false;
    }
    let (Some(hold), Some(planned)) = (hold, planned) else { return false };
    // Planned by an earlier process: what is left of it, and never more than the whole.
    let left = planned.since(moment.wall).min(hold);
    moment.now >= *due(engine, is_by_alert).get_or_insert(moment.now + left)
}

/// Takes back what is planned: it is not so any more.
pub(crate) fn drop_plan(engine: &mut Engine, number: u32, pen: &mut Pen) {
    let Some(case) = case(engine, number).filter(|case| case.waits.is_some()) else { return };
    *due(engine, case.is_by_alert) = None;
    engine.write(pen, Entry::Withdrawn { incident: number, by: None });
}

/// Whether the gate says more by itself in a stage that has begun.
pub(crate) fn speaks_in(engine: &Engine, stage: Stage) -> bool {
    engine.settings.consent(stage, false) != Consent::Manual
}

/// When what is planned is due, on the clock that does not jump.
pub(crate) fn due(engine: &mut Engine, is_by_alert: bool) -> &mut Option<Instant> {
    if is_by_alert { &mut engine.signals.due } else { &mut engine.due }
}

/// A person says yes: what waits is published now.
pub(crate) fn publish(
    engine: &mut Engine,
    seen: Option<u64>,
    moment: Moment,
    pen: &mut Pen,
) -> Result<(), ActError> {
    let case = planned(engine, seen)?;
    let (number, stage) = (case.number, case.waits);
    match (stage.filter(|_| !case.said.is_empty()), stage.is_some(), case.is_by_alert) {
        (Some(stage), _, true) => signals::go_to(engine, number, stage, moment, pen),
        (Some(stage), _, false) => go_to(engine, number, stage, moment, pen),
        (None, false, true) => return Err(ActError::NothingPlanned),
        (None, true, true) => signals::first_notice(engine, number, moment, pen),
        (None, false, false) if !engine.is_public(moment) => return Err(ActError::NothingPlanned),
        (None, _, false) => first_notice(engine, number, moment, pen),
    }
    Ok(())
}

/// A person says no: what waits is not published, and only people talk of it.
pub(crate) fn hold(engine: &mut Engine, seen: Option<u64>, by: &str, pen: &mut Pen) -> Result<(), ActError> {
    let case = planned(engine, seen)?;
    let (incident, is_by_alert) = (case.number, case.is_by_alert);
    *due(engine, is_by_alert) = None;
    engine.write(pen, Entry::Withdrawn { incident, by: Some(by.to_owned()) });
    Ok(())
}

/// The incident whose words wait, or would: the one that a person saw, else what is published first.
pub(crate) fn planned(engine: &Engine, seen: Option<u64>) -> Result<&Case, ActError> {
    let untold = [engine.state.own(), engine.state.by_alert()].into_iter().flatten();
    let untold = untold.filter(|case| case.said.is_empty() && !case.is_held);
    let waiting = engine.state.cases.iter().rev().filter(|case| case.waits.is_some());
    waiting
        .chain(untold)
        .min_by_key(|case| {
            (seen != Some(case.revision), case.waits.is_none(), case.planned.is_none(), case.planned)
        })
        .ok_or(ActError::NothingPlanned)
}
