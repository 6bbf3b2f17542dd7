//! Trace headers: what tells that a score, a message and a mail were of one customer's month.

use std::fmt;

use jiff::Timestamp;

/// The longest header that is carried on.
const LONGEST: usize = 512;

/// An AWS X-Ray tracing header (AWS X-Ray Developer Guide, "Tracing header"). It is carried as it came, with whatever
/// it says of sampling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceHeader(String);

/// A text that is no tracing header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tracing header looks like Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")]
pub struct InvalidTraceHeader;

impl TraceHeader {
    /// Reads a header.
    ///
    /// # Errors
    /// When it names no root of the form that X-Ray gives them, or can't be one.
    pub fn parse(text: &str) -> Result<Self, InvalidTraceHeader> {
        let is_plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        let root = text.split(';').find_map(|part| part.strip_prefix("Root="));
        if is_plain && root.is_some_and(is_root) { Ok(Self(text.to_owned())) } else { Err(InvalidTraceHeader) }
    }

    /// A header for a message that came without one: always the same for the same message.
    #[must_use]
    pub fn of_message(message_id: &str, sent_at: Timestamp) -> Self {
        let second = u32::try_from(sent_at.as_second()).unwrap_or_default();
        let (left, right) = (fnv_1a(0, message_id), fnv_1a(1, message_id) >> 32);
        Self(format!("Root=1-{second:08x}-{left:016x}{right:08x}"))
    }

    /// The header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace's id: what to search for.
    #[must_use]
    pub fn root(&self) -> &str {
        self.0.split(';').find_map(|part| part.strip_prefix("Root=")).unwrap_or_default()
    }
}

impl fmt::Display for TraceHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root())
    }
}

/// Fowler-Noll-Vo, 64 bits: quick, as each message takes two, and good enough for ids that are told apart by their
/// second too.
fn fnv_1a(variant: u8, text: &str) -> u64 {
    [variant]
        .iter()
        .chain(text.as_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_root(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(parts.as_slice(), ["1", second, rest] if is_hex(second, 8) && is_hex(rest, 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_carried_as_they_came() {
        let text = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let header = TraceHeader::parse(text).unwrap();
        assert_eq!((header.as_str(), header.root()), (text, "1-5759e988-bd862e3fe1be46a994272793"));
        assert!(
            TraceHeader::parse("Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793")
                .is_ok()
        );
        for bad in [
            "",
            "Root=",
            "Root=1-5759e988-bd86",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a994272793;\r\nX: y",
        ] {
            assert_eq!(TraceHeader::parse(bad), Err(InvalidTraceHeader), "{bad}");
        }
    }

    #[test]
    fn a_message_without_a_header_has_one_that_is_always_the_same_and_no_others() {
        let at: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
        let header = TraceHeader::of_message("m-1", at);
        assert_eq!(TraceHeader::parse(header.as_str()), Ok(header.clone()));
        assert_eq!(header, TraceHeader::of_message("m-1", at));
        assert_ne!(header, TraceHeader::of_message("m-2", at));
        assert!(header.root().starts_with("1-6ae9"), "{header}");
    }
}
