//! What is said of an incident that alerts of other systems have opened, and when.

use model::Timestamp;

use super::KeptSignal;
use super::life::End;
use super::words::{Occasion, body};
use crate::case::Case;
use crate::consent::{drop_plan, lets, speaks_in};
use crate::engine::{Engine, Moment, Pen, listed};
use crate::record::Entry;
use crate::settings::{
    FARED_HOURLY, HOUR, MONITORING_GROWTH_MAX, SIGNAL_GONE_AFTER, UPDATES_APART, Watches, cadence,
};
use crate::sight::Services;
use crate::speaking::case;
use crate::words::{Impact, Service, Stage, Status};

/// Ends signals that are over, and says what is due; in mode `observe` nothing is said.
pub(crate) fn speak(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    withdraw(engine, moment, pen);
    if engine.state.own().is_some_and(|own| engine.state.is_signalled(own.number)) {
        engine.signals.own_fired = Some(moment);
    }
    let back = fired_anew(engine);
    drop_other_plans(engine, back, pen);
    let Some(case) = engine.state.by_alert() else {
        engine.signals.quiet = None;
        come_back(engine, back, moment, pen);
        return;
    };
    let (number, is_held, stage) = (case.number, case.is_held, case.stage());
    // By an earlier process perhaps; how long ago that was, no clock of this one knows.
    let over = case.alerts_over().map_or(moment.wall, |(at, _)| at.min(moment.wall));
    let is_firing = engine.state.is_signalled(number);
    let quiet = engine.signals.quiet.unwrap_or(Moment { now: moment.now, wall: over });
    engine.signals.quiet = (!is_firing).then_some(quiet);
    match stage {
        None => begin(engine, number, moment, pen),
        Some(_) if engine.observes => {}
        Some(stage) => {
            turn(engine, number, false, pen);
            // Of what was held back only people talk.
            if !is_held {
                go_on(engine, number, stage, moment, pen);
            }
        }
    }
}

/// Takes what is over out of what counts.
pub(super) fn withdraw(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    for signal in engine.state.signals.clone() {
        let Some(end) = engine.signals.end(&signal, moment) else { continue };
        engine.signals.forget(&signal);
        if signal.ended.is_none() {
            let KeptSignal { alert, component, incident, .. } = signal.clone();
            let (status, text) = (None, String::new());
            engine.write(pen, Entry::Signalled { incident, alert, component, status, text });
        }
        engine.state.forget_signal(&signal);
        // Nobody knows whether that component does well.
        let is_left = |case: &&Case| case.number == signal.incident && !case.is_held;
        if end == End::Unmeant && engine.state.by_alert().filter(is_left).is_some() {
            let by = Some(CONFIGURATION.to_owned());
            engine.write(pen, Entry::Withdrawn { incident: signal.incident, by });
        }
    }
}

/// The first notice: it waits for somebody to say no.
fn begin(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    let Some(is_held) = case(engine, number).map(|case| case.is_held) else { return };
    // Later than what the gate sees itself: of an alert that flaps there is one incident, not one for each time.
    if Engine::lasts(engine.signals.quiet, moment) >= engine.settings.pace.resolved_after {
        drop_plan(engine, number, pen);
        engine.write(pen, Entry::Ended { incident: number });
        return;
    }
    let is_firing = engine.signals.quiet.is_none();
    if is_held || engine.observes || !is_firing {
        return;
    }
    if lets(engine, number, Stage::Investigating, moment, pen) {
        first_notice(engine, number, moment, pen);
    }
}

/// Publishes the notice of what goes on.
pub(crate) fn first_notice(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    engine.signals.due = None;
    turn(engine, number, false, pen);
    publish(engine, number, Stage::Investigating, moment, pen);
}

/// What was called over is the same incident if an alert of it fires that is newer than that.
fn come_back(engine: &mut Engine, back: Option<u32>, moment: Moment, pen: &mut Pen) {
    if let Some(number) = back
        && lets(engine, number, Stage::Investigating, moment, pen)
    {
        go_to(engine, number, Stage::Investigating, moment, pen);
    }
}

fn fired_anew(engine: &Engine) -> Option<u32> {
    let back = engine.state.cases.iter().rev().find(|case| case.is_by_alert && engine.state.fires_anew(case));
    back.filter(|case| !engine.observes && !case.is_held).map(|case| case.number)
}

