//! A hash that gives the same number on every machine and in every release.

use sha2::{Digest, Sha256};

/// The first eight bytes of SHA-256 of `purpose` and `text`, as a number.
///
/// `purpose` keeps two uses of the same text (a shard, a day) from moving together.
#[must_use]
pub fn stable_hash(purpose: &str, text: &str) -> u64 {
    // At once, where there is room for it: by far the most calls are about ids, of which there are millions.
    let mut together = [0; 128];
    let (of_purpose, of_text) = (purpose.len(), text.len());
    let digest = if let Some(together) = together.get_mut(..of_purpose + 1 + of_text) {
        together[..of_purpose].copy_from_slice(purpose.as_bytes());
        together[of_purpose + 1..].copy_from_slice(text.as_bytes());
        Sha256::digest(together)
    } else {
        Sha256::new().chain_update(purpose).chain_update([0]).chain_update(text).finalize()
    };
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// SHA-256 of `text` in hexadecimal, for keys that must not show the text (a suppressed address).
#[must_use]
pub fn hex_digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes_between_releases() {
        // A change here would move customers to other days and shards.
        assert_eq!(hex_digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(stable_hash("a", "bc"), 0x40bb_547d_936b_bd31);
        for length in [0, 1, 125, 126, 127, 1_000] {
            let text = "x".repeat(length);
            let digest = hex_digest(&format!("a\0{text}"));
            assert_eq!(format!("{:016x}", stable_hash("a", &text)), digest[..16], "{length}");
        }
    }

    #[test]
    fn the_purpose_is_part_of_the_hash() {
        assert_ne!(stable_hash("a", "bc"), stable_hash("ab", "c"));
    }
}
