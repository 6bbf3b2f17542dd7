//! The HTML report of a simulated month: one file, readable without a network and without scripts.

mod axis;
mod figures;
mod page;
mod plot;

pub use page::html;
