use std::fmt::Debug;
use std::time::Duration;

use proptest::prelude::*;
use toml::de::DeValue;

use super::*;
use crate::finding::Problems;

#[test]
fn durations_and_sizes_carry_units() {
    check(&duration("0s", "365d"), "\"30s\"", Some(Duration::from_secs(30)));
    check(&duration("0s", "365d"), "\"250 ms\"", Some(Duration::from_millis(250)));
    check(&duration("0s", "365d"), "\"2h\"", Some(Duration::from_secs(7_200)));
    check(&duration("0s", "365d"), "\"5m\"", Some(Duration::from_secs(300)));
    check(&duration("1s", "5min"), "\"5min\"", Some(Duration::from_secs(300)));
    check(&duration("1s", "5min"), "\"301s\"", None);
    check(&duration("0s", "365d"), "\"-1s\"", None);
    check(&size("0 B", "1 TiB"), "\"64KiB\"", Some(Size::of_bytes(65_536)));
    check(&size("0 B", "1 TiB"), "\"18446744073709551615 TiB\"", None);
    check(&share("0 %", "100 %"), "\"12.5%\"", Some(Share::of_percent(12.5)));
    check(&share("0 %", "100 %"), "\"inf %\"", None);
}

#[test]
fn a_link_has_a_speed_in_bits() {
    let speed = |text: &str| (LINK_SPEED.parse)(text).map(LinkSpeed::bits).map_err(|bad| bad.what);
    assert_eq!(speed("1 Gbit/s"), Ok(1_000_000_000));
    assert_eq!(speed("2.5Gbit/s"), Ok(2_500_000_000));
    assert_eq!(speed("500 Mbit/s"), Ok(500_000_000));
    for wrong in ["1 GB/s", "1", "Gbit/s", "0 Mbit/s", "-1 Gbit/s", "1e3 Mbit/s", "10001 Gbit/s", "1 gbit/s"]
    {
        assert!(speed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_rate_has_a_burst_of_its_own_or_its_count() {
    let rate = |per_second, burst| Some(Rate { per_second, burst });
    check(&RATE, "\"5/s burst 40\"", rate(5.0, 40.0));
    check(&RATE, "\"6/min\"", rate(0.1, 6.0));
    check(&RATE, "\"36 / h\"", rate(0.01, 36.0));
    check(&RATE, "\"0.5/s\"", rate(0.5, 1.0));
    check(&RATE, "\"0/s\"", None);
    check(&RATE, "\"1e9/s\"", None);
    check(&RATE, "\"5/s burst\"", None);
}

#[test]
fn names_are_read_in_one_spelling() {
    check(&HOST, "\"Shop.Example\"", Some("shop.example".to_owned()));
    check(&HOST, "\"[::1]\"", Some("[::1]".to_owned()));
    check(&HOST, "\"-a.example\"", None);
    check(&DOMAIN, "\".Shop.Example\"", Some("shop.example".to_owned()));
    check(&DOMAIN, "\"192.0.2.1\"", None);
    check(&HEADER, "\"X-Key\"", Some("x-key".to_owned()));
    check(&CLIENT_ADDRESS, "\"X-Forwarded-For\"", Some(ClientAddress::XForwardedFor));
    check(
        &CLIENT_ADDRESS,
        "\"CF-Connecting-IP\"",
        Some(ClientAddress::Header("cf-connecting-ip".to_owned())),
    );
    check(&NAME, "\"ä b\"", Some("ä b".to_owned()));
    check(&NAME, "\"a\\nb\"", None);
}

#[test]
fn an_app_is_named_by_an_http_url() {
    let authority =
        |url: &str| url.parse::<OriginUrl>().map(|url| url.authority()).map_err(|error| error.to_string());
    assert_eq!(authority("http://127.0.0.1:3000/"), Ok("127.0.0.1:3000".to_owned()));
    assert_eq!(authority("http://App_1.internal"), Ok("app_1.internal:80".to_owned()));
    assert_eq!(authority("http://[::1]:3000"), Ok("[::1]:3000".to_owned()));
    assert_eq!(authority("HTTPS://app"), Ok("app:443".to_owned()));
    for bad in [
        "app:3000",
        "http://",
        "http://a:",
        "http://a:0",
        "http://a:b",
        "http://a b",
        "http://[::1",
        "http://a/b",
    ] {
        assert!(authority(bad).is_err(), "{bad}");
    }
    assert!(!authority("http://u:hunter2@a").unwrap_err().contains("hunter2"));
}

#[test]
fn keys_of_tokens_are_in_a_file_or_at_an_address() {
    let url = |url: &str, path: &str| Some(Jwks::Url(url.parse().unwrap(), path.parse().unwrap()));
    check(&JWKS, "\"keys.json\"", Some(Jwks::File("keys.json".into())));
    check(&JWKS, "\"http://127.0.0.1:9000/a.json\"", url("http://127.0.0.1:9000", "/a.json"));
    check(&JWKS, "\"http://127.0.0.1:9000\"", url("http://127.0.0.1:9000", "/"));
    check(&JWKS, "\"http:///a\"", None);
}

proptest! {
    /// What a size prints can be read again.
    #[test]
    fn a_size_reads_what_it_prints(bytes in any::<u64>()) {
        let text = format!("\"{}\"", Size::of_bytes(bytes));
        let value = DeValue::parse(&text).unwrap();
        let found = Found { value: &value, path: "" };
        let read = size("0 B", "16777215 TiB").read(found, &mut Problems::default());
        prop_assert!(read == Some(Size::of_bytes(bytes)) || bytes > 16_777_215 << 40);
    }

    /// No text makes a kind panic, and a message about it stays on one line.
    #[test]
    fn any_text_is_read_or_refused(text in "[\\PC\\n]{0,40}") {
        let bads = [
            (ADDRESS.parse)(&text).err(), (PREFIX.parse)(&text).err(), (ORIGIN_URL.parse)(&text).err(),
            (HOST.parse)(&text).err(), (PATH.parse)(&text).err(), (RATE.parse)(&text).err(),
            (JWKS.parse)(&text).err(),
        ];
        for bad in bads.into_iter().flatten() {
            prop_assert!(!bad.what.contains('\n') && !bad.cure.contains('\n'), "{:?}", bad);
        }
    }
}

/// What a value is read as; `None` if it is refused, which is then said.
#[track_caller]
fn check<K: Kind<Value: Debug + PartialEq>>(kind: &K, toml: &str, expected: Option<K::Value>) {
    let value = DeValue::parse(toml).unwrap();
    let mut problems = Problems::default();
    let read = kind.read(Found { value: &value, path: "key" }, &mut problems);
    assert_eq!(read, expected, "{toml}");
    assert_eq!(problems.is_sound("key"), expected.is_some(), "{toml}");
}
