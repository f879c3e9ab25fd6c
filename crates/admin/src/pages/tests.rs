use std::collections::BTreeSet;
use std::time::Duration;

use ::incident::{
    Act, Cause, ComponentSetting, Counts, Door as Entrance, Engine, Inside, Moment, Readers, Settings, Sight,
    Stage, Watches,
};
use model::{Instant, Level, Mode};
use proptest::prelude::*;

use super::*;
use crate::{Component, Door, Work};

/// A shop in the first minutes of an incident that a person has a note about; `text` is what people write everywhere.
struct Desk {
    engine: Engine,
    known: Known,
    session: Session,
    moment: Moment,
    form: Form,
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

impl Desk {
    fn with(text: &str) -> Self {
        let component = |name: &str| ComponentSetting {
            name: name.into(),
            groups: vec!["Shop".into()],
            description: String::new(),
            watches: Watches::Site,
        };
        let components = vec![component("Website"), component(text)];
        let settings = Settings::new(components, Duration::from_secs(120));
        let (mut engine, mut moment) = (Engine::new(settings), Moment::default());
        moment.wall = Timestamp::from_secs(1_795_876_200);
        let counts = Counts { all: 50, bad: 50 };
        let sight = Sight {
            known: counts,
            new: counts,
            door: Entrance::Closed,
            cause: Some(Cause::Attack),
            level: Level::CustomersFirst,
            ..Sight::default()
        };
        for _ in 0..10 {
            (moment.now, moment.wall) =
                (moment.now + Duration::from_secs(1), moment.wall + Duration::from_secs(1));
            engine.see(&sight, moment);
        }
        let mut desk =
            Self { known: known(&engine, moment), engine, session: session(), moment, form: form(text) };
        let id = desk.known.incidents[0].id;
        desk.act(Act::Note { incident: None, text: text.into() });
        desk.act(Act::Draft { incident: id, body: text.into() });
        let [from, until] = [1, 2].map(|hours| desk.moment.wall + Duration::from_hours(hours));
        let (title, body) = (text.to_owned(), text.to_owned());
        desk.act(Act::Announce { title, body, from, until, components: vec![format!("Shop / {text}")] });
        desk
    }

    fn act(&mut self, act: Act) {
        self.engine.act(act, None, "user 1000", self.moment).unwrap();
        self.known = known(&self.engine, self.moment);
    }

    /// Every page, as it is and with what somebody has written, by a name.
    fn pages(&self) -> Vec<(&'static str, String)> {
        let news = News::Faster(self.form.get("text"));
        let sheet = Sheet { known: &self.known, session: &self.session, news: News::Nothing };
        let told = Sheet { news, ..sheet };
        let incident = &self.known.incidents[0];
        let foresee = |act| self.engine.foresee(act, None, "user 1000", self.moment).unwrap();
        let body = || self.form.get("text").to_owned();
        let then = foresee(Act::Publish);
        let draft = |readers| self.engine.draft(&[incident.id], readers, self.moment.wall).unwrap().text;
        let draft = ReportDraft { public: draft(Readers::Public), inner: draft(Readers::Colleagues) };
        let update = Act::Update { incident: None, stage: None, body: body(), reason: None };
        let open = Act::Open { title: body(), stage: Stage::Identified, body: body(), components: vec![] };
        let [from, until] = plan(&self.form).unwrap();
        let work = Act::Announce { title: body(), body: body(), from, until, components: vec![] };
        let pages = [
            ("front", front(&sheet, Some(&then))),
            ("incident", super::incident(&sheet, incident, &Form::default(), Some(&then))),
            ("incident, written", super::incident(&told, incident, &self.form, None)),
            ("open", super::open(&told, &self.form)),
            ("components", components(&sheet)),
            ("maintenance", maintenance(&told, &self.form)),
            ("report", report(&sheet, incident, &draft, &Form::default())),
            ("report, written", report(&told, incident, &draft, &self.form)),
            ("report, unfinished", unfinished(&sheet, incident, &self.form)),
            ("look at words", foreseen(&sheet, Telling::Update(incident.id), &self.form, &foresee(update))),
            ("look at an incident", foreseen(&sheet, Telling::Open, &self.form, &foresee(open))),
            ("look at work", foreseen(&sheet, Telling::Work, &self.form, &foresee(work))),
            ("log in", log_in("/desk/", Some(self.form.get("text")), &self.form)),
            ("nothing is known", adrift("/desk/", self.form.get("text"), &self.form)),
        ];
        pages.map(|(name, page)| (name, page.as_str().to_owned())).into()
    }
}

fn known(engine: &Engine, moment: Moment) -> Known {
    let view = engine.view(moment.wall);
    let revisions: Vec<_> = engine.work_revisions().collect();
    let work = |shown: &::incident::Maintenance| Work { shown: shown.clone(), revision: revisions[0].1 };
    let component = |of: ::incident::Standing<'_>| Component {
        name: of.name.to_owned(),
        status: of.status,
        is_said: of.is_said,
        revision: of.revision,
    };
    Known {
        now: moment.wall,
        site: "shop.example".into(),
        level: Level::CustomersFirst,
        meaning: "known customers are served first, some unknown clients are asked to come back",
        mode: Mode::Auto,
        is_bypassed: false,
        undeclared_front: None,
        incidents: engine.inside(),
        components: engine.components().map(component).collect(),
        works: view.maintenances.iter().map(work).collect(),
        counts: engine.counts(),
        page: status::Page::new("Example Shop", "https://status.shop.example").ok(),
        view,
    }
}

