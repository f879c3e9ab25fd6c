//! Prometheus' text format 0.0.4, which scrapers read that are older than OpenMetrics, and `promtool check metrics`.

/// The media type of the text.
pub const OLDER_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether an `Accept` (RFC 9110, section 12.5.1) wants the older format: it names plain text, and OpenMetrics not at all. Weights are not
/// read: whoever can have both gets the newer one.
pub fn wants_older(accept: &str) -> bool {
    let names = |kind: &str| {
        accept
            .split(',')
            .any(|range| range.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(kind)))
    };
    names("text/plain") && !names("application/openmetrics-text")
}

/// The same metrics in the older format: there a counter's family is called as its samples are, units are not known, and nothing marks
/// the end.
pub fn in_older_format(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut counter = None;
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        let (mark, what, family, rest) = (words.next(), words.next(), words.next(), words.next());
        match (mark, what, family, rest) {
            (Some("#"), Some("EOF" | "UNIT"), _, _) => continue,
            (Some("#"), Some(what @ ("TYPE" | "HELP")), Some(family), Some(rest)) => {
                if what == "TYPE" {
                    counter = (rest == "counter").then_some(family);
                }
                let total = if counter == Some(family) { "_total" } else { "" };
                out.extend(["# ", what, " ", family, total, " ", rest]);
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}
