use http::Request;
use http::header::HOST;
use proptest::prelude::*;

use super::*;

fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let request = Request::builder().uri(uri).version(Version::HTTP_11);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn looks(parts: &Parts) -> Looks<'_> {
    Looks {
        parts,
        address: Some("192.0.2.77".parse().unwrap()),
        length: Some(0),
        session: Some("sid"),
        ja4: None,
        country: None,
        before: Some(0),
    }
}

fn values(parts: &Parts) -> Values {
    AttributeKey::new([7; 16]).values(&looks(parts), Attributes::ALL)
}

/// The attributes in which two requests differ.
fn differences(one: &Values, other: &Values) -> Vec<&'static str> {
    let differs = |attribute: &Attribute| one.get(*attribute) != other.get(*attribute);
    Attribute::ALL.into_iter().filter(differs).map(Attribute::label).collect()
}

#[track_caller]
fn check(one: (&str, &[(&str, &str)]), other: (&str, &[(&str, &str)]), expected: &[&str]) {
    let (one, other) = (head(one.0, one.1), head(other.0, other.1));
    assert_eq!(differences(&values(&one), &values(&other)), expected);
}

const USUAL: &[(&str, &str)] = &[("host", "shop.example"), ("user-agent", "curl/8.5.0"), ("accept", "*/*")];

#[test]
fn the_same_request_has_the_same_values_and_each_key_its_own() {
    check(("/a?b=1", USUAL), ("/a?b=1", USUAL), &[]);
    let parts = head("/a?b=1", USUAL);
    let other = AttributeKey::new([8; 16]).values(&looks(&parts), Attributes::ALL);
    let same = Attribute::ALL.into_iter().filter(|of| other.get(*of) == values(&parts).get(*of));
    let absent = ["language", "JA4, first part", "JA4, second part", "JA4, third part", "country"];
    assert_eq!(same.map(Attribute::label).collect::<Vec<_>>(), absent);
}

#[test]
fn the_order_of_fields_counts_in_one_attribute_alone() {
    let turned = &[USUAL[0], USUAL[2], USUAL[1]];
    check(("/", USUAL), ("/", turned), &["order of header fields"]);
    let more = &[USUAL[0], USUAL[1], USUAL[2], ("x-more", "1")];
    check(("/", USUAL), ("/", more), &["order of header fields", "set of header fields"]);
}

#[test]
fn numbers_and_identifiers_in_paths_do_not_count_and_neither_does_the_order_of_a_query() {
    check(("/item/17/seats", USUAL), ("/item/4711/seats", USUAL), &[]);
    check(("/item/17", USUAL), ("/cart/17", USUAL), &["path"]);
    check(("/s?a=1&b=2", USUAL), ("/s?b=7&a=1", USUAL), &["query"]);
    check(("/s?a=1", USUAL), ("/s?c=1", USUAL), &["query names", "query"]);
    check(("/s?a=1", USUAL), ("/s", USUAL), &["query names", "query"]);
}

#[test]
fn what_fields_say_counts_where_it_belongs() {
    let with = |name, value| [USUAL[0], USUAL[1], USUAL[2], (name, value)];
    let agent = |agent| [USUAL[0], ("user-agent", agent), USUAL[2]];
    check(("/", USUAL), ("/", &agent("curl/8.6.1")), &["user agent"]);
    check(("/", USUAL), ("/", &agent("curl/9.0")), &["kind of user agent", "user agent"]);
    check(("/", &with("cookie", "sid=1")), ("/", &with("cookie", "sid=2")), &[]);
    check(("/", &with("cookie", "sid=1")), ("/", &with("cookie", "a=2")), &["cookies"]);
    check(("/", &with("cookie", "portcullis=1; a=1")), ("/", &with("cookie", "a=2")), &[]);
    let referer = |from| with("referer", from);
    check(("/", &referer("https://SHOP.example/a")), ("/", &referer("http://shop.example:8080")), &[]);
    check(
        ("/", &referer("https://shop.example/")),
        ("/", &referer("https://shop.example.evil/")),
        &["referer"],
    );
    check(("/", USUAL), ("/", &[("host", "SHOP.example:80"), USUAL[1], USUAL[2]]), &[]);
}

