//! Requests for parts of a file (RFC 9110, section 14.2).

/// Whether `Range` asks for a few parts that do not overlap. Others cost the app many times what the whole file would
/// (CVE-2011-3192), and any server may answer them with the whole. What is no list of byte ranges is the app's to judge.
pub(crate) fn is_modest(range: &[u8]) -> bool {
    let Some(list) = range.strip_prefix(b"bytes=") else { return true };
    let mut spans: Vec<(u64, u64)> = Vec::with_capacity(RANGES_MAX);
    for part in list.split(|&byte| byte == b',') {
        if spans.len() == RANGES_MAX {
            return false;
        }
        spans.extend(span(part.trim_ascii()));
    }
    spans.sort_unstable();
    spans.windows(2).all(|pair| pair[0].1 < pair[1].0)
}

/// First and last byte; of `-500`, the last bytes of a file whose length is not known here, as if they were behind all others.
fn span(part: &[u8]) -> Option<(u64, u64)> {
    let (first, last) = std::str::from_utf8(part).ok()?.split_once('-')?;
    match (first, last) {
        ("", suffix) => suffix.parse::<u64>().ok().map(|_| (u64::MAX, u64::MAX)),
        (first, "") => Some((first.parse().ok()?, u64::MAX)),
        (first, last) => Some((first.parse().ok()?, last.parse().ok()?)),
    }
}

/// decision-science, section 9.
const RANGES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_parts_side_by_side_are_modest() {
        for range in [
            "bytes=0-",
            "bytes=-500",
            "bytes=0-99",
            "bytes=0-99, 200-299,-5",
            "bytes=0-0,2-2,4-4,6-6,8-8",
            "items=1-2,1-2",
            "bytes=x",
            "",
        ] {
            assert!(is_modest(range.as_bytes()), "{range}");
        }
    }

    #[test]
    fn many_or_overlapping_parts_are_not() {
        for range in [
            "bytes=0-,5-",
            "bytes=0-99,50-149",
            "bytes=0-0,2-2,4-4,6-6,8-8,10-10",
            "bytes=5-9,0-5",
            "bytes=-1,-2",
        ] {
            assert!(!is_modest(range.as_bytes()), "{range}");
        }
        let killer = format!("bytes=0-{}", (0..1_300).map(|n| format!(",5-{n}")).collect::<String>());
        assert!(!is_modest(killer.as_bytes()));
    }
}
