//! For how much of their time people were served, for admins: the public is told later, and only where the configuration says so.

use incident::{Figures, Users};
use serde_json::{Value, json};

/// A line for each of [`Users::ALL`].
pub(super) fn said(figures: &[Figures; 2]) -> String {
    Users::ALL.into_iter().zip(figures).map(|(users, figures)| line(users, figures)).collect()
}

fn line(users: Users, figures: &Figures) -> String {
    let of = |share: Option<f64>| share.map_or_else(|| "not enough data".to_owned(), percent);
    let who = match users {
        Users::Known => "customers",
        Users::Returning => "visitors who had been here before",
    };
    match figures {
        Figures { hour: None, day: None, worst: None } => {
            format!("\n{who} were served: not enough data for a figure")
        }
        Figures { hour, day, worst } => format!(
            "\n{who} were served for {} of their time in the last hour, {} in the last 24 h, {} in the worst quarter of an hour",
            of(*hour),
            of(*day),
            of(*worst)
        ),
    }
}

/// The same for programs; null where there is not enough data.
pub(super) fn value(figures: &[Figures; 2]) -> Value {
    let of = |(users, figures): (Users, &Figures)| json!({ "audience": users.name(), "hour": figures.hour, "day": figures.day, "worst_quarter": figures.worst });
    Users::ALL.into_iter().zip(figures).map(of).collect()
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
        let figures = [Figures { hour: Some(0.999_99), day: None, worst: Some(0.5) }, Figures::default()];
        let expected = "\ncustomers were served for 99.99 % of their time in the last hour, not enough data in the last 24 h, 50.00 % in the worst quarter of an hour\n\
                        visitors who had been here before were served: not enough data for a figure";
        assert_eq!(said(&figures), expected);
        assert_eq!(
            value(&figures).to_string(),
            r#"[{"audience":"known","day":null,"hour":0.99999,"worst_quarter":0.5},{"audience":"returning","day":null,"hour":null,"worst_quarter":null}]"#
        );
    }
}
