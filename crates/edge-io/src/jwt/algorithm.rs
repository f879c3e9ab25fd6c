//! The signature algorithms that are accepted: asymmetric ones only (RFC 8725, sections 3.1 and 3.2).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};

/// A signature algorithm (RFC 7518, section 3.1; RFC 8037; RFC 9864). `none` and all with a shared secret are not
/// among them, so a token cannot ask for one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of an `alg` value.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// The kind and curve of its keys (RFC 7518, section 6.1; RFC 8037, section 2).
    pub(super) fn family(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Rs256 | Self::Ps256 => ("RSA", None),
            Self::Es256 => ("EC", Some("P-256")),
            Self::Es384 => ("EC", Some("P-384")),
            Self::EdDsa => ("OKP", Some("Ed25519")),
        }
    }

    /// The one algorithm of a key that names none (RFC 8725, section 3.1: one key, one algorithm).
    pub(super) fn usual(kind: &str, curve: Option<&str>) -> Option<Self> {
        let all = [Self::Rs256, Self::Es256, Self::Es384, Self::EdDsa];
        all.into_iter().find(|algorithm| algorithm.family() == (kind, curve))
    }

    /// The bytes of a coordinate of its keys; 0 for RSA.
    pub(super) fn coordinate_bytes(self) -> usize {
        match self {
            Self::Rs256 | Self::Ps256 => 0,
            Self::Es256 | Self::EdDsa => 32,
            Self::Es384 => 48,
        }
    }

    /// A key of an elliptic curve: the raw point for Ed25519, else the uncompressed one (SEC 1, section 2.3.3).
    pub(super) fn point(self, point: &[u8]) -> Option<ParsedPublicKey> {
        let key = match self {
            Self::Rs256 | Self::Ps256 => return None,
            Self::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
            Self::Es384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point),
            Self::EdDsa => ParsedPublicKey::new(&ED25519, point),
        };
        key.ok()
    }

    /// An RSA key of modulus and exponent, both big endian without leading zeros.
    pub(super) fn rsa(self, n: &[u8], e: &[u8]) -> Option<ParsedPublicKey> {
        let parameters = match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Self::Es256 | Self::Es384 | Self::EdDsa => return None,
        };
        RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()
    }
}
