//! Stories of subscribers: a page that says something, a mail server that answers as it is told to, and who gets what.

use std::collections::BTreeMap;
use std::time::Duration;

use incident::{Component, Impact, Incident, Moment, PublicId, Stage, Status, Update, View};
use model::{Instant, Net, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::verdict::State;

mod trouble;

/// Begins at 14:30 UTC.
struct Story {
    circle: Circle,
    moment: Moment,
    view: View,
    kept: Vec<Change>,
    /// To whom, and the subject.
    sent: Vec<(String, String)>,
    /// What addresses are answered that are not taken.
    answers: BTreeMap<String, Outcome>,
    /// So many more are taken, and the rest is refused for good; `None`: no such limit.
    quota: Option<usize>,
    last: String,
}

impl Story {
    fn begin() -> Self {
        let moment = Moment { now: Instant::from_secs(1_000), wall: Timestamp::from_secs(1_795_876_200) };
        let components = vec![component("grp", None), component("web", Some(0)), component("phone", None)];
        Self {
            circle: Circle::new(settings(), Kept::default(), moment),
            moment,
            view: View { components, ..View::default() },
            kept: Vec::new(),
            sent: Vec::new(),
            answers: BTreeMap::new(),
            quota: None,
            last: String::new(),
        }
    }

    fn pass(&mut self, seconds: u64) {
        let passed = Duration::from_secs(seconds);
        (self.moment.now, self.moment.wall) = (self.moment.now + passed, self.moment.wall + passed);
    }

    /// Somebody asks, and opens the link of the mail.
    fn joins(&mut self, address: &str, chosen: &[&str]) -> Result<(), JoinError> {
        self.pass(3_600);
        let network = Some(Net::network(std::net::IpAddr::from([192, 0, 2, 1])));
        let chosen = chosen.iter().map(|name| id(name)).collect();
        let asked = self.circle.ask(address.parse().unwrap(), chosen, network, self.moment);
        assert_eq!(asked, Ok(Asked::Sent));
        self.carry(5);
        let link = self.link("/subscribe/confirm?t=");
        let change = self.circle.confirm(&link, self.moment)?;
        self.kept.extend(change);
        Ok(())
    }

    fn says(&mut self, incident: &str, number: u64, components: &[usize]) {
        self.pass(1);
        let at = self.moment.wall;
        let update = update(&format!("{incident}-{number}"), at);
        match self.view.incidents.iter_mut().find(|known| known.id == id(incident)) {
            Some(known) => known.updates.insert(0, update),
            None => self.view.incidents.insert(0, opened(incident, update, components)),
        }
        self.kept.extend(self.circle.hear(&self.view, self.moment));
    }

    /// Sends what can be sent within so many seconds, twice a second.
    fn carry(&mut self, seconds: u64) {
        for _ in 0..seconds * 2 {
            let half = Duration::from_millis(500);
            (self.moment.now, self.moment.wall) = (self.moment.now + half, self.moment.wall + half);
            loop {
                match self.circle.next(self.moment) {
                    Step::Wait(_) => break,
                    Step::Keep(changes) => self.kept.extend(changes),
                    Step::Send(letter) => self.answer(&letter),
                }
            }
        }
    }

    fn answer(&mut self, letter: &Letter) {
        let text = String::from_utf8(letter.bytes.clone()).unwrap();
        let outcome = self.answers.get(letter.to.as_str()).cloned().unwrap_or(match self.quota {
            Some(0) => Outcome::Never("it answers 550".to_owned()),
            Some(_) | None => Outcome::Taken,
        });
        self.quota = self.quota.map(|left| left.saturating_sub(1));
        if outcome == Outcome::Taken {
            let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
            self.sent.push((letter.to.as_str().to_owned(), subject.to_owned()));
        }
        self.last = text;
        self.kept.extend(self.circle.settle(outcome, self.moment));
    }

    /// So many people agreed elsewhere.
    fn admits(&mut self, count: usize) {
        for number in 0..count {
            let address = format!("reader-{number}@shop.example").parse().unwrap();
            let change = self.circle.admit(address, vec![], self.moment).unwrap();
            self.kept.push(change);
        }
    }

    /// What is signed in the last letter's link of this kind.
    fn link(&self, kind: &str) -> String {
        self.text().split_once(kind).unwrap().1.split_whitespace().next().unwrap().to_owned()
    }

    /// The plain text of the last letter.
    fn text(&self) -> String {
        let body = self.last.split("base64\r\n\r\n").nth(1).unwrap().split("\r\n--").next().unwrap();
        let body = data_encoding::BASE64.decode(body.replace("\r\n", "").as_bytes()).unwrap();
        String::from_utf8(body).unwrap()
    }

    fn handle(&self, address: &str) -> String {
        let key = settings().key;
        key.handle(key.id(&address.parse().unwrap()))
    }

    fn sent_to(&self, address: &str) -> Vec<&str> {
        self.sent.iter().filter(|(to, _)| to == address).map(|(_, subject)| subject.as_str()).collect()
    }

    /// A process that has what the journal kept of the first so many changes.
    fn restarts(&mut self, kept: usize) {
        self.kept.truncate(kept);
        self.circle = Circle::new(settings(), reopened(&self.kept), self.moment);
    }
}

/// What a journal has.
fn reopened(changes: &[Change]) -> Kept {
    let (mut people, mut told, mut news) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for change in changes.iter().cloned() {
        match change {
            Change::Joined(person) => drop(people.insert(person.id, person)),
            Change::Left(id) => {
                people.remove(&id);
                told.retain(|(subscriber, _), _: &mut ToldRow| *subscriber != id);
            }
            Change::News { seq, bytes, .. } => news.push((seq, bytes)),
            Change::Told(row) => drop(told.insert((row.subscriber, row.subject), row)),
        }
    }
    Kept { subscribers: people.into_values().collect(), news, told: told.into_values().collect() }
}

fn settings() -> CircleSettings {
    CircleSettings {
        name: "Example Shop".to_owned(),
        url: "https://status.shop.example".to_owned(),
        base: "https://status.shop.example".to_owned(),
        from: "status@shop.example".to_owned(),
        per_second: 2,
        most: 150,
        key: LinkKey::new(&[7; 32]),
    }
}

fn id(name: &str) -> PublicId {
    let mut hash = [1; 32];
    name.bytes().enumerate().for_each(|(place, byte)| {
        hash[place % 8] ^= byte.wrapping_mul(u8::try_from(place % 8).unwrap_or(0) + 3)
    });
    PublicId::of(&hash)
}

fn component(name: &str, group: Option<usize>) -> Component {
    Component {
        id: id(name),
        name: name.to_owned(),
        description: String::new(),
        group,
        is_group: name == "grp",
        is_watched: true,
        status: Status::Operational,
        since: Timestamp::default(),
        updated_at: Timestamp::default(),
        troubles: Vec::new(),
    }
}

fn update(name: &str, at: Timestamp) -> Update {
    Update {
        id: id(name),
        stage: Stage::Identified,
        is_same_stage: false,
        body: format!("We know more: {name}.\n\nSoon more."),
        at,
        affected: Vec::new(),
        is_by_person: true,
    }
}

fn opened(name: &str, update: Update, components: &[usize]) -> Incident {
    Incident {
        id: id(name),
        title: format!("Trouble {name}"),
        stage: Stage::Identified,
        impact: Impact::Major,
        started_at: update.at,
        published_at: update.at,
        identified_at: None,
        monitoring_at: None,
        served_again_at: None,
        resolved_at: None,
        reopened: Vec::new(),
        updated_at: update.at,
        updates: vec![update],
        components: components.to_vec(),
        audiences: Vec::new(),
        next_update_by: None,
        postmortem: String::new(),
        served: None,
        charts: Vec::new(),
    }
}

#[test]
fn everybody_hears_each_update_of_what_they_chose_once_and_nothing_older() {
    let mut story = Story::begin();
    story.says("old", 1, &[1]);
    story.joins("all@shop.example", &[]).unwrap();
    story.joins("group@shop.example", &["grp"]).unwrap();
    story.joins("phone@shop.example", &["phone"]).unwrap();
    story.says("web", 1, &[1]);
    story.carry(30);
    story.says("phone", 1, &[2]);
    story.says("general", 1, &[]);
    story.carry(30);
    let confirm = "[Example Shop] Confirm that you want mail about Example Shop";
    let [web, phone, general] =
        ["web", "phone", "general"].map(|name| format!("[Example Shop] Identified: Trouble {name}"));
    assert_eq!(story.sent_to("all@shop.example"), [confirm, &web, &phone, &general]);
    assert_eq!(story.sent_to("group@shop.example"), [confirm, &web, &general], "what is in a group");
    assert_eq!(story.sent_to("phone@shop.example"), [confirm, &phone, &general]);
    story.kept.extend(story.circle.hear(&story.view.clone(), story.moment));
    story.carry(30);
    assert_eq!(story.sent.len(), 10, "nothing comes twice");
}

#[test]
fn a_report_comes_without_the_marks_that_a_page_makes_headings_and_tables_of() {
    let mut story = Story::begin();
    story.admits(1);
    story.says("web", 1, &[1]);
    story.carry(5);
    let mut report = update("report", story.moment.wall);
    report.stage = Stage::Postmortem;
    report.body = "# Report\n\n## Impact\n\n- **All** of it.\n\n| Time | What |\n| --- | --- |".to_owned();
    story.view.incidents[0].updates.insert(0, report);
    story.kept.extend(story.circle.hear(&story.view, story.moment));
    story.carry(5);
    let text = story.text().replace('\r', "");
    assert!(
        text.contains("Report\n\nImpact\n\n- All of it.\n\n(A table: see the page.)")
            && !text.contains(['#', '|']),
        "{text}"
    );
}

#[test]
fn of_two_updates_that_wait_only_the_newer_is_sent_and_nobody_is_left_out() {
    let mut story = Story::begin();
    for number in 0..6 {
        let address = format!("reader-{number}@shop.example");
        let change = story.circle.admit(address.parse().unwrap(), vec![], story.moment).unwrap();
        story.kept.push(change);
    }
    story.says("web", 1, &[1]);
    story.carry(1);
    let first = story.sent.len();
    assert!((1..6).contains(&first), "{first}");
    story.says("web", 2, &[1]);
    story.carry(1);
    let mut heard: Vec<_> = story.sent.iter().map(|(to, _)| to.clone()).collect();
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), story.sent.len(), "whoever waits longest comes first: {:?}", story.sent);
    story.carry(30);
    assert_eq!(story.sent.len(), 6 + first, "those who had the first get the second, the others that alone");
    assert_eq!(story.circle.figures().waiting, 0);
}

