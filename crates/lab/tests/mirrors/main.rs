//! Copies of the status page on machines elsewhere: an ssh server, and a store that speaks S3.

mod small_disk;
mod world;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::clock::{Stopwatch, wait_for};
use lab::{Peer, need};

use crate::world::{Machine, SOON, Store, World, said};

#[test]
fn an_incident_is_on_mirrors_of_three_kinds_within_ten_seconds_and_each_can_be_checked() {
    let (machine, store) = (need!(Machine::start()), need!(Store::start()));
    need!(lab::Gate::binary());
    let key = machine.host_key();
    let tables =
        [machine.table("rsync", "one", &key), machine.table("sftp", "two", &key), store.table()].concat();
    let world = World::start(&tables);
    world.tell("Nobody answers the phone");
    let watch = Stopwatch::start();
    for folder in ["one", "two"] {
        let shown = wait_for(WITHIN, || shows(&machine.at(folder), "Nobody answers the phone"));
        assert!(shown.is_some(), "{folder}: {}\n{}", world.gate.log(), machine.log());
    }
    let fetched = wait_for(WITHIN, || {
        let folder = store.fetch()?;
        shows(folder.path(), "Nobody answers the phone").map(|()| folder)
    });
    let fetched = fetched.unwrap_or_else(|| panic!("the store: {}", world.gate.log()));
    assert!(watch.elapsed() <= WITHIN, "{:?}", watch.elapsed());
    let index =
        |folder: &str| wait_for(SOON, || shows_in(&machine.at(folder), "index.html", "Nobody answers"));
    assert!(index("one").is_some() && index("two").is_some(), "{}", world.gate.log());
    for folder in [&machine.at("one"), &machine.at("two"), fetched.path()] {
        let good = wait_for(SOON, || Some(world.verify(folder)).filter(|(is_good, _)| *is_good));
        assert!(good.is_some(), "{}: {:?}", folder.display(), world.verify(folder));
    }
    // A program that copies may still have to end, with the file that it has just put there.
    let said = wait_for(SOON, || {
        let (_, status) = world.gate.control(&["status"]).ok()?;
        (status.matches(": the newest is there").count() == 3).then_some(())
    });
    assert!(said.is_some(), "{:?}", world.gate.control(&["status"]));
}

