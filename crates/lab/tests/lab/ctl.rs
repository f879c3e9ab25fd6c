//! What an admin asks of a running gate, through its binary, and what then happens to clients.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use lab::clock::wait_for;
use lab::origin::{Origin, plain};

use lab::{Gate, Running, free_address, need, web};

/// An app that signs in whoever asks for `/in/NAME` and otherwise answers with the head that it saw.
fn app() -> Origin {
    let answer = |head: &str| match head.strip_prefix("GET /in/").and_then(|rest| rest.split(' ').next()) {
        Some(name) => plain("200 OK", &format!("Portcullis-Login: {name}\r\n"), "welcome"),
        None => plain("200 OK", "", head),
    };
    Origin::start(answer).expect("loopback has a port")
}

fn gate(app: &Origin) -> Gate {
    let config = Gate::CONFIG.replace("{origin}", &app.url());
    Gate::start(&config.replace("[state]", "confirms_logins = true\n[state]")).expect("the gate starts")
}

/// Signs somebody in and returns the header with the pass.
fn sign_in(gate: &Gate, name: &str) -> String {
    let answer = web::get(gate.listen(), &format!("/in/{name}"), &[]).expect("the gate answers");
    let (_, after) = answer.head.split_once("portcullis=").expect("a pass is given");
    format!("Cookie: portcullis={}", after.split([';', '\r']).next().unwrap_or_default())
}

/// What the app is told about the client that sends this header.
fn tier(gate: &Gate, pass: &str) -> String {
    let answer = web::get(gate.listen(), "/", &[pass]).expect("the gate answers");
    let head = answer.body.to_ascii_lowercase();
    head.lines()
        .find_map(|line| line.strip_prefix("portcullis-tier: ").map(str::to_owned))
        .unwrap_or_default()
}

/// The log says this soon: a thread of its own writes it.
fn assert_logged(gate: &Gate, text: &str) {
    let said = wait_for(SOON, || gate.log().contains(text).then_some(()));
    assert!(said.is_some(), "{}", gate.log());
}

