use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use pulse_core::entry::Entry;

use super::settings::Record;

/// All that happened: line by line for whoever reads it, and as a digest that is the same as long as the
/// same things happen at the same moments, whatever they are called.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    lines: Option<Arc<Mutex<Vec<String>>>>,
    digest: Option<Arc<Mutex<Fnv>>>,
}

impl Trace {
    /// Keeps what is wanted.
    #[must_use]
    pub fn new(record: Record) -> Self {
        Self {
            lines: (record == Record::Lines).then(Arc::default),
            digest: (record == Record::Digest).then(Arc::default),
        }
    }

    /// Takes a line down.
    pub fn line(&self, at: Timestamp, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let line = format!("{at:.3} {}", what());
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// What was taken down.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.lines.as_ref().map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone());
        lines.unwrap_or_default()
    }

    /// Adds what happened to the digest.
    pub(super) fn event(&self, at: Timestamp, what: fmt::Arguments<'_>) {
        if let Some(digest) = &self.digest {
            let mut digest = digest.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(digest, "{} {what}", at.as_nanosecond());
        }
    }

    /// Adds an entry's transition to the digest, or that it was refused.
    pub(super) fn transition(&self, at: Timestamp, entry: &Entry, written: bool) {
        let nanos = |moment: Timestamp| moment.as_nanosecond();
        let doubt = entry.in_doubt_since().map_or(0, nanos);
        let (due, awaited) = (nanos(entry.due()), nanos(entry.awaited_since()));
        let (id, version, place) = (entry.id(), entry.version(), place_of(entry));
        self.event(at, format_args!("{id} {version} {place} {due} {awaited} {doubt} {written}"));
    }

    /// The digest so far, if one is kept.
    #[must_use]
    pub fn digest(&self) -> Option<u64> {
        self.digest.as_ref().map(|digest| digest.lock().unwrap_or_else(PoisonError::into_inner).0)
    }
}

/// Where an entry stands, in words that no change of names may touch.
fn place_of(entry: &Entry) -> &'static str {
    entry.state()
}

/// FNV-1a of 64 bits: the same on every machine and in every release.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = text.bytes().fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Ok(())
    }
}
