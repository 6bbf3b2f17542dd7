//! A game day: the console's own pages over a simulated stack, under virtual time, with faults to throw.
//!
//! - [`Game`] is the stack with its pages. Whoever holds it says when virtual time passes: a test by itself, [`serve`] by the
//!   clock on the wall. A request takes no other virtual time than what it asks for waits for, be it paused or not.
//! - What operators do on a page happens in the simulated stack: its tick carries orders out, its ledger keeps who did what.
//! - All that is done is [recorded](Record), so that a game can be played again: the same at the same virtual moments comes to
//!   the same.

mod game;
mod host;
mod pace;
mod page;
mod record;

pub use game::{Game, GameOptions};
pub use host::serve;
pub use pace::Pace;
pub use record::{Record, RecordError, Recorded};
