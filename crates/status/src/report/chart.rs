//! One chart: figures as lines, or a line that goes down when it gets worse with the names of its values beside it, or both on one
//! axis; and the same as a table.
//!
//! It needs no style of its own: colours are those of the text around it, and lines differ by their dashes.

use std::time::Duration;

use incident::{Chart, Curve, Point, Step, Unit, percent};
use model::Timestamp;

use crate::dates;
use crate::markup::Markup;
use crate::pages::{NO_DATA, grouped};

/// Adds it; what goes on does so until now.
pub(crate) fn put(out: &mut Markup, chart: &Chart, now: Timestamp) {
    let axis = Axis::of(chart, now);
    out.raw("<h3>").text(&chart.title).raw("</h3>\n");
    put_picture(out, chart, &axis);
    out.raw("<details><summary><span class=\"row\"><span>As a table</span></span></summary>\n");
    if !chart.curves.is_empty() {
        put_figures(out, &chart.curves);
    }
    if !chart.steps.is_empty() {
        put_steps(out, chart, &axis);
    }
    out.raw("</details>\n");
}

fn put_figures(out: &mut Markup, curves: &[Curve]) {
    let points: &[Point] = curves.first().map_or(&[], |curve| &curve.points);
    let has_entries = points.iter().any(|point| point.entry != 0);
    out.raw("<div class=\"wide\" tabindex=\"0\"><table>\n<tr><th scope=\"col\">From</th>");
    for curve in curves {
        out.raw("<th scope=\"col\">").text(&curve.name).raw(match curve.unit {
            Unit::ASecond => " (a second)</th>",
            Unit::Share => "</th>",
        });
    }
    out.raw(if has_entries { "<th scope=\"col\">Entry</th></tr>\n" } else { "</tr>\n" });
    for (place, point) in points.iter().enumerate() {
        out.raw("<tr><td>").time(point.from).raw("</td>");
        for curve in curves {
            let value = curve.points.get(place).and_then(|point| point.value);
            out.raw("<td>").text(&figure(curve.unit, value)).raw("</td>");
        }
        put_entry(out, has_entries, point.entry);
    }
    out.raw("</table></div>\n");
}

fn put_steps(out: &mut Markup, chart: &Chart, axis: &Axis) {
    let has_entries = chart.steps.iter().any(|step| step.entry != 0);
    out.raw("<table>\n<tr><th scope=\"col\">From</th><th scope=\"col\">");
    // What stands above it has the title.
    out.text(if chart.curves.is_empty() { &chart.title } else { "What was done" }).raw("</th>");
    out.raw(if has_entries { "<th scope=\"col\">Entry</th></tr>\n" } else { "</tr>\n" });
    for step in &chart.steps {
        out.raw("<tr><td>").time(step.at).raw("</td><td>").text(name(chart, step)).raw("</td>");
        put_entry(out, has_entries, step.entry);
    }
    out.raw("<tr><td>").time(axis.until).raw("</td><td>");
    out.raw(if chart.until.is_some() { "the end" } else { "it goes on" });
    out.raw(if has_entries { "</td><td></td></tr>\n" } else { "</td></tr>\n" }).raw("</table>\n");
}

fn put_entry(out: &mut Markup, has_entries: bool, entry: u64) {
    if has_entries {
        out.raw("<td>#").number(entry).raw("</td>");
    }
    out.raw("</tr>\n");
}

fn figure(unit: Unit, value: Option<u64>) -> String {
    match (unit, value) {
        (_, None) => NO_DATA.to_owned(),
        (Unit::ASecond, Some(value)) => grouped(value),
        (Unit::Share, Some(value)) => percent(u16::try_from(value).unwrap_or(WHOLE)),
    }
}

fn put_picture(out: &mut Markup, chart: &Chart, axis: &Axis) {
    let above = if chart.curves.is_empty() { 0 } else { PLOT };
    let height = TOP + above + whole(chart.values.len()) * ROW + BELOW;
    out.raw("<div class=\"wide\" tabindex=\"0\"><svg viewBox=\"0 0 ").number(WIDTH).raw(" ").number(height);
    out.raw("\" width=\"")
        .number(WIDTH)
        .raw("\" font-size=\"13\" fill=\"currentColor\" role=\"img\" aria-label=\"");
    out.text(&chart.title).raw(" over time; the table below says the same\">\n");
    put_curves(out, &chart.curves, axis);
    let middle = |place: usize| TOP + above + whole(place) * ROW + ROW / 2;
    for (place, value) in chart.values.iter().enumerate() {
        let y = middle(place);
        put_words(out, "start", 0, y + LETTER_BELOW, value);
        put_grid(out, y);
    }
    if !chart.steps.is_empty() {
        out.raw("<path class=\"went\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"3\" d=\"");
        for (place, step) in chart.steps.iter().enumerate() {
            let (x, y) = (axis.x(step.at), middle(step.value));
            match place {
                0 => out.raw("M").number(x).raw(" ").number(y),
                _ => out.raw("H").number(x).raw("V").number(y),
            };
        }
        out.raw("H").number(axis.x(axis.until)).raw("\"/>\n");
    }
    let below = height - LETTER_BELOW;
    for (at, anchor) in [(axis.from, "start"), (axis.middle(), "middle"), (axis.until, "end")] {
        put_words(out, anchor, axis.x(at), below, &dates::clock(at));
    }
    out.raw("</svg></div>\n");
}

