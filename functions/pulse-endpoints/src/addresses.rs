//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whose addresses Pulse calls. Others name the URLs, and could name what only machines of Pulse's own network reach: the
/// metadata of an instance, a database, another function (OWASP API Security Top 10, API7:2023, "Server Side Request
/// Forgery").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressRules {
    /// Addresses that are reachable from everywhere, and https.
    #[default]
    PublicOnly,
    /// This machine besides, over http too: for the local environment, whose receivers run on it.
    AlsoLoopback,
}

/// IPv4 blocks that aren't globally reachable (IANA IPv4 Special-Purpose Address Registry, and multicast of RFC 5771),
/// each with the length of its prefix. A few addresses in `192.0.0.0/24` are reachable, and no receiver is there.
const REFUSED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// What IANA has allocated as global unicast (IPv6 Address Space Registry). All of the others are refused with that: `::1`,
/// IPv4 in IPv6 (`::ffff:0:0/96`, `64:ff9b::/96`), unique local, link-local, site-local, multicast and segment routing.
const UNICAST_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks of the global unicast that aren't globally reachable, or lead to an IPv4 address that they hold (IANA IPv6
/// Special-Purpose Address Registry). `2001::/23` has Teredo, ORCHID and benchmarking; what is reachable of it is no
/// receiver.
const REFUSED_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

impl AddressRules {
    /// Whether this address may be connected to.
    #[must_use]
    pub fn allow(self, address: IpAddr) -> bool {
        is_public(address) || (self == Self::AlsoLoopback && address.is_loopback())
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let is_in = |(block, length): (Ipv4Addr, u32)| (address.to_bits() ^ block.to_bits()) >> (32 - length) == 0;
            !REFUSED_V4.into_iter().any(is_in)
        }
        IpAddr::V6(address) => {
            let is_in = |(block, length): (Ipv6Addr, u32)| (address.to_bits() ^ block.to_bits()) >> (128 - length) == 0;
            is_in(UNICAST_V6) && !REFUSED_V6.into_iter().any(is_in)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use AddressRules::{AlsoLoopback, PublicOnly};

    /// First and last addresses of what isn't globally reachable, by the IANA registries of special-purpose addresses, the
    /// multicast ones, and what else is no global unicast.
    const REFUSED: [(&str, &str); 42] = [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.255.255"),
        ("169.254.169.254", "169.254.170.2"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.255"),
        ("::", "::1"),
        ("::", "::ffff:ffff"),
        ("::127.0.0.1", "::169.254.169.254"),
        ("::ffff:0:0", "::ffff:ffff:ffff"),
        ("::ffff:10.0.0.1", "::ffff:93.184.216.34"),
        ("::ffff:0:0:0", "::ffff:0:ffff:ffff"),
        ("64:ff9b::", "64:ff9b::ffff:ffff"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("100::", "100::ffff:ffff:ffff:ffff"),
        ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
        ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:20::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002:a9fe:a9fe::", "2002:a9fe:a9fe::1"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("4000::", "4000::1"),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fd00:ec2::254", "fd00:ec2::254"),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ];

    /// Neighbours of the refused blocks, and well-known addresses.
    const PUBLIC: [&str; 34] = [
        "1.0.0.0",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:4860:4860::8888",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2003::",
        "2606:4700::1111",
        "3fff:1000::",
    ];

    #[test]
    fn what_is_not_globally_reachable_is_refused_to_its_edges() {
        for (first, last) in REFUSED {
            for address in [first, last] {
                let address: IpAddr = address.parse().unwrap();
                assert!(!PublicOnly.allow(address), "{address}");
                assert_eq!(AlsoLoopback.allow(address), address.is_loopback(), "{address}");
            }
        }
        for address in PUBLIC {
            let address = address.parse().unwrap();
            assert!(PublicOnly.allow(address) && AlsoLoopback.allow(address), "{address}");
        }
    }

    proptest! {
        #[test]
        fn what_lies_within_a_refused_block_is_refused(block in 0..REFUSED.len(), place in any::<u128>()) {
            let (first, last) = REFUSED[block];
            let within: IpAddr = match (first.parse().unwrap(), last.parse().unwrap()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    let (first, last) = (u128::from(first.to_bits()), u128::from(last.to_bits()));
                    Ipv4Addr::from_bits(u32::try_from(first + place % (last - first + 1)).unwrap()).into()
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    let (first, last) = (first.to_bits(), last.to_bits());
                    Ipv6Addr::from_bits(first + place % (last - first + 1)).into()
                }
                _ => unreachable!(),
            };
            prop_assert!(!PublicOnly.allow(within), "{}", within);
        }

        /// The IPv4 address that is hidden in one of IPv6 counts for nothing: none of its forms is connected to.
        #[test]
        fn no_ipv4_address_comes_in_the_guise_of_ipv6(hidden in any::<u32>()) {
            let low = u128::from(hidden);
            let teredo = (0x2001_u128 << 112) | u128::from(!hidden);
            let six_to_four = (0x2002_u128 << 112) | (low << 80) | 1;
            let nat64 = (0x0064_ff9b_u128 << 96) | low;
            for bits in [low, (0xffff << 32) | low, (0xffff_u128 << 48) | low, nat64, six_to_four, teredo] {
                let address = Ipv6Addr::from_bits(bits);
                prop_assert!(!PublicOnly.allow(address.into()), "{}", address);
            }
        }
    }
}
