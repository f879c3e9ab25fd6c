//! The page as data: what a machine elsewhere needs to make the same page, and to go on with it when it hears no more.

use std::time::Duration;

use incident::{Chart, Component, Curve, Incident, Maintenance, Served, Update, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::page::{Page, PageError};

/// A page as it was at a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageData {
    /// What it is called and where it is.
    pub page: Page,
    /// When it was made.
    pub at: Timestamp,
    /// All that it shows.
    pub view: View,
}

/// Why something is no [`PageData`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageDataError {
    /// It is too long.
    #[error("the page as data is longer than {} bytes", PageData::BYTES_MAX)]
    TooLong,
    /// It is no JSON, or not what a copy holds.
    #[error(
        "this is no status page as data, or one of another version; run the same version on both machines"
    )]
    Unreadable,
    /// It is of another version.
    #[error("the page has format {0}, and this version reads {format}; run the same version on both machines", format = PageData::FORMAT)]
    Format(u32),
    /// It shows more than a page has.
    #[error("it shows more than a page has")]
    TooMuch,
    /// What it says of the page makes none.
    #[error(transparent)]
    Page(#[from] PageError),
}

impl PageData {
    /// Where it is among the files of a page.
    pub const PATH: &str = "page.json";
    /// The only format so far.
    pub const FORMAT: u32 = 1;
    /// The longest that is read.
    pub const BYTES_MAX: usize = 8 << 20;

    /// As it is published.
    pub fn to_bytes(view: &View, page: &Page, at: Timestamp) -> Vec<u8> {
        let support = page.support().map(|support| (support.text.as_str(), support.link.as_deref()));
        json::bytes(&Written {
            format: Self::FORMAT,
            name: page.name(),
            url: page.url(),
            support,
            stale_after: page.stale_after().as_secs(),
            subscribing: page.subscribing(),
            at,
            view,
        })
    }

    /// Reads what another machine published.
    ///
    /// # Errors
    ///
    /// See [`PageDataError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PageDataError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(PageDataError::TooLong);
        }
        let Format { format } = serde_json::from_slice(bytes).map_err(|_| PageDataError::Unreadable)?;
        if format != Self::FORMAT {
            return Err(PageDataError::Format(format));
        }
        let read: Read = serde_json::from_slice(bytes).map_err(|_| PageDataError::Unreadable)?;
        if !is_bounded(&read.view) {
            return Err(PageDataError::TooMuch);
        }
        let page = Page::new(&read.name, &read.url)?.with_stale_after(Duration::from_secs(read.stale_after));
        let page = match read.support {
            Some((text, link)) => page.with_support(&text, link.as_deref())?,
            None => page,
        };
        let page = match read.subscribing {
            Some(base) => page.with_subscribing(&base)?,
            None => page,
        };
        Ok(Self { page, at: read.at, view: read.view })
    }
}

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    name: &'a str,
    url: &'a str,
    support: Option<(&'a str, Option<&'a str>)>,
    /// In seconds.
    stale_after: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribing: Option<&'a str>,
    at: Timestamp,
    view: &'a View,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
struct Read {
    name: String,
    url: String,
    support: Option<(String, Option<String>)>,
    stale_after: u64,
    #[serde(default)]
    subscribing: Option<String>,
    at: Timestamp,
    view: View,
}

/// Whether a gate could show so much.
fn is_bounded(view: &View) -> bool {
    let View { components, incidents, maintenances, outside, served, places: _, updated_at: _ } = view;
    let are_parts = |counts: &[usize]| counts.iter().all(|count| *count <= PARTS_MAX);
    let are_short = |texts: &[&String]| texts.iter().all(|text| text.len() <= TEXT_BYTES_MAX);
    let is_component =
        |of: &Component| of.troubles.len() <= TROUBLES_MAX && are_short(&[&of.name, &of.description]);
    let is_update = |of: &Update| are_parts(&[of.affected.len()]) && are_short(&[&of.body]);
    let is_incident = |of: &Incident| {
        are_parts(&[of.updates.len(), of.reopened.len(), of.components.len(), of.audiences.len()])
            && are_short(&[&of.title, &of.postmortem])
            && of.served.as_ref().is_none_or(is_short)
            && of.charts.len() <= CHARTS_MAX
            && of.charts.iter().all(is_drawn)
            && of.updates.iter().all(is_update)
    };
    let is_work = |of: &Maintenance| are_parts(&[of.components.len()]) && are_short(&[&of.title, &of.body]);
    are_parts(&[components.len(), incidents.len(), maintenances.len(), outside.len()])
        && served.as_ref().is_none_or(is_short)
        && components.iter().all(is_component)
        && incidents.iter().all(is_incident)
        && maintenances.iter().all(is_work)
}

