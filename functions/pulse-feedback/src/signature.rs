//! HMAC-SHA-256, compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Whether `code` is the HMAC-SHA-256 of the parts, one after the other, under the key. No key fits nothing.
pub(crate) fn is_hmac(key: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    let mac = parts.iter().fold(mac, hmac::Mac::chain_update);
    !key.is_empty() && mac.verify_slice(code).is_ok()
}

/// Bytes from hexadecimal digits of either case.
pub(crate) fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_code_is_the_standards() {
        let code = of_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert!(is_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"], &code));
        assert!(!is_hmac(b"Jefe", &[b"what do ya want ", b"for nothing!"], &code));
        assert!(!is_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"], &code[..31]));
        // What it would be under no key.
        let code = of_hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad").unwrap();
        assert!(!is_hmac(b"", &[], &code) && !is_hmac(b"", &[], &[]));
    }

    #[test]
    fn what_is_no_hexadecimal_is_none() {
        assert_eq!(of_hex("0aFf"), Some(vec![10, 255]));
        assert!(of_hex("0").is_none() && of_hex("0g").is_none() && of_hex("é").is_none());
    }
}
