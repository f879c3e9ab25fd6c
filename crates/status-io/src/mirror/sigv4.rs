//! Signatures of requests to stores that speak S3 ("Authenticating Requests: Using the Authorization Header (AWS Signature Version
//! 4)", Amazon S3 API Reference).

use aws_lc_rs::{digest, hmac};
use data_encoding::HEXLOWER;
use model::Timestamp;

/// Whose requests they are, and where they go.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) secret: String,
    pub(super) region: String,
}

/// What of a request is signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// As it is sent; without a query.
    pub(super) path: &'a str,
    /// In lower case, in the order of their names; `host`, `x-amz-date` and `x-amz-content-sha256` are among them.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// The body's SHA-256.
    pub(super) body_hash: &'a str,
}

impl Signer {
    /// The value of `Authorization`; `date` is that of `x-amz-date`.
    pub(super) fn authorization(&self, request: &Signed<'_>, date: &str) -> String {
        let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String =
            request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let Signed { method, path, body_hash, .. } = request;
        let whole = format!("{method}\n{path}\n\n{lines}\n{names}\n{body_hash}");
        let day = date.get(..DAY_LETTERS).unwrap_or(date);
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hash(whole.as_bytes()));
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [day, &self.region, "s3", "aws4_request"] {
            key = keyed(&key, part);
        }
        let (access_key, signature) = (&self.access_key, HEXLOWER.encode(&keyed(&key, &text)));
        format!("{ALGORITHM} Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}")
    }
}

/// The SHA-256 of a body, as it is signed.
pub(super) fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The value of `x-amz-date`: `20261128T172401Z`.
pub(super) fn date(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    moment.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// `20261128`.
const DAY_LETTERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// "Example: GET Object" and "Example: PUT Object" of the reference above.
    #[test]
    fn requests_are_signed_as_in_the_reference() {
        let signer = Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let (date, empty) = ("20130524T000000Z", hash(b""));
        let get = Signed {
            method: "GET",
            path: "/test.txt",
            headers: &[host, ("range", "bytes=0-9"), ("x-amz-content-sha256", &empty), ("x-amz-date", date)],
            body_hash: &empty,
        };
        let body = hash(b"Welcome to Amazon S3.");
        let put = Signed {
            method: "PUT",
            path: "/test%24file.text",
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                host,
                ("x-amz-content-sha256", &body),
                ("x-amz-date", date),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            body_hash: &body,
        };
        assert_eq!(
            signer.authorization(&get, date),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let signed = signer.authorization(&put, date);
        let signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        assert!(signed.ends_with(signature), "{signed}");
    }

    #[test]
    fn a_date_has_no_marks() {
        assert_eq!(date(Timestamp::from_secs(1_795_886_641)), "20261128T172401Z");
    }
}
