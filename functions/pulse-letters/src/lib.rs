//! Letters, written with minijinja in the customer's language.
//!
//! The templates are compiled in: `infra/email/frame.html` and `monthly.html` are the layout of all languages, and a folder beside
//! them has the words of one. Customers whose language has no folder are written to in English. Dates and numbers are of the letter's
//! language, as it is written in the customer's region, and amounts are in the customer's own currency. To say it in other
//! words, edit the templates; `LetterView` lists what they may show.
//!
//! A campaign's letter is an operator's text, which `campaign` puts into the same frame.

mod autolink;
mod campaign;
mod language;
mod letter_view;
mod localized;
pub mod made_up;
mod plain;
mod renderer;
mod tables;
#[cfg(test)]
mod tests;
mod zone_city;

pub use language::{FALLBACK, language_of, languages};
pub use renderer::MinijinjaRenderer;
