//! What is said, and when.

use model::{Instant, Timestamp};

use crate::engine::{Engine, Moment, Pen};
use crate::record::Entry;
use crate::settings::{MONITORING_AFTER, RESOLVED_AFTER, SAME_WITHIN, UPDATES_APART, UPDATES_MAX, cadence};
use crate::state::Case;
use crate::texts::{Occasion, body};
use crate::words::{Impact, Service, Stage, Status};

/// Says what is due.
pub(crate) fn speak(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    let Some(case) = engine.state.own() else {
        come_back(engine, moment, pen);
        return;
    };
    let number = case.number;
    match case.stage() {
        None => begin(engine, number, moment, pen),
        Some(stage) => {
            turn_components(engine, number, pen);
            go_on(engine, number, stage, moment, pen);
        }
    }
}

/// The first notice: it waits for somebody to say no.
fn begin(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    let Some(case) = engine.state.own().filter(|case| !case.is_held) else { return };
    let planned = case.planned;
    let is_public = engine.is_public(moment);
    let Some(planned) = planned else {
        if !is_public {
            return;
        }
        let hold = engine.settings.first_notice;
        if hold.is_zero() {
            first_notice(engine, number, moment, pen);
        } else {
            engine.due = Some(moment.now + hold);
            engine.write(pen, Entry::Planned { incident: number, due: (moment.wall + hold).as_millis() });
        }
        return;
    };
    // Planned by an earlier process: what is left of it, and never more than the whole.
    let left = planned.since(moment.wall).min(engine.settings.first_notice);
    let due = *engine.due.get_or_insert(moment.now + left);
    if moment.now < due {
        return;
    }
    if !is_public {
        engine.due = None;
        engine.write(pen, Entry::Withdrawn { incident: number, by: None });
    } else if !engine.is_better_already() {
        first_notice(engine, number, moment, pen);
    }
}

/// Publishes the notice of what goes on.
pub(crate) fn first_notice(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    engine.due = None;
    turn_components(engine, number, pen);
    let stage = stage_of_trouble(engine, number);
    publish(engine, number, stage, moment, pen);
}

/// What was called over a while ago is the same incident if it is back.
fn come_back(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    let recent = engine.state.recent(moment.wall, SAME_WITHIN).map(|case| case.number);
    if let Some(number) = recent.filter(|_| engine.is_public(moment)) {
        turn_components(engine, number, pen);
        publish(engine, number, Stage::Identified, moment, pen);
    }
}

/// The words after the first notice.
fn go_on(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let wanted = wanted_stage(engine, number, stage, moment);
    if wanted != stage || news_is_due(engine, number, moment) {
        publish(engine, number, wanted, moment, pen);
    }
}

fn wanted_stage(engine: &Engine, number: u32, stage: Stage, moment: Moment) -> Stage {
    if engine.services.worst() > Service::Good {
        let trouble = stage_of_trouble(engine, number);
        // Once the cause was known it is not looked for again.
        return if stage == Stage::Investigating { trouble } else { Stage::Identified };
    }
    if stage == Stage::Monitoring {
        let is_over = Engine::lasts(engine.since.quiet, moment) >= RESOLVED_AFTER;
        return if is_over { Stage::Resolved } else { stage };
    }
    if Engine::lasts(engine.since.good, moment) >= MONITORING_AFTER { Stage::Monitoring } else { stage }
}

fn stage_of_trouble(engine: &Engine, number: u32) -> Stage {
    let is_known = case(engine, number).is_some_and(|case| case.cause.is_some());
    if is_known { Stage::Identified } else { Stage::Investigating }
}

/// Whether there is something to say without a new stage.
fn news_is_due(engine: &mut Engine, number: u32, moment: Moment) -> bool {
    let Some(case) = case(engine, number) else { return false };
    if case.said.len() >= UPDATES_MAX {
        return false;
    }
    let Some(said) = case.said.last() else { return false };
    let (told, now) = (said.services, engine.telling.told);
    let whole = cadence(impact_now(engine));
    let left = said.next.map(|next| next.since(moment.wall).min(whole));
    let next = left.map(|left| *engine.next.get_or_insert(moment.now + left));
    if next.is_some_and(|next| moment.now >= next) {
        return true;
    }
    let is_apart = engine.since.said.is_none_or(|said| moment.now.since(said) >= UPDATES_APART);
    // That all is well is said with the next stage.
    now != told && is_apart && now.worst() > Service::Good
}

/// Writes down what components do as long as the public is told of an incident.
pub(crate) fn turn_components(engine: &mut Engine, number: u32, pen: &mut Pen) {
    let from = case(engine, number).map(|case| first_told(case, pen.at)).unwrap_or_default();
    for (place, seen) in engine.told_statuses().into_iter().enumerate() {
        let component = &engine.state.components[place];
        if let Some(status) = seen.filter(|status| *status != component.seen) {
            let component = component.full_name.clone();
            let from = if status == Status::Operational { pen.at } else { from }.as_millis();
            engine.write(pen, Entry::Component { incident: Some(number), component, status, from });
        }
    }
}

/// What is told for the first time began before it was told.
fn first_told(case: &Case, at: Timestamp) -> Timestamp {
    if case.said.is_empty() { case.since } else { at }
}

/// Publishes what the gate has to say.
pub(crate) fn publish(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let Some(case) = case(engine, number) else { return };
    let next = stage.is_open().then(|| moment.wall + cadence(impact_now(engine)));
    let (what, before) = (engine.subject(), case.stage());
    let body = body(&Occasion {
        stage,
        is_same_stage: before == Some(stage),
        is_back: before.is_some_and(|before| before >= Stage::Monitoring) && stage < Stage::Monitoring,
        what: &what,
        services: engine.telling.told,
        lost: case.lost,
        since: case.since,
        now: moment.wall,
        until: engine.since.good.map_or(moment.wall, |good| good.wall),
        next: next.unwrap_or_default(),
    });
    let next = next.map(Timestamp::as_millis);
    let services = engine.telling.told;
    engine.write(
        pen,
        Entry::Published { incident: number, stage, body, by: None, reason: None, next, services },
    );
    said(engine, moment.now);
}

/// How bad it is now; what is only watched is worth a word in half an hour.
fn impact_now(engine: &Engine) -> Impact {
    let seen = engine.told_statuses().into_iter().flatten().map(Status::impact).max();
    seen.filter(|impact| *impact != Impact::None).unwrap_or(Impact::Major)
}

/// Notes that something was said.
pub(crate) fn said(engine: &mut Engine, now: Instant) {
    (engine.since.said, engine.next) = (Some(now), None);
}

fn case(engine: &Engine, number: u32) -> Option<&Case> {
    engine.state.cases.iter().rev().find(|case| case.number == number)
}
