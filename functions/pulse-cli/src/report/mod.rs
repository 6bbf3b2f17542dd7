//! The HTML report of a simulated month: one file, readable without a network and without scripts.

mod figures;
mod page;

pub(crate) use page::command;
pub use page::html;
