//! What a look shows, against what is remembered: what was taken although its answer was lost, and what people did there.

use std::collections::BTreeSet;

use incident::{PublicId, Stage};
use model::Timestamp;

use super::board::{Board, There, ThereUpdate};
use super::memory::{Kept, Memory, Stance, Text, same};
use super::wanted::{Wanted, WantedIncident, WantedUpdate, WantedWork};

/// Takes a whole look; what people did there, in words for an admin, each said once.
pub(super) fn compare(memory: &mut Memory, wanted: &Wanted, board: &Board) -> Vec<String> {
    let mut said = Vec::new();
    for incident in &wanted.incidents {
        if memory.concerns(incident) {
            adopt(memory, incident, board);
        }
        let Some(kept) = memory.incidents.get_mut(&incident.id) else { continue };
        let Some(seen) = kept.there.as_deref().and_then(|there| board.incident(there)) else { continue };
        take(kept, incident, seen);
        let name = format!("\"{}\" ({})", incident.title, incident.id);
        said.extend(renamed(kept, seen, &name));
        said.extend(edited(kept, seen, &name));
        said.extend(closed(kept, incident, seen, &name));
        go_on(kept, incident);
    }
    for work in &wanted.works {
        adopt_work(memory, work, board);
    }
    components(memory, wanted, board, &mut said);
    said
}

/// Finds an incident there that is ours although nothing says so here: a crash, or a lost answer.
fn adopt(memory: &mut Memory, wanted: &WantedIncident, board: &Board) {
    if memory
        .incidents
        .get(&wanted.id)
        .is_some_and(|kept| kept.there.is_some() || kept.stance == Stance::Left)
    {
        return;
    }
    let free = || board.incidents.iter().filter(|seen| !memory.claims(&seen.id));
    let first = wanted.updates.first();
    let by_mark = free().find(|seen| seen.mark.is_some_and(|mark| mark.of == wanted.id));
    let by_time = || free().find(|seen| seen.mark.is_none() && seen.started == Some(wanted.started_at));
    let by_words = || {
        let has_words = |seen: &&There| {
            let is_ours = |said: &ThereUpdate| first.is_some_and(|first| same(&first.body, &said.body));
            seen.mark.is_none() && seen.name == wanted.title && seen.updates.iter().any(is_ours)
        };
        free().find(has_words)
    };
    if let Some(seen) = by_mark.or_else(by_time).or_else(by_words) {
        let (there, title) = (Some(seen.id.clone()), Some(Text::of(&wanted.title)));
        let kept = memory.incidents.entry(wanted.id).or_default();
        (kept.there, kept.title) = (there, title);
    }
}

fn adopt_work(memory: &mut Memory, wanted: &WantedWork, board: &Board) {
    if memory.works.get(&wanted.id).is_none_or(|kept| kept.there.is_none()) {
        let mut free = board.works.iter().chain(&board.incidents).filter(|seen| !memory.claims(&seen.id));
        let is_it = |seen: &&There| match seen.mark {
            Some(mark) => mark.of == wanted.id,
            None => seen.started == Some(wanted.from) && seen.name == wanted.title,
        };
        if let Some(seen) = free.find(is_it) {
            let there = Some(seen.id.clone());
            memory.works.entry(wanted.id).or_default().there = there;
        }
    }
    // Whoever ended it there, it is over.
    if let Some(kept) = memory.works.get_mut(&wanted.id)
        && let Some(seen) = kept.there.as_deref().and_then(|there| board.work(there))
    {
        kept.is_over |= seen.is_over;
    }
}

/// Notes what of ours is there although nothing says so here.
pub(super) fn take(kept: &mut Kept, wanted: &WantedIncident, seen: &There) {
    if let Some(last) = seen.mark.and_then(|mark| mark.update) {
        take_until(kept, wanted, seen, last);
    }
    for update in &wanted.updates {
        if kept.is_done(update) {
            continue;
        }
        let by_time = |said: &&ThereUpdate| {
            said.started == Some(update.at) && said.stage == update.stage.name() && !kept.has(&said.id)
        };
        let found = seen.updates.iter().find(by_time).or_else(|| find(kept, update, seen));
        // With an incident its first update is made, whose moment is that of the incident, whatever became of its words.
        let is_first = wanted.updates.first().is_some_and(|first| first.id == update.id);
        let born = |said: &&ThereUpdate| is_first && said.started == Some(wanted.started_at);
        let found = found.or_else(|| seen.updates.iter().find(born)).map(|said| said.id.clone());
        if found.is_none() && (!is_first || seen.updates.is_empty()) {
            break;
        }
        kept.finish(update.id, found, Some(&update.body));
    }
}

/// What was written last says that all before it was, too.
fn take_until(kept: &mut Kept, wanted: &WantedIncident, seen: &There, last: PublicId) {
    let Some(end) = wanted.updates.iter().position(|update| update.id == last) else { return };
    for update in &wanted.updates[..=end] {
        if kept.is_done(update) {
            continue;
        }
        let newest = || seen.updates.iter().find(|said| update.id == last && !kept.has(&said.id));
        let found = find(kept, update, seen).or_else(newest).map(|said| said.id.clone());
        kept.finish(update.id, found, Some(&update.body));
    }
}

/// The same words, which belong to no other of our updates.
fn find<'a>(kept: &Kept, update: &WantedUpdate, seen: &'a There) -> Option<&'a ThereUpdate> {
    let is_it = |said: &&ThereUpdate| {
        said.stage == update.stage.name() && same(&said.body, &update.body) && !kept.has(&said.id)
    };
    seen.updates.iter().find(is_it)
}

