//! A report as one HTML file: its text, and a chart of each thing that changed over time with a table behind it.
//!
//! It reads as much of Markdown as drafts are made of: headings, points, boxes, tables, paragraphs, `**strong**` and `` `code` ``. Everything else
//! is text.

pub(crate) mod chart;

use incident::Draft;
use model::Timestamp;

use crate::markup::Markup;

/// The file, as it is at a moment. It needs no other, loads nothing and runs nothing.
pub fn report(draft: &Draft, now: Timestamp) -> Vec<u8> {
    let title = draft.text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("Report");
    let mut out = Markup::default();
    out.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    out.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    out.raw("<meta name=\"robots\" content=\"noindex\">\n<title>").text(title).raw("</title>\n<style>");
    out.raw(STYLE).raw("</style>\n</head>\n<body>\n<main>\n");
    // Charts stand before the second part: after what was said in short.
    let is_part = |line: &str| line.starts_with("## ");
    let lines: Vec<&str> = draft.text.lines().collect();
    let second = lines.iter().enumerate().filter(|(_, line)| is_part(line)).nth(1);
    let (before, after) = lines.split_at(second.map_or(lines.len(), |(place, _)| place));
    put_text(&mut out, before);
    if !draft.charts.is_empty() {
        out.raw("<h2>Over time (UTC)</h2>\n");
        draft.charts.iter().for_each(|of| chart::put(&mut out, of, now));
    }
    put_text(&mut out, after);
    out.raw("</main>\n</body>\n</html>\n");
    out.into_bytes()
}

/// A report inside a page that has its own headings: as much of Markdown as drafts are made of, all headings of the third rank.
pub fn put_markdown(out: &mut Markup, text: &str) {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    for lines in lines.chunk_by(|one, other| kind(one) == kind(other)) {
        match lines.first().map_or(Kind::Nothing, |line| kind(line)) {
            Kind::Heading => put_each(out, lines, "<h3 dir=\"auto\">", "</h3>\n", 2),
            Kind::Part => put_each(out, lines, "<h3 dir=\"auto\">", "</h3>\n", 3),
            Kind::Words => {
                out.raw("<p dir=\"auto\">");
                for (place, line) in lines.iter().enumerate() {
                    out.raw(if place > 0 { "<br>" } else { "" });
                    put_words(out, line.trim());
                }
                out.raw("</p>\n");
            }
            Kind::Point => {
                out.raw("<ul class=\"points\">\n");
                put_each(out, lines, "<li dir=\"auto\">", "</li>\n", 2);
                out.raw("</ul>\n");
            }
            Kind::Row => put_table(out, lines),
            Kind::Nothing => {}
        }
    }
}

fn put_each(out: &mut Markup, lines: &[&str], begin: &'static str, end: &'static str, skip: usize) {
    for line in lines {
        let words = &line[skip..];
        let boxes = [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")];
        let ticked = boxes.into_iter().find_map(|(mark, sign)| Some((sign, words.strip_prefix(mark)?)));
        let (sign, words) = ticked.unwrap_or(("", words));
        out.raw(begin).raw(sign);
        put_words(out, words);
        out.raw(end);
    }
}

/// What a line is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Nothing,
    Heading,
    Part,
    Point,
    Row,
    Words,
}

fn kind(line: &str) -> Kind {
    match line {
        "" => Kind::Nothing,
        _ if line.starts_with("# ") => Kind::Heading,
        _ if line.starts_with("## ") => Kind::Part,
        _ if line.starts_with("- ") => Kind::Point,
        _ if line.starts_with('|') => Kind::Row,
        _ => Kind::Words,
    }
}