#[test]
fn a_look_confirms_nothing_an_old_link_neither_and_leaving_ends_all() {
    let mut story = Story::begin();
    let asked = story.circle.ask("ann@shop.example".parse().unwrap(), vec![], None, story.moment);
    assert_eq!(asked, Ok(Asked::Sent));
    story.carry(5);
    let link = story.link("/subscribe/confirm?t=");
    assert!(story.circle.is_invited(&link, story.moment.wall) && story.kept.is_empty());
    story.says("web", 1, &[1]);
    story.carry(5);
    assert_eq!(story.sent.len(), 1, "nothing before it is confirmed");
    let late = Moment { wall: story.moment.wall + Duration::from_secs(86_400), ..story.moment };
    assert_eq!(story.circle.confirm(&link, late), Err(JoinError::Link));
    assert!(matches!(story.circle.confirm(&link, story.moment), Ok(Some(Change::Joined(_)))));
    assert_eq!(story.circle.confirm(&link, story.moment), Ok(None), "a second click changes nothing");
    story.says("web", 2, &[1]);
    let handle = story.handle("ann@shop.example");
    assert!(matches!(story.circle.leave(&handle), Ok(Some(Change::Left(_)))));
    assert_eq!(story.circle.leave(&handle), Ok(None), "and again is no error");
    assert_eq!(story.circle.leave("x"), Err(JoinError::Link));
    story.carry(30);
    assert_eq!(story.sent.len(), 1, "what waited is not sent any more");
    assert_eq!(story.circle.choose(&handle, vec![], story.moment), Err(JoinError::Link));
}

