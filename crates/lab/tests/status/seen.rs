//! Pages that the tests of `status` make, of samples and of both incidents that the project exists for: examined as readers get them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab::clock::wait_for;
use lab::{HtmlChecker, Judge, need};
use serde_json::json;

use crate::SOON;
use crate::readers::{awkward, output};

/// The pages in a folder of their own, which lasts as long as this.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    // What runs the tests is there, and has built nothing else meanwhile.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--quiet", "--offline", "-p", "status", "--lib", "pages_can_be_looked_at"]);
    command.current_dir(lab::checkout()).env("WRITE_PAGES", folder.path());
    output(&mut command);
    folder
}

/// Pages of a kind below a folder, in the order of their names.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut pages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "html"));
    pages.sort();
    pages
}

/// Every kind of page once, and every moment of the replays.
fn kinds(folder: &Path) -> Vec<PathBuf> {
    let mut kinds = pages(&folder.join("forms"));
    for sample in ["worked-on", "figures", "bands", "charts", "nested", "nasty"] {
        kinds.push(folder.join(sample).join("index.html"));
    }
    for sample in ["worked-on/i", "figures/i", "bands/i", "charts/i", "nasty/i"] {
        kinds.extend(pages(&folder.join(sample)));
    }
    kinds.extend(pages(&folder.join("charts/c")).into_iter().take(1));
    for moment in ["down", "restarted", "customers", "watched", "over", "reported"] {
        let moment = folder.join("flood").join(moment);
        kinds.extend([moment.join("index.html"), moment.join("history.html")]);
        kinds.extend(pages(&moment.join("i")));
    }
    for moment in ["dead", "reported"] {
        let moment = folder.join("provider").join(moment);
        kinds.push(moment.join("index.html"));
        // Three incidents have one report.
        kinds.extend(pages(&moment.join("i")).into_iter().take(1));
    }
    for replay in ["flood", "provider"] {
        kinds.extend(pages(&folder.join(replay)));
    }
    kinds
}

#[test]
fn axe_finds_nothing_in_forms_figures_charts_and_both_replays_and_nobody_scrolls_sideways() {
    let judge = need!(Judge::start());
    let folder = written();
    let kinds = kinds(folder.path());
    assert!(kinds.len() >= 45, "{kinds:#?}");
    for page in kinds {
        check(&judge, &page);
    }
}

/// As [`Judge::check`]. Of words within a picture axe cannot tell what is behind them: nothing is but the page, so that is measured here.
fn check(judge: &Judge, page: &Path) {
    let text = fs::read_to_string(page).expect("it was written");
    if !text.contains("<text") {
        judge.check(&format!("file://{}", page.display()), BYTES_MAX);
        return;
    }
    assert!(text.len() <= BYTES_MAX, "{}: {} bytes", page.display(), text.len());
    for (width, dark) in Judge::LOOKS {
        let look = format!("{}, {width} px, dark: {dark}", page.display());
        judge.browser.look(width, dark);
        judge.browser.open(&format!("file://{}", page.display()));
        let mut found = judge.findings();
        // The finding names each element: another one among them is another finding.
        let is_of_words = |node: &str| node.is_empty() || node.starts_with("text ");
        found.retain(|of| {
            let nodes = of.strip_prefix("color-contrast: ").map(|nodes| nodes.replace("</text>", ""));
            !nodes.is_some_and(|nodes| nodes.split('<').all(is_of_words))
        });
        assert!(found.is_empty(), "{look}: {found:#?}");
        assert_eq!(judge.browser.run(WORDS_HARD_TO_READ), json!(0), "{look}");
        let wide = judge.browser.run("return document.documentElement.scrollWidth").as_u64();
        assert!(wide.is_some_and(|wide| wide <= width.into()), "{look}: {wide:?} px");
    }
}

