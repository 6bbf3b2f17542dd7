use std::{fmt, net::IpAddr};

use url::{Host, Url};

use crate::AddressRules;

/// Where another system is told. Its path and query may hold tokens, so neither `Debug` nor `Display` shows them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointUrl(Url);

/// The longest URL that is taken, in bytes: what receivers' servers take in a request's line (RFC 9110, 4.1, recommends
/// 8,000 at the least), and far more than any needs.
const LONGEST: usize = 2048;

/// Why a text is no URL that Pulse calls. It doesn't show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointUrlError {
    /// It is longer than any needs to be.
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// It is none.
    #[error("is no URL")]
    NoUrl,
    /// Bodies and signatures would be read on the way.
    #[error("doesn't begin with https://")]
    NotHttps,
    /// They would be kept and shown where nobody takes care of secrets.
    #[error("has a user or a password: receivers know Pulse by the signature")]
    Credentials,
    /// It is never sent.
    #[error("has a fragment, #, which no request carries")]
    Fragment,
    /// It is an address within a network, or this machine's.
    #[error("leads to an address that isn't public")]
    NotPublic,
}

impl EndpointUrl {
    /// Reads a URL. Its host's spelling is the standard's then (WHATWG, "URL", host parsing): an address in octal, hexadecimal
    /// or of fewer than four numbers is what systems would make of it.
    ///
    /// # Errors
    /// When it isn't one that may be called by these rules.
    pub fn parse(text: &str, rules: AddressRules) -> Result<Self, EndpointUrlError> {
        if text.len() > LONGEST {
            return Err(EndpointUrlError::TooLong);
        }
        // The standard passes over some of these, and readers of the same text would disagree on what the host is.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(EndpointUrlError::NoUrl);
        }
        let url = Self(Url::parse(text).map_err(|_| EndpointUrlError::NoUrl)?);
        url.check(rules)?;
        Ok(url)
    }

    /// Whether it may be called by these rules: all but a name's addresses, which are looked at when they are known.
    pub(crate) fn check(&self, rules: AddressRules) -> Result<(), EndpointUrlError> {
        let url = &self.0;
        let host = url.host().ok_or(EndpointUrlError::NoUrl)?;
        let (is_loopback, is_allowed) = match host {
            Host::Domain(name) => (is_localhost(name), rules == AddressRules::AlsoLoopback || !is_localhost(name)),
            Host::Ipv4(address) => (address.is_loopback(), rules.allow(IpAddr::V4(address))),
            Host::Ipv6(address) => (address.is_loopback(), rules.allow(IpAddr::V6(address))),
        };
        let is_plain = url.scheme() == "http" && is_loopback && rules == AddressRules::AlsoLoopback;
        if url.scheme() != "https" && !is_plain {
            return Err(EndpointUrlError::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointUrlError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(EndpointUrlError::Fragment);
        }
        if url.port() == Some(0) {
            return Err(EndpointUrlError::NoUrl);
        }
        if is_allowed { Ok(()) } else { Err(EndpointUrlError::NotPublic) }
    }

    /// All of it, to be kept where the endpoint is.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn url(&self) -> Url {
        self.0.clone()
    }
}

