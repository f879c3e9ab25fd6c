//! One line of an access log: the common and combined formats (NCSA, as Apache and nginx write them), and JSON lines
//! as nginx, Caddy, Traefik and the gate itself write them.

use std::net::IpAddr;

/// A line longer than this is skipped; it is nobody's page view.
pub(crate) const LINE_BYTES_MAX: usize = 16 * 1024;

/// What an access log says about one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) client: IpAddr,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) user: Option<String>,
    pub(crate) user_agent: String,
}

/// Why a line is left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Skipped {
    /// It is longer than [`LINE_BYTES_MAX`] or empty.
    Length,
    /// It is in no format that is known.
    Format,
    /// It has no client address (a host name, a Unix socket).
    NoAddress,
}

/// Reads one line of any of the formats.
pub(crate) fn parse(line: &str) -> Result<Entry, Skipped> {
    let line = line.trim();
    if line.is_empty() || line.len() > LINE_BYTES_MAX {
        return Err(Skipped::Length);
    }
    if line.starts_with('{') { parse_json(line) } else { parse_combined(line) }
}

/// `host ident user [time] "request" status bytes "referer" "user agent"`; the last two may be missing, and a virtual
/// host may stand before the client.
fn parse_combined(line: &str) -> Result<Entry, Skipped> {
    let (before, rest) = line.split_once(" [").ok_or(Skipped::Format)?;
    let mut words = before.split(' ').filter(|word| !word.is_empty());
    let first = words.next().ok_or(Skipped::Format)?;
    let rest_words: Vec<&str> = words.collect();
    let (client, user) = match address(first) {
        Some(client) => (client, rest_words.get(1)),
        None => {
            (rest_words.first().and_then(|word| address(word)).ok_or(Skipped::NoAddress)?, rest_words.get(2))
        }
    };
    let (time, rest) = rest.split_once("] \"").ok_or(Skipped::Format)?;
    let (request, rest) = quoted(rest).ok_or(Skipped::Format)?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status = numbers.next().and_then(|status| status.parse().ok()).ok_or(Skipped::Format)?;
    let (_bytes, tail) = (numbers.next(), numbers.next().unwrap_or(""));
    let mut request = request.split(' ');
    let (method, target) = (request.next().unwrap_or("-"), request.next().unwrap_or("-"));
    Ok(Entry {
        client,
        at: clf_time(time).ok_or(Skipped::Format)?,
        method: method.to_owned(),
        path: path_of(target),
        status,
        user: user.filter(|user| **user != "-").map(|user| (*user).to_owned()),
        user_agent: user_agent(tail),
    })
}

/// The text up to the closing quote (backslash escapes are skipped over), and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// The second quoted text of `"referer" "user agent"`.
fn user_agent(tail: &str) -> String {
    let second = || {
        let (_referer, rest) = quoted(tail.split_once('"')?.1)?;
        quoted(rest.split_once('"')?.1)
    };
    second().map_or(String::new(), |(agent, _)| agent.to_owned())
}

fn clf_time(text: &str) -> Option<i64> {
    jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", text).ok().map(jiff::Timestamp::as_second)
}

fn parse_json(line: &str) -> Result<Entry, Skipped> {
    let value: serde_json::Value = serde_json::from_str(line).map_err(|_| Skipped::Format)?;
    let nested = value.get("request").filter(|request| request.is_object());
    let find = |names: &[&str]| {
        names.iter().find_map(|name| nested.and_then(|r| r.get(name)).or_else(|| value.get(name)))
    };
    let text = |names: &[&str]| find(names).and_then(serde_json::Value::as_str).map(str::to_owned);
    let client =
        text(&["client", "client_ip", "remote_ip", "remote_addr", "ClientHost"]).ok_or(Skipped::NoAddress)?;
    let request_line = value.get("request").and_then(serde_json::Value::as_str).unwrap_or("");
    let mut words = request_line.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let status = find(&["status", "DownstreamStatus"]).ok_or(Skipped::Format)?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok()).ok_or(Skipped::Format)?;
    Ok(Entry {
        client: address(&client).ok_or(Skipped::NoAddress)?,
        at: json_time(
            find(&["time", "ts", "time_iso8601", "time_local", "timestamp", "StartUTC"])
                .ok_or(Skipped::Format)?,
        )
        .ok_or(Skipped::Format)?,
        method: text(&["method", "request_method", "RequestMethod"]).unwrap_or_else(|| method.to_owned()),
        path: path_of(
            &text(&["path", "uri", "request_uri", "RequestPath"]).unwrap_or_else(|| target.to_owned()),
        ),
        status: u16::try_from(status).map_err(|_| Skipped::Format)?,
        user: text(&["user", "remote_user"]).filter(|user| !matches!(user.as_str(), "" | "-")),
        user_agent: text(&["user_agent", "http_user_agent", "request_User-Agent"]).unwrap_or_default(),
    })
}

fn json_time(value: &serde_json::Value) -> Option<i64> {
    if let Some(seconds) = value.as_f64() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seconds since 1970; a nonsense value saturates"
        )]
        return Some(seconds as i64);
    }
    let text = value.as_str()?;
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second).or_else(|| clf_time(text))
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[');
    let bare = bare.split_once(']').map_or(bare, |(inside, _)| inside);
    let parsed = bare.parse().ok().or_else(|| bare.rsplit_once(':')?.0.parse().ok());
    parsed.map(|address: IpAddr| address.to_canonical())
}

fn path_of(target: &str) -> String {
    let after_host =
        target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    after_host.split(['?', '#']).next().unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let shown = match parse(line) {
            Ok(e) => format!(
                "{} {} {} {} {} {} {:?}",
                e.client,
                e.at,
                e.method,
                e.path,
                e.status,
                e.user.unwrap_or("-".into()),
                e.user_agent
            ),
            Err(skipped) => format!("{skipped:?}"),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_combined_and_common_formats_are_read() {
        check(
            r#"192.0.2.1 - ann [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 203023 "http://x/" "Mozilla \"5\"""#,
            r#"192.0.2.1 1431857103 GET /a 200 ann "Mozilla \\\"5\\\"""#,
        );
        check(
            r#"192.0.2.1 - - [17/May/2015:10:05:03 +0200] "POST /login HTTP/1.1" 302 -"#,
            r#"192.0.2.1 1431849903 POST /login 302 - """#,
        );
        check(
            r#"shop.example 2001:db8::1 - - [17/May/2015:10:05:03 +0000] "GET http://h/p HTTP/1.1" 200 1"#,
            r#"2001:db8::1 1431857103 GET /p 200 - """#,
        );
    }

    #[test]
    fn json_lines_of_several_servers_are_read() {
        check(
            r#"{"time_iso8601":"2015-05-17T10:05:03+00:00","remote_addr":"192.0.2.1","request":"GET /a?x HTTP/1.1","status":"200","http_user_agent":"c"}"#,
            r#"192.0.2.1 1431857103 GET /a 200 - "c""#,
        );
        check(
            r#"{"ts":1431857103.5,"request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/a"},"status":404}"#,
            r#"192.0.2.1 1431857103 GET /a 404 - """#,
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        check("", "Length");
        check("hello", "Format");
        check(r#"unix: - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1"#, "NoAddress");
        check(r#"192.0.2.1 - - [yesterday] "GET / HTTP/1.1" 200 1"#, "Format");
    }
}
