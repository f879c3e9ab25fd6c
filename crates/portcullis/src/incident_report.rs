//! `portcullis report --incident ID`: the draft of the report about one incident, from the journal alone, also while no gate runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use incident::{
    Beside, Call, ComponentSetting, Deed, Draft, Engine, Entry, Inside, PublicId, Readers, Record,
    RecordError, Settings, Watches,
};
use journal_io::journal::{ActRow, AttemptRow, IncidentRow, JournalError, Reader, Window};
use model::Timestamp;
use notify::State;

use crate::publish::TRIES;
use crate::running::SITE;

/// Why there is no draft.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IncidentReportError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nothing is known of it.
    #[error(
        "there is no incident {id} in the record of {}; `portcullis ctl incident` of a running gate lists them, and --state names another \
         record",
        state.display()
    )]
    Unknown {
        /// Which was asked for.
        id: PublicId,
        /// The folder that was read.
        state: PathBuf,
    },
}

/// The draft for colleagues, as `ctl incident draft ID` of a running gate prints it.
pub(crate) fn draft(state: &Path, id: PublicId, now: Timestamp) -> Result<Draft, IncidentReportError> {
    let reader = Reader::open(state)?;
    let engine = kept(&reader, settings(components(&reader)?))?;
    let inside = engine.inside();
    let about: Vec<&Inside> = inside.iter().filter(|incident| incident.id == id).collect();
    let beside = beside(&reader, &about, now)?;
    let draft = engine.draft_with(&[id], &beside, Readers::Colleagues, now);
    draft.ok_or_else(|| IncidentReportError::Unknown { id, state: state.to_owned() })
}

/// What the journal has beside the record for a report about these incidents.
pub(crate) fn beside(reader: &Reader, incidents: &[&Inside], now: Timestamp) -> Result<Beside, JournalError> {
    let mut beside = Beside::default();
    for incident in incidents {
        // What was noted of an attack may lie before anybody felt it.
        let noted = incident.timeline.first().map_or(incident.since, |event| event.at);
        let began = noted.min(incident.since);
        let window = Window { since: began.before(Beside::LEAD_UP), until: incident.ended.unwrap_or(now) };
        let acts = reader.numbered_acts(SITE, window, ACTS_MAX)?;
        beside.deeds.extend(
            acts.into_iter().map(deed).filter(|deed| !beside.deeds.contains(deed)).collect::<Vec<_>>(),
        );
        let window = Window { since: began, until: began + Beside::CALLED_WITHIN };
        let tries = reader.first_attempts(SITE, window, TRIES_MAX)?;
        beside.calls.extend(tries.into_iter().filter(|(_, of)| !of.receiver.starts_with(TRIES)).map(call));
    }
    Ok(beside)
}

fn deed((id, act): (u64, ActRow)) -> Deed {
    Deed { id, at: act.at, text: act.text.into() }
}

fn call((id, of): (u64, AttemptRow)) -> Call {
    let has_arrived = State::ALL.get(usize::from(of.state)) == Some(&State::Delivered);
    Call { id, at: of.at, receiver: of.receiver.into(), key: of.key.into(), has_arrived }
}

/// The record as the journal has it, also while a gate runs.
pub(crate) fn kept(reader: &Reader, settings: Settings) -> Result<Engine, JournalError> {
    let mut engine = Engine::new(settings);
    each(reader, |row| {
        // The gate says so when it starts; what is left is shown.
        match engine.restore(&row.bytes, row.hash) {
            Ok(()) => {}
            Err(RecordError::Missing { .. }) => {
                engine.accept_gap();
                if engine.restore(&row.bytes, row.hash).is_err() {
                    engine.leave_out(row.seq, row.hash);
                }
            }
            Err(_) => engine.leave_out(row.seq, row.hash),
        }
    })?;
    Ok(engine)
}

/// The full names of all components that the record has ever watched: without a configuration it alone knows them.
fn components(reader: &Reader) -> Result<Vec<String>, JournalError> {
    let mut names = Vec::new();
    each(reader, |row| {
        let Ok((Record { entry: Entry::Watched { component, .. }, .. }, _)) =
            Record::read(&row.bytes, row.hash)
        else {
            return;
        };
        if names.len() < Settings::COMPONENTS_MAX && !names.contains(&component) {
            names.push(component);
        }
    })?;
    Ok(names)
}

fn settings(components: Vec<String>) -> Settings {
    let component = |name| ComponentSetting {
        name,
        groups: Vec::new(),
        description: String::new(),
        watches: Watches::Nothing,
    };
    Settings::new(components.into_iter().map(component).collect(), Duration::ZERO)
}

