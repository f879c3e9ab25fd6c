//! What is said, and when.

use model::Timestamp;

use crate::case::Case;
use crate::consent::{drop_plan, lets, speaks_in};
use crate::engine::{Engine, Moment, Pen};
use crate::record::Entry;
use crate::settings::{FARED_HOURLY, HOUR, SAME_WITHIN, UPDATES_APART, cadence};
use crate::sight::{Outside, Services};
use crate::texts::{Occasion, body, unreached};
use crate::words::{Impact, Service, Stage, Status};

/// Says what is due; in mode `observe` nothing is.
pub(crate) fn speak(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    if engine.observes {
        return;
    }
    let Some(case) = engine.state.own() else {
        come_back(engine, moment, pen);
        return;
    };
    let (number, is_held) = (case.number, case.is_held);
    match case.stage() {
        None => begin(engine, number, moment, pen),
        // About this one only people talk; components show what is.
        Some(_) if is_held => turn_components(engine, number, pen.at, pen),
        Some(stage) => {
            turn_components(engine, number, pen.at, pen);
            go_on(engine, number, stage, moment, pen);
        }
    }
}

/// The first notice: it waits for somebody to say no.
fn begin(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    heal(engine, pen);
    let Some(case) = engine.state.own().filter(|case| !case.is_held) else { return };
    let (is_planned, is_public) = (case.waits.is_some(), engine.is_public(moment));
    if !is_planned && !is_public {
        return;
    }
    let is_due = lets(engine, number, Stage::Investigating, moment, pen);
    // What comes in pulses is told in the first bad second after that; what is over ends by itself.
    let is_better = is_planned && engine.is_better_already();
    if is_due && is_public && !is_better {
        first_notice(engine, number, moment, pen);
    }
}

/// Publishes the notice of what goes on.
pub(crate) fn first_notice(engine: &mut Engine, number: u32, moment: Moment, pen: &mut Pen) {
    engine.due = None;
    let since = engine.began().unwrap_or(moment.wall);
    turn_components(engine, number, since, pen);
    publish(engine, number, Stage::Investigating, Some(since), moment, pen);
}

/// What was called over a while ago is the same incident if it is back. What a person called over is back only if it was well in between.
fn come_back(engine: &mut Engine, moment: Moment, pen: &mut Pen) {
    let recent = engine.state.recent(moment.wall, SAME_WITHIN);
    let over_at = recent.and_then(|case| case.said.last()).map(|said| said.at);
    let began = engine.began();
    let is_new = began.zip(over_at).is_some_and(|(began, over)| began > over);
    let is_fired = recent.is_some_and(|case| engine.state.fires_anew(case));
    let Some(number) = recent.map(|case| case.number) else {
        heal(engine, pen);
        return;
    };
    let is_back = is_fired || is_new && engine.is_public(moment);
    // A process that has just begun knows after some seconds whether it is bad still.
    if !is_back && Engine::lasts(engine.since.good, moment) >= engine.settings.pace.monitoring_after {
        drop_plan(engine, number, pen);
    }
    if is_back && lets(engine, number, Stage::Identified, moment, pen) {
        go_to(engine, number, Stage::Identified, moment, pen);
    } else {
        heal(engine, pen);
    }
}

/// While the public is told of nothing that the gate sees, nothing of it shows.
fn heal(engine: &mut Engine, pen: &mut Pen) {
    for place in 0..engine.state.components.len() {
        let component = &engine.state.components[place];
        // But for what an alert of another system has told of.
        let status = engine.signalled(place).unwrap_or_default();
        if component.seen != status {
            let (component, from) = (component.full_name.clone(), pen.at.as_millis());
            engine.write(pen, Entry::Component { incident: None, component, status, from });
        }
    }
}

/// The words after the first notice.
fn go_on(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let news = news(engine, number, moment);
    let wanted = match wanted_stage(engine, number, stage, moment) {
        same if same == stage && is_to_be_explained(engine, number, stage, news.as_ref(), moment) => {
            Stage::Identified
        }
        wanted => wanted,
    };
    let is_explaining = (stage, wanted) == (Stage::Investigating, Stage::Identified);
    if is_explaining && is_nearly_well(engine, moment) {
        return;
    }
    if wanted != stage && lets(engine, number, wanted, moment, pen) {
        publish(engine, number, wanted, None, moment, pen);
        return;
    }
    // What would be said next may wait for long; what the stage itself has promised is said meanwhile, where it is so still.
    if wanted != stage && !is_explaining && wanted != Stage::Resolved {
        return;
    }
    if wanted == stage {
        if is_still_planned(engine, number) {
            return;
        }
        drop_plan(engine, number, pen);
    }
    // Everybody has been served for some seconds: if that lasts it is said in a moment, and until then nothing that is not so any more.
    if news.is_some() && !is_nearly_well(engine, moment) && speaks_in(engine, stage) {
        publish(engine, number, stage, None, moment, pen);
    }
}