#[test]
fn there_is_no_room_for_more_than_there_may_be_and_many_incidents_are_given_up_in_few_words() {
    let mut story = Story::begin();
    story.admits(150);
    assert_eq!(story.joins("late@shop.example", &[]), Err(JoinError::Full));
    (0..9).for_each(|number| story.says(&format!("case {number}"), 1, &[]));
    let given_up = |story: &Story| story.circle.figures().outcomes[State::GivenUp as usize];
    assert_eq!(given_up(&story), 150);
    assert_eq!(story.circle.figures().waiting, 8 * 150);
    assert!(!story.kept.iter().any(|change| matches!(change, Change::Told(_))), "no row for each of them");
    story.restarts(usize::MAX);
    assert_eq!(story.circle.figures().waiting, 8 * 150, "and the next process comes to the same end");
    story.pass(86_400);
    assert_eq!(story.circle.next(story.moment), Step::Wait(Duration::from_secs(1)));
    assert_eq!(
        (given_up(&story), story.circle.figures().waiting),
        (9 * 150, 0),
        "what is a day old goes too"
    );
}

#[test]
fn the_mails_are_what_people_and_programs_read() {
    let mut story = Story::begin();
    story.joins("ann@shop.example", &[]).unwrap();
    let shown = |text: &str| {
        let parts =
            text.split("base64\r\n\r\n").enumerate().map(|(place, part)| match part.split_once("\r\n--") {
                Some((coded, rest)) if place > 0 => {
                    let bytes = data_encoding::BASE64.decode(coded.replace("\r\n", "").as_bytes()).unwrap();
                    format!("{}\n--{rest}", String::from_utf8(bytes).unwrap())
                }
                Some(_) | None => part.to_owned(),
            });
        parts.collect::<Vec<_>>().join("[decoded]\n\n").replace("\r\n", "\n")
    };
    insta::assert_snapshot!("invitation", shown(&story.last));
    story.says("web", 1, &[1]);
    story.view.incidents[0].updates[0].affected = vec![(1, Status::Operational, Status::PartialOutage)];
    story.carry(5);
    insta::assert_snapshot!("news", shown(&story.last));
}