/// All on one scale, from nothing at the bottom to the most at the top; of shares to all of it.
fn put_curves(out: &mut Markup, curves: &[Curve], axis: &Axis) {
    let Some(unit) = curves.first().map(|curve| curve.unit) else { return };
    let values = curves.iter().flat_map(|curve| &curve.points).filter_map(|point| point.value);
    let most = match unit {
        Unit::ASecond => values.max().unwrap_or_default().max(1),
        Unit::Share => u64::from(WHOLE),
    };
    let (top, bottom) = (TOP + ROW / 2, TOP + PLOT - ROW / 2);
    let ends = [(top, figure(unit, Some(most))), (bottom, figure(unit, Some(0)))];
    for (y, words) in ends {
        put_words(out, "end", LEFT - LETTER_BELOW, y + LETTER_BELOW, &words);
        put_grid(out, y);
    }
    for (place, curve) in curves.iter().enumerate() {
        let y = top + ROW / 2 + whole(place) * ROW;
        put_line(out.raw("<path"), place).raw("M0 ").number(y).raw("H24\"/>");
        put_words(out, "start", NAME, y + LETTER_BELOW, &curve.name);
        put_line(out.raw("<path"), place);
        let mut drawn: Option<Timestamp> = None;
        for point in &curve.points {
            // Of what nobody counted in between there is no line.
            let is_drawn = drawn.is_some_and(|until| point.from.since(until) <= APART);
            drawn = point.value.map(|_| point.until);
            let Some(value) = point.value else { continue };
            let part = u128::from(value.min(most)) * u128::from(bottom - top) / u128::from(most);
            let y = bottom - u64::try_from(part).unwrap_or_default();
            let [from, until] = [point.from, point.until].map(|at| axis.x(at));
            if is_drawn {
                out.raw("H").number(from).raw("V").number(y);
            } else {
                out.raw("M").number(from).raw(" ").number(y);
            }
            out.raw("H").number(until);
        }
        out.raw("\"/>\n");
    }
}

/// Up to where the line is drawn; what comes later is dashed.
fn put_line(out: &mut Markup, place: usize) -> &mut Markup {
    out.raw(" class=\"went\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\"");
    out.raw(if place == 0 { " d=\"" } else { " stroke-dasharray=\"5 3\" d=\"" })
}

fn put_words(out: &mut Markup, anchor: &'static str, x: u64, y: u64, words: &str) {
    out.raw("<text text-anchor=\"").raw(anchor).raw("\" x=\"").number(x).raw("\" y=\"").number(y).raw("\">");
    out.text(words).raw("</text>\n");
}

fn put_grid(out: &mut Markup, y: u64) {
    out.raw("<path class=\"grid\" stroke=\"currentColor\" stroke-opacity=\".2\" d=\"M").number(LEFT);
    out.raw(" ").number(y).raw("H").number(WIDTH).raw("\"/>\n");
}

fn name<'a>(chart: &'a Chart, step: &Step) -> &'a str {
    chart.values.get(step.value).map(String::as_str).unwrap_or_default()
}

/// From the first moment that is shown to the last.
struct Axis {
    from: Timestamp,
    until: Timestamp,
}

impl Axis {
    fn of(chart: &Chart, now: Timestamp) -> Self {
        let points = || chart.curves.iter().flat_map(|curve| &curve.points);
        let until = points().map(|point| point.until).chain(chart.until).max();
        let until = if chart.until.is_none() {
            until.map_or(now, |until| until.max(now))
        } else {
            until.unwrap_or(now)
        };
        let begins = points().map(|point| point.from).chain(chart.steps.iter().map(|step| step.at));
        let from = begins.min().unwrap_or(until);
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

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX).min(ROWS_MAX)
}

const LEAST: Duration = Duration::from_secs(60);
/// Between two figures nobody counted if there is more than this.
const APART: Duration = Duration::from_secs(10);
const WIDTH: u64 = 720;
/// Where the line begins, beside the names of values.
const LEFT: u64 = 190;
/// Where the name of a curve begins, beside a piece of its line.
const NAME: u64 = 30;
const TOP: u64 = 6;
/// Of curves.
const PLOT: u64 = 132;
/// Of one value.
const ROW: u64 = 24;
/// Room for times.
const BELOW: u64 = 24;
/// From the middle of letters to the line that they stand on.
const LETTER_BELOW: u64 = 5;
/// A chart has a handful of values.
const ROWS_MAX: u64 = 100;
/// All of a share.
const WHOLE: u16 = 10_000;
