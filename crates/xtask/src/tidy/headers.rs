//! Every crate begins with what it is, what it is not, and its main types.

use super::{Source, rust};

/// Sentences that a crate's header has at least.
const SENTENCES: usize = 3;

pub(super) fn missing(sources: &[Source]) -> Vec<String> {
    rust(sources)
        .filter(|(path, _)| is_root(path))
        .filter(|(_, text)| sentences(text) < SENTENCES)
        .map(|(path, text)| {
            let found = sentences(text);
            format!("{path}:1: a header of {found} sentences; say what the crate is, what it is not, its main types")
        })
        .collect()
}

/// The root file of a crate in `crates/`, or of the fuzz package.
fn is_root(path: &str) -> bool {
    let inside = path.strip_prefix("crates/").and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest);
    let inside = inside.or_else(|| path.strip_prefix("fuzz/"));
    matches!(inside, Some("src/lib.rs" | "src/main.rs"))
}

/// Sentences of the `//!` lines at the top, code blocks left out.
fn sentences(text: &str) -> usize {
    let mut in_code = false;
    let mut prose = String::new();
    for line in text.lines().map_while(|line| line.strip_prefix("//!")) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    prose.matches(". ").count()
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_crate_with_a_short_header_is_seen() {
        let good =
            made_up("crates/a/src/lib.rs", "//! What it is.\n//! It is *not* more.\n//! Its type is `A`.\n");
        let short = made_up("crates/b/src/main.rs", "//! What it is.\n//!\n//! ```\n//! a. b. c.\n//! ```\n");
        let module = made_up("crates/a/src/inner.rs", "fn f() {}\n");
        assert_eq!(
            missing(&[good, short, module]),
            [
                "crates/b/src/main.rs:1: a header of 1 sentences; say what the crate is, what it is not, its main types"
            ]
        );
    }
}
