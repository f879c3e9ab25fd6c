use std::path::PathBuf;

use super::assess;

fn log(lines: &[String]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    file
}

fn line(client: &str, day: u32, second: u32, request: &str, status: u16, agent: &str) -> String {
    format!(
        "{client} - - [{day:02}/May/2026:10:{:02}:{:02} +0000] \"{request} HTTP/1.1\" {status} 1 \"-\" \"{agent}\"",
        second / 60,
        second % 60
    )
}

/// A small shop's week: people who come back and sign in, a partner, a crawler, somebody who takes too much.
fn week() -> Vec<String> {
    let browser = "Mozilla/5.0";
    let mut lines = Vec::new();
    for day in 1..=7 {
        for person in 0..20 {
            let client = format!("192.0.2.{person}");
            lines.push(line(&client, day, person, "GET /", 200, browser));
            lines.push(line(&client, day, person + 5, "POST /login", 302, browser));
        }
        for call in 0..30 {
            lines.push(line("198.51.100.7", day, call * 100 % 3_600, "POST /api/orders", 200, "orders/2.1"));
        }
        lines.push(line("203.0.113.5", day, 9, "GET /robots.txt", 200, "Examplebot/1.0"));
    }
    lines.extend((0..500).map(|_| line("203.0.113.66", 3, 700, "GET /search", 200, browser)));
    lines.push("this is no log line".to_owned());
    lines
}

#[test]
fn a_week_of_a_small_shop_leads_to_a_configuration_that_is_in_order() {
    let file = log(&week());
    let assessment = assess(&[file.path().to_owned()]).unwrap();
    insta::assert_snapshot!(assessment.to_string());
    let proposed = assessment.configuration();
    assert!(config::Config::parse("proposed", &proposed).is_ok(), "{proposed}");
}

#[test]
fn lines_out_of_order_count_at_their_own_time() {
    let mut lines = week();
    lines.reverse();
    let (forth, back) = (log(&week()), log(&lines));
    let shown = |file: &tempfile::NamedTempFile| {
        serde_json::to_value(assess(&[file.path().to_owned()]).unwrap()).unwrap()
    };
    assert_eq!(shown(&forth)["over_limit"], shown(&back)["over_limit"]);
}

#[test]
fn a_file_that_is_no_log_is_said_so() {
    let file = log(&["hello".to_owned()]);
    assert!(assess(&[file.path().to_owned()]).unwrap_err().to_string().contains("access log line"));
    assert!(assess(&[PathBuf::from("/nowhere")]).unwrap_err().to_string().contains("/nowhere"));
}

/// Real data: skipped aloud without it.
#[test]
fn a_real_sites_log_is_understood() {
    let data = std::env::var_os("PORTCULLIS_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join("http/elastic-apache_logs.log");
    if !path.exists() {
        println!("SKIPPED a_real_sites_log_is_understood: no {}", path.display());
        return;
    }
    let assessment = serde_json::to_value(assess(&[path]).unwrap()).unwrap();
    assert_eq!((assessment["lines"].as_u64(), assessment["clients"].as_u64()), (Some(10_000), Some(1_753)));
    let refused: u64 =
        assessment["over_limit"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    assert!(refused < 500, "{refused} requests of a calm site would have been refused");
}
