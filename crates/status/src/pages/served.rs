//! For how much of their time people were served: a table, exact or in bands.

use std::time::Duration;

use ::incident::{Band, Measure, Measured, Served, Status, Stretch, Users, percent};

use super::Markup;
use crate::dates;

/// Where a table stands.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Place {
    /// On the first page: of the last day, or of the last hour while an incident is open or just over.
    Front,
    /// On the page of an incident: of its time.
    Incident,
}

/// The section.
pub(super) fn put(out: &mut Markup, served: &Served, place: Place) {
    out.raw("<section aria-labelledby=\"served\">\n<h2 id=\"served\">Availability by audience</h2>\n");
    out.raw("<div class=\"card\">\n");
    match served {
        nothing if nothing.is_empty() => {
            out.raw("<p>Not enough data yet.</p>\n");
        }
        Served::Exact(measured) => put_exact(out, measured),
        Served::Bands(stretches) => put_bands(out, stretches),
    }
    if matches!(served, Served::Bands(_)) {
        out.raw("<p class=\"soft\">Each five minutes are shown five minutes late. ");
        out.raw(match place {
            Place::Front => "Exact figures are shown half an hour after the last incident is over.</p>\n",
            Place::Incident => "Exact figures are shown half an hour after it is over.</p>\n",
        });
    }
    put_manner(out);
    out.raw("</div>\n</section>\n");
}

fn put_exact(out: &mut Markup, measured: &Measured) {
    let Measured { from, until, of } = measured;
    out.raw("<table class=\"served\"><caption>Share of their time in which they were served, ");
    if until.since(*from) == DAY {
        out.raw("in the 24 hours to ").time(*until);
    } else {
        out.text(&dates::span(*from, *until));
    }
    out.raw("</caption>\n<thead><tr><th scope=\"col\">Who</th>");
    out.raw("<th scope=\"col\">Served</th><th scope=\"col\">Worst quarter of an hour</th></tr></thead>\n<tbody>\n");
    for (users, measure) in Users::ALL.into_iter().zip(of) {
        out.raw("<tr><th scope=\"row\">").raw(users.label());
        match measure {
            None => put_no_data(out.raw("</th><td colspan=\"2\">")),
            Some(Measure { share, worst, visits }) => {
                out.raw("<span class=\"soft\">about ").text(&grouped(*visits)).raw(" visits</span></th><td>");
                out.text(&percent(*share)).raw("</td><td>");
                match worst {
                    None => put_no_data(out),
                    Some((at, share)) => {
                        out.text(&percent(*share)).raw("<span class=\"soft\">from ");
                        out.time_as(*at, &clock(*at, *until)).raw("</span>")
                    }
                }
            }
        };
        out.raw("</td></tr>\n");
    }
    out.raw("</tbody></table>\n");
}

fn put_bands(out: &mut Markup, stretches: &[Stretch]) {
    let (Some(newest), Some(oldest)) = (stretches.first(), stretches.last()) else { return };
    out.raw("<table class=\"served\"><caption>Share of their time in which they were served, ");
    out.text(&dates::span(oldest.from, newest.until))
        .raw("</caption>\n<thead><tr><th scope=\"col\">When (UTC)</th>");
    for users in Users::ALL {
        out.raw("<th scope=\"col\">").raw(users.label()).raw("</th>");
    }
    out.raw("</tr></thead>\n<tbody>\n");
    for Stretch { from, until, bands } in stretches {
        let words = |at| clock(at, newest.until).replace(" UTC", "");
        out.raw("<tr><th scope=\"row\">").time_as(*from, &words(*from)).raw("–");
        out.time_as(*until, &words(*until)).raw("</th>");
        for band in bands {
            out.raw("<td>");
            match band {
                None => put_no_data(out),
                Some(band) => out.state(look(*band), band.label()),
            };
            out.raw("</td>");
        }
        out.raw("</tr>\n");
    }
    out.raw("</tbody></table>\n");
}

fn put_no_data(out: &mut Markup) -> &mut Markup {
    out.raw("<span class=\"soft\">").raw(NO_DATA).raw("</span>")
}

/// How it is counted, and who is not.
fn put_manner(out: &mut Markup) {
    out.raw("<details class=\"soft\"><summary><span class=\"row\"><span>How this is counted</span></span></summary>\n");
    out.raw("<p>Between two requests of one person the time counts as what the first of them was: served, ");
    out.raw("or not. Who asks for nothing for five minutes is not there. Visitors count who came at least ten minutes ");
    out.raw("and at most a day before. Not counted is who is here for the first time, keeps no cookies, or asks for ");
    out.raw("more than people do. Of a time in which nobody outside could reach us there is no figure.</p></details>\n");
}

/// As the states of components look.
const fn look(band: Band) -> Status {
    match band {
        Band::Nearly => Status::Operational,
        Band::Mostly => Status::DegradedPerformance,
        Band::Partly => Status::PartialOutage,
        Band::Hardly => Status::MajorOutage,
    }
}

/// The clock alone on the day that the caption ends with; before it with the date.
fn clock(at: model::Timestamp, end: model::Timestamp) -> String {
    if dates::date(at) == dates::date(end) { dates::clock(at) } else { dates::moment(at) }
}

/// `12,000`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

const DAY: Duration = Duration::from_hours(24);
pub(crate) const NO_DATA: &str = "not enough data";

#[cfg(test)]
mod tests {
    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([20, 999, 1_200, 1_200_000].map(super::grouped), ["20", "999", "1,200", "1,200,000"]);
    }
}
