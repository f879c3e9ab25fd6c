//! The access log: one JSON object a line, written into the worker's own buffer and handed over in batches.

use std::fmt::Write as _;
use std::net::IpAddr;

use model::{Outcome, Reason, Tier, Timestamp};

use crate::escape::untrusted;
use crate::tls::Ja4;

/// Where batches of lines go. Never blocks: what cannot be taken is counted as dropped.
pub trait LogSink: Send + Sync {
    /// Takes whole lines.
    fn offer(&self, lines: Vec<u8>, count: u32);
}

/// What one line says.
pub(crate) struct Line<'a> {
    pub(crate) at: Timestamp,
    pub(crate) client: IpAddr,
    pub(crate) tier: Tier,
    pub(crate) method: &'a str,
    /// Without the query: its values may be secrets.
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<Reason>,
    /// What a layer that only observes would have refused it for.
    pub(crate) would: Option<Reason>,
    pub(crate) bytes: u64,
    pub(crate) micros: u64,
    /// From dispatch to the origin's first byte.
    pub(crate) service_micros: Option<u64>,
    pub(crate) request_id: &'a [u8],
    pub(crate) user_agent: &'a [u8],
    /// The fingerprint of the client's TLS.
    pub(crate) ja4: Option<Ja4>,
    /// How many such lines this one stands for.
    pub(crate) weight: u32,
}

/// One worker's buffer.
pub(crate) struct LogBuffer {
    lines: Vec<u8>,
    count: u32,
    second: u64,
    /// `YYYY-MM-DDTHH:MM:SS` of `second`.
    stamp: [u8; 19],
}

impl LogBuffer {
    pub(crate) fn new() -> Self {
        Self {
            lines: Vec::with_capacity(BATCH_BYTES + LINE_BYTES_TYPICAL),
            count: 0,
            second: u64::MAX,
            stamp: [0; 19],
        }
    }

    /// Appends a line; hands the batch over when it is full.
    pub(crate) fn write(&mut self, line: &Line<'_>, sink: &dyn LogSink) {
        self.append(line);
        self.count += 1;
        if self.lines.len() >= BATCH_BYTES {
            self.flush(sink);
        }
    }

    /// Hands over what there is.
    pub(crate) fn flush(&mut self, sink: &dyn LogSink) {
        if self.count > 0 {
            let next = Vec::with_capacity(BATCH_BYTES + LINE_BYTES_TYPICAL);
            sink.offer(std::mem::replace(&mut self.lines, next), std::mem::take(&mut self.count));
        }
    }

    fn append(&mut self, line: &Line<'_>) {
        self.stamp(line.at);
        let out = &mut self.lines;
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(&self.stamp);
        let millis = u32::try_from(line.at.as_millis() % 1_000).unwrap_or(0);
        out.push(b'.');
        let digits = [millis / 100, millis / 10 % 10, millis % 10];
        out.extend(digits.map(|digit| b'0' + u8::try_from(digit).unwrap_or(0)));
        out.extend_from_slice(b"Z\",\"client\":\"");
        address(out, line.client);
        text(out, "\",\"tier\":\"", line.tier.label());
        text(out, "\",\"method\":\"", line.method);
        out.extend_from_slice(b"\",\"path\":\"");
        untrusted(out, line.path.as_bytes());
        number(out, "\",\"status\":", line.status.into());
        text(out, ",\"outcome\":\"", line.outcome.label());
        out.push(b'"');
        if let Some(reason) = line.reason {
            text(out, ",\"reason\":\"", reason.label());
            out.push(b'"');
        }
        if let Some(reason) = line.would {
            text(out, ",\"would_refuse\":\"", reason.label());
            out.push(b'"');
        }
        number(out, ",\"bytes\":", line.bytes);
        number(out, ",\"duration_us\":", line.micros);
        if let Some(micros) = line.service_micros {
            number(out, ",\"origin_us\":", micros);
        }
        if line.weight > 1 {
            number(out, ",\"weight\":", line.weight.into());
        }
        out.extend_from_slice(b",\"request_id\":\"");
        out.extend_from_slice(line.request_id);
        out.extend_from_slice(b"\",\"user_agent\":\"");
        untrusted(out, line.user_agent);
        if let Some(ja4) = &line.ja4 {
            text(out, "\",\"ja4\":\"", ja4.as_str());
        }
        out.extend_from_slice(b"\"}\n");
    }

    fn stamp(&mut self, at: Timestamp) {
        if at.as_secs() != self.second {
            self.second = at.as_secs();
            self.stamp = civil(at.as_secs());
        }
    }
}

fn text(out: &mut Vec<u8>, before: &str, text: &str) {
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, before: &str, number: u64) {
    out.extend_from_slice(before.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            let mut digits = itoa::Buffer::new();
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(digits.format(octet).as_bytes());
            }
        }
        IpAddr::V6(v6) => {
            let mut text = String::with_capacity(40);
            let _infallible = write!(text, "{v6}");
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// A second as `YYYY-MM-DDTHH:MM:SS` in UTC; the epoch for what lies beyond the calendar.
fn civil(seconds: u64) -> [u8; 19] {
    let at = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let shown = at.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    shown.as_bytes().first_chunk().copied().unwrap_or(*b"1970-01-01T00:00:00")
}

/// Fewer, larger batches: each one wakes the writer.
const BATCH_BYTES: usize = 64 * 1024;
const LINE_BYTES_TYPICAL: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Kept(Mutex<Vec<u8>>);

    impl LogSink for Kept {
        fn offer(&self, lines: Vec<u8>, _count: u32) {
            self.0.lock().unwrap().extend(lines);
        }
    }

    #[test]
    fn a_line_is_one_json_object_whatever_the_client_sent() {
        let line = Line {
            at: Timestamp::from_millis(1_709_210_096_042),
            client: "192.0.2.7".parse().unwrap(),
            tier: Tier::T5,
            method: "GET",
            path: "/a\"b",
            status: 503,
            outcome: Outcome::Shed,
            reason: Some(Reason::Threshold),
            would: None,
            bytes: 12,
            micros: 345,
            service_micros: None,
            request_id: b"id",
            user_agent: b"evil\n\x1b[0m\xff",
            ja4: None,
            weight: 100,
        };
        let (mut buffer, sink) = (LogBuffer::new(), Kept::default());
        buffer.write(&line, &sink);
        buffer.flush(&sink);
        insta::assert_snapshot!(String::from_utf8(sink.0.into_inner().unwrap()).unwrap());
    }

    #[test]
    fn dates_are_right_around_leap_days() {
        let shown = |seconds| String::from_utf8(civil(seconds).to_vec()).unwrap();
        assert_eq!(shown(0), "1970-01-01T00:00:00");
        assert_eq!(shown(951_827_696), "2000-02-29T12:34:56");
        assert_eq!(shown(4_107_542_399), "2100-02-28T23:59:59");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00");
    }
}
