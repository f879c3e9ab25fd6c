//! Metrics in the OpenMetrics text format, version 1.0.0, and in the older one of Prometheus for whoever asks for that.
//!
//! Every metric is a constant of [`catalogue`]: its name exists once, and its kind and number of labels are types,
//! so that a sample that does not fit does not compile. `docs/metrics.md` is made from the same constants.

pub mod catalogue;
mod exposition;
mod older;

pub use exposition::{Buckets, Exposition};
pub use older::{OLDER_CONTENT_TYPE, in_older_format, wants_older};

use std::marker::PhantomData;

/// A metric family: what it is called, what it says, and which labels it has.
///
/// `KIND` is one of [`Counter`], [`Gauge`] and [`Histogram`].
pub struct Metric<KIND, const LABELS: usize> {
    name: &'static str,
    unit: Option<&'static str>,
    help: &'static str,
    labels: [&'static str; LABELS],
    kind: PhantomData<KIND>,
}

/// What an admin reads about one metric.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name of its samples, such as `portcullis_requests_total`; histograms add `_bucket`, `_count`, `_sum`.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

/// A sum that only grows. Its samples end in `_total`.
pub enum Counter {}

/// A value that goes up and down.
pub enum Gauge {}

/// Durations counted in buckets.
pub enum Histogram {}

/// The kind of a metric.
pub trait Kind {
    /// The word in a `# TYPE` line.
    const WORD: &'static str;
}

impl Kind for Counter {
    const WORD: &'static str = "counter";
}

impl Kind for Gauge {
    const WORD: &'static str = "gauge";
}

impl Kind for Histogram {
    const WORD: &'static str = "histogram";
}

impl<KIND: Kind, const LABELS: usize> Metric<KIND, LABELS> {
    const fn new(name: &'static str, labels: [&'static str; LABELS], help: &'static str) -> Self {
        Self { name, unit: None, help, labels, kind: PhantomData }
    }

    /// OpenMetrics: the name of the family must end in its unit.
    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    const fn entry(&'static self) -> Entry {
        Entry { name: self.name, kind: KIND::WORD, labels: &self.labels, help: self.help }
    }
}

#[cfg(test)]
mod tests;
