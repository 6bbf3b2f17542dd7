use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::entry::Addressee;

/// How many entries a campaign has, and a digest of whose they are, which doesn't depend on their order. All that is said of
/// a campaign adds up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Distinct customers, or items of theirs.
    pub count: u64,
    /// The sum of what each id's SHA-256 begins with: of the same number of other ids it is another.
    #[serde(with = "hex_digits")]
    pub digest: u128,
}

impl Seal {
    /// The same with one entry more.
    #[must_use]
    pub fn with(self, addressee: &Addressee) -> Self {
        let hash = Sha256::digest(addressee.to_string());
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self { count: self.count + 1, digest: self.digest.wrapping_add(u128::from_be_bytes(first)) }
    }

    /// The seal of these entries, none of which comes twice.
    #[must_use]
    pub fn of<'a>(addressees: impl IntoIterator<Item = &'a Addressee>) -> Self {
        addressees.into_iter().fold(Self::default(), Self::with)
    }
}

/// How far a campaign's entries are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedParts {
    /// Those of so many parts of its audience.
    pub parts: u32,
    /// What they are.
    #[serde(flatten)]
    pub seal: Seal,
    /// Whether that is all, though its audience has more: it was cancelled.
    #[serde(default)]
    pub is_cut_short: bool,
}

/// As text: JSON's numbers don't hold so many digits.
pub(super) mod hex_digits {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(digest: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{digest:032x}"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}
