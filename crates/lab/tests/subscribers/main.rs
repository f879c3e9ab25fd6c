//! Subscribers of a running gate's page: asked, confirmed, told and gone by a real client and a real mail server; also when that refuses,
//! the gate is killed in the middle, or another process takes over.

mod world;

use std::process::Output;
use std::sync::atomic::Ordering::Relaxed;

use lab::clock::{Stopwatch, wait_for};
use lab::mail::MailServer;
use lab::{Gate, Peer, need, web};
use serde_json::Value;

use world::{SOON, World, first_mail};

/// A client that fills forms in: status and page.
struct Curl(Peer);

impl Curl {
    fn ask(&self, world: &World, path: &str, fields: &[&str]) -> (u16, String) {
        let mut command = self.0.command();
        command.args(["-s", "-w", "\n%{http_code}"]);
        for field in fields {
            command.args(["--data-urlencode", field]);
        }
        let Output { stdout, .. } =
            command.arg(format!("http://{}{path}", world.page)).output().expect("it runs");
        let text = String::from_utf8_lossy(&stdout).into_owned();
        let (page, status) = text.rsplit_once('\n').unwrap_or_default();
        (status.parse().unwrap_or_default(), page.to_owned())
    }
}

/// The path of the first link of the page's own server that has this word.
fn link(text: &str, word: &str) -> String {
    let links = text.split("https://status.shop.example").skip(1);
    let paths = links.map(|rest| rest.split(['>', '"', '\r', '\n', ' ']).next().unwrap_or_default());
    let path = paths.into_iter().find(|path| path.contains(word));
    path.unwrap_or_else(|| panic!("no link with {word}: {text}")).to_owned()
}

fn heading(page: &str) -> &str {
    page.split_once("<h1>").and_then(|(_, rest)| rest.split("</h1>").next()).unwrap_or_default()
}

#[test]
fn a_reader_asks_confirms_is_told_once_and_leaves_with_one_click() {
    need!(Gate::binary());
    let (python, curl) = (need!(Peer::alerts()), Curl(need!(Peer::find("curl"))));
    let mail = MailServer::start(&python).expect("it comes up");
    let world = World::start(&mail, 50, "");
    let (status, form) = curl.ask(&world, "/subscribe", &[]);
    assert!(status == 200 && form.contains("action=\"https://status.shop.example/subscribe\""), "{form}");
    let (_, after) = form.split_once("> Phone support").map_or(("", ""), |(before, _)| ("", before));
    let phone = after.rsplit("value=\"").next().and_then(|rest| rest.split('"').next()).unwrap_or_default();
    assert_eq!(phone.len(), 12, "{form}");

    let asked = curl.ask(&world, "/subscribe", &["address=ann@shop.example", &format!("c={phone}")]);
    assert_eq!((asked.0, heading(&asked.1)), (200, "Look into your mail"));
    let again = curl.ask(&world, "/subscribe", &["address=ann@shop.example"]);
    assert_eq!((again.0, heading(&again.1)), (asked.0, heading(&asked.1)), "nobody can tell");
    let wrong = curl.ask(&world, "/subscribe", &["address=ann@shop.example\r\nBcc: bob@shop.example"]);
    assert_eq!(wrong.0, 400);
    let invitation = first_mail(&mail, "ann@shop.example", "Confirm");
    assert_eq!(
        (&invitation["headers"]["auto-submitted"], &invitation["is_tls"]),
        (&"auto-generated".into(), &true.into())
    );
    let confirm = link(invitation["text"].as_str().unwrap_or_default(), "/subscribe/confirm");

    // Whoever looks into mails for danger follows links; that is no consent.
    let (status, page) = curl.ask(&world, &confirm, &[]);
    assert!(status == 200 && page.contains("method=\"post\""), "{page}");
    assert_eq!(world.figures().1, 0);
    let altered = confirm.replace("?t=", "?t=A");
    assert_eq!(curl.ask(&world, &altered, &["x=y"]).0, 404);
    let (status, page) = curl.ask(&world, &confirm, &["x=y"]);
    assert_eq!((status, heading(&page)), (200, "Confirmed"));
    assert_eq!(world.figures().1, 1);
    let (_, list) = world.gate.control(&["subscriber", "list"]).expect("it runs");
    assert!(list.contains("a…@shop.example") && list.contains("Phone support"), "{list}");
    assert!(!list.contains("ann@"), "{list}");

    // Bob hears of everything, and shows when a round is over.
    world.gate.tell(&["subscriber", "add", "bob@shop.example", "--consented"]).expect("there is room");
    world.open("The site is slow", "Website");
    first_mail(&mail, "bob@shop.example", "The site is slow");
    world.open("Nobody answers the phone", "Phone support");
    let first = first_mail(&mail, "ann@shop.example", "Nobody answers the phone");
    headers(&first);
    world.say("Our carrier works on it.");
    let second = first_mail(&mail, "ann@shop.example", "Our carrier works on it.");
    assert_eq!(second["headers"]["references"], first["headers"]["references"], "one thread");
    assert_ne!(second["headers"]["message-id"], first["headers"]["message-id"]);

    let leave = link(first["headers"]["list-unsubscribe"].as_str().unwrap_or_default(), "/unsubscribe");
    let (status, page) = curl.ask(&world, &leave, &[]);
    assert!(status == 200 && heading(&page) == "No more mail?", "{page}");
    assert_eq!(world.figures().1, 2, "a look ends nothing");
    let (status, page) = curl.ask(&world, &leave, &["List-Unsubscribe=One-Click"]);
    assert_eq!((status, heading(&page)), (200, "No more mail"));
    world.say("All is well again.");
    first_mail(&mail, "bob@shop.example", "All is well again.");
    world.until_nothing_waits(SOON);
    assert_eq!(mail.mails_to("ann@shop.example").len(), 3, "{:#?}", mail.mails_to("ann@shop.example"));
    assert_eq!(mail.mails_to("bob@shop.example").len(), 4, "everything, once");
    nothing_is_left(&world, "ann@shop.example");
}

