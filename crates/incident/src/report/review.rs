//! What has to be looked at before a report is published, and what of a text is still left to people.

use super::TODO;
use super::paper::Paper;

/// The review of a report: a box for each thing that makes one worth reading. It cannot be published while one is open.
pub(super) fn checklist(paper: &mut Paper) {
    paper.title("Review before it is published");
    for criterion in CRITERIA {
        paper.add(format!("- [ ] {criterion}"));
    }
}

/// Whether a line of a report is left to people: it says TODO, or has a box that nobody has ticked.
pub fn is_left_to_people(line: &str) -> bool {
    line.contains(TODO) || open_box(line).is_some()
}

/// What the open boxes of a report are about.
pub(crate) fn open_boxes(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(open_box)
}

/// The words behind a box that nobody has ticked.
fn open_box(line: &str) -> Option<&str> {
    let point = line.trim_start().strip_prefix(['-', '*', '+'])?;
    let inner = point.trim_start().strip_prefix('[')?;
    let (mark, words) = inner.split_once(']')?;
    // `[a](b)` is a link, and `[x]` is ticked.
    mark.trim().is_empty().then(|| words.trim())
}

/// What a reviewer asks (SRE book, chapter 15: "Postmortem culture"; status-contracts, section 7).
const CRITERIA: [&str; 5] = [
    "The data is kept: what this rests on will still be there when somebody asks for it.",
    "The impact is complete: all who were affected are in it, with how and for how long.",
    "The cause is deep enough: it says what made this possible, not only what set it off.",
    "The actions have their priority: each one has an owner, a date and its place among other work.",
    "It is shared: those who have to act on it, and those who answered customers, have read it.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_open_until_something_is_in_it() {
        let open = ["- [ ] a", "  * [] a", "+ [  ]a", "-[ ] a"];
        let not = ["- [x] a", "- [X] a", "- [a](b)", "[ ] a", "- a [ ]", "| [ ] |", "- [", ""];
        assert_eq!(open.map(|line| open_box(line).unwrap()), ["a"; 4]);
        assert_eq!(not.map(open_box), [None; 8]);
        assert!(
            is_left_to_people("- [ ] a") && is_left_to_people("| TODO |") && !is_left_to_people("- [x] a")
        );
    }
}
