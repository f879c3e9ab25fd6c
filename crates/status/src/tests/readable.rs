//! Snapshots of what is read, and how large it may become.

use incident::View;

use super::{content, made, replays, text};
use crate::samples;

#[test]
fn a_page_without_trouble_is_calm() {
    insta::assert_snapshot!("calm_index", content(&made(&samples::calm()), "index.html"));
}

#[test]
fn an_open_incident_comes_first_with_its_audiences() {
    let bundle = made(&samples::outage());
    insta::assert_snapshot!("outage_index", content(&bundle, "index.html"));
    let path = format!("i/{}.html", samples::id("open"));
    insta::assert_snapshot!("outage_incident", content(&bundle, &path));
}

#[test]
fn a_resolved_incident_keeps_what_was_wrong_about_it() {
    let bundle = made(&samples::calm());
    insta::assert_snapshot!("calm_history", content(&bundle, "history.html"));
    let path = format!("i/{}.html", samples::id("past"));
    insta::assert_snapshot!("past_incident", content(&bundle, &path));
}

#[test]
fn a_component_tells_its_days() {
    let path = format!("c/{}.html", samples::id("web"));
    insta::assert_snapshot!("outage_component", content(&made(&samples::outage()), &path));
}

#[test]
fn figures_of_availability_are_words_and_numbers_in_tables() {
    let bundle = made(&samples::outage_in_bands());
    insta::assert_snapshot!("bands_index", section(&bundle, "index.html"));
    let path = format!("i/{}.html", samples::id("open"));
    insta::assert_snapshot!("bands_incident", section(&bundle, &path));
    let calm = made(&samples::calm_with_figures());
    insta::assert_snapshot!("figures_index", section(&calm, "index.html"));
    let path = format!("i/{}.html", samples::id("past"));
    insta::assert_snapshot!("figures_incident", section(&calm, &path));
    let lines = |bundle| {
        let all = text(bundle, "status.txt");
        all.lines().skip_while(|line| !line.contains("audience")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("figures_text", format!("{}\n{}", lines(&bundle), lines(&calm)));
    let plain = [(made(&samples::outage()), bundle), (made(&samples::calm()), calm)];
    for (without, with) in plain {
        for (path, file) in
            without.files().filter(|(path, _)| path.starts_with("api/") || path.ends_with(".atom"))
        {
            assert_eq!(Some(file), with.get(path), "{path}: programs read what they did before");
        }
        assert!(!text(&without, "index.html").contains("Availability by audience"));
    }
    let mut view = samples::calm();
    view.served = Some(incident::Served::Bands(Vec::new()));
    assert!(section(&made(&view), "index.html").contains("<p>Not enough data yet.</p>"));
}

/// The figures of a page.
#[track_caller]
fn section(bundle: &crate::Bundle, path: &str) -> String {
    let page = text(bundle, path);
    let (_, rest) = page.split_once("<section aria-labelledby=\"served\">").expect("a page has figures");
    rest.split("</section>").next().unwrap_or_default().to_owned()
}

#[test]
fn groups_in_groups_are_opened_down_to_what_is_not_well() {
    let page = content(&made(&samples::nested()), "index.html");
    assert_eq!(page.matches("<details open>").count(), 2);
    assert!(!content(&made(&samples::calm()), "index.html").contains("<details open>"));
}

#[test]
fn programs_read_the_dialect_of_statuspage() {
    let bundle = made(&samples::outage());
    insta::assert_snapshot!("outage_summary", pretty(&text(&bundle, "api/v2/summary.json")));
    insta::assert_snapshot!("calm_status", text(&made(&samples::calm()), "api/v2/status.json"));
    let bundle = made(&samples::worked_on());
    let path = "api/v2/scheduled-maintenances/active.json";
    insta::assert_snapshot!("worked_on_active", pretty(&text(&bundle, path)));
}

#[test]
fn names_of_deeper_groups_are_paths_to_programs_that_know_two_levels() {
    let summary = text(&made(&samples::nested()), "api/v2/components.json");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("it is JSON");
    let told = |place: usize| {
        let component = &summary["components"][place];
        let inside = component["components"].as_array().map_or(0, Vec::len);
        (component["name"].as_str().unwrap_or_default(), component["group_id"].is_null(), inside)
    };
    assert_eq!(told(0), ("Shop", true, 0));
    assert_eq!(told(1), ("Shop / Payments", true, 1));
    assert_eq!(told(2), ("Cards", false, 0));
}

#[test]
fn lists_are_never_null_even_of_nothing() {
    let bundle = made(&View::default());
    for (path, _) in bundle.files().filter(|(path, _)| path.starts_with("api/")) {
        let file = text(&bundle, path);
        assert!(!file.contains("null"), "{path}: {file}");
        assert!(path.ends_with("status.json") || file.contains("[]"), "{path}: {file}");
    }
}

#[test]
fn lists_have_fifty_entries_at_most() {
    let mut view = samples::outage();
    view.incidents = vec![view.incidents[0].clone(); 60];
    let incidents = text(&made(&view), "api/v2/incidents.json");
    assert_eq!(incidents.matches("\"shortlink\"").count(), 50);
}

#[test]
fn a_feed_is_read_as_that_of_statuspage() {
    insta::assert_snapshot!("outage_feed", text(&made(&samples::outage()), "history.atom"));
}

#[test]
fn a_feed_without_news_has_the_time_of_its_newest_entry() {
    let mut view = samples::calm();
    view.updated_at = samples::AT;
    let feed = text(&made(&view), "history.atom");
    let times: Vec<&str> =
        feed.split("<updated>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!((times.len(), times[0]), (2, times[1]));
}

#[test]
fn a_terminal_and_other_pages_are_told_in_short() {
    let bundle = made(&samples::outage());
    insta::assert_snapshot!("outage_text", text(&bundle, "status.txt"));
    insta::assert_snapshot!("outage_badge", text(&bundle, "badge.svg"));
    let badge = |view: &View, seed: &str| text(&made(view), &format!("c/{}.svg", samples::id(seed)));
    insta::assert_snapshot!("outage_badge_of_component", badge(&samples::outage(), "web"));
    let mut view = samples::calm();
    view.components[1].name = "<".repeat(60);
    let long = badge(&view, "web");
    assert!(long.contains(&format!(">{}…</text>", "&lt;".repeat(40))) && !long.contains("<<"), "{long}");
}

#[test]
fn from_how_many_places_it_is_checked_is_said_where_there_are_probes() {
    let said = |places: u8| {
        let page = text(&made(&View { places, ..samples::calm() }), "index.html");
        let (_, header) = page.split_once("<header>").expect("a page has a header");
        header.split("</header>").next().unwrap_or_default().to_owned()
    };
    assert!(!said(0).contains("checked") && said(1).contains("</time> · checked from 1 place</span>"));
    assert!(said(2).contains("</time> · checked from 2 places</span>"), "{}", said(2));
}

/// Forms, answers to them and pages that are not there stay as they are; the script looks for these marks.
#[test]
fn the_script_has_the_marks_by_which_it_knows_what_to_look_at_again() {
    let page = samples::page().with_subscribing("https://live.shop.example").expect("it is an address");
    let bundle = crate::render(&samples::outage(), &page, samples::AT);
    let canonical = |path: &str| text(&bundle, path).contains("rel=\"canonical\"");
    for (path, _) in bundle.files().filter(|(path, _)| path.ends_with(".html")) {
        let page = text(&bundle, path);
        for mark in ["<main id=\"main\"", "id=\"stale\"", "<header>", "<footer>", "rel=\"icon\""] {
            assert_eq!(page.matches(mark).count(), 1, "{mark} of {path}");
        }
    }
    assert!(canonical("index.html") && !canonical("404.html"));
    assert!(text(&bundle, "subscribe.html").contains("<form"));
    let forms = crate::Forms::of(&samples::outage(), &page, samples::AT).expect("there are forms");
    let answer = String::from_utf8(forms.page(&crate::FormPage::Joined)).expect("it is text");
    assert!(!answer.contains("rel=\"canonical\""), "{answer}");
}

#[test]
fn twenty_components_fit_into_thirty_kilobytes() {
    let mut view = samples::outage();
    let web = view.components[1].clone();
    for number in 0..15 {
        let name = format!("Part {number} of the shop");
        let id = samples::id(&name);
        view.components.push(incident::Component { id, name, ..web.clone() });
    }
    let page = text(&made(&view), "index.html");
    assert!(page.len() <= 30_000, "{} bytes", page.len());
    view.served = samples::outage_in_bands().served;
    let page = text(&made(&view), "index.html");
    assert!(page.len() <= 34_000, "{} bytes with figures", page.len());
}

#[test]
fn a_published_report_has_charts_with_tables_behind_them() {
    let path = format!("i/{}.html", samples::id("past"));
    let page = text(&made(&samples::calm_with_charts()), &path);
    let (_, rest) = page.split_once("<section aria-labelledby=\"went\">").expect("there are charts");
    insta::assert_snapshot!("charts_incident", rest.split("</section>").next().unwrap_or_default());
    assert!(!text(&made(&samples::calm()), &path).contains("How it went"));
}

/// Two promises that are shown differently: one to come, one that was not kept.
#[test]
fn a_promise_that_was_not_kept_is_shown_as_one() {
    let mut view = samples::outage();
    view.incidents[0].next_update_by = Some(samples::ago(60));
    let page = text(&made(&view), "index.html");
    assert!(page.contains("next update was due by"), "{page}");
}

/// Writes the pages of the samples, of both replays, and forms with their answers below the folder that `WRITE_PAGES` names: for people
/// who want to look at them, and for the judge and the checker of `lab`.
#[test]
fn pages_can_be_looked_at() {
    let Some(folder) = std::env::var_os("WRITE_PAGES").map(std::path::PathBuf::from) else {
        return;
    };
    let write = |path: std::path::PathBuf, bytes: &[u8]| {
        let parent = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(parent).expect("the folder can be written");
        std::fs::write(&path, bytes).expect("the folder can be written");
    };
    let views = [
        ("calm", samples::calm()),
        ("outage", samples::outage()),
        ("worked-on", samples::worked_on()),
        ("bands", samples::outage_in_bands()),
        ("figures", samples::calm_with_figures()),
        ("charts", samples::calm_with_charts()),
        ("nested", samples::nested()),
        ("nasty", samples::spoken("<b>&amp; a very long word ".repeat(4).replace(' ', "\u{301}-").as_str())),
    ];
    for (name, view) in views {
        for (path, file) in made(&view).files() {
            write(folder.join(name).join(path), &file.bytes);
        }
    }
    for (name, played) in [("flood", replays::flood()), ("provider", replays::provider())] {
        for (path, bytes) in played.files() {
            write(folder.join(name).join(path), &bytes);
        }
    }
    for (name, bytes) in forms() {
        write(folder.join("forms").join(name), &bytes);
    }
}

/// The form, and what is answered to those who ask, confirm, choose and leave.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    use crate::FormPage;
    let page = samples::page().with_subscribing("https://live.shop.example").expect("it is an address");
    let view = samples::outage();
    let forms = crate::Forms::of(&view, &page, samples::AT).expect("the page has a form");
    let (link, chosen) = ("AbC-123_", [view.components[1].id]);
    let answers = [
        ("asked.html", FormPage::Asked),
        ("confirm.html", FormPage::Confirm { link }),
        ("joined.html", FormPage::Joined),
        ("choose.html", FormPage::Choose { handle: link, chosen: &chosen }),
        ("leave.html", FormPage::Leave { handle: link }),
        ("left.html", FormPage::Left),
        ("no-address.html", FormPage::NoAddress),
    ];
    let form = text(&crate::render(&view, &page, samples::AT), "subscribe.html").into_bytes();
    let answers = answers.iter().map(|(name, answer)| (*name, forms.page(answer)));
    [("subscribe.html", form)].into_iter().chain(answers).collect()
}

fn pretty(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("it is JSON");
    serde_json::to_string_pretty(&value).expect("it was JSON before")
}
