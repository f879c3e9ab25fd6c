//! Whether a reader has a file already (RFC 9110, section 13.1.2).

/// Whether a value of `If-None-Match` names the current `etag`, or any with `*`; compared weakly.
///
/// What is no such value names nothing: the answer then is the whole file, which is never wrong.
pub fn is_unchanged(if_none_match: &[u8], etag: &str) -> bool {
    let list = if_none_match.trim_ascii();
    list == b"*" || names(list, opaque(etag.as_bytes())).unwrap_or(false)
}

/// Whether this is an entity tag: `"…"` or `W/"…"`.
pub(crate) fn is_etag(tag: &[u8]) -> bool {
    let Some(inner) = opaque(tag).strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return false;
    };
    inner.iter().all(|byte| is_etagc(*byte))
}

/// Whether a list holds a tag; nothing for what is no list. Empty places of a list do not count (section 5.6.1).
fn names(list: &[u8], wanted: &[u8]) -> Option<bool> {
    let mut found = false;
    let mut rest = list;
    loop {
        rest = rest.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            let tag = opaque(rest);
            let inner = tag.strip_prefix(b"\"")?;
            let end = inner.iter().position(|byte| !is_etagc(*byte)).filter(|end| inner[*end] == b'"')?;
            found |= &tag[..end + 2] == wanted;
            rest = inner[end + 1..].trim_ascii_start();
        }
        match rest.split_first() {
            None => return Some(found),
            Some((b',', behind)) => rest = behind,
            Some(_) => return None,
        }
    }
}

/// Without the mark of a weak tag.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Section 8.8.3: anything visible but quotes.
const fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7E | 0x80..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        for (value, is_same) in [
            ("\"xyzzy\"", true),
            ("W/\"xyzzy\"", true),
            ("\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\"", true),
            ("W/\"r2d2xxxx\",W/\"xyzzy\"", true),
            ("*", true),
            (" * ", true),
            (", ,\"xyzzy\" ,", true),
            ("\"a,b\", \"xyzzy\"", true),
            ("\"other\"", false),
            ("", false),
            ("xyzzy", false),
            ("\"xyzzy", false),
            ("\"xyzzy\" \"other\"", false),
            ("\"xyzzy\", *", false),
            ("w/\"xyzzy\"", false),
        ] {
            assert_eq!(is_unchanged(value.as_bytes(), "\"xyzzy\""), is_same, "{value}");
            assert_eq!(is_unchanged(value.as_bytes(), "W/\"xyzzy\""), is_same, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_list_names_what_was_put_into_it(
            tags in proptest::collection::vec(("(W/)?", "[!#-~]{0,6}"), 0..6),
            gaps in proptest::collection::vec("[ \t]{0,2}(,[ \t]{0,2}){1,2}", 6),
            wanted in "[!#-~]{0,2}",
        ) {
            let written = tags.iter().zip(&gaps).map(|((weak, tag), gap)| format!("{weak}\"{tag}\"{gap}"));
            let list: String = written.collect();
            let expected = tags.iter().any(|(_, tag)| *tag == wanted);
            prop_assert_eq!(is_unchanged(list.as_bytes(), &format!("\"{wanted}\"")), expected, "{}", list);
            for (_, tag) in &tags {
                let etag = format!("W/\"{}\"", tag);
                prop_assert!(is_unchanged(list.as_bytes(), &etag));
            }
        }

        #[test]
        fn any_bytes_are_read_and_only_a_tag_in_them_counts(
            value in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let holds = value.windows(8).any(|window| window == b"\"absent\"") || value.trim_ascii() == b"*";
            prop_assert!(!is_unchanged(&value, "\"absent\"") || holds);
        }

        #[test]
        fn what_is_a_tag_names_itself(tag in "(W/)?\"[!#-~]{0,20}\"") {
            prop_assert!(is_etag(tag.as_bytes()) && is_unchanged(tag.as_bytes(), &tag));
        }
    }
}
