//! Results of earlier runs of the same sources. They stand beside the page that is made of them, so that whoever has the
//! sources can go on where somebody else was stopped, and play any line again.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use lab::checkout;
use serde_json::{Value, json};

use super::{SimError, table};

/// A scenario, played with seeds from 1 on.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) scenario: String,
    /// With the threshold alone.
    pub(super) alone: bool,
    /// The last seed.
    pub(super) seeds: u64,
}

/// A folder with one table for each scenario, one run a line, and a file that says of which sources they are.
pub(super) struct Kept(PathBuf);

impl Kept {
    /// The folder, without what other sources did.
    pub(super) fn of(sources: &[PathBuf], folder: &Path) -> Result<Self, SimError> {
        let wrong = |path: &Path, error| SimError::File { path: path.to_owned(), error };
        let (number, named) = (fingerprint(sources)?, folder.join(SOURCES));
        if fs::read_to_string(&named).is_ok_and(|text| text.trim() == number) {
            return Ok(Self(folder.to_owned()));
        }
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|error| wrong(folder, error))?;
        }
        fs::create_dir_all(folder).map_err(|error| wrong(folder, error))?;
        fs::write(&named, format!("{number}\n")).map_err(|error| wrong(&named, error))?;
        Ok(Self(folder.to_owned()))
    }

    /// Seeds that have not been played.
    pub(super) fn missing(&self, run: &Run) -> Result<Vec<u64>, SimError> {
        let played: Vec<u64> = self.results(run)?.iter().filter_map(seed_of).collect();
        Ok((1..=run.seeds).filter(|seed| !played.contains(seed)).collect())
    }

    /// All results, in the order of their seeds.
    pub(super) fn results(&self, run: &Run) -> Result<Vec<Value>, SimError> {
        let path = self.path(run);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(SimError::File { path, error }),
        };
        // A line that was cut off when a run was stopped is played again.
        let mut results: Vec<Value> = text.lines().skip(1).filter_map(table::read).collect();
        results.retain(|result| seed_of(result).is_some_and(|seed| seed <= run.seeds));
        results.sort_by_key(seed_of);
        Ok(results)
    }

    /// Adds what the simulator printed for these seeds; whichever of them has no result has failed.
    pub(super) fn add(&self, run: &Run, seeds: &[u64], output: &str, words: &str) -> Result<(), SimError> {
        let mut results = self.results(&Run { seeds: u64::MAX, ..run.clone() })?;
        let mut played = Vec::new();
        for line in output.lines() {
            let result: Value = serde_json::from_str(line).map_err(|_| SimError::Answer(line.to_owned()))?;
            played.extend(seed_of(&result));
            results.push(result);
        }
        for seed in seeds.iter().filter(|seed| !played.contains(seed)) {
            let line = words.lines().find(|line| is_about(line, *seed)).unwrap_or(words);
            results.push(json!({ "seed": seed, FAILURE: line.trim() }));
        }
        results.sort_by_key(seed_of);
        let path = self.path(run);
        fs::write(&path, table::written(&results)).map_err(|error| SimError::File { path, error })
    }

    fn path(&self, run: &Run) -> PathBuf {
        self.0.join(format!("{}{}.csv", run.scenario, if run.alone { ".alone" } else { "" }))
    }
}

/// A number of the code in these folders, tests left out.
fn fingerprint(sources: &[PathBuf]) -> Result<String, SimError> {
    let wrong = |path: &Path, error| SimError::File { path: path.to_owned(), error };
    let mut files = Vec::new();
    for source in sources {
        list(source, &mut files).map_err(|error| wrong(source, error))?;
    }
    files.retain(|path| !is_test(path));
    files.sort();
    let mut hasher = DefaultHasher::new();
    for path in &files {
        let bytes = fs::read(path).map_err(|error| wrong(path, error))?;
        // What was played in one checkout counts in another of the same sources.
        hasher.write(path.strip_prefix(checkout()).unwrap_or(path).to_string_lossy().as_bytes());
        // Words about the code change nothing that it does.
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !is_comment(line)) {
            hasher.write(line);
            hasher.write_u8(b'\n');
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "snapshots")
}

/// Whether a line names the command that plays a seed again.
fn is_about(line: &str, seed: u64) -> bool {
    let after = line.split_once(&format!("--seed {seed}")).map(|(_, after)| after);
    after.is_some_and(|after| !after.starts_with(|next: char| next.is_ascii_digit()))
}

fn seed_of(result: &Value) -> Option<u64> {
    result.get("seed")?.as_u64()
}

/// The file that says of which sources the results are.
const SOURCES: &str = "sources";
/// The key under which a broken invariant is told.
pub(super) const FAILURE: &str = "failure";

/// A line that holds a comment alone.
fn is_comment(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"//")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(folder: &Path, path: &str, source: &str) -> Kept {
        let path = folder.join("sources").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
        Kept::of(&[folder.join("sources")], &folder.join("kept")).unwrap()
    }

    #[test]
    fn what_was_played_is_not_played_again_and_what_is_missing_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run { scenario: "calm".to_owned(), alone: false, seeds: 4 };
        let before = kept(folder.path(), "inner/core.rs", "one core");
        let words = "broken: portcullis sim calm --seed 22\nbroken: portcullis sim calm --seed 2\n";
        before.add(&run, &[1, 2], "{\"name\":\"calm\",\"seed\":1}\n", words).unwrap();
        assert_eq!(before.missing(&run).unwrap(), [3, 4]);
        assert_eq!(before.results(&run).unwrap()[1][FAILURE], "broken: portcullis sim calm --seed 2");
        let missing = |path: &str, text: &str| kept(folder.path(), path, text).missing(&run).unwrap();
        assert_eq!(missing("inner/core.rs", "one core\n// and words"), [3, 4]);
        assert_eq!(missing("inner/tests/core.rs", "a test"), [3, 4]);
        assert_eq!(missing("inner/core.rs", "another core"), [1, 2, 3, 4]);
        assert_eq!(missing("inner/core.rs", "one core"), [1, 2, 3, 4], "what was of no use is gone");
    }

    #[test]
    fn a_line_that_was_cut_off_is_played_again() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path(), "core.rs", "one core");
        let run = Run { scenario: "calm".to_owned(), alone: true, seeds: 2 };
        kept.add(&run, &[1, 2], "{\"seed\":1}\n{\"seed\":2}\n", "").unwrap();
        let whole = fs::read_to_string(kept.path(&run)).unwrap();
        fs::write(kept.path(&run), &whole[..whole.len() - 3]).unwrap();
        assert_eq!(kept.missing(&run).unwrap(), [2]);
    }
}
