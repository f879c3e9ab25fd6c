//! How much of their time customers were served, for admins. It is not published.

use incident::Figures;
use serde_json::{Value, json};

/// A line.
pub(super) fn said(figures: &Figures) -> String {
    let of = |share: Option<f64>| share.map_or_else(|| "not enough data".to_owned(), percent);
    match figures {
        Figures { hour: None, day: None, worst: None } => {
            "\ncustomers were served: not enough data for a figure".to_owned()
        }
        Figures { hour, day, worst } => format!(
            "\ncustomers were served for {} of their time in the last hour, {} in the last 24 h, {} in the worst quarter of an hour",
            of(*hour),
            of(*day),
            of(*worst)
        ),
    }
}

/// The same for programs; null where there is not enough data.
pub(super) fn value(figures: &Figures) -> Value {
    json!({ "audience": "known", "hour": figures.hour, "day": figures.day, "worst_quarter": figures.worst })
}

/// Never more than it was: 99.999 is no 100.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 10_000.0).floor() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_never_rounded_up_and_missing_ones_are_said() {
        let figures = Figures { hour: Some(0.999_99), day: None, worst: Some(0.5) };
        let expected = "\ncustomers were served for 99.99 % of their time in the last hour, not enough data in the last 24 h, 50.00 % in the worst quarter of an hour";
        assert_eq!(said(&figures), expected);
        assert!(said(&Figures::default()).ends_with("not enough data for a figure"));
        assert_eq!(
            value(&figures).to_string(),
            r#"{"audience":"known","day":null,"hour":0.99999,"worst_quarter":0.5}"#
        );
    }
}
