//! Letters, written with minijinja.
//!
//! The templates are `infra/email/monthly.*`, compiled in. Their wording is English, whatever the
//! customer's locale: one language to review. Dates and numbers are in English too, as it is written where the customer
//! lives, and amounts are in the customer's own currency. To say it in other words, edit the templates;
//! `LetterView` lists what they may show.

mod letter_view;
mod localized;
mod plain;
mod renderer;
mod tables;
#[cfg(test)]
mod tests;

pub use renderer::MinijinjaRenderer;
