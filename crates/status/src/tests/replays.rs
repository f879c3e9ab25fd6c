//! Both incidents that this project exists for, played through the real record, and the pages that readers get of them.

use std::time::Duration;

use incident::{
    Act, ActError, Cause, ComponentSetting, Counts, Door, Draft, Engine, Load, Moment, Outside, PublicId,
    Readers, Settings, Sight, Stage, View, Watches,
};
use model::{Instant, Level, Timestamp, UserTime};

use super::text;
use crate::{render, report, samples};

/// What may be published at a moment of a replay.
pub(super) struct Shot {
    /// For files.
    pub(super) name: &'static str,
    pub(super) view: View,
    pub(super) at: Timestamp,
}

/// What came of one of them.
pub(super) struct Played {
    pub(super) shots: Vec<Shot>,
    pub(super) drafts: Vec<(&'static str, Draft)>,
    at: Timestamp,
}

#[test]
fn the_flood_of_a_web_application_is_told_better_than_it_was() {
    let played = flood();
    insta::assert_snapshot!("flood_down_index", played.read("down", "index.html"));
    insta::assert_snapshot!("flood_customers_index", played.read("customers", "index.html"));
    insta::assert_snapshot!("flood_reported_incident", played.read("reported", &played.newest()));
    // What the gate does shows nowhere before the report.
    for shot in played.shots.iter().filter(|shot| shot.name != "reported") {
        for path in ["index.html", &played.newest(), "status.txt", "history.atom", "api/v2/summary.json"] {
            let page = text(&render(&shot.view, &samples::page(), shot.at), path).to_lowercase();
            for word in ["attack", "trial", "customers-first", "limited"] {
                assert!(!page.contains(word), "{word} in {path} of {}", shot.name);
            }
        }
    }
}

#[test]
fn three_outages_of_a_provider_are_told_from_outside_and_end_in_one_report() {
    let played = provider();
    insta::assert_snapshot!("provider_dead_index", played.read("dead", "index.html"));
    insta::assert_snapshot!("provider_reported_index", played.read("reported", "index.html"));
    insta::assert_snapshot!("provider_reported_incident", played.read("reported", &played.newest()));
}

/// 14:33: the app is down for everybody. 14:50: a restart seems to help. 15:15: customers alone are served. 16:00: a trial to let
/// everybody in fails. 17:20: it is over.
pub(super) fn flood() -> Played {
    let mut replay = Replay::begin(0, 14, 30, Duration::from_secs(120));
    let served = |known_bad, door, level| {
        let known = Counts { all: 50, bad: known_bad };
        let new = if door == Door::Closed { Counts::default() } else { known };
        Sight { known, new, door, level, cause: Some(Cause::Attack), ..well() }
    };
    let down = Sight { cause: None, ..served(45, Door::Open, Level::Calm) };
    replay.until(14, 33, &well());
    replay.until(14, 40, &down);
    replay.note("The web server is at its limit of connections: we raise it, and start it again.");
    replay.shot("down");
    replay.until(14, 50, &down);
    replay.until(14, 53, &well());
    let over = replay.act(Act::Update {
        incident: None,
        stage: Some(Stage::Resolved),
        body: "Restarted.".into(),
        reason: None,
    });
    assert!(matches!(over, Err(ActError::NotOver(_))), "{over:?}");
    replay.shot("restarted");
    replay.until(14, 54, &well());
    replay.until(15, 5, &served(40, Door::Open, Level::Limiting));
    replay.note("The disk is full of logs.");
    replay.until(15, 15, &served(40, Door::Open, Level::Limiting));
    replay.until(15, 20, &served(0, Door::Closed, Level::CustomersFirst));
    replay.shot("customers");
    replay.until(16, 0, &served(0, Door::Closed, Level::CustomersFirst));
    replay.until(16, 2, &served(0, Door::Narrow, Level::Reopening));
    replay.until(17, 20, &served(0, Door::Closed, Level::CustomersFirst));
    replay.until(17, 25, &well());
    replay.shot("watched");
    replay.until(18, 5, &well());
    replay.shot("over");
    replay.publish_report();
    replay.played
}

/// Somebody before the gate is attacked, three times: nothing comes in or goes out, and an outpost elsewhere tells of it.
pub(super) fn provider() -> Played {
    let mut replay = Replay::begin(0, 16, 0, Duration::ZERO);
    let reached = Sight { outside: Outside::Reached, ..well() };
    for (day, (hour, minute), minutes) in [(0, (16, 10), 21), (6, (9, 2), 38), (7, (16, 30), 22)] {
        replay.moment = at(day, hour, minute - 2);
        replay.see(120, &reached);
        let dead = Sight { outside: Outside::Unreached { since: replay.moment.wall }, ..Sight::default() };
        replay.see(30 * minutes, &dead);
        if day == 7 {
            let body = "Our operations provider is the target of an attack and is filtering the traffic. None of it is aimed at us or at you.";
            replay
                .act(Act::Update {
                    incident: None,
                    stage: Some(Stage::Identified),
                    body: body.into(),
                    reason: None,
                })
                .expect("a person may");
            replay.note("One of two carriers filters only when somebody asks: we called them.");
            replay.shot("dead");
        }
        replay.see(30 * minutes, &dead);
        replay.see(1_800, &reached);
    }
    replay.see(1_800, &reached);
    replay.publish_report();
    replay.played
}

struct Replay {
    engine: Engine,
    moment: Moment,
    /// Time of customers, and of visitors who had been here before.
    spent: [UserTime; 2],
    played: Played,
}

impl Replay {
    fn begin(day: u64, hour: u64, minute: u64, first_notice: Duration) -> Self {
        let component = |name: &str, groups: &[&str], watches| ComponentSetting {
            name: name.into(),
            groups: groups.iter().map(|&group| group.into()).collect(),
            description: String::new(),
            watches,
        };
        let components = vec![
            component("Web Application (HTTPS)", &["App"], Watches::Site),
            component("Login", &["App"], Watches::Login),
            component("Phone support", &[], Watches::Nothing),
        ];
        let settings = Settings { audience_figures: true, ..Settings::new(components, first_notice) };
        let engine = Engine::new(settings);
        // The page has watched for two months.
        let mut moment = at(day, hour, minute);
        moment.wall = moment.wall.before(Duration::from_secs(60 * 86_400));
        let mut replay = Self {
            engine,
            moment,
            spent: Default::default(),
            played: Played { shots: vec![], drafts: vec![], at: moment.wall },
        };
        replay.see(60, &well());
        replay.moment = at(day, hour, minute + 1);
        replay.see(60, &well());
        replay
    }

