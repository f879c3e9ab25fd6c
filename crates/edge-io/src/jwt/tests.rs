//! Tokens from scripts: a few words in, the account or the reason out.

mod cache;
pub(super) mod signer;

use model::Timestamp;
use proptest::prelude::*;

use self::signer::{Signer, base64url, jwks};
use super::keys::{KeySet, KeySetError};
use super::token::{JwtRules, TOKEN_BYTES_MAX, Token, TokenError};
use super::verify::Unproved;

const NOW: u64 = 1_800_000_000;
const GOOD: &str = r#"{"iss":"https://login.example","aud":"shop","sub":"ann","exp":1800000600}"#;

fn rules() -> JwtRules {
    JwtRules { issuer: "https://login.example".into(), audience: "shop".into(), account_claim: "sub".into() }
}

fn set(keys: &[String]) -> KeySet {
    KeySet::parse(jwks(keys).as_bytes()).unwrap()
}

/// The account of a token, or why it has none.
fn check(token: &str, keys: &KeySet, rules: &JwtRules) -> Result<String, TokenError> {
    let unproved = Unproved::read(token.as_bytes(), keys, rules, Timestamp::from_secs(NOW))?;
    Ok(unproved.prove(keys)?.claims.account)
}

#[test]
fn examples_of_the_standards_verify() {
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let examples = [
        // RFC 7515, appendix A.2.
        (
            r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
            format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"),
        ),
        // RFC 7515, appendix A.3.
        (
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
        ),
        // RFC 8037, appendix A.4.
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".to_owned(),
        ),
    ];
    for (key, text) in &examples {
        let keys = set(&[(*key).to_owned()]);
        let token = Token::split(text.as_bytes()).unwrap();
        let key = &keys.find(None, token.algorithm).unwrap().key;
        assert!(key.verify_sig(token.signed, &token.signature).is_ok(), "{text}");
        assert!(key.verify_sig(&token.signed[1..], &token.signature).is_err());
    }
}

