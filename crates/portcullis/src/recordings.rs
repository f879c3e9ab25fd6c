//! What is recorded, for admins: a list, and a time of it as one file.

use std::path::Path;
use std::time::Duration;

use console_io::ctl::Reply;
use journal_io::recordings::{self, ExportError, Exported, Segment};
use model::Timestamp;
use serde_json::json;

use crate::lines::when;

/// Which time is asked for: all, unless something is said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) last: Option<Duration>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

/// What lies in a state folder, the oldest first; the newest of many.
pub(crate) fn list(state: &Path) -> Reply {
    let segments = match recordings::list(state) {
        Ok(segments) => segments,
        Err(error) => {
            return Reply::failed(format!("the recordings in {} cannot be read: {error}", state.display()));
        }
    };
    let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let shown = &segments[segments.len().saturating_sub(SHOWN_MAX)..];
    let lines: Vec<String> = shown.iter().map(line).collect();
    let text = if lines.is_empty() {
        "nothing was recorded yet".to_owned()
    } else {
        let earlier = match segments.len() - shown.len() {
            0 => String::new(),
            earlier => format!("{earlier} earlier ones, not shown\n"),
        };
        format!("{earlier}{}\n{} pieces with {} in all", lines.join("\n"), segments.len(), size(bytes))
    };
    let value = |segment: &Segment| {
        json!({
            "begun": segment.begun.as_millis(),
            "ended": segment.ended.as_millis(),
            "bytes": segment.bytes,
            "incident": segment.is_pinned,
        })
    };
    Reply::done(text, json!(shown.iter().map(value).collect::<Vec<_>>()))
}

/// Writes a time to a new file.
pub(crate) fn export(state: &Path, span: Span, file: &Path, now: Timestamp) -> Result<Reply, ExportError> {
    let from = span.last.map(|last| now.before(last)).or(span.from).unwrap_or_default();
    let until = span.to.unwrap_or(Timestamp::from_millis(u64::MAX));
    let Exported { segments, bytes, span: (begun, ended) } =
        recordings::export(state, from, until, file, recording::whole)?;
    let text = format!(
        "{} to {} is in {} ({segments} pieces, {}); only you can read it. It holds keyed hashes and counts, no addresses and no words of clients",
        when(begun),
        when(ended),
        file.display(),
        size(bytes),
    );
    Ok(Reply::done(text, json!({ "segments": segments, "bytes": bytes })))
}

fn line(segment: &Segment) -> String {
    let of = if segment.is_pinned { ", kept for an incident" } else { "" };
    format!("{} to {}  {}{of}", when(segment.begun), when(segment.ended), size(segment.bytes))
}

fn size(bytes: u64) -> String {
    match bytes {
        ..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        1_048_576.. => format!("{} MiB", bytes / 1_048_576),
    }
}

/// A number of minutes or hours.
pub(crate) fn lookback(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time to look back; write 10m or 2h, at most 168h");
    let digits = text.trim_end_matches(['m', 'h']);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let minutes = match &text[digits.len()..] {
        "m" => number,
        "h" => number.saturating_mul(60),
        _ => return Err(wrong()),
    };
    if (1..=168 * 60).contains(&minutes) { Ok(Duration::from_secs(minutes * 60)) } else { Err(wrong()) }
}

/// A moment such as 2026-11-28T09:00:00Z.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let millis = text.parse::<jiff::Timestamp>().ok().and_then(|at| u64::try_from(at.as_millisecond()).ok());
    millis.map(Timestamp::from_millis).ok_or_else(|| {
        format!("`{text}` is no moment; write it with its zone, such as 2026-11-28T09:00:00Z or 2026-11-28T10:00:00+01:00")
    })
}

/// A reply has 64 KiB at most.
const SHOWN_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(lookback("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(lookback("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "m", "0m", "169h", "10", "10s", "-1m", "10mh"] {
            assert!(lookback(wrong).unwrap_err().contains("10m or 2h"), "{wrong}");
        }
        assert_eq!(moment("2026-11-28T09:00:00Z").map(when), Ok("2026-11-28T09:00:00Z".to_owned()));
        assert_eq!(moment("2026-11-28T10:00:00+01:00"), moment("2026-11-28T09:00:00Z"));
        assert!(moment("yesterday").unwrap_err().contains("with its zone"));
    }

    #[test]
    fn where_nothing_was_recorded_it_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list(folder.path()).text, "nothing was recorded yet");
        let file = folder.path().join("bundle");
        let export = export(folder.path(), Span::default(), &file, Timestamp::from_secs(1_775_000_000));
        assert!(export.unwrap_err().to_string().contains("nothing was recorded in that time"));
    }
}