    fn see(&mut self, seconds: u64, sight: &Sight) {
        for _ in 0..seconds {
            self.moment.now = self.moment.now + Duration::from_secs(1);
            self.moment.wall = self.moment.wall + Duration::from_secs(1);
            self.spend(sight);
            let load = Some(came(sight));
            self.engine.see(&Sight { spent: self.spent, load, ..*sight }, self.moment);
        }
    }

    /// A hundred of each audience are there, as long as anybody can be; who meets a closed door is not served.
    fn spend(&mut self, sight: &Sight) {
        if sight.known.all == 0 {
            return;
        }
        let is_new = self.moment.wall.as_secs().is_multiple_of(300);
        for (spent, counts) in self.spent.iter_mut().zip([sight.known, sight.new]) {
            let bad = (100 * counts.bad).checked_div(counts.all).unwrap_or(100);
            spent.up += 1_000 * (100 - bad);
            spent.down += 1_000 * bad;
            (spent.there, spent.came) =
                (spent.there + u64::from(is_new) * 100, spent.came + u64::from(is_new) * 10);
        }
    }

    fn until(&mut self, hour: u64, minute: u64, sight: &Sight) {
        let seconds = at(0, hour, minute).wall.since(self.moment.wall).as_secs();
        self.see(seconds, sight);
    }

    fn act(&mut self, act: Act) -> Result<(), ActError> {
        self.engine.act(act, None, "uid 1000", self.moment).map(drop)
    }

    fn note(&mut self, text: &str) {
        self.act(Act::Note { incident: None, text: text.to_owned() }).expect("an incident goes on");
    }

    fn shot(&mut self, name: &'static str) {
        let at = self.moment.wall;
        self.played.shots.push(Shot { name, view: self.engine.view(at), at });
    }

