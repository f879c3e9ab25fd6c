//! An issuer of tokens, for tests in the crate and over sockets.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;

/// A signing key with its name and algorithm.
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pub(crate) alg: &'static str,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

impl Signer {
    /// A new key for this algorithm.
    pub(crate) fn new(kid: &'static str, alg: &'static str) -> Self {
        let ecdsa = |algorithm| Pair::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap());
        let pair = match alg {
            "EdDSA" => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            _ => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self { kid, alg, pair }
    }

    /// The public key as an issuer publishes it, without `alg`.
    fn bare(&self) -> String {
        match &self.pair {
            Pair::Ed25519(pair) => {
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{}""#, base64url(pair.public_key()))
            }
            Pair::Ecdsa(pair) => {
                let (x, y) =
                    pair.public_key().as_ref()[1..].split_at(if self.alg == "ES256" { 32 } else { 48 });
                let curve = if self.alg == "ES256" { "P-256" } else { "P-384" };
                format!(r#""kty":"EC","crv":"{curve}","x":"{}","y":"{}""#, base64url(x), base64url(y))
            }
            Pair::Rsa(pair) => {
                let (n, e) = components(pair.public_key());
                format!(r#""kty":"RSA","n":"{}","e":"{}""#, base64url(n), base64url(e))
            }
        }
    }

    pub(crate) fn jwk(&self) -> String {
        format!(r#"{{"kid":"{}","use":"sig","alg":"{}",{}}}"#, self.kid, self.alg, self.bare())
    }

    /// The public key with other members around it.
    pub(crate) fn jwk_with(&self, members: &str) -> String {
        format!("{{{}{members}}}", self.bare())
    }

    /// The public key as bytes that an attacker may have: what an `HS256` confusion would use as secret.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// A token with the usual header.
    pub(crate) fn token(&self, claims: &str) -> String {
        self.token_with(&format!(r#"{{"alg":"{}","typ":"JWT","kid":"{}"}}"#, self.alg, self.kid), claims)
    }

    /// A token with a header of the test's own, signed as the key can.
    pub(crate) fn token_with(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let encoding: &dyn RsaEncoding =
                    if self.alg == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", base64url(signature))
    }
}

/// Modulus and exponent out of an `RSAPublicKey` (RFC 8017, appendix A.1.1): a sequence of two integers.
fn components(key: &PublicKey) -> (Vec<u8>, Vec<u8>) {
    fn take<'a>(der: &mut &'a [u8]) -> &'a [u8] {
        let long = der[1] & 0x80 != 0;
        let bytes = if long { usize::from(der[1] & 0x7f) } else { 0 };
        let length = if long {
            der[2..2 + bytes].iter().fold(0, |length, &byte| length << 8 | usize::from(byte))
        } else {
            usize::from(der[1])
        };
        let (body, rest) = der[2 + bytes..].split_at(length);
        *der = rest;
        body
    }
    let mut inside = take(&mut key.as_ref());
    let mut integer = || {
        let integer = take(&mut inside);
        integer[integer.iter().take_while(|&&byte| byte == 0).count()..].to_vec()
    };
    (integer(), integer())
}

/// A set of keys.
pub(crate) fn jwks(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}
