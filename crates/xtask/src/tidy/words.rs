//! Words that say nothing, and words that belong elsewhere.

use super::{Source, has_ending};

/// A word that is not written here, and what to write instead.
struct Banned {
    word: &'static str,
    instead: &'static str,
}

/// In names and prose alike; compared with each part of a name (`TicketShop`, `ticket_shop`) without case.
///
/// They are put together from halves, so that this file passes its own check.
const BANNED: [Banned; 8] = [
    Banned { word: concat!("ut", "il"), instead: NAME_IT },
    Banned { word: concat!("ut", "ils"), instead: NAME_IT },
    Banned { word: concat!("hel", "per"), instead: NAME_IT },
    Banned { word: concat!("hel", "pers"), instead: NAME_IT },
    Banned { word: concat!("man", "ager"), instead: "say what it does: a table, a pool, a queue, a site" },
    Banned { word: concat!("mi", "sc"), instead: NAME_IT },
    Banned { word: concat!("black", "list"), instead: "`deny` or a list of refused networks" },
    Banned { word: concat!("white", "list"), instead: "`allow` or a list of admitted networks" },
];

const NAME_IT: &str = "name it after what it holds or does";

/// Names of other people's libraries, features and packages that hold a banned part.
const NAMES_OF_OTHERS: [&str; 13] = [
    "hyper-util",
    "hyper_util",
    "http-body-util",
    "http_body_util",
    "tokio-util",
    "tokio_util",
    "futures-util",
    "futures_util",
    "crossbeam-utils",
    "crossbeam_utils",
    "io-util",
    "test-util",
    "util-linux",
];

/// Paths of one machine, put together so that this file passes its own check.
const MACHINE_PATHS: [&str; 2] = [concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Words of the code and its papers that no page, message, configuration or manual shows.
const CODE_ONLY: [&str; 5] = ["cohort", "cohorts", "ferry", "kappa", "κ"];

/// Names with such a word in them that people must type: scenarios of `portcullis sim`.
const TYPED: [&str; 1] = ["cohort-learner"];

pub(super) fn banned(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, number, line) in lines(sources, |path| !path.ends_with("Cargo.lock")) {
        for found in MACHINE_PATHS.iter().filter(|place| line.contains(**place)) {
            complaints.push(format!("{path}:{number}: `{found}` is a path of one machine; compute it"));
        }
        for name in names(line) {
            let parts = parts_of(name);
            for Banned { word, instead } in
                BANNED.iter().filter(|banned| parts.iter().any(|p| p == banned.word))
            {
                complaints.push(format!("{path}:{number}: `{word}`: {instead}"));
            }
        }
    }
    complaints
}

/// What people read: snapshots of texts and pages, the manual, the README.
pub(super) fn for_code_only(sources: &[Source]) -> Vec<String> {
    let is_read_by_people = |path: &str| {
        let manual = path.starts_with("docs/") && !path.starts_with("docs/decisions/");
        manual || path == "README.md" || has_ending(path, "snap") || has_ending(path, "html")
    };
    let mut complaints = Vec::new();
    for (path, number, line) in lines(sources, is_read_by_people) {
        // A snapshot's own head names the test and its expression.
        let in_head =
            has_ending(path, "snap") && (line.starts_with("expression:") || line.starts_with("source:"));
        // What people type is called as it is called.
        let line = TYPED.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
        let parts: Vec<String> = names(&line).flat_map(parts_of).collect();
        for word in CODE_ONLY.iter().filter(|word| !in_head && parts.iter().any(|part| part == *word)) {
            complaints.push(format!("{path}:{number}: `{word}` is a word of the code; say it plainly"));
        }
    }
    complaints
}

fn lines(sources: &[Source], wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (&str, usize, &str)> {
    let texts = sources.iter().filter_map(|source| Some((source.path.as_str(), source.text.as_deref()?)));
    let texts = texts.filter(move |(path, _)| wanted(path) && !path.starts_with("fuzz/corpus/"));
    texts.flat_map(|(path, text)| text.lines().enumerate().map(move |(index, line)| (path, index + 1, line)))
}

/// Runs of letters, digits, `_` and `-`, without the names of other people's libraries.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')
        .filter(|name| !NAMES_OF_OTHERS.contains(name))
        // Crawlers are products with names of their own.
        .filter(|name| !name.ends_with("Bot") && !name.ends_with("bot"))
}

/// `TicketShop-x_y` is ticket, shop, x, y.
fn parts_of(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        let begins = letter == '_' || letter == '-' || (letter.is_uppercase() && after_small);
        if begins {
            parts.push(String::new());
        }
        if letter.is_alphanumeric() {
            parts.last_mut().expect("there is always a last part").extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase() || letter.is_numeric();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn a_banned_word_is_seen_in_any_spelling_of_a_name() {
        let word = concat!("Man", "ager");
        for text in [format!("Pool{word}"), format!("pool_{word}"), format!("a {word}-of-pools")] {
            assert_eq!(banned(&[made_up("a.rs", &text)]).len(), 1, "{text}");
        }
        assert_eq!(banned(&[made_up("a.rs", "use hyper_util::rt; // manageress, utility")]), [""; 0]);
    }

    #[test]
    fn a_path_of_one_machine_is_seen() {
        let text = format!("let folder = \"{}main\";", MACHINE_PATHS[0]);
        assert_eq!(banned(&[made_up("a.rs", &text)]).len(), 1);
    }

    #[test]
    fn a_word_of_the_code_is_seen_on_a_page_but_not_in_code() {
        let text = "Your cohort is closed.";
        assert_eq!(
            for_code_only(&[made_up("docs/manual.md", text), made_up("crates/a/src/a.rs", text)]),
            ["docs/manual.md:1: `cohort` is a word of the code; say it plainly"]
        );
        assert_eq!(for_code_only(&[made_up("docs/decisions/001-a.md", text)]), [""; 0]);
        assert_eq!(for_code_only(&[made_up("docs/simulator.md", "| cohort-learner | 40 |")]), [""; 0]);
        assert_eq!(for_code_only(&[made_up("docs/manual.md", "A cohort learner.")]).len(), 1);
    }
}