/// A process that has just begun must see for a while that all is well before it would say so itself: until then what another planned
/// stays planned, as long as nothing speaks against it.
fn is_still_planned(engine: &Engine, number: u32) -> bool {
    let is_well = engine.services.worst() == Service::Good && !engine.state.is_signalled(number);
    match case(engine, number).and_then(|case| case.waits) {
        Some(Stage::Monitoring) => is_well,
        Some(Stage::Resolved) => is_well && engine.since.quiet.is_some(),
        Some(Stage::Investigating | Stage::Identified | Stage::Postmortem) | None => false,
    }
}

/// The second in which the cause is known must not show, so that it is said with the next regular words.
fn is_to_be_explained(
    engine: &Engine,
    number: u32,
    stage: Stage,
    news: Option<&News>,
    moment: Moment,
) -> bool {
    let Some(case) = case(engine, number).filter(|case| case.cause.is_some()) else { return false };
    let is_planned = case.waits == Some(Stage::Identified);
    let is_regular = matches!(news, Some(News::Regular)) && !is_nearly_well(engine, moment);
    stage == Stage::Investigating && (is_planned || is_regular)
}

/// Publishes what a stage begins with, in which components are as they are.
pub(crate) fn go_to(engine: &mut Engine, number: u32, stage: Stage, moment: Moment, pen: &mut Pen) {
    let from = engine.began().unwrap_or(pen.at);
    turn_components(engine, number, from, pen);
    publish(engine, number, stage, None, moment, pen);
}

fn wanted_stage(engine: &Engine, number: u32, stage: Stage, moment: Moment) -> Stage {
    // What is not over for another system is not over.
    if engine.services.worst() > Service::Good || engine.state.is_signalled(number) {
        return if stage >= Stage::Monitoring { Stage::Identified } else { stage };
    }
    // What a person says goes on although all looks well goes on until it has looked bad and well again.
    let person = case(engine, number).and_then(|case| case.said.iter().rev().find(|said| said.is_by_person));
    let since = engine.unsignalled(engine.since.good);
    let good = since.map(|good| good.wall);
    if stage != Stage::Monitoring && person.zip(good).is_some_and(|(said, good)| good <= said.at) {
        return stage;
    }
    if stage == Stage::Monitoring {
        let quiet = engine.unsignalled(engine.since.quiet);
        let is_over = Engine::lasts(quiet, moment) >= engine.settings.pace.resolved_after;
        return if is_over { Stage::Resolved } else { stage };
    }
    if Engine::lasts(since, moment) >= engine.monitoring_after() { Stage::Monitoring } else { stage }
}

/// Whether it can be said within a minute that everybody is served again, if that lasts.
fn is_nearly_well(engine: &Engine, moment: Moment) -> bool {
    let needed = engine.monitoring_after();
    engine.services.worst() == Service::Good
        && needed <= engine.settings.pace.monitoring_after
        && Engine::lasts(engine.since.good, moment) < needed
}

/// Why there is something to say without a new stage.
enum News {
    /// It was promised.
    Regular,
    /// Somebody fares otherwise.
    Fared,
}

fn news(engine: &mut Engine, number: u32, moment: Moment) -> Option<News> {
    let last = case(engine, number)?.said.last()?;
    let (told, now, next) = (last.services, engine.telling.told, last.next);
    let whole = cadence(impact_now(engine));
    let left = next.map(|next| next.since(moment.wall).min(whole));
    let next = left.map(|left| *engine.next.get_or_insert(moment.now + left));
    if next.is_some_and(|next| moment.now >= next) {
        return Some(News::Regular);
    }
    // What seems to be said in the future was said before the clock was set back.
    let is_late = |at: Timestamp| at <= moment.wall && moment.wall.since(at) < HOUR;
    let lately = case(engine, number)?.said.iter().rev().take_while(|said| is_late(said.at));
    if lately.count() >= FARED_HOURLY {
        // Of an app that flaps, components tell; words are for people.
        return None;
    }
    let is_apart = engine.since.said.is_none_or(|said| moment.now.since(said) >= UPDATES_APART);
    // That all is well is said with the next stage.
    (now != told && is_apart && now.worst() > Service::Good).then_some(News::Fared)
}

/// Writes down what components do as long as the public is told of an incident; what is worse is so since `from`.
pub(crate) fn turn_components(engine: &mut Engine, number: u32, from: Timestamp, pen: &mut Pen) {
    for (place, seen) in engine.told_statuses().into_iter().enumerate() {
        let component = &engine.state.components[place];
        if let Some(status) = seen.filter(|status| *status != component.seen) {
            let component = component.full_name.clone();
            let from = if status == Status::Operational { pen.at } else { from }.as_millis();
            engine.write(pen, Entry::Component { incident: Some(number), component, status, from });
        }
    }
}

