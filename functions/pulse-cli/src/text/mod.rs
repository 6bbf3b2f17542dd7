//! The words for what the domain tells: on the command line, what to do next is a command.

mod advice;
mod control;
mod preview;
mod why;

pub use advice::advised;
pub use control::{console, held};
pub use preview::preview;
pub use why::{holder, next_sentences, sentence};

use jiff::Timestamp;
use pulse_core::customer::Zone;

/// A moment as someone in `zone` reads it.
fn local(moment: Timestamp, zone: &Zone) -> String {
    let zoned = moment.to_zoned(zone.rules().clone());
    format!("{} {zone}", zoned.strftime("%Y-%m-%d %H:%M"))
}
