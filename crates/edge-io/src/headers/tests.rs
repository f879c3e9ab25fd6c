use super::*;

/// Plays `Name: value` lines through the gate; the only test code that knows the API.
#[track_caller]
fn check(front: bool, lines: &str, expected: &str) {
    let mut headers = HeaderMap::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let chores = scan(&headers).chores(true);
    let told = Told {
        forwarded_for: HeaderValue::from_static("192.0.2.1"),
        forwarded: HeaderValue::from_static("for=192.0.2.1;proto=http"),
        request_id: HeaderValue::from_static("id"),
        tier: HeaderValue::from_static("t5"),
        known: false,
        front,
        https: false,
    };
    for_origin(&mut headers, chores, told);
    let mut shown: Vec<String> = headers
        .iter()
        .filter(|(name, _)| {
            !matches!(name.as_str(), "x-request-id" | "portcullis-tier" | "x-forwarded-proto")
        })
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    shown.sort();
    assert_eq!(shown.join("\n"), expected.lines().map(str::trim).collect::<Vec<_>>().join("\n"));
}

#[test]
fn forged_headers_go_whatever_their_spelling() {
    check(
        false,
        "Host: a
         X_Forwarded_For: 1.1.1.1
         x-forwarded-host: evil
         Forwarded: for=1.1.1.1
         Portcullis_Tier: t0
         X-Real-IP: 1.1.1.1
         Accept: */*",
        "accept: */*
         forwarded: for=192.0.2.1;proto=http
         host: a
         x-forwarded-for: 192.0.2.1",
    );
}

#[test]
fn a_front_keeps_what_it_said_but_never_a_tier() {
    check(
        true,
        "Host: a
         X-Forwarded-For: 198.51.100.7
         Portcullis-Login: root",
        "forwarded: for=192.0.2.1;proto=http
         host: a
         x-forwarded-for: 198.51.100.7, 192.0.2.1",
    );
}

#[test]
fn headers_named_in_connection_go_before_ours_are_added() {
    check(
        false,
        "Host: a
         Connection: close, X-Secret, x-forwarded-for, host, x-request-id
         X-Secret: 1
         TE: trailers, deflate
         Keep-Alive: 5
         Expect: 100-continue",
        "forwarded: for=192.0.2.1;proto=http
         host: a
         te: trailers
         x-forwarded-for: 192.0.2.1",
    );
}

#[test]
fn only_websocket_is_upgraded() {
    check(
        false,
        "Host: a
         Connection: Upgrade, HTTP2-Settings
         Upgrade: h2c
         HTTP2-Settings: AAMAAABk",
        "forwarded: for=192.0.2.1;proto=http
         host: a
         x-forwarded-for: 192.0.2.1",
    );
    check(
        false,
        "Host: a
         Connection: keep-alive, Upgrade
         Upgrade: websocket",
        "connection: upgrade
         forwarded: for=192.0.2.1;proto=http
         host: a
         upgrade: websocket
         x-forwarded-for: 192.0.2.1",
    );
}

#[test]
fn gate_cookies_never_reach_the_app() {
    check(
        false,
        "Host: a
         Cookie: a=1; portcullis=secret; __Host-portcullis=x; b=2",
        "cookie: a=1; b=2
         forwarded: for=192.0.2.1;proto=http
         host: a
         x-forwarded-for: 192.0.2.1",
    );
}

#[test]
fn many_parts_of_a_file_become_the_whole() {
    check(
        false,
        "Host: a\n Range: bytes=0-,5-",
        "forwarded: for=192.0.2.1;proto=http\n host: a\n x-forwarded-for: 192.0.2.1",
    );
    check(
        false,
        "Host: a\n Range: bytes=0-99",
        "forwarded: for=192.0.2.1;proto=http\n host: a\n range: bytes=0-99\n x-forwarded-for: 192.0.2.1",
    );
}
