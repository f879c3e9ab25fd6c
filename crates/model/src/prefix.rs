//! Networks.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in canonical form: every host bit is zero.
///
/// `10.0.0.7/8` is refused, not rounded: a typo must never widen what is allowed or dropped.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

/// Why a text is not a [`Prefix`]. Each message quotes the input and says what to write instead.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum PrefixError {
    /// The address has bits set beyond the length.
    #[error("`{text}` has host bits set; write `{network}` if you mean the whole network")]
    HostBits {
        /// The input.
        text: String,
        /// The network it lies in.
        network: Prefix,
    },
    /// The text is not `address/length`.
    #[error("`{text}` is not a network; write an address and a length, such as `192.0.2.0/24`")]
    Shape {
        /// The input.
        text: String,
    },
    /// The length exceeds the width of the address.
    #[error("`{text}` is too long; the longest prefix of this address family is /{longest}")]
    TooLong {
        /// The input.
        text: String,
        /// 32 or 128.
        longest: u8,
    },
}

impl Prefix {
    /// The network of `len` bits that `addr` lies in; IPv4-mapped IPv6 addresses count as IPv4.
    ///
    /// A length beyond the address family's width is cut to it.
    pub fn of(addr: IpAddr, len: u8) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(v4) => {
                let len = len.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
                Self { addr: IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask)), len }
            }
            IpAddr::V6(v6) => {
                let len = len.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
                Self { addr: IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask)), len }
            }
        }
    }

    /// The first address.
    pub const fn addr(self) -> IpAddr {
        self.addr
    }

    /// The length in bits.
    pub const fn length(self) -> u8 {
        self.len
    }

    /// Whether an address lies in the network.
    pub fn contains(self, addr: IpAddr) -> bool {
        self.addr.is_ipv4() == addr.to_canonical().is_ipv4() && Self::of(addr, self.len) == self
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    /// Reads `address/length`, or a bare address as the network of that one address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || PrefixError::Shape { text: text.to_owned() };
        let (addr, len) = match text.split_once('/') {
            Some((addr, len)) => (addr, Some(len)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| shape())?;
        let longest = if addr.is_ipv4() { 32 } else { 128 };
        let len: u8 = match len {
            Some(len) if len.len() <= 3 && len.bytes().all(|b| b.is_ascii_digit()) => {
                len.parse().unwrap_or(u8::MAX)
            }
            Some(_) => return Err(shape()),
            None => longest,
        };
        if len > longest {
            return Err(PrefixError::TooLong { text: text.to_owned(), longest });
        }
        let network = Self::of(addr, len);
        if network.addr == addr {
            Ok(network)
        } else {
            Err(PrefixError::HostBits { text: text.to_owned(), network })
        }
    }
}

/// The networks that one address lies in, as plain numbers for hashing: IPv4 and IPv6 never collide.
///
/// Rungs, narrow to wide: IPv4 /32, /24, /20, /16; IPv6 /64, /56, /48, /32.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Net(u64);

impl Net {
    /// IPv4 /32 or IPv6 /64: one subscriber line, the unit of "an address".
    pub fn address(addr: IpAddr) -> Self {
        Self::masked(addr, 32, 64)
    }

    /// IPv4 /24 or IPv6 /56.
    pub fn near(addr: IpAddr) -> Self {
        Self::masked(addr, 24, 56)
    }

    /// IPv4 /24 or IPv6 /48: the unit of "a prefix" in login lane, connection caps and references.
    pub fn network(addr: IpAddr) -> Self {
        Self::masked(addr, 24, 48)
    }

    /// IPv4 /20 or IPv6 /48.
    pub fn wide(addr: IpAddr) -> Self {
        Self::masked(addr, 20, 48)
    }

    /// IPv4 /16 or IPv6 /32.
    pub fn widest(addr: IpAddr) -> Self {
        Self::masked(addr, 16, 32)
    }

    /// The unit of cohorts: IPv4 /32 or IPv6 /48.
    pub fn cohort(addr: IpAddr) -> Self {
        Self::masked(addr, 32, 48)
    }

    /// The number to hash. Two nets of different rungs can share a number: hash the rung beside it.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// IPv4 in the low half under a marker that no IPv6 global address has (`0::/8` is reserved, RFC 4291 section 4).
    fn masked(addr: IpAddr, v4: u32, v6: u32) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(addr) => {
                Self(0x00FF_0000_0000_0000 | u64::from(addr.to_bits() & (u32::MAX << (32 - v4))))
            }
            IpAddr::V6(addr) => {
                let [a, b, c, d, e, f, g, h, ..] = addr.octets();
                Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]) & (u64::MAX << (64 - v6)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_what_to_write_instead() {
        let error = |text: &str| text.parse::<Prefix>().unwrap_err().to_string();
        assert_eq!(
            error("10.0.0.7/8"),
            "`10.0.0.7/8` has host bits set; write `10.0.0.0/8` if you mean the whole network"
        );
        assert_eq!(
            error("10.0.0.0/33"),
            "`10.0.0.0/33` is too long; the longest prefix of this address family is /32"
        );
        assert!(error("ten").contains("192.0.2.0/24"));
        assert!(error("10.0.0.0/+8").contains("192.0.2.0/24"));
    }

    #[test]
    fn a_prefix_contains_its_own_and_mapped_addresses() {
        let net: Prefix = "192.0.2.0/24".parse().unwrap();
        assert!(net.contains("192.0.2.9".parse().unwrap()));
        assert!(net.contains("::ffff:192.0.2.9".parse().unwrap()));
        assert!(!net.contains("192.0.3.9".parse().unwrap()));
        let all: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.1".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn nets_join_what_one_subscriber_holds() {
        let (a, b) = ("2001:db8:1:2::1".parse().unwrap(), "2001:db8:1:2:ffff::9".parse().unwrap());
        assert_eq!(Net::address(a), Net::address(b));
        assert_ne!(Net::address("192.0.2.1".parse().unwrap()), Net::address("192.0.2.2".parse().unwrap()));
        assert_eq!(Net::network("192.0.2.1".parse().unwrap()), Net::network("192.0.2.200".parse().unwrap()));
    }
}
