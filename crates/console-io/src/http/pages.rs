//! The pages for people below `/desk/`: forms in, commands out, pages of `admin` back.
//!
//! A session is a cookie that only these paths get; the API does not take it. Every form must hold what only pages of its session have.

mod forms;

use std::cell::RefCell;
use std::net::IpAddr;

use admin::{Door, Form, Known, News, Refused, Session, Sheet, Telling};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use incident::{Inside, PublicId, View};
use web_io::Bytes;

use self::forms::{Doing, Wish};
use super::problem::Problem;
use super::{Answer, READ, allow, typed};
use crate::ctl::{Command, PageCommand, Reply};
use crate::desk::Desk;

/// Where the pages are.
pub(super) const TOP: &str = "/desk/";

/// What a path leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Front,
    Open,
    Components,
    Maintenance,
    Incident(PublicId),
    Report(PublicId),
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        let id = |id: &str| id.parse().ok();
        match *path.strip_prefix(TOP)?.split('/').collect::<Vec<_>>().as_slice() {
            [""] | ["notice"] => Some(Self::Front),
            ["open"] => Some(Self::Open),
            ["components"] => Some(Self::Components),
            ["maintenance"] => Some(Self::Maintenance),
            ["i", text] => id(text).map(Self::Incident),
            ["i", text, "report"] => id(text).map(Self::Report),
            _ => None,
        }
    }

    /// Where somebody is led after something was done.
    fn address(self) -> String {
        match self {
            Self::Front => TOP.to_owned(),
            Self::Open => "/desk/open".to_owned(),
            Self::Components => "/desk/components".to_owned(),
            Self::Maintenance => "/desk/maintenance".to_owned(),
            Self::Incident(id) => format!("/desk/i/{id}"),
            Self::Report(id) => format!("/desk/i/{id}/report"),
        }
    }
}

/// Answers a request for a page.
pub(super) async fn page(
    door: &RefCell<Door>,
    desk: &Desk,
    request: &Request<Bytes>,
    peer: IpAddr,
) -> Answer {
    let path = request.uri().path();
    if path == "/desk/log-in" {
        allow(request, &[Method::POST])?;
        check_form(request)?;
        return Ok(log_in(door, desk, request, peer));
    }
    let Some(session) = session(door, desk, request.headers()) else {
        let kept = Form::read(request.body()).unwrap_or_default();
        let why = (request.method() == Method::POST)
            .then_some("The session is over. Nothing was done; log in, and send it again.");
        return Ok(html(StatusCode::UNAUTHORIZED, admin::log_in(path, why, &kept)));
    };
    if path == "/desk/log-out" {
        allow(request, &[Method::POST])?;
        sent_form(request, &session)?;
        door.borrow_mut().log_out(&session);
        let mut answer = led(TOP);
        answer.headers_mut().insert(SET_COOKIE, cookie(request.headers(), "", 0)?);
        return Ok(answer);
    }
    let place = Place::of(path).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, NO_PAGE))?;
    if request.method() == Method::POST {
        let form = sent_form(request, &session)?;
        let answer = done(desk, &session, place, path, &form).await;
        // Also where nothing is known now, what was written can be copied.
        let adrift = |problem: Problem| {
            html(problem.status(), admin::adrift(&place.address(), problem.detail(), &form))
        };
        return Ok(answer.unwrap_or_else(adrift));
    }
    allow(request, READ)?;
    let news = request.uri().query().and_then(|query| admin::Done::named(query.strip_prefix("done=")?));
    let news = news.map_or(News::Nothing, News::Done);
    shown(desk, &session, place, news, &Form::default(), StatusCode::OK).await
}

/// A page as it is now.
async fn shown(
    desk: &Desk,
    session: &Session,
    place: Place,
    news: News<'_>,
    form: &Form,
    status: StatusCode,
) -> Answer {
    let known = known(desk).await?;
    let then = waiting(desk, &known).await;
    let sheet = Sheet { known: &known, session, news };
    let page = match place {
        Place::Front => admin::front(&sheet, then.as_ref()),
        Place::Open => admin::open(&sheet, form),
        Place::Components => admin::components(&sheet),
        Place::Maintenance => admin::maintenance(&sheet, form),
        Place::Incident(id) => admin::incident(&sheet, found(&known, id)?, form, then.as_ref()),
        Place::Report(id) => {
            let draft = desk.ask(move |plane| plane.report_draft(id)).await.flatten();
            admin::report(&sheet, found(&known, id)?, &draft.unwrap_or_default(), form)
        }
    };
    Ok(html(status, page))
}

