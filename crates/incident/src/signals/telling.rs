//! What is said of an incident that alerts of other systems have opened, and when.

use model::Timestamp;

use super::words::{Occasion, body};
use crate::case::Case;
use crate::engine::{Engine, Moment, Pen, listed};
use crate::record::Entry;
use crate::settings::{FARED_HOURLY, HOUR, MONITORING_GROWTH_MAX, SIGNAL_GONE_AFTER, UPDATES_APART, cadence};
use crate::sight::Services;
use crate::speaking::case;
use crate::words::{Impact, Stage, Status};

/// Ends signals that are over, and says what is due; in mode `observe` nothing is said.
pub(crate) fn speak(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    withdraw(engine, moment, pen);
    let Some(case) = engine.state.by_alert() else {
        engine.signals.quiet = None;
        come_back(engine, moment, pen);
        return;
    };
    let (number, is_held, stage) = (case.number, case.is_held, case.stage());
    let is_firing = engine.state.is_signalled(number);
    let quiet = engine.signals.quiet.unwrap_or(moment);
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

fn withdraw(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    let kept = engine.state.signals.clone();
    for signal in
        kept.into_iter().filter(|signal| engine.signals.is_over(signal, moment.now)).collect::<Vec<_>>()
    {
        engine.signals.forget(&signal);
        let super::KeptSignal { alert, component, incident, .. } = signal;
        engine.write(pen, Entry::Signalled { incident, alert, component, status: None, text: String::new() });
    }
}

/// The first notice: it waits for somebody to say no.
fn begin(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    let Some(case) = case(engine, number) else { return };
    let (planned, is_held, hold) = (case.planned, case.is_held, engine.settings.first_notice);
    // Later than what the gate sees itself: of an alert that flaps there is one incident, not one for each time.
    if Engine::lasts(engine.signals.quiet, moment) >= engine.settings.pace.resolved_after {
        engine.signals.due = None;
        if planned.is_some() {
            engine.write(pen, Entry::Withdrawn { incident: number, by: None });
        }
        engine.write(pen, Entry::Ended { incident: number });
        return;
    }
    let is_firing = engine.signals.quiet.is_none();
    if is_held || engine.observes || !is_firing {
        return;
    }
    let Some(planned) = planned else {
        if hold.is_zero() {
            first_notice(engine, number, moment, pen);
        } else {
            engine.signals.due = Some(moment.now + hold);
            engine.write(pen, Entry::Planned { incident: number, due: (moment.wall + hold).as_millis() });
        }
        return;
    };
    // Planned by an earlier process: what is left of it, and never more than the whole.
    let left = planned.since(moment.wall).min(hold);
    if moment.now >= *engine.signals.due.get_or_insert(moment.now + left) {
        first_notice(engine, number, moment, pen);
    }
}

/// Publishes the notice of what goes on.
pub(crate) fn first_notice(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    engine.signals.due = None;
    turn(engine, number, false, pen);
    publish(engine, number, Stage::Investigating, moment, pen);
}

/// What was called over a while ago is the same incident if an alert fires that is newer than that.
fn come_back(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    let Some(case) = engine.state.recent_by_alert(moment.wall).filter(|_| !engine.observes) else { return };
    let (number, over_at) = (case.number, case.said.last().map(|said| said.at).unwrap_or_default());
    let is_new = |kept: &super::KeptSignal| kept.incident == number && kept.since > over_at;
    if engine.state.signals.iter().any(is_new) {
        turn(engine, number, false, pen);
        publish(engine, number, Stage::Investigating, moment, pen);
    }
}

/// The words after the first notice.
fn go_on(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let wanted = wanted_stage(engine, number, stage, moment);
    if wanted != stage || is_due(engine, number, moment) || has_news(engine, number, moment) {
        publish(engine, number, wanted, moment, pen);
    }
}

fn wanted_stage(engine: &Engine, number: u32, stage: Stage, moment: Moment) -> Stage {
    let Some(case) = case(engine, number) else { return stage };
    let Some(quiet) = engine.signals.quiet else {
        return if stage >= Stage::Monitoring { Stage::Investigating } else { stage };
    };
    let lasts = moment.now.since(quiet.now);
    if stage == Stage::Monitoring {
        return if lasts >= engine.settings.pace.resolved_after { Stage::Resolved } else { stage };
    }
    // What a person says goes on although no alert fires goes on until one has fired and ended again.
    let is_said = case.said.last().is_some_and(|said| said.is_by_person && quiet.wall <= said.at);
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
    let is_apart = case.said.last().is_none_or(|said| moment.wall.since(said.at) >= UPDATES_APART);
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
        until: ended(of).unwrap_or(moment.wall),
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
    // Both clocks tell the same moment now, and may not in the next second.
    let said = case(engine, number).and_then(|case| case.said.last());
    engine.signals.next = said.and_then(|said| Some((said.seq, moment.now + said.next?.since(moment.wall))));
}

/// When the last alert was over, as the record has it.
fn ended(case: &Case) -> Option<Timestamp> {
    let is_over = |entry: &Entry| matches!(entry, Entry::Signalled { status: None, .. });
    case.notes.iter().rev().find(|note| is_over(&note.entry)).map(|note| note.at)
}

/// How bad it is now; what is only watched is worth a word in half an hour.
fn impact(engine: &Engine, number: u32) -> Impact {
    let now =
        concerned(engine, number).into_iter().map(|place| engine.state.components[place].status().impact());
    now.max().filter(|impact| *impact != Impact::None).unwrap_or(Impact::Major)
}
