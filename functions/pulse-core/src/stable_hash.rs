//! A hash that gives the same number on every machine and in every release.

use sha2::{Digest, Sha256};

/// The first eight bytes of SHA-256 of `purpose` and `text`, as a number.
///
/// `purpose` keeps two uses of the same text (a shard, a day) from moving together.
#[must_use]
pub fn stable_hash(purpose: &str, text: &str) -> u64 {
    let digest = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(text).finalize();
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
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes_between_releases() {
        // A change here would move customers to other days and shards.
        assert_eq!(hex_digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(stable_hash("a", "bc"), 0x40bb_547d_936b_bd31);
    }

    #[test]
    fn the_purpose_is_part_of_the_hash() {
        assert_ne!(stable_hash("a", "bc"), stable_hash("ab", "c"));
    }
}