/// Does what a form says.
async fn done(desk: &Desk, session: &Session, place: Place, path: &str, form: &Form) -> Answer {
    let Wish { doing, command } = match forms::wish(place, path, form) {
        Ok(wish) => wish,
        Err(why) => {
            return shown(desk, session, place, News::Refused(&why), form, StatusCode::BAD_REQUEST).await;
        }
    };
    match doing {
        Doing::Edit => edited(desk, session, place, form).await,
        Doing::Foresee(telling) => foreseen(desk, session, place, telling, command, form).await,
        Doing::Do(done) => {
            let reply = match desk.command(None, Command::Page(command)).await {
                Ok(reply) => reply,
                Err(undone) => Reply::failed(undone.to_string()),
            };
            if reply.ok {
                // Of what is new, the front page shows the most.
                let next = if place == Place::Open { Place::Front } else { place };
                return Ok(led(&format!("{}?done={}", next.address(), done.name())));
            }
            refused(desk, session, place, &reply, form).await
        }
    }
}

/// The form once more, and what was said meanwhile if there is anything.
async fn edited(desk: &Desk, session: &Session, place: Place, form: &Form) -> Answer {
    let known = known(desk).await?;
    let [incidents, works] = known.counts;
    let revision = match place {
        Place::Incident(id) => known.incident(id).map_or(0, |incident| incident.revision),
        Place::Report(id) => known.incident(id).map_or(0, |incident| incident.report_revision),
        Place::Open => incidents,
        Place::Maintenance | Place::Front | Place::Components => works,
    };
    if form.get("seen").parse() == Ok(revision) {
        return shown(desk, session, place, News::Nothing, form, StatusCode::OK).await;
    }
    shown(desk, session, place, News::Faster(&now(&known, place, form)), form, StatusCode::OK).await
}

async fn foreseen(
    desk: &Desk,
    session: &Session,
    place: Place,
    telling: Telling,
    command: PageCommand,
    form: &Form,
) -> Answer {
    if let Telling::Report(id) = telling
        && admin::is_unfinished(form.get("text"))
    {
        let known = known(desk).await?;
        let sheet = Sheet { known: &known, session, news: News::Nothing };
        return Ok(html(StatusCode::OK, admin::unfinished(&sheet, found(&known, id)?, form)));
    }
    let late = || Err(Reply::failed("the record of incidents did not answer in time; try again"));
    match desk.ask(move |plane| plane.foresee(command)).await.unwrap_or_else(late) {
        Ok(then) => {
            let known = known(desk).await?;
            let sheet = Sheet { known: &known, session, news: News::Nothing };
            Ok(html(StatusCode::OK, admin::foreseen(&sheet, telling, form, &then)))
        }
        Err(reply) => refused(desk, session, place, &reply, form).await,
    }
}

/// The page once more, with why it was not done and all that was written.
async fn refused(desk: &Desk, session: &Session, place: Place, reply: &Reply, form: &Form) -> Answer {
    if reply.data.get("changed").is_some() {
        let now = now(&known(desk).await?, place, form);
        return shown(desk, session, place, News::Faster(&now), form, StatusCode::CONFLICT).await;
    }
    shown(desk, session, place, News::Refused(&reply.text), form, StatusCode::CONFLICT).await
}

/// What was said or written last of what a form is about.
fn now(known: &Known, place: Place, form: &Form) -> String {
    let last = |incident: &Inside| {
        incident.timeline.iter().rev().find(|event| event.is_public).map(|event| event.words.clone())
    };
    let of = |id| known.incident(id);
    let text = match place {
        Place::Incident(id) => of(id).and_then(last),
        Place::Report(id) => of(id).map(|incident| match &incident.draft {
            Some(draft) => format!("Kept by {}:\n\n{}", draft.by, draft.text),
            None => incident.report.clone(),
        }),
        Place::Front => {
            known.incidents.first().and_then(|newest| last(newest).or(Some(newest.state().to_owned())))
        }
        Place::Open => known.incidents.first().map(|newest| format!("{}: {}", newest.state(), newest.title)),
        Place::Components => {
            let component = known.components.iter().find(|component| component.name == form.get("name"));
            component.map(|component| format!("{} is shown as {}.", component.name, component.status.label()))
        }
        Place::Maintenance => known.works.first().map(|work| work.shown.title.clone()),
    };
    text.unwrap_or_else(|| "It is not there any more.".to_owned())
}