fn put_text(out: &mut Markup, lines: &[&str]) {
    for lines in lines.chunk_by(|one, other| kind(one) == kind(other)) {
        match lines.first().map_or(Kind::Nothing, |line| kind(line)) {
            Kind::Nothing => {}
            Kind::Heading => put_each(out, lines, "<h1>", "</h1>\n", 2),
            Kind::Part => put_each(out, lines, "<h2>", "</h2>\n", 3),
            Kind::Words => put_each(out, lines, "<p>", "</p>\n", 0),
            Kind::Point => {
                out.raw("<ul>\n");
                put_each(out, lines, "<li>", "</li>\n", 2);
                out.raw("</ul>\n");
            }
            Kind::Row => put_table(out, lines),
        }
    }
}

fn put_table(out: &mut Markup, rows: &[&str]) {
    out.raw("<div class=\"wide\" tabindex=\"0\"><table>\n");
    for (place, row) in rows.iter().filter(|row| !row.starts_with("| ---")).enumerate() {
        out.raw("<tr>");
        for cell in cells(row) {
            out.raw(if place == 0 { "<th scope=\"col\">" } else { "<td>" });
            put_words(out, &cell);
            out.raw(if place == 0 { "</th>" } else { "</td>" });
        }
        out.raw("</tr>\n");
    }
    out.raw("</table></div>\n");
}

/// The cells of a row; `\|` is a letter of a cell.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut letters = row.trim().strip_prefix('|').unwrap_or(row).chars().peekable();
    while let Some(letter) = letters.next() {
        let is_bar = letter == '\\' && letters.next_if_eq(&'|').is_some();
        match cells.last_mut() {
            Some(cell) if letter != '|' => cell.push(if is_bar { '|' } else { letter }),
            _ => cells.push(String::new()),
        }
    }
    // Behind the last bar there is nothing.
    cells.pop();
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Words on a line; marks that are not closed are letters.
fn put_words(out: &mut Markup, line: &str) {
    let mut rest = line;
    loop {
        let marks = [("**", "<strong>", "</strong>"), ("`", "<code>", "</code>")];
        let found = marks.into_iter().filter_map(|(mark, begin, end)| {
            let (before, after) = rest.split_once(mark)?;
            let (inner, after) = after.split_once(mark)?;
            Some((before, inner, after, begin, end))
        });
        let Some((before, inner, after, begin, end)) = found.min_by_key(|(before, ..)| before.len()) else {
            out.text(rest);
            return;
        };
        out.text(before).raw(begin).text(inner).raw(end);
        rest = after;
    }
}

const STYLE: &str = concat!(
    ":root{color-scheme:light dark;--bg:#fff;--ink:#1b1e23;--soft:#595f69;--line:#d5d5cd;--mark:#1d4f91;--todo:#8a5300}",
    "@media(prefers-color-scheme:dark){:root{--bg:#111317;--ink:#e9eaed;--soft:#a6acb6;--line:#3a404a;--mark:#93b9fa;--todo:#e6ad45}}",
    "body{margin:0 auto;max-width:52rem;padding:1.5rem 1rem 4rem;background:var(--bg);color:var(--ink);",
    "font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;overflow-wrap:anywhere}",
    "h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:1.4rem 0 .3rem}",
    "li{margin:.25rem 0}strong{color:var(--todo)}code{color:var(--soft)}",
    // A table and a chart are wider than a phone rather than letters beneath each other, or too small to read.
    ".wide{overflow-x:auto}.wide svg{min-width:34rem}table{border-collapse:collapse;font-size:.9rem}",
    "th,td{overflow-wrap:break-word;text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;border-bottom:1px solid var(--line)}",
    // Five columns fit on a phone.
    "@media(max-width:34rem){th,td{padding-right:.45rem}}",
    "svg{display:block;width:100%;height:auto}text{fill:var(--soft);font-size:13px}",
    ".grid{stroke:var(--line)}.went{fill:none;stroke:var(--mark);stroke-width:3}",
    "details{margin:.3rem 0 1rem}summary{cursor:pointer;color:var(--soft)}",
    "@media(forced-colors:active){.went{stroke:CanvasText}text{fill:CanvasText}}",
    "@media print{details::details-content{content-visibility:visible;height:auto}}",
);

#[cfg(test)]
mod tests;