    /// People answer what is left to them in the draft, here with a word each, and publish it under every incident that it is about.
    fn publish_report(&mut self) {
        let now = self.moment.wall;
        let ids: Vec<PublicId> = self.engine.view(now).incidents.iter().map(|incident| incident.id).collect();
        let draft = |readers| self.engine.draft(&ids, readers, now).expect("they are known");
        let public = draft(Readers::Public);
        let lines = public.text.lines().filter(|line| !line.contains("take this line out"));
        let body: Vec<String> = lines
            .map(|line| match line.split_once("**TODO** ") {
                Some((before, question)) => format!("{before}{question} — Answered."),
                None => line.replace("TODO", "…").replace("- [ ]", "- [x]"),
            })
            .collect();
        self.played.drafts =
            vec![("report-public", public), ("report-colleagues", draft(Readers::Colleagues))];
        for id in ids {
            self.act(Act::Report { incident: id, body: body.join("\n") }).expect("it is over");
        }
        self.shot("reported");
        self.played.at = now;
    }
}

impl Played {
    fn shot(&self, name: &str) -> &Shot {
        self.shots.iter().find(|shot| shot.name == name).expect("there is such a moment")
    }

    /// The page of the newest incident.
    fn newest(&self) -> String {
        let shot = self.shots.last().expect("it was played");
        format!("i/{}.html", shot.view.incidents[0].id)
    }

    fn read(&self, name: &str, path: &str) -> String {
        let Shot { view, at, .. } = self.shot(name);
        read(&text(&render(view, &samples::page(), *at), path))
    }

    /// All files of all moments, with the drafts of the report.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let bundles = self.shots.iter().flat_map(|shot| {
            let bundle = render(&shot.view, &samples::page(), shot.at);
            let files =
                bundle.files().map(|(path, file)| (format!("{}/{path}", shot.name), file.bytes.clone()));
            files.collect::<Vec<_>>()
        });
        let drafts = self.drafts.iter().map(|(name, draft)| (format!("{name}.html"), report(draft, self.at)));
        bundles.chain(drafts).collect()
    }
}

/// What is read of a page: its words, a line for each thing that stands alone.
fn read(page: &str) -> String {
    let (_, rest) = page.split_once("<main").expect("a page has content");
    let (_, rest) = rest.split_once('>').expect("a tag ends");
    let (main, _) = rest.split_once("</main>").expect("content ends");
    let (mut words, mut rest) = (String::new(), main);
    while let Some((before, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        words.push_str(&before.replace('\n', ""));
        let breaks =
            ["/h", "/p", "/li", "/div", "/tr", "br", "/summary", "/dd", "summary", "/dt", "/td", "/th"];
        words.push_str(match breaks.iter().any(|begin| tag.starts_with(begin)) {
            true if tag == "/dt" || tag == "/td" || tag == "/th" => " | ",
            true => "\n",
            false => "",
        });
        rest = if tag.starts_with("svg") {
            after.split_once("</svg>").expect("a picture ends").1
        } else {
            after
        };
    }
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let plain = lines.collect::<Vec<_>>().join("\n");
    [("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .iter()
        .fold(plain, |plain, (escaped, letter)| plain.replace(escaped, letter))
}

fn at(day: u64, hour: u64, minute: u64) -> Moment {
    // 28 Nov 2026.
    let seconds = day * 86_400 + hour * 3_600 + minute * 60;
    Moment { now: Instant::from_secs(1_000 + seconds), wall: Timestamp::from_secs(1_795_824_000 + seconds) }
}

/// What came from everybody: a hundred requests a second in calm, and twenty times as many in an attack, of which a closed door turns
/// away nearly all.
fn came(sight: &Sight) -> Load {
    let served = sight.known.all + sight.new.all;
    if sight.cause != Some(Cause::Attack) {
        return Load { offered: served, ..Load::default() };
    }
    let refused = match sight.level {
        Level::Calm | Level::Filtering => 0,
        Level::Limiting | Level::Challenging => 700,
        Level::CustomersFirst => 1_950,
        Level::Reopening => 1_200,
    };
    Load {
        offered: 2_000,
        refused: [700.min(refused), refused.saturating_sub(700), 0, 0],
        rules: 1,
        is_asking: refused > 700,
    }
}

fn well() -> Sight {
    let served = Counts { all: 50, bad: 0 };
    Sight { known: served, new: served, login: Counts { all: 1, bad: 0 }, ..Sight::default() }
}
