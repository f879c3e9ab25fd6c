use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};
use model::{AccountId, Instant, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::account::Trace;

const HOUR: u64 = 3_600;

#[test]
fn a_signed_login_is_believed_and_an_unsigned_or_replayed_one_is_not() {
    let header = LoginHeader::new(Some(b"secret"));
    let sign = |id: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"secret"), format!("{id}|ann;x").as_bytes())
    };
    let signed = format!("ann;x;sig={}", HEXLOWER.encode(sign("id-1").as_ref()));
    assert_eq!(header.account(signed.as_bytes(), b"id-1"), Ok(&b"ann;x"[..]));
    assert_eq!(header.account(signed.as_bytes(), b"id-2"), Err(LoginHeaderError::Signature));
    let base64 = format!("ann;x;sig={}", BASE64.encode(sign("id-1").as_ref()));
    assert_eq!(header.account(base64.as_bytes(), b"id-1"), Ok(&b"ann;x"[..]));
    assert_eq!(header.account(b"ann", b"id-1"), Err(LoginHeaderError::Unsigned));
    assert_eq!(LoginHeader::new(None).account(b" ann ", b""), Ok(&b"ann"[..]));
    assert_eq!(LoginHeader::new(None).account(&[b'a'; 300], b""), Err(LoginHeaderError::Account));
}

proptest! {
    #[test]
    fn arbitrary_headers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ignored = LoginHeader::new(Some(b"secret")).account(&bytes, b"id");
        let _ignored = LoginHeader::new(None).account(&bytes, b"id");
    }
}

#[test]
fn a_path_is_asked_once_and_remembered_for_a_day() {
    let paths = Paths::new(64, [1; 16]);
    let at = Instant::from_secs;
    assert_eq!(paths.look("/account", at(0)), PathVerdict::Ask);
    assert_eq!(paths.look("/account", at(1)), PathVerdict::Unknown);
    paths.settle("/account", true, at(2));
    assert_eq!(paths.look("/account", at(3)), PathVerdict::Private);
    assert_eq!(paths.look("/account", at(23 * HOUR)), PathVerdict::Private);
    assert_eq!(paths.look("/account", at(26 * HOUR)), PathVerdict::Ask);
    paths.settle("/", false, at(5));
    assert_eq!(
        paths.look("/", at(6)),
        PathVerdict::Ask,
        "an answer to a question that nobody asked is ignored"
    );
    assert_eq!(paths.look("/lost", at(0)), PathVerdict::Ask);
    assert_eq!(paths.look("/lost", at(200)), PathVerdict::Ask, "an unanswered question is asked again");
}

#[test]
fn a_full_table_of_paths_knows_nothing_new() {
    let paths = Paths::new(4, [1; 16]);
    let asked =
        (0..100).filter(|n| paths.look(&format!("/{n}"), Instant::ORIGIN) == PathVerdict::Ask).count();
    assert_eq!(asked, 4);
}

#[test]
fn public_paths_that_anybody_may_ask_for_do_not_crowd_out_private_ones() {
    let paths = Paths::new(4, [1; 16]);
    let at = Instant::from_secs;
    assert_eq!(paths.look("/account", at(0)), PathVerdict::Ask);
    paths.settle("/account", true, at(0));
    for n in 0..3 {
        paths.look(&format!("/{n}"), at(0));
        paths.settle(&format!("/{n}"), false, at(0));
    }
    assert_eq!(paths.look("/orders", at(60)), PathVerdict::Unknown, "no room yet");
    assert_eq!(paths.look("/orders", at(600)), PathVerdict::Ask);
    for n in 100..200 {
        paths.look(&format!("/{n}"), at(3_600));
        paths.settle(&format!("/{n}"), false, at(3_600));
    }
    assert_eq!(paths.look("/account", at(3_600)), PathVerdict::Private);
}

