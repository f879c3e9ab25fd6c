//! The waiting ticket gets a person in without JavaScript. Each has a gate of its own: an address waits once at a time.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::clock::{Stopwatch, pause, wait_for};
use lab::{Browser, Peer, need};

use crate::world::{NO_SCRIPT_RAN, OPEN, World};

/// What the first page promises; the number of seconds follows.
const PROMISE: &str = "asks again by itself in about ";

/// The shortest wait (contracts: 10 to 30 s) and one second more, so that the ticket is due.
const SECONDS: std::ops::RangeInclusive<u64> = 11..=31;

/// How much later than it was told a browser may be in.
const SLOWNESS: Duration = Duration::from_secs(5);

#[test]
fn in_chromium_without_javascript_a_stranger_waits_as_told_and_gets_in() {
    let world = need!(World::closed());
    let person = need!(Browser::start_without_scripts("Mozilla/5.0 (scripts are off)"));
    let begun = Stopwatch::start();
    person.open(&world.address("/tickets?day=1"));
    let told = Duration::from_secs(told_seconds(&person.page()));
    let page = wait_for(told + SLOWNESS, || Some(person.page()).filter(|page| page.contains(OPEN)));
    let page =
        page.unwrap_or_else(|| panic!("not in after {told:?}: {}\n{}", person.page(), world.gate.log()));
    let took = begun.elapsed();
    assert!(took + Duration::from_secs(1) >= told, "in after {took:?}, told {told:?}");
    println!("Chromium: told {} s, in after {:.1} s", told.as_secs(), took.as_secs_f64());
    assert!(page.contains(NO_SCRIPT_RAN), "scripts run in this browser: {page}");
    // The ticket is good for more than one page.
    person.open(&world.address("/seats"));
    assert!(person.page().contains(OPEN), "{}", person.page());
}

#[test]
fn in_lynx_a_stranger_waits_as_told_and_gets_in_by_asking_again() {
    let (world, lynx) = (need!(World::closed()), need!(Peer::find("lynx")));
    let folder = tempfile::tempdir().expect("there is room");
    let took = check_asking_again(&world, || lynx_command(&lynx, folder.path()));
    println!("lynx: {took}");
}

#[test]
fn with_curl_a_stranger_waits_as_told_and_gets_in_by_asking_again() {
    let (world, curl) = (need!(World::closed()), need!(Peer::find("curl")));
    let folder = tempfile::tempdir().expect("there is room");
    let jar = folder.path().join("jar");
    let took = check_asking_again(&world, || {
        let mut command = curl.command();
        command.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
        command.args(["--header", "Accept: text/html", "--cookie"]).arg(&jar).arg("--cookie-jar").arg(&jar);
        command
    });
    println!("curl: {took}");
}

/// Loads the page, waits as it says, and loads it again; says how long that took.
fn check_asking_again(world: &World, command: impl Fn() -> Command) -> String {
    let ask = |path: &str| {
        let output = command().arg(world.address(path)).output().expect("an installed program starts");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let begun = Stopwatch::start();
    let told = told_seconds(&ask("/tickets"));
    // Who is impatient keeps the place, and is told what is left of the wait.
    pause(Duration::from_secs(3));
    let left = told_seconds_left(&ask("/tickets"));
    assert!(left < told, "told {told} s, and three seconds later {left} s");
    pause(Duration::from_secs(told).saturating_sub(begun.elapsed()));
    let page = ask("/tickets");
    assert!(page.contains(OPEN), "told {told} s: {page}\n{}", world.gate.log());
    let took = begun.elapsed().as_secs_f64();
    let page = ask("/seats");
    assert!(page.contains(OPEN), "the ticket was good for one page: {page}\n{}", world.gate.log());
    format!("told {told} s, in after {took:.1} s")
}

/// The seconds on the first page that a stranger sees.
fn told_seconds(page: &str) -> u64 {
    let told = told_seconds_left(page);
    assert!(SECONDS.contains(&told), "told {told} s: {page}");
    assert!(words(page).contains("sign in"), "a customer is not told where to sign in: {page}");
    told
}

fn told_seconds_left(page: &str) -> u64 {
    let words = words(page);
    let told = words.split_once(PROMISE).and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    told.unwrap_or_else(|| panic!("no word of when to ask again: {page}"))
}

/// Text browsers break lines where they like.
fn words(page: &str) -> String {
    page.replace("<strong>", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// lynx that prints the page as text and keeps cookies in a folder, as it does within a session by itself; it knows no settings of
/// whoever runs the tests.
fn lynx_command(lynx: &Peer, folder: &Path) -> Command {
    let (settings, jar) = (folder.join("lynx.cfg"), folder.join("cookies"));
    fs::write(&settings, "PERSISTENT_COOKIES:TRUE\n").expect("there is room");
    let mut command = lynx.command();
    command.arg(format!("-cfg={}", settings.display())).args(["-dump", "-accept_all_cookies"]);
    command.arg(format!("-cookie_file={}", jar.display()));
    command.arg(format!("-cookie_save_file={}", jar.display()));
    command.env("HOME", folder).env("no_proxy", "*").env_remove("http_proxy");
    command
}