fn session() -> Session {
    let moment = Moment { now: Instant::from_secs(1), wall: Timestamp::from_secs(1_795_876_200) };
    Door::new(TOKEN).log_in(TOKEN, "127.0.0.1".parse().unwrap(), moment).unwrap()
}

/// What somebody has written everywhere.
fn form(text: &str) -> Form {
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let fields =
        ["text", "title", "reason", "note", "stage", "of:Shop / Website", "component", "name", "form", "do"];
    let fields = fields.map(|name| format!("{}={escaped}", name.replace(' ', "+")));
    Form::read(format!("{}&seen=7&from=2026-12-01T02:00&until=2026-12-01T03:00", fields.join("&")).as_bytes())
        .unwrap()
}

/// A page without its style, which is a constant.
fn without_style(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").expect("a page has a style");
    let (_, after) = rest.split_once("</style>").expect("a style ends");
    format!("{before}<style>[style]</style>{after}").replace(&session().form, "[form]")
}

#[test]
fn the_front_page_says_what_stands_and_what_waits() {
    let desk = Desk::with("Telephone");
    insta::assert_snapshot!(without_style(&desk.pages()[0].1));
}

#[test]
fn an_incident_shows_what_happened_beside_what_was_told() {
    let mut desk = Desk::with("Telephone");
    desk.act(Act::Publish);
    let sheet = Sheet { known: &desk.known, session: &desk.session, news: News::Done(Done::Published) };
    let page = incident(&sheet, &desk.known.incidents[0], &Form::default(), None);
    insta::assert_snapshot!(without_style(page.as_str()));
}

#[test]
fn every_form_holds_what_only_its_session_has_and_a_revision() {
    let desk = Desk::with("Telephone");
    for (name, page) in desk.pages().iter().filter(|(name, _)| !["log in", "nothing is known"].contains(name))
    {
        let forms = page.matches("<form ").count();
        let has = |field: &str| page.matches(field).count();
        assert!(forms > 0, "{name}");
        assert_eq!(has(&format!("name=\"form\" value=\"{}\"", desk.session.form)), forms, "{name}");
        assert_eq!(has("name=\"seen\""), forms, "{name}");
        assert!(!page.contains(TOKEN) && !page.contains(&desk.session.cookie), "{name}");
    }
}

#[test]
fn what_somebody_wrote_is_never_lost() {
    let desk = Desk::with("Words that took long.");
    for (name, page) in
        desk.pages().iter().filter(|(name, _)| name.contains("written") || name.contains("look"))
    {
        assert!(page.contains("Words that took long."), "{name}");
    }
    let pages = desk.pages();
    let written = &pages.iter().find(|(name, _)| *name == "incident, written").unwrap().1;
    assert!(
        written.contains("Somebody was faster")
            && written.contains("rows=\"7\">\nWords that took long.</textarea>")
    );
}

