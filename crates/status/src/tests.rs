//! What people and programs read, and what must hold for every view.

mod anything;
mod copies;
mod nasty;
mod oracle;
mod readable;
mod replays;
mod subscribing;

use incident::View;

use crate::bundle::{Bundle, render};
use crate::samples;

/// The files of a view, at the time of the samples.
fn made(view: &View) -> Bundle {
    render(view, &samples::page(), samples::AT)
}

/// A file as text.
#[track_caller]
fn text(bundle: &Bundle, path: &str) -> String {
    let file = bundle.get(path).unwrap_or_else(|| panic!("there is no `{path}`"));
    String::from_utf8(file.bytes.clone()).expect("files are text")
}

/// A page without its style, and the hash of it.
#[track_caller]
fn content(bundle: &Bundle, path: &str) -> String {
    let page = text(bundle, path);
    let (before, rest) = page.split_once("<style>").expect("a page has a style");
    let (_, after) = rest.split_once("</style>").expect("a style ends");
    let (start, hash) = before.split_once("sha256-").expect("a page has a policy");
    let (_, more) = hash.split_once("&#39;").expect("a hash is in quotes");
    format!("{start}sha256-[hash]&#39;{more}<style>[style]</style>{after}")
}

#[test]
fn paths_of_requests_lead_to_files() {
    let bundle = made(&samples::outage());
    let id = samples::id("open");
    let found = |path: &str| bundle.find(path).map(|file| file.content_type);
    let page = Some("text/html; charset=utf-8");
    assert_eq!(found("/"), page);
    assert_eq!(found("/history"), page);
    assert_eq!(found(&format!("/i/{id}")), page);
    assert_eq!(found(&format!("/i/{id}.html")), page);
    assert_eq!(found(&format!("/c/{}", samples::id("web"))), page);
    assert_eq!(found("/api/v2/summary.json"), Some("application/json; charset=utf-8"));
    assert_eq!(found("/history.atom"), Some("application/atom+xml; charset=utf-8"));
    for path in
        ["", "index.html", "/i/", "/i/aaaaaaaaaaaa", "/index", "/404", "//", "/../index.html", "/api/v2/"]
    {
        assert_eq!(found(path), None, "{path}");
    }
    assert!(bundle.not_found().is_some());
    assert!(
        text(&bundle, "404.html").contains("noindex") && !text(&bundle, "index.html").contains("noindex")
    );
}

#[test]
fn every_link_of_a_page_to_a_file_leads_to_one() {
    let views = [samples::calm(), samples::outage_in_bands(), samples::worked_on(), samples::nested()];
    for view in views {
        let bundle = made(&view);
        for (path, _) in bundle.files().filter(|(path, _)| path.ends_with(".html") && *path != "404.html") {
            let page = text(&bundle, path);
            for link in page.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let is_elsewhere = link.contains(':') || link.starts_with('#');
                let link = link.split('?').next().unwrap_or_default();
                let file = if path.contains('/') { link.strip_prefix("../") } else { Some(link) };
                let leads = file.is_some_and(|file| bundle.get(file).is_some());
                assert!(is_elsewhere || leads, "`{link}` of `{path}` leads nowhere");
            }
        }
    }
}

#[test]
fn a_manifest_names_every_other_file_with_its_hash() {
    let bundle = made(&samples::outage());
    let manifest: serde_json::Value =
        serde_json::from_str(&text(&bundle, "manifest.json")).expect("a manifest is JSON");
    let files = manifest["files"].as_object().expect("files have names");
    assert_eq!(files.len() + 1, bundle.files().count());
    let file = bundle.get("status.txt").expect("there is a text");
    let hash = data_encoding::HEXLOWER.encode(&crate::bundle::sha256(&file.bytes));
    assert_eq!(files["status.txt"], hash.as_str());
    assert_eq!(file.etag, format!("\"{}\"", &hash[..32]));
    assert_eq!(manifest["valid_until"], "2026-11-28T17:39:01.000Z");
}

#[test]
fn an_edition_is_stamped_without_another_rendering() {
    let mut bundle = made(&samples::calm());
    let mut edition = crate::Edition::at(samples::AT, std::time::Duration::from_secs(30));
    (edition.seq, edition.previous, edition.key) = (Some(7), Some([0xab; 32]), Some("one".to_owned()));
    let mut signed = Vec::new();
    let hash = bundle.sign(&samples::page(), &edition, |bytes| {
        signed.extend_from_slice(bytes);
        [1; 64]
    });
    let manifest = text(&bundle, "manifest.json");
    assert_eq!((manifest.as_bytes(), hash), (&signed[..], crate::bundle::sha256(&signed)));
    assert!(manifest.contains("\"seq\":7,\"generated_at\":\"2026-11-28T17:24:01.000Z\""), "{manifest}");
    assert!(manifest.contains("\"key\":\"one\"") && !manifest.contains("json.sig"), "{manifest}");
    assert_eq!(text(&bundle, "manifest.json.sig").len(), 89);
}

#[test]
fn the_policy_allows_the_style_and_the_script_and_nothing_of_others() {
    let bundle = made(&samples::calm());
    let policy = crate::content_security_policy(None);
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for (path, _) in bundle.files().filter(|(path, _)| path.ends_with(".html")) {
        let page = text(&bundle, path);
        for (begin, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let inner = page.split(begin).nth(1).and_then(|rest| rest.split(end).next());
            let hash = crate::bundle::sha256(inner.expect("a page has both").as_bytes());
            assert!(policy.contains(&data_encoding::BASE64.encode(&hash)), "{path}");
        }
        assert!(!page.contains(" style=") && page.matches("<script").count() == 1, "{path}");
    }
}