#[test]
fn every_accepted_algorithm_works_and_each_key_has_only_one() {
    for alg in ["RS256", "PS256", "ES256", "ES384", "EdDSA"] {
        let signer = Signer::new("k", alg);
        assert_eq!(check(&signer.token(GOOD), &set(&[signer.jwk()]), &rules()), Ok("ann".into()), "{alg}");
    }
    // A key without `alg` has the usual one of its kind; the other is refused, although it would verify.
    let signer = Signer::new("k", "PS256");
    let usual = set(&[signer.jwk_with(r#","kid":"k""#)]);
    assert_eq!(check(&signer.token(GOOD), &usual, &rules()), Err(TokenError::WrongKey));
}

#[test]
fn a_token_cannot_choose_how_it_is_verified() {
    let (signer, own) = (Signer::new("k", "RS256"), Signer::new("own", "EdDSA"));
    let keys = set(&[signer.jwk()]);
    let told = |header: &str| check(&signer.token_with(header, GOOD), &keys, &rules());
    assert_eq!(told(r#"{"alg":"none","kid":"k"}"#), Err(TokenError::Algorithm));
    assert_eq!(told(r#"{"alg":"None","kid":"k"}"#), Err(TokenError::Algorithm));
    assert_eq!(told(r#"{"alg":"RS256 ","kid":"k"}"#), Err(TokenError::Algorithm));
    assert_eq!(told(r#"{"alg":"ES256","kid":"k"}"#), Err(TokenError::WrongKey));
    assert_eq!(told(r#"{"alg":"EdDSA","kid":"k"}"#), Err(TokenError::WrongKey));
    assert_eq!(told(r#"{"alg":"RS256","kid":"other"}"#), Err(TokenError::UnknownKey));
    assert_eq!(told(r#"{"alg":"RS256","kid":"k","crit":["exp"]}"#), Err(TokenError::Critical));
    assert_eq!(told(r#"{"alg":"RS256","kid":"k","b64":false}"#), Err(TokenError::Critical));
    assert_eq!(told(r#"{"alg":"RS256","alg":"none","kid":"k"}"#), Err(TokenError::Shape));
    assert_eq!(told(r#"{"alg":"RS256","kid":"k","typ":"dpop+jwt"}"#), Err(TokenError::Shape));
    assert_eq!(told(r#"{"alg":"RS256","kid":"k","typ":"at+JWT"}"#), Ok("ann".into()));

    // The public key as the secret of an HMAC.
    let signed = format!("{}.{}", base64url(r#"{"alg":"HS256","kid":"k"}"#), base64url(GOOD));
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &signer.public_bytes());
    let mac = aws_lc_rs::hmac::sign(&secret, signed.as_bytes());
    assert_eq!(check(&format!("{signed}.{}", base64url(mac)), &keys, &rules()), Err(TokenError::Algorithm));
    assert_eq!(check(&format!("{signed}."), &keys, &rules()), Err(TokenError::Algorithm));

    // A key that the token brings itself.
    let header = format!(r#"{{"alg":"EdDSA","kid":"own","jwk":{}}}"#, own.jwk());
    assert_eq!(check(&own.token_with(&header, GOOD), &keys, &rules()), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_without_a_key_name_has_one_key_to_fit_or_none() {
    let (one, two) = (Signer::new("1", "EdDSA"), Signer::new("2", "EdDSA"));
    let token = one.token_with(r#"{"alg":"EdDSA"}"#, GOOD);
    assert_eq!(check(&token, &set(&[one.jwk()]), &rules()), Ok("ann".into()));
    assert_eq!(check(&token, &set(&[one.jwk(), two.jwk()]), &rules()), Err(TokenError::WrongKey));
    assert_eq!(check(&token, &KeySet::default(), &rules()), Err(TokenError::UnknownKey));
}

#[test]
fn claims_are_held_against_the_rules_and_the_clock() {
    let signer = Signer::new("k", "EdDSA");
    let keys = set(&[signer.jwk()]);
    let whole = |claims: &str| check(&signer.token(claims), &keys, &rules());
    let told = |claims: &str| whole(&format!(r#"{{"iss":"https://login.example",{claims}}}"#));
    let ann = || Ok("ann".to_owned());
    for (claims, expected) in [
        // Sixty seconds of leeway on both sides, and not one more.
        (r#""aud":"shop","sub":"ann","exp":1799999941"#, ann()),
        (r#""aud":"shop","sub":"ann","exp":1799999940"#, Err(TokenError::Expired)),
        (r#""aud":"shop","sub":"ann","exp":1800000000.5,"nbf":1800000060"#, ann()),
        (r#""aud":"shop","sub":"ann","exp":1800000600,"nbf":1800000061"#, Err(TokenError::NotYet)),
        (r#""aud":"shop","sub":"ann""#, Err(TokenError::Expired)),
        (r#""aud":"shop","sub":"ann","exp":"1800000600""#, Err(TokenError::Shape)),
        (r#""aud":"shop","sub":"ann","exp":-1"#, Err(TokenError::Shape)),
        (r#""aud":"shop","sub":"ann","exp":1e99"#, Err(TokenError::Shape)),
        // The audience is the wanted one, or a list that holds it.
        (r#""aud":["bank","shop"],"sub":"ann","exp":1800000600"#, ann()),
        (r#""aud":["bank"],"sub":"ann","exp":1800000600"#, Err(TokenError::Audience)),
        (r#""aud":"shopping","sub":"ann","exp":1800000600"#, Err(TokenError::Audience)),
        (r#""aud":[["shop"]],"sub":"ann","exp":1800000600"#, Err(TokenError::Shape)),
        (r#""sub":"ann","exp":1800000600"#, Err(TokenError::Audience)),
        // An account is a text or a whole number.
        (r#""aud":"shop","sub":42,"exp":1800000600"#, Ok("42".into())),
        (r#""aud":"shop","sub":"","exp":1800000600"#, Err(TokenError::Account)),
        (r#""aud":"shop","exp":1800000600"#, Err(TokenError::Account)),
        (r#""aud":"shop","sub":{"a":1},"exp":1800000600"#, Err(TokenError::Shape)),
        // What comes twice may be read otherwise by somebody else.
        (r#""aud":"shop","sub":"ann","sub":"eve","exp":1800000600"#, Err(TokenError::Shape)),
        (r#""iss":"x","aud":"shop","sub":"ann","exp":1800000600"#, Err(TokenError::Shape)),
        (r#""aud":"shop","sub":"ann","exp":1800000600} {"a":1"#, Err(TokenError::Shape)),
    ] {
        assert_eq!(told(claims), expected, "{claims}");
    }
    let long = format!(r#""aud":"shop","sub":"{}","exp":1800000600"#, "a".repeat(257));
    assert_eq!(told(&long), Err(TokenError::Account));
    assert_eq!(
        whole(r#"{"iss":"https://other.example","aud":"shop","sub":"ann","exp":1800000600}"#),
        Err(TokenError::Issuer)
    );
    assert_eq!(whole(r#"{"aud":"shop","sub":"ann","exp":1800000600}"#), Err(TokenError::Issuer));
    assert_eq!(whole(r#"["iss"]"#), Err(TokenError::Shape));
    let claimed = JwtRules { account_claim: "https://shop.example/user".into(), ..rules() };
    let claims = GOOD.replace(r#""sub":"ann""#, r#""https://shop.example/user":"bob","sub":"ann""#);
    assert_eq!(check(&signer.token(&claims), &keys, &claimed), Ok("bob".into()));
}

#[test]
fn large_and_deep_tokens_are_not_read() {
    let signer = Signer::new("k", "EdDSA");
    let keys = set(&[signer.jwk()]);
    let with = |extra: &str| {
        let claims = GOOD.replacen('{', &format!(r#"{{"extra":{extra},"#), 1);
        check(&signer.token(&claims), &keys, &rules())
    };
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(with(&deep(15)), Ok("ann".into()));
    assert_eq!(with(&deep(16)), Err(TokenError::Shape));
    // Brackets in a text do not nest.
    assert_eq!(with(&format!(r#""\"{}""#, "[".repeat(50))), Ok("ann".into()));
    assert_eq!(with(&format!(r#""{}""#, "a".repeat(TOKEN_BYTES_MAX / 2))), Ok("ann".into()));
    assert_eq!(with(&format!(r#""{}""#, "a".repeat(TOKEN_BYTES_MAX))), Err(TokenError::Shape));
}

#[test]
fn keys_for_other_uses_are_left_out_with_a_reason() {
    let (signer, rsa) = (Signer::new("k", "ES256"), Signer::new("r", "RS256"));
    let weak = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#;
    let off_curve = format!(r#"{{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}}"#, base64url([7; 32]));
    let keys = set(&[
        signer.jwk(),
        signer.jwk_with(r#","use":"enc""#),
        signer.jwk_with(r#","key_ops":["sign"]"#),
        signer.jwk_with(r#","alg":"ES384""#),
        signer.jwk_with(r#","alg":"HS256""#),
        r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
        r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#.to_owned(),
        weak.to_owned(),
        rsa.jwk_with("").replace("AQAB", "AQ"),
        rsa.jwk_with("").replace("AQAB", "Ag"),
        off_curve,
        r#"{"kid":"no kty"}"#.to_owned(),
        signer.jwk(),
    ]);
    assert_eq!(keys.count(), 1);
    let reasons: Vec<String> = keys.ignored().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn what_is_no_set_of_keys_is_said_so() {
    for text in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, &format!(r#"{{"keys":[{}]}}"#, "[".repeat(99))] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), KeySetError::Shape, "{text}");
    }
    assert_eq!(KeySet::parse(&[b' '; 300_000]).unwrap_err(), KeySetError::TooLarge);
    let useless = KeySet::parse(br#"{"keys":[{"kty":"oct","k":"AA"}]}"#).unwrap_err();
    assert_eq!(
        useless.to_string(),
        "no key of the set is for RS256, PS256, ES256, ES384 or EdDSA; key 1 is not used: a shared secret in a published set verifies nothing"
    );
    let many: Vec<String> =
        (0..70).map(|n| Signer::new("", "EdDSA").jwk_with(&format!(r#","kid":"{n}""#))).collect();
    assert_eq!((set(&many).count(), set(&many).ignored().len()), (64, 6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever byte of a good token is changed, added or left out: it is good no more.
    #[test]
    fn no_changed_token_is_good(at: prop::sample::Index, byte: u8, how in 0..3) {
        let signer = Signer::new("k", "EdDSA");
        let (keys, mut token) = (set(&[signer.jwk()]), signer.token(GOOD).into_bytes());
        let at = at.index(token.len());
        prop_assume!(how != 0 || token[at] != byte);
        match how {
            0 => token[at] = byte,
            1 => token.insert(at, byte),
            _ => drop(token.remove(at)),
        }
        let good = Unproved::read(&token, &keys, &rules(), Timestamp::from_secs(NOW))
            .and_then(|unproved| unproved.prove(&keys));
        prop_assert!(good.is_err());
    }
}
