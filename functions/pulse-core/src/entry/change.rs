use super::Entry;

/// A legal step from one version of an entry to the next, to be written as one conditional write,
/// or as one transaction where it opens the next month's entry too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub(super) after: Entry,
    pub(super) next: Option<Entry>,
}

impl Change {
    /// The version that the ledger must still hold for the change to be written.
    #[must_use]
    pub fn expected_version(&self) -> u64 {
        self.after.version - 1
    }

    /// The entry as it is to be.
    #[must_use]
    pub fn after(&self) -> &Entry {
        &self.after
    }

    /// Next month's entry, to be put unless it is there already.
    #[must_use]
    pub fn next(&self) -> Option<&Entry> {
        self.next.as_ref()
    }

    /// The entry as it is to be, without the rest.
    #[must_use]
    pub fn into_after(self) -> Entry {
        self.after
    }
}