fn renamed(kept: &mut Kept, seen: &There, name: &str) -> Option<String> {
    if kept.title.is_none_or(|title| title == Text::of(&seen.name)) {
        return None;
    }
    kept.title = None;
    Some(format!("somebody renamed incident {name} there; that name stays"))
}

fn edited(kept: &mut Kept, seen: &There, name: &str) -> Option<String> {
    let (mut changed, mut gone) = (0, 0);
    for done in &mut kept.done {
        let (Some(there), Some(text)) = (&done.there, done.text) else { continue };
        match seen.updates.iter().find(|said| said.id == *there) {
            Some(said) if Text::of(&said.body) == text => {}
            Some(_) => (done.text, changed) = (None, changed + 1),
            None => (done.there, done.text, gone) = (None, None, gone + 1),
        }
    }
    match (changed, gone) {
        (0, 0) => None,
        (_, 0) => Some(format!(
            "somebody edited what was said of incident {name} there; it stays so, and news is added beside it"
        )),
        _ => Some(format!(
            "somebody took away what was said of incident {name} there; it is not said again, and news is added"
        )),
    }
}

fn closed(kept: &mut Kept, wanted: &WantedIncident, seen: &There, name: &str) -> Option<String> {
    let last = wanted.updates.iter().rev().find(|update| kept.is_done(update));
    let is_open_here = last.is_none_or(|last| last.stage.is_open());
    match kept.stance {
        Stance::Ours if seen.is_over && is_open_here => {
            kept.stance = Stance::Closed { was_well: false };
            // What was said before is old news by now.
            kept.skip(wanted);
            Some(format!(
                "somebody called incident {name} over there; it is opened again only if it was well here meanwhile and is bad again"
            ))
        }
        // It was opened again, by whomever.
        Stance::Closed { .. } | Stance::Reopens if !seen.is_over => {
            kept.stance = Stance::Ours;
            None
        }
        // What was to open it again is there, and it was called over once more.
        Stance::Reopens if kept.pending(wanted).is_empty() => {
            kept.stance = Stance::Closed { was_well: false };
            None
        }
        Stance::Ours | Stance::Closed { .. } | Stance::Reopens | Stance::Left => None,
    }
}

fn components(memory: &mut Memory, wanted: &Wanted, board: &Board, said: &mut Vec<String>) {
    let mapped: BTreeSet<&str> = wanted.components.iter().map(|(id, _)| id.as_str()).collect();
    memory.components.retain(|id, _| mapped.contains(id.as_str()));
    for (id, status) in &wanted.components {
        let kept = memory.components.entry(id.clone()).or_default();
        let Some(seen) = board.components.get(id) else {
            if !std::mem::replace(&mut kept.is_missing, true) {
                said.push(format!(
                    "there is no component {id} there; look at the `id` of [[publish.component]]"
                ));
            }
            continue;
        };
        kept.is_missing = false;
        if *seen == Some(*status) {
            (kept.written, kept.is_held) = (*status, false);
            kept.tried.clear();
            continue;
        }
        let is_from_us = seen.is_some_and(|seen| seen == kept.written || kept.tried.contains(&seen));
        if let Some(seen) = seen.filter(|_| is_from_us) {
            kept.written = seen;
        }
        let was_held = std::mem::replace(&mut kept.is_held, !is_from_us);
        if kept.is_held && !was_held {
            said.push(format!(
                "somebody says there how component {id} does; it is left to them until it is shown there as here ({status})"
            ));
        }
    }
}

/// Somebody deleted an incident there; in words for an admin.
pub(super) fn deleted(memory: &mut Memory, wanted: &Wanted, there: &str) -> Option<String> {
    let (id, kept) = memory.incidents.iter_mut().find(|(_, kept)| kept.there.as_deref() == Some(there))?;
    if std::mem::replace(&mut kept.stance, Stance::Left) == Stance::Left {
        return None;
    }
    let title = wanted.incident(*id).map(|incident| incident.title.as_str()).unwrap_or_default();
    Some(format!("somebody deleted incident \"{title}\" ({id}) there; it is not made again"))
}

/// Of an incident that somebody called over there: what needs not be said, and whether it is opened again.
fn go_on(kept: &mut Kept, wanted: &WantedIncident) {
    for update in &wanted.updates {
        let Stance::Closed { was_well } = kept.stance else { return };
        if kept.is_done(update) {
            continue;
        }
        let is_well = update.stage >= Stage::Monitoring;
        if was_well && !is_well {
            kept.stance = Stance::Reopens;
            return;
        }
        kept.stance = Stance::Closed { was_well: was_well || is_well };
        kept.finish(update.id, None, None);
    }
}

/// Incidents that are too old to be made there now; each once.
pub(super) fn too_old(memory: &mut Memory, wanted: &Wanted, now: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    for incident in &wanted.incidents {
        let is_made = memory
            .incidents
            .get(&incident.id)
            .is_some_and(|kept| kept.there.is_some() || !kept.done.is_empty());
        let is_old = !incident.is_open && now.since(incident.last_at()) >= super::keeper::OLD_AFTER;
        if is_made || !is_old || !memory.concerns(incident) {
            continue;
        }
        let kept = memory.incidents.entry(incident.id).or_default();
        if std::mem::replace(&mut kept.stance, Stance::Left) != Stance::Left {
            said.push(format!(
                "incident \"{}\" ({}) is over for a day and was never taken there: it is given up",
                incident.title, incident.id
            ));
        }
    }
    said
}
