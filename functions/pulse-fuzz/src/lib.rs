//! What strangers hand to Pulse, made up by a fuzzer.
//!
//! Each module is one target: `check` takes any bytes, and panics where a promise of the parser doesn't hold. The inputs are
//! lines of text, so that a corpus can be read. `corpus/` has what `cargo test` checks each time; `.ci/fuzz` goes on from
//! there by coverage.

pub mod answer;
pub mod endpoint;
pub mod letter;
pub mod message;
pub mod roster;
pub mod row;
pub mod webhook;

use pulse_core::failure::Cause;

/// A cause is ours to the last letter. What strangers sent could be an address or a name, so no letter of theirs is in it
/// that our own words don't have.
fn quotes_nothing(cause: &Cause) {
    let text = cause.to_string();
    assert!(text.is_ascii() && !text.contains(['@', '\r', '\n', '\0']), "a cause quotes what it was given");
    assert!(text.len() < 400, "a cause has {} bytes", text.len());
}
