use std::collections::BTreeSet;

use super::*;

/// The longest page that the contract allows.
const PAGE_BYTES_MAX: usize = 10 * 1024;

/// What an unknown client sees for a reason; the only test code that knows the API.
fn shown(reason: Reason, waiting: Option<u64>, login: Option<&str>) -> String {
    let again = Again::after(reason, 42, waiting);
    let sign_in = SignIn::after(reason, Tier::T5, login);
    let telling = Telling { reference: "AB12-CD34", again, sign_in };
    String::from_utf8(about(Words::of(reason, true, waiting.is_some()), &telling)).unwrap()
}

/// Every page about a request, each once, by its title.
fn every_page() -> BTreeSet<String> {
    let may_wait = |reason: &Reason| *reason == Reason::Threshold || reason.kind() == RefusalKind::Challenged;
    let waiting = Reason::ALL.into_iter().filter(may_wait).map(|reason| (reason, Some(12)));
    let refused = Reason::ALL.into_iter().map(|reason| (reason, None));
    let pages = waiting
        .chain(refused)
        .map(|(reason, waiting)| shown(reason, waiting, Some("/login?from=gate&to=shop")));
    let origin = Telling { reference: "", again: Again::Try(10), sign_in: SignIn::Silent };
    pages.chain([String::from_utf8(about(&ORIGIN_WORDS, &origin)).unwrap()]).collect()
}

/// A page without its tags.
fn text(page: &str) -> String {
    let main = page.split("<main>").nth(1).unwrap();
    main.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

#[test]
fn every_page_says_what_is_true_of_its_reason() {
    insta::assert_snapshot!(every_page().into_iter().collect::<String>());
}

#[test]
fn every_page_is_short_and_asks_nothing_further_of_anybody() {
    let path = format!("/{}", "long-".repeat(400));
    let longest = Reason::ALL.map(|reason| shown(reason, Some(u64::MAX), Some(&path)));
    for page in every_page().into_iter().chain(longest) {
        assert!(page.len() <= PAGE_BYTES_MAX, "{} bytes: {page}", page.len());
        for word in ["<script", "src=", "url(", "@import", "http"] {
            assert!(!page.contains(word), "`{word}` in {page}");
        }
    }
}

#[test]
fn a_page_that_asks_again_by_itself_says_when() {
    let said = |seconds| text(&shown(Reason::Threshold, Some(seconds), None));
    assert!(
        said(12).contains("by itself in about 12 seconds. If it does not, ask again then."),
        "{}",
        said(12)
    );
    assert!(said(1).contains("in about 1 second."), "{}", said(1));
    assert!(said(0).contains("by itself at once."), "{}", said(0));
    assert!(!text(&shown(Reason::Threshold, None, None)).contains("by itself"));
}

#[test]
fn nobody_is_sent_to_a_login_that_does_not_help() {
    let path = Some("/login");
    let after = |reason, tier| SignIn::after(reason, tier, path);
    assert_eq!(after(Reason::Threshold, Tier::T5), SignIn::At("/login"));
    assert_eq!(SignIn::after(Reason::Threshold, Tier::T5, None), SignIn::Before);
    assert_eq!(after(Reason::Rule, Tier::T6), SignIn::Before);
    for (reason, tier) in [
        (Reason::QueueTimeout, Tier::T2),
        (Reason::LoginLimit, Tier::T3),
        (Reason::LaneFull, Tier::T5),
        (Reason::Denied, Tier::T5),
        (Reason::BodyTooLarge, Tier::T5),
    ] {
        assert_eq!(after(reason, tier), SignIn::Silent, "{reason:?} {tier:?}");
    }
}

#[test]
fn a_path_of_the_configuration_stays_within_its_attribute() {
    let page = shown(Reason::Threshold, None, Some("/a?b=1&c=\"><script>"));
    assert!(page.contains("<a href=\"/a?b=1&amp;c=&quot;>&lt;script>\">sign in</a>"), "{page}");
}
