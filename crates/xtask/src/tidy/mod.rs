//! Checks on the text of the repository that no compiler makes: sizes, words, headers, documentation.
//!
//! Each check is a function from files to complaints, `path:line: what is wrong and what to do`; the tests of this
//! module run them over the checkout, and each check's own tests see it fail.

mod functions;
mod headers;
mod items;
mod sizes;
mod words;

use std::fs;
use std::path::Path;

use lab::checkout;

/// Folders that hold nothing of ours.
const FOREIGN_FOLDERS: [&str; 3] = ["target", ".git", "node_modules"];

/// One file of the checkout. What is no text has none.
#[derive(Debug)]
struct Source {
    /// Relative to the checkout, with `/`.
    path: String,
    bytes: u64,
    text: Option<String>,
}

#[test]
fn files_and_functions_stay_small() {
    let sources = checkout_sources();
    none(sizes::long_files(&sources));
    none(functions::long_functions(&sources));
}

#[test]
fn no_blob_lies_outside_the_corpora() {
    none(sizes::large_blobs(&checkout_sources()));
}

#[test]
fn every_crate_says_what_it_is() {
    none(headers::missing(&checkout_sources()));
}

#[test]
fn words_are_plain() {
    none(words::banned(&checkout_sources()));
    none(words::for_code_only(&checkout_sources()));
}

#[test]
fn public_items_are_documented_and_every_test_runs() {
    let sources = checkout_sources();
    none(items::undocumented(&sources));
    none(items::tests_left_out(&sources));
}

#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

fn checkout_sources() -> Vec<Source> {
    let root = checkout();
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("folders of the checkout can be read");
    for entry in entries {
        let entry = entry.expect("folders of the checkout can be read");
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().expect("entries of the checkout have a type");
        if kind.is_dir() && !FOREIGN_FOLDERS.contains(&name.as_str()) {
            collect(root, &path, sources);
        } else if kind.is_file() && !is_left_by_snapshots(&name) {
            sources.push(source(root, &path));
        }
    }
}

/// `insta` writes these while somebody works; `.gitignore` names them.
fn is_left_by_snapshots(name: &str) -> bool {
    name.ends_with(".pending-snap") || name.ends_with(".snap.new")
}

fn source(root: &Path, path: &Path) -> Source {
    let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    let relative = path.strip_prefix(root).expect("the walk began at the root");
    let path_text = relative.to_string_lossy().replace('\\', "/");
    Source { path: path_text, bytes, text: fs::read_to_string(path).ok() }
}

/// The Rust files among them.
fn rust(sources: &[Source]) -> impl Iterator<Item = (&str, &str)> {
    sources
        .iter()
        .filter(|source| has_ending(&source.path, "rs"))
        .filter_map(|source| Some((source.path.as_str(), source.text.as_deref()?)))
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == ending)
}

/// A made-up file for the tests of the checks.
fn made_up(path: &str, text: &str) -> Source {
    let bytes = u64::try_from(text.len()).expect("a made-up file is small");
    Source { path: path.to_owned(), bytes, text: Some(text.to_owned()) }
}