/// Of incidents that are over nothing waits but what is back.
fn drop_other_plans(engine: &mut Engine, back: Option<u32>, pen: &mut Pen) {
    let is_dead = |case: &&Case| {
        case.is_by_alert && !case.is_open() && case.waits.is_some() && Some(case.number) != back
    };
    let dead = engine.state.cases.iter().find(is_dead).map(|case| case.number);
    dead.into_iter().for_each(|number| drop_plan(engine, number, pen));
}

/// Publishes what a stage begins with, in which components are as they are.
pub(crate) fn go_to(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    turn(engine, number, false, pen);
    publish(engine, number, stage, moment, pen);
}

/// The words after the first notice.
fn go_on(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let wanted = wanted_stage(engine, number, stage, moment);
    if wanted != stage {
        if lets(engine, number, wanted, moment, pen) {
            publish(engine, number, wanted, moment, pen);
        }
        return;
    }
    // A process that has just begun does not know how long no alert has fired.
    let waits = case(engine, number).and_then(|case| case.waits);
    if waits == Some(Stage::Resolved) && stage == Stage::Monitoring && engine.signals.quiet.is_some() {
        return;
    }
    drop_plan(engine, number, pen);
    let has_words = is_due(engine, number, moment) || has_news(engine, number, moment);
    if has_words && speaks_in(engine, stage) {
        publish(engine, number, stage, moment, pen);
    }
}

fn wanted_stage(engine: &Engine, number: u32, stage: Stage, moment: Moment) -> Stage {
    let Some(case) = case(engine, number) else { return stage };
    let Some(quiet) = engine.signals.quiet else {
        return if stage >= Stage::Monitoring { Stage::Investigating } else { stage };
    };
    // What the page shows to be bad is not over, nor what the gate sees to be, which the page may show in a moment.
    let sees_it =
        |place: usize| engine.settings.components.get(place).is_some_and(|of| of.watches != Watches::Nothing);
    let is_bad = |place: usize| {
        engine.state.components[place].status() != Status::Operational
            || sees_it(place) && engine.services.worst() > Service::Good
    };
    if concerned(engine, number).into_iter().any(is_bad) {
        return if stage >= Stage::Monitoring { Stage::Investigating } else { stage };
    }
    let lasts = moment.now.since(quiet.now);
    if stage == Stage::Monitoring {
        return if lasts >= engine.settings.pace.resolved_after { Stage::Resolved } else { stage };
    }
    // What a person says goes on although no alert fires goes on until one has fired and ended again.
    let person = case.said.iter().rev().find(|said| said.is_by_person);
    let is_said = person.is_some_and(|said| quiet.wall <= said.at);
    let after =
        engine.settings.pace.monitoring_after * 2_u32.saturating_pow(case.returns).min(MONITORING_GROWTH_MAX);
    if !is_said && lasts + SIGNAL_GONE_AFTER >= after { Stage::Monitoring } else { stage }
}

/// Whether the next words are due that were promised.
fn is_due(engine: &mut Engine, number: u32, moment: Moment) -> bool {
    let Some((last, next)) =
        case(engine, number).and_then(|case| case.said.last()).and_then(|last| Some((last.seq, last.next?)))
    else {
        return false;
    };
    let left = next.since(moment.wall).min(cadence(impact(engine, number)));
    let promised = engine.signals.next.filter(|(seq, _)| *seq == last);
    let (_, at) = *engine.signals.next.insert(promised.unwrap_or((last, moment.now + left)));
    moment.now >= at
}

/// Whether components do otherwise than was said last, and there is room for words about it.
fn has_news(engine: &Engine, number: u32, moment: Moment) -> bool {
    let Some(case) = case(engine, number) else { return false };
    let is_late = |at: Timestamp| at <= moment.wall && moment.wall.since(at) < HOUR;
    let is_apart = engine.signals.said.is_none_or(|said| moment.now.since(said) >= UPDATES_APART);
    let lately = case.said.iter().rev().take_while(|said| is_late(said.at)).count();
    // That all is well is said with the next stage.
    let changes =
        case.pending.iter().any(|(_, before, after)| before != after && *after != Status::Operational);
    changes && is_apart && lately < FARED_HOURLY
}

