//! What a benchmark found: rows of figures, and ratios with what is promised about them (contracts, "Benchmarks").

use std::fmt::Write;

use serde::Serialize;

use crate::statistics::{bootstrap, median};

/// One object: `rows` and `ratios`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Benchmark {
    pub(crate) rows: Vec<Row>,
    pub(crate) ratios: Vec<Ratio>,
}

/// One subject at one task.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) task: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) unit: &'static str,
    pub(crate) runs: usize,
}

/// Ours over a peer's, round by round: the median, and its bootstrap 90 % interval.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) task: &'static str,
    pub(crate) ours: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Row {
    /// The row of a subject's figures, one of each round.
    pub(crate) fn of(task: &'static str, subject: &'static str, unit: &'static str, figures: &[f64]) -> Self {
        Self {
            task,
            subject,
            median: rounded(median(figures)),
            min: rounded(figures.iter().copied().fold(f64::INFINITY, f64::min)),
            max: rounded(figures.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
            unit,
            runs: figures.len(),
        }
    }
}

impl Ratio {
    /// Divides round by round: what disturbs a whole round disturbs both.
    pub(crate) fn of(task: &'static str, ours: (&'static str, &[f64]), peer: (&'static str, &[f64])) -> Self {
        let quotients: Vec<f64> = ours.1.iter().zip(peer.1).map(|(ours, peer)| ours / peer).collect();
        let interval = bootstrap(&quotients);
        Self {
            task,
            ours: ours.0,
            peer: peer.0,
            ratio: rounded(interval.middle),
            low: rounded(interval.low),
            high: rounded(interval.high),
        }
    }
}

impl Benchmark {
    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names and numbers always serialise")
    }

    /// A table for people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let Row { task, subject, median, min, max, unit, runs } = row;
            let _infallible = writeln!(
                text,
                "{task:<11} {subject:<11} {median:8.2} {unit}  ({min:.2} to {max:.2}, {runs} runs)"
            );
        }
        for ratio in &self.ratios {
            let Ratio { task, ours, peer, ratio, low, high } = ratio;
            let _infallible =
                writeln!(text, "{task:<11} {ours} / {peer} = {ratio:.3}  (90 %: {low:.3} to {high:.3})");
        }
        text
    }
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_has_the_contracts_names() {
        let benchmark = Benchmark {
            rows: vec![Row::of("forward", "nginx", "us_cpu_per_request", &[12.0, 11.0, 13.0])],
            ratios: vec![Ratio::of("forward", ("portcullis", &[9.0, 9.0]), ("nginx", &[12.0, 12.0]))],
        };
        assert_eq!(
            benchmark.to_json(),
            concat!(
                r#"{"rows":[{"task":"forward","subject":"nginx","median":12.0,"min":11.0,"max":13.0,"#,
                r#""unit":"us_cpu_per_request","runs":3}],"ratios":[{"task":"forward","ours":"portcullis","#,
                r#""peer":"nginx","ratio":0.75,"low":0.75,"high":0.75}]}"#
            )
        );
    }
}
