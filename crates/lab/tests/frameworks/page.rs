//! A page with everything that browsers fetch in ways of their own: all of it loads for a customer when only customers
//! are served.

use lab::clock::wait_for;
use lab::{Browser, Gate, Peer, need, web};

use crate::app::{App, Framework};
use crate::{LOGIN, SOON};

/// What the page says of itself when all of it is there.
const COMPLETE: &str = "font ok, module ok, worker ok, news ok";

/// Whether a browser sends the shop's cookies with each part, and where it asks.
const PARTS: [(&str, &str, bool); 7] = [
    ("shop.localhost", "/shop", true),
    ("files.localhost", "/files/square.ttf", false),
    ("files.localhost", "/files/module.js", false),
    ("files.localhost", "/files/part.js", false),
    ("shop.localhost", "/files/shop.webmanifest", false),
    ("shop.localhost", "/worker.js", true),
    ("shop.localhost", "/news", true),
];

#[test]
fn a_whole_page_loads_in_chromium_for_a_customer_when_only_customers_are_served() {
    need!(Gate::binary());
    need!(Peer::find("chromium"));
    let app = need!(App::start(Framework::Express));
    let gate = app.gate(LOGIN);
    let shop = format!("http://shop.localhost:{}", gate.listen().port());
    let customer = need!(Browser::start("Mozilla/5.0 (a customer's browser)"));
    sign_in(&customer, &shop, &gate);
    check_whole_page(&customer, &shop, &app, &gate);
    gate.tell(&["level", "pin", "customers-first"]).expect("an admin may");
    check_stranger(&shop, &app, &gate);
    check_whole_page(&customer, &shop, &app, &gate);
}

fn sign_in(browser: &Browser, shop: &str, gate: &Gate) {
    browser.open(&format!("{shop}/login"));
    browser.run(
        "const form = document.forms[0];
         form.username.value = 'ann'; form.password.value = 'correct horse'; form.submit();",
    );
    let signed_in =
        wait_for(SOON, || (browser.run("return document.body.textContent") == "hello ann").then_some(()));
    assert!(signed_in.is_some(), "nobody is signed in\n{}", gate.log());
    let known = wait_for(SOON, || {
        browser.open(&format!("{shop}/account"));
        browser.has_cookie("portcullis").then_some(())
    });
    assert!(known.is_some(), "no pass is given\n{}", gate.log());
}

/// The page reports its parts, and the app got each of them from a known client, without cookies where browsers send none.
fn check_whole_page(browser: &Browser, shop: &str, app: &App, gate: &Gate) {
    let before = app.requests().len();
    browser.open(&format!("{shop}/shop"));
    let report = || {
        let report = browser.run("return document.getElementById('report')?.textContent");
        (report != "loading").then_some(report)
    };
    let report = wait_for(SOON, report).expect("each part gives up after 8 s");
    assert_eq!(report, COMPLETE, "{}", gate.log());
    let manifest = browser.devtools("Page.getAppManifest", &serde_json::json!({}));
    assert_eq!(manifest["errors"], serde_json::json!([]), "{manifest:#}");
    assert!(manifest["data"].as_str().is_some_and(|text| text.contains("Shop")), "{manifest:#}");
    // The app logs the stream of news when it ends.
    browser.open("about:blank");
    for (host, path, cookies) in PARTS {
        let is_there = || {
            app.requests()[before..].iter().any(|request| {
                request["host"] == host
                    && request["path"] == path
                    && request["cookies"] == cookies
                    && request["tier"] == "t2"
            })
        };
        let seen = wait_for(SOON, || is_there().then_some(()));
        assert!(seen.is_some(), "{host}{path}: {:#?}", &app.requests()[before..]);
    }
}

/// A browser without a pass, at the same address. It comes when strangers are not served any more: before that the app would send
/// it to sign in, and who is about to sign in gets what a page needs.
fn check_stranger(shop: &str, app: &App, gate: &Gate) {
    let refuses = || web::get(gate.listen(), "/", &[]).is_ok_and(|answer| answer.status == 503);
    let closed = wait_for(SOON, || refuses().then_some(()));
    assert!(closed.is_some(), "strangers are still served\n{}", gate.log());
    let stranger = Browser::start("Mozilla/5.0 (a stranger's browser)").expect("the customer's was there");
    let closed = wait_for(SOON, || {
        stranger.open(&format!("{shop}/shop"));
        stranger
            .run("return performance.getEntriesByType('navigation')[0].responseStatus == 503")
            .as_bool()
            .filter(|&is_closed| is_closed)
    });
    assert!(closed.is_some(), "strangers are still served\n{}", gate.log());
    let before = app.requests().len();
    for (_, path, _) in PARTS {
        let status = stranger.resolve(&format!("fetch('{path}').then((answer) => answer.status)"));
        assert_eq!(status, 503, "{path}\n{}", gate.log());
    }
    let files = shop.replace("shop.", "files.");
    let loaded = stranger.resolve(&format!(
        "new FontFace('Square', 'url({files}/files/square.ttf)').load().then(() => 'loaded')"
    ));
    assert_ne!(loaded, "loaded", "{}", gate.log());
    assert_eq!(app.requests().len(), before, "a stranger reached the app: {:#?}", &app.requests()[before..]);
}