#[test]
fn a_mirror_that_was_away_catches_up_and_holds_up_no_other() {
    let (mut machine, other) = (need!(Machine::start()), need!(Machine::start()));
    need!(lab::Gate::binary());
    let tables =
        [machine.table("sftp", "one", &machine.host_key()), other.table("rsync", "two", &other.host_key())];
    let world = World::start(&tables.concat());
    assert!(wait_for(SOON, || shows(&machine.at("one"), "operational")).is_some(), "{}", world.gate.log());
    machine.switch_off();
    world.tell("Nobody answers the phone");
    assert!(wait_for(WITHIN, || shows(&other.at("two"), "Nobody answers")).is_some(), "{}", world.gate.log());
    assert!(shows(&machine.at("one"), "Nobody answers").is_none());
    let told = wait_for(SOON, || {
        let (_, status) = world.gate.control(&["status"]).ok()?;
        status.contains("nothing listens there for ssh").then_some(())
    });
    assert!(told.is_some(), "{:?}", world.gate.control(&["status"]));
    let metrics = world.gate.metrics().expect("it runs");
    let lag =
        metrics.lines().find(|line| line.starts_with("portcullis_publish_lag_seconds{target=\"sftp://"));
    assert!(lag.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    machine.switch_on();
    let caught_up = wait_for(Duration::from_secs(70), || shows(&machine.at("one"), "Nobody answers"));
    assert!(caught_up.is_some(), "{}\n{}", world.gate.log(), machine.log());
}

#[test]
fn a_machine_that_shows_another_key_gets_nothing() {
    let machine = need!(Machine::start());
    need!(lab::Gate::binary());
    let tables = ["rsync", "sftp"].map(|scheme| machine.table(scheme, scheme, &machine.other_key()));
    let world = World::start(&tables.concat());
    let told = wait_for(SOON, || {
        let (_, status) = world.gate.control(&["status"]).ok()?;
        (status.matches("the mirror shows another key than `host_key`").count() == 2).then_some(())
    });
    assert!(told.is_some(), "{:?}", world.gate.control(&["status"]));
    for scheme in ["rsync", "sftp"] {
        assert_eq!(fs::read_dir(machine.at(scheme)).expect("it is there").count(), 0);
    }
}

#[test]
fn a_machine_that_takes_connections_and_says_nothing_is_given_up_and_holds_up_no_other() {
    let machine = need!(Machine::start());
    need!(lab::Gate::binary());
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    let key = machine.host_key();
    let (good, address) = (machine.table("rsync", "good", &key), silent.local_addr().expect("it has one"));
    let hangs =
        machine.table("sftp", "hangs", &key).replace(&machine.address().to_string(), &address.to_string());
    let world = World::start(&[hangs, good].concat());
    world.tell("Nobody answers the phone");
    let shown = wait_for(WITHIN, || shows(&machine.at("good"), "Nobody answers the phone"));
    assert!(shown.is_some(), "{}", world.gate.log());
    let told = wait_for(SOON, || {
        let (_, status) = world.gate.control(&["status"]).ok()?;
        status.contains("the mirror does not answer").then_some(())
    });
    assert!(told.is_some(), "{:?}", world.gate.control(&["status"]));
}

#[test]
fn what_was_put_there_is_removed_when_it_ends_and_nothing_else() {
    let machine = need!(Machine::start());
    need!(lab::Gate::binary());
    let key = machine.host_key();
    let tables = [machine.table("rsync", "rsync", &key), machine.table("sftp", "sftp", &key)].concat();
    let mut world = World::start(&tables);
    for folder in ["rsync", "sftp"] {
        let is_there = || shows_in(&machine.at(folder), "index.html", "Phone");
        assert!(wait_for(SOON, is_there).is_some(), "{}", world.gate.log());
        fs::write(machine.at(folder).join("robots.txt"), "mine").expect("there is room");
    }
    let before: Vec<_> = ["rsync", "sftp"].map(|folder| pages_of_components(&machine.at(folder))).concat();
    assert!(!before.is_empty() && before.iter().all(|page| page.is_file()), "{before:?}");
    // A component with another name is another component.
    let config = world.gate.config().expect("it was written");
    world
        .gate
        .write_config(&config.replace("name = \"Phone\"", "name = \"Telephone\""))
        .expect("there is room");
    world.gate.cut_and_restart().expect("it starts again");
    for folder in ["rsync", "sftp"] {
        assert!(wait_for(SOON, || shows(&machine.at(folder), "Telephone")).is_some(), "{}", world.gate.log());
    }
    let gone = wait_for(SOON, || before.iter().all(|page| !page.exists()).then_some(()));
    assert!(gone.is_some(), "{before:?}: {}", world.gate.log());
    for folder in ["rsync", "sftp"] {
        assert_eq!(fs::read(machine.at(folder).join("robots.txt")).expect("it stays"), b"mine");
    }
}

#[test]
fn a_copy_that_was_changed_is_found_and_openssl_agrees_about_one_that_was_not() {
    let machine = need!(Machine::start());
    need!(lab::Gate::binary());
    let openssl = need!(Peer::find("openssl"));
    let world = World::start(&machine.table("rsync", "one", &machine.host_key()));
    let folder = machine.at("one");
    assert!(
        wait_for(SOON, || folder.join("index.html").is_file().then_some(())).is_some(),
        "{}",
        world.gate.log()
    );
    let (is_good, said) = world.verify(&folder);
    assert!(is_good && said.starts_with("the copy is good: "), "{said}");
    // RFC 8410, section 4: the same twelve bytes stand before every key of Ed25519.
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA{}\n-----END PUBLIC KEY-----\n", world.key());
    fs::write(folder.join("key.pem"), pem).expect("there is room");
    let run = |arguments: &[&str]| said_in(&folder, openssl.command().args(arguments));
    run(&["base64", "-d", "-in", "manifest.json.sig", "-out", "signature"]);
    let words =
        ["-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "manifest.json", "-sigfile", "signature"];
    assert!(run(&[&["pkeyutl"], &words[..]].concat()).contains("Verified Successfully"));

    // The gate may be about to bring another page, which makes good what was changed.
    let found = wait_for(SOON, || {
        let index = fs::read_to_string(folder.join("index.html")).expect("it is there");
        fs::write(folder.join("index.html"), index.replace("Phone", "Gone!")).expect("there is room");
        let (is_good, said) = world.verify(&folder);
        (!is_good && said.contains("index.html is not as it was published")).then_some(())
    });
    assert!(found.is_some(), "{:?}", world.verify(&folder));
    let other = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let (is_good, said) = world.status(&["verify", &folder.display().to_string(), "--key", other]);
    assert!(!is_good && said.contains("is not signed with this key"), "{said}");
    let words = ["verify", &folder.display().to_string(), "--key", &world.key(), "--after", "99999999999999"];
    let (is_good, said) = world.status(&words);
    assert!(!is_good && said.contains("the mirror shows an old page again"), "{said}");
}

#[test]
fn a_key_that_was_renewed_is_followed_by_whoever_has_the_old_one() {
    let machine = need!(Machine::start());
    need!(lab::Gate::binary());
    let mut world = World::start(&machine.table("sftp", "one", &machine.host_key()));
    let (folder, old) = (machine.at("one"), world.key());
    let (is_renewed, new) = world.status(&["key", "--renew"]);
    assert!(is_renewed && !new.starts_with(&old), "{new}");
    world.gate.cut_and_restart().expect("it starts again");
    let followed = wait_for(SOON, || {
        let (is_good, said) = world.status(&["verify", &folder.display().to_string(), "--key", &old]);
        (is_good && said.contains(&format!("check with --key {} from now on", world.key()))).then_some(())
    });
    assert!(followed.is_some(), "{}", world.gate.log());
    let (is_good, said) = world.verify(&folder);
    assert!(is_good && !said.contains("from now on"), "{said}");
}

fn said_in(folder: &Path, command: &mut Command) -> String {
    said(command.current_dir(folder))
}

fn shows(folder: &Path, words: &str) -> Option<()> {
    shows_in(folder, "status.txt", words)
}

fn shows_in(folder: &Path, file: &str, words: &str) -> Option<()> {
    fs::read_to_string(folder.join(file)).ok()?.contains(words).then_some(())
}

fn pages_of_components(folder: &Path) -> Vec<std::path::PathBuf> {
    let all = fs::read_dir(folder.join("c")).into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(|path| path.extension().is_some_and(|ending| ending == "html")).collect()
}

/// Detection to two mirrors (design, "Bars").
const WITHIN: Duration = Duration::from_secs(10);
