//! Copies that are to be believed, and those that are not.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;

use super::{made, text};
use crate::{CopyError, Edition, Manifest, PublicKey, Successor, samples};

#[test]
fn a_copy_that_nobody_touched_is_believed_until_it_is_old() {
    let (bundle, key) = signed(7, 1);
    let manifest =
        Manifest::open(&bytes(&bundle, "manifest.json"), &bytes(&bundle, "manifest.json.sig"), &key).unwrap();
    assert_eq!(manifest.paths().count() + 2, bundle.files().count());
    for path in manifest.paths() {
        manifest.check_file(path, &bytes(&bundle, path)).unwrap();
    }
    let check = |url, secs, seen| manifest.check(url, samples::AT + Duration::from_secs(secs), seen);
    let page = samples::page();
    assert_eq!(check(Some(page.url()), 0, Some(7)), Ok(()));
    assert_eq!(check(None, 30, None), Ok(()));
    assert!(matches!(check(None, 31, None), Err(CopyError::Expired { .. })));
    assert!(matches!(check(None, 0, Some(8)), Err(CopyError::Older { seq: 7, seen: 8 })));
    assert!(matches!(check(Some("https://other.example"), 0, None), Err(CopyError::OtherPage { .. })));
    let early = manifest.check(None, samples::ago(200), None);
    assert!(matches!(early, Err(CopyError::Early { .. })), "{early:?}");
}

#[test]
fn a_copy_that_was_changed_or_is_anothers_is_not_believed() {
    let (bundle, key) = signed(7, 1);
    let (manifest, signature) = (bytes(&bundle, "manifest.json"), bytes(&bundle, "manifest.json.sig"));
    let (_, stranger) = signed(7, 2);
    assert_eq!(Manifest::open(&manifest, &signature, &stranger), Err(CopyError::Foreign));
    let mended = text(&bundle, "manifest.json").replace("\"seq\":7", "\"seq\":8");
    assert_eq!(Manifest::open(mended.as_bytes(), &signature, &key), Err(CopyError::Foreign));
    assert_eq!(Manifest::open(&manifest, b"<html>", &key), Err(CopyError::NoSignature));
    let manifest = Manifest::open(&manifest, &signature, &key).unwrap();
    let altered = manifest.check_file("index.html", b"<p>All is well.");
    assert_eq!(altered, Err(CopyError::Altered { path: "index.html".to_owned() }));
    assert!(manifest.check_file("no-such-file.html", b"").is_err());
}

#[test]
fn a_copy_that_was_never_published_is_said_to_be_one() {
    let mut bundle = made(&samples::calm());
    let pair = pair(1);
    let edition = Edition::at(samples::AT, Duration::from_secs(30));
    bundle.sign(&samples::page(), &edition, |bytes| pair.sign(bytes).as_ref().try_into().unwrap());
    let key = public(&pair);
    let manifest =
        Manifest::open(&bytes(&bundle, "manifest.json"), &bytes(&bundle, "manifest.json.sig"), &key).unwrap();
    assert_eq!(manifest.check(None, samples::AT, None), Err(CopyError::Unpublished));
}

#[test]
fn a_key_that_was_replaced_vouches_for_the_one_after_it_for_a_while() {
    let [old, new, other] = [1, 2, 3].map(pair);
    let until = samples::AT + Duration::from_secs(10);
    let sign = |by: &Ed25519KeyPair, key: &Ed25519KeyPair| {
        let words = Successor::words(&public(key), until);
        Successor::new(&public(key), until, by.sign(&words).as_ref().try_into().unwrap())
    };
    let open = |successor, signs: &Ed25519KeyPair, given: &Ed25519KeyPair| {
        let mut edition = Edition::at(samples::AT, Duration::from_secs(30));
        (edition.seq, edition.successor) = (Some(7), Some(successor));
        let mut bundle = made(&samples::calm());
        bundle.sign(&samples::page(), &edition, |bytes| signs.sign(bytes).as_ref().try_into().unwrap());
        Manifest::open(&bytes(&bundle, "manifest.json"), &bytes(&bundle, "manifest.json.sig"), &public(given))
    };
    let manifest = open(sign(&old, &new), &new, &old).unwrap();
    assert_eq!(manifest.successor(), Some(&public(&new)));
    assert_eq!(manifest.check(None, until, None), Ok(()));
    let late = manifest.check(None, until + Duration::from_secs(1), None);
    assert!(matches!(late, Err(CopyError::Replaced { .. })), "{late:?}");
    assert_eq!(open(sign(&old, &new), &new, &new).unwrap().successor(), None);
    assert_eq!(open(sign(&other, &new), &new, &old), Err(CopyError::Foreign), "another's word");
    assert_eq!(open(sign(&old, &new), &other, &old), Err(CopyError::Foreign), "another's signature");
    assert_eq!(open(sign(&new, &old), &new, &other), Err(CopyError::Foreign), "another's copy");
}

