//! `[[listen]]` and `[[front]]`.

use std::net::SocketAddr;

use model::Prefix;

use crate::entry::{default, part, required, settings};
use crate::kinds::{ADDRESS, CLIENT_ADDRESS, ClientAddress, FLAG, FRONT_SOURCE, list};

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
    }
    later {
        "tls" = part(
            2,
            "TLS",
            "until then let your present TLS server stand before the gate, and name it with [[front]]",
        );
    }
}

settings! {
    /// A CDN or load balancer before the gate. If there is one, name it: or the gate takes it for a single
    /// client that sends everything. A front is never limited or refused, and what it says of its clients is
    /// believed, so name only addresses that nobody else can use.
    pub struct Front {
        /// Where it connects from: networks or single addresses.
        sources: Vec<Prefix> = required("192.0.2.10", list(FRONT_SOURCE, 1_024));
        /// Where it writes the client's address: "x-forwarded-for", "forwarded" (RFC 7239), "proxy-protocol",
        /// or the name of a header of its own, such as "cf-connecting-ip". Of a list, the last address that
        /// is no front counts: whatever is left of it may be the client's invention.
        client_address: ClientAddress = required("x-forwarded-for", CLIENT_ADDRESS);
    }
    later {
        "ja4_header" = part(3, "TLS fingerprints from a front", "until then leave it out");
        "country_header" = part(3, "countries from a front", "until then leave it out");
    }
}
