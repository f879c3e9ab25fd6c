//! Files that one can read in one go, and no blobs.

use super::{Source, rust};

/// Nine of ten Rust files are not longer.
const LINES: usize = 430;

/// No Rust file is longer, but for those in [`LONGER`].
const LINES_MAX: usize = 560;

/// Files that were longer when the limit came, with the length they may not exceed. Entries only shrink and go.
const LONGER: [(&str, usize); 0] = [];

/// No file is larger, outside the fuzz corpora, but for those in [`LARGER`].
const BYTES_MAX: u64 = 256 << 10;

/// Files that must be larger, and why: a recording begins with what the gate has learnt of calm, a megabyte of hashes that cannot be
/// packed; without it no rule is found, and it would show half of the core.
const LARGER: [(&str, u64); 1] = [("crates/recording/tests/shop.recording", 2 << 20)];

pub(super) fn long_files(sources: &[Source]) -> Vec<String> {
    let lengths: Vec<(&str, usize)> =
        rust(sources).map(|(path, text)| (path, text.lines().count())).collect();
    let mut complaints: Vec<String> = lengths
        .iter()
        .filter(|(path, length)| *length > allowed(path))
        .map(|(path, length)| format!("{path}: {length} lines of at most {}; split it", allowed(path)))
        .collect();
    let long = lengths.iter().filter(|(_, length)| *length > LINES).count();
    if long * 10 > lengths.len() {
        complaints.push(format!("{long} of {} files are longer than {LINES} lines", lengths.len()));
    }
    complaints
}

pub(super) fn large_blobs(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| source.bytes > room(&source.path) && !source.path.starts_with("fuzz/corpus/"))
        .map(|source| {
            let Source { path, bytes, .. } = source;
            format!("{path}: {bytes} bytes of at most {}; make it when it is needed", room(path))
        })
        .collect()
}

fn room(path: &str) -> u64 {
    LARGER.iter().find(|(larger, _)| *larger == path).map_or(BYTES_MAX, |(_, bytes)| *bytes)
}

fn allowed(path: &str) -> usize {
    LONGER.iter().find(|(longer, _)| *longer == path).map_or(LINES_MAX, |(_, lines)| *lines)
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_file_over_the_hard_limit_is_seen_and_a_few_long_ones_are_not() {
        let file = |path: &str, lines| made_up(path, &"x\n".repeat(lines));
        let mut files: Vec<Source> = (0..9).map(|n| file(&format!("crates/a/src/f{n}.rs"), 100)).collect();
        files.push(file("crates/a/src/long.rs", LINES_MAX));
        assert_eq!(long_files(&files), [""; 0]);
        files.push(file("crates/a/src/huge.rs", LINES_MAX + 1));
        assert_eq!(
            long_files(&files),
            [
                "crates/a/src/huge.rs: 561 lines of at most 560; split it",
                "2 of 11 files are longer than 430 lines"
            ]
        );
    }

    #[test]
    fn a_blob_is_seen_outside_the_corpora_only() {
        let blob = |path: &str| Source { path: path.to_owned(), bytes: BYTES_MAX + 1, text: None };
        let found = large_blobs(&[blob("fuzz/corpus/pass/big"), blob("docs/film.bin")]);
        assert_eq!(found, ["docs/film.bin: 262145 bytes of at most 262144; make it when it is needed"]);
    }
}
