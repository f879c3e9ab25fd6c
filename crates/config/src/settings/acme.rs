//! `[acme]`.

use std::path::PathBuf;

use crate::entry::{default, optional, required, settings};
use crate::kinds::{ACME_DIRECTORY, CONTACT, FILE, FLAG, PROOF, Proof, TEXT, list};

settings! {
    /// Certificates from an authority, by ACME (RFC 8555): one for each of the site's `hosts`, renewed when a third of its time is
    /// left. The authority must reach this machine under those names. Until the first certificate is there, and when the
    /// authority cannot be reached, clients get what there is; a certificate that the gate signs itself in the worst case.
    pub struct Acme {
        /// The authority's directory.
        directory: String = default("https://acme-v02.api.letsencrypt.org/directory", ACME_DIRECTORY);
        /// Whether you agree to the authority's terms of service. Without it no certificate is had.
        agree_to_terms: bool = required("true", FLAG);
        /// Addresses that the authority may write to.
        contacts: Vec<String> = default("", list(CONTACT, 8));
        /// How the authority is shown that the hosts are yours, tried in turn: "tls-alpn-01" in a handshake on port 443,
        /// "http-01" with a request to port 80, for which a listener must stand there.
        proofs: Vec<Proof> = default("tls-alpn-01, http-01", list(PROOF, 2));
        /// The authority that the directory's own https is verified with, as PEM, for an authority in your own network. Without
        /// it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
        /// The name of the key that binds the account to you, for authorities that give one (external account binding).
        external_id: Option<String> = optional("kid-1", TEXT);
        /// The file with that key, base64url as the authority shows it.
        external_key_file: Option<PathBuf> = optional("/etc/portcullis/acme-eab.key", FILE);
    }
}