#[test]
fn addresses_count_by_their_networks() {
    let parts = head("/", USUAL);
    let from = |address: &str| {
        let looks = Looks { address: Some(address.parse().unwrap()), ..looks(&parts) };
        AttributeKey::new([7; 16]).values(&looks, Attributes::ALL)
    };
    assert_eq!(differences(&from("192.0.2.1"), &from("::ffff:192.0.2.9")), [""; 0]);
    assert_eq!(differences(&from("192.0.2.1"), &from("192.0.3.1")), ["network"]);
    assert_eq!(differences(&from("2001:db8:1::1"), &from("2001:db8:2::1")), ["network"]);
    assert_eq!(differences(&from("192.0.2.1"), &from("198.51.100.1")), ["network", "wide network"]);
}

#[test]
fn what_a_front_says_counts_in_its_own_attributes_and_a_country_has_a_name() {
    let parts = head("/", USUAL);
    let ja4 = |text: &str| Ja4::parse(text.as_bytes());
    let of = |country: Option<[u8; 2]>, ja4| {
        let looks = Looks { country, ja4, ..looks(&parts) };
        AttributeKey::new([7; 16]).values(&looks, Attributes::ALL)
    };
    let one = of(Some(*b"DE"), ja4("t13d1516h2_8daaf6152771_e5627efa2ab1"));
    assert_eq!(
        differences(&one, &of(Some(*b"FR"), ja4("t13d1516h2_8daaf6152771_e5627efa2ab1"))),
        ["country"]
    );
    let other = of(Some(*b"DE"), ja4("t13d1516h2_8daaf6152771_000000000000"));
    assert_eq!(differences(&one, &other), ["JA4, third part"]);
    let (named, mut names) = (Named::default(), Vec::new());
    named.name(&Looks { country: Some(*b"DE"), ..looks(&parts) }, &one, 20, &mut names);
    assert!(names.iter().any(|name| name.text == "DE" && name.value == one.get(Attribute::Country)));
}

#[test]
fn sizes_are_powers_of_four() {
    let powers = [0, 1, 3, 4, 15, 16, u64::MAX].map(power_of_four);
    assert_eq!(powers, [0, 1, 1, 2, 2, 3, 32]);
}

#[test]
fn words_are_bounded_and_are_said_once() {
    let (parts, named) = (head("/item/17?b=secret&a=1", USUAL), Named::default());
    let mut names = Vec::new();
    named.name(&looks(&parts), &values(&parts), 10, &mut names);
    named.name(&looks(&parts), &values(&parts), 10, &mut names);
    let words: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
    assert_eq!(words, ["GET", "HTTP/1.1", "curl/8", "/item/*", "a&b", "shop.example", "curl/8.5.0"]);
}

#[test]
fn only_what_is_wanted_is_looked_at_and_it_has_the_same_value() {
    let (parts, key) = (head("/a?b=1", USUAL), AttributeKey::new([7; 16]));
    let all = values(&parts);
    let wanted = Attributes::default().with(Attribute::Path).with(Attribute::UserAgentFamily);
    let some = key.values(&looks(&parts), wanted);
    for attribute in Attribute::ALL {
        let expected = if wanted.holds(attribute) { all.get(attribute) } else { 0 };
        assert_eq!(some.get(attribute), expected, "{}", attribute.label());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_what_is_present_is_never_0(
        path in "/[!-~]{0,200}",
        fields in proptest::collection::vec(("[a-z-]{1,20}", proptest::collection::vec(32_u8..=255, 0..200)), 0..150),
        known in proptest::collection::vec(
            (0_usize..5, proptest::collection::vec(prop_oneof![Just(b'/'), Just(b':'), Just(b'='), 32_u8..=255], 0..200)),
            0..10,
        ),
    ) {
        let Ok(request) = Request::builder().uri(path).body(()) else { return Ok(()) };
        let mut parts = request.into_parts().0;
        let usual = [HOST, USER_AGENT, REFERER, COOKIE, ACCEPT_LANGUAGE];
        let known = known.into_iter().map(|(which, value)| (usual[which].clone(), value));
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name.parse::<http::HeaderName>().ok()?, value)));
        for (name, value) in fields.chain(known) {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                parts.headers.append(name, value);
            }
        }
        let values = values(&parts);
        for always in [Attribute::Method, Attribute::Path, Attribute::HeaderOrder, Attribute::HeaderSet, Attribute::Cookies] {
            prop_assert!(values.get(always) != 0);
        }
        prop_assert_eq!(values.get(Attribute::UserAgent) != 0, parts.headers.contains_key(USER_AGENT));
        let mut names = Vec::new();
        Named::default().name(&looks(&parts), &values, 10, &mut names);
        prop_assert!(names.iter().all(|name| name.text.len() <= names::NAME_BYTES_MAX));
    }
}