/// RFC 6761, 6.3.
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use AddressRules::{AlsoLoopback, PublicOnly};
    use EndpointUrlError::{Credentials, Fragment, NoUrl, NotHttps, NotPublic, TooLong};

    #[test]
    fn a_url_is_kept_whole_and_shown_without_its_path() {
        let url = EndpointUrl::parse("https://Hooks.Example:8443/t0ken/x?key=t0ken", PublicOnly).unwrap();
        assert_eq!(url.expose(), "https://hooks.example:8443/t0ken/x?key=t0ken");
        assert_eq!(format!("{url} {url:?}"), "https://hooks.example EndpointUrl(https://hooks.example)");
        for good in [
            "https://93.184.216.34/",
            "https://[2606:4700::1111]:444",
            "https://bücher.example/ü",
            "https://a_b.example",
        ] {
            assert!(EndpointUrl::parse(good, PublicOnly).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_must_not_be_called_is_refused() {
        let long = format!("https://hooks.example/{}", "a".repeat(LONGEST));
        for (bad, error) in [
            ("", NoUrl),
            ("hooks.example/x", NoUrl),
            ("//hooks.example", NoUrl),
            ("https://", NoUrl),
            ("https:///", NoUrl),
            ("https://hooks.example:0/", NoUrl),
            ("https://hooks.example:65536/", NoUrl),
            (" https://hooks.example/", NoUrl),
            ("https://hooks.exa\nmple/", NoUrl),
            ("https://hooks.example/\t", NoUrl),
            ("https://hooks.example\\@other.example/", NoUrl),
            ("https://exa mple/", NoUrl),
            ("https://256.256.256.256/", NoUrl),
            ("https://[::1%25eth0]/", NoUrl),
            ("http://hooks.example/", NotHttps),
            ("http://localhost/", NotHttps),
            ("ftp://hooks.example/", NotHttps),
            ("file:///etc/passwd", NoUrl),
            ("data:text/plain,x", NoUrl),
            ("https://ada@hooks.example/", Credentials),
            ("https://:secret@hooks.example/", Credentials),
            ("https://hooks.example@127.0.0.1/", Credentials),
            ("https://hooks.example/#top", Fragment),
            (&long, TooLong),
        ] {
            assert_eq!(EndpointUrl::parse(bad, PublicOnly), Err(error), "{bad}");
        }
    }

    #[test]
    fn no_spelling_of_an_address_within_is_taken() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "0",
            "0.0.0.0",
            "127.0.0.0x1",
            "１２７.0.0.1",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "①②⑦.⓪.⓪.①",
            "10.0.0.1",
            "10.1",
            "192.168.1",
            "3232235521",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "100.100.100.200",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[::ffff:93.184.216.34]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[100::1]",
            "[5f00::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            for port in ["", ":8443"] {
                let url = format!("https://{host}{port}/");
                assert_eq!(EndpointUrl::parse(&url, PublicOnly), Err(NotPublic), "{url}");
            }
        }
    }

    #[test]
    fn the_exception_is_for_this_machine_alone() {
        for good in
            ["http://127.0.0.1:8080/x", "http://127.1/", "http://localhost:1/", "https://localhost/", "http://[::1]:9/"]
        {
            let url = EndpointUrl::parse(good, AlsoLoopback).unwrap();
            assert!(url.check(PublicOnly).is_err(), "{good}");
        }
        for bad in [
            "http://hooks.example/",
            "http://93.184.216.34/",
            "http://localhost.example/",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
        ] {
            assert_eq!(EndpointUrl::parse(bad, AlsoLoopback), Err(NotHttps), "{bad}");
        }
        for bad in ["https://0.0.0.0/", "https://10.0.0.1/", "https://169.254.169.254/", "https://[::ffff:127.0.0.1]/"]
        {
            assert_eq!(EndpointUrl::parse(bad, AlsoLoopback), Err(NotPublic), "{bad}");
        }
    }

    proptest! {
        /// Whatever number stands for an address, in whichever base, the rules are asked of that address.
        #[test]
        fn every_number_is_judged_as_the_address_that_it_is(bits in any::<u32>()) {
            let allowed = PublicOnly.allow(std::net::Ipv4Addr::from_bits(bits).into());
            for host in [format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}")] {
                let url = EndpointUrl::parse(&format!("https://{host}/"), PublicOnly);
                prop_assert_eq!(url.is_ok(), allowed, "{}", host);
            }
        }

        #[test]
        fn what_is_read_reads_again_as_the_same(text in r"https?://[a-zA-Z0-9.\-\[\]:@%/?#é]{0,40}") {
            for rules in [PublicOnly, AlsoLoopback] {
                if let Ok(url) = EndpointUrl::parse(&text, rules) {
                    prop_assert_eq!(EndpointUrl::parse(url.expose(), rules), Ok(url));
                }
            }
        }
    }
}