/// Words of strangers and of admins become neither headers nor another mail, whatever is in them.
#[test]
fn words_do_not_become_headers_or_markup() {
    for evil in [
        "x\r\nBcc: all@shop.example",
        "x\nList-Unsubscribe: <https://evil.example>",
        "x\r\n\r\n<script>alert(1)</script>",
        "=?utf-8?q?=0d=0aBcc:_x@y.example?=",
        "\u{202e}<b>\"&",
        "--portcullis-part--\r\n\r\nmore",
        "\0\u{1b}[31m",
    ] {
        let mut story = Story::begin();
        story.circle.admit("ann@shop.example".parse().unwrap(), vec![], story.moment).unwrap();
        story.view.components[1].name = evil.to_owned();
        story.says("web", 1, &[1]);
        let mut incident = opened("evil", update("evil", story.moment.wall), &[1]);
        (incident.title, incident.updates[0].body) = (evil.to_owned(), evil.to_owned());
        story.view.incidents = vec![incident];
        story.circle.hear(&story.view.clone(), story.moment);
        story.carry(5);
        let (head, body) = story.last.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Date",
                "Subject",
                "Message-ID",
                "In-Reply-To",
                "References",
                "List-Id",
                "List-Unsubscribe",
                "List-Unsubscribe-Post",
                "Auto-Submitted",
                "X-Auto-Response-Suppress",
                "MIME-Version",
                "Content-Type"
            ],
            "{evil:?}"
        );
        assert_eq!(body.matches("--portcullis-part").count(), 3, "{evil:?}");
        assert!(story.last.is_ascii() && !story.last.replace("\r\n", "").contains(['\r', '\n']));
        let html = body.split("base64\r\n\r\n").nth(2).unwrap().split("\r\n--").next().unwrap();
        let html = data_encoding::BASE64.decode(html.replace("\r\n", "").as_bytes()).unwrap();
        let html = String::from_utf8(html).unwrap();
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
    }
}

