use super::hints;

fn file(lines: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    file
}

/// The hints of a file as `ADDRESS ACCOUNTS FAILURES`, those that are left out in brackets.
#[track_caller]
fn check(lines: &[&str], login: Option<&str>, expected: &[&str]) {
    let file = file(lines);
    let found = hints(file.path(), login).unwrap();
    let shown = found.iter().map(|hint| {
        let text = format!("{} {} {}", hint.address, hint.accounts, hint.failures);
        if hint.is_plausible() { text } else { format!("[{text}]") }
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[track_caller]
fn check_fault(lines: &[&str], expected: &str) {
    let error = hints(file(lines).path(), None).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

fn entry(client: &str, user: &str, day: u32, request: &str, status: u16, agent: &str) -> String {
    format!(
        r#"{client} - {user} [{day:02}/May/2026:10:00:00 +0000] "{request} HTTP/1.1" {status} 1 "-" "{agent}""#
    )
}

#[test]
fn a_list_holds_addresses_with_their_accounts_and_failures() {
    let lines = ["# customers", "192.0.2.1", "", "192.0.2.2 3", "2001:db8::1, 20, 0", "192.0.2.3\t1\t5"];
    let expected = ["192.0.2.1 1 0", "192.0.2.2 3 0", "[2001:db8::1 20 0]", "[192.0.2.3 1 5]"];
    check(&lines, None, &expected);
    check_fault(&["192.0.2.1", "192.0.2.\u{1b}"], ":2: `192.0.2.\\u{1b}` is no address");
}

#[test]
fn an_export_counts_the_accounts_of_each_network_up_to_what_is_believed() {
    let client = |n: u32, networks: &str| {
        format!(
            r#"{{"pass":"pass:{n:032x}","account":"account:{:032x}","way":"login","networks":[{networks}]}}"#,
            n / 2
        )
    };
    let mut lines: Vec<String> = (0..8).map(|n| client(n, r#""192.0.2.0/24""#)).collect();
    lines.extend((0..90).map(|n| client(n, r#""198.51.100.0/24","2001:db8::/48""#)));
    lines.push(client(7, ""));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(&lines, None, &["192.0.2.0 4 0", "198.51.100.0 19 0", "2001:db8:: 19 0"]);
    check_fault(&[lines[0], "hello"], ":2: `hello` is no client of an export");
}

#[test]
fn an_access_log_shows_who_signed_in_or_came_back_but_not_who_tries_passwords() {
    let browser = "Mozilla/5.0";
    let mut lines = vec![
        entry("192.0.2.1", "-", 1, "POST /login", 302, browser),
        // The form again is a wrong password where others are redirected.
        entry("192.0.2.2", "-", 1, "POST /login", 302, browser),
        entry("192.0.2.2", "-", 1, "POST /login", 200, browser),
        entry("192.0.2.3", "-", 1, "GET /", 200, browser),
        entry("192.0.2.3", "-", 2, "GET /", 200, browser),
        entry("192.0.2.4", "-", 1, "GET /", 200, browser),
        entry("192.0.2.5", "-", 1, "POST /enter", 302, "Mozilla/4.0"),
        entry("192.0.2.5", "-", 1, "POST /enter", 302, browser),
        entry("192.0.2.6", "-", 1, "GET /", 200, "curl/8"),
        entry("192.0.2.6", "-", 2, "GET /", 200, "curl/8"),
    ];
    // Not found is no failed sign-in; a wrong password is.
    lines.extend((0..9).map(|_| entry("192.0.2.1", "-", 1, "GET /missing", 404, browser)));
    lines.extend((0..5).map(|_| entry("192.0.2.7", "-", 1, "POST /login", 401, browser)));
    lines.push(entry("192.0.2.7", "-", 1, "POST /login", 302, browser));
    lines.extend((0..20).map(|n| entry("192.0.2.8", &format!("user{n}"), 1, "GET /", 200, browser)));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expected = [
        "192.0.2.1 1 0",
        "192.0.2.2 1 1",
        "192.0.2.3 1 0",
        "192.0.2.5 2 0",
        "[192.0.2.7 1 5]",
        "[192.0.2.8 20 0]",
    ];
    check(&lines, Some("/enter"), &expected);
    let without: Vec<&str> = expected.into_iter().filter(|hint| !hint.contains("2.5")).collect();
    check(&lines, None, &without);
    check_fault(&["hello", "world"], "none of the 2 lines is an access log line");
}