/// What the standards ask of mail that programs send to many.
fn headers(mail: &Value) {
    let header = |name: &str| mail["headers"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(header("auto-submitted"), "auto-generated");
    assert_eq!(header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    assert!(header("list-unsubscribe").starts_with("<https://status.shop.example/unsubscribe?t="));
    assert_eq!(header("subject"), "[Example Shop] Investigating: Nobody answers the phone");
    assert!(header("from").ends_with("<status@shop.example>"), "{mail}");
    assert!(header("references").contains("@shop.example>"), "{mail}");
    let text = mail["text"].as_str().unwrap_or_default();
    assert!(text.contains("We look into it.") && text.contains("Phone support: "), "{text}");
    assert!(mail["html"].as_str().unwrap_or_default().contains("We look into it."), "{mail}");
}

/// Neither in the journal with its log nor in what the gate said.
fn nothing_is_left(world: &World, address: &str) {
    let state = world.gate.folder().join("state");
    for file in ["journal.db", "journal.db-wal"] {
        let bytes = std::fs::read(state.join(file)).unwrap_or_default();
        let is_there = bytes.windows(address.len()).any(|part| part == address.as_bytes());
        assert!(!is_there, "{address} is in {file}");
    }
    assert!(!world.gate.log().contains(address), "{}", world.gate.log());
}

#[test]
fn one_who_is_busy_gets_it_later_and_one_who_is_gone_is_erased() {
    need!(Gate::binary());
    let mail = MailServer::start(&need!(Peer::alerts())).expect("it comes up");
    let world = World::start(&mail, 50, "");
    for address in ["later@shop.example", "never@shop.example", "bob@shop.example"] {
        world.gate.tell(&["subscriber", "add", address, "--consented"]).expect("there is room");
    }
    world.open("The site is slow", "Website");
    first_mail(&mail, "later@shop.example", "The site is slow");
    for text in ["We look deeper.", "We found it."] {
        world.say(text);
        first_mail(&mail, "bob@shop.example", text);
        first_mail(&mail, "later@shop.example", text);
    }
    let erased = wait_for(SOON, || (world.figures().1 == 2).then_some(()));
    assert!(erased.is_some(), "{:?} {:#?}", world.figures(), mail.lines());
    world.say("All is well again.");
    first_mail(&mail, "bob@shop.example", "All is well again.");
    let tries = mail.lines().iter().filter(|line| line["never"].is_string()).count();
    assert_eq!(tries, 3, "three updates, each tried once: {:#?}", mail.lines());
    nothing_is_left(&world, "never@shop.example");
}

#[test]
fn a_queue_outlives_kill_9_and_a_takeover_and_nobody_is_left_out() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let mut mail = MailServer::start(&python).expect("it comes up");
    let mut world = World::start(&mail, 100, "");
    world.with_people(600);
    world.open("The site is slow", "Website");
    let until = |mail: &MailServer, count: usize| {
        wait_for(SOON, || (mail.counts("slow").len() >= count).then_some(()))
            .unwrap_or_else(|| panic!("{} mails", mail.counts("slow").len()));
    };
    for count in [60, 120, 180] {
        until(&mail, count);
        world.gate.cut_and_restart().expect("it starts again");
    }
    until(&mail, 240);
    assert!(world.gate.hand_over(), "{}", world.gate.log());
    until(&mail, 300);
    // The mail server goes too, and comes back.
    mail.switch_on(&python).expect("it comes up");
    world.until_nothing_waits(SOON);
    let counts = mail.counts("slow");
    assert_eq!(counts.len(), 600, "everybody heard");
    let twice = counts.values().map(|count| count - 1).sum::<usize>();
    println!("mails that came twice after three times kill -9 and a mail server that was killed: {twice}");
    // One was on its way each time at most, and what comes again has the same name.
    assert!(twice <= 4, "{:?}", counts.iter().filter(|(_, count)| **count > 1).collect::<Vec<_>>());
    let lines = mail.lines();
    let mut names: Vec<String> = lines.iter().map(|line| line["headers"]["message-id"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 600);
    let connections = lines.iter().filter_map(|line| line["connections"].as_u64()).max();
    assert!(connections.is_some_and(|count| count < 30), "one connection for many mails: {connections:?}");
}

#[test]
fn an_alert_goes_before_ten_thousand_subscribers() {
    need!(Gate::binary());
    let mail = MailServer::start(&need!(Peer::alerts())).expect("it comes up");
    let ops = format!(
        "[[notify]]\nname = \"ops\"\nkind = \"mail\"\n{}from = \"gate@shop.example\"\nto = [\"ops@shop.example\"]\n",
        mail.keys()
    );
    let mut world = World::start(&mail, 100, &ops);
    world.with_people(10_000);
    let watch = Stopwatch::start();
    world.fails.store(true, Relaxed);
    let first = wait_for(SOON, || {
        (0..5).for_each(|_| drop(web::get(world.gate.listen(), "/", &[])));
        mail.lines().iter().any(|line| line["to"][0] != "ops@shop.example").then_some(watch.elapsed())
    });
    let first = first.unwrap_or_else(|| panic!("{}", world.gate.log()));
    let lines = mail.lines();
    assert_eq!(lines[0]["to"][0], "ops@shop.example", "{:#?}", &lines[..2.min(lines.len())]);
    println!(
        "{first:?} from the first failure to the first of 10,000 subscribers, the admins' alert before it"
    );

    let queued = world.figures().0;
    assert!(queued > 5_000, "{queued}");
    let watch = Stopwatch::start();
    world.gate.tell(&["alerts", "test"]).expect("there is somebody");
    first_mail(&mail, "ops@shop.example", "Test of alerts");
    let (left, people) = world.figures();
    println!("{:?} for another alert while {left} mails wait", watch.elapsed());
    assert!(left > 1_000 && people == 10_000, "the alert did not wait for them: {left}");
    let page = web::get(world.page, "/status.txt", &[]).expect("the page is served");
    assert!(page.body.contains("Disruption of Website"), "{}", page.body);
    let connections = lines.iter().filter_map(|line| line["connections"].as_u64()).max();
    println!("connections of the mail server for the first {} mails: {connections:?}", lines.len());
    let log = world.gate.log();
    assert!(!log.contains("reader-"), "{log}");
}