/// The text behind a key of a JSON line.
fn value<'a>(json: &'a str, key: &str) -> &'a str {
    let (_, after) = json.split_once(&format!(r#""{key}":""#)).unwrap_or_default();
    after.split('"').next().unwrap_or_default()
}

#[test]
fn known_clients_are_listed_exported_revoked_and_forgotten() {
    need!(Gate::binary());
    let app = app();
    let mut gate = gate(&app);
    let (ann, bo) = (sign_in(&gate, "ann"), sign_in(&gate, "bo"));
    assert_eq!((tier(&gate, &ann).as_str(), tier(&gate, &bo).as_str()), ("t2", "t2"), "{}", gate.log());
    // The journal writes in batches; the list shows networks as soon as it has.
    let list = || {
        gate.control(&["clients", "list"]).ok().filter(|(_, text)| text.matches("127.0.0.0/24").count() == 2)
    };
    let (_, text) = wait_for(SOON, list).expect("both are listed with their network");
    assert!(text.starts_with("2 known clients"), "{text}");
    let first = gate.tell(&["clients", "list", "--limit", "1", "--json"]).expect("a page is shown");
    let (_, second) = gate.control(&["clients", "list", "--after", value(&first, "pass")]).expect("it runs");
    assert!(second.contains("pass:") && !second.contains(value(&first, "pass")), "{first}\n{second}");

    let file = gate.folder().join("clients.jsonl");
    gate.tell(&["clients", "export", &file.display().to_string()]).expect("they are exported");
    let export = fs::read_to_string(&file).expect("the file is there");
    assert_eq!((export.lines().count(), mode(&file)), (2, 0o600));
    assert!(!export.contains("ann"), "an account's name is in {export}");

    let (_, why) = gate.control(&["why", "--account", "ann"]).expect("it runs");
    assert!(why.contains("known, on one device") && why.contains("signed in"), "{why}");
    gate.tell(&["clients", "revoke", "ann"]).expect("her passes are taken back");
    gate.tell(&["clients", "forget", "bo"]).expect("he is forgotten");
    let gone = |gate: &Gate| [tier(gate, &ann), tier(gate, &bo)];
    assert_eq!(gone(&gate), ["t5", "t5"]);
    let (_, why) = gate.control(&["why", "--account", "bo"]).expect("it runs");
    assert!(why.contains("not known") && !why.contains("signed in"), "{why}");
    let (_, none) = gate.control(&["clients", "list"]).expect("it runs");
    assert!(none.starts_with("0 known clients"), "{none}");

    gate.cut_and_restart().expect("it starts again");
    assert_eq!(gone(&gate), ["t5", "t5"], "a restart gives nothing back\n{}", gate.log());
    let again = sign_in(&gate, "ann");
    assert_eq!(tier(&gate, &again), "t2");
}

#[test]
fn an_import_makes_hints_and_nobody_known() {
    need!(Gate::binary());
    let app = app();
    let gate = gate(&app);
    let file = gate.folder().join("addresses");
    let office = (1..=8).map(|host| format!("192.0.2.{host} 5 0\n"));
    let others = "198.51.100.1 20 0\n198.51.100.2 1 5\n";
    fs::write(&file, office.chain([others.to_owned()]).collect::<String>()).expect("the folder is writable");
    let said = gate.tell(&["clients", "import", &file.display().to_string()]).expect("they are taken");
    assert!(said.starts_with("8 of 10 addresses"), "{said}");
    let why = |address| gate.control(&["why", "--address", address]).expect("it runs").1;
    assert!(why("192.0.2.200").contains("customers were seen there"), "{}", why("192.0.2.200"));
    assert!(why("198.51.100.1").contains("no customer was seen there"), "{}", why("198.51.100.1"));
    let (_, list) = gate.control(&["clients", "list"]).expect("it runs");
    assert!(list.starts_with("0 known clients"), "{list}");
}

#[test]
fn what_an_admin_switched_and_listed_outlives_a_restart() {
    need!(Gate::binary());
    let app = app();
    let mut gate = gate(&app);
    for words in
        [&["deny", "192.0.2.0/24"][..], &["allow", "198.51.100.0/24", "--minutes", "60"], &["enforce", "20%"]]
    {
        gate.tell(words).expect("it is done");
    }
    gate.tell(&["deny", "203.0.113.0/24"]).expect("it is done");
    gate.tell(&["deny", "203.0.113.0/24", "--remove"]).expect("it is undone");
    gate.tell(&["bypass", "on"]).expect("it is done");
    // The journal writes within a moment.
    lab::clock::pause(Duration::from_millis(500));
    gate.cut_and_restart().expect("it starts again");
    let (deny, allow) = (gate.tell(&["deny"]), gate.tell(&["allow"]));
    let (deny, allow) = (deny.expect("it is shown"), allow.expect("it is shown"));
    assert!(deny.trim().ends_with("\n192.0.2.0/24  until it is taken off"), "{deny}");
    assert!(allow.contains("\n198.51.100.0/24  until 20") && allow.contains(" min "), "{allow}");
    let status = gate.tell(&["status"]).expect("it is shown");
    assert!(status.contains("BYPASS IS ON"), "{status}");
    assert_logged(&gate, "in force from before the start: enforce 20");
}

#[test]
fn lists_take_times_and_say_what_they_do_not_hold() {
    need!(Gate::binary());
    let app = app();
    let gate = gate(&app);
    let said = gate.tell(&["deny", "192.0.2.0/24", "--for", "2h"]).expect("it is done");
    assert!(said.starts_with("192.0.2.0/24 is on the deny list until 20"), "{said}");
    let said = gate.tell(&["allow", "192.0.2.7"]).expect("it is done");
    assert!(said.contains("192.0.2.0/24 is on the deny list too"), "{said}");
    let json = gate.tell(&["deny", "--json"]).expect("it is shown");
    assert!(json.contains(r#""network":"192.0.2.0/24""#) && json.contains(r#""seconds_left":7"#), "{json}");
    for (words, why) in [
        (&["deny", "192.0.2.7", "--remove"][..], "it lies within 192.0.2.0/24"),
        (&["allow", "198.51.100.0/24", "--remove"], "`ctl allow` shows what is"),
        (&["deny", "192.0.2.7/24"], "write `192.0.2.0/24`"),
        (&["deny", "192.0.2.0/24", "--for", "1w"], "30m, 2h or 7d"),
        (&["deny", "--for", "1h"], "say which network"),
    ] {
        let (is_done, said) = gate.control(words).expect("it runs");
        assert!(!is_done && said.contains(why), "{words:?}: {said}");
    }
}

#[test]
fn the_level_is_told_with_its_reasons_and_a_pin_with_its_end() {
    need!(Gate::binary());
    let app = app();
    let gate = gate(&app);
    let calm = || gate.tell(&["level"]).ok().filter(|text| text.starts_with("level calm since 20"));
    let calm = wait_for(SOON, calm).expect("it is calm");
    assert!(calm.contains("\npins      none"), "{calm}");
    gate.tell(&["level", "pin", "customers-first", "--for", "10m"]).expect("it is pinned");
    let (_, at_once) = gate.control(&["level"]).expect("it runs");
    assert!(at_once.contains("\npins      at least customers-first until 20"), "{at_once}");
    let is_there = || {
        let (_, text) = gate.control(&["level"]).ok()?;
        (text.starts_with("level customers-first since 20") && text.contains("an admin holds it up"))
            .then_some(text)
    };
    let text = wait_for(SOON, is_there).expect("the pin takes effect");
    assert!(text.contains("unknown visitors 0 %"), "{text}");
    let of_ctl = gate.tell(&["level", "--json"]).expect("it is shown");
    let of_console = shown(&gate, "level");
    for json in [&of_ctl, &of_console] {
        assert!(json.contains(r#""floor":{"level":"customers-first","seconds_left":5"#), "{json}");
        assert!(json.contains(r#""number":4"#), "{json}");
    }
    let said = gate.tell(&["level", "unpin"]).expect("it is unpinned");
    assert!(said.contains("it was pinned at least customers-first"), "{said}");
    let (_, at_once) = gate.control(&["level"]).expect("it runs");
    assert!(at_once.contains("\npins      none"), "{at_once}");
    let mode = gate.tell(&["mode", "observe"]).expect("it is set");
    assert!(mode.contains("begins with auto"), "{mode}");
}

#[test]
fn a_rule_that_is_not_there_is_neither_shown_nor_dropped() {
    need!(Gate::binary());
    let app = app();
    let gate = gate(&app);
    let none = gate.tell(&["rules"]).expect("they are shown");
    assert_eq!(none.trim(), "no rules are in force");
    for act in ["show", "drop"] {
        let (is_done, said) = gate.control(&["rules", act, "3"]).expect("it runs");
        assert!(!is_done && said.contains("there is no rule 3; no rules are in force now"), "{said}");
    }
    let user = rustix::process::geteuid().as_raw();
    assert_logged(&gate, &format!("user {user}: rules drop 3"));
    let (is_done, said) = gate.control(&["rules", "drop", "all"]).expect("it runs");
    assert!(!is_done && said.contains("a rule has a number"), "{said}");
    assert!(shown(&gate, "rules").contains(r#""data":{"ended":[],"rules":[]}"#));
    let lost = gate.metrics().expect("the console answers");
    assert!(lost.contains("\nportcullis_recording_steps_lost_total 0\n"), "{lost}");
}

#[test]
fn a_link_leads_to_the_gate_itself() {
    need!(Gate::binary());
    let app = app();
    let config = Gate::CONFIG.replace("{origin}", &app.url());
    let config = config.replace("[[site]]", "[[site]]\nhosts = [\"127.0.0.1\"]");
    let gate = Gate::start(&config).expect("the gate starts");
    let said = gate.tell(&["clients", "link", "ann", "--for", "1h"]).expect("a link is made");
    assert!(said.contains("it is good for 1 h"), "{said}");
    let link = said.lines().next().unwrap_or_default();
    let (address, path) = link.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect(link);
    let address: SocketAddr = address.parse().expect("with a port");
    let answer = web::get(address, &format!("/{path}"), &[]).expect("the gate answers");
    assert!(answer.status == 200 && answer.body.contains("<button>"), "{answer:?}");
}

#[test]
fn a_link_that_went_to_the_wrong_mailbox_is_taken_back_for_good() {
    need!(Gate::binary());
    let app = app();
    let mut gate = gate(&app);
    let made = gate.tell(&["clients", "link", "ann", "--json"]).expect("a link is made");
    let (link, pass) = (value(&made, "link"), value(&made, "pass"));
    let page = |gate: &Gate| web::get(gate.listen(), link, &[]).expect("the gate answers").status;
    assert_eq!(page(&gate), 200, "{made}");
    let said = gate.tell(&["clients", "revoke", pass]).expect("it is taken back");
    assert!(said.contains("not accepted any more"), "{said}");
    assert_eq!(page(&gate), 410);
    // The journal writes within a moment.
    lab::clock::pause(Duration::from_millis(500));
    gate.cut_and_restart().expect("it starts again");
    assert_eq!(page(&gate), 410, "a restart gives nothing back\n{}", gate.log());
}

#[test]
fn a_command_that_cannot_be_meant_ends_with_2_as_wrong_arguments_do() {
    let binary = need!(Gate::binary());
    let folder = tempfile::tempdir().expect("there is room");
    let code = |words: &[&str]| {
        let output = Command::new(&binary).arg("ctl").args(words).arg("--state").arg(folder.path()).output();
        output.expect("it runs").status.code()
    };
    for words in [
        &["level", "pin"][..],
        &["level", "pin", "customers-first", "--ceiling", "calm"],
        &["deny", "--for", "1h"],
        &["clients", "link", "ann", "--for", "2d"],
        &["level", "pin", "wild"],
    ] {
        assert_eq!(code(words), Some(2), "{words:?}");
    }
    // This one can be meant, but no gate is there to do it.
    assert_eq!(code(&["deny", "192.0.2.0/24"]), Some(1));
}

#[test]
fn the_console_does_what_ctl_does_for_whoever_has_the_token() {
    need!(Gate::binary());
    let app = app();
    let gate = gate(&app);
    gate.tell(&["status"]).expect("the console is up");
    let path = gate.folder().join("state/console.token");
    let token = fs::read_to_string(&path).expect("the token is there");
    assert_eq!(mode(&path), 0o600);
    let bypass = r#"{"command":"bypass","on":true}"#;
    let refused = post(gate.console(), "", bypass);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let done = post(gate.console(), &format!("Authorization: Bearer {}\r\n", token.trim()), bypass);
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("bypass is on"), "{done}");
    let (_, status) = gate.control(&["status"]).expect("it runs");
    assert!(status.contains("BYPASS IS ON"), "{status}");
    assert_logged(&gate, "the console: bypass on");
    gate.tell(&["bypass", "off"]).expect("it is switched off");
    let user = rustix::process::geteuid().as_raw();
    assert_logged(&gate, &format!("user {user}: bypass off"));
}

#[test]
fn a_signal_that_comes_while_the_gate_starts_stops_it_in_good_order() {
    need!(Gate::binary());
    let app = app();
    for _ in 0..3 {
        let mut gate = gate(&app);
        // The data listener has just answered; journal, console and the rest may still be on their way.
        let status = gate.process().stop().expect("it ends within its time");
        assert!(status.success(), "{status}\n{}", gate.log());
    }
}

#[test]
fn protect_learns_from_a_log_and_knows_no_calm_when_an_attack_is_running() {
    need!(Gate::binary());
    let app = app();
    let folder = tempfile::tempdir().expect("there is room");
    let log = folder.path().join("access.log");
    let line = |host| {
        format!(
            "192.0.2.{host} - - [01/May/2026:10:00:00 +0000] \"POST /enter HTTP/1.1\" 302 1 \"-\" \"Mozilla/5.0\"\n"
        )
    };
    fs::write(&log, (1..=40).map(line).collect::<String>()).expect("there is room");
    let (listen, console) = (free_address(), free_address());
    let state = folder.path().join("state");
    let binary = Gate::binary().expect("it was needed");
    let mut command = Command::new(&binary);
    command.args(["protect", &app.url(), "--login", "/enter", "--now", "--no-status", "--learn"]).arg(&log);
    command.args(["--listen", &listen.to_string(), "--console", &console.to_string(), "--state"]).arg(&state);
    let ready = || web::get(console, "/healthz", &[]).is_ok_and(|answer| answer.status == 200);
    let mut running = Running::start_and_wait(&mut command, &folder.path().join("log"), READY_WITHIN, ready)
        .expect("it starts");
    let is_learnt = || running.log().contains("40 of 40 customers' addresses").then_some(());
    assert!(wait_for(SOON, is_learnt).is_some(), "{}", running.log());
    let ctl = |words: &[&str]| {
        let output = Command::new(&binary).arg("ctl").args(words).arg("--state").arg(&state).output();
        String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
    };
    let is_limiting = || ctl(&["level"]).contains("limiting").then_some(());
    assert!(wait_for(SOON, is_limiting).is_some(), "{}\n{}", ctl(&["level"]), running.log());
    let why = ctl(&["why", "--address", "192.0.2.99"]);
    // Half of the 40 people (decision-science, section 4).
    assert!(why.contains("count 20 times") || why.contains("count 19 times"), "{why}");
    assert!(running.stop().is_some_and(|status| status.success()), "{}", running.log());
}

fn post(address: SocketAddr, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the console listens");
    stream.set_read_timeout(Some(READY_WITHIN)).expect("a socket has a timeout");
    let length = body.len();
    write!(
        stream,
        "POST /api/v1/ctl HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}Connection: close\r\n\r\n{body}"
    )
    .expect("the console reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the console answers");
    answer
}

/// What a page of the console's API shows.
fn shown(gate: &Gate, page: &str) -> String {
    let token = fs::read_to_string(gate.folder().join("state/console.token")).expect("the token is there");
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let answer = web::get(gate.console(), &format!("/api/v1/{page}"), &[&bearer]).expect("it answers");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

const SOON: Duration = Duration::from_secs(5);
const READY_WITHIN: Duration = Duration::from_secs(20);