async fn known(desk: &Desk) -> Result<Known, Problem> {
    desk.ask(|plane| plane.known())
        .await
        .flatten()
        .ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, NO_RECORD))
}

/// What the public would read if the notice that waits were published now.
async fn waiting(desk: &Desk, known: &Known) -> Option<View> {
    known.waiting().next()?;
    desk.ask(|plane| plane.foresee(PageCommand::Publish { seen: None })).await?.ok()
}

fn found(known: &Known, id: PublicId) -> Result<&Inside, Problem> {
    known.incident(id).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, NO_PAGE))
}

fn log_in(door: &RefCell<Door>, desk: &Desk, request: &Request<Bytes>, peer: IpAddr) -> Response<Bytes> {
    let form = Form::read(request.body()).unwrap_or_default();
    let to = Some(form.get("to")).filter(|to| Place::of(to).is_some()).unwrap_or(TOP);
    let given = door.borrow_mut().log_in(form.get("token"), peer, desk.moment());
    let refused = match given {
        Ok(session) => match cookie(request.headers(), &session.cookie, Door::LASTS.as_secs()) {
            Ok(cookie) => {
                let mut answer = led(to);
                answer.headers_mut().insert(SET_COOKIE, cookie);
                return answer;
            }
            Err(problem) => return problem.answer(),
        },
        Err(refused) => refused,
    };
    let status = match refused {
        Refused::Wrong => StatusCode::UNAUTHORIZED,
        Refused::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut answer = html(status, admin::log_in(to, Some(&refused.to_string()), &Form::default()));
    if let Refused::TooMany(seconds) = refused {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

fn session(door: &RefCell<Door>, desk: &Desk, headers: &HeaderMap) -> Option<Session> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let mut values = cookies.flat_map(|cookie| cookie.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME).then_some(value)
    });
    let (door, now) = (door.borrow(), desk.moment().wall);
    // Another server of the same host may have set one, too.
    values.by_ref().take(COOKIES_MAX).find_map(|value| door.session_of(value, now))
}

/// The form of a request, if it comes from a page of this session.
fn sent_form(request: &Request<Bytes>, session: &Session) -> Result<Form, Problem> {
    check_form(request)?;
    let form = Form::read(request.body())
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    if session.sent(form.get("form")) { Ok(form) } else { Err(Problem::new(StatusCode::FORBIDDEN, NOT_OURS)) }
}

/// Forms come as forms, and from pages of the very same place where the browser says so (Fetch Metadata, 2.1).
fn check_form(request: &Request<Bytes>) -> Result<(), Problem> {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header("content-type").split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM)) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send it from the form of the page."));
    }
    match header("sec-fetch-site") {
        "" | "same-origin" => Ok(()),
        _ => Err(Problem::new(StatusCode::FORBIDDEN, NOT_OURS)),
    }
}

/// Only for these paths, for no script, for no request that another site began; over TLS only where it was set over TLS, which the
/// browser says by the origin of the form.
fn cookie(headers: &HeaderMap, value: &str, seconds: u64) -> Result<HeaderValue, Problem> {
    let is_tls = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if is_tls { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/desk; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text)
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "No cookie can be made."))
}

/// The page is elsewhere now (RFC 9110, 15.4.4).
pub(super) fn led(address: &str) -> Response<Bytes> {
    let mut answer = typed(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", String::new());
    if let Ok(address) = HeaderValue::try_from(address) {
        answer.headers_mut().insert(LOCATION, address);
    }
    answer
}

fn html(status: StatusCode, page: admin::Letter) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(page.into_bytes()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(admin::content_security_policy()) {
        headers.insert("content-security-policy", policy);
    }
    // With `no-referrer` browsers would send forms with the origin `null`.
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    answer
}

const NAME: &str = "portcullis-console";
const COOKIES_MAX: usize = 4;
const FORM: &str = "application/x-www-form-urlencoded";
const NO_PAGE: &str = "There is no such page. It begins at /desk/.";
const NO_RECORD: &str = "The record of incidents did not answer in time, or this is an outpost, which has no pages for people: use those of the gate.";
const NOT_OURS: &str = "This form was not sent from a page of this session. Nothing was done: load the page again and send it from there.";

#[cfg(test)]
mod tests;
