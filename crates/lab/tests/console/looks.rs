//! Every kind of page in every look: axe-core finds nothing, and nobody must scroll sideways.

use std::path::Path;

use lab::{Gate, Judge, need};
use serde_json::json;

use crate::world::World;

#[test]
fn axe_finds_nothing_on_any_page_of_the_console() {
    need!(Gate::binary());
    let (judge, world) = (need!(Judge::start()), World::start("30m"));
    let browser = &judge.browser;
    let folder = std::env::var_os("PORTCULLIS_PICTURES");
    let look = |name: &str| looked(&judge, folder.as_deref().map(Path::new), name);
    browser.open(&world.address("/desk/"));
    look("log-in");
    world.log_in(browser, "wrong");
    world.says(browser, "This is not the token");
    look("log-in-refused");
    world.log_in(browser, &world.token());
    world.says(browser, "What stands now");
    look("calm");
    world.fail(true);
    world.until_waiting(browser);
    look("waiting");
    browser.press("button[value=publish]");
    world.says(browser, "It is on the status page.");
    look("published");
    let id = world.incident();
    browser.open(&world.address(&format!("/desk/i/{id}")));
    browser.write("#note", "The database host has no room left.");
    browser.press("button[value=note]");
    world.says(browser, "It is in the record.");
    look("incident");
    browser.write("#text", "We have found the cause: a disk is full. Orders that you have placed are safe.\n\nThe next news come within half an hour.");
    browser.press("button[value=preview]");
    world.says(browser, "What the public will read");
    look("preview");
    let words = ["incident", "update", "--text", "We are looking at the database.", "--stage", "identified"];
    world.gate.tell(&words).expect("a colleague is faster");
    browser.press("button[value=publish]");
    world.says(browser, "Somebody was faster");
    look("faster");
    world.resolve();
    for (path, name) in [("open", "open"), ("components", "components"), ("maintenance", "maintenance")] {
        browser.open(&world.address(&format!("/desk/{path}")));
        look(name);
    }
    browser.open(&world.address(&format!("/desk/i/{id}/report")));
    look("report");
    browser.press("button[value=preview]");
    world.says(browser, "cannot be published while a TODO is left");
    look("report-unfinished");
    browser.press("button[value=edit]");
    world.says(browser, "Keep the draft");
    browser.write("#text", "## Summary\n\n- A disk was full, and 14 minutes passed before it was seen.\n\n## What we change\n\nWe are told when a disk is nearly full.");
    browser.press("button[value=preview]");
    world.says(browser, "What the public will read");
    look("report-preview");
    browser.press("button[value=publish]");
    world.says(browser, "It is on the status page.");
    browser.open(&world.address("/desk/"));
    look("over");
}

/// Examines the page that is shown in every look; pictures of it go to a folder where somebody wants them.
fn looked(judge: &Judge, folder: Option<&Path>, name: &str) {
    for (width, dark) in Judge::LOOKS {
        judge.browser.look(width, dark);
        let found = judge.findings();
        let wide = judge.browser.run("return document.documentElement.scrollWidth").as_u64();
        if let Some(folder) = folder {
            let shot = json!({ "captureBeyondViewport": true, "format": "png" });
            let shot = judge.browser.devtools("Page.captureScreenshot", &shot);
            let mode = if dark { "dark" } else { "light" };
            let text = shot["data"].as_str().expect("a picture");
            std::fs::write(folder.join(format!("{name}-{width}-{mode}.png.base64")), text)
                .expect("there is room");
        }
        assert!(found.is_empty(), "{name}, {width} px, dark: {dark}: {found:#?}");
        assert!(wide.is_some_and(|wide| wide <= width.into()), "{name}: {wide:?} px of {width}");
    }
}