#[test]
fn what_is_said_of_a_copy_says_whose_fault_it_is() {
    let errors = [
        CopyError::NoSignature,
        CopyError::Foreign,
        CopyError::Unreadable,
        CopyError::OtherPage {
            found: "https://a.example".to_owned(),
            wanted: "https://b.example".to_owned(),
        },
        CopyError::Replaced { until: "2026-11-28T17:24:01.000Z".to_owned() },
        CopyError::Unpublished,
        CopyError::Expired {
            made: "2026-11-28T17:24:01.000Z".to_owned(),
            until: "2026-11-28T17:39:01.000Z".to_owned(),
        },
        CopyError::Early { made: "2026-11-28T17:24:01.000Z".to_owned() },
        CopyError::Older { seq: 7, seen: 8 },
        CopyError::Altered { path: "index.html".to_owned() },
    ];
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

proptest! {
    /// No change of one byte of a manifest or its signature is believed.
    #[test]
    fn no_byte_can_be_changed(place in any::<prop::sample::Index>(), change in 1_u8..=255, of_signature: bool) {
        let (bundle, key) = signed(7, 1);
        let mut files = [bytes(&bundle, "manifest.json"), bytes(&bundle, "manifest.json.sig")];
        // The line end of the signature says nothing.
        let changed = usize::from(of_signature);
        let length = files[changed].len() - changed;
        files[changed][place.index(length)] ^= change;
        let opened = Manifest::open(&files[0], &files[1], &key);
        // Space around a signature says nothing either.
        let is_space = of_signature && files[1].trim_ascii() == bytes(&bundle, "manifest.json.sig").trim_ascii();
        prop_assert!(opened.is_err() || is_space);
    }

    #[test]
    fn no_bytes_make_it_panic(manifest: Vec<u8>, signature in "[A-Za-z0-9+/=]{0,100}", text in "\\PC{0,200}") {
        let (_, key) = signed(7, 1);
        prop_assert!(Manifest::open(&manifest, signature.as_bytes(), &key).is_err());
        prop_assert!(Manifest::open(text.as_bytes(), &manifest, &key).is_err());
    }

    #[test]
    fn a_key_is_read_as_it_is_written(bytes: [u8; 32]) {
        let key = PublicKey::new(bytes);
        prop_assert_eq!(key.to_string().parse(), Ok(key));
        prop_assert_eq!(key.id().len(), 16);
    }
}

fn signed(seq: u64, seed: u8) -> (crate::Bundle, PublicKey) {
    let mut bundle = made(&samples::outage());
    let pair = pair(seed);
    let mut edition = Edition::at(samples::AT, Duration::from_secs(30));
    edition.seq = Some(seq);
    bundle.sign(&samples::page(), &edition, |bytes| pair.sign(bytes).as_ref().try_into().unwrap());
    (bundle, public(&pair))
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn public(pair: &Ed25519KeyPair) -> PublicKey {
    PublicKey::new(pair.public_key().as_ref().try_into().unwrap())
}

fn bytes(bundle: &crate::Bundle, path: &str) -> Vec<u8> {
    text(bundle, path).into_bytes()
}
