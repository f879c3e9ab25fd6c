use std::time::Duration;

use incident::{Chart, Curve, Point, Step, Unit};
use proptest::prelude::*;

use super::*;
use crate::samples;

#[test]
fn a_draft_is_one_file_with_charts_and_the_tables_behind_them() {
    let text = "# Report: disruption of <Shop>, 28 Nov 2026\n\nDraft. `#12` is an entry.\n\n## Summary\n\n- It was down & up. (#1, #4)\n- **TODO** \
                Why?\n\n## Timeline (UTC)\n\n| Time | What | Entry |\n| --- | --- | --- |\n| 17:24 | a \\| b | #1 |\n";
    let page = made(text, vec![chart()]);
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!(format!("{before}{after}"));
}

#[test]
fn a_draft_without_charts_has_none() {
    assert!(!made("# Report\n", Vec::new()).contains("<svg"));
}

proptest! {
    /// Whatever people write, it stays text: every bracket that is left is one of the program's own.
    #[test]
    fn text_cannot_leave_its_place(line in "[-#|`*<>&\"' a-z\\\\]{0,60}", title in "[<>&\"' a-z]{0,20}") {
        let named = |name: &str| Chart {
            title: name.to_owned(),
            values: vec![name.to_owned(), String::new()],
            curves: vec![Curve { name: name.to_owned(), ..samples::load(true).curves.remove(0) }],
            ..chart()
        };
        let drawn = named(&title);
        let harmless = |text: &str| text.replace(['<', '>', '&', '"', '\''], "x");
        let [page, same] = [
            made(&line, vec![drawn.clone()]),
            made(&harmless(&line), vec![named(&harmless(&title))]),
        ];
        let escaped = ["&lt;", "&gt;", "&amp;", "&quot;", "&#39;"];
        let read = escaped.iter().fold(page, |page, escaped| page.replace(escaped, "x"));
        prop_assert_eq!(read, same);
    }

    #[test]
    fn any_steps_make_a_picture(steps in proptest::collection::vec((any::<u64>(), 0_usize..9), 1..9), until: Option<u64>) {
        let steps = steps.into_iter().map(|(at, value)| Step { at: Timestamp::from_millis(at), value, entry: 1 });
        let drawn = Chart { steps: steps.collect(), until: until.map(Timestamp::from_millis), ..chart() };
        let page = made("", vec![drawn.clone()]);
        prop_assert_eq!(page.matches("<tr><td>").count(), drawn.steps.len() + 1);
    }

    #[test]
    fn any_figures_make_a_picture(points in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<Option<u64>>()), 1..9), share: bool) {
        let point = |(from, until, value)| Point {
            from: Timestamp::from_millis(from),
            until: Timestamp::from_millis(until),
            value,
            entry: 0,
        };
        let unit = if share { Unit::Share } else { Unit::ASecond };
        let curve = Curve { name: "Came".to_owned(), unit, points: points.into_iter().map(point).collect() };
        let count = curve.points.len();
        let page = made("", vec![Chart { curves: vec![curve], steps: Vec::new(), values: Vec::new(), ..chart() }]);
        prop_assert_eq!(page.matches("<tr><td>").count(), count);
    }
}

#[test]
fn figures_stand_above_what_was_done_on_one_axis_with_both_as_tables() {
    let page = made("", vec![samples::load(true)]);
    let (_, drawn) = page.split_once("<h3>").unwrap();
    insta::assert_snapshot!(drawn.split("</main>").next().unwrap());
    // A gap in the figures is a gap in the line.
    let mut shares = samples::load(true);
    shares.curves.truncate(1);
    shares.curves[0].unit = Unit::Share;
    shares.curves[0].points[1].value = None;
    let page = made("", vec![shares]);
    assert!(page.contains("<td>not enough data</td>"), "{page}");
    assert_eq!(page.matches("H366M").count() + page.matches("H367M").count(), 1, "{page}");
}

fn chart() -> Chart {
    let step = |secs, value, entry| Step { at: samples::AT + Duration::from_secs(secs), value, entry };
    Chart {
        title: "New visitors".to_owned(),
        curves: Vec::new(),
        values: vec!["served as usual".to_owned(), "hardly anybody is served".to_owned()],
        steps: vec![step(0, 1, 4), step(1_800, 0, 9)],
        until: Some(samples::AT + Duration::from_secs(3_600)),
    }
}

fn made(text: &str, charts: Vec<Chart>) -> String {
    String::from_utf8(report(&Draft { text: text.to_owned(), charts }, samples::AT)).unwrap()
}
