//! What somebody who mistyped a word probably meant.

/// The candidate closest to `word` by edit distance, if one is close enough to be a typing mistake: at most a
/// third of the word's letters, at least one.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A longer word is no mistyped key, and comparing it would take quadratic time.
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = folded(word);
    let most = (word.len() / 3).max(1);
    let rated = candidates.into_iter().map(|candidate| (distance(&word, &folded(candidate)), candidate));
    rated
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Case and the choice between `-` and `_` are no difference.
fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal
/// string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, b) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            let mut least = replaced.min(last[column + 1] + 1).min(this[column] + 1);
            let swapped = row > 0 && column > 0 && *a == to[column - 1] && from[row - 1] == *b;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            this.push(least);
        }
        before = std::mem::replace(&mut last, this);
    }
    last[to.len()]
}

const WORD_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_its_word_and_another_word_does_not() {
        let keys = ["idle_timeout", "head_timeout", "mode", "hosts"];
        let check = |word| nearest(word, keys);
        assert_eq!(check("idle_timout"), Some("idle_timeout"));
        assert_eq!(check("Idle-Timeout"), Some("idle_timeout"));
        assert_eq!(check("mdoe"), Some("mode"));
        assert_eq!(check("host"), Some("hosts"));
        assert_eq!(check("upstream"), None);
        assert_eq!(check(""), None);
    }
}
