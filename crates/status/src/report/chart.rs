//! One chart: a line that goes down when it gets worse, with the names of its values beside it, and the same as a table.

use std::time::Duration;

use incident::{Chart, Step};
use model::Timestamp;

use crate::dates;
use crate::markup::Markup;

/// Adds it; what goes on does so until now.
pub(super) fn put(out: &mut Markup, chart: &Chart, now: Timestamp) {
    let axis = Axis::of(chart, now);
    out.raw("<h3>").text(&chart.title).raw("</h3>\n");
    put_picture(out, chart, &axis);
    out.raw(
        "<details><summary>As a table</summary>\n<table>\n<tr><th scope=\"col\">From</th><th scope=\"col\">",
    );
    out.text(&chart.title).raw("</th><th scope=\"col\">Entry</th></tr>\n");
    for step in &chart.steps {
        out.raw("<tr><td>").time(step.at).raw("</td><td>").text(name(chart, step)).raw("</td><td>#");
        out.number(step.entry).raw("</td></tr>\n");
    }
    out.raw("<tr><td>").time(axis.until).raw("</td><td>");
    out.raw(if chart.until.is_some() { "the end" } else { "it goes on" });
    out.raw("</td><td></td></tr>\n</table></details>\n");
}

fn put_picture(out: &mut Markup, chart: &Chart, axis: &Axis) {
    let rows = whole(chart.values.len());
    let height = TOP + rows * ROW + BELOW;
    out.raw("<div class=\"wide\" tabindex=\"0\"><svg viewBox=\"0 0 ")
        .number(WIDTH)
        .raw(" ")
        .number(height)
        .raw("\" role=\"img\" aria-label=\"");
    out.text(&chart.title).raw(" over time; the table below says the same\">\n");
    for (place, value) in chart.values.iter().enumerate() {
        let y = middle(place);
        out.raw("<text x=\"0\" y=\"").number(y + LETTER_BELOW).raw("\">").text(value).raw("</text>");
        out.raw("<path class=\"grid\" d=\"M")
            .number(LEFT)
            .raw(" ")
            .number(y)
            .raw("H")
            .number(WIDTH)
            .raw("\"/>\n");
    }
    out.raw("<path class=\"went\" d=\"");
    for (place, step) in chart.steps.iter().enumerate() {
        let (x, y) = (axis.x(step.at), middle(step.value));
        match place {
            0 => out.raw("M").number(x).raw(" ").number(y),
            _ => out.raw("H").number(x).raw("V").number(y),
        };
    }
    out.raw("H").number(axis.x(axis.until)).raw("\"/>\n");
    let below = TOP + rows * ROW + BELOW - LETTER_BELOW;
    for (at, anchor) in [(axis.from, "start"), (axis.middle(), "middle"), (axis.until, "end")] {
        out.raw("<text text-anchor=\"")
            .raw(anchor)
            .raw("\" x=\"")
            .number(axis.x(at))
            .raw("\" y=\"")
            .number(below);
        out.raw("\">").text(&dates::clock(at)).raw("</text>\n");
    }
    out.raw("</svg></div>\n");
}

fn name(chart: &Chart, step: &Step) -> &'static str {
    chart.values.get(step.value).copied().unwrap_or_default()
}

/// From the first moment that is shown to the last.
struct Axis {
    from: Timestamp,
    until: Timestamp,
}

impl Axis {
    fn of(chart: &Chart, now: Timestamp) -> Self {
        let until = chart.until.unwrap_or(now);
        let from = chart.steps.first().map_or(until, |step| step.at);
        // What has only begun is shown as a minute.
        Self { from, until: until.max(from + LEAST) }
    }

    fn x(&self, at: Timestamp) -> u64 {
        let whole = u128::from(self.until.as_millis().saturating_sub(self.from.as_millis()).max(1));
        let part = u128::from(at.as_millis().saturating_sub(self.from.as_millis())).min(whole);
        LEFT + u64::try_from(part * u128::from(WIDTH - LEFT) / whole).unwrap_or_default()
    }

    fn middle(&self) -> Timestamp {
        let millis = [self.from, self.until].map(Timestamp::as_millis);
        Timestamp::from_millis(millis[0] / 2 + millis[1] / 2)
    }
}

fn middle(row: usize) -> u64 {
    TOP + whole(row) * ROW + ROW / 2
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX).min(ROWS_MAX)
}

const LEAST: Duration = Duration::from_secs(60);
const WIDTH: u64 = 720;
/// Where the line begins, beside the names of values.
const LEFT: u64 = 190;
const TOP: u64 = 6;
/// Of one value.
const ROW: u64 = 24;
/// Room for times.
const BELOW: u64 = 24;
/// From the middle of letters to the line that they stand on.
const LETTER_BELOW: u64 = 5;
/// A chart has a handful of values.
const ROWS_MAX: u64 = 100;
