//! What a form wants.

use admin::{Done, Form, Telling};
use incident::{PublicId, Stage, Status};

use super::Place;
use crate::ctl::{ComponentStatus, PageCommand};

/// What a form wants.
pub(super) struct Wish {
    pub(super) doing: Doing,
    pub(super) command: PageCommand,
}

/// What is to become of its command.
pub(super) enum Doing {
    /// Shown once more, to be changed.
    Edit,
    /// Shown as the public would read it.
    Foresee(Telling),
    /// Done.
    Do(Done),
}

/// What the form of a page wants.
///
/// # Errors
/// What is missing in it.
pub(super) fn wish(place: Place, path: &str, form: &Form) -> Result<Wish, String> {
    let seen = Some(form.get("seen").parse::<u64>().map_err(|_| INCOMPLETE)?);
    let does = form.get("do");
    let done = |done, command| Ok(Wish { doing: Doing::Do(done), command });
    match (place, does) {
        (Place::Front, "publish") if path.ends_with("notice") => {
            done(Done::Published, PageCommand::Publish { seen })
        }
        (Place::Front, "withhold") if path.ends_with("notice") => {
            done(Done::Withheld, PageCommand::Hold { seen })
        }
        (Place::Components, _) => {
            let status = chosen::<Status>(form.get("status"))?;
            done(Done::Said, PageCommand::Component { name: form.get("name").to_owned(), status, seen })
        }
        (Place::Incident(id), "note") => {
            done(Done::Noted, PageCommand::Note { id: Some(id), text: form.get("note").to_owned() })
        }
        (Place::Incident(id), "acknowledge") => {
            done(Done::Acknowledged, PageCommand::Acknowledge { id: Some(id) })
        }
        (Place::Report(id), "keep") => {
            done(Done::Kept, PageCommand::KeepDraft { id, text: text(form), seen })
        }
        (Place::Maintenance, "finish") => {
            let id: PublicId = form.get("id").parse().map_err(|_| INCOMPLETE)?;
            done(Done::Finished, PageCommand::Finish { id, seen })
        }
        (_, "preview" | "publish" | "edit") => {
            let (telling, command) = told(place, form, seen)?;
            let doing = match does {
                "preview" => Doing::Foresee(telling),
                "publish" => Doing::Do(Done::Published),
                _ => Doing::Edit,
            };
            Ok(Wish { doing, command })
        }
        _ => Err(INCOMPLETE.to_owned()),
    }
}

/// What is to be told to the public.
fn told(place: Place, form: &Form, seen: Option<u64>) -> Result<(Telling, PageCommand), String> {
    let (title, text) = (form.get("title").to_owned(), text(form));
    match place {
        Place::Incident(id) => {
            let reason = Some(form.get("reason").to_owned()).filter(|reason| !reason.trim().is_empty());
            let stage = chosen::<Stage>(form.get("stage"))?;
            Ok((Telling::Update(id), PageCommand::Update { id: Some(id), stage, text, reason, seen }))
        }
        Place::Report(id) => Ok((Telling::Report(id), PageCommand::Report { id, text, seen })),
        Place::Open => {
            let stage = chosen::<Stage>(form.get("stage"))?.unwrap_or(Stage::Investigating);
            let components =
                admin::impaired(form).into_iter().map(|(name, status)| ComponentStatus { name, status });
            let components = components.collect();
            Ok((Telling::Open, PageCommand::Open { title, stage, text, components, seen }))
        }
        Place::Maintenance => {
            let [from, until] = admin::plan(form)
                .ok_or("Say when the work begins and when it ends, such as 2026-12-01T02:00, in UTC.")?
                .map(model::Timestamp::as_secs);
            let components = form.all("component").map(str::to_owned).collect();
            Ok((Telling::Work, PageCommand::Announce { title, text, from, until, components, seen }))
        }
        Place::Front | Place::Components => Err(INCOMPLETE.to_owned()),
    }
}

/// Browsers send every line end as two characters (HTML, 4.10.21.8).
fn text(form: &Form) -> String {
    form.get("text").replace("\r\n", "\n")
}

/// One of a list; nothing of it where the form has the empty one.
fn chosen<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str) -> Result<Option<T>, String> {
    if name.is_empty() { Ok(None) } else { name.parse().map(Some).map_err(|error: T::Err| error.to_string()) }
}

const INCOMPLETE: &str = "The form is not complete; load the page again.";