/// Whether a chart is one that a gate could draw.
fn is_drawn(chart: &Chart) -> bool {
    let Chart { title, curves, values, steps, until: _ } = chart;
    let is_curve = |of: &Curve| of.points.len() <= Curve::POINTS_MAX && of.name.len() <= NAME_BYTES_MAX;
    title.len() <= NAME_BYTES_MAX
        && curves.len() <= CHARTS_MAX
        && curves.iter().all(is_curve)
        && values.len() <= CHARTS_MAX
        && values.iter().all(|value| value.len() <= NAME_BYTES_MAX)
        && steps.len() <= PARTS_MAX
}

fn is_short(served: &Served) -> bool {
    match served {
        Served::Bands(stretches) => stretches.len() <= Served::STRETCHES_MAX,
        Served::Exact(_) => true,
    }
}

/// Components with their groups, incidents, announced work, and what belongs to one of them: more of any is no page of a gate.
const PARTS_MAX: usize = 1_000;
/// Charts of one incident, lines of one chart, and values of one line.
const CHARTS_MAX: usize = 16;
/// The longest name in a chart.
const NAME_BYTES_MAX: usize = 256;
/// Times in which a component did not do well.
const TROUBLES_MAX: usize = 10_000;
/// The longest that is written in one piece: a report, or words of a person with the reason.
const TEXT_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    #[test]
    fn a_copy_makes_the_same_files_to_the_byte() {
        let figures = [samples::outage_in_bands(), samples::calm_with_figures(), samples::calm_with_charts()];
        let views = [samples::calm(), samples::outage(), samples::worked_on(), samples::nested()];
        for view in views.into_iter().chain(figures) {
            let files = crate::render(&view, &samples::page(), samples::AT);
            let copy = PageData::read(&files.get(PageData::PATH).unwrap().bytes).unwrap();
            assert_eq!(crate::render(&copy.view, &copy.page, copy.at), files);
        }
    }

    #[test]
    fn what_is_no_copy_is_refused_with_what_to_do() {
        let format = |bytes: &[u8]| PageData::read(bytes).unwrap_err();
        assert_eq!(format(b"<!DOCTYPE html>"), PageDataError::Unreadable);
        assert_eq!(format(b"{\"format\":1}"), PageDataError::Unreadable);
        assert_eq!(format(b"{\"format\":2}"), PageDataError::Format(2));
        assert_eq!(format(&vec![b' '; PageData::BYTES_MAX + 1]), PageDataError::TooLong);
        let mut view = samples::calm();
        view.components = vec![view.components[0].clone(); PARTS_MAX + 1];
        let much = |view: &View| format(&PageData::to_bytes(view, &samples::page(), samples::AT));
        assert_eq!(much(&view), PageDataError::TooMuch);
        let mut view = samples::outage_in_bands();
        if let Some(Served::Bands(stretches)) = &mut view.served {
            *stretches = vec![stretches[0]; Served::STRETCHES_MAX + 1];
        }
        assert_eq!(much(&view), PageDataError::TooMuch);
        type Spoil = fn(&mut Chart);
        let spoils: [Spoil; 4] = [
            |chart| chart.title = "a".repeat(NAME_BYTES_MAX + 1),
            |chart| chart.values = vec![String::new(); CHARTS_MAX + 1],
            |chart| chart.steps = vec![chart.steps[0]; PARTS_MAX + 1],
            |chart| chart.curves[0].points = vec![chart.curves[0].points[0]; Curve::POINTS_MAX + 1],
        ];
        for spoil in spoils {
            let mut view = samples::calm_with_charts();
            spoil(&mut view.incidents[0].charts[1]);
            assert_eq!(much(&view), PageDataError::TooMuch);
        }
        let mut view = samples::outage();
        view.incidents[0].updates[0].body = "a".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(much(&view), PageDataError::TooMuch);
        let mut view = samples::outage();
        let update = view.incidents[0].updates[0].clone();
        view.incidents[0].updates = vec![update; PARTS_MAX + 1];
        assert_eq!(much(&view), PageDataError::TooMuch);
    }

    proptest! {
        #[test]
        fn anything_can_be_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _whatever = PageData::read(&bytes);
        }
    }
}
