//! Results of runs as comma-separated values (RFC 4180): what the page is made of, and the hash by which a run is known again.

use serde_json::{Map, Number, Value};

use super::kept::FAILURE;

/// The hash over all decisions of a run.
const HASH: &str = "decision_hash";

/// The columns. The last may hold anything but a new line.
const COLUMNS: [&str; 20] = [
    "seed",
    "seconds_to_protect",
    "seconds_to_first_rule",
    "known_success",
    "known_success_after_protect",
    "unknown_success",
    "login_success",
    "login_p95_seconds",
    "seconds_to_reopen",
    "reverts",
    "false_closings",
    "refused_in_calm",
    "known_refused_in_calm",
    "seconds_to_alarm",
    "collateral",
    "tick_p99_us",
    "state_bytes_max",
    "seconds_per_hour",
    HASH,
    FAILURE,
];

/// A title and a line for each result.
pub(super) fn written(results: &[Value]) -> String {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for result in results {
        let cells: Vec<String> = COLUMNS.iter().map(|key| cell(result.get(*key))).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// The result of a line; `None` for one that was cut off.
pub(super) fn read(line: &str) -> Option<Value> {
    let cells: Vec<&str> = line.splitn(COLUMNS.len(), ',').collect();
    if cells.len() < COLUMNS.len() {
        return None;
    }
    let filled = COLUMNS.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
    Some(Value::Object(
        filled.map(|(key, cell)| ((*key).to_owned(), value(key, cell))).collect::<Map<_, _>>(),
    ))
}

/// Six figures are more than any table shows.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::Number(number)) if number.is_f64() => {
            let figure = number.as_f64().unwrap_or_default();
            if figure.fract() == 0.0 { format!("{figure:.0}") } else { format!("{figure:.5e}") }
        }
        Some(Value::String(text)) => text.replace('\n', " "),
        Some(other) => other.to_string(),
    }
}

fn value(key: &str, cell: &str) -> Value {
    if key == HASH || key == FAILURE {
        return Value::from(cell);
    }
    if let Ok(whole) = cell.parse::<u64>() {
        return Value::from(whole);
    }
    cell.parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let result = json!({
            "seed": 7, "seconds_to_protect": 1.0, "unknown_success": 0.123_456_789, "refused_in_calm": 3.0e-7,
            "decision_hash": "0012", "false_closings": 0, "tick_p99_us": 300, "over_limit_seconds": 3,
        });
        let broken = json!({ "seed": 8, FAILURE: "no, it\nbroke" });
        let text = written(&[result, broken]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "7,1,,,,1.23457e-1,,,,,0,3.00000e-7,,,,300,,,0012,");
        assert_eq!(lines[2], "8,,,,,,,,,,,,,,,,,,,no, it broke");
        let back = read(lines[1]).unwrap();
        assert_eq!(back["unknown_success"], 0.123_457);
        assert_eq!(back["decision_hash"], "0012");
        assert_eq!(read(lines[2]).unwrap()[FAILURE], "no, it broke");
        assert_eq!(read("7,1,,,"), None);
    }
}