#[test]
fn every_field_of_an_incident_stays_also_when_it_is_over_and_after_the_session() {
    let desk = Desk::with("Telephone");
    let sheet = Sheet { known: &desk.known, session: &desk.session, news: News::Refused("too long") };
    let form = Form::read(b"title=A+title&text=A+text&reason=A+reason&note=A+note").unwrap();
    let going_on = &desk.known.incidents[0];
    let over = Inside { is_open: false, stage: None, ..going_on.clone() };
    for incident in [going_on, &over] {
        let page = super::incident(&sheet, incident, &form, None);
        for words in [">\nA text</textarea>", "A reason", ">\nA note</textarea>"] {
            assert!(page.as_str().contains(words), "{words}");
        }
        assert_eq!(page.as_str().contains("readonly"), !incident.is_open);
    }
    for page in [log_in("/desk/", None, &form), adrift("/desk/", "why", &form)] {
        for words in ["A title", "A text", "A reason", "A note"] {
            assert!(page.as_str().contains(words), "{words}");
        }
    }
    assert!(!log_in("/desk/", None, &Form::default()).as_str().contains("<textarea"));
}

/// What people and attackers write, and what has broken pages elsewhere.
const NASTY: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</style><b onload=x>",
    "' onfocus='alert(1)' autofocus='",
    "javascript:alert(1)",
    "<!-- --><![CDATA[ ]]>&lt;b&gt;",
    "\u{202E}detcesus toN\u{2066}",
    "{{7*7}}${7*7}<%= 7 %>",
];

/// Names of elements and of their values, without what is in them.
fn skeleton(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1).map(|tag| tag.split_once('>').expect("a tag ends").0);
    let names = |tag: &str| {
        let mut names = String::new();
        for (place, part) in tag.split('"').enumerate() {
            if place % 2 == 0 {
                names.push_str(part);
            }
        }
        names
    };
    tags.map(names).collect()
}

#[test]
fn nobodys_words_become_markup() {
    let harmless: BTreeSet<String> =
        Desk::with("Telephone").pages().iter().flat_map(|(_, page)| skeleton(&without_style(page))).collect();
    for text in NASTY {
        for (name, page) in Desk::with(text).pages() {
            for tag in skeleton(&without_style(&page)) {
                assert!(harmless.contains(&tag), "{name}: <{tag}> from {text}");
            }
            assert!(
                !page.contains('\u{202E}')
                    && !page.contains("<script")
                    && !page.contains("onerror=alert(1)>"),
                "{name}"
            );
        }
    }
}

/// Elements that have no end.
const EMPTY: [&str; 4] = ["!DOCTYPE", "meta", "input", "br"];

#[test]
fn every_element_ends_where_it_should() {
    for (name, page) in Desk::with("Telephone").pages() {
        let mut open = Vec::new();
        for tag in skeleton(&without_style(&page)) {
            let of = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("it has a name").to_owned();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(of), "{name}");
            } else if !EMPTY.contains(&of.as_str()) && !tag.ends_with('/') {
                open.push(of);
            }
        }
        assert_eq!(open, [] as [String; 0], "{name}");
    }
}

#[test]
fn the_policy_names_the_style_of_the_pages_and_no_script() {
    let policy = content_security_policy();
    let (_, page) = Desk::with("Telephone").pages().swap_remove(0);
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    assert!(policy.contains(&status::source_hash(style)), "{policy}");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("script") && !policy.contains("unsafe")
    );
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
}

proptest! {
    #[test]
    fn any_words_stay_words(text in "[<>&\"'\\PC\n]{0,30}[a-z]") {
        let [page, same] = [text.as_str(), "x"].map(|text| log_in("/desk/", Some(text), &form(text)));
        prop_assert_eq!(skeleton(page.as_str()), skeleton(same.as_str()));
        let desk = Desk::with("Telephone");
        let sheet = Sheet { known: &desk.known, session: &desk.session, news: News::Refused(&text) };
        let [page, same] = [form(&text), form("x")].map(|form| open(&sheet, &form));
        prop_assert_eq!(skeleton(page.as_str()), skeleton(same.as_str()));
    }
}
