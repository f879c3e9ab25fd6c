//! `ctl subscriber`.

use console_io::ctl::{Reply, SubscriberCommand};
use incident::{Civil, PublicId, View};
use notify::subscribers::{Asked, CircleFigures, MailAddress, Subscriber, SubscriberId};
use notify_io::Mailing;
use serde_json::{Value, json};

/// Shows or does what an admin asks; without `mailing` nobody can subscribe.
pub(crate) fn command(mailing: Option<&Mailing>, view: &View, command: SubscriberCommand) -> Reply {
    let Some(mailing) = mailing else { return Reply::failed(NOBODY) };
    match command {
        SubscriberCommand::List { after, limit, addresses } => {
            match after.map(|after| after.parse()).transpose() {
                Ok(after) => list(mailing, view, after, limit, addresses),
                Err(error) => no_subscriber(&error),
            }
        }
        SubscriberCommand::Add { address, components, consented } => match address.parse() {
            Ok(address) => add(mailing, view, address, &components, consented),
            Err(error) => Reply::failed(format!("{error}")),
        },
        SubscriberCommand::Remove { subscriber } => remove(mailing, &subscriber),
    }
}

fn list(mailing: &Mailing, view: &View, after: Option<SubscriberId>, limit: u32, addresses: bool) -> Reply {
    let figures = mailing.figures();
    let people: Vec<Subscriber> = mailing
        .act(|circle, _| (circle.people_behind(after).take(limit as usize).cloned().collect(), Vec::new()));
    let mut lines = vec![summary(&figures)];
    lines.extend(people.iter().map(|person| line(person, view, addresses)));
    if let Some(last) = people.last().filter(|_| people.len() == limit as usize) {
        lines.push(format!("more: --after {}", last.id));
    }
    let people: Vec<Value> = people.iter().map(|person| value(person, view, addresses)).collect();
    Reply::done(lines.join("\n"), json!(people))
}

fn summary(figures: &CircleFigures) -> String {
    let [delivered, again, refused, given_up] = ordered(figures);
    let trouble = if figures.trouble.is_empty() {
        String::new()
    } else {
        format!("\nthe mail server is not to be had: {}", figures.trouble)
    };
    format!(
        "{} subscribers; {} mails wait; since the start {delivered} delivered, {again} to be tried again, {refused} refused, {given_up} \
         given up{trouble}",
        figures.subscribers, figures.waiting
    )
}

/// Delivered, again, refused, given up.
fn ordered(figures: &CircleFigures) -> [u64; 4] {
    use notify::State::{Delivered, GivenUp, Refused, Waiting};
    [Delivered, Waiting, Refused, GivenUp].map(|state| figures.outcomes[state as usize])
}

fn line(person: &Subscriber, view: &View, addresses: bool) -> String {
    let chosen: Vec<String> = person.chosen.iter().map(|id| name(view, *id)).collect();
    let of = if chosen.is_empty() { "all".to_owned() } else { chosen.join(", ") };
    let refused = match person.refusals {
        0 => String::new(),
        refusals => format!("; refused {refusals} times"),
    };
    format!(
        "{}  {}  since {}  {of}{refused}",
        person.id,
        shown(person, addresses),
        Civil::of(person.since).rfc3339()
    )
}

fn value(person: &Subscriber, view: &View, addresses: bool) -> Value {
    json!({
        "id": person.id.to_string(),
        "address": shown(person, addresses),
        "since": Civil::of(person.since).rfc3339(),
        "components": person.chosen.iter().map(|id| name(view, *id)).collect::<Vec<_>>(),
        "refusals": person.refusals,
    })
}

fn shown(person: &Subscriber, addresses: bool) -> String {
    if addresses { person.address.as_str().to_owned() } else { person.address.masked() }
}

fn add(
    mailing: &Mailing,
    view: &View,
    address: MailAddress,
    components: &[String],
    consented: bool,
) -> Reply {
    let mut chosen = Vec::new();
    for component in components {
        match id_of(view, component) {
            Some(id) => chosen.push(id),
            None => {
                return Reply::failed(format!(
                    "there is no component `{component}`; `ctl component` lists them"
                ));
            }
        }
    }
    if consented {
        return admit(mailing, address, chosen);
    }
    let asked = mailing.act(|circle, moment| (circle.ask(address, chosen, None, moment), Vec::new()));
    match asked {
        Ok(Asked::Sent) => Reply::done("a mail that asks to confirm is on its way", Value::Null),
        Ok(Asked::Silent) => {
            Reply::failed("this address was asked within the last day; it is not asked again")
        }
        Err(error) => Reply::failed(format!("{error}; try again in a minute")),
    }
}

fn admit(mailing: &Mailing, address: MailAddress, chosen: Vec<PublicId>) -> Reply {
    let admitted = mailing.act(|circle, moment| {
        if circle.is_paused() {
            return (Err(None), Vec::new());
        }
        match circle.admit(address, chosen, moment) {
            Ok(change) => (Ok(()), vec![change]),
            Err(error) => (Err(Some(error)), Vec::new()),
        }
    });
    match admitted {
        Ok(()) => kept(mailing, "subscribed; keep the proof of the consent yourself"),
        Err(Some(error)) => Reply::failed(format!("{error}")),
        Err(None) => Reply::failed(LATE),
    }
}

/// By the address, or by the id that the list shows.
fn remove(mailing: &Mailing, subscriber: &str) -> Reply {
    let (id, address) = (subscriber.parse::<SubscriberId>(), subscriber.parse::<MailAddress>());
    let removed = mailing.act(|circle, _| {
        if circle.is_paused() {
            return (Err(LATE.to_owned()), Vec::new());
        }
        let id = match (id, address) {
            (Ok(id), _) => id,
            (Err(_), Ok(address)) => circle.id(&address),
            (Err(error), Err(_)) => return (Err(format!("{error}, or by an address of mail")), Vec::new()),
        };
        match circle.erase(id) {
            Some(change) => (Ok(()), vec![change]),
            None => (Err("there is no such subscriber".to_owned()), Vec::new()),
        }
    });
    match removed {
        Ok(()) => kept(mailing, "erased: nothing more is sent there, and nothing is kept of it"),
        Err(why) => Reply::failed(why),
    }
}

fn kept(mailing: &Mailing, said: &str) -> Reply {
    if mailing.settle() { Reply::done(said, Value::Null) } else { Reply::failed(LATE) }
}

fn no_subscriber(error: &dyn std::error::Error) -> Reply {
    Reply::failed(error.to_string())
}

/// `Shop / Website`; the id of what the page no longer has.
fn name(view: &View, id: PublicId) -> String {
    let place = view.components.iter().position(|component| component.id == id);
    place.map_or_else(|| id.to_string(), |place| full_name(view, place))
}

fn id_of(view: &View, name: &str) -> Option<PublicId> {
    let place = (0..view.components.len()).find(|place| full_name(view, *place) == name)?;
    view.components.get(place).map(|component| component.id)
}

fn full_name(view: &View, place: usize) -> String {
    let up =
        std::iter::successors(view.components.get(place), |component| view.components.get(component.group?));
    let mut names: Vec<&str> = up.take(DEPTH_MAX).map(|component| component.name.as_str()).collect();
    names.reverse();
    names.join(" / ")
}

const DEPTH_MAX: usize = 8;
const NOBODY: &str = "nobody can subscribe; write [status.subscribers] into the configuration";
const LATE: &str = "this cannot be kept at the moment: the disk is slow, or another process is taking over; repeat it in a moment";
