//! `[[listen]]` and `[[front]]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use model::Prefix;

use crate::entry::{default, optional, optional_table, required, settings, tables};
use crate::kinds::{
    ADDRESS, CLIENT_ADDRESS, ClientAddress, FILE, FLAG, FRONT_SOURCE, HEADER, TLS_VERSION, TlsVersion,
    duration, list,
};

settings! {
    /// An address on which the gate serves the site.
    pub struct Listen {
        /// Address and port. 0.0.0.0 stands for every IPv4 address of the machine, [::] for every IPv6
        /// address.
        address: SocketAddr = required("127.0.0.1:8080", ADDRESS);
        /// Whether connections begin with a PROXY protocol header, version 1 or 2, which says who the client
        /// is. The balancer that sends it must be named by a [[front]] with client_address =
        /// "proxy-protocol".
        proxy_protocol: bool = default("false", FLAG);
        /// Whether every request is sent on to https. Proofs for certificates below
        /// /.well-known/acme-challenge/ are forwarded all the same.
        https_redirect: bool = default("false", FLAG);
        /// TLS. Without it the listener speaks plain HTTP/1.1.
        tls: Option<Tls> = optional_table();
    }
}

settings! {
    /// How a listener speaks TLS. Sessions are resumed with tickets that every gate with the same key file
    /// accepts; there is no early data.
    pub struct Tls {
        /// Certificates with their keys. A client gets the one for the name that it asks for; without one,
        /// the first. Their files are read again when they change.
        certificate: Vec<Certificate> = tables(0, 256, "write at most 256 of them; one can be for many names");
        /// Whether certificates for `hosts` are had from an authority, as [acme] says. They come after those that are
        /// written here.
        acme: bool = default("false", FLAG);
        /// Whether HTTP/2 is offered beside HTTP/1.1.
        http2: bool = default("true", FLAG);
        /// The oldest version that is spoken: "1.2" or "1.3".
        min_version: TlsVersion = default("1.2", TLS_VERSION);
        /// For how long browsers must come by https alone (Strict-Transport-Security). Begin with a day; it
        /// cannot be taken back from browsers that have seen it.
        hsts: Option<Duration> = optional("1d", duration("1s", "730d"));
    }
}

settings! {
    /// A certificate and its key.
    pub struct Certificate {
        /// The certificate, followed by those that lead to its root, as PEM.
        chain: PathBuf = required("/etc/portcullis/fullchain.pem", FILE);
        /// The private key, as PEM.
        key: PathBuf = required("/etc/portcullis/privkey.pem", FILE);
        /// An OCSP answer to staple, as DER, for authorities that still give them.
        ocsp: Option<PathBuf> = optional("/etc/portcullis/ocsp.der", FILE);
    }
}

settings! {
    /// A CDN or load balancer before the gate. If there is one, name it: or the gate takes it for a single
    /// client that sends everything, or once it notices, for one network that many people share. A front is
    /// never limited or refused, and what it says of its clients is believed, so name only addresses that
    /// nobody else can use.
    pub struct Front {
        /// Where it connects from: networks or single addresses.
        sources: Vec<Prefix> = required("192.0.2.10", list(FRONT_SOURCE, 1_024));
        /// Where it writes the client's address: "x-forwarded-for", "forwarded" (RFC 7239), "proxy-protocol",
        /// or the name of a header of its own, such as "cf-connecting-ip". Of a list, the last address that
        /// is no front counts: whatever is left of it may be the client's invention.
        client_address: ClientAddress = required("x-forwarded-for", CLIENT_ADDRESS);
        /// The header in which it writes the JA4 fingerprint of its client's TLS, such as "cloudfront-viewer-ja4-fingerprint". Rules
        /// may tell a flood by it. It must be written anew on every request; what has not the form of a JA4, or comes twice, counts
        /// as missing. Others cannot set it: it is removed from requests that do not come from this front.
        ja4_header: Option<String> = optional("cloudfront-viewer-ja4-fingerprint", HEADER);
        /// The header in which it writes its client's country as two letters, such as "cf-ipcountry"; as with `ja4_header`.
        country_header: Option<String> = optional("cf-ipcountry", HEADER);
    }
}
