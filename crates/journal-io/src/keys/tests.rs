use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_new_key_file_is_private_and_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let made = Keys::load_or_create(&state).unwrap();
    let read = Keys::load_or_create(&state).unwrap();
    assert_eq!(made.reference_key(), read.reference_key());
    assert_eq!(mode(&state.join("keys")), 0o600);
    assert_eq!(mode(&state), 0o700);
    assert!(!state.join("keys.new").exists());
}

#[test]
fn a_file_that_others_may_read_is_refused_with_the_command_that_cures_it() {
    let folder = tempfile::tempdir().unwrap();
    Keys::load_or_create(folder.path()).unwrap();
    let path = folder.path().join("keys");
    for open in [0o640, 0o604, 0o660, 0o601] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let error = Keys::load_or_create(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    Keys::load_or_create(folder.path()).unwrap();
}

#[test]
fn a_damaged_file_is_never_replaced_and_never_quoted() {
    let whole = text::render(&fixed());
    let secret = "11".repeat(32);
    assert!(whole.contains(&secret));
    check_refused("", "does not begin with `portcullis-keys 1`");
    check_refused(&whole.replace("keys 1", "keys 2"), "a newer Portcullis wrote it");
    check_refused(&whole.replace(&format!("pass {secret}\n"), ""), "has no line `pass`");
    check_refused(&whole.replace(&secret, &secret[1..]), "line 6: expected one of pass");
    check_refused(&format!("{whole}pass {secret}\n"), "line 10: expected one of pass");
    check_refused(&whole.replace("account", "acount"), "line 7: expected one of pass");
}

#[test]
fn gates_with_one_file_agree_in_every_month_and_turn_together() {
    let (one, other) = (fixed(), text::parse(Path::new("keys"), &text::render(&fixed())).unwrap());
    let day = |days: u64| Timestamp::from_secs(days * SECONDS_A_DAY);
    assert_eq!(one.pass_keys(day(20_000)), other.pass_keys(day(20_000)));
    let (before, after) = (one.pass_keys(day(20_009)), other.pass_keys(day(20_010)));
    assert_ne!(before[3].id, after[3].id, "20,010 days are 667 months of 30 days");
    assert_eq!(before[3], after[2], "a pass of yesterday is still accepted");
    assert_eq!(before[0], after[3], "a gate whose clock is behind accepts the new key already");
}

#[test]
fn derived_keys_differ_by_purpose_site_and_closing() {
    let keys = fixed();
    let (a, b) = (SiteId(0), SiteId(1));
    let mut all = vec![
        keys.account_key(a),
        keys.account_key(b),
        keys.identity_key(a),
        keys.pseudonym_key(a),
        keys.reference_key(),
    ];
    all.extend(keys.pass_keys(Timestamp::from_secs(1_700_000_000)).map(|key| key.secret));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 9);
    assert_ne!(keys.cohort_secret(a, 1), keys.cohort_secret(a, 2));
    assert_ne!(keys.table_key("addresses"), keys.table_key("networks"));
    insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&keys.table_key("addresses")), @"ea79e0507b3524fc8089cebed28adefb");
}

#[test]
fn two_starts_at_once_agree() {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Keys::load_or_create(folder.path()).unwrap().reference_key()))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn the_console_token_is_private_and_may_be_the_admins_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(ConsoleToken::FILE);
    let made = ConsoleToken::load_or_create(&path).unwrap();
    assert_eq!((made.as_str().len(), mode(&path)), (64, 0o600));
    assert_eq!(ConsoleToken::load_or_create(&path).unwrap(), made);
    fs::write(&path, "one-that-an-admin-chose-0123456789\n").unwrap();
    assert_eq!(ConsoleToken::load_or_create(&path).unwrap().as_str(), "one-that-an-admin-chose-0123456789");
    fs::write(&path, "short").unwrap();
    assert!(ConsoleToken::load_or_create(&path).unwrap_err().to_string().contains("32 to 256"));
}

#[test]
fn the_key_of_the_page_is_private_and_signs_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PageKey::FILE);
    let (made, read) =
        (PageKey::load_or_create(folder.path()).unwrap(), PageKey::load_or_create(folder.path()).unwrap());
    assert_eq!((made.public(), made.sign(b"page"), mode(&path)), (read.public(), read.sign(b"page"), 0o600));
    let text = fs::read_to_string(&path).unwrap();
    for damaged in [
        "",
        "portcullis-status-key 1\n",
        &text.replace("key 1", "key 2"),
        &format!("{text}00\n"),
        &text[..text.len() - 2],
    ] {
        fs::write(&path, damaged).unwrap();
        let error = PageKey::load_or_create(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is not the key of a status page"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "it is left alone");
    }
}

#[test]
fn a_new_key_of_the_page_has_the_word_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let old = PageKey::load_or_create(folder.path()).unwrap();
    assert_eq!(old.vouched(), None);
    let until = Timestamp::from_millis(1_795_886_641_190);
    let new = PageKey::renew(folder.path(), until, |public| public.to_vec()).unwrap();
    let read = PageKey::load_or_create(folder.path()).unwrap();
    assert_ne!(old.public(), new.public());
    assert_eq!((read.public(), read.vouched()), (new.public(), new.vouched()));
    let vouched = read.vouched().unwrap();
    assert_eq!((vouched.until.as_millis(), vouched.signature), (1_795_886_641_000, old.sign(&new.public())));
    assert_eq!(mode(&folder.path().join(PageKey::FILE)), 0o600);
}

/// RFC 8032, section 7.1, TEST 2.
#[test]
fn the_key_of_the_page_signs_as_the_standard_says() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    disk::replace(
        &folder.path().join(PageKey::FILE),
        format!("portcullis-status-key 1\n{secret}\n").as_bytes(),
    )
    .unwrap();
    let key = PageKey::load_or_create(folder.path()).unwrap();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    assert_eq!(hex(&key.public()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_eq!(
        hex(&key.sign(&[0x72])),
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}

#[test]
fn nothing_secret_is_printed() {
    let shown = format!("{:?} {:?}", fixed(), fixed().pass_keys(Timestamp::from_secs(0)));
    assert!(!shown.contains("17"), "17 is 0x11, the fixed secret: {shown}");
}

fn fixed() -> Keys {
    Keys {
        pass: Secret([0x11; 32]),
        account: Secret([0x12; 32]),
        reference: Secret([0x13; 32]),
        tables: Secret([0x14; 32]),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    disk::replace(&path, text.as_bytes()).unwrap();
    let error = Keys::load_or_create(folder.path()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(!error.contains("1111"), "a message repeats the secret: {error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

/// An admin who renews a key as root must not lock out the gate, which runs as another user.
#[test]
fn a_renewed_key_stays_with_whom_it_belongs_to() {
    use std::os::unix::fs::{MetadataExt, chown};
    let folder = tempfile::tempdir().unwrap();
    // Only root can give folders away.
    if chown(folder.path(), Some(1_234), Some(1_234)).is_err() {
        eprintln!("skipped: only root can give a folder to another user");
        return;
    }
    let owner = || fs::metadata(folder.path().join(PageKey::FILE)).map(|of| (of.uid(), of.gid())).unwrap();
    PageKey::load_or_create(folder.path()).unwrap();
    assert_eq!(owner(), (1_234, 1_234), "made by root in the gate's folder");
    PageKey::renew(folder.path(), Timestamp::from_secs(9), |_| vec![1]).unwrap();
    assert_eq!(owner(), (1_234, 1_234), "renewed by root");
}
