//! Text that tries to be something else.

use proptest::prelude::*;
use serde_json::Value;

use super::text;
use crate::bundle::{Bundle, render};
use crate::page::Page;
use crate::samples;

const NASTY: [&str; 13] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "]]></content></entry></feed><feed>",
    "&amp;lt;b&gt; &#60;i&#62; &bogus;",
    "--><!-- <!DOCTYPE html [<!ENTITY x \"y\">]>",
    "one\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "\u{202E}devloser ton\u{202C} \u{2066}x\u{2069} \u{2028}\u{0}\u{7}\u{1B}[31m\u{FFFE}",
    "</title></style></textarea></svg><p>",
    "\",\"impact\":null,\"x\":\"\\",
    "Incident: not one of ours\n\nComponents:\n  App: Operational",
    "a part with a name so long that it ends the line, Components: b",
    "Ñandú 漢字 עברית 🚧 e\u{301}",
];

#[test]
fn nasty_text_stays_text() {
    let long = "a".repeat(5_000);
    for nasty in NASTY.into_iter().chain([long.as_str()]) {
        check(nasty);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_text_stays_text(text in "[<>&\"'/a-z \\]\\-!\n\r\u{0}\u{202E}é]{0,60}") {
        check(&text);
    }
}

/// What is seen of the text, in every file.
#[track_caller]
fn check(nasty: &str) {
    let bundle = spoken(nasty);
    // With a harmless letter for each that markup knows, the files have to be the same but for how it is escaped.
    let harmless = spoken(&nasty.replace(['<', '>', '"', '\'', '&'], "x"));
    let files = bundle.files().map(|(path, _)| path);
    for path in files.filter(|path| path.ends_with(".html") || path.ends_with(".svg")) {
        let same = unmarked(text(&bundle, path)) == unmarked(text(&harmless, path));
        assert!(same, "{path} of {nasty:?}");
    }
    assert!(seen(&text(&bundle, "history.atom")) == seen(&text(&harmless, "history.atom")), "{nasty:?}");
    for (path, _) in bundle.files() {
        let file = text(&bundle, path);
        let is_json = path.ends_with(".json");
        let is_hidden = |letter: char| letter == '\u{202E}' || (letter.is_control() && letter != '\n');
        assert!(is_json || !file.contains(is_hidden), "{path} of {nasty:?}");
    }
    let summary: Value = serde_json::from_str(&text(&bundle, "api/v2/summary.json")).expect("it is JSON");
    let incident = &summary["incidents"][0];
    assert_eq!(incident["name"], nasty);
    assert_eq!(incident["incident_updates"][0]["body"], nasty);
    assert_eq!(
        incident["portcullis"]["postmortem"],
        if nasty.is_empty() { Value::Null } else { nasty.into() }
    );
    assert_eq!(summary["components"][1]["name"], nasty);
    let plain = text(&bundle, "status.txt");
    let ours = plain.lines().filter(|line| line.starts_with("Components:") || line.starts_with("Incident: "));
    assert_eq!(ours.count(), 2, "{plain}");
}

/// The files of a page all of whose texts are this one.
fn spoken(text: &str) -> Bundle {
    let page = Page::new(&format!("Shop {text}"), "https://status.shop.example");
    let page = page.and_then(|page| page.with_support(text, None)).expect("any text may be a name");
    render(&samples::spoken(text), &page, samples::AT)
}

/// A feed as a reader takes it: what is in its entries is HTML once the XML has been read.
fn seen(feed: &str) -> String {
    let read = |xml: &str| {
        let escaped = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        escaped.iter().fold(xml.to_owned(), |xml, (escaped, letter)| xml.replace(escaped, letter))
    };
    let mut parts = feed.split("<content type=\"html\">");
    let mut out = unmarked(parts.next().unwrap_or_default().to_owned());
    for (html, rest) in parts.filter_map(|part| part.split_once("</content>")) {
        out.extend([unmarked(read(html)), unmarked(rest.to_owned())]);
    }
    out
}

/// Letters that markup knows as a harmless one, escaped or not: an unescaped one among them stays where it is.
fn unmarked(file: String) -> String {
    ["&lt;", "&gt;", "&quot;", "&#39;", "&amp;"].iter().fold(file, |file, escaped| file.replace(escaped, "x"))
}