#[test]
fn a_login_waits_ten_minutes_for_its_proof() {
    let pending = Pending::new(64);
    assert!(pending.is_idle());
    pending.wait(Trace(77), AccountId(5), Instant::from_secs(100));
    assert_eq!(pending.find(Trace(77), Instant::from_secs(700)), Some(AccountId(5)));
    assert_eq!(pending.find(Trace(77), Instant::from_secs(701)), None);
    assert_eq!(pending.find(Trace(78), Instant::from_secs(101)), None);
    pending.wait(Trace(77), AccountId(5), Instant::from_secs(800));
    pending.done(Trace(77));
    assert_eq!(pending.find(Trace(77), Instant::from_secs(801)), None);
}

#[test]
fn a_token_comes_of_age_by_use_over_a_day() {
    let tokens = Tokens::new(64);
    let hash = 5 << 64 | 9;
    let use_at =
        |hour: u64| tokens.good(hash, Timestamp::from_secs(1_000_000 * HOUR / HOUR + hour * HOUR)).is_some();
    for hour in 0..23 {
        use_at(hour);
        assert!(!tokens.is_known(hash), "after {hour} h");
    }
    use_at(23);
    assert!(use_at(24), "it comes of age, and the journal hears of it");
    assert!(tokens.is_known(hash));
    assert!(!use_at(24), "not with every use");
    let kept = tokens.rows();
    let later = Tokens::new(64);
    later.insert(kept[0]);
    assert!(later.is_known(hash), "its age survives a restart");
    tokens.refused(hash);
    assert!(!tokens.is_known(hash) && tokens.rows().is_empty(), "401 ends it");
    use_at(25);
    assert!(tokens.is_known(hash), "an app in trouble refused it once");
    assert_eq!(tokens.first(hash), Some(Timestamp::from_secs(1_000_000)));
    tokens.forget(hash);
    assert_eq!((tokens.is_known(hash), tokens.first(hash), tokens.rows().len()), (false, None, 0));
}

#[test]
fn a_young_token_keeps_its_history_over_restarts() {
    let hash = 5 << 64 | 9;
    let mut tokens = Tokens::new(64);
    // Restarted every six hours, as an app that is deployed often: no process lives for a day.
    for hour in 0..25 {
        let mut kept = None;
        for _ in 0..20 {
            kept = tokens.good(hash, Timestamp::from_secs(HOUR * (1_000 + hour))).or(kept);
        }
        if hour % 6 == 5 {
            let row = kept.expect("the journal hears of it once an hour");
            tokens = Tokens::new(64);
            tokens.insert(row);
        }
        assert_eq!(tokens.is_known(hash), hour == 24, "after {hour} h");
    }
}

#[test]
fn the_journal_hears_little_of_a_busy_token_and_nothing_of_a_rare_one() {
    let tokens = Tokens::new(64);
    let heard = |hash: u128, times: usize| {
        (0..times).filter(|_| tokens.good(hash << 64 | 9, Timestamp::from_secs(HOUR)).is_some()).count()
    };
    assert_eq!((heard(5, 1_000), heard(6, 19)), (1, 0));
}

#[test]
fn a_token_that_the_app_refused_makes_room_for_others() {
    let tokens = Tokens::new(4);
    let row = |n: u128| TokenRow {
        hash: (n + 1) << 64 | 4,
        first: Timestamp::from_secs(0),
        last: Timestamp::from_secs(25 * HOUR),
        good: 30,
    };
    (0..4).for_each(|n| tokens.insert(row(n)));
    tokens.refused(row(2).hash);
    tokens.insert(row(9));
    let known = [0, 1, 2, 3, 9].map(|n| tokens.is_known(row(n).hash));
    assert_eq!(known, [true, true, false, true, true]);
}

#[test]
fn new_tokens_never_drive_out_one_of_age() {
    let tokens = Tokens::new(4);
    let old = TokenRow {
        hash: 7 << 64 | 4,
        first: Timestamp::from_secs(0),
        last: Timestamp::from_secs(25 * HOUR),
        good: 30,
    };
    tokens.insert(old);
    for n in 0..1_000_u128 {
        tokens.good((n + 100) << 64 | 4, Timestamp::from_secs(26 * HOUR));
    }
    assert!(tokens.is_known(old.hash));
}