/// What people, the page, the mail server and a crash can do.
#[derive(Clone, Debug)]
enum Act {
    Asks(u8),
    Confirms(u8),
    Leaves(u8),
    Says(u8),
    Answers(u8, u8),
    Carries,
    /// Everything is on the disk, but for so many of the last changes.
    Crashes,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0_u8..4).prop_map(Act::Asks),
        (0_u8..4).prop_map(Act::Confirms),
        (0_u8..4).prop_map(Act::Leaves),
        (0_u8..3).prop_map(Act::Says),
        (0_u8..4, 0_u8..4).prop_map(|(who, what)| Act::Answers(who, what)),
        Just(Act::Carries),
        Just(Act::Carries),
        Just(Act::Crashes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Nobody hears an update twice, nothing before they have confirmed, nothing after they have left, whatever happens in between.
    #[test]
    fn no_update_twice_none_before_confirming_and_none_after_leaving(acts in proptest::collection::vec(act(), 1..60)) {
        let mut story = Story::begin();
        let address = |who: u8| format!("reader-{who}@shop.example");
        let (mut is_in, mut numbers, mut seen) = ([false; 4], [0_u64; 3], 0);
        let mut heard: Vec<(String, String)> = Vec::new();
        for act in acts {
            match act {
                Act::Asks(who) => drop(story.circle.ask(address(who).parse().unwrap(), vec![], None, story.moment)),
                Act::Confirms(who) => {
                    let until = story.moment.wall + Duration::from_secs(60);
                    let link = settings().key.invite(&link::Invitation { address: address(who).parse().unwrap(), chosen: vec![], until });
                    let change = story.circle.confirm(&link, story.moment);
                    is_in[usize::from(who)] |= change.is_ok();
                    story.kept.extend(change.ok().flatten());
                }
                Act::Leaves(who) => {
                    let handle = story.handle(&address(who));
                    story.kept.extend(story.circle.leave(&handle).unwrap());
                    is_in[usize::from(who)] = false;
                }
                Act::Says(incident) => {
                    numbers[usize::from(incident)] += 1;
                    story.says(&format!("case {incident}"), numbers[usize::from(incident)], &[1]);
                }
                Act::Answers(who, what) => drop(story.answers.insert(address(who), match what {
                    0 => Outcome::Later("451".to_owned()),
                    1 => Outcome::Unreachable("down".to_owned()),
                    _ => Outcome::Taken,
                })),
                Act::Carries => story.carry(20),
                Act::Crashes => story.restarts(usize::MAX),
            }
            for (to, subject) in story.sent.drain(seen..).collect::<Vec<_>>() {
                if !subject.contains("Confirm") {
                    let who: usize = to.trim_start_matches("reader-").split('@').next().unwrap().parse().unwrap();
                    prop_assert!(is_in[who], "{to} is no subscriber: {subject}");
                    heard.push((to, subject));
                }
            }
            seen = story.sent.len();
        }
        // Each row says what somebody heard last, and those numbers only grow: so nothing came twice.
        let mut last: BTreeMap<(SubscriberId, PublicId), u64> = BTreeMap::new();
        let mut delivered = 0;
        for change in &story.kept {
            match change {
                Change::Told(row) if row.state == State::Delivered => {
                    let before = last.insert((row.subscriber, row.subject), row.seq);
                    prop_assert!(before.is_none_or(|before| before < row.seq), "{row:?} after {before:?}");
                    delivered += 1;
                }
                // Whoever comes back hears only what is said from then on.
                Change::Told(_) | Change::Joined(_) | Change::Left(_) | Change::News { .. } => {}
            }
        }
        prop_assert_eq!(delivered, heard.len(), "each mail that was taken is noted");
    }
}
