//! Ids of writes, to know one's own.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// Makes an id for every conditional write.
///
/// An SDK call that gets no answer is sent again. If the first attempt had been accepted, the
/// second fails on its condition, and only the id on the row tells that this was no one else's
/// write. Comparing the rest of the row would not do: two workers may claim an entry with the same
/// lease in the same instant. Ids are the numbers 0, 1, 2.. hashed under keys that the operating
/// system draws anew for every process.
#[derive(Debug, Default)]
pub(super) struct WriteIds {
    keys: RandomState,
    made: AtomicU64,
}

impl WriteIds {
    pub(super) fn next(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}", self.keys.hash_one(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_writers_never_share_an_id() {
        let (one, other) = (WriteIds::default(), WriteIds::default());
        let ids: std::collections::BTreeSet<_> = (0..1000).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(ids.len(), 2000);
    }
}
