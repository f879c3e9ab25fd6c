//! The Nu Html Checker reads every kind of page, and what a page loads comes from nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

use lab::clock::wait_for;
use lab::{Browser, HtmlChecker, need, web};
use serde_json::Value;

use crate::readers::{TITLE, awkward};
use crate::{SOON, World};

#[test]
fn the_checker_finds_nothing_in_any_page_badge_or_report() {
    need!(lab::Gate::binary());
    let checker = need!(HtmlChecker::find());
    let calm = World::start("30m");
    calm.until("All systems operational");
    let world = awkward();
    let report = ["incident", "draft", "--html"];
    fs::write(
        world.gate.folder().join("report.html"),
        world.gate.tell(&report).expect("a report is drafted"),
    )
    .expect("there is room");
    let mut files = vec![world.gate.folder().join("report.html")];
    for (world, said, links) in [(&calm, "operational", "href=\"c/"), (&world, TITLE, "href=\"i/")] {
        let read = |name: &str| fs::read_to_string(world.export.path().join(name)).ok();
        // The text comes first, and the page that links to all others last.
        let is_whole = || read("index.html").is_some_and(|index| index.contains(links));
        let is_there = || read("status.txt").filter(|text| text.contains(said) && is_whole());
        assert!(wait_for(SOON, is_there).is_some(), "{}", world.gate.log());
        files.extend(pages(world.export.path()));
    }
    for kind in ["index.html", "history.html", "404.html", "badge.svg", "favicon.svg"] {
        assert_eq!(files.iter().filter(|file| file.ends_with(kind)).count(), 2, "{kind}: {files:?}");
    }
    let of = |folder: &str| {
        files.iter().filter(|file| file.parent().is_some_and(|place| place.ends_with(folder))).count()
    };
    assert!(of("i") >= 1 && of("c") >= 6, "{files:?}");
    assert_eq!(checker.findings(&files), "");
}

/// What the tests of `status` found their samples to be: everything that can stand on a page, with a style of their own for short.
#[test]
fn the_checker_finds_nothing_in_the_pages_that_tests_have_looked_at() {
    let checker = need!(HtmlChecker::find());
    let mut pages = Vec::new();
    for folder in ["crates/status/src/tests/snapshots", "crates/status/src/report/snapshots"] {
        for entry in fs::read_dir(lab::checkout().join(folder)).expect("it is committed").flatten() {
            let text = fs::read_to_string(entry.path()).expect("it is text");
            if let Some(at) = text.find("<!DOCTYPE html>") {
                let name = format!("{}.html", entry.file_name().display());
                pages.push((
                    name,
                    text[at..].replace("<style>[style]</style>", "").replace("[hash]", SOME_HASH),
                ));
            }
        }
    }
    assert!(pages.len() >= 7, "{pages:?}");
    assert_eq!(checker.findings_in(pages.iter().map(|(name, page)| (name.as_str(), page.as_str()))), "");
}

/// Nothing but the icon of the page itself; whoever embeds something of others has to change the policy, and this.
#[test]
fn a_page_loads_nothing_from_anybody_else_and_is_not_allowed_to() {
    need!(lab::Gate::binary());
    let browser = need!(Browser::start("Mozilla/5.0 (somebody who is watched)"));
    let world = awkward();
    let base = format!("http://{}", world.page);
    let home = web::get(world.page, "/", &[]).expect("it is served");
    let incident = home.body.split("href=\"i/").nth(1).and_then(|rest| rest.split('"').next());
    for path in ["/", "/history.html", "/there-is-nothing", &format!("/i/{}", incident.unwrap_or_default())] {
        let policy = web::get(world.page, path, &[]).expect("it is served");
        let policy = policy.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        browser.open(&format!("{base}{path}"));
        let loaded = browser.run("return performance.getEntriesByType('resource').map((one) => one.name)");
        let loaded = loaded.as_array().expect("a list");
        // The page for unknown addresses can be shown at any depth, so it names its icon by the whole address.
        let own = [format!("{base}/"), "https://status.shop.example/".to_owned()];
        let is_own =
            |name: &Value| name.as_str().is_some_and(|name| own.iter().any(|own| name.starts_with(own)));
        assert!(loaded.iter().all(is_own), "{path}: {loaded:?}");
        let reached = browser.resolve("fetch('https://elsewhere.localhost/').then(() => 'reached')");
        assert!(reached.as_str().is_some_and(|text| text.contains("TypeError")), "{path}: {reached}");
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let checker = need!(HtmlChecker::find());
    let found = checker.findings_in([("bad.html", "<!doctype html><p id=a><div id=a></p><img src=x>")]);
    for what in ["Duplicate ID", "No “p” element in scope", "must have an “alt” attribute", "lang", "title"]
    {
        assert!(found.contains(what), "{what}: {found}");
    }
}

/// As long as one.
const SOME_HASH: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// All files of a folder, and of those in it, that are pages or pictures; the newest page lies there itself, older ones in `b`.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be read").flatten().map(|entry| entry.path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "html" || ending == "svg");
    let inner = folders.iter().filter(|folder| !folder.ends_with("b")).flat_map(|folder| pages(folder));
    files.into_iter().filter(is_page).chain(inner).collect()
}
