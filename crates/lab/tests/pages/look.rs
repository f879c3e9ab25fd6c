//! Every page of the gate, in light and dark, wide and narrow: axe-core finds nothing, and nobody must scroll sideways.

use std::fs;

use lab::clock::wait_for;
use lab::origin::Origin;
use lab::{HtmlChecker, Judge, checkout, need};

use crate::SOON;
use crate::world::{NO_SCRIPT_RAN, OPEN, World, html};

/// All pages about requests, each as the tests of `edge-io` found it.
const PAGES: &str =
    "crates/edge-io/src/page/snapshots/edge_io__page__tests__every_page_says_what_is_true_of_its_reason.snap";

/// What the contract allows, in bytes.
const PAGE_BYTES_MAX: usize = 10 * 1024;

/// With everything that is wrong here axe-core has a rule for it.
const BAD: &str = "<!doctype html><html><body><p style=\"color:#ccc;background:#fff\">Hardly to be read</p><img src=\"data:,\"><a href=\"/\"></a></body></html>";

/// Every page about a request.
fn pages() -> Vec<String> {
    let snapshot = fs::read_to_string(checkout().join(PAGES)).expect("it is committed");
    let pages: Vec<String> =
        snapshot.split("<!doctype html>").skip(1).map(|page| format!("<!doctype html>{page}")).collect();
    assert!(pages.len() >= 12, "only {} pages", pages.len());
    pages
}

#[test]
fn the_html_checker_finds_nothing_on_any_page_about_a_request() {
    let checker = need!(HtmlChecker::find());
    let pages = pages();
    let names: Vec<String> = (0..pages.len()).map(|number| format!("{number}.html")).collect();
    assert_eq!(
        checker.findings_in(names.iter().map(String::as_str).zip(pages.iter().map(String::as_str))),
        ""
    );
}

#[test]
fn axe_finds_nothing_on_any_page_about_a_request() {
    let judge = need!(Judge::start());
    let pages = pages();
    let (count, bad) = (pages.len(), pages.len());
    let origin = Origin::start(move |head| {
        let number: Option<usize> = head.split(['/', ' ']).nth(2).and_then(|number| number.parse().ok());
        html("200 OK", number.and_then(|number| pages.get(number)).map_or(BAD, String::as_str))
    })
    .expect("loopback has a port");
    println!("{count} pages, each in {} looks", Judge::LOOKS.len());
    for number in 0..count {
        judge.check(&format!("{}/{number}", origin.url()), PAGE_BYTES_MAX);
    }
    judge.browser.open(&format!("{}/{bad}", origin.url()));
    let found = judge.findings();
    for rule in ["color-contrast", "image-alt", "link-name", "html-has-lang", "document-title"] {
        assert!(found.iter().any(|finding| finding.starts_with(rule)), "{rule} in {found:#?}");
    }
}

#[test]
fn axe_finds_nothing_on_the_pages_of_a_running_gate_and_the_button_of_a_link_lets_in() {
    let (world, judge) = (need!(World::closed()), need!(Judge::start()));
    judge.browser.open(&world.address("/"));
    assert!(judge.says("asks again by itself"), "{}", judge.browser.page());
    judge.check(&world.address("/"), PAGE_BYTES_MAX);
    // On a slow machine the wait is over by now; then the page of the shop was examined in some of the looks.
    judge.browser.open(&world.address("/"));
    if !judge.says("asks again by itself") {
        judge.browser.run("document.body.innerHTML = '<a href=\"/login\">in</a>'");
    }
    judge.browser.run("document.querySelector('a[href=\"/login\"]').click()");
    assert!(soon_says(&judge, OPEN), "strangers reach the login: {}", judge.browser.page());

    let said = world.gate.tell(&["clients", "link", "ann"]).expect("an admin may");
    let path = said.split_whitespace().find_map(|word| word.find("/.well-known/").map(|at| &word[at..]));
    let link = world.address(path.unwrap_or_else(|| panic!("no link: {said}")));
    let (kept, end) = link.split_at(link.len() - 4);
    let other = if end.starts_with('x') { 'y' } else { 'x' };
    judge.check(&format!("{kept}{other}{}", &end[1..]), PAGE_BYTES_MAX);
    assert!(judge.says("not complete"), "{}", judge.browser.page());
    judge.check(&link, PAGE_BYTES_MAX);
    judge.browser.run("document.querySelector('button').click()");
    assert!(soon_says(&judge, OPEN), "{}\n{}", judge.browser.page(), world.gate.log());
    assert!(!judge.says(NO_SCRIPT_RAN), "the shop's pages do not show whether scripts run");
    judge.check(&link, PAGE_BYTES_MAX);
    assert!(judge.says("used already"), "{}", judge.browser.page());

    world.gate.tell(&["deny", "127.0.0.0/8"]).expect("an admin may");
    judge.check(&world.address("/"), PAGE_BYTES_MAX);
    assert!(judge.says("not let in from here"), "{}", judge.browser.page());
}

fn soon_says(judge: &Judge, text: &str) -> bool {
    wait_for(SOON, || judge.says(text).then_some(())).is_some()
}