fn each(reader: &Reader, mut take: impl FnMut(&IncidentRow)) -> Result<(), JournalError> {
    let mut after = None;
    loop {
        let rows = reader.incidents(SITE, after, ROWS_AT_ONCE)?;
        rows.iter().for_each(&mut take);
        match rows.last() {
            Some(last) => after = Some(last.seq),
            None => return Ok(()),
        }
    }
}

const ROWS_AT_ONCE: u32 = 1_000;
/// Acts before and during one incident that are looked at, the newest.
const ACTS_MAX: u32 = 1_000;
/// Tries to alert somebody of one incident that are looked at, the oldest.
const TRIES_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use incident::{Act, Moment, Stage, Status};
    use journal_io::journal::{Journal, JournalSettings, Row};
    use model::Instant;

    use super::*;

    #[test]
    fn the_draft_from_the_journal_alone_is_that_of_the_gate() {
        let folder = tempfile::tempdir().unwrap();
        let wall = Timestamp::from_secs(1_795_876_200);
        let mut engine = Engine::new(settings(vec!["Shop / Phone".into(), "Shop / Website".into()]));
        let open = Act::Open {
            title: "Nobody answers the phone".into(),
            stage: Stage::Identified,
            body: "Our carrier has a problem.".into(),
            components: vec![("Shop / Website".into(), Status::PartialOutage)],
        };
        let records = engine.act(open, None, "root", Moment { now: Instant::ORIGIN, wall }).unwrap();
        let (journal, _loaded) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
        for Record { seq, at, bytes, hash, .. } in records {
            assert!(
                journal.record(Row::Incidents([IncidentRow { site: SITE, seq, at, bytes, hash }].into()))
            );
        }
        assert!(journal.settle(Duration::from_secs(10)));
        drop(journal);
        let (id, now) = (engine.inside()[0].id, wall + Duration::from_secs(3_600));
        let drafted = draft(folder.path(), id, now).unwrap();
        assert_eq!(Some(&drafted), engine.draft(&[id], Readers::Colleagues, now).as_ref());
        assert!(drafted.text.contains("Shop / Website"), "{}", drafted.text);
        let unknown = draft(folder.path(), "bbbbbbbbbbbb".parse().unwrap(), now).unwrap_err().to_string();
        assert!(unknown.contains("there is no incident bbbbbbbbbbbb"), "{unknown}");
    }

    #[test]
    fn the_draft_has_acts_and_alerts_of_the_journal_but_not_what_was_brought_to_pages_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let wall = Timestamp::from_secs(1_795_876_200);
        let mut engine = Engine::new(settings(Vec::new()));
        let (title, body) = ("No phone".to_owned(), "Our carrier has a problem.".to_owned());
        let open = Act::Open { title, stage: Stage::Identified, body, components: Vec::new() };
        let records = engine.act(open, None, "root", Moment { now: Instant::ORIGIN, wall }).unwrap();
        let (journal, _loaded) = Journal::open(folder.path(), JournalSettings::default()).unwrap();
        for Record { seq, at, bytes, hash, .. } in records {
            assert!(
                journal.record(Row::Incidents([IncidentRow { site: SITE, seq, at, bytes, hash }].into()))
            );
        }
        let (id, day) = (engine.inside()[0].id, Duration::from_hours(24));
        for (before, text) in [(day * 8, "bypass on"), (day, "mode enforce"), (Duration::ZERO, "level unpin")]
        {
            let row = ActRow { site: SITE, at: wall.before(before), uid: Some(1_000), text: text.into() };
            assert!(journal.record(Row::Act(row)));
        }
        for (seconds, receiver, state) in [(1, "publish/statuspage", 1), (2, "mail", 0), (9, "pager", 1)] {
            let (at, key) = (wall + Duration::from_secs(seconds), format!("{id}.1").into());
            let (receiver, why) = (receiver.into(), "".into());
            let row = AttemptRow { site: SITE, receiver, key, number: 1, at, state, why };
            assert!(journal.record(Row::Attempt(row)));
        }
        assert!(journal.settle(Duration::from_secs(10)));
        drop(journal);
        let told = draft(folder.path(), id, wall + Duration::from_secs(3_600)).unwrap().text;
        let (before, after) = told.split_once("## Response").unwrap();
        assert!(before.contains("an admin: `mode enforce` (act 2)") && !told.contains("bypass"), "{told}");
        assert!(after.contains("an admin: `level unpin` (act 3)"), "{told}");
        assert!(
            before.contains("The first alert reached `pager` at")
                && before.contains("9 s after it began. (alert 3, #"),
            "{told}"
        );
    }
}
