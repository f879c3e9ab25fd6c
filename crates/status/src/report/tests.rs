use std::time::Duration;

use incident::{Chart, Step};
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
        let drawn = Chart { title: title.clone(), ..chart() };
        let harmless = |text: &str| text.replace(['<', '>', '&', '"', '\''], "x");
        let [page, same] = [
            made(&line, vec![drawn.clone()]),
            made(&harmless(&line), vec![Chart { title: harmless(&title), ..drawn }]),
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
}

fn chart() -> Chart {
    let step = |secs, value, entry| Step { at: samples::AT + Duration::from_secs(secs), value, entry };
    Chart {
        title: "New visitors".to_owned(),
        values: vec!["served as usual", "hardly anybody is served"],
        steps: vec![step(0, 1, 4), step(1_800, 0, 9)],
        until: Some(samples::AT + Duration::from_secs(3_600)),
    }
}

fn made(text: &str, charts: Vec<Chart>) -> String {
    String::from_utf8(report(&Draft { text: text.to_owned(), charts }, samples::AT)).unwrap()
}
