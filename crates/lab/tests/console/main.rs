//! The console's pages in a browser without JavaScript, with the keyboard alone: a notice that waits is published, a report is written.

mod looks;
mod world;

use lab::{Browser, Gate, need, web};
use world::{World, post};

const BROWSER: &str = "Mozilla/5.0 (a colleague)";

#[test]
fn a_notice_that_waits_and_a_report_are_published_from_the_pages_without_a_script() {
    need!(Gate::binary());
    let browser = need!(Browser::start_without_scripts(BROWSER));
    let world = World::start("30m");
    world.log_in(&browser, "wrong");
    world.says(&browser, "This is not the token");
    world.log_in(&browser, &world.token());
    world.says(&browser, "What stands now");
    world.fail(true);
    world.until_waiting(&browser);
    assert!(browser.page().contains("It is published in 17"), "of 1,800 seconds: {}", browser.page());
    assert!(!world.public("/status.txt").contains("Disruption"), "nobody was told yet");
    browser.press("button[value=publish]");
    world.says(&browser, "It is on the status page.");
    assert!(world.public("/status.txt").contains("Disruption of Website"));

    let id = world.incident();
    browser.open(&world.address(&format!("/desk/i/{id}")));
    browser.write("#text", "We have found <b>the cause</b> & mend it.");
    browser.press("button[value=preview]");
    world.says(&browser, "What the public will read");
    let (_, shown) = browser
        .page()
        .split_once("class=\"public\"")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("it is shown");
    let (shown, _) = shown.split_once("</section>\n<form").expect("it ends");
    assert!(!world.public(&format!("/i/{id}")).contains("mend it"), "a look publishes nothing");
    browser.press("button[value=publish]");
    world.says(&browser, "It is on the status page.");
    let page = world.public(&format!("/i/{id}"));
    let said = "We have found &lt;b&gt;the cause&lt;/b&gt; &amp; mend it.";
    assert!(page.contains(said) && shown.contains(said), "the look was what it became: {shown}");

    world.resolve();
    browser.open(&world.address(&format!("/desk/i/{id}/report")));
    world.says(&browser, "lines are left to people");
    browser.press("button[value=keep]");
    world.says(&browser, "The draft is kept.");
    browser.press("button[value=preview]");
    world.says(&browser, "cannot be published while a TODO is left");
    browser.press("button[value=edit]");
    world.says(&browser, "Keep the draft");
    browser.write("#text", "## Summary\n\n- A disk was full.");
    browser.press("button[value=preview]");
    world.says(&browser, "What the public will read");
    browser.press("button[value=publish]");
    world.says(&browser, "It is on the status page.");
    let page = world.public(&format!("/i/{id}"));
    assert!(page.contains("<h3 dir=\"auto\">Summary</h3>") && page.contains("A disk was full."), "{page}");
    browser.press("form[action='/desk/log-out'] button");
    world.says(&browser, "It lasts eight hours");
    browser.open(&world.address("/desk/"));
    world.says(&browser, "It lasts eight hours");
}

#[test]
fn a_session_outlives_a_takeover_and_who_was_slower_sees_both_texts() {
    need!(Gate::binary());
    let mut world = World::start("0s");
    world.fail(true);
    world.until_told();
    let (cookie, form) = world.session();
    let id = world.incident();
    let page = world.read(&format!("/desk/i/{id}"), &cookie);
    // The first is that of the button that logs out.
    let seen = page.rsplit("name=\"seen\" value=\"").next().and_then(|rest| rest.split('"').next());
    let seen = seen.unwrap_or_else(|| panic!("{page}")).to_owned();
    let send = |world: &World, text: &str| {
        let body = format!("form={form}&seen={seen}&do=publish&stage=&text={text}");
        post(&world.gate, &format!("/desk/i/{id}"), &cookie, &body)
    };
    assert!(world.gate.hand_over(), "{}", world.gate.log());
    let first = send(&world, "The+first+words.");
    assert_eq!(first.status, 303, "{}", first.body);
    let second = send(&world, "The+second+words.");
    assert_eq!(second.status, 409, "{}", second.body);
    assert!(
        second.body.contains("The first words.") && second.body.contains("The second words."),
        "{}",
        second.body
    );
    assert!(!world.public("/status.txt").contains("second"));
    let without = post(&world.gate, &format!("/desk/i/{id}"), &cookie, "seen=1&do=publish&stage=&text=x");
    assert_eq!(without.status, 403, "{}", without.body);
    let nobody = web::get(world.gate.console(), "/desk/", &[]).expect("it answers");
    assert_eq!(nobody.status, 401);
}

#[test]
fn a_running_journal_is_checked_and_copied_and_nothing_is_written_over() {
    need!(Gate::binary());
    let world = World::start("0s");
    world.fail(true);
    world.until_told();
    let checked = world.gate.tell(&["journal", "check"]).expect("it is whole");
    assert!(
        checked.contains("the journal is whole") && checked.contains("follow from one another"),
        "{checked}"
    );
    let copy = world.gate.folder().join("copy.db");
    let words = ["journal", "backup", copy.to_str().expect("it is text")];
    let said = world.gate.tell(&words).expect("it is copied");
    assert!(said.contains("only you can read it") && copy.is_file(), "{said}");
    let (done, again) = world.gate.control(&words).expect("it runs");
    assert!(!done && again.contains("nothing is written over"), "{again}");
}