/// Writes down how the components of an incident do, as the public is told from now on.
pub(crate) fn turn(engine: &mut Engine, number: u32, is_over: bool, pen: &mut Pen) {
    let counts = |case: &Case| {
        if case.number == number { !is_over } else { case.is_open() && !case.said.is_empty() }
    };
    // Of what goes on the public is told by the gate's own words.
    let is_gate_told = engine.state.own().is_some_and(|case| !case.said.is_empty() && !case.is_held);
    let changes: Vec<(usize, Status)> = concerned(engine, number)
        .into_iter()
        .filter_map(|place| {
            let watches = engine.settings.components.get(place)?.watches;
            let gate = engine.gate_says(watches).filter(|_| is_gate_told).unwrap_or_default();
            let status = engine.signalled_by(place, counts).unwrap_or_default().max(gate);
            (engine.state.components[place].seen != status).then_some((place, status))
        })
        .collect();
    let begun = case(engine, number).filter(|case| case.said.is_empty()).map(|case| case.since);
    for (place, status) in changes {
        let component = engine.state.components[place].full_name.clone();
        let from = begun.filter(|_| status != Status::Operational).unwrap_or(pen.at).as_millis();
        engine.write(pen, Entry::Component { incident: Some(number), component, status, from });
    }
}

/// The same for the incident that the public is told of, if there is one.
pub(super) fn turn_told(engine: &mut Engine, pen: &mut Pen) {
    let told = engine.state.by_alert().filter(|case| !case.said.is_empty());
    if let Some(number) = told.map(|case| case.number).filter(|_| !engine.observes) {
        turn(engine, number, false, pen);
    }
}

/// Places of components that an incident is about, in the order of the page.
fn concerned(engine: &Engine, number: u32) -> Vec<usize> {
    let known = case(engine, number).map(|case| case.components.clone()).unwrap_or_default();
    let signals = engine.state.signals.iter().filter(|kept| kept.incident == number);
    let mut places: Vec<usize> = signals.filter_map(|kept| engine.state.place(&kept.component)).collect();
    places.extend(known);
    places.sort_unstable();
    places.dedup();
    places
}

fn publish(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let Some(of) = case(engine, number) else { return };
    let places = concerned(engine, number);
    let name = |place: &usize| engine.settings.components.get(*place).map(|of| of.name.as_str());
    let what = listed(&places.iter().filter_map(name).collect::<Vec<_>>());
    let status = |place: &usize| Some((name(place)?, engine.state.components[*place].status()));
    let statuses: Vec<(&str, Status)> =
        places.iter().filter_map(status).filter(|(_, status)| *status != Status::Operational).collect();
    let next = stage.is_open().then(|| moment.wall + cadence(impact(engine, number)));
    let before = of.stage();
    let body = body(&Occasion {
        stage,
        is_same_stage: before == Some(stage),
        is_back: before.is_some_and(|before| before >= Stage::Monitoring) && stage < Stage::Monitoring,
        what: &what,
        statuses: &statuses,
        since: of.since,
        now: moment.wall,
        until: of.alerts_over().map_or(moment.wall, |(at, _)| at),
        next: next.unwrap_or_default(),
    });
    let (services, next) = (Services::default(), next.map(Timestamp::as_millis));
    let entry = Entry::Published {
        incident: number,
        stage,
        body,
        by: None,
        reason: None,
        since: None,
        next,
        services,
    };
    engine.write(pen, entry);
    said(engine, number, moment);
}

/// Notes that something was said of what alerts have opened, and when the next words are due: both clocks tell the same moment now, and may
/// not in the next second.
pub(crate) fn said(engine: &mut Engine, number: u32, moment: Moment) {
    let Some(said) = case(engine, number).filter(|case| case.is_by_alert).and_then(|case| case.said.last())
    else {
        return;
    };
    let next = said.next.map(|next| (said.seq, moment.now + next.since(moment.wall)));
    (engine.signals.said, engine.signals.next) = (Some(moment.now), next);
}

/// How bad it is now; what is only watched is worth a word in half an hour.
fn impact(engine: &Engine, number: u32) -> Impact {
    let now =
        concerned(engine, number).into_iter().map(|place| engine.state.components[place].status().impact());
    now.max().filter(|impact| *impact != Impact::None).unwrap_or(Impact::Major)
}

/// Who leaves an incident to people when no setting believes its alerts any more.
const CONFIGURATION: &str = "the configuration, which no longer believes its alert";
