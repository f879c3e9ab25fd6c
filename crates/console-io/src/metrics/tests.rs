use std::collections::BTreeSet;
use std::fmt::Write;

use super::catalogue::{self, ENTRIES};
use super::*;

#[test]
fn an_exposition_is_what_scrapers_read() {
    let text = exposition();
    insta::assert_snapshot!(text);
    insta::assert_snapshot!("the_same_for_older_scrapers", in_older_format(&text));
}

#[test]
fn the_older_format_is_for_whoever_cannot_have_the_newer() {
    let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for accept in ["", "*/*", prometheus, "text/html", "Text/Plain, application/openmetrics-text"] {
        assert!(!wants_older(accept), "{accept}");
    }
    for accept in ["text/plain", "TEXT/plain; version=0.0.4", "text/html, text/plain;q=0.3, */*"] {
        assert!(wants_older(accept), "{accept}");
    }
}

fn exposition() -> String {
    let mut text = Exposition::default();
    text.counter(&catalogue::REQUESTS, [(["0", "t1", "forwarded"], 12), (["0", "t5", "shed"], 7)])
        .counter(&catalogue::LOG_BYTES, [([""; 0], 4_096)])
        .gauge(&catalogue::CONCURRENCY_LIMIT, [(["0"], f64::INFINITY)])
        .gauge(&catalogue::GATE_LEVEL, [(["a\"b\\c\nd"], 4.0)])
        .histogram(
            &catalogue::REQUEST_SECONDS,
            [(["t1"], Buckets { bounds: &[0.005, 1.0], counts: &[3, 2, 1], sum: 4.25 })],
        );
    text.finish()
}

#[test]
fn names_are_unique_and_formed_as_openmetrics_wants() {
    let mut names = BTreeSet::new();
    for entry in ENTRIES {
        assert!(names.insert(entry.name), "{} is there twice", entry.name);
        assert!(entry.name.starts_with("portcullis_"), "{}", entry.name);
        assert_eq!(entry.kind == "counter", entry.name.ends_with("_total"), "{}", entry.name);
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(plain(entry.name) && entry.labels.iter().all(|label| plain(label)), "{}", entry.name);
        assert!(entry.help.ends_with('.') && !entry.help.contains('\n'), "{}", entry.name);
    }
}

#[test]
fn the_manual_lists_every_metric() {
    check_document("metrics.md", &manual());
}

fn manual() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         `GET /metrics` on the console answers in OpenMetrics text, and with `Accept: text/plain` in Prometheus' older text format, which\n\
         `promtool check metrics` reads. It needs the console's token, or a source address within `metrics_allow`. Counters begin at zero\n\
         with each start of the gate.\n\n\
         | Name | Kind | Labels | Meaning |\n| --- | --- | --- | --- |\n",
    );
    for entry in ENTRIES {
        let labels = entry.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let Entry { name, kind, help, .. } = entry;
        writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
    }
    page
}

/// Compares a page of `docs/` with what the code says; writes it when `UPDATE_DOCS=1`.
fn check_document(name: &str, wanted: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|set| set == "1") {
        std::fs::write(&path, wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, wanted, "run the tests with UPDATE_DOCS=1");
}