/// How many words in pictures have less than 4.5 to 1 against their ground (WCAG 2.2, 1.4.3); an error where there are none.
const WORDS_HARD_TO_READ: &str = "
    const bright = (color) => {
        const [r, g, b] = color.match(/[\\d.]+/g).map((part) => part / 255)
            .map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const ground = (node) => {
        const color = getComputedStyle(node).backgroundColor;
        return color.endsWith(', 0)') ? ground(node.parentElement) : color;
    };
    const words = [...document.querySelectorAll('svg text')];
    if (!words.length) throw new Error('no words');
    return words.filter((word) => {
        const both = [getComputedStyle(word).fill, ground(word)].map(bright).sort((one, other) => other - one);
        return (both[0] + .05) / (both[1] + .05) < 4.5;
    }).length;";

#[test]
fn the_checker_finds_nothing_in_any_page_or_badge_of_samples_and_replays() {
    let checker = need!(HtmlChecker::find());
    let folder = written();
    let mut files = kinds(folder.path());
    // Names of people need not be in Normalization Form C; the checker wants that of a page.
    files.retain(|file| !file.starts_with(folder.path().join("nasty")));
    for sample in ["calm", "outage", "worked-on", "nested"] {
        let parts = fs::read_dir(folder.path().join(sample).join("c")).expect("there are components");
        files.extend(parts.flatten().map(|entry| entry.path()));
        files.push(folder.path().join(sample).join("history.html"));
    }
    files.sort();
    files.dedup();
    assert!(files.iter().any(|file| file.extension().is_some_and(|ending| ending == "svg")), "{files:?}");
    assert_eq!(checker.findings(&files), "");
}

/// What the script adds, on the page of a running gate: the reader's clock and how long ago, and news without a reload.
#[test]
fn a_reader_sees_the_own_clock_and_news_without_loading_the_page_again() {
    need!(lab::Gate::binary());
    let judge = need!(Judge::start());
    let (browser, world) = (&judge.browser, awkward());
    browser.devtools("Emulation.setTimezoneOverride", &json!({ "timezoneId": "Asia/Kolkata" }));
    browser.open(&format!("http://{}/", world.page));
    let told = |selector: &str| {
        let script =
            format!("return getComputedStyle(document.querySelector('{selector}'), '::after').content");
        browser.run(&script).as_str().unwrap_or_default().to_owned()
    };
    let posted = told(".card .soft time");
    assert!(posted.contains("GMT+5:30, ") && posted.contains("minute"), "{posted}");
    assert_eq!(told("td time, main .ends"), "none", "tables and strips stay short");
    browser.run("window.isTheSame = true; document.querySelector('details').open = true");
    let update =
        ["incident", "update", "--text", "It rings again, we are watching it.", "--stage", "monitoring"];
    world.gate.tell(&update).expect("it is told");
    let seen = || {
        let text = browser.run("return document.querySelector('main').innerText");
        text.as_str().is_some_and(|text| text.contains("It rings again")).then_some(())
    };
    assert!(wait_for(2 * SOON, seen).is_some(), "{}", browser.page());
    let is_so = |script: &str| browser.run(script) == json!(true);
    assert!(is_so("return window.isTheSame"), "it was loaded again");
    assert!(is_so("return document.querySelector('details').open"), "what was opened is shut");
    assert!(told(".card .soft time").contains("GMT+5:30"));
    assert_eq!(judge.findings(), Vec::<String>::new());
    // Who is at a link is left there.
    browser.run("document.querySelector('main a').focus(); window.link = document.activeElement");
    let update = ["incident", "update", "--text", "It still rings."];
    world.gate.tell(&update).expect("it is told");
    world.until("It still rings.");
    let moved = wait_for(SOON, || is_so("return !document.body.contains(window.link)").then_some(()));
    assert!(moved.is_none(), "the link under the reader's finger is gone");
}

/// Of a whole report with its charts and their tables.
const BYTES_MAX: usize = 160 * 1024;
