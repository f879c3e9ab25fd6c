//! The writer.

use std::fmt::{Display, Write};

use super::{Counter, Gauge, Histogram, Kind, Metric};

/// An answer to `GET /metrics` in the making. Each family is written whole, once.
#[derive(Debug, Default)]
pub struct Exposition(String);

/// The counts of one histogram.
#[derive(Clone, Copy, Debug)]
pub struct Buckets<'a> {
    /// Inclusive upper bounds, rising; the last bucket is open and has none.
    pub bounds: &'a [f64],
    /// How many values fell into each bucket alone (not summed up), one more than there are bounds.
    pub counts: &'a [u64],
    /// The sum of all values.
    pub sum: f64,
}

impl Exposition {
    /// The media type of the text.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Writes a counter with the values of its label sets, none of them twice.
    pub fn counter<const LABELS: usize, V: AsRef<str>>(
        &mut self,
        metric: &Metric<Counter, LABELS>,
        samples: impl IntoIterator<Item = ([V; LABELS], u64)>,
    ) -> &mut Self {
        self.begin(metric);
        for (values, count) in samples {
            self.sample(metric, "", &values, None, count);
        }
        self
    }

    /// Writes a gauge with the values of its label sets, none of them twice.
    pub fn gauge<const LABELS: usize, V: AsRef<str>>(
        &mut self,
        metric: &Metric<Gauge, LABELS>,
        samples: impl IntoIterator<Item = ([V; LABELS], f64)>,
    ) -> &mut Self {
        self.begin(metric);
        for (values, value) in samples {
            self.sample(metric, "", &values, None, Float(value));
        }
        self
    }

    /// Writes a histogram with the counts of its label sets, none of them twice.
    pub fn histogram<'a, const LABELS: usize, V: AsRef<str>>(
        &mut self,
        metric: &Metric<Histogram, LABELS>,
        samples: impl IntoIterator<Item = ([V; LABELS], Buckets<'a>)>,
    ) -> &mut Self {
        self.begin(metric);
        for (values, buckets) in samples {
            let mut total = 0_u64;
            let bounds = buckets.bounds.iter().copied().chain([f64::INFINITY]);
            for (bound, count) in bounds.zip(buckets.counts) {
                total = total.saturating_add(*count);
                self.sample(metric, "_bucket", &values, Some(bound), total);
            }
            self.sample(metric, "_count", &values, None, total);
            self.sample(metric, "_sum", &values, None, Float(buckets.sum));
        }
        self
    }

    /// The whole text.
    pub fn finish(&mut self) -> String {
        self.0.push_str("# EOF\n");
        std::mem::take(&mut self.0)
    }

    fn begin<KIND: Kind, const LABELS: usize>(&mut self, metric: &Metric<KIND, LABELS>) {
        let family = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        self.line(format_args!("# TYPE {family} {}", KIND::WORD));
        if let Some(unit) = metric.unit {
            self.line(format_args!("# UNIT {family} {unit}"));
        }
        self.line(format_args!("# HELP {family} {}", Escaped(metric.help)));
    }

    fn sample<KIND, const LABELS: usize, V: AsRef<str>>(
        &mut self,
        metric: &Metric<KIND, LABELS>,
        suffix: &str,
        values: &[V; LABELS],
        bound: Option<f64>,
        value: impl Display,
    ) {
        self.0.push_str(metric.name);
        self.0.push_str(suffix);
        let mut separator = '{';
        let mut label = |name: &str, value: &dyn Display| {
            write!(self.0, "{separator}{name}=\"{value}\"").expect("a string takes any text");
            separator = ',';
        };
        for (name, value) in metric.labels.iter().zip(values) {
            label(name, &Escaped(value.as_ref()));
        }
        if let Some(bound) = bound {
            label("le", &Float(bound));
        }
        if separator == ',' {
            self.0.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes any text");
    }
}

/// A float as OpenMetrics writes it.
struct Float(f64);

impl Display for Float {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            value if value.is_infinite() => f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" }),
            value => write!(f, "{value:?}"),
        }
    }
}

/// OpenMetrics, `escaped-string`: line feed, double quote and backslash.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