/// Publishes what the gate has to say.
pub(crate) fn publish(
    engine: &mut Engine,
    number: u32,
    stage: Stage,
    since: Option<Timestamp>,
    moment: Moment,
    pen: &mut Pen,
) {
    let Some(case) = case(engine, number) else { return };
    let next = stage.is_open().then(|| moment.wall + cadence(impact_now(engine)));
    let (what, before) = (engine.subject(), case.stage());
    let is_back = before.is_some_and(|before| before >= Stage::Monitoring) && stage < Stage::Monitoring;
    let (needed, lasts) = (engine.monitoring_after(), Engine::lasts(engine.since.good, moment));
    let is_watched_for_longer = needed > engine.settings.pace.monitoring_after && lasts < needed;
    let body = body(&Occasion {
        stage,
        is_same_stage: before == Some(stage),
        back_since: is_back.then(|| engine.began().unwrap_or(moment.wall)),
        what: &what,
        services: engine.telling.told,
        unchanged_since: case.unchanged_since(engine.telling.told),
        may_be_well: engine.services.worst() == Service::Good && is_watched_for_longer,
        serves_logins: engine.serves_logins(),
        lost: case.lost,
        since: since.unwrap_or(case.since),
        now: moment.wall,
        until: good_since(case, moment.wall),
        next: next.unwrap_or_default(),
        is_unreached: matches!(engine.outside, Outside::Unreached { .. }),
    });
    let next = next.map(Timestamp::as_millis);
    let services = engine.telling.told;
    let since = since.map(Timestamp::as_millis);
    engine.write(
        pen,
        Entry::Published { incident: number, stage, body, by: None, reason: None, since, next, services },
    );
    said(engine, number, moment);
}

/// What is watched was out of reach for a time that is over.
pub(crate) fn watched_components(
    engine: &mut Engine,
    number: u32,
    (from, until): (Timestamp, Timestamp),
    pen: &mut Pen,
) {
    for (place, seen) in engine.told_statuses().into_iter().enumerate() {
        let component = &engine.state.components[place];
        // What shows trouble already goes on to do so.
        if seen.is_none() || component.seen != Status::Operational {
            continue;
        }
        let component = component.full_name.clone();
        for (status, from) in [(Status::MajorOutage, from), (Status::Operational, until)] {
            let (component, from) = (component.clone(), from.as_millis());
            engine.write(pen, Entry::Component { incident: Some(number), component, status, from });
        }
    }
}

/// Says that nobody could reach it and that it is over: the first that is said of it here.
pub(crate) fn outside_notice(
    engine: &mut Engine,
    number: u32,
    (from, until): (Timestamp, Timestamp),
    moment: Moment,
    pen: &mut Pen,
) {
    let body = unreached(&engine.subject(), from, until, moment.wall);
    let (since, services) = (Some(from.as_millis()), Services::default());
    let stage = Stage::Resolved;
    engine.write(
        pen,
        Entry::Published {
            incident: number,
            stage,
            body,
            by: None,
            reason: None,
            since,
            next: None,
            services,
        },
    );
    said(engine, number, moment);
}

/// Says the same as news about what the public was told of already.
pub(crate) fn said_outside(
    engine: &mut Engine,
    number: u32,
    (from, until): (Timestamp, Timestamp),
    moment: Moment,
    pen: &mut Pen,
) {
    let Some(last) = case(engine, number).and_then(|case| case.said.last()) else { return };
    let (stage, services, next) = (last.stage, last.services, last.next.map(Timestamp::as_millis));
    let body = unreached(&engine.subject(), from, until, moment.wall);
    engine.write(
        pen,
        Entry::Published {
            incident: number,
            stage,
            body,
            by: None,
            reason: None,
            since: None,
            next,
            services,
        },
    );
}

/// Since when everybody is served and no alert says otherwise, as the record has it.
fn good_since(case: &Case, now: Timestamp) -> Timestamp {
    let alerts = case.alerts_over().map(|(at, _)| at).unwrap_or_default();
    if case.services.worst() == Service::Good { case.fared_at.max(alerts) } else { now }
}

/// How bad it is now; what is only watched is worth a word in half an hour.
fn impact_now(engine: &Engine) -> Impact {
    let seen = engine.told_statuses().into_iter().flatten().map(Status::impact).max();
    seen.filter(|impact| *impact != Impact::None).unwrap_or(Impact::Major)
}

/// Notes that something was said of the gate's own incident, and when the next words are due: both clocks tell the same moment now, and
/// may not in the next second. Words about another incident promise nothing of this one.
pub(crate) fn said(engine: &mut Engine, number: u32, moment: Moment) {
    let other = engine.state.own().is_some_and(|own| own.number != number);
    let Some(case) = case(engine, number).filter(|case| case.is_own() && !other) else { return };
    let promised = case.said.last().and_then(|said| said.next);
    engine.since.said = Some(moment.now);
    engine.next = promised.map(|next| moment.now + next.since(moment.wall));
}

pub(crate) fn case(engine: &Engine, number: u32) -> Option<&Case> {
    engine.state.cases.iter().rev().find(|case| case.number == number)
}
